//! An exchange of the request log as JSON, and what a list of them is asked for.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::reply::query;
use crate::http::problem::Problem;
use crate::protocol::scim::error::ScimType;
use crate::provisioning::request_log::trial::Tried;
use crate::provisioning::request_log::{Line, Whole};
use crate::record::audit::Entry;
use crate::store::scim_exchanges::Wanted;
use crate::values::clock::Timestamp;

/// The methods that can be looked for.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// Which exchanges are looked for, for the document; [`wanted`] reads it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the derive reads the fields")]
pub struct RequestQuery {
    /// A class of statuses: `2xx`, `3xx`, `4xx` or `5xx`.
    status: Option<String>,
    /// A method, such as `PATCH`.
    method: Option<String>,
    /// Not before this instant (RFC 3339).
    since: Option<String>,
    /// Before this instant (RFC 3339).
    until: Option<String>,
    /// The id of a user or a group.
    resource: Option<String>,
}

/// One exchange, or a summary of those that were not recorded.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestLineBody {
    /// The id of the request, as in the `X-Request-Id` header of its answer and in the audit entries that it made.
    id: String,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Below the base URI of the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/Users/0198d2c0-5f0e-7c1a-8f60-2f2b6f3f8d11")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<f64>,
    /// The user or group that it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_id: Option<String>,
    /// The keyword of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    scim_type: Option<String>,
    /// What refused it: a section, a rule of the profile, a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "removal_by_value")]
    rule: Option<String>,
    /// The rules of the profile that let something pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rewrite_rules: Vec<String>,
    /// How many exchanges of the minute that began at `at` were not recorded one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_recorded: Option<NotRecordedBody>,
}

/// How many exchanges were not recorded one by one.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotRecordedBody {
    /// Successful reads beyond `request_log.reads_per_minute`.
    reads: u64,
    /// Successful changes beyond `request_log.changes_per_minute`.
    changes: u64,
    /// Refusals beyond `request_log.refusals_per_minute`.
    refusals: u64,
    /// Those for which there was no room, or which could not be stored.
    dropped: u64,
}

/// One exchange, whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestBody {
    #[serde(flatten)]
    line: RequestLineBody,
    /// The credential that was presented.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_id: Option<String>,
    /// What was understood otherwise than it was written: `rule`, `at`, `received`, `understood`.
    rewrites: Value,
    /// The body that came, without personal data; null when there was none.
    request: Value,
    /// The body that went, without personal data; null when there was none.
    response: Value,
    /// Whether the original is kept, so that it can be tried again.
    can_be_tried_again: bool,
}

impl RequestLineBody {
    /// A line as it goes out.
    pub fn of(line: Line) -> Self {
        let is_exchange = line.missed.is_none();
        let text = |text: String| (is_exchange && !text.is_empty()).then_some(text);
        #[expect(clippy::cast_precision_loss, reason = "a duration for people")]
        let milliseconds = line.duration_micros as f64 / 1_000.0;
        Self {
            id: line.id.to_string(),
            at: line.at.to_rfc3339(),
            method: text(line.method),
            path: text(line.path),
            query: text(line.query),
            status: is_exchange.then_some(line.status),
            duration_ms: is_exchange.then_some(milliseconds),
            resource_id: line.resource.map(|id| id.to_string()),
            scim_type: line.scim_type,
            rule: line.rule,
            rewrite_rules: line.rewrite_rules,
            not_recorded: line.missed.map(|missed| NotRecordedBody {
                reads: missed.reads,
                changes: missed.changes,
                refusals: missed.refusals,
                dropped: missed.dropped,
            }),
        }
    }
}

impl RequestBody {
    /// An exchange as it goes out.
    pub fn of(whole: Whole) -> Self {
        Self {
            line: RequestLineBody::of(whole.line),
            credential_id: whole.credential.map(|id| id.to_string()),
            rewrites: whole.rewrites,
            request: whole.request,
            response: whole.response,
            can_be_tried_again: whole.has_original,
        }
    }
}

/// How a request is to be tried again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TryAgainBody {
    /// The profile that it is read with; the client's own when left out.
    pub profile: Option<String>,
}

/// What would become of a request today.
#[derive(Debug, Serialize, ToSchema)]
pub struct TriedBody {
    /// The profile that it was read with.
    profile: &'static str,
    /// The status that it would be answered with.
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    scim_type: Option<&'static str>,
    /// What the client would hear.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What would refuse it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    /// The resource as it would be answered, without personal data and without members; null when there is none.
    response: Value,
    /// What would be understood otherwise than it is written.
    rewrites: Value,
    /// What would change, as the audit entries that it would leave.
    changes: Vec<WouldChangeBody>,
}

/// A change that did not happen.
#[derive(Debug, Serialize, ToSchema)]
pub struct WouldChangeBody {
    action: String,
    subject_kind: String,
    subject_id: String,
    /// The names of attributes, and how many members would come and go.
    detail: Value,
}

impl TriedBody {
    /// The outcome of a trial as it goes out.
    pub fn of(tried: Tried) -> Self {
        let change = |entry: Entry| WouldChangeBody {
            action: entry.action,
            subject_kind: entry.subject_kind,
            subject_id: entry.subject_id,
            detail: entry.detail,
        };
        Self {
            profile: tried.profile.as_str(),
            status: tried.status,
            scim_type: tried.refusal.as_ref().and_then(|refusal| refusal.scim_type).map(ScimType::as_str),
            detail: tried.refusal.map(|refusal| refusal.detail.into_owned()),
            rule: tried.rule,
            response: tried.response,
            rewrites: tried.rewrites,
            changes: tried.changes.into_iter().map(change).collect(),
        }
    }
}

/// What the query of `request` looks for.
pub fn wanted(request: &HttpRequest) -> Result<Wanted, Problem> {
    let invalid = |name: &str| {
        let detail = format!("{name} cannot be read, or comes more than once");
        Problem::new(StatusCode::BAD_REQUEST, "invalid_query", detail)
    };
    let query = query(request)?;
    let one = |name: &str| query.once(name).map_err(|_| invalid(name));
    let instant = |name: &str| match one(name)? {
        Some(text) => Timestamp::parse_rfc3339(text).map(Some).ok_or_else(|| invalid(name)),
        None => Ok(None),
    };
    let statuses = match one("status")? {
        None => None,
        Some("2xx") => Some((200, 299)),
        Some("3xx") => Some((300, 399)),
        Some("4xx") => Some((400, 499)),
        Some("5xx") => Some((500, 599)),
        Some(_) => return Err(invalid("status")),
    };
    let method = one("method")?;
    if method.is_some_and(|method| !METHODS.contains(&method)) {
        return Err(invalid("method"));
    }
    let resource = one("resource")?.map(str::parse).transpose().map_err(|_| invalid("resource"))?;
    Ok(Wanted {
        statuses,
        method: method.map(str::to_owned),
        resource,
        since: instant("since")?,
        until: instant("until")?,
    })
}
