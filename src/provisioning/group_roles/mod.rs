//! Roles that groups carry: an administrator says that the members of a group have a role; nobody has one by the name of
//! a group, and no SCIM client can say so.
//!
//! A role by a group stands beside the one that a person was given: the higher of the two counts, and what was given is
//! there again when the group no longer carries it. Owner is never carried, so the last owner is nobody's group's to
//! take. Few people who are touched are looked at in the transaction of the change; many by a job.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::json;

use crate::directory::carried_roles::{self, Carried, Source};
use crate::directory::memberships::{self, MembershipKind};
use crate::directory::permission::{self, Denied, Permission};
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::record::jobs::{self, Job};
use crate::store::failure::StoreError;
use crate::store::group_roles::{self as rows, GroupRoleRow};
use crate::store::resources::ResourceKind;
use crate::store::{Tx, members, memberships as membership_rows, resource_locks};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ResourceId};
use crate::values::operation::{Operation, Role};

/// So many people are looked at in the transaction of the change.
const MOST_AT_ONCE: usize = 100;
/// So many memberships above a user or a group are looked at.
const MOST_ABOVE: usize = 10_000;
/// So many users below a group are looked at by the job.
const MOST_CANDIDATES: i64 = 1_000_000;
/// So many groups of an organization may carry a role.
const MOST_GROUPS: usize = 200;

/// A group that carries a role.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct GroupRole {
    pub group: ResourceId,
    pub role: Role,
    pub created_at: Timestamp,
}

/// Why a group does not get a role.
#[derive(Debug, thiserror::Error)]
pub enum GroupRoleError {
    /// There is no such group in this organization, or it carries no role.
    #[error("no such group, or it carries no role")]
    NotFound,
    /// Owner and member are carried by no group.
    #[error("a group carries admin, user_admin, app_admin or auditor")]
    RoleNotGivable,
    /// So many groups carry one already.
    #[error("200 groups carry a role, and there can be no more")]
    TooMany,
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who is touched by a change of members.
#[derive(Debug, Clone, Default)]
pub(super) struct Touched {
    keys: Vec<i64>,
    are_many: bool,
}

impl Touched {
    /// Somebody came or went.
    pub(super) fn note(&mut self, keys: &[i64]) {
        if self.keys.len().saturating_add(keys.len()) > MOST_AT_ONCE {
            self.note_many();
        } else {
            self.keys.extend_from_slice(keys);
        }
    }

    /// Very many came or went.
    pub(super) fn note_many(&mut self) {
        self.keys.clear();
        self.are_many = true;
    }
}

/// Lets a group carry a role, in place of the one that it carries.
pub fn put(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    group: ResourceId,
    role: Role,
) -> Result<GroupRole, GroupRoleError> {
    permission::require(op, organization, Permission::ManageRoles)?;
    if matches!(role, Role::Owner | Role::Member) {
        return Err(GroupRoleError::RoleNotGivable);
    }
    let k = key(tx, organization, group)?;
    let known = rows::carrying(tx, organization)?;
    if known.len() >= MOST_GROUPS && known.iter().all(|(known, _)| *known != k) {
        return Err(GroupRoleError::TooMany);
    }
    let row = GroupRoleRow { group_k: k, org_id: organization, role: role.as_str().to_owned(), created_at: op.at };
    rows::put(tx, &row)?;
    announce(tx, op, organization, group, Some(role))?;
    let touched = of_members(tx, k)?;
    evaluate(tx, op, organization, &touched)?;
    Ok(GroupRole { group, role, created_at: op.at })
}

/// A group no longer carries a role.
pub fn remove(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    group: ResourceId,
) -> Result<(), GroupRoleError> {
    permission::require(op, organization, Permission::ManageRoles)?;
    let k = key(tx, organization, group)?;
    if !rows::delete(tx, organization, k)? {
        return Err(GroupRoleError::NotFound);
    }
    announce(tx, op, organization, group, None)?;
    let touched = of_members(tx, k)?;
    Ok(evaluate(tx, op, organization, &touched)?)
}

/// The groups of an organization that carry a role: 200 at most.
pub fn all(tx: &mut Tx<'_>, op: &Operation, organization: OrganizationId) -> Result<Vec<GroupRole>, GroupRoleError> {
    permission::require(op, organization, Permission::Read)?;
    let found = rows::of_organization(tx, organization)?;
    found
        .into_iter()
        .map(|(row, group)| Ok(GroupRole { group, role: parse(&row.role)?, created_at: row.created_at }))
        .collect()
}

/// After members of a group came or went: looks at those who are touched, if the group or one above it carries a role.
pub(super) fn members_changed(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    group: i64,
    touched: &Touched,
) -> Result<(), StoreError> {
    if touched.keys.is_empty() && !touched.are_many {
        return Ok(());
    }
    let carrying = Carrying::load(tx, organization)?;
    match carrying.above(tx, &[group])? {
        Some(None) => Ok(()),
        Some(Some(_)) => evaluate(tx, op, organization, touched),
        None => evaluate(tx, op, organization, &Touched { keys: Vec::new(), are_many: true }),
    }
}

/// Before a group is deleted: who is touched by that. `None` when nobody is.
pub(super) fn before_deletion(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    (group, k): (ResourceId, i64),
) -> Result<Option<Touched>, StoreError> {
    let carrying = Carrying::load(tx, organization)?;
    if carrying.above(tx, &[k])? == Some(None) {
        return Ok(None);
    }
    if carrying.0.contains_key(&k) {
        announce(tx, op, organization, group, None)?;
    }
    of_members(tx, k).map(Some)
}

/// The direct members of a group.
fn of_members(tx: &mut Tx<'_>, k: i64) -> Result<Touched, StoreError> {
    let most = i64::try_from(MOST_AT_ONCE).unwrap_or(i64::MAX);
    let mut touched = Touched::default();
    if members::count_up_to(tx, k, most.saturating_add(1))? > most {
        touched.note_many();
    } else {
        touched.note(&members::member_keys(tx, k)?);
    }
    Ok(touched)
}

/// Gives the people who are touched the roles that their groups carry now: at once when they are few, else, or when groups
/// are among them, by a job.
pub(super) fn evaluate(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    touched: &Touched,
) -> Result<(), StoreError> {
    let keys: BTreeSet<i64> = touched.keys.iter().copied().collect();
    let keys: Vec<i64> = keys.into_iter().collect();
    let people = rows::accounts(tx, &keys)?;
    if touched.are_many || people.len() != keys.len() {
        return jobs::enqueue(tx, op, &Job::EvaluateRoles { organization, after: None }, op.at);
    }
    evaluate_users(tx, op, organization, &keys)
}

/// Gives these users the roles that their groups carry now.
pub fn evaluate_users(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    users: &[i64],
) -> Result<(), StoreError> {
    let carrying = Carrying::load(tx, organization)?;
    let mut people = rows::accounts(tx, users)?;
    // In one order, so that two who look at the same people do not wait for each other.
    people.sort_by_key(|(_, account)| *account);
    for (user, account) in people {
        // Two groups that let go of somebody at the same moment are looked at one after the other.
        membership_rows::lock(tx, account, organization)?;
        let Some(membership) = memberships::find(tx, account, organization)? else { continue };
        if membership.kind != MembershipKind::Member {
            continue;
        }
        // Somebody whose groups are too many to look at has no role by them.
        let carried = carrying.above(tx, &[user])?.flatten();
        let carried = carried.map(|role| Carried { role, group: None });
        carried_roles::carry(tx, op, &membership, Source::Group, carried)?;
    }
    Ok(())
}

/// To be done, in a transaction of its own, before [`candidates`] are looked for: who comes into a group while that group comes below
/// one that carries a role is seen by neither change, and there for the job.
pub fn settle(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<(), StoreError> {
    resource_locks::settle_carrying(tx, organization)
}

/// The users whose role may be another than it is, for the job that looks at them: those below the groups that carry one,
/// and those for whom one is carried.
pub fn candidates(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<i64>, StoreError> {
    let mut found = BTreeSet::new();
    for (group, _) in rows::carrying(tx, organization)? {
        found.extend(rows::users_below(tx, group, MOST_CANDIDATES)?);
    }
    let mut after = None;
    loop {
        let carried = membership_rows::carried(tx, organization, after, 500)?;
        let Some(last) = carried.last() else { return Ok(found.into_iter().collect()) };
        after = Some(*last);
        found.extend(rows::users_of(tx, organization, &carried)?);
    }
}

/// The groups of an organization that carry a role.
struct Carrying(HashMap<i64, Role>);

impl Carrying {
    fn load(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Self, StoreError> {
        let rows = rows::carrying(tx, organization)?;
        Ok(Self(rows.into_iter().map(|(k, role)| Ok((k, parse(&role)?))).collect::<Result<_, StoreError>>()?))
    }

    /// The highest role that these resources, or groups above them, carry. `None` when there are too many memberships
    /// above to look at.
    fn above(&self, tx: &mut Tx<'_>, from: &[i64]) -> Result<Option<Option<Role>>, StoreError> {
        if self.0.is_empty() {
            return Ok(Some(None));
        }
        let mut known: HashSet<i64> = from.iter().copied().collect();
        let (mut level, mut highest, mut left) = (from.to_vec(), None::<Role>, MOST_ABOVE);
        while !level.is_empty() {
            for role in level.iter().filter_map(|k| self.0.get(k)) {
                highest = Some(highest.map_or(*role, |highest| highest.higher(*role)));
            }
            let limit = i64::try_from(left.saturating_add(1)).unwrap_or(i64::MAX);
            let above = members::groups_above(tx, &level, limit)?;
            let Some(rest) = left.checked_sub(above.len()) else { return Ok(None) };
            left = rest;
            level = above.into_iter().filter(|k| known.insert(*k)).collect();
        }
        Ok(Some(highest))
    }
}

fn key(tx: &mut Tx<'_>, organization: OrganizationId, group: ResourceId) -> Result<i64, GroupRoleError> {
    let row = resource_locks::find_for_update(tx, organization, ResourceKind::Group, group)?;
    Ok(row.ok_or(GroupRoleError::NotFound)?.k)
}

fn parse(role: &str) -> Result<Role, StoreError> {
    Role::parse(role).ok_or(StoreError::Inconsistent("group_roles.role"))
}

fn announce(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    group: ResourceId,
    role: Option<Role>,
) -> Result<(), StoreError> {
    let action = if role.is_some() { Action::GroupRoleSet } else { Action::GroupRoleRemoved };
    let detail = json!({ "role": role.map(Role::as_str) });
    audit::write(tx, op, Some(organization), action, &Subject::new("group", group), &detail)?;
    event::publish(
        tx,
        op,
        organization,
        &Event::GroupRoleChanged { group, role: role.map(|role| role.as_str().to_owned()) },
    )
}

#[cfg(test)]
mod tests;
