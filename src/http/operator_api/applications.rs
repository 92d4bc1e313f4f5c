//! Applications that the operator offers to the people of every organization.
//!
//! * `POST, GET /api/v1/operator/applications`
//! * `GET, PUT, DELETE /api/v1/operator/applications/{id}`
//! * `POST /api/v1/operator/applications/{id}/secret`

use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};
use utoipa::OpenApi;

use crate::http::admin_api::application_body::{ApplicationBody, NewApplicationBody, SecretBody};
use crate::http::admin_api::application_calls;
use crate::http::admin_api::reply::{ListBody, PageQuery, answer};
use crate::http::context::Context;
use crate::http::problem::ProblemBody;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(
    operator_register_application,
    operator_list_applications,
    operator_show_application,
    operator_update_application,
    operator_rotate_application_secret,
    operator_delete_application
))]
pub struct Document;

/// Register an application for the people of every organization. The secret of a confidential one is shown in this answer and never again.
#[utoipa::path(tag = "operator", request_body = NewApplicationBody,
    responses((status = 201, body = ApplicationBody), (status = 400, body = ProblemBody)))]
#[post("/operator/applications")]
pub async fn operator_register_application(
    context: web::Data<Context>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, application_calls::register(&context, &request, None, payload)).await
}

/// All applications for the people of every organization.
#[utoipa::path(tag = "operator", params(PageQuery), responses((status = 200, body = ListBody<ApplicationBody>)))]
#[get("/operator/applications")]
pub async fn operator_list_applications(context: web::Data<Context>, request: HttpRequest) -> HttpResponse {
    answer(&request, application_calls::list(&context, &request, None)).await
}

/// One application.
#[utoipa::path(tag = "operator", params(("id" = String, Path)),
    responses((status = 200, body = ApplicationBody), (status = 404, body = ProblemBody)))]
#[get("/operator/applications/{id}")]
pub async fn operator_show_application(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    let application = path.into_inner();
    answer(&request, application_calls::show(&context, &request, None, &application)).await
}

/// Write name, algorithm and URIs of an application anew.
#[utoipa::path(tag = "operator", request_body = NewApplicationBody, params(("id" = String, Path)),
    responses((status = 200, body = ApplicationBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[put("/operator/applications/{id}")]
pub async fn operator_update_application(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    let application = path.into_inner();
    answer(&request, application_calls::update(&context, &request, None, &application, payload)).await
}

/// Give a confidential application a new secret. The old one is dead at once.
#[utoipa::path(tag = "operator", params(("id" = String, Path)),
    responses((status = 200, body = SecretBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[post("/operator/applications/{id}/secret")]
pub async fn operator_rotate_application_secret(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    let application = path.into_inner();
    answer(&request, application_calls::rotate_secret(&context, &request, None, &application)).await
}

/// Remove an application. Everything that was granted to it ends.
#[utoipa::path(tag = "operator", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ProblemBody)))]
#[delete("/operator/applications/{id}")]
pub async fn operator_delete_application(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    let application = path.into_inner();
    answer(&request, application_calls::delete(&context, &request, None, &application)).await
}
