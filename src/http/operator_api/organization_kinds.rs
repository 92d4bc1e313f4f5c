//! What kind of organization it is, which only operators say.
//!
//! * `PUT /api/v1/operator/orgs/{id}/kind`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, put, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::access::enforcement::readiness::{self, KindError, OrganizationKind};
use crate::directory::{organizations, permission};
use crate::http::admin_api::caller::authenticate;
use crate::http::admin_api::reply::{answer, id, json};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(set_organization_kind))]
pub struct Document;

/// The kind of an organization.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationKindBody {
    /// `corporate` (every organization, before something else is said) or `education`.
    #[schema(example = "education")]
    kind: String,
}

impl From<KindError> for Problem {
    fn from(error: KindError) -> Self {
        match error {
            KindError::Denied(denied) => denied.into(),
            KindError::Store(error) => error.into(),
        }
    }
}

/// Say what kind of organization it is: from which share of its domain's people on requiring single sign-on is recommended.
#[utoipa::path(tag = "operator", request_body = OrganizationKindBody, params(("id" = String, Path)),
    responses((status = 200, body = OrganizationKindBody), (status = 400, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
#[put("/operator/orgs/{id}/kind")]
pub async fn set_organization_kind(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        permission::require_operator(&op)?;
        let body: OrganizationKindBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let unknown = || Problem::new(StatusCode::BAD_REQUEST, "invalid_kind", "there is no such kind");
        let kind = OrganizationKind::parse(&body.kind).ok_or_else(unknown)?;
        let organization = id(&path)?;
        let set = context.store.write(move |tx| {
            organizations::find(tx, organization)?.ok_or_else(Problem::not_found)?;
            Ok::<_, Problem>(readiness::set_kind(tx, &op, organization, kind)?)
        });
        set.await?;
        Ok(json(StatusCode::OK, &body))
    })
    .await
}
