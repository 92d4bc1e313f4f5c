//! The sign-in policy of a domain: off -> optional -> test (a group) -> required, and back from each to any before it.
//! What is not listed is refused.
//!
//! Owns the states, where they are stored, and the rule that nobody gives back the domain that they rest on; `ways_in` has that of
//! the connections. Who may sign in how under a policy is `access::enforcement`'s to say, and so is what has to hold before it is
//! made stricter.

use crate::store::domains::Owned;
use crate::store::failure::StoreError;
use crate::store::sso_policies::{self as rows, SsoPolicyRow};
use crate::store::{Tx, domains};
use crate::values::clock::Timestamp;
use crate::values::domain_name::DomainName;
use crate::values::ids::{DomainId, OrganizationId, ResourceId};

/// How the people of a domain sign in (decision 0030). People on the organization's break-glass list may do so by their own
/// credentials and a second factor under each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SsoPolicy {
    /// By their own credentials; the identity provider is another way.
    #[default]
    Off,
    /// By either.
    Optional,
    /// The members of a group by the identity provider alone, everybody else by either.
    Test {
        /// The group, which a directory has pushed.
        group: ResourceId,
    },
    /// By the identity provider alone (rule E27).
    Required,
}

/// The transition is not in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a policy that is {from} does not become {to}: off, optional, test and required follow each other")]
pub struct WrongPolicyState {
    from: &'static str,
    to: &'static str,
}

/// Why something cannot be taken away.
#[derive(Debug, thiserror::Error)]
pub enum LockoutError {
    /// People would be left without a way in.
    #[error(
        "single sign-on is required or tested for a domain of the organization, and nobody could sign in without this"
    )]
    WouldLockOut,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The states under which somebody has no way in but the identity provider.
const ENFORCING: [&str; 2] = ["test", "required"];

impl SsoPolicy {
    /// The name in the store and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Optional => "optional",
            Self::Test { .. } => "test",
            Self::Required => "required",
        }
    }

    /// Goes over to `next`: one step on, or any number back. A test may go over to another group.
    pub fn become_policy(self, next: Self) -> Result<Self, WrongPolicyState> {
        let is_listed = match (self, next) {
            (Self::Off, Self::Optional)
            | (Self::Optional, Self::Test { .. } | Self::Off)
            | (Self::Test { .. }, Self::Test { .. } | Self::Required | Self::Optional | Self::Off)
            | (Self::Required, Self::Test { .. } | Self::Optional | Self::Off) => self != next,
            (Self::Off, Self::Off | Self::Test { .. } | Self::Required)
            | (Self::Optional, Self::Optional | Self::Required)
            | (Self::Required, Self::Required) => false,
        };
        if is_listed { Ok(next) } else { Err(WrongPolicyState { from: self.as_str(), to: next.as_str() }) }
    }

    /// True when somebody has no way in but the identity provider under this policy.
    pub const fn is_enforcing(self) -> bool {
        matches!(self, Self::Test { .. } | Self::Required)
    }
}

/// The policy of a domain.
pub fn of(tx: &mut Tx<'_>, organization: OrganizationId, domain: DomainId) -> Result<SsoPolicy, StoreError> {
    match rows::find(tx, organization, domain)? {
        Some(row) => from_row(&row),
        None => Ok(SsoPolicy::Off),
    }
}

fn from_row(row: &SsoPolicyRow) -> Result<SsoPolicy, StoreError> {
    match (row.state.as_str(), row.test_group) {
        ("optional", None) => Ok(SsoPolicy::Optional),
        ("test", Some(group)) => Ok(SsoPolicy::Test { group }),
        ("required", None) => Ok(SsoPolicy::Required),
        _ => Err(StoreError::Inconsistent("sso_policies.state")),
    }
}

/// The organization that owns a domain, and its policy there; `None` of a domain that nobody has verified. One that has lapsed
/// keeps both (decision Q15): its people are led to the identity provider as before, and nothing that was closed opens.
pub fn of_name(tx: &mut Tx<'_>, name: &DomainName) -> Result<Option<(OrganizationId, SsoPolicy)>, StoreError> {
    let Some((organization, domain)) = domains::owner_of(tx, name.as_str(), Owned::OrLapsed)? else { return Ok(None) };
    Ok(Some((organization, of(tx, organization, domain)?)))
}

/// Writes the policy of a domain.
pub fn write(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    domain: DomainId,
    policy: SsoPolicy,
    at: Timestamp,
) -> Result<(), StoreError> {
    let test_group = match policy {
        SsoPolicy::Off => return rows::delete(tx, organization, domain),
        SsoPolicy::Test { group } => Some(group),
        SsoPolicy::Optional | SsoPolicy::Required => None,
    };
    let state = policy.as_str().to_owned();
    rows::put(tx, &SsoPolicyRow { domain_id: domain, org_id: organization, state, test_group, updated_at: at })
}

/// The policies of the organization's domains under which somebody has no way in but the identity provider.
pub(super) fn enforced(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<SsoPolicy>, StoreError> {
    rows::in_states(tx, organization, &ENFORCING)?.iter().map(from_row).collect()
}

/// Before a domain is given back: refused while its people sign in by the identity provider alone. What is left of the
/// policy goes with the domain.
pub(super) fn require_unenforced(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    domain: DomainId,
) -> Result<(), LockoutError> {
    rows::lock(tx, organization)?;
    if of(tx, organization, domain)?.is_enforcing() {
        return Err(LockoutError::WouldLockOut);
    }
    Ok(rows::delete(tx, organization, domain)?)
}

#[cfg(test)]
mod tests {
    use super::SsoPolicy::{self, Off, Optional, Required};
    use crate::values::ids::ResourceId;

    fn test(n: u8) -> SsoPolicy {
        SsoPolicy::Test { group: ResourceId::from_bytes(&[n; 16]).unwrap() }
    }

    /// Product rules, section 5.
    #[test]
    fn q18_a_policy_goes_one_step_on_or_any_number_back() {
        for (from, listed) in [
            (Off, vec![Optional]),
            (Optional, vec![Off, test(1), test(2)]),
            (test(1), vec![Off, Optional, test(2), Required]),
            (Required, vec![Off, Optional, test(1), test(2)]),
        ] {
            for next in [Off, Optional, test(1), test(2), Required] {
                assert_eq!(from.become_policy(next).is_ok(), listed.contains(&next), "{from:?} {next:?}");
            }
        }
    }

    #[test]
    fn only_a_test_and_the_requirement_leave_no_other_way() {
        let enforcing = [Off, Optional, test(1), Required].map(SsoPolicy::is_enforcing);
        assert_eq!(enforcing, [false, false, true, true]);
        for policy in [test(1), Required] {
            assert!(super::ENFORCING.contains(&policy.as_str()));
        }
    }
}
