//! `/Groups` and `/Groups/{id}`.

use std::sync::Arc;

use actix_web::HttpResponse;

use super::answer;
use super::exchange::Exchange;
use super::failure::Failure;
use super::route::Method;
use crate::protocol::scim::document;
use crate::protocol::scim::patch::request;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::tolerance::PatchAnswer;
use crate::provisioning::clients::caller::Caller;
use crate::provisioning::groups;
use crate::provisioning::resource::{Patch, Resource};
use crate::store::Tx;
use crate::values::ids::ResourceId;

/// A PATCH of a group with more members than this is answered with 204, which RFC 7644, section 3.5.2, allows: the
/// client that adds one member is not sent all the others.
const MOST_MEMBERS_ANSWERED: i64 = 500;

/// POST: 201.
pub async fn create(mut exchange: Exchange) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let projection = exchange.wanted().of(&caller.types.group)?;
    let rules = exchange.rules(&caller);
    let read = document::read(exchange.body().await?, &caller.types.group, &rules)?;
    let draft = groups::draft(read, &caller.types.group, &rules)?;
    let (operation, shown) = (exchange.operation(&caller), projection.clone());
    let (organization, resource_type) = (caller.organization, Arc::clone(&caller.types.group));
    let work = move |tx: &mut Tx<'_>| {
        let id = groups::create(tx, &operation, organization, &draft)?;
        groups::find(tx, &operation, organization, &resource_type, id, &shown)
    };
    let created = exchange.write(&caller, work).await?;
    answer::created(&created, &exchange.base, &projection)
}

/// GET, PUT, PATCH and DELETE of one group.
pub async fn answer(exchange: Exchange, id: Option<ResourceId>, method: Method) -> Result<HttpResponse, Failure> {
    match method {
        Method::Get => get(exchange, id).await,
        Method::Put => replace(exchange, id).await,
        Method::Patch => patch(exchange, id).await,
        Method::Delete => delete(exchange, id).await,
        Method::Post => Err(Failure::NotFound),
    }
}

/// 200, or 304. The credential is looked up in the transaction that reads.
async fn get(exchange: Exchange, id: Option<ResourceId>) -> Result<HttpResponse, Failure> {
    let (wanted, known) = (exchange.wanted(), exchange.if_none_match());
    let (presented, operation) = (exchange.presented()?, exchange.anonymous());
    let work = move |tx: &mut Tx<'_>| {
        let caller = presented.authenticate(tx)?;
        let (id, projection, known) = (id.ok_or(Failure::NotFound)?, wanted.of(&caller.types.group)?, known?);
        let operation = operation.by(caller.actor());
        let found = groups::find(tx, &operation, caller.organization, &caller.types.group, id, &projection)?;
        Ok::<_, Failure>((caller, found, projection, known))
    };
    let (caller, found, projection, known) = exchange.read(work).await?;
    exchange.note_use(&caller);
    if known.is_some_and(|condition| condition.holds(found.version)) {
        return Ok(answer::not_modified(&found, &exchange.base));
    }
    answer::long_resource(found, &exchange.base, projection).await
}

async fn replace(mut exchange: Exchange, id: Option<ResourceId>) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let id = id.ok_or(Failure::NotFound)?;
    let projection = exchange.wanted().of(&caller.types.group)?;
    let rules = exchange.rules(&caller);
    let read = document::read(exchange.body().await?, &caller.types.group, &rules)?;
    let draft = groups::draft(read, &caller.types.group, &rules)?;
    let (operation, condition) = (exchange.operation(&caller), exchange.if_match()?);
    let organization = caller.organization;
    let work = move |tx: &mut Tx<'_>| groups::replace(tx, &operation, organization, id, &draft, condition.as_ref());
    exchange.write(&caller, work).await?;
    let replaced = read_again(&exchange, &caller, id, &projection).await?;
    answer::resource(&replaced, &exchange.base, &projection)
}

async fn patch(mut exchange: Exchange, id: Option<ResourceId>) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let id = id.ok_or(Failure::NotFound)?;
    let projection = exchange.wanted().of(&caller.types.group)?;
    let rules = exchange.rules(&caller);
    let operations = request::read(exchange.body().await?, &rules)?;
    let (operation, condition) = (exchange.operation(&caller), exchange.if_match()?);
    let organization = caller.organization;
    let (change, says_nothing) = (operation.clone(), rules.tolerance.patch_answer == PatchAnswer::NoContent);
    let patch = Patch { operations, resource_type: Arc::clone(&caller.types.group), rules };
    let work = move |tx: &mut Tx<'_>| groups::patch(tx, &change, organization, id, patch, condition.as_ref());
    let version = exchange.write(&caller, work).await?;
    if projection.is_default() {
        let may_be_large = move |tx: &mut Tx<'_>| {
            groups::has_more_members_than(tx, &operation, organization, id, MOST_MEMBERS_ANSWERED)
        };
        if says_nothing || exchange.read(may_be_large).await? {
            return Ok(answer::changed(version));
        }
    }
    let patched = read_again(&exchange, &caller, id, &projection).await?;
    answer::resource(&patched, &exchange.base, &projection)
}

async fn delete(exchange: Exchange, id: Option<ResourceId>) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let id = id.ok_or(Failure::NotFound)?;
    let (operation, condition) = (exchange.operation(&caller), exchange.if_match()?);
    let work = move |tx: &mut Tx<'_>| groups::delete(tx, &operation, caller.organization, id, condition.as_ref());
    exchange.write(&caller, work).await?;
    Ok(answer::nothing())
}

/// The group after a change, read outside the writing transaction: its members may be many.
async fn read_again(
    exchange: &Exchange,
    caller: &Caller,
    id: ResourceId,
    projection: &Projection,
) -> Result<Resource, Failure> {
    let (operation, organization, shown) = (exchange.operation(caller), caller.organization, projection.clone());
    let types = Arc::clone(&caller.types);
    let work = move |tx: &mut Tx<'_>| groups::find(tx, &operation, organization, &types.group, id, &shown);
    exchange.read(work).await
}
