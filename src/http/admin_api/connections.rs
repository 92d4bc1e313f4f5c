//! Connections.
//!
//! * `POST, GET /api/v1/orgs/{org}/connections`
//! * `GET, DELETE /api/v1/orgs/{org}/connections/{id}`
//! * `PUT /api/v1/orgs/{org}/connections/{id}/provider`, `.../match`, `.../options`
//! * `POST /api/v1/orgs/{org}/connections/{id}/enable`, `.../disable`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};
use utoipa::OpenApi;

use super::caller::{authenticate, organization};
use super::connection_body::{ConnectionBody, MatchBody, NewConnectionBody, ProviderBody};
use super::reply::{ListBody, PageQuery, answer, id, json, no_content, page};
use super::saml_options_body::SamlOptionsBody;
use crate::directory::connections::{self, Connection, ConnectionError, metadata, provider, saml_options};
use crate::flows::connect_identity_provider;
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::store::Tx;
use crate::values::ids::{ConnectionId, OrganizationId};
use crate::values::operation::Operation;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(
    create_connection,
    list_connections,
    show_connection,
    replace_provider,
    replace_match,
    replace_options,
    enable_connection,
    disable_connection,
    delete_connection
))]
pub struct Document;

/// Connect an identity provider: SAML by its metadata (or the URL of it), OpenID Connect by discovery.
#[utoipa::path(tag = "connections", request_body = NewConnectionBody,
    params(("org" = String, Path, description = "slug or id")),
    responses((status = 201, body = ConnectionBody), (status = 400, body = ProblemBody), (status = 409, body = ProblemBody), (status = 502, body = ProblemBody)))]
#[post("/orgs/{org}/connections")]
pub async fn create_connection(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: NewConnectionBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let provider = body.provider.parse()?;
        let (name, caller) = (path.into_inner(), op.clone());
        let organization = context.store.read(move |tx| organization(tx, &caller, &name)).await?;
        let (store, outside) = (&context.store, &context.outside);
        let quota = context.config.limits.quota;
        let created =
            connect_identity_provider::create(store, outside, &op, organization, body.name, provider, quota).await?;
        Ok(json(StatusCode::CREATED, &shown(&context, created).await?))
    })
    .await
}

/// All connections of the organization.
#[utoipa::path(tag = "connections", params(("org" = String, Path, description = "slug or id"), PageQuery),
    responses((status = 200, body = ListBody<ConnectionBody>)))]
#[get("/orgs/{org}/connections")]
pub async fn list_connections(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, page) = (path.into_inner(), page(&request)?);
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            let found = connections::page(tx, &op, organization, &page)?;
            let ids: Vec<ConnectionId> = found.items.iter().map(|connection| connection.id).collect();
            Ok::<_, Problem>((found, metadata::sources(tx, organization, &ids)?))
        });
        let (found, sources) = found.await?;
        let body = |one: Connection| {
            let source = sources.iter().find(|source| source.connection == one.id).cloned();
            ConnectionBody::of(&context, one, source)
        };
        Ok(json(StatusCode::OK, &ListBody::of(found, body)))
    })
    .await
}

/// One connection.
#[utoipa::path(tag = "connections",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ConnectionBody), (status = 404, body = ProblemBody)))]
#[get("/orgs/{org}/connections/{id}")]
pub async fn show_connection(
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
            Ok::<_, Problem>(connections::find_of(tx, &op, organization, connection)?)
        });
        Ok(json(StatusCode::OK, &shown(&context, found.await?).await?))
    })
    .await
}

/// Describe the provider anew: new metadata after a certificate roll-over, a new client secret. Identities stay, so it
/// has to be the same provider: another entity id, issuer or client is a new connection.
#[utoipa::path(tag = "connections", request_body = ProviderBody,
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ConnectionBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody), (status = 502, body = ProblemBody)))]
#[put("/orgs/{org}/connections/{id}/provider")]
pub async fn replace_provider(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: ProviderBody = request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let provider = body.parse()?;
        let (name, connection) = path.into_inner();
        let (connection, caller) = (id(&connection)?, op.clone());
        let organization = context.store.read(move |tx| organization(tx, &caller, &name)).await?;
        let (store, outside) = (&context.store, &context.outside);
        let replaced =
            connect_identity_provider::replace(store, outside, &op, organization, connection, provider).await?;
        Ok(json(StatusCode::OK, &shown(&context, replaced).await?))
    })
    .await
}

/// Say how somebody who signs in for the first time is found among the users that SCIM has pushed: by e-mail address (the
/// rule of a new connection), user name or external id. Who was found before stays linked.
#[utoipa::path(tag = "connections", request_body = MatchBody,
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ConnectionBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[put("/orgs/{org}/connections/{id}/match")]
pub async fn replace_match(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: MatchBody = request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let matching = body.parse()?;
        let (name, connection) = path.into_inner();
        let connection = id(&connection)?;
        let replaced = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(provider::replace_matching(tx, &op, organization, connection, matching.clone())?)
        });
        Ok(json(StatusCode::OK, &shown(&context, replaced.await?).await?))
    })
    .await
}

/// Say what is demanded of a SAML provider. What is left out is not demanded.
#[utoipa::path(tag = "connections", request_body = SamlOptionsBody,
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ConnectionBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[put("/orgs/{org}/connections/{id}/options")]
pub async fn replace_options(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: SamlOptionsBody = request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let options = body.parse()?;
        let (name, connection) = path.into_inner();
        let connection = id(&connection)?;
        let replaced = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(saml_options::replace(tx, &op, organization, connection, &options)?)
        });
        Ok(json(StatusCode::OK, &shown(&context, replaced.await?).await?))
    })
    .await
}

/// Let people sign in through a disabled connection again.
#[utoipa::path(tag = "connections",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ConnectionBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/orgs/{org}/connections/{id}/enable")]
pub async fn enable_connection(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    change(&context, &request, path.into_inner(), connections::enable).await
}

/// Stop sign-in through a connection, answers in flight included.
#[utoipa::path(tag = "connections",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ConnectionBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/orgs/{org}/connections/{id}/disable")]
pub async fn disable_connection(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    change(&context, &request, path.into_inner(), connections::disable).await
}

/// Remove a connection and the identities that came through it.
#[utoipa::path(tag = "connections",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 204), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[delete("/orgs/{org}/connections/{id}")]
pub async fn delete_connection(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, connection) = path.into_inner();
        let connection = id(&connection)?;
        let deleted = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(connections::delete(tx, &op, organization, connection)?)
        });
        deleted.await?;
        Ok(no_content())
    })
    .await
}

/// A connection with where its metadata comes from.
async fn shown(context: &Context, connection: Connection) -> Result<ConnectionBody, Problem> {
    let (organization, id) = (connection.organization, connection.id);
    let found = context.store.read(move |tx| metadata::sources(tx, organization, &[id])).await?;
    Ok(ConnectionBody::of(context, connection, found.into_iter().next()))
}

type Change = fn(&mut Tx<'_>, &Operation, OrganizationId, ConnectionId) -> Result<Connection, ConnectionError>;

async fn change(
    context: &web::Data<Context>,
    request: &HttpRequest,
    (name, connection): (String, String),
    change: Change,
) -> HttpResponse {
    answer(request, async {
        let op = authenticate(context, request).await?;
        let connection = id(&connection)?;
        let changed = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(change(tx, &op, organization, connection)?)
        });
        Ok(json(StatusCode::OK, &shown(context, changed.await?).await?))
    })
    .await
}
