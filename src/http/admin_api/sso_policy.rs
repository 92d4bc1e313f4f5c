//! How the people of a domain sign in, and who may without the identity provider.
//!
//! * `GET, PUT /api/v1/orgs/{org}/domains/{id}/sso-policy`
//! * `GET /api/v1/orgs/{org}/accounts/{id}/sign-in`
//! * `GET /api/v1/orgs/{org}/break-glass`, `PUT, DELETE .../break-glass/{id}`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, delete, get, put, web};
use utoipa::OpenApi;

use super::caller::{authenticate, organization};
use super::reply::{answer, id, json, no_content};
use super::sso_policy_body::{BreakGlassListBody, SignInBody, SsoPolicyBody, SsoPolicyChangeBody};
use crate::access::enforcement::readiness::Thresholds;
use crate::access::enforcement::{self, break_glass, preflight};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(
    show_sso_policy,
    change_sso_policy,
    show_sign_in,
    list_break_glass,
    add_break_glass,
    remove_break_glass
))]
pub struct Document;

fn thresholds(context: &Context) -> Thresholds {
    let settings = &context.config.sign_in;
    Thresholds { corporate: settings.corporate_percent, education: settings.education_percent }
}

/// How the people of a domain sign in, and what is missing before it may be required. Counts only, never names.
#[utoipa::path(tag = "sign-in policy",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = SsoPolicyBody), (status = 404, body = ProblemBody)))]
#[get("/orgs/{org}/domains/{id}/sso-policy")]
pub async fn show_sso_policy(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, domain) = path.into_inner();
        let (domain, thresholds) = (id(&domain)?, thresholds(&context));
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(preflight::report(tx, &op, organization, domain, thresholds)?)
        });
        Ok(json(StatusCode::OK, &SsoPolicyBody::of(&found.await?)))
    })
    .await
}

/// Change how the people of a domain sign in: off, optional, test (a group) and required follow each other; back is always
/// possible. What would lock your organization out is refused.
#[utoipa::path(tag = "sign-in policy", request_body = SsoPolicyChangeBody,
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = SsoPolicyBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
#[put("/orgs/{org}/domains/{id}/sso-policy")]
pub async fn change_sso_policy(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: SsoPolicyChangeBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let (next, typed) = body.parse()?;
        let (name, domain) = path.into_inner();
        let (domain, thresholds) = (id(&domain)?, thresholds(&context));
        let changed = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            let wanted = (next, typed.as_deref());
            Ok::<_, Problem>(preflight::change(tx, &op, organization, domain, wanted, thresholds)?)
        });
        Ok(json(StatusCode::OK, &SsoPolicyBody::of(&changed.await?)))
    })
    .await
}

/// How a member may sign in, and why.
#[utoipa::path(tag = "sign-in policy",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path, description = "id of the account")),
    responses((status = 200, body = SignInBody), (status = 404, body = ProblemBody)))]
#[get("/orgs/{org}/accounts/{id}/sign-in")]
pub async fn show_sign_in(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, account) = path.into_inner();
        let account = id(&account)?;
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(enforcement::of_member(tx, &op, organization, account)?)
        });
        let (facts, verdict) = found.await?;
        Ok(json(StatusCode::OK, &SignInBody::of(&facts, verdict)))
    })
    .await
}

/// Who may sign in by their own credentials where single sign-on is required.
#[utoipa::path(tag = "sign-in policy", params(("org" = String, Path, description = "slug or id")),
    responses((status = 200, body = BreakGlassListBody)))]
#[get("/orgs/{org}/break-glass")]
pub async fn list_break_glass(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let name = path.into_inner();
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(break_glass::all(tx, &op, organization)?)
        });
        Ok(json(StatusCode::OK, &BreakGlassListBody::of(found.await?)))
    })
    .await
}

/// Put an owner or administrator on the break-glass list. Each use is in the audit log and is mailed to all administrators.
#[utoipa::path(tag = "sign-in policy",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path, description = "id of the account")),
    responses((status = 204), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[put("/orgs/{org}/break-glass/{id}")]
pub async fn add_break_glass(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, account) = path.into_inner();
        let account = id(&account)?;
        let added = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(break_glass::add(tx, &op, organization, account)?)
        });
        added.await?;
        Ok(no_content())
    })
    .await
}

/// Take somebody off the break-glass list. Refused while fewer than two would be left for a domain that requires single
/// sign-on.
#[utoipa::path(tag = "sign-in policy",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path, description = "id of the account")),
    responses((status = 204), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[delete("/orgs/{org}/break-glass/{id}")]
pub async fn remove_break_glass(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, account) = path.into_inner();
        let account = id(&account)?;
        let removed = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(break_glass::remove(tx, &op, organization, account)?)
        });
        removed.await?;
        Ok(no_content())
    })
    .await
}
