//! `GET /api/v1/orgs/{org}/audit`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{ListBody, PageQuery, answer, json, page};
use crate::directory::permission::{self, Permission};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::record::audit::{self, Entry};

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(list_audit_entries))]
pub struct Document;

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryBody {
    id: String,
    at: String,
    /// Who did it: a kind and, where there is one, an id.
    #[schema(example = "admin_token:0198d2c0-5f0e-7c1a-8f60-2f2b6f3f8d11")]
    actor: String,
    /// What happened; see `docs/events.md`.
    #[schema(example = "domain.verified")]
    action: String,
    /// What kind of thing it happened to.
    #[schema(example = "domain")]
    subject_kind: String,
    subject_id: String,
    /// What changed.
    detail: Value,
    /// The request that caused it.
    request_id: String,
}

impl EntryBody {
    fn of(entry: Entry) -> Self {
        Self {
            id: entry.id.to_string(),
            at: entry.at.to_rfc3339(),
            actor: entry.actor,
            action: entry.action,
            subject_kind: entry.subject_kind,
            subject_id: entry.subject_id,
            detail: entry.detail,
            request_id: entry.request.to_string(),
        }
    }
}

/// The audit log, newest entry first.
#[utoipa::path(tag = "audit", params(("org" = String, Path, description = "slug or id"), PageQuery),
    responses((status = 200, body = ListBody<EntryBody>), (status = 403, body = ProblemBody)))]
#[get("/orgs/{org}/audit")]
pub async fn list_audit_entries(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, page) = (path.into_inner(), page(&request)?);
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            permission::require(&op, organization, Permission::ReadAudit)?;
            Ok::<_, Problem>(audit::page(tx, organization, &page)?)
        });
        Ok(json(StatusCode::OK, &ListBody::of(found.await?, EntryBody::of)))
    })
    .await
}
