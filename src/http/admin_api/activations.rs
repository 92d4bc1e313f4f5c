//! Activation mails that nobody has followed yet. Each is for a user whom the organization's own directory pushed.
//!
//! * `GET /api/v1/orgs/{org}/activations`
//! * `POST /api/v1/orgs/{org}/activations/{id}/resend`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{ListBody, PageQuery, answer, id, json, page};
use crate::directory::activation::{Activation, invite};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(list_activations, resend_activation))]
pub struct Document;

/// An activation.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActivationBody {
    id: String,
    /// The id of the SCIM user.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// The address that the mail goes to.
    address: String,
    /// `open` or `expired`.
    state: &'static str,
    /// When the mail was asked for the last time.
    asked_at: String,
    /// When a mail was made the last time; absent while the first one waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_at: Option<String>,
    /// Until when its link works.
    expires_at: String,
}

impl ActivationBody {
    fn of(activation: Activation) -> Self {
        Self {
            id: activation.id.to_string(),
            user: activation.user.map(|user| user.to_string()),
            address: activation.address.to_string(),
            state: activation.state.as_str(),
            asked_at: activation.asked_at.to_rfc3339(),
            sent_at: activation.sent_at.map(|at| at.to_rfc3339()),
            expires_at: activation.expires_at.to_rfc3339(),
        }
    }
}

/// The people who were asked by mail to join and have not done so: their address lies in no verified domain of the
/// organization.
#[utoipa::path(tag = "activations", params(("org" = String, Path, description = "slug or id"), PageQuery),
    responses((status = 200, body = ListBody<ActivationBody>)))]
#[get("/orgs/{org}/activations")]
pub async fn list_activations(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, page) = (path.into_inner(), page(&request)?);
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(invite::page(tx, &op, organization, &page)?)
        });
        Ok(json(StatusCode::OK, &ListBody::of(found.await?, ActivationBody::of)))
    })
    .await
}

/// Send the mail again, with a fresh link; the link that was sent before stops working. Every ten minutes at most.
#[utoipa::path(tag = "activations",
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ActivationBody), (status = 404, body = ProblemBody),
        (status = 409, body = ProblemBody), (status = 429, body = ProblemBody)))]
#[post("/orgs/{org}/activations/{id}/resend")]
pub async fn resend_activation(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, activation) = path.into_inner();
        let activation = id(&activation)?;
        let sent = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(invite::resend(tx, &op, organization, activation)?)
        });
        Ok(json(StatusCode::OK, &ActivationBody::of(sent.await?)))
    })
    .await
}
