//! How an account stands to the sign-in policy of one domain in which it has an address. Whether the owner has a connection, and
//! whether that works, is no part of it.

use super::break_glass;
use crate::directory::group_membership;
use crate::directory::sso_policy::{self, SsoPolicy};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::domain_name::DomainName;
use crate::values::ids::{AccountId, OrganizationId};

/// What decides whether the domain asks the account for single sign-on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainFacts {
    /// Who owns the domain.
    pub owner: OrganizationId,
    /// Its policy.
    pub policy: SsoPolicy,
    /// The account is in the group that the policy tests.
    pub is_in_test_group: bool,
    /// The account is on the owner's break-glass list, as an active owner or administrator of it.
    pub is_break_glass: bool,
}

impl DomainFacts {
    /// True when the identity provider is the only way in, but for break-glass (rules E27 and E28).
    pub const fn asks_for_single_sign_on(&self) -> bool {
        match self.policy {
            SsoPolicy::Off | SsoPolicy::Optional => false,
            SsoPolicy::Test { .. } => self.is_in_test_group,
            SsoPolicy::Required => true,
        }
    }
}

/// How an account stands to a domain; `None` of one that nobody has verified.
pub fn find(tx: &mut Tx<'_>, account: AccountId, domain: &DomainName) -> Result<Option<DomainFacts>, StoreError> {
    let Some((owner, policy)) = sso_policy::of_name(tx, domain)? else { return Ok(None) };
    let is_in_test_group = match policy {
        SsoPolicy::Test { group } => group_membership::is_in_any(tx, owner, account, &[group])?,
        SsoPolicy::Off | SsoPolicy::Optional | SsoPolicy::Required => false,
    };
    let is_break_glass = break_glass::is_effective(tx, owner, account)?;
    Ok(Some(DomainFacts { owner, policy, is_in_test_group, is_break_glass }))
}
