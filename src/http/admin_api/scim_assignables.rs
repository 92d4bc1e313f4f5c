//! The roles and entitlements that an organization's directory can discover and assign.
//!
//! * `GET, PUT /api/v1/orgs/{org}/scim-roles`
//! * `GET, PUT /api/v1/orgs/{org}/scim-entitlements`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, put, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{answer, json};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::protocol::scim::assignable::{Assignable, AssignableKind};
use crate::provisioning::assignables::{self, Assignables};

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(show_scim_roles, replace_scim_roles, show_scim_entitlements, replace_scim_entitlements))]
pub struct Document;

/// A list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScimAssignablesBody {
    /// Whether a user may have no other values; false when left out.
    #[serde(default)]
    closed: bool,
    /// What there is.
    items: Vec<ScimAssignableBody>,
}

/// A role or an entitlement.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScimAssignableBody {
    /// The value that a user has in `roles` or `entitlements`.
    #[schema(example = "sales-manager")]
    value: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    display: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r#type: Option<String>,
    /// Whether it can be used now; true when left out.
    supported: Option<bool>,
    /// How many users the applications let have it; told to the directory, not counted here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total_assignments_permitted: Option<u32>,
}

impl ScimAssignablesBody {
    fn of(list: Assignables) -> Self {
        let item = |entry: Assignable| ScimAssignableBody {
            value: entry.value,
            display: entry.display,
            r#type: entry.r#type,
            supported: Some(entry.supported),
            total_assignments_permitted: entry.total_assignments_permitted,
        };
        Self { closed: list.is_closed, items: list.entries.into_iter().map(item).collect() }
    }

    fn wanted(self) -> Assignables {
        let entry = |item: ScimAssignableBody| Assignable {
            value: item.value,
            display: item.display,
            r#type: item.r#type,
            supported: item.supported.unwrap_or(true),
            total_assignments_permitted: item.total_assignments_permitted,
        };
        Assignables { is_closed: self.closed, entries: self.items.into_iter().map(entry).collect() }
    }
}

async fn show(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    kind: AssignableKind,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let name = path.into_inner();
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(assignables::find(tx, &op, organization, kind)?)
        });
        Ok(json(StatusCode::OK, &ScimAssignablesBody::of(found.await?)))
    })
    .await
}

async fn replace(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
    kind: AssignableKind,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let limits = &context.config.limits;
        let body: ScimAssignablesBody = request_body::json(&request, payload, limits.api_body_bytes).await?;
        let (name, quota, wanted) = (path.into_inner(), limits.quota, body.wanted());
        let replaced = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            assignables::replace(tx, &op, organization, kind, &wanted, &quota)?;
            Ok::<_, Problem>(wanted)
        });
        Ok(json(StatusCode::OK, &ScimAssignablesBody::of(replaced.await?)))
    })
    .await
}

/// The roles that the organization's directory can discover.
#[utoipa::path(tag = "scim schemas", params(("org" = String, Path, description = "slug or id")),
    responses((status = 200, body = ScimAssignablesBody)))]
#[get("/orgs/{org}/scim-roles")]
pub async fn show_scim_roles(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    show(context, request, path, AssignableKind::Role).await
}

/// Set the roles that the organization's directory can discover, as one list. A closed list refuses others.
#[utoipa::path(tag = "scim schemas", request_body = ScimAssignablesBody,
    params(("org" = String, Path, description = "slug or id")),
    responses((status = 200, body = ScimAssignablesBody), (status = 400, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[put("/orgs/{org}/scim-roles")]
pub async fn replace_scim_roles(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    replace(context, request, path, payload, AssignableKind::Role).await
}

/// The entitlements that the organization's directory can discover.
#[utoipa::path(tag = "scim schemas", params(("org" = String, Path, description = "slug or id")),
    responses((status = 200, body = ScimAssignablesBody)))]
#[get("/orgs/{org}/scim-entitlements")]
pub async fn show_scim_entitlements(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    show(context, request, path, AssignableKind::Entitlement).await
}

/// Set the entitlements that the organization's directory can discover, as one list. A closed list refuses others.
#[utoipa::path(tag = "scim schemas", request_body = ScimAssignablesBody,
    params(("org" = String, Path, description = "slug or id")),
    responses((status = 200, body = ScimAssignablesBody), (status = 400, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[put("/orgs/{org}/scim-entitlements")]
pub async fn replace_scim_entitlements(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    replace(context, request, path, payload, AssignableKind::Entitlement).await
}
