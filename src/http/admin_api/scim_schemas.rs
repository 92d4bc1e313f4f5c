//! Schemas that an organization brings along for its SCIM users and groups.
//!
//! * `POST, GET /api/v1/orgs/{org}/scim-schemas`
//! * `GET, PUT, DELETE /api/v1/orgs/{org}/scim-schemas/{id}`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json as value};
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{ListBody, PageQuery, answer, id, json, page, query};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::provisioning::resource;
use crate::provisioning::schemas::registry::{self, OwnSchema, Values, Wanted};
use crate::store::resources::ResourceKind;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(register_scim_schema, list_scim_schemas, show_scim_schema, replace_scim_schema, delete_scim_schema))]
pub struct Document;

/// A schema to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewScimSchemaBody {
    /// `User` or `Group`.
    #[schema(example = "User")]
    resource_type: String,
    /// Whether each new resource must have it; false when left out.
    #[serde(default)]
    required: bool,
    /// The schema as RFC 7643, section 7, writes it: `id` (its URN), `name`, `description`, `attributes`.
    #[schema(value_type = Object)]
    schema: Map<String, Value>,
}

/// The new form of a schema.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScimSchemaChangeBody {
    /// Whether each resource must have it.
    #[serde(default)]
    required: bool,
    /// The schema, whole. Its URN stays.
    #[schema(value_type = Object)]
    schema: Map<String, Value>,
    /// The version that the change was made from; another one answers 409.
    version: Option<i64>,
}

/// A schema.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScimSchemaBody {
    id: String,
    /// `User` or `Group`.
    resource_type: &'static str,
    required: bool,
    /// The schema as `/Schemas` shows it.
    #[schema(value_type = Object)]
    schema: Value,
    version: i64,
    created_at: String,
    updated_at: String,
}

/// What the removal of a schema leads to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScimSchemaRemovalBody {
    /// In how many resources values are cleared, in the background; 10000 stands for at least as many.
    resources: i64,
}

/// What becomes of values whose attribute goes.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the derive reads the fields")]
pub struct ClearQuery {
    /// `true` clears the values of attributes that go. Otherwise they must have none.
    clear: Option<bool>,
}

impl ScimSchemaBody {
    fn of(own: OwnSchema) -> Self {
        let schema = own.schema;
        Self {
            id: own.id.to_string(),
            resource_type: resource::type_name(own.kind),
            required: own.is_required,
            schema: value!({
                "id": schema.id, "name": schema.name, "description": schema.description,
                "attributes": schema.attributes,
            }),
            version: own.version,
            created_at: own.created_at.to_rfc3339(),
            updated_at: own.updated_at.to_rfc3339(),
        }
    }
}

fn kind(name: &str) -> Result<ResourceKind, Problem> {
    let known = [ResourceKind::User, ResourceKind::Group].into_iter().find(|kind| resource::type_name(*kind) == name);
    known.ok_or_else(|| {
        Problem::new(StatusCode::BAD_REQUEST, "invalid_resource_type", "resource_type is neither User nor Group")
    })
}

fn values(request: &HttpRequest) -> Result<Values, Problem> {
    match query(request)?.once("clear") {
        Ok(None | Some("false")) => Ok(Values::Keep),
        Ok(Some("true")) => Ok(Values::Clear),
        _ => Err(Problem::new(StatusCode::BAD_REQUEST, "invalid_clear", "clear is neither true nor false")),
    }
}

/// Register a schema: attributes of its own that the organization's directory can push. They are validated, searchable,
/// shown in `/Schemas` to the organization's SCIM clients, and can be released to applications as claims.
#[utoipa::path(tag = "scim schemas", request_body = NewScimSchemaBody,
    params(("org" = String, Path, description = "slug or id")),
    responses((status = 201, body = ScimSchemaBody), (status = 400, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/orgs/{org}/scim-schemas")]
pub async fn register_scim_schema(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let limits = &context.config.limits;
        let body: NewScimSchemaBody = request_body::json(&request, payload, limits.api_body_bytes).await?;
        let kind = kind(&body.resource_type)?;
        let wanted = Wanted { definition: body.schema, is_required: body.required };
        let (name, quota) = (path.into_inner(), limits.quota);
        let registered = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(registry::register(tx, &op, organization, kind, &wanted, &quota)?)
        });
        Ok(json(StatusCode::CREATED, &ScimSchemaBody::of(registered.await?)))
    })
    .await
}

/// All schemas of the organization.
#[utoipa::path(tag = "scim schemas", params(("org" = String, Path, description = "slug or id"), PageQuery),
    responses((status = 200, body = ListBody<ScimSchemaBody>)))]
#[get("/orgs/{org}/scim-schemas")]
pub async fn list_scim_schemas(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, page) = (path.into_inner(), page(&request)?);
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(registry::page(tx, &op, organization, &page)?)
        });
        Ok(json(StatusCode::OK, &ListBody::of(found.await?, ScimSchemaBody::of)))
    })
    .await
}

/// One schema.
#[utoipa::path(tag = "scim schemas",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ScimSchemaBody), (status = 404, body = ProblemBody)))]
#[get("/orgs/{org}/scim-schemas/{id}")]
pub async fn show_scim_schema(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, schema) = path.into_inner();
        let schema = id(&schema)?;
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(registry::find(tx, &op, organization, schema)?)
        });
        Ok(json(StatusCode::OK, &ScimSchemaBody::of(found.await?)))
    })
    .await
}

/// Give a schema a new form. Attributes may be added at any time. One that has values keeps its type, its number of
/// values, its case and its uniqueness; it goes only with `clear=true`.
#[utoipa::path(tag = "scim schemas", request_body = ScimSchemaChangeBody,
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path), ClearQuery),
    responses((status = 200, body = ScimSchemaBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[put("/orgs/{org}/scim-schemas/{id}")]
pub async fn replace_scim_schema(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let limits = &context.config.limits;
        let body: ScimSchemaChangeBody = request_body::json(&request, payload, limits.api_body_bytes).await?;
        let values = values(&request)?;
        let wanted = Wanted { definition: body.schema, is_required: body.required };
        let (name, schema) = path.into_inner();
        let (schema, quota, version) = (id(&schema)?, limits.quota, body.version);
        let replaced = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(registry::replace(tx, &op, organization, schema, version, (&wanted, values), &quota)?)
        });
        Ok(json(StatusCode::OK, &ScimSchemaBody::of(replaced.await?)))
    })
    .await
}

/// Remove a schema. With values it goes only with `clear=true`, and they are cleared in the background.
#[utoipa::path(tag = "scim schemas",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path), ClearQuery),
    responses((status = 200, body = ScimSchemaRemovalBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[delete("/orgs/{org}/scim-schemas/{id}")]
pub async fn delete_scim_schema(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, schema) = path.into_inner();
        let (schema, values) = (id(&schema)?, values(&request)?);
        let deleted = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(registry::delete(tx, &op, organization, schema, values)?)
        });
        Ok(json(StatusCode::OK, &ScimSchemaRemovalBody { resources: deleted.await? }))
    })
    .await
}
