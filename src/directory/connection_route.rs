//! Which of an organization's connections is offered first, and whom each lets through.
//!
//! The order is the same for everybody of a domain. Groups are asked only when the person is known, after the identity
//! provider has answered: what is offered before must not tell who is in which group, nor who is known at all.

use serde_json::json;

use super::connections::{self, ConnectionError};
use super::group_membership;
use super::permission::{self, Denied, Permission};
use super::sso_policy::LockoutError;
use super::ways_in;
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::store::Tx;
use crate::store::connection_routes::{self as rows, ConnectionRouteRow};
use crate::store::failure::StoreError;
use crate::store::link_requests;
use crate::values::ids::{AccountId, ConnectionId, OrganizationId, ResourceId};
use crate::values::operation::Operation;

/// So many groups a list has at most.
const MOST_GROUPS: usize = 50;

/// The place of a connection among several, and whom it lets through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectionRoute {
    /// Lower comes first; connections of one priority come in the order in which they were made.
    pub priority: i32,
    /// Only members of these groups, when there are any.
    pub only_groups: Vec<ResourceId>,
    /// Nobody of these groups.
    pub except_groups: Vec<ResourceId>,
}

/// Why a route is not set.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// There is no such connection in this organization.
    #[error("no such connection")]
    NotFound,
    /// A group that is none of the organization's, or too many.
    #[error("a list has 50 groups at most, each of them one that the organization's directory has pushed")]
    InvalidGroups,
    /// People of a domain sign in by this connection alone.
    #[error("single sign-on is required or tested for a domain, and nobody could sign in by another connection")]
    WouldLockOut,
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ConnectionRoute {
    /// True when it lets everybody through.
    pub fn is_for_everybody(&self) -> bool {
        self.only_groups.is_empty() && self.except_groups.is_empty()
    }

    /// True when it lets each member of this group through, whatever other groups they are in.
    pub fn is_for_group(&self, group: ResourceId) -> bool {
        (self.only_groups.is_empty() || self.only_groups.contains(&group)) && self.except_groups.is_empty()
    }
}

impl From<LockoutError> for RouteError {
    fn from(error: LockoutError) -> Self {
        match error {
            LockoutError::WouldLockOut => Self::WouldLockOut,
            LockoutError::Store(error) => error.into(),
        }
    }
}

/// The active connections of an organization in the order in which they are offered.
pub fn in_order(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<ConnectionId>, StoreError> {
    let mut active: Vec<ConnectionId> = connections::active(tx, organization)?.into_iter().map(|(id, _)| id).collect();
    if active.len() > 1 {
        let set = rows::priorities(tx, organization)?;
        let priority = |id: &ConnectionId| set.iter().find(|(one, _)| one == id).map_or(0, |(_, priority)| *priority);
        active.sort_by_key(|id| (priority(id), *id));
    }
    Ok(active)
}

/// The route of a connection, for its administrators.
pub fn find(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
) -> Result<ConnectionRoute, RouteError> {
    connections::find_of(tx, op, organization, id).map_err(not_found)?;
    Ok(of(tx, organization, id)?)
}

/// Sets it.
pub fn set(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
    route: &ConnectionRoute,
) -> Result<(), RouteError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    let connection = connections::find_of(tx, op, organization, id).map_err(not_found)?;
    for list in [&route.only_groups, &route.except_groups] {
        if list.len() > MOST_GROUPS {
            return Err(RouteError::InvalidGroups);
        }
        for group in list {
            if !group_membership::exists(tx, organization, *group)? {
                return Err(RouteError::InvalidGroups);
            }
        }
    }
    ways_in::require_route(tx, op, organization, id, route)?;
    let row = ConnectionRouteRow {
        connection_id: id,
        org_id: organization,
        priority: route.priority,
        only_groups: text(&route.only_groups)?,
        except_groups: text(&route.except_groups)?,
        updated_at: op.at,
    };
    rows::put(tx, &row)?;
    link_requests::delete_open_of_connection(tx, organization, id)?;
    let detail = json!({
        "priority": route.priority, "only_groups": route.only_groups, "except_groups": route.except_groups,
    });
    audit::write(tx, op, Some(organization), Action::ConnectionRouteSet, &Subject::new("connection", id), &detail)?;
    Ok(event::publish(tx, op, organization, &Event::ConnectionChanged { connection: id, name: connection.name })?)
}

/// True when a connection lets this account through; `None` is somebody who has none yet, and is in no group.
pub(super) fn admits(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
    account: Option<AccountId>,
) -> Result<bool, StoreError> {
    let route = of(tx, organization, connection)?;
    let mut is_in = |groups: &[ResourceId]| match account {
        Some(account) if !groups.is_empty() => group_membership::is_in_any(tx, organization, account, groups),
        Some(_) | None => Ok(false),
    };
    Ok((route.only_groups.is_empty() || is_in(&route.only_groups)?) && !is_in(&route.except_groups)?)
}

/// The route of a connection; one without any lets everybody through.
pub(super) fn of(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
) -> Result<ConnectionRoute, StoreError> {
    let Some(row) = rows::find(tx, organization, connection)? else { return Ok(ConnectionRoute::default()) };
    let parse =
        |text: &str| serde_json::from_str(text).map_err(|_| StoreError::Inconsistent("connection_routes.groups"));
    Ok(ConnectionRoute {
        priority: row.priority,
        only_groups: parse(&row.only_groups)?,
        except_groups: parse(&row.except_groups)?,
    })
}

fn text(groups: &[ResourceId]) -> Result<String, StoreError> {
    serde_json::to_string(groups).map_err(|error| StoreError::Internal(error.to_string()))
}

fn not_found(error: ConnectionError) -> RouteError {
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
        | ConnectionError::TooMany(_) => RouteError::NotFound,
    }
}
