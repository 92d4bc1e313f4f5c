//! The brake on mass removals (decision Q33): when a client removes very many people within an hour, the rest waits for a
//! human. Up to the limit nothing is delayed; past it a removal is not made, noted on a waiting list, and done when an
//! administrator confirms. While the list waits, a few people who are not on it can still be removed, so that the person
//! who has to go today goes today.
//!
//! What counts is a DELETE or `active: false` of somebody who may sign in, by a SCIM client. What the gateway or an
//! administrator does is never braked.

use serde_json::json;

use crate::directory::permission::{self, Denied, Permission};
use crate::provisioning::failure::ProvisioningError;
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::record::jobs::{self, Job};
use crate::store::failure::StoreError;
use crate::store::removals::{self as rows, BrakeRow, HeldRow};
use crate::store::{Tx, organizations, resources};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ResourceId, ScimClientId};
use crate::values::operation::{Actor, Operation};

/// So many are removed within an hour without a question, if the organization says nothing else.
pub const REMOVALS_PER_HOUR: i64 = 500;
/// And such a share of those who may sign in, if that is more.
pub const SHARE_PERCENT: i64 = 20;
/// So many within an hour who are not on the list, while it waits.
const SINGLES_PER_HOUR: i64 = 20;
/// How long a decision counts: the client goes on, or hears no for those on the list.
const DECISION_SECONDS: i64 = 24 * 3600;
/// When a client may ask again.
pub const RETRY_SECONDS: i64 = 3600;
const HOUR_MINUTES: i64 = 60;
/// The rows over which the removals of one minute are spread.
const SHARDS: u8 = 8;
/// The first of the rows that count those who went while a list waited.
const SINGLES_SHARD: i32 = 100;

/// How somebody is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// The user is deleted.
    Delete,
    /// Access is taken away.
    Deactivate,
}

/// Where the brake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrakeState {
    /// Nothing waits.
    Open,
    /// The list waits for a human.
    Waiting,
    /// A human let it through; until then the client may go on.
    Confirmed,
    /// A human said no; until then whoever is on the list stays.
    Rejected,
}

/// The brake of an organization.
#[derive(Debug, Clone)]
pub struct Brake {
    /// Where it is, now.
    pub state: BrakeState,
    /// How many removals wait, or were rejected.
    pub waiting: i64,
    /// How many were removed within the hour.
    pub removed: i64,
    /// So many within an hour pass in any case.
    pub removals_per_hour: i64,
    /// And such a share of those who may sign in.
    pub share_percent: i64,
    /// When the list began to wait.
    pub opened_at: Option<Timestamp>,
    /// The client that asked.
    pub client: Option<ScimClientId>,
    /// Until when the decision counts.
    pub until: Option<Timestamp>,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum BrakeError {
    /// Nothing waits.
    #[error("no removal waits for a decision")]
    NothingWaits,
    /// A limit is out of bounds.
    #[error("removals_per_hour is from 1 to 1000000, share_percent from 0 to 100")]
    InvalidLimit,
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Removal {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Deactivate => "deactivate",
        }
    }

    fn parse(name: &str) -> Result<Self, StoreError> {
        [Self::Delete, Self::Deactivate]
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or(StoreError::Inconsistent("held_removals.kind"))
    }
}

impl BrakeState {
    /// The name in the store and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Waiting => "waiting",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
        }
    }

    fn of(row: Option<&BrakeRow>, now: Timestamp) -> Result<Self, StoreError> {
        let Some(row) = row else { return Ok(Self::Open) };
        let is_over = row.until.is_none_or(|until| until <= now);
        match row.state.as_str() {
            "open" => Ok(Self::Open),
            "waiting" => Ok(Self::Waiting),
            "confirmed" | "rejected" if is_over => Ok(Self::Open),
            "confirmed" => Ok(Self::Confirmed),
            "rejected" => Ok(Self::Rejected),
            _ => Err(StoreError::Inconsistent("brakes.state")),
        }
    }
}

const fn minute_of(at: Timestamp) -> i64 {
    at.seconds().div_euclid(60)
}

/// A removal that was let through. It is counted when it is done: until the transaction ends nobody else can count in the same
/// row.
#[derive(Debug)]
#[must_use = "a removal counts"]
pub(super) struct Admitted(Option<(i64, i32)>);

/// Counts a removal.
pub(super) fn count(tx: &mut Tx<'_>, organization: OrganizationId, admitted: Admitted) -> Result<(), StoreError> {
    match admitted {
        Admitted(Some((minute, shard))) => rows::count(tx, organization, minute, shard),
        Admitted(None) => Ok(()),
    }
}

/// Before a client removes somebody who may sign in: lets it through, to be counted with [`count`], or refuses.
pub(super) fn admit(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    resource: ResourceId,
    removal: Removal,
) -> Result<Admitted, ProvisioningError> {
    if !matches!(op.actor, Actor::ScimClient { .. }) {
        return Ok(Admitted(None));
    }
    let hour = minute_of(op.at).saturating_sub(HOUR_MINUTES).saturating_add(1);
    let (row, removed) = rows::find_with_removed(tx, organization, hour)?;
    let held = || ProvisioningError::RemovalHeld { resource, removal };
    let state = BrakeState::of(row.as_ref(), op.at)?;
    match state {
        BrakeState::Confirmed => {}
        BrakeState::Waiting => {
            let singles = rows::counted_since(tx, organization, hour, SINGLES_SHARD)?;
            if singles >= SINGLES_PER_HOUR || rows::is_held(tx, organization, resource)? {
                return Err(held());
            }
        }
        BrakeState::Open | BrakeState::Rejected => {
            if state == BrakeState::Rejected && rows::is_held(tx, organization, resource)? {
                return Err(ProvisioningError::RemovalRejected);
            }
            if removed >= limit(tx, op, organization, row.as_ref(), removed)? {
                return Err(held());
            }
        }
    }
    let [byte] = op.entropy.bytes::<1>();
    let first = if state == BrakeState::Waiting { SINGLES_SHARD } else { 0 };
    Ok(Admitted(Some((minute_of(op.at), first.saturating_add(i32::from(byte % SHARDS))))))
}

/// How many may go within the hour. Those who may sign in are counted only when the share can matter, and once an hour.
fn limit(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    row: Option<&BrakeRow>,
    removed: i64,
) -> Result<i64, StoreError> {
    let fixed = row.and_then(|row| row.removals_per_hour).unwrap_or(REMOVALS_PER_HOUR);
    if removed < fixed {
        return Ok(fixed);
    }
    let share = row.and_then(|row| row.share_percent).unwrap_or(SHARE_PERCENT);
    let known = row.filter(|row| row.active_at.is_some_and(|at| at.plus_seconds(3600) > op.at));
    let active = match known.and_then(|row| row.active) {
        Some(active) => active,
        None => {
            // Whoever went within the hour was there at its beginning.
            let active = resources::count_active(tx, organization)?.saturating_add(removed);
            let row = locked(tx, organization)?;
            rows::put(tx, &BrakeRow { active: Some(active), active_at: Some(op.at), ..row })?;
            active
        }
    };
    Ok(fixed.max(active.saturating_mul(share) / 100))
}

/// The brake that is about to be changed; nobody else changes it before this transaction ends.
fn locked(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<BrakeRow, StoreError> {
    organizations::lock(tx, organization)?;
    Ok(rows::find(tx, organization)?.unwrap_or_else(|| fresh(organization)))
}

fn fresh(organization: OrganizationId) -> BrakeRow {
    BrakeRow {
        org_id: organization,
        state: BrakeState::Open.as_str().to_owned(),
        removals_per_hour: None,
        share_percent: None,
        opened_at: None,
        client_id: None,
        until: None,
        active: None,
        active_at: None,
    }
}

/// Notes a removal that [`admit`] refused: in a transaction of its own where that of the request is rolled back. The
/// administrators are told when the list begins, once. Where one has just let the list through, nothing is noted: what waits is
/// done, and the client may ask again.
pub fn hold(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    resource: ResourceId,
    removal: Removal,
) -> Result<(), ProvisioningError> {
    permission::require(op, organization, Permission::ChangeResources)?;
    let Actor::ScimClient { client, .. } = op.actor else { return Ok(()) };
    let row = locked(tx, organization)?;
    let state = BrakeState::of(Some(&row), op.at)?;
    if state == BrakeState::Confirmed {
        return Ok(());
    }
    if state != BrakeState::Waiting {
        // What was rejected a day ago, or left over from a list that was let through, is not asked about again.
        rows::release_all(tx, organization)?;
        let waiting = BrakeRow {
            state: BrakeState::Waiting.as_str().to_owned(),
            opened_at: Some(op.at),
            client_id: Some(client),
            until: None,
            ..row
        };
        rows::put(tx, &waiting)?;
        log(tx, op, organization, Action::RemovalsHeld, &json!({ "client": client }))?;
        event::publish(tx, op, organization, &Event::RemovalsHeld { client })?;
    }
    let kind = removal.as_str().to_owned();
    rows::hold(tx, &HeldRow { org_id: organization, resource_id: resource, client_id: client, kind, held_at: op.at })?;
    Ok(())
}

/// The brake of an organization, as its administrators see it: numbers, and no names.
pub fn find(tx: &mut Tx<'_>, op: &Operation, organization: OrganizationId) -> Result<Brake, BrakeError> {
    permission::require(op, organization, Permission::Read)?;
    let row = rows::find(tx, organization)?;
    let hour = minute_of(op.at).saturating_sub(HOUR_MINUTES).saturating_add(1);
    let state = BrakeState::of(row.as_ref(), op.at)?;
    let is_listed = matches!(state, BrakeState::Waiting | BrakeState::Rejected);
    Ok(Brake {
        state,
        waiting: if is_listed { rows::held_count(tx, organization)? } else { 0 },
        removed: rows::counted_since(tx, organization, hour, 0)?,
        removals_per_hour: row.as_ref().and_then(|row| row.removals_per_hour).unwrap_or(REMOVALS_PER_HOUR),
        share_percent: row.as_ref().and_then(|row| row.share_percent).unwrap_or(SHARE_PERCENT),
        opened_at: row.as_ref().and_then(|row| row.opened_at).filter(|_| is_listed),
        client: row.as_ref().and_then(|row| row.client_id).filter(|_| is_listed),
        until: row.and_then(|row| row.until).filter(|_| matches!(state, BrakeState::Confirmed | BrakeState::Rejected)),
    })
}

/// Sets how many may go within an hour without a question.
pub fn set_limit(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    removals_per_hour: i64,
    share_percent: i64,
) -> Result<Brake, BrakeError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    if !(1..=1_000_000).contains(&removals_per_hour) || !(0..=100).contains(&share_percent) {
        return Err(BrakeError::InvalidLimit);
    }
    let row = locked(tx, organization)?;
    let changed = BrakeRow { removals_per_hour: Some(removals_per_hour), share_percent: Some(share_percent), ..row };
    rows::put(tx, &changed)?;
    let detail = json!({ "removals_per_hour": removals_per_hour, "share_percent": share_percent });
    log(tx, op, organization, Action::RemovalsLimited, &detail)?;
    find(tx, op, organization)
}

/// Lets the list through: a job does it, some in each transaction. For a day the client goes on without a question.
pub fn confirm(tx: &mut Tx<'_>, op: &Operation, organization: OrganizationId) -> Result<Brake, BrakeError> {
    decide(tx, op, organization, BrakeState::Confirmed, Action::RemovalsConfirmed)?;
    jobs::enqueue(tx, op, &Job::RemoveHeld { organization }, op.at)?;
    find(tx, op, organization)
}

/// Whoever is on the list stays, and for a day the client hears no for them.
pub fn reject(tx: &mut Tx<'_>, op: &Operation, organization: OrganizationId) -> Result<Brake, BrakeError> {
    decide(tx, op, organization, BrakeState::Rejected, Action::RemovalsRejected)?;
    find(tx, op, organization)
}

fn decide(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    state: BrakeState,
    action: Action,
) -> Result<(), BrakeError> {
    permission::require(op, organization, Permission::ManageUsers)?;
    let row = locked(tx, organization)?;
    if BrakeState::of(Some(&row), op.at)? != BrakeState::Waiting {
        return Err(BrakeError::NothingWaits);
    }
    let waiting = rows::held_count(tx, organization)?;
    let until = Some(op.at.plus_seconds(DECISION_SECONDS));
    rows::put(tx, &BrakeRow { state: state.as_str().to_owned(), until, ..row })?;
    log(tx, op, organization, action, &json!({ "removals": waiting }))?;
    Ok(())
}

/// Some of the removals that were let through, for the job that does them.
pub fn confirmed(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    limit: i64,
) -> Result<Vec<(ResourceId, Removal)>, StoreError> {
    let row = rows::find(tx, organization)?;
    if BrakeState::of(row.as_ref(), op.at)? != BrakeState::Confirmed {
        return Ok(Vec::new());
    }
    let held = rows::held(tx, organization, limit)?;
    held.into_iter().map(|row| Ok((row.resource_id, Removal::parse(&row.kind)?))).collect()
}

/// Takes a removal off the list.
pub fn release(tx: &mut Tx<'_>, organization: OrganizationId, resource: ResourceId) -> Result<(), StoreError> {
    rows::release(tx, organization, resource)
}

fn log(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    action: Action,
    detail: &serde_json::Value,
) -> Result<(), StoreError> {
    audit::write(tx, op, Some(organization), action, &Subject::new("organization", organization), detail)
}

#[cfg(test)]
mod tests;
