//! A SCIM client as a directory has one: what it sends, and what it expects of every refusal.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::http::client;

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A SCIM client as a directory has one.
#[derive(Clone)]
pub struct Scim {
    pub http: reqwest::Client,
    pub base: String,
    pub token: String,
}

/// A status, headers and a JSON body.
pub struct Reply {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Scim {
    pub fn new(base: &str, token: &str) -> Self {
        Self { http: client(), base: base.to_owned(), token: token.to_owned() }
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        self.with(method, path, body, &[]).await
    }

    pub async fn with(&self, method: Method, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/scim+json").body(body.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.expect("a body");
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("a JSON body") };
        Reply { status, headers, body }
    }

    /// The answer to a GET whose path goes over the wire as it stands.
    pub fn raw(&self, path: &str) -> String {
        let host = self.base.split('/').nth(2).expect("a host");
        let mut stream = TcpStream::connect(host).expect("a connection");
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
            self.token
        );
        stream.write_all(head.as_bytes()).expect("the request goes out");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    pub async fn create(&self, path: &str, body: Value) -> String {
        let reply = self.call(Method::POST, path, Some(body)).await.expect(201);
        reply["id"].as_str().expect("an id").to_owned()
    }

    pub async fn user(&self, name: &str) -> String {
        self.create("/Users", json!({ "schemas": [USER], "userName": name })).await
    }

    pub async fn group(&self, name: &str, members: &[&String]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
        self.create("/Groups", json!({ "schemas": [GROUP], "displayName": name, "members": members })).await
    }

    pub async fn patch(&self, path: &str, operations: Value) -> Reply {
        self.call(Method::PATCH, path, Some(json!({ "schemas": [PATCH], "Operations": operations }))).await
    }

    pub async fn members(&self, group: &str) -> Vec<String> {
        let body = self.call(Method::GET, &format!("/Groups/{group}"), None).await.expect(200);
        let members = body["members"].as_array().cloned().unwrap_or_default();
        let mut ids: Vec<String> = members.iter().map(|m| m["value"].as_str().expect("a value").to_owned()).collect();
        ids.sort();
        ids
    }
}

impl Reply {
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self.body
    }

    /// Every refusal is a SCIM error whose status is a string.
    pub fn refused(self, status: u16, scim_type: Option<&str>) {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        assert_eq!(self.headers["content-type"], "application/scim+json");
        assert_eq!(self.body["schemas"], json!([ERROR]));
        assert_eq!(self.body["status"], json!(status.to_string()));
        assert_eq!(self.body["scimType"].as_str(), scim_type, "{:#}", self.body);
        assert!(self.body["detail"].is_string());
    }
}
