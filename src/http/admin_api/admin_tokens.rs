//! Admin tokens.
//!
//! * `POST, GET /api/v1/orgs/{org}/admin-tokens`
//! * `DELETE /api/v1/orgs/{org}/admin-tokens/{id}`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{ListBody, PageQuery, answer, id, json, no_content, page};
use crate::directory::admin_tokens::{self, AdminToken, NewToken};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::values::operation::Role;

const DEFAULT_TTL_SECONDS: i64 = 90 * 24 * 3600;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(create_admin_token, list_admin_tokens, revoke_admin_token))]
pub struct Document;

/// A token to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAdminTokenBody {
    /// A name that tells tokens apart.
    name: String,
    /// `owner`, `admin`, `user_admin`, `app_admin` or `auditor`.
    #[schema(example = "admin")]
    role: String,
    /// How long it lives, 1 second to 366 days; 90 days when left out. It ends with the token that makes it at the latest.
    ttl_seconds: Option<i64>,
}

/// A token, without itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminTokenBody {
    id: String,
    name: String,
    role: &'static str,
    created_at: String,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    /// The token itself; only in the answer that creates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl AdminTokenBody {
    fn of(token: AdminToken) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            role: token.role.as_str(),
            created_at: token.created_at.to_rfc3339(),
            expires_at: token.expires_at.to_rfc3339(),
            last_used_at: token.last_used_at.map(|at| at.to_rfc3339()),
            revoked_at: token.revoked_at.map(|at| at.to_rfc3339()),
            token: None,
        }
    }
}

/// Create a token. It is shown in this answer and never again. One that an administrator makes belongs to the same account as
/// theirs, and ends with it.
#[utoipa::path(tag = "admin tokens", request_body = NewAdminTokenBody,
    params(("org" = String, Path, description = "slug or id")),
    responses((status = 201, body = AdminTokenBody), (status = 400, body = ProblemBody), (status = 409, body = ProblemBody), (status = 403, body = ProblemBody)))]
#[post("/orgs/{org}/admin-tokens")]
pub async fn create_admin_token(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: NewAdminTokenBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let unknown = || Problem::new(StatusCode::BAD_REQUEST, "role_not_givable", "this role cannot be given");
        let new = NewToken {
            name: body.name,
            role: Role::parse(&body.role).ok_or_else(unknown)?,
            ttl_seconds: body.ttl_seconds.unwrap_or(DEFAULT_TTL_SECONDS),
            account: None,
        };
        let (name, quota) = (path.into_inner(), context.config.limits.quota);
        let created = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(admin_tokens::create(tx, &op, organization, &new, &quota)?)
        });
        let (token, secret) = created.await?;
        let body = AdminTokenBody { token: Some(secret.expose().to_owned()), ..AdminTokenBody::of(token) };
        Ok(json(StatusCode::CREATED, &body))
    })
    .await
}

/// All tokens of the organization, revoked ones included.
#[utoipa::path(tag = "admin tokens", params(("org" = String, Path, description = "slug or id"), PageQuery),
    responses((status = 200, body = ListBody<AdminTokenBody>)))]
#[get("/orgs/{org}/admin-tokens")]
pub async fn list_admin_tokens(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, page) = (path.into_inner(), page(&request)?);
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(admin_tokens::page(tx, &op, organization, &page)?)
        });
        Ok(json(StatusCode::OK, &ListBody::of(found.await?, AdminTokenBody::of)))
    })
    .await
}

/// Revoke a token. It opens nothing from now on.
#[utoipa::path(tag = "admin tokens",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 204), (status = 404, body = ProblemBody)))]
#[delete("/orgs/{org}/admin-tokens/{id}")]
pub async fn revoke_admin_token(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, token) = path.into_inner();
        let token = id(&token)?;
        let revoked = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(admin_tokens::revoke(tx, &op, organization, token)?)
        });
        revoked.await?;
        Ok(no_content())
    })
    .await
}
