//! `/Roles` and `/Entitlements`: what the organization's users can be assigned. The lists are short and in memory.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::answer;
use super::exchange::Exchange;
use super::failure::Failure;
use crate::protocol::scim::assignable::AssignableKind;
use crate::protocol::scim::filter::{self, evaluate};
use crate::protocol::scim::json::Object;
use crate::protocol::scim::list::{self, Page};
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::render;

/// GET of a list, filtered and by pages.
pub async fn list(exchange: &Exchange, kind: AssignableKind) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let page = Page::read(exchange.parameter("startIndex"), exchange.parameter("count"), &exchange.limits)?;
    let resource_type = kind.resource_type();
    let projection = exchange.wanted().of(resource_type)?;
    let rules = exchange.rules(&caller);
    let parsed = exchange.parameter("filter").map(|text| filter::parse(text, resource_type, &rules)).transpose()?;
    let documents = caller.types.assignables(kind).iter().map(|entry| entry.document(kind, &exchange.base));
    let matching: Vec<Object> =
        documents.filter(|document| parsed.as_ref().is_none_or(|filter| evaluate::matches(filter, document))).collect();
    let total = i64::try_from(matching.len()).unwrap_or(i64::MAX);
    let skipped = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let taken = usize::try_from(page.count).unwrap_or(0);
    let shown: Vec<String> =
        matching.into_iter().skip(skipped).take(taken).map(|one| text(one, kind, &projection)).collect();
    Ok(answer::text(StatusCode::OK, list::body(total, page.start_index, &shown)))
}

/// GET of one.
pub async fn show(exchange: &Exchange, kind: AssignableKind, id: &str) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let projection = exchange.wanted().of(kind.resource_type())?;
    let found = caller.types.assignables(kind).iter().find(|entry| entry.value == id).ok_or(Failure::NotFound)?;
    Ok(answer::text(StatusCode::OK, text(found.document(kind, &exchange.base), kind, &projection)))
}

fn text(document: Object, kind: AssignableKind, projection: &Projection) -> String {
    render::stored_text(&projection.apply(document, kind.resource_type()))
}
