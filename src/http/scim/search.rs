//! GET on a collection.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::answer;
use super::exchange::Exchange;
use super::failure::Failure;
use crate::protocol::scim::list::{self, Page};
use crate::protocol::scim::{filter, projection::Projection};
use crate::provisioning::resource::resource_type;
use crate::provisioning::search::{self, Query};
use crate::store::Tx;
use crate::store::resources::ResourceKind;

/// A page of resources. The credential is looked up in the transaction that searches.
pub async fn answer(exchange: Exchange, kind: ResourceKind) -> Result<HttpResponse, Failure> {
    let page = Page::read(exchange.parameter("startIndex"), exchange.parameter("count"), &exchange.limits);
    let projection = exchange.projection(kind);
    let text = exchange.parameter("filter").map(str::to_owned);
    let (presented, operation, limits) = (exchange.presented()?, exchange.anonymous(), exchange.limits);
    let work = move |tx: &mut Tx<'_>| {
        let caller = presented.authenticate(tx)?;
        let condition = match text {
            Some(text) => {
                let parsed = filter::parse(&text, resource_type(kind), &caller.profile.tolerance(), &limits)?;
                Some(search::condition(&parsed, resource_type(kind))?)
            }
            None => None,
        };
        let query = Query { kind, condition, page: page?, projection: projection? };
        let found = search::search(tx, &operation.by(caller.actor()), caller.organization, &query)?;
        Ok::<_, Failure>((caller, query, found))
    };
    let (caller, query, found) = exchange.context.store.read(work).await?;
    exchange.note_use(&caller);
    let projection: &Projection = &query.projection;
    let resources: Result<Vec<String>, _> =
        found.resources.iter().map(|resource| resource.render(&exchange.base, projection)).collect();
    Ok(answer::text(StatusCode::OK, list::body(found.total, query.page.start_index, &resources?)))
}
