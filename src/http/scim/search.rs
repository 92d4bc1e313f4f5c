//! GET on a collection or at the root, and POST to `.search` below either.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::answer;
use super::exchange::{Exchange, PresentedRules};
use super::failure::Failure;
use crate::keys::sealing::Sealer;
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::filter;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::list::{self, Heading, Paging};
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::resource_type::ResourceType;
use crate::protocol::scim::search_request::{self, Carrier, SearchRequest};
use crate::protocol::scim::sort::{self, Order};
use crate::provisioning::clients::caller::Caller;
use crate::provisioning::resource::{Resource, resource_type};
use crate::provisioning::search::cursor::Seal;
use crate::provisioning::search::page::{self, Place, Query, Sought, Wanted};
use crate::provisioning::search::{self, order};
use crate::store::Tx;
use crate::store::condition::Condition;
use crate::store::order::SortKey;
use crate::store::resources::ResourceKind;
use crate::values::operation::Operation;

/// What is searched, and how much one search may ask for.
struct Search {
    kinds: Vec<ResourceKind>,
    request: SearchRequest,
    limits: Limits,
    rules: PresentedRules,
    sealer: Sealer,
}

/// A page of what was found, each resource with what is shown of its kind.
struct Shown {
    heading: Heading,
    resources: Vec<(Resource, Arc<Projection>)>,
}

/// A page of resources. The credential is looked up in the transaction that searches.
pub async fn get(exchange: Exchange, kind: Option<ResourceKind>) -> Result<HttpResponse, Failure> {
    let request = request(&exchange);
    let (presented, operation) = (exchange.presented()?, exchange.anonymous());
    let search = Search::new(&exchange, kinds(kind), request);
    let work = move |tx: &mut Tx<'_>| {
        let caller = presented.authenticate(tx)?;
        let shown = search.find(tx, &operation.by(caller.actor()), &caller)?;
        Ok::<_, Failure>((caller, shown))
    };
    let (caller, shown) = exchange.read(work).await?;
    exchange.note_use(&caller);
    render(&exchange, &shown)
}

/// What the parameters of a GET ask for.
pub fn request(exchange: &Exchange) -> SearchRequest {
    let parameter = |name: &str| exchange.parameter(name).map(str::to_owned);
    SearchRequest {
        filter: parameter("filter"),
        start_index: parameter("startIndex"),
        count: parameter("count"),
        cursor: parameter("cursor"),
        sort_by: parameter("sortBy"),
        sort_order: parameter("sortOrder"),
        attributes: parameter("attributes"),
        excluded_attributes: parameter("excludedAttributes"),
        carrier: Carrier::Uri,
    }
}

/// The same, asked for in a body.
pub async fn post(mut exchange: Exchange, kind: Option<ResourceKind>) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let request = search_request::read(&exchange.body().await?, &exchange.rules(&caller))?;
    let operation = exchange.operation(&caller);
    let search = Search::new(&exchange, kinds(kind), request);
    let shown = exchange.read(move |tx| search.find(tx, &operation, &caller)).await?;
    render(&exchange, &shown)
}

/// At the root all kinds are searched.
fn kinds(kind: Option<ResourceKind>) -> Vec<ResourceKind> {
    kind.map_or_else(|| vec![ResourceKind::User, ResourceKind::Group], |kind| vec![kind])
}

impl Search {
    fn new(exchange: &Exchange, kinds: Vec<ResourceKind>, request: SearchRequest) -> Self {
        let sealer = exchange.context.outside.sealer.clone();
        Self { kinds, request, limits: exchange.limits, rules: exchange.presented_rules(), sealer }
    }

    fn find(&self, tx: &mut Tx<'_>, operation: &Operation, caller: &Caller) -> Result<Shown, Failure> {
        let request = &self.request;
        let (start_index, count) = (request.start_index.as_deref(), request.count.as_deref());
        let paging = Paging::read(request.cursor.as_deref(), start_index, count, &self.limits)?;
        let identity = format!("{:?}{}", self.kinds, request.identity());
        let seal = Seal::new(&self.sealer, caller.organization, caller.client, &identity);
        let wanted = match &paging {
            Paging::Index(page) => Wanted::Page(*page),
            Paging::Cursor { cursor, count } => {
                let place = if cursor.is_empty() { None } else { Some(seal.read(cursor, operation.at)?) };
                Wanted::Behind { place, count: *count }
            }
        };
        let sort_order = Order::read(request.sort_order.as_deref())?;
        let query = Query {
            sought: self.sought(caller)?,
            direction: self.is_sorted().then(|| order::direction(sort_order)),
            wanted,
            scan_rows: self.limits.scan_rows,
            most_related: self.limits.page_members,
            most_bytes: self.limits.page_bytes,
        };
        let found = page::search(tx, operation, caller.organization, &query)?;
        let expires_at = operation.at.plus_seconds(i64::from(self.limits.cursor_seconds));
        let cursor = |place: &Option<Place>| place.as_ref().map(|place| seal.write(place, expires_at)).transpose();
        let heading = Heading {
            total: found.total,
            start_index: if let Paging::Index(page) = paging { Some(page.start_index) } else { None },
            next: cursor(&found.next)?,
            previous: cursor(&found.previous)?,
        };
        let projections: Vec<_> = query.sought.into_iter().map(|sought| Arc::new(sought.projection)).collect();
        let shown = |(number, resource): (usize, Resource)| {
            (resource, projections.get(number).map(Arc::clone).unwrap_or_default())
        };
        Ok(Shown { heading, resources: found.resources.into_iter().map(shown).collect() })
    }

    /// What is looked for of each kind. A kind that does not have an attribute of the filter, or what is sorted by, has no
    /// value there; what none of them has is wrong.
    fn sought(&self, caller: &Caller) -> Result<Vec<Sought>, Failure> {
        let (attributes, excluded) = (self.request.attributes.as_deref(), self.request.excluded_attributes.as_deref());
        let mut sought = Vec::with_capacity(self.kinds.len());
        for kind in &self.kinds {
            let resource_type = resource_type(&caller.types, *kind);
            let condition =
                self.condition(caller, resource_type).map_err(|error| self.request.carrier.refusal(error))?;
            let key = if self.is_sorted() { self.key(resource_type)? } else { None };
            let projection = Projection::read(attributes, excluded, resource_type)?;
            let resource_type = Arc::clone(resource_type);
            sought.push(Sought { kind: *kind, resource_type, condition, key, projection });
        }
        if self.is_sorted() && sought.iter().all(|sought| sought.key.is_none()) {
            return Err(ScimError::value("sortBy names an attribute that there is not").into());
        }
        Ok(sought)
    }

    fn condition(&self, caller: &Caller, of: &ResourceType) -> Result<Option<Condition>, ScimError> {
        let Some(text) = &self.request.filter else { return Ok(None) };
        let types = self.kinds.iter().map(|kind| resource_type(&caller.types, *kind).as_ref());
        let others: Vec<&ResourceType> = types.filter(|other| other.name != of.name).collect();
        let parsed = filter::parse_among(text, of, &others, &self.rules.of(caller))?;
        search::condition(&parsed, of).map(Some)
    }

    fn is_sorted(&self) -> bool {
        self.request.sort_by.as_deref().is_some_and(|sort_by| !sort_by.trim().is_empty())
    }

    fn key(&self, resource_type: &ResourceType) -> Result<Option<SortKey>, ScimError> {
        let sort_by = self.request.sort_by.as_deref().unwrap_or_default();
        let target = sort::target(sort_by, resource_type)?;
        target.map(|target| order::key(&target, resource_type)).transpose()
    }
}

fn render(exchange: &Exchange, shown: &Shown) -> Result<HttpResponse, Failure> {
    let rendered = shown.resources.iter().map(|(resource, projection)| resource.render(&exchange.base, projection));
    let resources = rendered.collect::<Result<Vec<String>, _>>()?;
    Ok(answer::text(StatusCode::OK, list::page(&shown.heading, &resources)))
}
