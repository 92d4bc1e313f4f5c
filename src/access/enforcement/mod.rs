//! How somebody may sign in under the sign-in policy of their domain (rules E18 and E26 to E28).
//!
//! [`verdict`] is a pure function over loaded facts. Whether a connection works is none of them: a broken or disabled one
//! re-opens nothing. A policy is of a domain, and so of everybody whose primary address lies in it, whoever's member they
//! are (decision Q4); it is never asked for addresses of other domains (invariant 15).

pub mod break_glass;
pub mod domain;
pub mod local;
pub mod preflight;
pub mod readiness;

use std::collections::BTreeSet;

use crate::directory::accounts::Account;
use crate::directory::accounts::state::AccountState;
use crate::directory::permission::{self, Denied, Permission};
use crate::directory::sso_policy::SsoPolicy;
use crate::directory::{accounts, memberships};
use crate::store::failure::StoreError;
use crate::store::{Tx, sso_policies};
use crate::values::domain_name::DomainName;
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::Operation;
use domain::DomainFacts;
use local::LocalCredentials;

/// What a verdict rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// How they stand to the domain of their primary address; `None` of one that nobody has verified.
    pub domain: Option<DomainFacts>,
    /// The account is active, and so is its membership in the organization that owns the domain, if it has one.
    pub is_active: bool,
    /// A connection of that organization has brought them before.
    pub has_signed_in_by_connection: bool,
    /// What they can sign in with here.
    pub local: LocalCredentials,
}

/// How somebody may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not at all.
    Nothing,
    /// By the identity provider alone.
    IdentityProvider,
    /// By either; they have come through the identity provider before. What is offered is the same for everybody of a domain.
    IdentityProviderFirst,
    /// By either; their own credentials are what they are used to.
    OwnFirst,
    /// By the identity provider, and by their own credentials with a second factor, which alarms the administrators.
    BreakGlass,
}

impl Facts {
    /// The policy of the domain.
    pub const fn policy(&self) -> SsoPolicy {
        match &self.domain {
            Some(domain) => domain.policy,
            None => SsoPolicy::Off,
        }
    }
}

impl Verdict {
    /// The name in the API and in traces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::IdentityProvider => "identity_provider",
            Self::IdentityProviderFirst => "identity_provider_first",
            Self::OwnFirst => "own_first",
            Self::BreakGlass => "break_glass",
        }
    }
}

/// How somebody may sign in.
pub const fn verdict(facts: &Facts) -> Verdict {
    if !facts.is_active {
        return Verdict::Nothing;
    }
    if let Some(domain) = &facts.domain
        && domain.asks_for_single_sign_on()
    {
        // Q18: a break-glass account without a second factor is none.
        let may_break = domain.is_break_glass && facts.local.has_password && facts.local.has_mfa;
        return if may_break { Verdict::BreakGlass } else { Verdict::IdentityProvider };
    }
    if !facts.local.has_password {
        return Verdict::IdentityProvider;
    }
    // E18: whoever joined through the domain keeps their way of signing in until their first sign-in by a connection. E28:
    // while nothing is asked of the domain, their own credentials come first.
    match facts.policy() {
        SsoPolicy::Off => Verdict::OwnFirst,
        SsoPolicy::Optional | SsoPolicy::Test { .. } | SsoPolicy::Required => {
            if facts.has_signed_in_by_connection {
                Verdict::IdentityProviderFirst
            } else {
                Verdict::OwnFirst
            }
        }
    }
}

/// Why nothing can be said about how somebody signs in.
#[derive(Debug, thiserror::Error)]
pub enum VerdictError {
    /// There is no such member of this organization.
    #[error("no such member of this organization")]
    NotFound,
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The facts about an account; `None` when there is no such account.
pub fn load(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<Facts>, StoreError> {
    let Some(found) = accounts::find(tx, account)? else { return Ok(None) };
    of_domain(tx, &found, found.profile.primary_address().map(EmailAddress::domain)).map(Some)
}

/// The facts about an account, under the policy of this domain.
fn of_domain(tx: &mut Tx<'_>, found: &Account, domain: Option<&DomainName>) -> Result<Facts, StoreError> {
    let account = found.id;
    let mut facts = Facts {
        domain: None,
        is_active: found.state == AccountState::Active,
        has_signed_in_by_connection: false,
        local: local::of(tx, account)?,
    };
    let Some(domain) = domain else { return Ok(facts) };
    facts.domain = domain::find(tx, account, domain)?;
    let Some(DomainFacts { owner, .. }) = facts.domain else { return Ok(facts) };
    if let Some(membership) = memberships::find(tx, account, owner)? {
        facts.is_active &= membership.is_active();
        facts.has_signed_in_by_connection = sso_policies::is_known_to_connection(tx, owner, account)?;
    }
    Ok(facts)
}

/// Somebody has signed in by their own credentials, in the transaction that makes the session: where single sign-on is asked of
/// them for any of their addresses, that was a use of break-glass.
pub fn note_own_sign_in(tx: &mut Tx<'_>, op: &Operation, account: AccountId) -> Result<(), StoreError> {
    let Some(found) = accounts::find(tx, account)? else { return Ok(()) };
    let mut noted = BTreeSet::new();
    for address in &found.profile.addresses {
        let facts = of_domain(tx, &found, Some(address.domain()))?;
        if let (Verdict::BreakGlass, Some(DomainFacts { owner, .. })) = (verdict(&facts), facts.domain)
            && noted.insert(owner)
        {
            break_glass::note_use(tx, op, owner, account)?;
        }
    }
    Ok(())
}

/// How a member of an organization may sign in, for its administrators.
pub fn of_member(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<(Facts, Verdict), VerdictError> {
    permission::require(op, organization, Permission::Read)?;
    memberships::find(tx, account, organization)?.ok_or(VerdictError::NotFound)?;
    let facts = load(tx, account)?.ok_or(VerdictError::NotFound)?;
    Ok((facts, verdict(&facts)))
}

#[cfg(test)]
mod tests;
