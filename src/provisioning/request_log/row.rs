//! What is stored of an exchange: its structure without personal data, and its original under seal, so that it can be
//! tried again. What holds a password cannot be stored in any form: it is taken out, or the original is not kept.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::recorded::{Recorded, Summary};
use super::redacted_rewrites;
use crate::keys::sealing::Sealer;
use crate::protocol::scim::redaction;
use crate::protocol::scim::rewrite::Rewrite;
use crate::store::scim_exchanges::ExchangeRow;
use crate::values::ids::{OrganizationId, RequestId};

/// The kind of a row that is an exchange.
pub const EXCHANGE: &str = "exchange";
/// The kind of a row that counts what was not recorded.
pub const SUMMARY: &str = "summary";

/// A request as it came, without passwords.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Original {
    /// The method.
    pub method: String,
    /// The path below the base URI of the organization.
    pub path: String,
    /// The query.
    pub query: String,
    /// `If-Match`.
    pub if_match: Option<String>,
    /// The body, when there was one.
    pub body: Option<Value>,
}

impl Original {
    /// The request of an exchange. `None` when it is longer than `most` bytes, is no JSON, or has a password where it
    /// cannot be taken out.
    fn of(recorded: &Recorded, most: usize) -> Option<Self> {
        let length = recorded.request.len().saturating_add(recorded.path.len()).saturating_add(recorded.query.len());
        if length > most || redaction::has_secret(&recorded.query) {
            return None;
        }
        let body = match recorded.request.as_slice() {
            [] => None,
            bytes => Some(redaction::without_secrets(serde_json::from_slice(bytes).ok()?)),
        };
        Some(Self {
            method: recorded.method.clone(),
            path: recorded.path.clone(),
            query: recorded.query.clone(),
            if_match: recorded.if_match.clone(),
            body,
        })
    }
}

/// What the original of an exchange is sealed for.
pub fn place(organization: OrganizationId, id: RequestId) -> String {
    format!("scim_exchanges.original/{organization}/{id}")
}

/// The row of an exchange. Each of its bodies takes `most` bytes at most.
pub fn of_exchange(recorded: &Recorded, sealer: &Sealer, most: usize) -> ExchangeRow {
    let original = Original::of(recorded, most).and_then(|original| serde_json::to_vec(&original).ok());
    let sealed = original.and_then(|text| sealer.seal(&text, &place(recorded.organization, recorded.id)).ok());
    let response = redaction::body(&recorded.response);
    let mut rules: Vec<&str> = Vec::new();
    for rewrite in &recorded.rewrites {
        if !rules.contains(&rewrite.rule.as_str()) {
            rules.push(rewrite.rule.as_str());
        }
    }
    ExchangeRow {
        id: recorded.id,
        org_id: recorded.organization,
        client_id: recorded.client,
        credential_id: Some(recorded.credential),
        kind: EXCHANGE.to_owned(),
        at: recorded.at,
        method: recorded.method.clone(),
        status: i32::from(recorded.status),
        duration_micros: recorded.duration_micros,
        resource_id: recorded.resource,
        scim_type: response.get("scimType").and_then(Value::as_str).map(str::to_owned),
        rule: recorded.rule.map(str::to_owned),
        rewrite_rules: rules.join(" "),
        path: redaction::path(&recorded.path),
        query: redaction::query(&recorded.query),
        not_recorded: None,
        rewrites: rewrites(&recorded.rewrites, most),
        request: shown(&recorded.request, &redaction::body(&recorded.request), most),
        response: shown(&recorded.response, &response, most),
        original: sealed,
    }
}

/// The row that says how much was not recorded.
pub fn of_summary(summary: &Summary, id: RequestId) -> ExchangeRow {
    ExchangeRow {
        id,
        org_id: summary.organization,
        client_id: summary.client,
        credential_id: None,
        kind: SUMMARY.to_owned(),
        at: summary.since,
        method: String::new(),
        status: 0,
        duration_micros: 0,
        resource_id: None,
        scim_type: None,
        rule: None,
        rewrite_rules: String::new(),
        path: String::new(),
        query: String::new(),
        not_recorded: serde_json::to_string(&summary.missed).ok(),
        rewrites: None,
        request: None,
        response: None,
        original: None,
    }
}

fn rewrites(rewrites: &[Rewrite], most: usize) -> Option<String> {
    if rewrites.is_empty() { None } else { Some(redaction::clipped(&redacted_rewrites(rewrites), most)) }
}

fn shown(bytes: &[u8], redacted: &Value, most: usize) -> Option<String> {
    if bytes.is_empty() { None } else { Some(redaction::clipped(redacted, most)) }
}
