//! Signing in with a password of one's own: whose it is, what it is worth, and on behalf of which organization.
//!
//! Whether somebody may have one is decided by the policy of each domain in which they have an address ([`ground`], decision
//! 0030): where nothing is enforced a password is good, whether there are connections or not. It is asked in the transaction
//! that identifies the person, once the password was right; before that, everything is the same for known and unknown
//! addresses.
//!
//! Where single sign-on is asked of somebody, their password is good on the break-glass list alone, and with a second factor
//! only (decision 0023). Everybody else whose password was right is told who signs them in.

pub mod choosing;
pub mod ground;
pub mod second_step;
pub mod standing;
pub mod staying;

use ground::Ground;
use serde_json::json;

use super::attempts::refusal::Refusal;
use super::attempts::state::{HalfProved, Identified};
use super::attempts::{self, Attempt, AttemptError};
use super::enforcement::local::LocalCredentials;
use super::enforcement::{self, Verdict};
use super::passwords::{self, KeepingError, Kept, PasswordHash};
use super::second_factors::enrolment::EnrolmentError;
use crate::directory::accounts::{self, Account};
use crate::directory::memberships::{self, Membership, MembershipKind};
use crate::keys::sealing::Sealer;
use crate::protocol::oidc::acr::Level;
use crate::record::audit::{self, Action, Subject};
use crate::store::failure::StoreError;
use crate::store::{Tx, accounts as account_rows, devices};
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::{Actor, Operation};
use crate::values::secret::{Secret, TokenHash};

/// A password, as RFC 8176 names it.
pub const PASSWORD_AMR: &str = "pwd";

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
    /// It lets nobody in: single sign-on is asked of them.
    SingleSignOn {
        /// By this organization.
        asked_by: OrganizationId,
    },
}

/// What a right password leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weighed {
    Good(Worth),
    SingleSignOn { asked_by: OrganizationId },
    Nothing,
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

/// What the password of an account is worth; `None` when it lets nobody in: the account may not have one, or the policy of its
/// domain is not content with it.
pub(in crate::access) fn worth(tx: &mut Tx<'_>, account: &Account) -> Result<Option<Worth>, StoreError> {
    Ok(match weigh(tx, account)? {
        Weighed::Good(worth) => Some(worth),
        Weighed::SingleSignOn { .. } | Weighed::Nothing => None,
    })
}

fn weigh(tx: &mut Tx<'_>, account: &Account) -> Result<Weighed, StoreError> {
    let ground = ground::find(tx, account)?;
    let Some(facts) = enforcement::load(tx, account.id)? else { return Ok(Weighed::Nothing) };
    Ok(weighed(ground, enforcement::verdict(&facts), facts.local))
}

/// What a right password leads to. The verdict is about the domain of the primary address, the ground about all.
const fn weighed(ground: Ground, verdict: Verdict, local: LocalCredentials) -> Weighed {
    match (verdict, ground) {
        (Verdict::Nothing, _) | (_, Ground::Inactive) => Weighed::Nothing,
        (_, Ground::SingleSignOn { asked_by }) => Weighed::SingleSignOn { asked_by },
        // Q18: a break-glass account without a second factor is none, whichever of its addresses is asked.
        (Verdict::IdentityProvider, Ground::Listed { asked_by }) => Weighed::SingleSignOn { asked_by },
        (Verdict::OwnFirst | Verdict::IdentityProviderFirst, Ground::Listed { asked_by }) if !local.has_mfa => {
            Weighed::SingleSignOn { asked_by }
        }
        (Verdict::OwnFirst | Verdict::IdentityProviderFirst, Ground::Open) => Weighed::Good(Worth::Alone),
        (Verdict::BreakGlass | Verdict::OwnFirst | Verdict::IdentityProviderFirst, _) => {
            Weighed::Good(Worth::WithFactor)
        }
        // There is no password to be worth anything.
        (Verdict::IdentityProvider, Ground::Open) => Weighed::Nothing,
    }
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
    if !is_same {
        return Err(OwnPasswordError::Changed);
    }
    let worth = match weigh(tx, &account)? {
        Weighed::Good(worth) => worth,
        Weighed::SingleSignOn { asked_by } => return refuse(tx, op, attempt, candidate.account, asked_by),
        Weighed::Nothing => return Err(OwnPasswordError::Changed),
    };
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

/// The password was right, and single sign-on is asked of the person: written down, because somebody knows a password that opens
/// nothing. The attempt goes on.
fn refuse(
    tx: &mut Tx<'_>,
    op: &Operation,
    attempt: &Attempt,
    account: AccountId,
    asked_by: OrganizationId,
) -> Result<Proved, OwnPasswordError> {
    let organization = home_organization(tx, account)?;
    let detail = json!({ "code": Refusal::SingleSignOnAsked.code(), "attempt": attempt.id });
    let subject = Subject::new("account", account);
    audit::write(tx, op, organization, Action::SignInRefused, &subject, &detail)?;
    Ok(Proved::SingleSignOn { asked_by })
}

/// The organization in whose log it stands what a person does with their own account: the one they are a member of.
pub fn home_organization(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<OrganizationId>, StoreError> {
    let memberships = memberships::of_account(tx, account)?;
    let home = memberships.iter().find(|membership| membership.kind == MembershipKind::Member);
    Ok(home.map(|membership| membership.organization))
}

#[cfg(test)]
mod tests;
