//! GET on a collection, and POST to `.search` below a collection or at the root.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::answer;
use super::exchange::Exchange;
use super::failure::Failure;
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::filter;
use crate::protocol::scim::list::{self, Page};
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::search_request::{self, SearchRequest};
use crate::protocol::scim::validation::Rules;
use crate::provisioning::clients::caller::Caller;
use crate::provisioning::resource::{Resource, resource_type};
use crate::provisioning::search::{self, Found, Query};
use crate::store::Tx;
use crate::store::resources::ResourceKind;
use crate::values::operation::Operation;

/// A page of what was found, each resource with what is shown of its kind.
struct Shown {
    total: i64,
    start_index: i64,
    resources: Vec<(Resource, Arc<Projection>)>,
}

/// A page of resources. The credential is looked up in the transaction that searches.
pub async fn get(exchange: Exchange, kind: ResourceKind) -> Result<HttpResponse, Failure> {
    let parameter = |name: &str| exchange.parameter(name).map(str::to_owned);
    let request = SearchRequest {
        filter: parameter("filter"),
        start_index: parameter("startIndex"),
        count: parameter("count"),
        attributes: parameter("attributes"),
        excluded_attributes: parameter("excludedAttributes"),
    };
    let (presented, operation, limits) = (exchange.presented()?, exchange.anonymous(), exchange.limits);
    let work = move |tx: &mut Tx<'_>| {
        let caller = presented.authenticate(tx)?;
        let rules = Rules::new(caller.profile.tolerance(), limits);
        let shown = find(tx, &operation.by(caller.actor()), &caller, &[kind], &request, &rules)?;
        Ok::<_, Failure>((caller, shown))
    };
    let (caller, shown) = exchange.read(work).await?;
    exchange.note_use(&caller);
    render(&exchange, &shown)
}

/// The same, asked for in a body.
pub async fn post(mut exchange: Exchange, kind: Option<ResourceKind>) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let rules = exchange.rules(&caller);
    let request = search_request::read(&exchange.body().await?, &rules)?;
    let operation = exchange.operation(&caller);
    let kinds = kind.map_or_else(|| vec![ResourceKind::User, ResourceKind::Group], |kind| vec![kind]);
    let work = move |tx: &mut Tx<'_>| find(tx, &operation, &caller, &kinds, &request, &rules);
    let shown = exchange.read(work).await?;
    render(&exchange, &shown)
}

/// Searches one kind after the other: the page goes on in the next where the one before ends. A kind that does not have
/// an attribute of the filter has no match, and when none has it the filter is wrong.
fn find(
    tx: &mut Tx<'_>,
    operation: &Operation,
    caller: &Caller,
    kinds: &[ResourceKind],
    request: &SearchRequest,
    rules: &Rules,
) -> Result<Shown, Failure> {
    let page = Page::read(request.start_index.as_deref(), request.count.as_deref(), &rules.limits)?;
    let mut shown = Shown { total: 0, start_index: page.start_index, resources: Vec::new() };
    let mut wrong: Option<ScimError> = None;
    let mut searched = 0_usize;
    for kind in kinds {
        let condition = match condition(*kind, caller, request, rules) {
            Ok(condition) => condition,
            Err(error) => {
                wrong = Some(error);
                continue;
            }
        };
        searched = searched.saturating_add(1);
        let (attributes, excluded) = (request.attributes.as_deref(), request.excluded_attributes.as_deref());
        let resource_type = Arc::clone(resource_type(&caller.types, *kind));
        let projection = Projection::read(attributes, excluded, &resource_type)?;
        let taken = i64::try_from(shown.resources.len()).unwrap_or(i64::MAX);
        let rest = Page {
            start_index: page.offset().saturating_sub(shown.total).max(0).saturating_add(1),
            count: page.count.saturating_sub(taken),
        };
        let query = Query { kind: *kind, resource_type, condition, page: rest, projection };
        let Found { total, resources } = search::search(tx, operation, caller.organization, &query)?;
        let projection = Arc::new(query.projection);
        shown.total = shown.total.saturating_add(total);
        shown.resources.extend(resources.into_iter().map(|resource| (resource, Arc::clone(&projection))));
    }
    match wrong {
        Some(error) if searched == 0 => Err(error.into()),
        _ => Ok(shown),
    }
}

fn condition(
    kind: ResourceKind,
    caller: &Caller,
    request: &SearchRequest,
    rules: &Rules,
) -> Result<Option<crate::store::condition::Condition>, ScimError> {
    let Some(text) = &request.filter else { return Ok(None) };
    let resource_type = resource_type(&caller.types, kind);
    let parsed = filter::parse(text, resource_type, rules)?;
    search::condition(&parsed, resource_type).map(Some)
}

fn render(exchange: &Exchange, shown: &Shown) -> Result<HttpResponse, Failure> {
    let rendered = shown.resources.iter().map(|(resource, projection)| resource.render(&exchange.base, projection));
    let resources = rendered.collect::<Result<Vec<String>, _>>()?;
    Ok(answer::text(StatusCode::OK, list::body(shown.total, shown.start_index, &resources)))
}
