//! A credential that is revoked while a request's body trickles in writes nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::Api;
use crate::support::organization::{Organization, text};

/// A request whose body has arrived in part.
struct Trickle {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Trickle {
    fn post(url: &str, token: &str, media_type: &str, body: &Value) -> Self {
        let (host, path) = url.strip_prefix("http://").expect("a URL").split_once('/').expect("a path");
        let mut stream = TcpStream::connect(host).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let body = body.to_string().into_bytes();
        let head = format!(
            "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media_type}\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("the head is sent");
        stream.write_all(&body[..5]).expect("part of the body is sent");
        Self { stream, rest: body[5..].to_vec() }
    }

    /// The first line of the answer, once the rest is sent.
    fn finish(mut self) -> String {
        self.stream.write_all(&self.rest).expect("the rest of the body is sent");
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).expect("an answer");
        answer.lines().next().unwrap_or_default().to_owned()
    }
}

/// Waits until the one of `list` that this name or id picks was used, and answers its id.
async fn used(api: &Api, list: &str, is_it: impl Fn(&Value) -> bool) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let items = api.get(list).await.expect(200)["items"].clone();
        let found = items.as_array().expect("items").iter().find(|item| is_it(item)).cloned();
        let found = found.unwrap_or_else(|| panic!("{items:#}"));
        if found["last_used_at"].is_string() {
            return text(&found, "id");
        }
        assert!(Instant::now() < deadline, "it was not used: {found:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_revoked_while_the_body_arrives_writes_nothing() {
    for engine in Engine::ALL {
        let gateway = Gateway::start(engine, |_| {});
        let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;

        let scim = acme.scim_access().await;
        let user = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada" });
        let request = Trickle::post(&format!("{}/Users", scim.base), &scim.token, "application/scim+json", &user);
        let clients = acme.api.get("/scim-clients").await.expect(200);
        let credentials = format!("/scim-clients/{}/credentials", text(&clients["items"][0], "id"));
        let id = used(&acme.api, &credentials, |_| true).await;
        acme.api.delete(&format!("{credentials}/{id}")).await.expect(204);
        assert_eq!(request.finish(), "HTTP/1.1 401 Unauthorized");

        let new = json!({ "name": "script", "role": "admin" });
        let token = text(&acme.api.post("/admin-tokens", new).await.expect(201), "token");
        let domain = json!({ "name": "acme.test" });
        let request = Trickle::post(&format!("{}/domains", acme.api.base), &token, "application/json", &domain);
        let id = used(&acme.api, "/admin-tokens", |item| item["name"] == "script").await;
        acme.api.delete(&format!("/admin-tokens/{id}")).await.expect(204);
        assert_eq!(request.finish(), "HTTP/1.1 401 Unauthorized");

        for (table, rows) in gateway.count_rows(&["resources", "domains"]) {
            assert_eq!(rows, 0, "{table}");
        }
    }
}
