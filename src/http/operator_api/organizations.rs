//! Organizations, for the operator.
//!
//! * `POST, GET /api/v1/operator/orgs`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::directory::admin_tokens::{self, NewToken};
use crate::directory::organizations::{self, NewOrganization};
use crate::http::admin_api::caller::authenticate;
use crate::http::admin_api::organizations::OrganizationBody;
use crate::http::admin_api::reply::{ListBody, PageQuery, answer, json, page};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::values::operation::Role;

const OWNER_TOKEN_TTL_SECONDS: i64 = 90 * 24 * 3600;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(create_organization, list_organizations))]
pub struct Document;

/// An organization to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganizationBody {
    /// Its name in URLs: 2 to 63 lower-case letters, digits or hyphens.
    #[schema(example = "acme")]
    slug: String,
    /// Its name as its people know it.
    #[schema(example = "Acme")]
    name: String,
    /// The address of its first owner.
    #[schema(example = "owner@acme.test")]
    owner_email: String,
    /// Whom its people are told to ask; "NAME support" when left out.
    support_name: Option<String>,
    /// How to reach them; the owner's address when left out.
    support_email: Option<String>,
}

/// An organization that was created, with a token of its owner.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedOrganizationBody {
    #[serde(flatten)]
    organization: OrganizationBody,
    /// An admin token with the role `owner`; it is shown in this answer and never again.
    admin_token: String,
}

impl NewOrganizationBody {
    fn parse(self) -> Result<NewOrganization, Problem> {
        let invalid = |code, detail: String| Problem::new(StatusCode::BAD_REQUEST, code, detail);
        let email =
            |text: String| text.parse().map_err(|_| invalid("invalid_email", format!("{text:?} is no address")));
        Ok(NewOrganization {
            slug: self.slug.parse().map_err(|error| invalid("invalid_slug", format!("{error}")))?,
            name: self.name,
            support_name: self.support_name,
            support_email: self.support_email.map(email).transpose()?,
            owner: email(self.owner_email)?,
        })
    }
}

/// Create an organization with its first owner.
#[utoipa::path(tag = "operator", request_body = NewOrganizationBody,
    responses((status = 201, body = CreatedOrganizationBody), (status = 400, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/operator/orgs")]
pub async fn create_organization(
    context: web::Data<Context>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: NewOrganizationBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let (new, quota) = (body.parse()?, context.config.limits.quota);
        let created = context.store.write(move |tx| {
            let (organization, owner) = organizations::create(tx, &op, &new)?;
            let token = NewToken {
                name: "first owner".to_owned(),
                role: Role::Owner,
                ttl_seconds: OWNER_TOKEN_TTL_SECONDS,
                account: Some(owner),
            };
            let (_, secret) = admin_tokens::create(tx, &op, organization.id, &token, &quota)?;
            Ok::<_, Problem>((organization, secret))
        });
        let (organization, secret) = created.await?;
        let organization = OrganizationBody::of(&context, &organization);
        let body = CreatedOrganizationBody { organization, admin_token: secret.expose().to_owned() };
        Ok(json(StatusCode::CREATED, &body))
    })
    .await
}

/// All organizations.
#[utoipa::path(tag = "operator", params(PageQuery), responses((status = 200, body = ListBody<OrganizationBody>)))]
#[get("/operator/orgs")]
pub async fn list_organizations(context: web::Data<Context>, request: HttpRequest) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let page = page(&request)?;
        let found = context.store.read(move |tx| Ok::<_, Problem>(organizations::page(tx, &op, &page)?)).await?;
        Ok(json(StatusCode::OK, &ListBody::of(found, |one| OrganizationBody::of(&context, &one))))
    })
    .await
}
