//! Changing the sign-in policy of a domain: what has to hold first, looked at in the transaction of the change (decision
//! Q18, rules E10, E26, E31 and E34). Going back is always possible.

use serde_json::json;

use super::break_glass;
use super::readiness::{self, Readiness, Thresholds};
use crate::directory::break_glass as listed;
use crate::directory::domains::claim::{self, Domain, DomainError};
use crate::directory::group_membership;
use crate::directory::permission::{self, Denied, Permission};
use crate::directory::sso_policy::{self, SsoPolicy, WrongPolicyState};
use crate::directory::ways_in::{self, Way};
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::store::failure::StoreError;
use crate::store::{Tx, sso_policies};
use crate::values::clock::Timestamp;
use crate::values::ids::{ConnectionId, DomainId, OrganizationId};
use crate::values::operation::Operation;

/// So many break-glass accounts are needed.
pub const LEAST_BREAK_GLASS: usize = listed::LEAST;
/// How long the sign-in of an administrator through a connection counts as a success.
const SIGN_IN_COUNTS_SECONDS: i64 = 24 * 3600;

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    /// The organization has proved by DNS that it owns the domain, which is the only proof that there is, and it has not lapsed.
    pub is_domain_verified: bool,
    /// A connection is active, and its provider's description has not ended.
    pub has_active_connection: bool,
    /// One of those is for everybody whom the policy asks to come by it: of a test, for its group.
    pub has_open_connection: bool,
    /// An owner or administrator came in through one that is for everybody within a day, and what decides there has not changed
    /// since.
    pub has_recent_sign_in: bool,
    /// So many break-glass accounts have a password and a second factor.
    pub break_glass: usize,
    /// How many of the domain's people have joined.
    pub readiness: Readiness,
}

/// What is missing for a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The domain is not verified.
    Domain,
    /// No connection is active.
    Connection,
    /// No active connection is for everybody whom the policy asks.
    OpenConnection,
    /// No administrator signed in through a connection that is for everybody within a day, and since it was last changed.
    RecentSignIn,
    /// There are fewer than two break-glass accounts with a second factor.
    BreakGlass,
    /// The share of people who joined is below the threshold, and the domain's name was not typed.
    Readiness,
}

/// How a domain's policy stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The policy.
    pub policy: SsoPolicy,
    /// What was looked at.
    pub checks: Checks,
}

/// Why a policy is not set.
#[derive(Debug, thiserror::Error)]
pub enum PolicyChangeError {
    /// There is no such domain in this organization.
    #[error("no such domain")]
    NotFound,
    /// The transition is not in the list.
    #[error(transparent)]
    WrongState(#[from] WrongPolicyState),
    /// There is no such group.
    #[error("the organization has no such group to test the policy with")]
    NoSuchGroup,
    /// Something has to be there first.
    #[error("missing: {}", names(.0))]
    NotReady(Vec<Missing>),
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Missing {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Domain => "domain_verified",
            Self::Connection => "active_connection",
            Self::OpenConnection => "open_connection",
            Self::RecentSignIn => "recent_sign_in",
            Self::BreakGlass => "break_glass",
            Self::Readiness => "readiness",
        }
    }
}

impl Checks {
    /// What is missing for `policy`.
    pub fn missing(&self, policy: SsoPolicy) -> Vec<Missing> {
        let is_required = policy == SsoPolicy::Required;
        let is_closed = self.has_active_connection && !self.has_open_connection;
        let is_any = policy != SsoPolicy::Off;
        let conditions = [
            (Missing::Domain, is_any && !self.is_domain_verified),
            (Missing::Connection, is_any && !self.has_active_connection),
            (Missing::OpenConnection, policy.is_enforcing() && is_closed),
            (Missing::RecentSignIn, is_required && !self.has_recent_sign_in),
            (Missing::BreakGlass, is_required && self.break_glass < LEAST_BREAK_GLASS),
            (Missing::Readiness, is_required && !self.readiness.is_reached()),
        ];
        conditions.into_iter().filter(|(_, is_missing)| *is_missing).map(|(missing, _)| missing).collect()
    }
}

/// How a domain's policy stands, and what has been reached.
pub fn report(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: DomainId,
    thresholds: Thresholds,
) -> Result<Report, PolicyChangeError> {
    let domain = claim::find(tx, op, organization, id).map_err(not_found)?;
    let policy = sso_policy::of(tx, organization, id)?;
    Ok(Report { policy, checks: look(tx, op, &domain, SsoPolicy::Required, thresholds)? })
}

/// Goes over to `next`. Made stricter, everything has to hold that [`Checks::missing`] asks for; `typed` is the name of the
/// domain when somebody typed it to go on below the threshold.
pub fn change(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: DomainId,
    (next, typed): (SsoPolicy, Option<&str>),
    thresholds: Thresholds,
) -> Result<Report, PolicyChangeError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    let domain = claim::find(tx, op, organization, id).map_err(not_found)?;
    // Nobody switches the last connection off, or takes the last break-glass account away, between the look and the change.
    sso_policies::lock(tx, organization)?;
    let from = sso_policy::of(tx, organization, id)?;
    let policy = from.become_policy(next)?;
    let checks = look(tx, op, &domain, policy, thresholds)?;
    let is_overridden = typed == Some(domain.name.as_str());
    if is_stricter(from, policy) {
        let mut missing = checks.missing(policy);
        missing.retain(|missing| !is_overridden || *missing != Missing::Readiness);
        if !missing.is_empty() {
            return Err(PolicyChangeError::NotReady(missing));
        }
    }
    if let SsoPolicy::Test { group } = policy
        && !group_membership::exists(tx, organization, group)?
    {
        return Err(PolicyChangeError::NoSuchGroup);
    }
    sso_policy::write(tx, organization, id, policy, op.at)?;
    let is_overridden = is_overridden && !checks.readiness.is_reached();
    let detail = json!({
        "name": domain.name.as_str(), "from": from.as_str(), "to": policy.as_str(),
        "joined_percent": checks.readiness.percent(), "overridden": is_overridden,
    });
    audit::write(tx, op, Some(organization), Action::SsoPolicyChanged, &Subject::new("domain", id), &detail)?;
    let change = Event::SsoPolicyChanged { domain: domain.name, policy: policy.as_str().to_owned() };
    event::publish(tx, op, organization, &change)?;
    Ok(Report { policy, checks })
}

fn is_stricter(from: SsoPolicy, to: SsoPolicy) -> bool {
    let order = |policy: SsoPolicy| match policy {
        SsoPolicy::Off => 0,
        SsoPolicy::Optional => 1,
        SsoPolicy::Test { .. } => 2,
        SsoPolicy::Required => 3,
    };
    order(to) > order(from)
}

fn look(
    tx: &mut Tx<'_>,
    op: &Operation,
    domain: &Domain,
    policy: SsoPolicy,
    thresholds: Thresholds,
) -> Result<Checks, StoreError> {
    let organization = domain.organization;
    let since = op.at.plus_seconds(-SIGN_IN_COUNTS_SECONDS);
    let ways = ways_in::open(tx, organization, op.at)?;
    let for_everybody: Vec<ConnectionId> =
        ways.iter().filter(|way| way.is_for_everybody()).map(|way| way.connection).collect();
    let last: Option<Timestamp> = sso_policies::last_sign_in_of_administrator(tx, organization, &for_everybody)?;
    let is_open = |way: &Way| match policy {
        SsoPolicy::Test { group } => way.is_for_group(group),
        SsoPolicy::Off | SsoPolicy::Optional | SsoPolicy::Required => way.is_for_everybody(),
    };
    Ok(Checks {
        is_domain_verified: domain.state.is_trusted(),
        has_active_connection: !ways.is_empty(),
        has_open_connection: ways.iter().any(is_open),
        has_recent_sign_in: last.is_some_and(|last| last > since),
        break_glass: break_glass::count_ready(tx, organization)?,
        readiness: readiness::load(tx, organization, &domain.name, thresholds)?,
    })
}

fn names(missing: &[Missing]) -> String {
    missing.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ")
}

fn not_found(error: DomainError) -> PolicyChangeError {
    match error {
        DomainError::Denied(denied) => denied.into(),
        DomainError::Store(error) => error.into(),
        DomainError::NotFound
        | DomainError::NotClaimable
        | DomainError::AlreadyClaimed
        | DomainError::OwnedElsewhere
        | DomainError::ChallengeExpired
        | DomainError::WrongState(_)
        | DomainError::Changed
        | DomainError::WouldLockOut
        | DomainError::TooSoon { .. }
        | DomainError::TooMany(_) => PolicyChangeError::NotFound,
    }
}

#[cfg(test)]
mod tests;
