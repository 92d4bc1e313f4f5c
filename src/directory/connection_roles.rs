//! Groups at an identity provider that carry a role here. A human administrator says which; a provider only says in which
//! groups somebody is, at each sign-in.
//!
//! A role lasts until the next sign-in without the group, whichever connection it comes through, and ends at once when its
//! group no longer carries it or when its connection is switched off.

use std::collections::HashSet;

use serde_json::json;

use super::carried_roles::{self, Carried, Source};
use super::connections::{self, ConnectionError};
use super::memberships::{self, Membership, MembershipKind};
use super::permission::{self, Denied, Permission};
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::store::Tx;
use crate::store::carried_roles as carried_rows;
use crate::store::connection_policies as rows;
use crate::store::connections as connection_rows;
use crate::store::failure::StoreError;
use crate::values::ids::{ConnectionId, OrganizationId};
use crate::values::operation::{Operation, Role};

/// So many groups of a connection may carry a role.
const MOST_GROUPS: usize = 200;
/// The longest name of a group, in characters.
const MAX_NAME: usize = 200;
/// Members that are looked at by one query.
const PAGE: i64 = 200;

/// A group and the role that it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionRole {
    /// The name, or the id, by which the provider names the group; compared byte for byte.
    pub group: String,
    /// The role.
    pub role: Role,
}

/// Why groups do not get roles.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionRoleError {
    /// There is no such connection in this organization.
    #[error("no such connection")]
    NotFound,
    /// Owner and member are carried by no group.
    #[error("a group carries admin, user_admin, app_admin or auditor")]
    RoleNotGivable,
    /// Too many groups, one twice, or a name that is none.
    #[error("a list has 200 groups at most, each once, with a name of 1 to 200 characters")]
    InvalidList,
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The groups of a connection that carry a role.
pub fn all(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
) -> Result<Vec<ConnectionRole>, ConnectionRoleError> {
    // Asks for the permission to read.
    connections::find_of(tx, op, organization, id).map_err(not_found)?;
    Ok(load(tx, organization, id)?)
}

/// True when any group of a connection carries a role.
pub fn is_any(tx: &mut Tx<'_>, organization: OrganizationId, id: ConnectionId) -> Result<bool, StoreError> {
    Ok(!rows::roles(tx, organization, id)?.is_empty())
}

/// Says anew which groups carry a role. Who has a role by a group that no longer carries it loses it now; who is in a group
/// that carries one from now on gets it at the next sign-in.
pub fn replace(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
    list: &[ConnectionRole],
) -> Result<(), ConnectionRoleError> {
    permission::require(op, organization, Permission::ManageRoles)?;
    let connection = connections::find_of(tx, op, organization, id).map_err(not_found)?;
    check(list)?;
    connection_rows::lock(tx, id)?;
    let rows: Vec<_> = list.iter().map(|one| (one.group.clone(), one.role.as_str().to_owned())).collect();
    rows::replace_roles(tx, organization, id, &rows)?;
    reevaluate(tx, op, organization, id, list)?;
    let listed: Vec<_> = list.iter().map(|one| json!({ "group": one.group, "role": one.role.as_str() })).collect();
    let subject = Subject::new("connection", id);
    audit::write(tx, op, Some(organization), Action::ConnectionRolesSet, &subject, &json!({ "roles": listed }))?;
    Ok(event::publish(tx, op, organization, &Event::ConnectionChanged { connection: id, name: connection.name })?)
}

/// Gives a member who signs in through a connection the role that their groups there carry, and takes away what the last
/// sign-in gave and this one does not.
pub(super) fn apply(
    tx: &mut Tx<'_>,
    op: &Operation,
    connection: ConnectionId,
    membership: &Membership,
    groups: &[String],
) -> Result<(), StoreError> {
    if membership.kind != MembershipKind::Member {
        return Ok(());
    }
    let carrying = load(tx, membership.organization, connection)?;
    let named: HashSet<&str> = groups.iter().map(String::as_str).collect();
    let held = carrying.into_iter().filter(|one| named.contains(one.group.as_str()));
    let highest = held.reduce(|best, one| if best.role.higher(one.role) == best.role { best } else { one });
    let carried = highest.map(|one| Carried { role: one.role, group: Some((connection, one.group)) });
    carried_roles::carry(tx, op, membership, Source::SignIn, carried)
}

/// Takes away every role that this connection's groups carry: it is switched off or gone.
pub(super) fn release(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    connection: ConnectionId,
) -> Result<(), StoreError> {
    reevaluate(tx, op, organization, connection, &[])
}

fn reevaluate(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    connection: ConnectionId,
    carrying: &[ConnectionRole],
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = carried_rows::of_connection(tx, organization, connection, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.account_id);
        for row in page {
            let still = carrying.iter().find(|one| row.group_name.as_deref() == Some(&one.group));
            let carried = still.map(|one| Carried { role: one.role, group: Some((connection, one.group.clone())) });
            if let Some(membership) = memberships::find(tx, row.account_id, organization)? {
                carried_roles::carry(tx, op, &membership, Source::SignIn, carried)?;
            }
        }
    }
}

fn load(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
) -> Result<Vec<ConnectionRole>, StoreError> {
    let parse = |role: &str| Role::parse(role).ok_or(StoreError::Inconsistent("connection_roles.role"));
    let found = rows::roles(tx, organization, connection)?;
    found.into_iter().map(|(group, role)| Ok(ConnectionRole { role: parse(&role)?, group })).collect()
}

fn check(list: &[ConnectionRole]) -> Result<(), ConnectionRoleError> {
    let is_name = |name: &str| (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    let mut seen = HashSet::new();
    if list.len() > MOST_GROUPS || !list.iter().all(|one| is_name(&one.group) && seen.insert(&one.group)) {
        return Err(ConnectionRoleError::InvalidList);
    }
    if list.iter().any(|one| matches!(one.role, Role::Owner | Role::Member)) {
        return Err(ConnectionRoleError::RoleNotGivable);
    }
    Ok(())
}

fn not_found(error: ConnectionError) -> ConnectionRoleError {
    match error {
        ConnectionError::Denied(denied) => denied.into(),
        ConnectionError::Store(error) => error.into(),
        ConnectionError::NotFound
        | ConnectionError::WrongState
        | ConnectionError::OtherProtocol
        | ConnectionError::OtherProvider
        | ConnectionError::Changed
        | ConnectionError::InvalidName
        | ConnectionError::InvalidOptions(_)
        | ConnectionError::WouldLockOut
        | ConnectionError::TooMany(_) => ConnectionRoleError::NotFound,
    }
}
