//! Roles that something carries for a member: the groups that a directory has pushed, or a group that the identity provider
//! named at the last sign-in.
//!
//! Each source is kept apart, so that none takes away what the other gives. The highest of them and of the role that the
//! person was given counts; what was given comes back when nothing is carried any more. Owner is carried by nothing.

use serde_json::json;

use super::break_glass;
use super::memberships::Membership;
use crate::record::audit::{self, Action, Subject};
use crate::store::carried_roles::{self as rows, CarriedRoleRow};
use crate::store::failure::StoreError;
use crate::store::{Tx, accounts, memberships as membership_rows};
use crate::values::ids::ConnectionId;
use crate::values::operation::{Operation, Role};

/// What carries a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Groups that a directory has pushed.
    Group,
    /// The last sign-in.
    SignIn,
}

/// A role that is carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The role.
    pub role: Role,
    /// By which group of which connection, when a sign-in carries it.
    pub group: Option<(ConnectionId, String)>,
}

impl Source {
    /// The name in the store and in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::SignIn => "sign_in",
        }
    }
}

/// Lets `source` carry this role for a member, or none. An entry is written when the role that counts is another one then.
pub fn carry(
    tx: &mut Tx<'_>,
    op: &Operation,
    membership: &Membership,
    source: Source,
    carried: Option<Carried>,
) -> Result<(), StoreError> {
    if carried.is_none() && membership.direct_role.is_none() {
        return Ok(());
    }
    let others = replace(tx, op, membership, source, carried.as_ref())?;
    let highest = others.into_iter().chain(carried.map(|carried| carried.role)).reduce(Role::higher);
    let given = membership.direct_role.unwrap_or(membership.role);
    let role = highest.map_or(given, |highest| highest.higher(given));
    let direct_role = highest.map(|_| given);
    if (role, direct_role) == (membership.role, membership.direct_role) {
        return Ok(());
    }
    let (account, organization) = (membership.account, membership.organization);
    membership_rows::update_role(tx, account, organization, role.as_str(), direct_role.map(Role::as_str), op.at)?;
    if role != membership.role {
        let detail = json!({ "from": membership.role.as_str(), "to": role.as_str(), "by": source.as_str() });
        audit::write(tx, op, Some(organization), Action::UserRoleChanged, &Subject::new("account", account), &detail)?;
    }
    // What was opened by a place on the list ends with it, and neither comes back with the role.
    if !role.is_administrator() && break_glass::leave(tx, op, organization, account)? {
        accounts::end_sessions(tx, account, op.at)?;
    }
    Ok(())
}

/// Writes what `source` carries if it is something else than before, and returns what the others carry.
fn replace(
    tx: &mut Tx<'_>,
    op: &Operation,
    membership: &Membership,
    source: Source,
    carried: Option<&Carried>,
) -> Result<Vec<Role>, StoreError> {
    let mut known = rows::of_member(tx, membership.organization, membership.account)?;
    if known.is_empty() && membership.direct_role.is_some() {
        // Carried before there were sources, and so by a group.
        let row = to_row(op, membership, Source::Group, &Carried { role: membership.role, group: None });
        rows::put(tx, &row)?;
        known.push(row);
    }
    let own = known.iter().position(|row| row.source == source.as_str()).map(|at| known.swap_remove(at));
    match (carried.map(|carried| to_row(op, membership, source, carried)), own) {
        (Some(row), Some(own))
            if (&row.role, &row.group_name) == (&own.role, &own.group_name)
                && row.connection_id == own.connection_id => {}
        (Some(row), _) => rows::put(tx, &row)?,
        (None, Some(_)) => rows::delete(tx, membership.organization, membership.account, source.as_str())?,
        (None, None) => {}
    }
    known.iter().map(|row| parse(&row.role)).collect()
}

fn to_row(op: &Operation, membership: &Membership, source: Source, carried: &Carried) -> CarriedRoleRow {
    let (connection_id, group_name) = carried.group.clone().unzip();
    CarriedRoleRow {
        account_id: membership.account,
        org_id: membership.organization,
        source: source.as_str().to_owned(),
        role: carried.role.as_str().to_owned(),
        connection_id,
        group_name,
        updated_at: op.at,
    }
}

fn parse(role: &str) -> Result<Role, StoreError> {
    Role::parse(role).ok_or(StoreError::Inconsistent("carried_roles.role"))
}
