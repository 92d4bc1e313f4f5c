//! SCIM clients. Their credentials are in `scim_credentials`.
//!
//! * `POST, GET /api/v1/orgs/{org}/scim-clients`
//! * `GET, PATCH, DELETE /api/v1/orgs/{org}/scim-clients/{id}`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{ListBody, PageQuery, answer, id, json, no_content, page};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::protocol::scim::tolerance::Profile;
use crate::provisioning::clients::{self, ScimClient, ScimClientChange};
use crate::provisioning::request_log::level::Level;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(create_scim_client, list_scim_clients, show_scim_client, update_scim_client, delete_scim_client))]
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

/// What to change of a client.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScimClientChangeBody {
    /// A name that tells clients apart.
    name: Option<String>,
    /// How its requests are read.
    profile: Option<String>,
    /// How much of its requests is kept in the request log: `off`, `refusals`, `changes` (and refusals) or `all`.
    request_log: Option<String>,
}

/// A client.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScimClientBody {
    id: String,
    name: String,
    profile: &'static str,
    /// How much of its requests is kept.
    request_log: &'static str,
    created_at: String,
}

impl ScimClientBody {
    fn of(client: ScimClient) -> Self {
        Self {
            id: client.id.to_string(),
            name: client.name,
            profile: client.profile.as_str(),
            request_log: client.log_level.as_str(),
            created_at: client.created_at.to_rfc3339(),
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
        let profile = profile(body.profile.as_deref().unwrap_or("standard"))?;
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

/// Change a client's name, profile or request log; what is left out stays. The next request is read with the new profile.
#[utoipa::path(tag = "scim clients", request_body = ScimClientChangeBody,
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ScimClientBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[patch("/orgs/{org}/scim-clients/{id}")]
pub async fn update_scim_client(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: ScimClientChangeBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let profile = body.profile.as_deref().map(profile).transpose()?;
        let unknown = || Problem::new(StatusCode::BAD_REQUEST, "invalid_request_log", "there is no such level");
        let log_level = body.request_log.map(|name| Level::parse(&name).ok_or_else(unknown)).transpose()?;
        let change = ScimClientChange { name: body.name, profile, log_level };
        let (name, client) = path.into_inner();
        let client = id(&client)?;
        let updated = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(clients::update(tx, &op, organization, client, &change)?)
        });
        Ok(json(StatusCode::OK, &ScimClientBody::of(updated.await?)))
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

fn profile(name: &str) -> Result<Profile, Problem> {
    let unknown = || Problem::new(StatusCode::BAD_REQUEST, "invalid_profile", "there is no such profile");
    Profile::parse(name).ok_or_else(unknown)
}
