//! What happened in attempts to sign in through the organization's connections.
//!
//! * `GET /api/v1/orgs/{org}/traces`
//! * `GET /api/v1/orgs/{org}/traces/{id}`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{ListBody, PageQuery, answer, id, json, page, query};
use crate::access::traces::{self, Outcome, Trace};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::store::traces::Wanted;
use crate::values::clock::Timestamp;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(list_traces, show_trace))]
pub struct Document;

/// Which traces are looked for, for the document; [`wanted`] reads it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the derive reads the fields")]
pub struct TraceQuery {
    /// The id of a connection.
    connection: Option<String>,
    /// How far it came: `sent`, `identified`, `signed_in` or `refused`.
    outcome: Option<String>,
    /// Not begun before this instant (RFC 3339).
    since: Option<String>,
    /// Begun before this instant (RFC 3339).
    until: Option<String>,
}

/// What happened in an attempt to sign in through a connection.
#[derive(Debug, Serialize, ToSchema)]
pub struct TraceBody {
    id: String,
    connection: String,
    /// The attempt; absent where an answer came that no attempt waited for, of which one an hour is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<String>,
    /// `sent`: no answer has come. `identified`: the provider answered, and the browser has not come back with it.
    /// `signed_in`. `refused`.
    outcome: String,
    /// Why the person was not let in; see `docs/errors.md`.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    updated_at: String,
    /// The steps in their order, each with its name (`step`), its instant (`at`) and what belongs to it. Names and addresses
    /// are masked.
    steps: Vec<Value>,
}

impl TraceBody {
    fn of(trace: Trace) -> Self {
        Self {
            id: trace.id.to_string(),
            connection: trace.connection.to_string(),
            attempt: trace.attempt.map(|attempt| attempt.to_string()),
            outcome: trace.outcome,
            code: trace.code,
            updated_at: trace.updated_at.to_rfc3339(),
            steps: trace.steps,
        }
    }
}

fn wanted(request: &HttpRequest) -> Result<Wanted, Problem> {
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
    let connection = one("connection")?.map(str::parse).transpose().map_err(|_| invalid("connection"))?;
    let outcome = match one("outcome")? {
        Some(name) => Some(Outcome::parse(name).ok_or_else(|| invalid("outcome"))?.as_str()),
        None => None,
    };
    Ok(Wanted { connection, outcome, since: instant("since")?, until: instant("until")? })
}

/// What happened in attempts to sign in through your connections in the last days, newest first, step by step.
#[utoipa::path(tag = "traces", params(("org" = String, Path, description = "slug or id"), PageQuery, TraceQuery),
    responses((status = 200, body = ListBody<TraceBody>)))]
#[get("/orgs/{org}/traces")]
pub async fn list_traces(context: web::Data<Context>, request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, page, wanted) = (path.into_inner(), page(&request)?, wanted(&request)?);
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(traces::page(tx, &op, organization, &wanted, &page)?)
        });
        Ok(json(StatusCode::OK, &ListBody::of(found.await?, TraceBody::of)))
    })
    .await
}

/// One attempt.
#[utoipa::path(tag = "traces",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = TraceBody), (status = 404, body = ProblemBody)))]
#[get("/orgs/{org}/traces/{id}")]
pub async fn show_trace(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, trace) = path.into_inner();
        let trace = id(&trace)?;
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(traces::find(tx, &op, organization, trace)?)
        });
        Ok(json(StatusCode::OK, &TraceBody::of(found.await?)))
    })
    .await
}
