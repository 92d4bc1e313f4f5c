//! By which connections the people of an organization can come in, and the rule that no change of a connection takes the last
//! such way from people who have no other (decision 0039).
//!
//! A way in is an active connection whose provider's description has not ended. How its people were let through before says
//! more than any look at its settings, so another connection counts only when somebody has come in by it lately, and since
//! what decides there was last changed.

use super::break_glass;
use super::connection_route::{self, ConnectionRoute};
use super::connections::{self, Settings};
use super::group_membership;
use super::sso_policy::{self, LockoutError, SsoPolicy};
use crate::store::failure::StoreError;
use crate::store::{Tx, connections as rows, memberships, sso_policies};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, ConnectionId, OrganizationId, ResourceId};
use crate::values::operation::Operation;

/// How long a sign-in shows that a connection works.
const SUCCESS_COUNTS_SECONDS: i64 = 30 * 24 * 3600;
/// Who may mend a connection.
const ADMINISTRATORS: [&str; 2] = ["owner", "admin"];

/// A connection that people can come in by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The connection.
    pub connection: ConnectionId,
    route: ConnectionRoute,
}

/// Who has to have a way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needed {
    Everybody,
    Group(ResourceId),
}

impl Way {
    /// True when it is for everybody.
    pub fn is_for_everybody(&self) -> bool {
        self.route.is_for_everybody()
    }

    /// True when it is for this group.
    pub fn is_for_group(&self, group: ResourceId) -> bool {
        self.route.is_for_group(group)
    }

    fn serves(&self, needed: Needed) -> bool {
        match needed {
            Needed::Everybody => self.is_for_everybody(),
            Needed::Group(group) => self.is_for_group(group),
        }
    }
}

/// The ways into an organization now, whether they were ever tried or not.
pub fn open(tx: &mut Tx<'_>, organization: OrganizationId, now: Timestamp) -> Result<Vec<Way>, StoreError> {
    let mut ways = Vec::new();
    for connection in connections::all_active(tx, organization)? {
        let has_ended = match &connection.settings {
            Settings::Saml { idp, .. } => idp.valid_until.is_some_and(|until| until <= now),
            Settings::Oidc { .. } => false,
        };
        if !has_ended {
            let route = connection_route::of(tx, organization, connection.id)?;
            ways.push(Way { connection: connection.id, route });
        }
    }
    Ok(ways)
}

/// No policy of the organization changes before this transaction ends. Whoever locks a connection as well takes this first.
pub(super) fn hold(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<(), StoreError> {
    sso_policies::lock(tx, organization)
}

/// Before a connection is switched off or deleted: refused when people depend on it.
pub(super) fn require_another(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    connection: ConnectionId,
) -> Result<(), LockoutError> {
    let needed = needed(tx, organization)?;
    if is_served_besides(tx, op, organization, connection, &needed)? { Ok(()) } else { Err(LockoutError::WouldLockOut) }
}

/// Before a connection is kept for some: refused when others depend on it.
pub(super) fn require_route(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    connection: ConnectionId,
    route: &ConnectionRoute,
) -> Result<(), LockoutError> {
    let needed = needed(tx, organization)?;
    let next = Way { connection, route: route.clone() };
    let left: Vec<Needed> = needed.into_iter().filter(|one| !next.serves(*one)).collect();
    if is_served_besides(tx, op, organization, connection, &left)? { Ok(()) } else { Err(LockoutError::WouldLockOut) }
}

/// Before what decides who comes in through an active connection is changed. Nobody knows whether it works afterwards, so it is
/// refused when people depend on it, unless somebody who may mend it comes in otherwise.
pub(super) fn require_edit(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    connection: ConnectionId,
) -> Result<(), LockoutError> {
    let needed = needed(tx, organization)?;
    if is_served_besides(tx, op, organization, connection, &needed)? || can_mend(tx, organization, &needed)? {
        return Ok(());
    }
    Err(LockoutError::WouldLockOut)
}

/// Who has no way in but a connection.
fn needed(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<Needed>, StoreError> {
    hold(tx, organization)?;
    let enforced = sso_policy::enforced(tx, organization)?.into_iter();
    Ok(enforced
        .filter_map(|policy| match policy {
            SsoPolicy::Off | SsoPolicy::Optional => None,
            SsoPolicy::Test { group } => Some(Needed::Group(group)),
            SsoPolicy::Required => Some(Needed::Everybody),
        })
        .collect())
}

fn is_served_besides(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    connection: ConnectionId,
    needed: &[Needed],
) -> Result<bool, StoreError> {
    if needed.is_empty() {
        return Ok(true);
    }
    let since = op.at.plus_seconds(-SUCCESS_COUNTS_SECONDS);
    let mut others = Vec::new();
    for way in open(tx, organization, op.at)? {
        if way.connection != connection && rows::is_tried(tx, organization, way.connection, since)? {
            others.push(way);
        }
    }
    Ok(needed.iter().all(|one| others.iter().any(|way| way.serves(*one))))
}

/// True when somebody who may mend a connection comes in without one: while single sign-on is required, as many on the break-glass
/// list as that asks for; while it is tested only, one of them, or an administrator whom no test is for.
fn can_mend(tx: &mut Tx<'_>, organization: OrganizationId, needed: &[Needed]) -> Result<bool, StoreError> {
    let equipped = break_glass::equipped(tx, organization)?;
    if needed.contains(&Needed::Everybody) {
        return Ok(equipped >= break_glass::LEAST);
    }
    let tested: Vec<ResourceId> = needed
        .iter()
        .filter_map(|one| match one {
            Needed::Everybody => None,
            Needed::Group(group) => Some(*group),
        })
        .collect();
    Ok(equipped > 0 || is_any_administrator_outside(tx, organization, &tested)?)
}

fn is_any_administrator_outside(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    groups: &[ResourceId],
) -> Result<bool, StoreError> {
    for role in ADMINISTRATORS {
        let found: Vec<AccountId> = memberships::active_in_role(tx, organization, role)?;
        for account in found {
            if !group_membership::is_in_any(tx, organization, account, groups)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
