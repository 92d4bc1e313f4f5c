//! Cases: users whom the organization's directory has pushed and who have an account outside of it.
//!
//! * `GET /api/v1/orgs/{org}/cases`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{ListBody, PageQuery, answer, json, page};
use crate::directory::cases::{self, Case};
use crate::http::context::Context;
use crate::http::problem::Problem;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(list_cases))]
pub struct Document;

/// A case. It says nothing about where the other account is.
#[derive(Debug, Serialize, ToSchema)]
pub struct CaseBody {
    id: String,
    /// The id of the SCIM user.
    user: String,
    /// The address that the organization's own directory has pushed.
    address: String,
    /// `detected`.
    state: &'static str,
    /// `exists_outside`.
    reason: &'static str,
    opened_at: String,
}

impl CaseBody {
    fn of(case: Case) -> Self {
        Self {
            id: case.id.to_string(),
            user: case.user.to_string(),
            address: case.address.to_string(),
            state: case.state.as_str(),
            reason: cases::REASON,
            opened_at: case.opened_at.to_rfc3339(),
        }
    }
}

/// The open cases: people whom the directory has pushed and who have an account outside the organization. They get one here
/// when their address is free; until then they cannot sign in here, and their other account works as before.
#[utoipa::path(tag = "cases", params(("org" = String, Path, description = "slug or id"), PageQuery),
    responses((status = 200, body = ListBody<CaseBody>)))]
#[get("/orgs/{org}/cases")]
pub async fn list_cases(context: web::Data<Context>, request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, page) = (path.into_inner(), page(&request)?);
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(cases::page(tx, &op, organization, &page)?)
        });
        Ok(json(StatusCode::OK, &ListBody::of(found.await?, CaseBody::of)))
    })
    .await
}
