//! What becomes of a POST of a SCIM client for somebody who is there already.
//!
//! * `GET, PUT /api/v1/orgs/{org}/scim-clients/{id}/reprovisioning`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, put, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{answer, id, json};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::provisioning::reprovisioning::{self, Reprovisioning};

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(show_reprovisioning, set_reprovisioning))]
pub struct Document;

/// The policy of a client.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReprovisioningBody {
    /// `refuse`: 409 with the location of who is there. `reactivate`: whom this client has pushed and who is not active is
    /// taken on again under the same id. `adopt`: whoever is there is taken over. `refuse` when nothing was set, for the
    /// profile `okta` `reactivate`.
    #[schema(example = "reactivate")]
    policy: String,
}

impl ReprovisioningBody {
    fn of(policy: Reprovisioning) -> Self {
        Self { policy: policy.as_str().to_owned() }
    }
}

/// The policy of a client about whom is there already.
#[utoipa::path(tag = "scim clients",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ReprovisioningBody), (status = 404, body = ProblemBody)))]
#[get("/orgs/{org}/scim-clients/{id}/reprovisioning")]
pub async fn show_reprovisioning(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, client) = path.into_inner();
        let client = id(&client)?;
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(reprovisioning::find(tx, &op, organization, client)?)
        });
        Ok(json(StatusCode::OK, &ReprovisioningBody::of(found.await?)))
    })
    .await
}

/// Set the policy. To give an old account back is right for the same person, and wrong for a namesake.
#[utoipa::path(tag = "scim clients", request_body = ReprovisioningBody,
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ReprovisioningBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody)))]
#[put("/orgs/{org}/scim-clients/{id}/reprovisioning")]
pub async fn set_reprovisioning(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: ReprovisioningBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let unknown = || Problem::new(StatusCode::BAD_REQUEST, "invalid_policy", "there is no such policy");
        let policy = Reprovisioning::parse(&body.policy).ok_or_else(unknown)?;
        let (name, client) = path.into_inner();
        let client = id(&client)?;
        let set = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(reprovisioning::set(tx, &op, organization, client, policy)?)
        });
        Ok(json(StatusCode::OK, &ReprovisioningBody::of(set.await?)))
    })
    .await
}
