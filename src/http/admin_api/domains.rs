//! Domains.
//!
//! * `POST, GET /api/v1/orgs/{org}/domains`
//! * `GET, DELETE /api/v1/orgs/{org}/domains/{id}`
//! * `POST /api/v1/orgs/{org}/domains/{id}/verify`
//! * `POST /api/v1/orgs/{org}/domains/{id}/check`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::reply::{ListBody, PageQuery, answer, id, json, no_content, page};
use crate::directory::domains::claim::{self, Domain};
use crate::directory::domains::proof;
use crate::directory::domains::state::DomainState;
use crate::flows::{recheck_domain as recheck, verify_domain};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::telemetry::metrics::DOMAIN_CHECKS;
use crate::values::clock::Timestamp;
use crate::values::domain_name::DomainName;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(claim_domain, list_domains, show_domain, check_domain, recheck_domain, release_domain))]
pub struct Document;

/// A domain to claim.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDomainBody {
    /// The domain, exactly; sub-domains are claims of their own.
    #[schema(example = "acme.test")]
    name: String,
}

/// The DNS record that proves a claim.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordBody {
    /// Always `TXT`.
    r#type: &'static str,
    /// Where the record stands.
    #[schema(example = "_causeway-challenge.acme.test")]
    name: String,
    /// What it says.
    value: String,
    /// How long it has to stay there, in words.
    keep: &'static str,
}

/// Told with each record.
const KEEP: &str = "Publish this record and leave it there for as long as the domain is to be yours here: it is looked up again \
                    about once a day. When it is gone for 14 days, the domain lapses.";

/// A claim.
#[derive(Debug, Serialize, ToSchema)]
pub struct DomainBody {
    id: String,
    name: String,
    /// `pending`, `verified`, `at_risk` (the record is gone), `lapsed` (it was gone for too long) or `released`.
    state: &'static str,
    /// The record to publish, and to leave there.
    record: RecordBody,
    /// Until when the record can be found; only while pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge_expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_at: Option<String>,
    /// Since when the record is known to be gone; only while at risk.
    #[serde(skip_serializing_if = "Option::is_none")]
    at_risk_since: Option<String>,
    /// When the domain lapses if the record stays away; only while at risk.
    #[serde(skip_serializing_if = "Option::is_none")]
    lapses_at: Option<String>,
    /// When it lapsed; only while it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    lapsed_at: Option<String>,
    /// When the record was last looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_checked_at: Option<String>,
    /// Why the last look-up proved nothing: `record_missing`, `record_wrong`, `record_aliased` or
    /// `lookup_failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<String>,
    /// When the gateway looks it up next by itself; only of a domain that was proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_check_at: Option<String>,
    created_at: String,
}

impl DomainBody {
    fn of(domain: Domain) -> Self {
        let (challenge_expires_at, at_risk_since, lapsed_at) = match domain.state {
            DomainState::Pending { challenge_expires_at } => (Some(challenge_expires_at), None, None),
            DomainState::AtRisk { since, .. } => (None, Some(since), None),
            DomainState::Lapsed { at, .. } => (None, None, Some(at)),
            DomainState::Verified { .. } | DomainState::Released => (None, None, None),
        };
        let text = |at: Option<Timestamp>| at.map(Timestamp::to_rfc3339);
        Self {
            id: domain.id.to_string(),
            record: RecordBody {
                r#type: "TXT",
                name: domain.record_name(),
                value: proof::record_value(&domain.challenge),
                keep: KEEP,
            },
            name: domain.name.to_string(),
            state: domain.state.as_str(),
            challenge_expires_at: text(challenge_expires_at),
            verified_at: text(domain.state.verified_at()),
            at_risk_since: text(at_risk_since),
            lapses_at: text(domain.state.lapses_at()),
            lapsed_at: text(lapsed_at),
            last_checked_at: text(domain.last_checked_at),
            next_check_at: text(domain.next_check_at()),
            last_failure: domain.last_failure,
            created_at: domain.created_at.to_rfc3339(),
        }
    }
}

/// Claim a domain. The answer says which record to publish.
#[utoipa::path(tag = "domains", request_body = NewDomainBody, params(("org" = String, Path, description = "slug or id")),
    responses((status = 201, body = DomainBody), (status = 400, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/orgs/{org}/domains")]
pub async fn claim_domain(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: NewDomainBody = request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let invalid = |error| Problem::new(StatusCode::BAD_REQUEST, "invalid_domain", error);
        let domain: DomainName = body.name.parse().map_err(invalid)?;
        let (name, quota) = (path.into_inner(), context.config.limits.quota);
        let created = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(claim::create(tx, &op, organization, &domain, &quota)?)
        });
        Ok(json(StatusCode::CREATED, &DomainBody::of(created.await?)))
    })
    .await
}

/// All claims of the organization.
#[utoipa::path(tag = "domains", params(("org" = String, Path, description = "slug or id"), PageQuery),
    responses((status = 200, body = ListBody<DomainBody>)))]
#[get("/orgs/{org}/domains")]
pub async fn list_domains(context: web::Data<Context>, request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, page) = (path.into_inner(), page(&request)?);
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(claim::page(tx, &op, organization, &page)?)
        });
        Ok(json(StatusCode::OK, &ListBody::of(found.await?, DomainBody::of)))
    })
    .await
}

/// One claim.
#[utoipa::path(tag = "domains", params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = DomainBody), (status = 404, body = ProblemBody)))]
#[get("/orgs/{org}/domains/{id}")]
pub async fn show_domain(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, domain) = path.into_inner();
        let domain = id(&domain)?;
        let found = context.store.read(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(claim::find(tx, &op, organization, domain)?)
        });
        Ok(json(StatusCode::OK, &DomainBody::of(found.await?)))
    })
    .await
}

/// Look the record up now. The answer is the claim: `verified`, or still `pending` with `last_failure`.
#[utoipa::path(tag = "domains", params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = DomainBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[post("/orgs/{org}/domains/{id}/verify")]
pub async fn check_domain(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, domain) = path.into_inner();
        let (domain, caller) = (id(&domain)?, op.clone());
        let organization = context.store.read(move |tx| organization(tx, &caller, &name)).await?;
        let checked = verify_domain::run(&context.store, &context.outside.dns, &op, organization, domain).await?;
        Ok(json(StatusCode::OK, &DomainBody::of(checked.0)))
    })
    .await
}

/// Look the record of a domain up again that was proved before, now. The answer is the claim as it is then. Not more often than
/// every ten seconds.
#[utoipa::path(tag = "domains", params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = DomainBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody),
        (status = 429, body = ProblemBody)))]
#[post("/orgs/{org}/domains/{id}/check")]
pub async fn recheck_domain(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, domain) = path.into_inner();
        let (domain, caller) = (id(&domain)?, op.clone());
        let organization = context.store.read(move |tx| organization(tx, &caller, &name)).await?;
        let (store, dns) = (&context.store, &context.outside.dns);
        let (checked, outcome) = recheck::on_request(store, dns, &op, organization, domain).await?;
        metrics::counter!(DOMAIN_CHECKS, "outcome" => outcome.as_str()).increment(1);
        Ok(json(StatusCode::OK, &DomainBody::of(checked)))
    })
    .await
}

/// Give a claim back.
#[utoipa::path(tag = "domains", params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 204), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[delete("/orgs/{org}/domains/{id}")]
pub async fn release_domain(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let (name, domain) = path.into_inner();
        let domain = id(&domain)?;
        let released = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(claim::release(tx, &op, organization, domain)?)
        });
        released.await?;
        Ok(no_content())
    })
    .await
}
