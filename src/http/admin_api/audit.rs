//! `GET /api/v1/orgs/{org}/audit`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{ListBody, PageQuery, answer, json, page};
use crate::directory::audit::{self, AuditError};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::record::audit::Entry;

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
    /// An entry as it goes out.
    pub fn of(entry: Entry) -> Self {
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

impl From<AuditError> for Problem {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Denied(denied) => denied.into(),
            AuditError::Store(error) => error.into(),
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
            Ok::<_, Problem>(audit::page(tx, &op, organization, &page)?)
        });
        Ok(json(StatusCode::OK, &ListBody::of(found.await?, EntryBody::of)))
    })
    .await
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use crate::access::testing::{World, world};
    use crate::directory::admin_tokens::{self, NewToken};
    use crate::http::testing::{context, send};
    use crate::values::operation::Role;
    use crate::values::page::PageRequest;
    use crate::values::quota::Quota;

    async fn token(world: &World, role: Role) -> String {
        let (op, organization) = (world.operator(), world.organization);
        let new = NewToken { name: "t".to_owned(), role, ttl_seconds: 60, account: None };
        let made =
            world.store().write(move |tx| admin_tokens::create(tx, &op, organization, &new, &Quota::default())).await;
        made.unwrap().1.expose().to_owned()
    }

    #[actix_web::test]
    async fn the_log_is_for_who_may_read_it_and_a_use_of_a_token_is_noted() {
        for world in world().await {
            let context = context(&world, "https://id.test").await;
            for (role, status) in [(Role::Auditor, 200), (Role::UserAdmin, 403), (Role::AppAdmin, 403)] {
                let bearer = ("Authorization", format!("Bearer {}", token(&world, role).await));
                let request = TestRequest::get().uri("/api/v1/orgs/acme/audit").insert_header(bearer);
                assert_eq!(send(&context, request).await.status, status, "{}: {role:?}", world.engine());
            }
            let (op, organization) = (world.operator(), world.organization);
            let first = PageRequest::new(None, None).unwrap();
            let listed = world.store().read(move |tx| admin_tokens::page(tx, &op, organization, &first)).await.unwrap();
            let now = Some(world.op().at);
            assert!(listed.items.iter().all(|token| token.last_used_at == now), "{}", world.engine());
        }
    }
}
