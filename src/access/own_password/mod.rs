//! Signing in with a password of one's own: for which addresses and which accounts, and on behalf of which organization.
//!
//! A password is for who has no identity provider to be sent to (decision 0022). An address in a domain that an
//! organization has verified is that organization's matter: there a password is good only while the organization has set
//! up no connection at all, so that switching one off does not bring passwords back. An account with any address in such a
//! domain has no password either, or the other addresses would be a way around the identity provider. Up to here the
//! answer rests on the domain alone, the same for known and unknown addresses.
//!
//! The exception are the people on an organization's break-glass list: they may have a password in spite of its connections, and
//! it is good with a second factor only (decision 0023). Whether it leads on is found out behind a page that is the same
//! for everybody.

pub mod choosing;
pub mod second_step;

use super::attempts::state::{HalfProved, Identified};
use super::attempts::{self, Attempt, AttemptError};
use super::enforcement::{self, Verdict, break_glass};
use super::passwords::{self, KeepingError, Kept, PasswordHash};
use super::realm::{self, Route};
use super::second_factors::enrolment::EnrolmentError;
use crate::directory::accounts::{self, Account, state::AccountState};
use crate::directory::memberships::{self, Membership, MembershipKind};
use crate::keys::sealing::Sealer;
use crate::protocol::oidc::acr::Level;
use crate::store::failure::StoreError;
use crate::store::{Tx, accounts as account_rows, connections, devices, domains};
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::{Actor, Operation};
use crate::values::secret::{Secret, TokenHash};

/// A password, as RFC 8176 names it.
pub const PASSWORD_AMR: &str = "pwd";

/// On what ground an account may have a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// None of its addresses is an identity provider's matter.
    Open,
    /// It is on the break-glass list of every organization whose matter its addresses are.
    Listed,
}

/// What a right password is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// It lets somebody in alone, unless more is asked of them.
    Alone,
    /// It counts with a second factor only.
    WithFactor,
}

/// What became of a right password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proved {
    /// It is known who signs in. The arrival token of this browser.
    Whole(Secret),
    /// More is asked for.
    Half,
}

/// What is compared with what somebody typed.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Whose password it is.
    pub account: AccountId,
    /// Their session epoch when it was read.
    pub session_epoch: i64,
    /// The password.
    pub kept: Kept,
    /// They have signed in in this browser before.
    pub is_known_device: bool,
}

/// Why a right password does not identify anybody.
#[derive(Debug, thiserror::Error)]
pub enum OwnPasswordError {
    /// The account or its password changed while the password was compared, or the person belongs to no organization.
    #[error("the account changed while its password was compared")]
    Changed,
    /// The attempt is over.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// The kept password cannot be had.
    #[error(transparent)]
    Keeping(#[from] KeepingError),
    /// The second factor was not set up.
    #[error(transparent)]
    Enrolment(#[from] EnrolmentError),
}

impl From<StoreError> for OwnPasswordError {
    fn from(error: StoreError) -> Self {
        Self::Keeping(KeepingError::Store(error))
    }
}

/// The route of an address, with passwords where they are good.
pub fn find_route(tx: &mut Tx<'_>, address: &EmailAddress) -> Result<Route, StoreError> {
    match realm::find_route(tx, address)? {
        Route::NoWayIn { organization } if is_open(tx, organization)? => Ok(Route::OwnPassword),
        route => Ok(route),
    }
}

/// True when people in a domain of this owner, or of none, may have passwords.
fn is_open(tx: &mut Tx<'_>, owner: Option<OrganizationId>) -> Result<bool, StoreError> {
    match owner {
        Some(owner) => Ok(connections::count(tx, owner)? == 0),
        None => Ok(true),
    }
}

/// On what ground an account may have a password, if it may: it is active, and each of its addresses that is an
/// identity provider's matter is so for an organization that has it on its break-glass list.
pub fn ground(tx: &mut Tx<'_>, account: &Account) -> Result<Option<Ground>, StoreError> {
    if account.state != AccountState::Active {
        return Ok(None);
    }
    let mut names: Vec<String> =
        account.profile.addresses.iter().map(|address| address.domain().as_str().to_owned()).collect();
    names.sort();
    names.dedup();
    let mut owners: Vec<OrganizationId> = domains::owners(tx, &names)?.into_iter().map(|(_, owner)| owner).collect();
    owners.sort();
    owners.dedup();
    let mut ground = Ground::Open;
    for owner in owners {
        if is_open(tx, Some(owner))? {
            continue;
        }
        if !break_glass::is_effective(tx, owner, account.id)? {
            return Ok(None);
        }
        ground = Ground::Listed;
    }
    Ok(Some(ground))
}

/// True when an account may have a password.
pub fn may_have_password(tx: &mut Tx<'_>, account: &Account) -> Result<bool, StoreError> {
    Ok(ground(tx, account)?.is_some())
}

/// What the password of an account is worth; `None` when it lets nobody in: the account may not have one, or the policy of its
/// domain is not content with it.
pub(in crate::access) fn worth(tx: &mut Tx<'_>, account: &Account) -> Result<Option<Worth>, StoreError> {
    let Some(ground) = ground(tx, account)? else { return Ok(None) };
    let Some(facts) = enforcement::load(tx, account.id)? else { return Ok(None) };
    Ok(match (enforcement::verdict(&facts), ground) {
        (Verdict::OwnFirst | Verdict::IdentityProviderFirst, Ground::Open) => Some(Worth::Alone),
        (Verdict::OwnFirst | Verdict::IdentityProviderFirst, Ground::Listed) | (Verdict::BreakGlass, _) => {
            Some(Worth::WithFactor)
        }
        (Verdict::Nothing | Verdict::IdentityProvider, _) => None,
    })
}

/// What a password for `address` is compared with, in a browser that shows `device`. `None` when there is nothing: nobody
/// has verified the address, or has no password. Whether they may use it is asked once it was right ([`identify`]): before
/// that, the store is asked the same questions about everybody, so that nothing tells by its time who is known. Where nobody
/// is, they are about an account that there is not.
pub fn find_candidate(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    address: &EmailAddress,
    device: Option<&Secret>,
) -> Result<Option<Candidate>, KeepingError> {
    let id = account_rows::with_verified_address(tx, address.as_str())?.unwrap_or_else(|| op.new_id());
    let account = account_rows::find(tx, id)?;
    let kept = passwords::find(tx, sealer, id)?;
    let is_known_device = match device {
        Some(token) => devices::is_known(tx, id, &TokenHash::of(token.expose()), op.at)?,
        None => false,
    };
    let (Some(account), Some(kept)) = (account, kept) else { return Ok(None) };
    Ok(Some(Candidate { account: id, session_epoch: account.session_epoch, kept, is_known_device }))
}

/// On behalf of which organization somebody signs in: the one that the application belongs to, or else the one they are
/// a member of, or else the first that let them in. Only organizations that they have joined and that give access count.
pub(in crate::access) fn organization_for(
    memberships: &[Membership],
    application_owner: Option<OrganizationId>,
) -> Option<OrganizationId> {
    let open = || memberships.iter().filter(|membership| membership.is_joined() && membership.is_active());
    let owner = open().find(|membership| Some(membership.organization) == application_owner);
    let own = || open().find(|membership| membership.kind == MembershipKind::Member);
    owner.or_else(own).or_else(|| open().next()).map(|membership| membership.organization)
}

/// The password was right: stores who signs in with the attempt, or that more is asked of them. `rehashed` is the same
/// password at the cost of today, where it was kept at another one.
pub fn identify(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    attempt: &Attempt,
    candidate: &Candidate,
    application_owner: Option<OrganizationId>,
    rehashed: Option<&PasswordHash>,
) -> Result<Proved, OwnPasswordError> {
    let op = &op.by(Actor::Person { account: candidate.account });
    let account = accounts::find(tx, candidate.account)?.ok_or(OwnPasswordError::Changed)?;
    let kept = passwords::find(tx, sealer, candidate.account)?.ok_or(OwnPasswordError::Changed)?;
    let is_same = account.session_epoch == candidate.session_epoch && kept.hash == candidate.kept.hash;
    let worth = worth(tx, &account)?.filter(|_| is_same).ok_or(OwnPasswordError::Changed)?;
    let memberships = memberships::of_account(tx, candidate.account)?;
    let organization = organization_for(&memberships, application_owner).ok_or(OwnPasswordError::Changed)?;
    if let Some(hash) = rehashed {
        passwords::rehash(tx, sealer, candidate.account, &kept, hash)?;
    }
    let identified = Identified {
        account: candidate.account,
        organization,
        connection: None,
        session_epoch: candidate.session_epoch,
        amr: vec![PASSWORD_AMR.to_owned()],
        acr: Level::Password.as_str().to_owned(),
        auth_time: Some(op.at),
        session_expires_at: None,
        upstream_session: None,
    };
    let facts = second_step::load(tx, candidate.account, worth, &attempt.request)?;
    match second_step::asked(&facts) {
        None => Ok(Proved::Whole(attempts::identify_here(tx, op, attempt, identified)?)),
        Some(asked) => {
            attempts::half_prove(tx, op, attempt, HalfProved { identified, asked, session: None })?;
            Ok(Proved::Half)
        }
    }
}

/// The organization in whose log it stands what a person does with their own account: the one they are a member of.
pub fn home_organization(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<OrganizationId>, StoreError> {
    let memberships = memberships::of_account(tx, account)?;
    let home = memberships.iter().find(|membership| membership.kind == MembershipKind::Member);
    Ok(home.map(|membership| membership.organization))
}

#[cfg(test)]
mod tests;
