//! Credentials of SCIM clients.
//!
//! * `POST, GET /api/v1/orgs/{org}/scim-clients/{id}/credentials`
//! * `DELETE /api/v1/orgs/{org}/scim-clients/{id}/credentials/{credential}`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use utoipa::OpenApi;

use super::caller::{authenticate, organization};
use super::reply::{answer, id, json, no_content};
use super::scim_credential_body::{NewScimCredentialBody, ScimCredentialBody, ScimCredentialListBody};
use crate::flows::add_scim_credential;
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::provisioning::clients::credentials;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(create_scim_credential, list_scim_credentials, revoke_scim_credential))]
pub struct Document;

/// Create a credential. Several live at once, so that one can be replaced without an outage. A token or secret is shown
/// in this answer and never again.
#[utoipa::path(tag = "scim clients", request_body = NewScimCredentialBody,
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 201, body = ScimCredentialBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 502, body = ProblemBody)))]
#[post("/orgs/{org}/scim-clients/{id}/credentials")]
pub async fn create_scim_credential(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: NewScimCredentialBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let new = body.parse()?;
        let (name, client) = path.into_inner();
        let (client, caller, quota) = (id(&client)?, op.clone(), context.config.limits.quota);
        let organization = context.store.read(move |tx| organization(tx, &caller, &name)).await?;
        let (store, keys) = (&context.store, &context.outside.client_keys);
        let created = add_scim_credential::run(store, keys, &op, organization, client, new, quota).await?;
        let (credential, secret) = created;
        Ok(json(StatusCode::CREATED, &ScimCredentialBody::of(&context, client, credential).with_secret(secret)))
    })
    .await
}

/// All credentials of a client, revoked ones included.
#[utoipa::path(tag = "scim clients",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ScimCredentialListBody), (status = 404, body = ProblemBody)))]
#[get("/orgs/{org}/scim-clients/{id}/credentials")]
pub async fn list_scim_credentials(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, client) = path.into_inner();
        let client = id(&client)?;
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(credentials::list(tx, &op, organization, client)?)
        });
        Ok(json(StatusCode::OK, &ScimCredentialListBody::of(&context, client, found.await?)))
    })
    .await
}

/// Revoke a credential. It opens nothing from now on, nor do the access tokens that were given for it.
#[utoipa::path(tag = "scim clients",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path), ("credential" = String, Path)),
    responses((status = 204), (status = 404, body = ProblemBody)))]
#[delete("/orgs/{org}/scim-clients/{id}/credentials/{credential}")]
pub async fn revoke_scim_credential(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, client, credential) = path.into_inner();
        let (client, credential) = (id(&client)?, id(&credential)?);
        let revoked = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(credentials::revoke(tx, &op, organization, client, credential)?)
        });
        revoked.await?;
        Ok(no_content())
    })
    .await
}
