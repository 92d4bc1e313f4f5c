//! SCIM clients and their credentials.
//!
//! * `POST, GET /api/v1/orgs/{org}/scim-clients`
//! * `GET, DELETE /api/v1/orgs/{org}/scim-clients/{id}`
//! * `POST, GET /api/v1/orgs/{org}/scim-clients/{id}/credentials`
//! * `DELETE /api/v1/orgs/{org}/scim-clients/{id}/credentials/{credential}`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{ListBody, PageQuery, answer, id, json, no_content, page};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::protocol::scim::tolerance::Profile;
use crate::provisioning::clients::{self, ScimClient, ScimCredential};

const DEFAULT_TTL_SECONDS: i64 = 365 * 24 * 3600;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(
    create_scim_client,
    list_scim_clients,
    show_scim_client,
    delete_scim_client,
    create_scim_credential,
    list_scim_credentials,
    revoke_scim_credential
))]
pub struct Document;

/// A client to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewScimClientBody {
    /// A name that tells clients apart.
    #[schema(example = "Acme directory")]
    name: String,
    /// How its requests are read: `standard` or `strict`, or a product's: `entra`, `okta`, `onelogin`, `jumpcloud`, `ping`, `sailpoint`, `google` or
    /// `authentik`; `standard` when left out.
    profile: Option<String>,
}

/// A client.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScimClientBody {
    id: String,
    name: String,
    profile: &'static str,
    created_at: String,
}

/// A credential to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewScimCredentialBody {
    /// How long it lives, in seconds; a year when left out.
    ttl_seconds: Option<i64>,
}

/// A credential, without its token.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScimCredentialBody {
    id: String,
    created_at: String,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    /// The bearer token; only in the answer that creates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// All credentials of a client.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScimCredentialListBody {
    items: Vec<ScimCredentialBody>,
}

impl ScimClientBody {
    fn of(client: ScimClient) -> Self {
        Self {
            id: client.id.to_string(),
            name: client.name,
            profile: client.profile.as_str(),
            created_at: client.created_at.to_rfc3339(),
        }
    }
}

impl ScimCredentialBody {
    fn of(credential: ScimCredential) -> Self {
        Self {
            id: credential.id.to_string(),
            created_at: credential.created_at.to_rfc3339(),
            expires_at: credential.expires_at.to_rfc3339(),
            last_used_at: credential.last_used_at.map(|at| at.to_rfc3339()),
            revoked_at: credential.revoked_at.map(|at| at.to_rfc3339()),
            token: None,
        }
    }
}

/// Create a client that may provision this organization. It needs a credential before it can do anything.
#[utoipa::path(tag = "scim clients", request_body = NewScimClientBody,
    params(("org" = String, Path, description = "slug or id")),
    responses((status = 201, body = ScimClientBody), (status = 400, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/orgs/{org}/scim-clients")]
pub async fn create_scim_client(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: NewScimClientBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let unknown = || Problem::new(StatusCode::BAD_REQUEST, "invalid_profile", "there is no such profile");
        let profile = Profile::parse(body.profile.as_deref().unwrap_or("standard")).ok_or_else(unknown)?;
        let (name, quota) = (path.into_inner(), context.config.limits.quota);
        let created = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(clients::create(tx, &op, organization, &body.name, profile, &quota)?)
        });
        Ok(json(StatusCode::CREATED, &ScimClientBody::of(created.await?)))
    })
    .await
}

/// All clients of the organization.
#[utoipa::path(tag = "scim clients", params(("org" = String, Path, description = "slug or id"), PageQuery),
    responses((status = 200, body = ListBody<ScimClientBody>)))]
#[get("/orgs/{org}/scim-clients")]
pub async fn list_scim_clients(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, page) = (path.into_inner(), page(&request)?);
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(clients::page(tx, &op, organization, &page)?)
        });
        Ok(json(StatusCode::OK, &ListBody::of(found.await?, ScimClientBody::of)))
    })
    .await
}

/// One client.
#[utoipa::path(tag = "scim clients",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ScimClientBody), (status = 404, body = ProblemBody)))]
#[get("/orgs/{org}/scim-clients/{id}")]
pub async fn show_scim_client(
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
            Ok::<_, Problem>(clients::find(tx, &op, organization, client)?)
        });
        Ok(json(StatusCode::OK, &ScimClientBody::of(found.await?)))
    })
    .await
}

/// Remove a client and its credentials. The users and groups that it pushed stay.
#[utoipa::path(tag = "scim clients",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 204), (status = 404, body = ProblemBody)))]
#[delete("/orgs/{org}/scim-clients/{id}")]
pub async fn delete_scim_client(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, client) = path.into_inner();
        let client = id(&client)?;
        let deleted = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(clients::delete(tx, &op, organization, client)?)
        });
        deleted.await?;
        Ok(no_content())
    })
    .await
}

/// Create a credential. Several live at once, so that one can be replaced without an outage. The token is shown in
/// this answer and never again.
#[utoipa::path(tag = "scim clients", request_body = NewScimCredentialBody,
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 201, body = ScimCredentialBody), (status = 400, body = ProblemBody), (status = 409, body = ProblemBody), (status = 404, body = ProblemBody)))]
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
        let ttl_seconds = body.ttl_seconds.unwrap_or(DEFAULT_TTL_SECONDS);
        let (name, client) = path.into_inner();
        let (client, quota) = (id(&client)?, context.config.limits.quota);
        let created = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(clients::create_credential(tx, &op, organization, client, ttl_seconds, &quota)?)
        });
        let (credential, token) = created.await?;
        let body = ScimCredentialBody { token: Some(token.expose().to_owned()), ..ScimCredentialBody::of(credential) };
        Ok(json(StatusCode::CREATED, &body))
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
            Ok::<_, Problem>(clients::credentials(tx, &op, organization, client)?)
        });
        let items = found.await?.into_iter().map(ScimCredentialBody::of).collect();
        Ok(json(StatusCode::OK, &ScimCredentialListBody { items }))
    })
    .await
}

/// Revoke a credential. It opens nothing from now on.
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
            Ok::<_, Problem>(clients::revoke_credential(tx, &op, organization, client, credential)?)
        });
        revoked.await?;
        Ok(no_content())
    })
    .await
}
