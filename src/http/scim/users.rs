//! `/Users` and `/Users/{id}`.

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
use crate::provisioning::resource::{Patch, Resource};
use crate::provisioning::users;
use crate::store::Tx;
use crate::values::ids::ResourceId;

/// POST: 201.
pub async fn create(mut exchange: Exchange) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let projection = exchange.wanted().of(&caller.types.user)?;
    let rules = exchange.rules(&caller);
    let read = document::read(exchange.body().await?, &caller.types.user, &rules)?;
    let draft = users::draft(read.document, &caller.types.user)?;
    let operation = exchange.operation(&caller);
    let created = exchange.write(&caller, move |tx| users::create(tx, &operation, caller.organization, &draft));
    answer::created(&created.await?, &exchange.base, &projection)
}

/// GET, PUT, PATCH and DELETE of one user.
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
        let (id, projection, known) = (id.ok_or(Failure::NotFound)?, wanted.of(&caller.types.user)?, known?);
        let operation = operation.by(caller.actor());
        let found = users::find(tx, &operation, caller.organization, &caller.types.user, id, &projection)?;
        Ok::<_, Failure>((caller, found, projection, known))
    };
    let (caller, found, projection, known) = exchange.read(work).await?;
    exchange.note_use(&caller);
    if known.is_some_and(|condition| condition.holds(found.version)) {
        return Ok(answer::not_modified(found.version));
    }
    answer::resource(&found, &exchange.base, &projection)
}

async fn replace(mut exchange: Exchange, id: Option<ResourceId>) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let id = id.ok_or(Failure::NotFound)?;
    let projection = exchange.wanted().of(&caller.types.user)?;
    let rules = exchange.rules(&caller);
    let read = document::read(exchange.body().await?, &caller.types.user, &rules)?;
    let draft = users::draft(read.document, &caller.types.user)?;
    let (operation, condition) = (exchange.operation(&caller), exchange.if_match()?);
    let organization = caller.organization;
    let work = move |tx: &mut Tx<'_>| users::replace(tx, &operation, organization, id, &draft, condition.as_ref());
    let replaced = exchange.write(&caller, work).await?;
    let replaced = whole(&exchange, &caller, replaced, &projection).await?;
    answer::resource(&replaced, &exchange.base, &projection)
}

async fn patch(mut exchange: Exchange, id: Option<ResourceId>) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let id = id.ok_or(Failure::NotFound)?;
    let projection = exchange.wanted().of(&caller.types.user)?;
    let rules = exchange.rules(&caller);
    let operations = request::read(exchange.body().await?, &rules)?;
    let (operation, condition) = (exchange.operation(&caller), exchange.if_match()?);
    let answer = rules.tolerance.patch_answer;
    let patch = Patch { operations, resource_type: Arc::clone(&caller.types.user), rules };
    let organization = caller.organization;
    let work = move |tx: &mut Tx<'_>| users::patch(tx, &operation, organization, id, patch, condition.as_ref());
    let patched = exchange.write(&caller, work).await?;
    if answer == PatchAnswer::NoContent && projection.is_default() {
        return Ok(answer::nothing());
    }
    let patched = whole(&exchange, &caller, patched, &projection).await?;
    answer::resource(&patched, &exchange.base, &projection)
}

async fn delete(exchange: Exchange, id: Option<ResourceId>) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let id = id.ok_or(Failure::NotFound)?;
    let (operation, condition) = (exchange.operation(&caller), exchange.if_match()?);
    let work = move |tx: &mut Tx<'_>| users::delete(tx, &operation, caller.organization, id, condition.as_ref());
    exchange.write(&caller, work).await?;
    Ok(answer::nothing())
}

/// A user after a change, read again outside the writing transaction when its groups are too many for that.
async fn whole(
    exchange: &Exchange,
    caller: &Caller,
    changed: Resource,
    projection: &Projection,
) -> Result<Resource, Failure> {
    if changed.is_complete || !projection.may_show("groups") {
        return Ok(changed);
    }
    let (operation, organization, shown) = (exchange.operation(caller), caller.organization, projection.clone());
    let resource_type = Arc::clone(&caller.types.user);
    let work = move |tx: &mut Tx<'_>| users::find(tx, &operation, organization, &resource_type, changed.id, &shown);
    exchange.read(work).await
}
