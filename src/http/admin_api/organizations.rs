//! `GET /api/v1/orgs/{org}`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{answer, json};
use crate::directory::organizations::{self, Organization};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(show_organization))]
pub struct Document;

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrganizationBody {
    id: String,
    /// Its name in URLs.
    #[schema(example = "acme")]
    slug: String,
    /// Its name as its people know it.
    name: String,
    /// Whom its people are told to ask.
    support_name: String,
    /// How to reach them.
    support_email: String,
    /// The data center of this gateway.
    #[schema(example = "us")]
    dc: String,
    /// The SCIM base URL that an identity provider is given.
    scim_base: String,
    created_at: String,
}

impl OrganizationBody {
    /// As it goes out.
    pub fn of(context: &Context, organization: &Organization) -> Self {
        Self {
            id: organization.id.to_string(),
            slug: organization.slug.to_string(),
            name: organization.name.clone(),
            support_name: organization.support_name.clone(),
            support_email: organization.support_email.to_string(),
            dc: context.config.data_center.to_string(),
            scim_base: format!("{}/scim/v2/{}", context.issuer(), organization.slug),
            created_at: organization.created_at.to_rfc3339(),
        }
    }
}

/// An organization.
#[utoipa::path(tag = "organizations", params(("org" = String, Path, description = "slug or id")),
    responses((status = 200, body = OrganizationBody), (status = 401, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[get("/orgs/{org}")]
pub async fn show_organization(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let name = path.into_inner();
        let found = context.store.read(move |tx| {
            let id = organization(tx, &op, &name)?;
            organizations::find(tx, id)?.ok_or_else(Problem::not_found)
        });
        Ok(json(StatusCode::OK, &OrganizationBody::of(&context, &found.await?)))
    })
    .await
}
