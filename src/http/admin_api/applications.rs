//! Applications of an organization: only its people can use them.
//!
//! * `POST, GET /api/v1/orgs/{org}/applications`
//! * `GET, PUT, DELETE /api/v1/orgs/{org}/applications/{id}`
//! * `POST /api/v1/orgs/{org}/applications/{id}/secret`

use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};
use utoipa::OpenApi;

use super::application_body::{ApplicationBody, NewApplicationBody, SecretBody};
use super::application_calls;
use super::reply::{ListBody, PageQuery, answer};
use crate::http::context::Context;
use crate::http::problem::ProblemBody;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(
    register_application,
    list_applications,
    show_application,
    update_application,
    rotate_application_secret,
    delete_application
))]
pub struct Document;

/// Register an application of the organization. The secret of a confidential one is shown in this answer and never again.
#[utoipa::path(tag = "applications", request_body = NewApplicationBody, params(("org" = String, Path, description = "slug or id")),
    responses((status = 201, body = ApplicationBody), (status = 400, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/orgs/{org}/applications")]
pub async fn register_application(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, application_calls::register(&context, &request, Some(path.into_inner()), payload)).await
}

/// All applications of the organization.
#[utoipa::path(tag = "applications", params(("org" = String, Path, description = "slug or id"), PageQuery), responses((status = 200, body = ListBody<ApplicationBody>)))]
#[get("/orgs/{org}/applications")]
pub async fn list_applications(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    answer(&request, application_calls::list(&context, &request, Some(path.into_inner()))).await
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
    let (org, application) = path.into_inner();
    answer(&request, application_calls::show(&context, &request, Some(org), &application)).await
}

/// Write name, algorithm and URIs of an application anew.
#[utoipa::path(tag = "applications", request_body = NewApplicationBody, params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ApplicationBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[put("/orgs/{org}/applications/{id}")]
pub async fn update_application(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> HttpResponse {
    let (org, application) = path.into_inner();
    answer(&request, application_calls::update(&context, &request, Some(org), &application, payload)).await
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
    let (org, application) = path.into_inner();
    answer(&request, application_calls::rotate_secret(&context, &request, Some(org), &application)).await
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
    let (org, application) = path.into_inner();
    answer(&request, application_calls::delete(&context, &request, Some(org), &application)).await
}
