//! Roles that groups carry.
//!
//! * `GET /api/v1/orgs/{org}/group-roles`
//! * `PUT, DELETE /api/v1/orgs/{org}/group-roles/{id}`, where `{id}` is the id of a SCIM group

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, delete, get, put, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{answer, id, json, no_content};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::provisioning::group_roles::{self, GroupRole, GroupRoleError};
use crate::values::operation::Role;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(list_group_roles, put_group_role, remove_group_role))]
pub struct Document;

/// The role of a group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGroupRoleBody {
    /// `admin`, `user_admin`, `app_admin` or `auditor`.
    #[schema(example = "user_admin")]
    role: String,
}

/// A group that carries a role.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupRoleBody {
    /// The id of the SCIM group.
    group: String,
    role: &'static str,
    created_at: String,
}

/// All groups that carry a role.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupRoleListBody {
    items: Vec<GroupRoleBody>,
}

impl GroupRoleBody {
    fn of(role: GroupRole) -> Self {
        Self { group: role.group.to_string(), role: role.role.as_str(), created_at: role.created_at.to_rfc3339() }
    }
}

/// The groups that carry a role.
#[utoipa::path(tag = "group roles", params(("org" = String, Path, description = "slug or id")),
    responses((status = 200, body = GroupRoleListBody)))]
#[get("/orgs/{org}/group-roles")]
pub async fn list_group_roles(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let name = path.into_inner();
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(group_roles::all(tx, &op, organization)?)
        });
        let items = found.await?.into_iter().map(GroupRoleBody::of).collect();
        Ok(json(StatusCode::OK, &GroupRoleListBody { items }))
    })
    .await
}

/// Let a group carry a role: its members, and those of the groups in it, have it from now on. Never owner, and never by the
/// group's name.
#[utoipa::path(tag = "group roles", request_body = NewGroupRoleBody,
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path, description = "id of the group")),
    responses((status = 200, body = GroupRoleBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody)))]
#[put("/orgs/{org}/group-roles/{id}")]
pub async fn put_group_role(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: NewGroupRoleBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let role = Role::parse(&body.role).ok_or_else(|| Problem::from(GroupRoleError::RoleNotGivable))?;
        let (name, group) = path.into_inner();
        let group = id(&group)?;
        let put = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(group_roles::put(tx, &op, organization, group, role)?)
        });
        Ok(json(StatusCode::OK, &GroupRoleBody::of(put.await?)))
    })
    .await
}

/// Take the role from a group. What a member was given by hand stays.
#[utoipa::path(tag = "group roles",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path, description = "id of the group")),
    responses((status = 204), (status = 404, body = ProblemBody)))]
#[delete("/orgs/{org}/group-roles/{id}")]
pub async fn remove_group_role(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, group) = path.into_inner();
        let group = id(&group)?;
        let removed = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(group_roles::remove(tx, &op, organization, group)?)
        });
        removed.await?;
        Ok(no_content())
    })
    .await
}
