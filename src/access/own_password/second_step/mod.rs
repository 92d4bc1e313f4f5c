//! What is asked for beside a right password, and what becomes of the answer.
//!
//! [`asked`] is a pure function over loaded facts. Nothing here is reached, and nothing is told of it, before the password was
//! right. Codes are counted for each right password; `second_factors` counts them for the account.

pub mod new_passkey;

use super::{OwnPasswordError, Worth, worth};
use crate::access::attempts::state::{Asked, HalfProved, Identified};
use crate::access::attempts::{self, Attempt, AttemptError};
use crate::access::mfa_policy;
use crate::access::passkeys::assertion::{self, Beside, Checked};
use crate::access::second_factors::enrolment;
use crate::access::second_factors::offer::Offer;
use crate::access::second_factors::{self, ONE_TIME_CODE_AMR, raised};
use crate::access::sessions::Session;
use crate::directory::accounts;
use crate::keys::sealing::Sealer;
use crate::protocol::oidc::acr::Level;
use crate::protocol::oidc::authorization::AuthorizationRequest;
use crate::store::failure::StoreError;
use crate::store::{Tx, accounts as account_rows, sessions as session_rows};
use crate::values::ids::{AccountId, AttemptId};
use crate::values::operation::{Actor, Operation};
use crate::values::recovery_code::RecoveryCode;
use crate::values::secret::Secret;

/// What decides whether a password is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What the password is worth.
    pub worth: Worth,
    /// They have a second factor.
    pub has_factor: bool,
    /// The organization that they are a member of asks for one.
    pub is_required: bool,
    /// The application asks for one.
    pub is_asked_by_application: bool,
}

/// What became of a code.
#[derive(Debug)]
pub enum Step {
    /// It is known who signs in. The arrival token of this browser.
    Right(Secret),
    /// The code is wrong; another may be typed.
    Wrong,
    /// The code is wrong, and it was the last. The attempt has started over.
    WrongTooOften,
}

/// What became of a second factor that is being set up.
#[derive(Debug)]
pub struct SetUp {
    /// The arrival token of this browser.
    pub arrival: Secret,
    /// To be shown once.
    pub codes: Vec<RecoveryCode>,
}

/// What is asked for beside a right password; `None` when it is enough.
pub const fn asked(facts: &Facts) -> Option<Asked> {
    let is_needed = matches!(facts.worth, Worth::WithFactor) || facts.is_required || facts.is_asked_by_application;
    match (facts.has_factor, is_needed) {
        // Whoever has one is asked for it, whoever else asks for it or not.
        (true, _) => Some(Asked::Factor),
        (false, true) => Some(Asked::SetUp),
        (false, false) => None,
    }
}

/// The facts about an account whose password is worth so much.
pub(super) fn load(
    tx: &mut Tx<'_>,
    account: AccountId,
    worth: Worth,
    request: &AuthorizationRequest,
) -> Result<Facts, StoreError> {
    Ok(Facts {
        worth,
        has_factor: second_factors::is_there(tx, account)?,
        is_required: mfa_policy::is_required_of(tx, account)?,
        is_asked_by_application: request.level_asked() >= Some(Level::SeveralFactors),
    })
}

/// The person of a live session has to prove more: their attempt goes on with what they have proved before, if they have a
/// second factor. Who has none sets one up after their password.
pub fn step_up(tx: &mut Tx<'_>, op: &Operation, attempt: AttemptId, session: &Session) -> Result<bool, StoreError> {
    if session.connection.is_some() || !second_factors::is_there(tx, session.account)? {
        return Ok(false);
    }
    let Some(attempt) = attempts::find(tx, attempt)? else { return Ok(false) };
    let half = HalfProved { identified: session.identified(), asked: Asked::Factor, session: Some(session.id) };
    match attempts::half_prove(tx, op, &attempt, half) {
        Ok(()) => Ok(true),
        Err(AttemptError::NotAllowed) => Ok(false),
        Err(AttemptError::Store(error)) => Err(error),
    }
}

/// Takes what somebody typed as their second factor.
pub fn prove(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    attempt: &Attempt,
    half: &HalfProved,
    typed: &str,
) -> Result<Step, OwnPasswordError> {
    let op = &op.by(Actor::Person { account: half.identified.account });
    let is_last = attempts::count_code(tx, op, attempt.id)?;
    require_standing(tx, op, half)?;
    if second_factors::prove(tx, op, sealer, half.identified.account, typed)? {
        let identified = with_factor(op, half, half.identified.clone(), &[ONE_TIME_CODE_AMR]);
        return Ok(Step::Right(attempts::identify_here(tx, op, attempt, identified)?));
    }
    if !is_last {
        return Ok(Step::Wrong);
    }
    attempts::start_over(tx, op, attempt.id)?;
    Ok(Step::WrongTooOften)
}

/// Takes the passkey that somebody showed as their second factor: the arrival token of this browser. `None` when it does not
/// count; the challenge is used up then, so the caller keeps the transaction.
pub fn prove_by_passkey(
    tx: &mut Tx<'_>,
    op: &Operation,
    attempt: &Attempt,
    half: &HalfProved,
    checked: &Checked,
) -> Result<Option<Secret>, OwnPasswordError> {
    let op = &op.by(Actor::Person { account: half.identified.account });
    // Whoever chooses another password just now is not to find that this one has vouched for the passkey afterwards.
    account_rows::lock(tx, half.identified.account)?;
    require_standing(tx, op, half)?;
    let beside = match half.session {
        None => Beside::Password,
        Some(_) => Beside::Nothing,
    };
    let shown = assertion::take(tx, op, checked, beside)?;
    let Some(shown) = shown.filter(|shown| shown.account == half.identified.account) else { return Ok(None) };
    let identified = with_factor(op, half, half.identified.clone(), &shown.methods());
    Ok(Some(attempts::identify_here(tx, op, attempt, identified)?))
}

/// Gives somebody who needs a second factor the one that they were offered, by a code of it. Everything that the account was signed in to
/// before ends.
pub fn set_up(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    attempt: &Attempt,
    half: &HalfProved,
    (offer, typed): (&Offer, &str),
) -> Result<SetUp, OwnPasswordError> {
    let op = &op.by(Actor::Person { account: half.identified.account });
    // Whoever ends everything just now, because the password was stolen, does not do so in vain.
    account_rows::lock(tx, half.identified.account)?;
    require_standing(tx, op, half)?;
    let enrolled = enrolment::enrol(tx, op, sealer, half.identified.account, offer, typed)?;
    let identified = Identified { session_epoch: enrolled.session_epoch, ..half.identified.clone() };
    let arrival = attempts::identify_here(tx, op, attempt, with_factor(op, half, identified, &[ONE_TIME_CODE_AMR]))?;
    Ok(SetUp { arrival, codes: enrolled.codes })
}

/// Refuses when the password is worth nothing any more, or what began with it has been ended.
fn require_standing(tx: &mut Tx<'_>, op: &Operation, half: &HalfProved) -> Result<(), OwnPasswordError> {
    let account = accounts::find(tx, half.identified.account)?.ok_or(OwnPasswordError::Changed)?;
    if account.session_epoch != half.identified.session_epoch || worth(tx, &account)?.is_none() {
        return Err(OwnPasswordError::Changed);
    }
    match half.session {
        Some(session) if !session_rows::is_open(tx, session, op.at)? => Err(OwnPasswordError::Changed),
        Some(_) | None => Ok(()),
    }
}

/// What is known of somebody who has shown these as well. Where the password was not typed just before, they have signed in when
/// it was: an application that asks for a recent sign-in gets one.
fn with_factor(op: &Operation, half: &HalfProved, identified: Identified, methods: &[&str]) -> Identified {
    let (amr, acr) = raised(identified.amr, methods);
    let auth_time = match half.session {
        Some(_) => identified.auth_time,
        None => Some(op.at),
    };
    Identified { amr, acr, auth_time, ..identified }
}

#[cfg(test)]
mod tests;
