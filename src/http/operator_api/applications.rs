//! Applications that the operator offers to the people of every organization.
//!
//! * `POST, GET /api/v1/operator/applications`
//! * `GET, DELETE /api/v1/operator/applications/{id}`
//! * `POST /api/v1/operator/applications/{id}/secret`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use utoipa::OpenApi;

use crate::directory::applications;
use crate::http::admin_api::application_body::{ApplicationBody, NewApplicationBody, SecretBody};
use crate::http::admin_api::caller::authenticate;
use crate::http::admin_api::reply::{ListBody, PageQuery, answer, id, json, no_content};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(
    operator_register_application,
    operator_list_applications,
    operator_show_application,
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
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: NewApplicationBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let new = body.parse()?;
        let registered = context.store.write(move |tx| {
            let owner = None;
            Ok::<_, Problem>(applications::register(tx, &op, owner, &new)?)
        });
        let (application, secret) = registered.await?;
        Ok(json(StatusCode::CREATED, &ApplicationBody::with_secret(application, secret)))
    })
    .await
}

/// All applications for the people of every organization.
#[utoipa::path(tag = "operator", params(PageQuery), responses((status = 200, body = ListBody<ApplicationBody>)))]
#[get("/operator/applications")]
pub async fn operator_list_applications(
    context: web::Data<Context>,
    request: HttpRequest,
    query: web::Query<PageQuery>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let page = query.request()?;
        let found = context.store.read(move |tx| {
            let owner = None;
            Ok::<_, Problem>(applications::page(tx, &op, owner, &page)?)
        });
        Ok(json(StatusCode::OK, &ListBody::of(found.await?, ApplicationBody::of)))
    })
    .await
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
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let application = path.into_inner();
        let application = id(&application)?;
        let found = context.store.read(move |tx| {
            let owner = None;
            Ok::<_, Problem>(applications::find_of(tx, &op, owner, application)?)
        });
        Ok(json(StatusCode::OK, &ApplicationBody::of(found.await?)))
    })
    .await
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
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let application = path.into_inner();
        let application = id(&application)?;
        let rotated = context.store.write(move |tx| {
            let owner = None;
            Ok::<_, Problem>(applications::rotate_secret(tx, &op, owner, application)?)
        });
        Ok(json(StatusCode::OK, &SecretBody::of(&rotated.await?)))
    })
    .await
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
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let application = path.into_inner();
        let application = id(&application)?;
        let deleted = context.store.write(move |tx| {
            let owner = None;
            Ok::<_, Problem>(applications::delete(tx, &op, owner, application)?)
        });
        deleted.await?;
        Ok(no_content())
    })
    .await
}
