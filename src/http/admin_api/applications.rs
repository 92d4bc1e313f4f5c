//! Applications of an organization: only its people can use them.
//!
//! * `POST, GET /api/v1/orgs/{org}/applications`
//! * `GET, DELETE /api/v1/orgs/{org}/applications/{id}`
//! * `POST /api/v1/orgs/{org}/applications/{id}/secret`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use utoipa::OpenApi;

use super::application_body::{ApplicationBody, NewApplicationBody, SecretBody};
use super::caller::{authenticate, organization};
use super::reply::{ListBody, PageQuery, answer, id, json, no_content};
use crate::directory::applications;
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(
    register_application,
    list_applications,
    show_application,
    rotate_application_secret,
    delete_application
))]
pub struct Document;

/// Register an application of the organization. The secret of a confidential one is shown in this answer and never again.
#[utoipa::path(tag = "applications", request_body = NewApplicationBody,
    params(("org" = String, Path, description = "slug or id")),
    responses((status = 201, body = ApplicationBody), (status = 400, body = ProblemBody)))]
#[post("/orgs/{org}/applications")]
pub async fn register_application(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: NewApplicationBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let new = body.parse()?;
        let name = path.into_inner();
        let registered = context.store.write(move |tx| {
            let owner = Some(organization(tx, &op, &name)?);
            Ok::<_, Problem>(applications::register(tx, &op, owner, &new)?)
        });
        let (application, secret) = registered.await?;
        Ok(json(StatusCode::CREATED, &ApplicationBody::with_secret(application, secret)))
    })
    .await
}

/// All applications of the organization.
#[utoipa::path(tag = "applications", params(("org" = String, Path, description = "slug or id"), PageQuery), responses((status = 200, body = ListBody<ApplicationBody>)))]
#[get("/orgs/{org}/applications")]
pub async fn list_applications(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    query: web::Query<PageQuery>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let page = query.request()?;
        let name = path.into_inner();
        let found = context.store.read(move |tx| {
            let owner = Some(organization(tx, &op, &name)?);
            Ok::<_, Problem>(applications::page(tx, &op, owner, &page)?)
        });
        Ok(json(StatusCode::OK, &ListBody::of(found.await?, ApplicationBody::of)))
    })
    .await
}

/// One application.
#[utoipa::path(tag = "applications", params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ApplicationBody), (status = 404, body = ProblemBody)))]
#[get("/orgs/{org}/applications/{id}")]
pub async fn show_application(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, application) = path.into_inner();
        let application = id(&application)?;
        let found = context.store.read(move |tx| {
            let owner = Some(organization(tx, &op, &name)?);
            Ok::<_, Problem>(applications::find_of(tx, &op, owner, application)?)
        });
        Ok(json(StatusCode::OK, &ApplicationBody::of(found.await?)))
    })
    .await
}

/// Give a confidential application a new secret. The old one is dead at once.
#[utoipa::path(tag = "applications", params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = SecretBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[post("/orgs/{org}/applications/{id}/secret")]
pub async fn rotate_application_secret(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, application) = path.into_inner();
        let application = id(&application)?;
        let rotated = context.store.write(move |tx| {
            let owner = Some(organization(tx, &op, &name)?);
            Ok::<_, Problem>(applications::rotate_secret(tx, &op, owner, application)?)
        });
        Ok(json(StatusCode::OK, &SecretBody::of(&rotated.await?)))
    })
    .await
}

/// Remove an application. Everything that was granted to it ends.
#[utoipa::path(tag = "applications", params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 204), (status = 404, body = ProblemBody)))]
#[delete("/orgs/{org}/applications/{id}")]
pub async fn delete_application(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, application) = path.into_inner();
        let application = id(&application)?;
        let deleted = context.store.write(move |tx| {
            let owner = Some(organization(tx, &op, &name)?);
            Ok::<_, Problem>(applications::delete(tx, &op, owner, application)?)
        });
        deleted.await?;
        Ok(no_content())
    })
    .await
}
