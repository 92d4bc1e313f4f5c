//! The request log of a SCIM client.
//!
//! * `GET /api/v1/orgs/{org}/scim-clients/{id}/requests`
//! * `GET /api/v1/orgs/{org}/scim-clients/{id}/requests/{request}`
//! * `POST /api/v1/orgs/{org}/scim-clients/{id}/requests/{request}/try-again`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use utoipa::OpenApi;

use super::caller::{authenticate, organization};
use super::reply::{ListBody, PageQuery, answer, id, json, page};
use super::scim_request_body::{RequestBody, RequestLineBody, RequestQuery, TriedBody, TryAgainBody, wanted};
use crate::flows::try_request_again;
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::http::scim::exchange::limits;
use crate::protocol::scim::tolerance::Profile;
use crate::provisioning::request_log;
use crate::provisioning::request_log::trial::Trial;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(list_scim_requests, show_scim_request, try_scim_request_again))]
pub struct Document;

/// What the client sent and heard in the last days, newest first, without personal data. A line with `not_recorded` says
/// how many exchanges were not recorded one by one.
#[utoipa::path(tag = "scim clients",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path), PageQuery, RequestQuery),
    responses((status = 200, body = ListBody<RequestLineBody>)))]
#[get("/orgs/{org}/scim-clients/{id}/requests")]
pub async fn list_scim_requests(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, client) = path.into_inner();
        let (client, page, wanted) = (id(&client)?, page(&request)?, wanted(&request)?);
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(request_log::page(tx, &op, organization, client, &wanted, &page)?)
        });
        Ok(json(StatusCode::OK, &ListBody::of(found.await?, RequestLineBody::of)))
    })
    .await
}

/// One exchange, whole: request and answer without personal data, and what was understood otherwise than it was written.
#[utoipa::path(tag = "scim clients",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path), ("request" = String, Path)),
    responses((status = 200, body = RequestBody), (status = 404, body = ProblemBody)))]
#[get("/orgs/{org}/scim-clients/{id}/requests/{request}")]
pub async fn show_scim_request(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, client, exchange) = path.into_inner();
        let (client, exchange) = (id(&client)?, id(&exchange)?);
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(request_log::find(tx, &op, organization, client, exchange)?)
        });
        Ok(json(StatusCode::OK, &RequestBody::of(found.await?)))
    })
    .await
}

/// What would become of the request today, as a dry run: it is done against today's state, in a transaction that is rolled
/// back, with the client's profile or with another one. Of a search only its filter is read.
#[utoipa::path(tag = "scim clients", request_body = TryAgainBody,
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path), ("request" = String, Path)),
    responses((status = 200, body = TriedBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/orgs/{org}/scim-clients/{id}/requests/{request}/try-again")]
pub async fn try_scim_request_again(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String, String)>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: TryAgainBody = request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let unknown = || Problem::new(StatusCode::BAD_REQUEST, "invalid_profile", "there is no such profile");
        let profile = body.profile.map(|name| Profile::parse(&name).ok_or_else(unknown)).transpose()?;
        let (name, client, exchange) = path.into_inner();
        let (client, exchange) = (id(&client)?, id(&exchange)?);
        let reader = op.clone();
        let found = context.store.read(move |tx| Ok::<_, Problem>(organization(tx, &reader, &name)?));
        let limits = limits(&context.config.limits);
        let trial = Trial { organization: found.await?, client, request: exchange, profile, limits };
        let sealer = context.outside.sealer.clone();
        let tried = try_request_again::run(&context.store, sealer, op, trial).await?;
        Ok(json(StatusCode::OK, &TriedBody::of(tried)))
    })
    .await
}
