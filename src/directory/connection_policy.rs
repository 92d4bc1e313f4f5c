//! What a connection does with somebody whom it has not brought before: whether their subject is linked to an account that
//! is there, and whether they get one when none is.
//!
//! A new connection links by a vouched-for address and makes nobody; its administrators decide otherwise. The rules are
//! carried out by `linking`, and whatever they say, an address counts only in a domain that the organization owns.

use serde_json::json;

use super::connections::{self, ConnectionError, ConnectionState};
use super::matching::MatchRule;
use super::permission::{self, Denied, Permission};
use super::sso_policy::LockoutError;
use super::ways_in;
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::store::Tx;
use crate::store::connection_policies::{self as rows, ConnectionPolicyRow};
use crate::store::connections as connection_rows;
use crate::store::failure::StoreError;
use crate::store::link_requests;
use crate::values::ids::{ConnectionId, OrganizationId};
use crate::values::operation::{Operation, Role};

/// Which account a subject that is seen for the first time is linked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkingRule {
    /// To none that is there.
    Never,
    /// To the one whose user name or external id the provider names, as the connection's match says; never by an address.
    Subject,
    /// To the one that has the address, which the provider vouches for and which lies in the organization's own domain.
    VerifiedAddress,
    /// To the one that the match leads to, after the person has said yes by a link that their mailbox got.
    Ask,
}

/// A connection's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionPolicy {
    /// Which account a new subject is linked to.
    pub linking: LinkingRule,
    /// Whether somebody who has no account gets one as they sign in (rule E32).
    pub provisions: bool,
    /// The role that they get with it.
    pub default_role: Role,
}

/// Why a policy cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// There is no such connection in this organization.
    #[error("no such connection")]
    NotFound,
    /// The rule needs another match.
    #[error("verified_address needs a match by email, and subject one by user_name or external_id")]
    OtherMatch,
    /// People of a domain sign in by this connection alone.
    #[error("single sign-on is required or tested for a domain, and nobody could sign in by another connection")]
    WouldLockOut,
    /// Nobody becomes an owner by signing in.
    #[error("a default role is admin, user_admin, app_admin, auditor or member")]
    RoleNotGivable,
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<LockoutError> for PolicyError {
    fn from(error: LockoutError) -> Self {
        match error {
            LockoutError::WouldLockOut => Self::WouldLockOut,
            LockoutError::Store(error) => error.into(),
        }
    }
}

impl LinkingRule {
    /// The name in the store and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Subject => "subject",
            Self::VerifiedAddress => "verified_address",
            Self::Ask => "ask",
        }
    }

    /// The rule with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Never, Self::Subject, Self::VerifiedAddress, Self::Ask].into_iter().find(|rule| rule.as_str() == name)
    }

    /// The rule that links by what `by` compares.
    pub const fn by(by: MatchRule) -> Self {
        match by {
            MatchRule::Email => Self::VerifiedAddress,
            MatchRule::UserName | MatchRule::ExternalId => Self::Subject,
        }
    }

    fn fits(self, by: MatchRule) -> bool {
        matches!(self, Self::Never | Self::Ask) || self == Self::by(by)
    }
}

impl ConnectionPolicy {
    /// The policy of a new connection.
    pub const NEW: Self = Self { linking: LinkingRule::VerifiedAddress, provisions: false, default_role: Role::Member };

    /// True when `next` lets in whoever this one does.
    fn is_continued_by(self, next: Self) -> bool {
        self.linking == next.linking && (next.provisions || !self.provisions)
    }
}

/// The policy of a connection whose match compares `by`. One that is older than policies links as it always did.
pub fn of(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
    by: MatchRule,
) -> Result<ConnectionPolicy, StoreError> {
    match rows::find(tx, organization, connection)? {
        None => Ok(ConnectionPolicy { linking: LinkingRule::by(by), ..ConnectionPolicy::NEW }),
        Some(row) => Ok(ConnectionPolicy {
            linking: LinkingRule::parse(&row.linking).ok_or(StoreError::Inconsistent("connection_policies.linking"))?,
            provisions: row.provisions,
            default_role: Role::parse(&row.default_role)
                .ok_or(StoreError::Inconsistent("connection_policies.default_role"))?,
        }),
    }
}

/// The policy of a connection, for its administrators.
pub fn find(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
) -> Result<ConnectionPolicy, PolicyError> {
    let connection = connections::find_of(tx, op, organization, id).map_err(not_found)?;
    Ok(of(tx, organization, id, connection.matching.by)?)
}

/// Sets it. Identities that are linked already stay as they are, and so do accounts and roles that were given.
pub fn set(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
    policy: ConnectionPolicy,
) -> Result<(), PolicyError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    ways_in::hold(tx, organization)?;
    // The match that the rule has to fit does not change meanwhile.
    connection_rows::lock(tx, id)?;
    let connection = connections::find_of(tx, op, organization, id).map_err(not_found)?;
    if !policy.linking.fits(connection.matching.by) {
        return Err(PolicyError::OtherMatch);
    }
    match policy.default_role {
        Role::Owner => return Err(PolicyError::RoleNotGivable),
        // Who manages connections manages roles: a test of the permissions holds on to it.
        Role::Member | Role::Admin | Role::UserAdmin | Role::AppAdmin | Role::Auditor => {}
    }
    if !of(tx, organization, id, connection.matching.by)?.is_continued_by(policy) {
        if connection.state == ConnectionState::Active {
            ways_in::require_edit(tx, op, organization, id)?;
        }
        connection_rows::note_decision(tx, organization, id, op.at)?;
    }
    write(tx, op, organization, id, policy)?;
    link_requests::delete_open_of_connection(tx, organization, id)?;
    log(tx, op, organization, id, policy)?;
    Ok(event::publish(tx, op, organization, &Event::ConnectionChanged { connection: id, name: connection.name })?)
}

fn log(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
    policy: ConnectionPolicy,
) -> Result<(), StoreError> {
    let detail = json!({
        "linking": policy.linking.as_str(),
        "provisions": policy.provisions,
        "default_role": policy.default_role.as_str(),
    });
    audit::write(tx, op, Some(organization), Action::ConnectionPolicySet, &Subject::new("connection", id), &detail)
}

/// Writes the policy of a connection. That of a new one is always [`ConnectionPolicy::NEW`], and needs no entry of its own.
pub(super) fn write(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
    policy: ConnectionPolicy,
) -> Result<(), StoreError> {
    let row = ConnectionPolicyRow {
        connection_id: id,
        org_id: organization,
        linking: policy.linking.as_str().to_owned(),
        provisions: policy.provisions,
        default_role: policy.default_role.as_str().to_owned(),
        updated_at: op.at,
    };
    rows::put(tx, &row)
}

/// The match of a connection compares something else from now on: where it links at all, it links by that. Writes an entry if the
/// policy is another one then.
pub(super) fn follow_match(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
    by: MatchRule,
) -> Result<(), StoreError> {
    let policy = of(tx, organization, id, by)?;
    if policy.linking.fits(by) {
        return Ok(());
    }
    let policy = ConnectionPolicy { linking: LinkingRule::by(by), ..policy };
    write(tx, op, organization, id, policy)?;
    log(tx, op, organization, id, policy)
}

fn not_found(error: ConnectionError) -> PolicyError {
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
        | ConnectionError::TooMany(_) => PolicyError::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::LinkingRule::{Ask, Never, Subject, VerifiedAddress};
    use super::MatchRule::{Email, ExternalId, UserName};
    use super::{ConnectionPolicy, LinkingRule};

    #[test]
    fn a_rule_links_only_by_what_the_match_compares() {
        let cases = [
            (Never, [true; 3]),
            (Ask, [true; 3]),
            (Subject, [false, true, true]),
            (VerifiedAddress, [true, false, false]),
        ];
        for (rule, fits) in cases {
            assert_eq!([Email, UserName, ExternalId].map(|by| rule.fits(by)), fits, "{rule:?}");
            assert_eq!(LinkingRule::parse(rule.as_str()), Some(rule));
        }
        assert_eq!(LinkingRule::parse("always"), None);
    }

    #[test]
    fn a_new_connection_links_by_address_and_makes_no_accounts() {
        assert_eq!((ConnectionPolicy::NEW.linking, ConnectionPolicy::NEW.provisions), (VerifiedAddress, false));
    }
}
