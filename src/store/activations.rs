//! Activations: links by which a person confirms a mailbox and joins. Tokens are kept as hashes.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::people_schema::activations as table;
use super::schema::resources;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, ActivationId, OrganizationId, ResourceId};
use crate::values::page::PageRequest;
use crate::values::secret::TokenHash;

/// One activation.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false, treat_none_as_null = true)]
#[allow(missing_docs)] // columns
pub struct ActivationRow {
    pub id: ActivationId,
    pub org_id: OrganizationId,
    pub account_id: AccountId,
    pub address: String,
    pub state: String,
    pub token_hash: Option<Vec<u8>>,
    pub created_at: Timestamp,
    pub asked_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    pub expires_at: Timestamp,
}

/// Inserts one; [`super::constraint::Constraint::OpenActivation`] when the membership has an open one.
pub fn insert(tx: &mut Tx<'_>, row: &ActivationRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// An activation of an organization.
pub fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ActivationId,
) -> Result<Option<ActivationRow>, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).filter(table::id.eq(id));
    Ok(query.select(ActivationRow::as_select()).first(tx.connection()).optional()?)
}

/// The activation with this token.
pub fn find_by_token(tx: &mut Tx<'_>, token: &TokenHash) -> Result<Option<ActivationRow>, StoreError> {
    let query = table::table.filter(table::token_hash.eq(token.as_bytes())).select(ActivationRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// The open activation of a membership.
pub fn find_open(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: AccountId,
) -> Result<Option<ActivationRow>, StoreError> {
    let query = table::table
        .filter(table::account_id.eq(account))
        .filter(table::org_id.eq(organization))
        .filter(table::state.eq("open"))
        .select(ActivationRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// The activations of an organization in one of these states, by id, each with the SCIM user it is about.
pub fn page(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    states: &[&str],
    page: &PageRequest<ActivationId>,
) -> Result<Vec<(ActivationRow, Option<ResourceId>)>, StoreError> {
    let states: Vec<String> = states.iter().map(|state| (*state).to_owned()).collect();
    let mut query = table::table
        .left_join(
            resources::table
                .on(resources::account_id.eq(table::account_id.nullable()).and(resources::org_id.eq(table::org_id))),
        )
        .filter(table::org_id.eq(organization))
        .filter(table::state.eq_any(states))
        .order(table::id)
        .limit(page.fetch_limit())
        .select((ActivationRow::as_select(), resources::id.nullable()))
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(table::id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// Writes a changed activation, if its state is still `from`; tells whether it was.
/// [`super::constraint::Constraint::OpenActivation`] when the membership has another open one.
pub fn update(tx: &mut Tx<'_>, row: &ActivationRow, from: &str) -> Result<bool, StoreError> {
    let one = table::table.filter(table::id.eq(row.id)).filter(table::state.eq(from));
    Ok(diesel::update(one).set(row).execute(tx.connection())? == 1)
}

/// When so many mails of an organization were made since `since`, other than of `but`: the instant of the first of the newest
/// `most`. `None` when there were fewer.
pub fn first_of_last_sent(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    but: ActivationId,
    since: Timestamp,
    most: u32,
) -> Result<Option<Timestamp>, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::sent_at.gt(since))
        .filter(table::id.ne(but))
        .order(table::sent_at.desc())
        .offset(i64::from(most.saturating_sub(1)))
        .limit(1)
        .select(table::sent_at);
    Ok(query.first::<Option<Timestamp>>(tx.connection()).optional()?.flatten())
}

/// Uses a token up: single use is this one statement. Tells whether it was open and had not expired.
pub fn consume(tx: &mut Tx<'_>, token: &TokenHash, now: Timestamp) -> Result<bool, StoreError> {
    let one = table::table
        .filter(table::token_hash.eq(token.as_bytes()))
        .filter(table::state.eq("open"))
        .filter(table::expires_at.gt(now));
    Ok(diesel::update(one).set(table::state.eq("accepted")).execute(tx.connection())? == 1)
}

/// Removes the expired activations of a membership, which another one or the joining has overtaken.
pub fn delete_expired_of(tx: &mut Tx<'_>, organization: OrganizationId, account: AccountId) -> Result<(), StoreError> {
    let all = table::table
        .filter(table::account_id.eq(account))
        .filter(table::org_id.eq(organization))
        .filter(table::state.eq("expired"));
    diesel::delete(all).execute(tx.connection())?;
    Ok(())
}

/// Open activations that have expired, the oldest first.
pub fn expired(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<ActivationRow>, StoreError> {
    let query = table::table
        .filter(table::state.eq("open"))
        .filter(table::expires_at.le(now))
        .order(table::expires_at)
        .limit(limit)
        .select(ActivationRow::as_select());
    Ok(query.load(tx.connection())?)
}
