//! The brake on mass removals by SCIM clients, and the decision about those that wait.
//!
//! * `GET /api/v1/orgs/{org}/removals`
//! * `PUT /api/v1/orgs/{org}/removals/limit`
//! * `POST /api/v1/orgs/{org}/removals/confirm`, `.../reject`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, put, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{answer, json};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::provisioning::brake::{self, Brake, BrakeError};
use crate::store::Tx;
use crate::telemetry::metrics;
use crate::values::ids::OrganizationId;
use crate::values::operation::Operation;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(show_removals, limit_removals, confirm_removals, reject_removals))]
pub struct Document;

/// How many may be removed within an hour without a question: the larger of the two.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemovalLimitBody {
    /// So many, from 1 to 1000000.
    #[schema(example = 500)]
    removals_per_hour: i64,
    /// Such a share of those who may sign in, from 0 to 100.
    #[schema(example = 20)]
    share_percent: i64,
}

/// The brake.
#[derive(Debug, Serialize, ToSchema)]
pub struct RemovalsBody {
    /// `open`, `waiting`, or for a day after a decision `confirmed` or `rejected`.
    state: &'static str,
    /// How many removals wait, or were rejected.
    waiting: i64,
    /// How many people were removed within the hour.
    removed_within_hour: i64,
    limit: RemovalLimitBody,
    /// When the list began.
    #[serde(skip_serializing_if = "Option::is_none")]
    opened_at: Option<String>,
    /// The SCIM client that asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    /// Until when the decision counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

impl RemovalsBody {
    fn of(brake: Brake) -> Self {
        Self {
            state: brake.state.as_str(),
            waiting: brake.waiting,
            removed_within_hour: brake.removed,
            limit: RemovalLimitBody { removals_per_hour: brake.removals_per_hour, share_percent: brake.share_percent },
            opened_at: brake.opened_at.map(|at| at.to_rfc3339()),
            client: brake.client.map(|client| client.to_string()),
            until: brake.until.map(|at| at.to_rfc3339()),
        }
    }
}

/// The brake on mass removals: whether removals wait for a decision, and how many.
#[utoipa::path(tag = "removals", params(("org" = String, Path, description = "slug or id")),
    responses((status = 200, body = RemovalsBody)))]
#[get("/orgs/{org}/removals")]
pub async fn show_removals(context: web::Data<Context>, request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let name = path.into_inner();
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(brake::find(tx, &op, organization)?)
        });
        Ok(json(StatusCode::OK, &RemovalsBody::of(found.await?)))
    })
    .await
}

/// Set how many people a SCIM client may remove within an hour before the rest waits.
#[utoipa::path(tag = "removals", request_body = RemovalLimitBody,
    params(("org" = String, Path, description = "slug or id")),
    responses((status = 200, body = RemovalsBody), (status = 400, body = ProblemBody)))]
#[put("/orgs/{org}/removals/limit")]
pub async fn limit_removals(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: RemovalLimitBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let name = path.into_inner();
        let set = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(brake::set_limit(tx, &op, organization, body.removals_per_hour, body.share_percent)?)
        });
        Ok(json(StatusCode::OK, &RemovalsBody::of(set.await?)))
    })
    .await
}

/// Let the removals that wait through. For a day the client may go on without a question.
#[utoipa::path(tag = "removals", params(("org" = String, Path, description = "slug or id")),
    responses((status = 200, body = RemovalsBody), (status = 409, body = ProblemBody)))]
#[post("/orgs/{org}/removals/confirm")]
pub async fn confirm_removals(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    decide(&context, &request, path.into_inner(), brake::confirm).await
}

/// Keep everybody whose removal waits. For a day the client hears no for them.
#[utoipa::path(tag = "removals", params(("org" = String, Path, description = "slug or id")),
    responses((status = 200, body = RemovalsBody), (status = 409, body = ProblemBody)))]
#[post("/orgs/{org}/removals/reject")]
pub async fn reject_removals(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    decide(&context, &request, path.into_inner(), brake::reject).await
}

async fn decide(
    context: &web::Data<Context>,
    request: &HttpRequest,
    name: String,
    decision: fn(&mut Tx<'_>, &Operation, OrganizationId) -> Result<Brake, BrakeError>,
) -> HttpResponse {
    answer(request, async {
        let op = authenticate(context, request).await?;
        let decided = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(decision(tx, &op, organization)?)
        });
        let decided = decided.await?;
        ::metrics::counter!(metrics::REMOVALS_DECIDED, "decision" => decided.state.as_str()).increment(1);
        Ok(json(StatusCode::OK, &RemovalsBody::of(decided)))
    })
    .await
}
