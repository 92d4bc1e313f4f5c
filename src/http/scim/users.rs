//! `/Users` and `/Users/{id}`.

use std::sync::Arc;

use actix_web::HttpResponse;

use super::answer;
use super::exchange::Exchange;
use super::failure::Failure;
use super::route::Method;
use crate::flows::hold_removal;
use crate::protocol::scim::document;
use crate::protocol::scim::error::{ScimError, ScimType};
use crate::protocol::scim::patch::request;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::schema::causeway_user;
use crate::protocol::scim::tolerance::PatchAnswer;
use crate::provisioning::clients::caller::Caller;
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::reprovisioning::{self, Holder};
use crate::provisioning::resource::{Patch, Resource, location};
use crate::provisioning::users;
use crate::store::Tx;
use crate::store::resources::ResourceKind;
use crate::values::ids::ResourceId;
use crate::values::operation::Operation;

/// POST: 201.
pub async fn create(mut exchange: Exchange) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let projection = exchange.wanted().of(&caller.types.user)?;
    let rules = exchange.rules(&caller);
    let read = document::read(exchange.body().await?, &caller.types.user, &rules)?;
    let draft = users::draft(read.document, &caller.types.user)?.within(&rules.limits);
    let operation = exchange.operation(&caller);
    let organization = caller.organization;
    let (create, new) = (operation.clone(), draft.clone());
    // To take somebody on again with active: false takes access away, which may have to wait.
    let work = move |tx: &mut Tx<'_>| users::create(tx, &create, organization, &new);
    match write(&exchange, &caller, &operation, work).await {
        Ok(created) => {
            let created = whole(&exchange, &caller, created, &projection).await?;
            answer::created(&created, &exchange.base, &projection)
        }
        Err(Failure::Provisioning(ProvisioningError::UserNameTaken)) => {
            let find = move |tx: &mut Tx<'_>| reprovisioning::holder(tx, &operation, organization, &draft);
            let holder = exchange.read(find).await?;
            Err(holder.map_or(ProvisioningError::UserNameTaken.into(), |holder| taken(&exchange, &holder)))
        }
        Err(error) => Err(error),
    }
}

/// 409, with who is there and why they were not taken on again.
fn taken(exchange: &Exchange, holder: &Holder) -> Failure {
    let state = if holder.is_active { "may sign in" } else { "is not active" };
    let detail = format!(
        "another user has this userName: {}, who {state}. Whether such a user is taken on again is the client's policy, \
         which an administrator of the organization sets",
        location(&exchange.base, ResourceKind::User, holder.id),
    );
    ScimError::new(ScimType::Uniqueness, detail).into()
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
        let (caller, read) = match id {
            Some(id) if wanted.is_default() => presented.authenticate_for_user(tx, id)?,
            _ => (presented.authenticate(tx)?, None),
        };
        let (id, projection, known) = (id.ok_or(Failure::NotFound)?, wanted.of(&caller.types.user)?, known?);
        let operation = operation.by(caller.actor());
        let (organization, resource_type) = (caller.organization, &caller.types.user);
        let found = match read {
            Some(read) => users::read(tx, &operation, organization, resource_type, read, &projection)?,
            None => users::find(tx, &operation, organization, resource_type, id, &projection)?,
        };
        Ok::<_, Failure>((caller, found, projection, known))
    };
    let (caller, found, projection, known) = exchange.read(work).await?;
    exchange.note_use(&caller);
    if known.is_some_and(|condition| condition.holds(found.version)) {
        return Ok(answer::not_modified(&found, &exchange.base));
    }
    answer::resource(&found, &exchange.base, &projection)
}

async fn replace(mut exchange: Exchange, id: Option<ResourceId>) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let id = id.ok_or(Failure::NotFound)?;
    let projection = exchange.wanted().of(&caller.types.user)?;
    let rules = exchange.rules(&caller);
    let read = document::read(exchange.body().await?, &caller.types.user, &rules)?;
    let draft = users::draft(read.document, &caller.types.user)?.within(&rules.limits);
    let (operation, condition) = (exchange.operation(&caller), exchange.if_match()?);
    let (change, organization) = (operation.clone(), caller.organization);
    let work = move |tx: &mut Tx<'_>| users::replace(tx, &change, organization, id, &draft, condition.as_ref());
    let replaced = write(&exchange, &caller, &operation, work).await?;
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
    let (change, organization) = (operation.clone(), caller.organization);
    let work = move |tx: &mut Tx<'_>| users::patch(tx, &change, organization, id, patch, condition.as_ref());
    let patched = write(&exchange, &caller, &operation, work).await?;
    if answer == PatchAnswer::NoContent && projection.is_default() {
        return Ok(answer::changed(patched.version));
    }
    let patched = whole(&exchange, &caller, patched, &projection).await?;
    answer::resource(&patched, &exchange.base, &projection)
}

async fn delete(exchange: Exchange, id: Option<ResourceId>) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let id = id.ok_or(Failure::NotFound)?;
    let (operation, condition) = (exchange.operation(&caller), exchange.if_match()?);
    let (change, organization) = (operation.clone(), caller.organization);
    let work = move |tx: &mut Tx<'_>| users::delete(tx, &change, organization, id, condition.as_ref());
    write(&exchange, &caller, &operation, work).await?;
    Ok(answer::nothing())
}

/// One transaction. A removal in it that has to wait for a human is put on the waiting list afterwards.
async fn write<T: Send + 'static>(
    exchange: &Exchange,
    caller: &Caller,
    operation: &Operation,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, ProvisioningError> + Send + 'static,
) -> Result<T, Failure> {
    let outcome = exchange.write(caller, work).await;
    if let Err(Failure::Provisioning(error)) = &outcome {
        hold_removal::run(&exchange.context.store, operation, caller.organization, error).await?;
    }
    outcome
}

/// A user after a change, read again outside the writing transaction when its groups are too many for that, or what only
/// the gateway knows was asked for.
async fn whole(
    exchange: &Exchange,
    caller: &Caller,
    changed: Resource,
    projection: &Projection,
) -> Result<Resource, Failure> {
    let own = caller.types.user.extension(causeway_user::ID);
    let lacks_standing = changed.standing.is_none() && own.is_some_and(|own| projection.may_show_extension(own));
    let lacks_groups = !changed.is_complete && projection.may_show("groups");
    if !lacks_standing && !lacks_groups {
        return Ok(changed);
    }
    let (operation, organization, shown) = (exchange.operation(caller), caller.organization, projection.clone());
    let resource_type = Arc::clone(&caller.types.user);
    let work = move |tx: &mut Tx<'_>| users::find(tx, &operation, organization, &resource_type, changed.id, &shown);
    exchange.read(work).await
}
