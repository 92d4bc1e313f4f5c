//! `/Roles` and `/Entitlements`: what the organization's users can be assigned. The lists are short and in memory.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::Value;

use super::answer;
use super::exchange::Exchange;
use super::failure::Failure;
use super::search;
use crate::protocol::scim::assignable::AssignableKind;
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::filter::{self, evaluate};
use crate::protocol::scim::json::Object;
use crate::protocol::scim::list::{self, Heading, Paging};
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::render;
use crate::protocol::scim::sort::{self, Order};
use crate::provisioning::clients::caller::Caller;
use crate::provisioning::search::cursor::Seal;
use crate::provisioning::search::page::{Place, Walk};
use crate::store::order::{Position, SortValue};

/// A walk by cursor goes through one list.
const LIST: usize = 0;

/// GET of a list: filtered, sorted, and by pages of either kind.
pub async fn list(exchange: &Exchange, kind: AssignableKind) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let (cursor, limits) = (exchange.parameter("cursor"), &exchange.limits);
    let paging = Paging::read(cursor, exchange.parameter("startIndex"), exchange.parameter("count"), limits)?;
    let resource_type = kind.resource_type();
    let projection = exchange.wanted().of(resource_type)?;
    let matching = matching(exchange, &caller, kind)?;
    let request = search::request(exchange);
    let identity = format!("{}{}", kind.as_str(), request.identity());
    let seal = Seal::new(&exchange.context.outside.sealer, caller.organization, caller.client, &identity);
    let now = exchange.context.clock.now();
    let (skipped, count) = match &paging {
        Paging::Index(page) => (usize::try_from(page.offset()).unwrap_or(usize::MAX), page.count),
        Paging::Cursor { cursor, count } if cursor.is_empty() => (0, *count),
        Paging::Cursor { cursor, count } => (behind(&seal.read(cursor, now)?, &matching), *count),
    };
    let shown: Vec<&Object> = matching.iter().skip(skipped).take(usize::try_from(count).unwrap_or(0)).collect();
    let reached = skipped.saturating_add(shown.len());
    let place = |last: &Object| Place {
        walk: Walk::Forward,
        list: LIST,
        position: Position {
            value: last.get("id").and_then(Value::as_str).map(|id| SortValue::Text(id.to_owned())),
            k: i64::try_from(reached).unwrap_or(i64::MAX),
        },
    };
    let is_walk = matches!(paging, Paging::Cursor { .. });
    let last = shown.last().copied().filter(|_| is_walk && reached < matching.len());
    let expires_at = now.plus_seconds(i64::from(limits.cursor_seconds));
    let heading = Heading {
        total: i64::try_from(matching.len()).ok(),
        start_index: if let Paging::Index(page) = paging { Some(page.start_index) } else { None },
        next: last.map(|last| seal.write(&place(last), expires_at)).transpose()?,
        previous: None,
    };
    let shown: Vec<String> = shown.into_iter().map(|one| text(one.clone(), kind, &projection)).collect();
    Ok(answer::text(StatusCode::OK, list::page(&heading, &shown)))
}

/// The entries that the filter finds, in the order that is asked for.
fn matching(exchange: &Exchange, caller: &Caller, kind: AssignableKind) -> Result<Vec<Object>, ScimError> {
    let (resource_type, rules) = (kind.resource_type(), exchange.rules(caller));
    let parsed = exchange.parameter("filter").map(|text| filter::parse(text, resource_type, &rules)).transpose()?;
    let documents = caller.types.assignables(kind).iter().map(|entry| entry.document(kind, &exchange.base));
    let mut matching: Vec<Object> =
        documents.filter(|document| parsed.as_ref().is_none_or(|filter| evaluate::matches(filter, document))).collect();
    let order = Order::read(exchange.parameter("sortOrder"))?;
    if let Some(sort_by) = exchange.parameter("sortBy").filter(|name| !name.trim().is_empty()) {
        let target = sort::target(sort_by, resource_type)?;
        let target = target.ok_or_else(|| ScimError::value("sortBy names an attribute that there is not"))?;
        sort::documents(&mut matching, &target, order);
    }
    Ok(matching)
}

/// How many entries stand before the next page: up to the one that was shown last, or, where that one is gone, as many as were
/// shown before it.
fn behind(place: &Place, matching: &[Object]) -> usize {
    let last = match &place.position.value {
        Some(SortValue::Text(id)) => matching.iter().position(|one| one.get("id").and_then(Value::as_str) == Some(id)),
        _ => None,
    };
    let reached = usize::try_from(place.position.k).unwrap_or(usize::MAX);
    last.map_or(reached.saturating_sub(1), |at| at.saturating_add(1))
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
