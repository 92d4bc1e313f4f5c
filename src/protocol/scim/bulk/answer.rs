//! What became of the operations of a bulk request, and the body that tells it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::request::{Entry, Operation};
use crate::protocol::scim::error::Refusal;
use crate::protocol::scim::json::Object;

/// The URN of the body.
pub const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

/// What the answer repeats of an operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The method as it was written.
    pub method: Option<String>,
    /// The client's name for the operation.
    pub bulk_id: Option<String>,
    /// The path of the resource below the base URI, when the operation names it by its id or has created it.
    pub path: Option<String>,
}

/// What became of one operation. It is stored for requests that are answered later, so it names no base URI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which operation it was.
    pub head: Head,
    /// The entity tag of the resource.
    pub version: Option<String>,
    /// How it went.
    pub verdict: Verdict,
}

/// How an operation went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was done: the status.
    Done(u16),
    /// It was refused, or it failed.
    Refused(Refusal),
}

impl Head {
    /// The head of an operation that was not done yet.
    pub fn of(entry: &Entry) -> Self {
        let path = entry.operation.as_ref().ok().and_then(Operation::path);
        Self { method: entry.method.clone(), bulk_id: entry.bulk_id.clone(), path }
    }
}

impl Outcome {
    /// An operation that was not done.
    pub fn refused(head: Head, refusal: Refusal) -> Self {
        Self { head, version: None, verdict: Verdict::Refused(refusal) }
    }

    /// True when it counts for `failOnErrors`.
    pub const fn is_error(&self) -> bool {
        matches!(self.verdict, Verdict::Refused(_))
    }

    /// The operation in the answer. `base` stands before the path.
    pub fn body(&self, base: &str) -> Value {
        let mut body = Object::new();
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), value.into());
            }
        };
        put("location", self.head.path.as_ref().map(|path| format!("{base}{path}")));
        put("method", self.head.method.clone());
        put("bulkId", self.head.bulk_id.clone());
        put("version", self.version.clone());
        match &self.verdict {
            Verdict::Done(status) => put("status", Some(status.to_string())),
            Verdict::Refused(refusal) => {
                put("status", Some(refusal.status.to_string()));
                body.insert("response".to_owned(), refusal.body());
            }
        }
        Value::Object(body)
    }
}

/// The whole answer, in the order of the request.
pub fn body(base: &str, outcomes: &[Outcome]) -> Value {
    let operations: Vec<Value> = outcomes.iter().map(|outcome| outcome.body(base)).collect();
    json!({ "schemas": [SCHEMA], "Operations": operations })
}
