//! What an organization asks of its own members beside a password, and help for one who has lost it.
//!
//! * `GET, PUT /api/v1/orgs/{org}/mfa-policy`
//! * `DELETE /api/v1/orgs/{org}/accounts/{id}/second-factor`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, delete, get, put, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{answer, id, json, no_content};
use crate::access::mfa_policy::{self, MfaPolicy, MfaPolicyError};
use crate::access::second_factors::reset::{ResetError, reset};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::store::failure::StoreError;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(show_mfa_policy, set_mfa_policy, remove_second_factor))]
pub struct Document;

/// What is asked of members who sign in with a password.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MfaPolicyBody {
    /// `off`, or `required`: who has no second factor sets one up before they are let in. It is asked of your own members, never
    /// of externals, and not where an identity provider signs people in.
    #[schema(example = "required")]
    policy: String,
}

impl From<MfaPolicyError> for Problem {
    fn from(error: MfaPolicyError) -> Self {
        match error {
            MfaPolicyError::Denied(denied) => denied.into(),
            MfaPolicyError::Store(error) => error.into(),
        }
    }
}

impl From<ResetError> for Problem {
    fn from(error: ResetError) -> Self {
        match error {
            ResetError::NotFound => Self::not_found(),
            ResetError::NotOwnMember => Self::new(StatusCode::CONFLICT, "not_own_member", error.to_string()),
            ResetError::Denied(denied) => denied.into(),
            ResetError::Store(error) => error.into(),
            ResetError::Internal(_) => Self::from(StoreError::Internal(error.to_string())),
        }
    }
}

impl MfaPolicyBody {
    fn of(policy: MfaPolicy) -> Self {
        Self { policy: policy.as_str().to_owned() }
    }
}

/// What your organization asks of its own members who sign in with a password.
#[utoipa::path(tag = "sign-in policy", params(("org" = String, Path, description = "slug or id")),
    responses((status = 200, body = MfaPolicyBody)))]
#[get("/orgs/{org}/mfa-policy")]
pub async fn show_mfa_policy(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let name = path.into_inner();
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(mfa_policy::show(tx, &op, organization)?)
        });
        Ok(json(StatusCode::OK, &MfaPolicyBody::of(found.await?)))
    })
    .await
}

/// Ask for a second factor, or no longer. It counts from the next sign-in of each member on.
#[utoipa::path(tag = "sign-in policy", request_body = MfaPolicyBody,
    params(("org" = String, Path, description = "slug or id")),
    responses((status = 200, body = MfaPolicyBody), (status = 400, body = ProblemBody)))]
#[put("/orgs/{org}/mfa-policy")]
pub async fn set_mfa_policy(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: MfaPolicyBody = request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let policy = MfaPolicy::parse(&body.policy)
            .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "invalid_policy", "the policy is off or required"))?;
        let name = path.into_inner();
        let set = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(mfa_policy::set(tx, &op, organization, policy)?)
        });
        Ok(json(StatusCode::OK, &MfaPolicyBody::of(set.await?)))
    })
    .await
}

/// Take the second factors of a member away who has lost them: the authenticator app and every passkey. They are told by mail, and signed out everywhere; where your policy asks
/// for one, they set up another at their next sign-in.
#[utoipa::path(tag = "sign-in policy",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path, description = "id of the account")),
    responses((status = 204), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[delete("/orgs/{org}/accounts/{id}/second-factor")]
pub async fn remove_second_factor(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, account) = path.into_inner();
        let account = id(&account)?;
        let removed = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(reset(tx, &op, organization, account)?)
        });
        removed.await?;
        Ok(no_content())
    })
    .await
}
