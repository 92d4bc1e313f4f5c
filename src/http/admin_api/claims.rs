//! Attributes of users that the organization releases to applications as claims.
//!
//! * `GET, PUT /api/v1/orgs/{org}/claims`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, put, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{answer, json};
use crate::directory::released_claims::ClaimMapping;
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::protocol::oidc::scope::Scope;
use crate::provisioning::claim_mappings::{self, Wanted};

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(show_claims, replace_claims))]
pub struct Document;

/// The mappings, as one list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimsBody {
    items: Vec<ClaimBody>,
}

/// One mapping.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimBody {
    /// The claim at UserInfo.
    #[schema(example = "department")]
    claim: String,
    /// The attribute of a SCIM user, `[URN:]name[.part]`.
    #[schema(example = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department")]
    attribute: String,
    /// Which scope releases it: `profile` (when left out), `email` or `openid`.
    scope: Option<String>,
}

impl ClaimsBody {
    fn of(mappings: &[ClaimMapping]) -> Self {
        let item = |mapping: &ClaimMapping| ClaimBody {
            claim: mapping.claim.clone(),
            attribute: claim_mappings::notation(mapping),
            scope: Some(mapping.scope.as_str().to_owned()),
        };
        Self { items: mappings.iter().map(item).collect() }
    }
}

fn wanted(item: ClaimBody) -> Result<Wanted, Problem> {
    let name = item.scope.as_deref().unwrap_or("profile");
    let scope = Scope::ALL.into_iter().find(|scope| scope.as_str() == name).ok_or_else(|| {
        Problem::new(StatusCode::BAD_REQUEST, "invalid_claim", "scope is none of profile, email and openid")
    })?;
    Ok(Wanted { claim: item.claim, attribute: item.attribute, scope })
}

/// The attributes that are released as claims.
#[utoipa::path(tag = "claims", params(("org" = String, Path, description = "slug or id")),
    responses((status = 200, body = ClaimsBody)))]
#[get("/orgs/{org}/claims")]
pub async fn show_claims(context: web::Data<Context>, request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let name = path.into_inner();
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(claim_mappings::all(tx, &op, organization)?)
        });
        Ok(json(StatusCode::OK, &ClaimsBody::of(&found.await?)))
    })
    .await
}

/// Set which attributes are released as claims, as one list. Every application that a member signs in to with the scope
/// sees them at UserInfo, in the type of the attribute.
#[utoipa::path(tag = "claims", request_body = ClaimsBody, params(("org" = String, Path, description = "slug or id")),
    responses((status = 200, body = ClaimsBody), (status = 400, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[put("/orgs/{org}/claims")]
pub async fn replace_claims(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let limits = &context.config.limits;
        let body: ClaimsBody = request_body::json(&request, payload, limits.api_body_bytes).await?;
        let wanted = body.items.into_iter().map(wanted).collect::<Result<Vec<_>, _>>()?;
        let (name, quota) = (path.into_inner(), limits.quota);
        let replaced = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(claim_mappings::replace(tx, &op, organization, &wanted, &quota)?)
        });
        Ok(json(StatusCode::OK, &ClaimsBody::of(&replaced.await?)))
    })
    .await
}
