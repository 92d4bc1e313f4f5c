//! What a connection does with people whom it has not brought before, and which of their groups carry a role.
//!
//! * `GET, PUT /api/v1/orgs/{org}/connections/{id}/policy`
//! * `GET, PUT /api/v1/orgs/{org}/connections/{id}/roles`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, put, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{answer, id, json};
use crate::directory::connection_policy::{self, ConnectionPolicy, LinkingRule, PolicyError};
use crate::directory::connection_roles::{self, ConnectionRole, ConnectionRoleError};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::values::operation::Role;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(show_connection_policy, set_connection_policy, show_connection_roles, replace_connection_roles))]
pub struct Document;

/// What a connection does with somebody new.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionPolicyBody {
    /// Whom a subject that is seen for the first time is linked to. `never`: to nobody who is there. `subject`: to the user whose user name or external id the provider names, as `match` says. `verified_address`, a new
    /// connection's rule: to the one who has the address, if the provider vouches for it and your organization has verified
    /// its domain.
    /// `ask`: to the one whom `match` leads to, after they said yes by a link that their mailbox got.
    #[schema(example = "verified_address")]
    linking: String,
    /// Whether somebody who has no account gets one as they sign in.
    provisions: bool,
    /// The role that they get with it: `member`, `auditor`, `app_admin`, `user_admin` or `admin`.
    #[schema(example = "member")]
    default_role: String,
}

/// A group at the identity provider, and the role that it carries.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionRoleBody {
    /// The name, or the id, by which the provider names the group; compared byte for byte.
    #[schema(example = "gateway-admins")]
    group: String,
    /// `admin`, `user_admin`, `app_admin` or `auditor`.
    #[schema(example = "auditor")]
    role: String,
}

/// Every group of a connection that carries a role: 200 at most.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionRoleListBody {
    items: Vec<ConnectionRoleBody>,
}

impl ConnectionPolicyBody {
    fn of(policy: ConnectionPolicy) -> Self {
        Self {
            linking: policy.linking.as_str().to_owned(),
            provisions: policy.provisions,
            default_role: policy.default_role.as_str().to_owned(),
        }
    }

    fn parse(&self) -> Result<ConnectionPolicy, Problem> {
        let unknown = || Problem::new(StatusCode::BAD_REQUEST, "invalid_policy", "there is no such linking rule");
        Ok(ConnectionPolicy {
            linking: LinkingRule::parse(&self.linking).ok_or_else(unknown)?,
            provisions: self.provisions,
            default_role: Role::parse(&self.default_role).ok_or(PolicyError::RoleNotGivable)?,
        })
    }
}

impl ConnectionRoleListBody {
    fn of(list: Vec<ConnectionRole>) -> Self {
        let body = |one: ConnectionRole| ConnectionRoleBody { group: one.group, role: one.role.as_str().to_owned() };
        Self { items: list.into_iter().map(body).collect() }
    }

    fn parse(self) -> Result<Vec<ConnectionRole>, Problem> {
        let parse = |one: ConnectionRoleBody| {
            let role = Role::parse(&one.role).ok_or(ConnectionRoleError::RoleNotGivable)?;
            Ok(ConnectionRole { group: one.group, role })
        };
        self.items.into_iter().map(parse).collect()
    }
}

/// What a connection does with people whom it has not brought before.
#[utoipa::path(tag = "connections",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ConnectionPolicyBody), (status = 404, body = ProblemBody)))]
#[get("/orgs/{org}/connections/{id}/policy")]
pub async fn show_connection_policy(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, connection) = path.into_inner();
        let connection = id(&connection)?;
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(connection_policy::find(tx, &op, organization, connection)?)
        });
        Ok(json(StatusCode::OK, &ConnectionPolicyBody::of(found.await?)))
    })
    .await
}

/// Say what a connection does with people whom it has not brought before. Who is linked already stays linked.
#[utoipa::path(tag = "connections", request_body = ConnectionPolicyBody,
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ConnectionPolicyBody), (status = 400, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[put("/orgs/{org}/connections/{id}/policy")]
pub async fn set_connection_policy(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: ConnectionPolicyBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let policy = body.parse()?;
        let (name, connection) = path.into_inner();
        let connection = id(&connection)?;
        let set = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(connection_policy::set(tx, &op, organization, connection, policy)?)
        });
        set.await?;
        Ok(json(StatusCode::OK, &body))
    })
    .await
}

/// The groups at the identity provider that carry a role.
#[utoipa::path(tag = "connections",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ConnectionRoleListBody), (status = 404, body = ProblemBody)))]
#[get("/orgs/{org}/connections/{id}/roles")]
pub async fn show_connection_roles(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, connection) = path.into_inner();
        let connection = id(&connection)?;
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(connection_roles::all(tx, &op, organization, connection)?)
        });
        Ok(json(StatusCode::OK, &ConnectionRoleListBody::of(found.await?)))
    })
    .await
}

/// Say which groups at the identity provider carry a role. Who is in one gets its role at their next sign-in, and loses it at
/// a sign-in without the group; whom a group gave a role that it no longer carries loses it now.
#[utoipa::path(tag = "connections", request_body = ConnectionRoleListBody,
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ConnectionRoleListBody), (status = 400, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
#[put("/orgs/{org}/connections/{id}/roles")]
pub async fn replace_connection_roles(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: ConnectionRoleListBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let list = body.parse()?;
        let (name, connection) = path.into_inner();
        let (connection, written) = (id(&connection)?, list.clone());
        let replaced = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(connection_roles::replace(tx, &op, organization, connection, &written)?)
        });
        replaced.await?;
        Ok(json(StatusCode::OK, &ConnectionRoleListBody::of(list)))
    })
    .await
}
