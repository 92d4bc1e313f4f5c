//! Which of several connections is offered first, and whom each lets through.
//!
//! * `GET, PUT /api/v1/orgs/{org}/connections/{id}/route`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, put, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{answer, id, json};
use crate::directory::connection_route::{self, ConnectionRoute, RouteError};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::values::ids::ResourceId;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(show_connection_route, set_connection_route))]
pub struct Document;

/// The place of a connection among several, and whom it lets through.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionRouteBody {
    /// Lower is offered first; 0 when nothing was set.
    priority: i32,
    /// Only members of these groups, when there are any: ids of groups that your directory has pushed.
    #[serde(default)]
    only_groups: Vec<String>,
    /// Nobody of these groups.
    #[serde(default)]
    except_groups: Vec<String>,
}

impl ConnectionRouteBody {
    fn of(route: &ConnectionRoute) -> Self {
        let texts = |groups: &[ResourceId]| groups.iter().map(ToString::to_string).collect();
        Self {
            priority: route.priority,
            only_groups: texts(&route.only_groups),
            except_groups: texts(&route.except_groups),
        }
    }

    fn parse(&self) -> Result<ConnectionRoute, Problem> {
        let ids = |texts: &[String]| {
            let parsed: Result<Vec<ResourceId>, _> = texts.iter().map(|text| text.parse()).collect();
            parsed.map_err(|_| Problem::from(RouteError::InvalidGroups))
        };
        Ok(ConnectionRoute {
            priority: self.priority,
            only_groups: ids(&self.only_groups)?,
            except_groups: ids(&self.except_groups)?,
        })
    }
}

/// Where a connection stands among several, and whom it lets through.
#[utoipa::path(tag = "connections",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ConnectionRouteBody), (status = 404, body = ProblemBody)))]
#[get("/orgs/{org}/connections/{id}/route")]
pub async fn show_connection_route(
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
            Ok::<_, Problem>(connection_route::find(tx, &op, organization, connection)?)
        });
        Ok(json(StatusCode::OK, &ConnectionRouteBody::of(&found.await?)))
    })
    .await
}

/// Say where a connection stands among several, and whom it lets through. Everybody of a domain is offered the same ways;
/// groups are asked once the person is known.
#[utoipa::path(tag = "connections", request_body = ConnectionRouteBody,
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ConnectionRouteBody), (status = 400, body = ProblemBody),
        (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[put("/orgs/{org}/connections/{id}/route")]
pub async fn set_connection_route(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: ConnectionRouteBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let route = body.parse()?;
        let (name, connection) = path.into_inner();
        let connection = id(&connection)?;
        let set = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(connection_route::set(tx, &op, organization, connection, &route)?)
        });
        set.await?;
        Ok(json(StatusCode::OK, &body))
    })
    .await
}
