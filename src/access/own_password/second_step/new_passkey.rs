//! A passkey is made where a second factor has to be set up in a sign-in. The right password of this attempt is what the session
//! and the password are on the account page (decision 0028): only after it is the browser asked to make one, so that the
//! challenge is the leave to add it.

use super::{SetUp, require_standing, with_factor};
use crate::access::attempts::state::{Asked, HalfProved, Identified};
use crate::access::attempts::{self, Attempt};
use crate::access::own_password::OwnPasswordError;
use crate::access::passkeys::assertion;
use crate::access::passkeys::ceremony::{Ceremonies, CeremonyFailed, NewPasskey};
use crate::access::passkeys::challenges::{self, Place};
use crate::access::passkeys::enrolment::{self, AskError};
use crate::store::failure::StoreError;
use crate::store::passkey_challenges::PasskeyChallengeRow;
use crate::store::{Tx, accounts as account_rows};
use crate::values::operation::{Actor, Operation};
use crate::values::passkey_name::PasskeyName;

/// Why nobody is asked for a new passkey.
#[derive(Debug, thiserror::Error)]
pub enum NotAsked {
    /// Nothing is to be set up (any more).
    #[error(transparent)]
    OwnPassword(#[from] OwnPasswordError),
    /// The browser cannot be asked.
    #[error(transparent)]
    Ceremony(#[from] CeremonyFailed),
}

impl From<StoreError> for NotAsked {
    fn from(error: StoreError) -> Self {
        Self::OwnPassword(error.into())
    }
}

impl From<AskError> for NotAsked {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Enrolment(error) => Self::OwnPassword(OwnPasswordError::Enrolment(error)),
            AskError::Ceremony(error) => Self::Ceremony(error),
        }
    }
}

/// What the browser of somebody who needs a second factor is asked that makes a passkey of this name, as JSON. An account may
/// have `most`.
pub fn ask(
    tx: &mut Tx<'_>,
    op: &Operation,
    ceremonies: &Ceremonies,
    (attempt, half): (&Attempt, &HalfProved),
    name: &PasskeyName,
    most: u32,
) -> Result<String, NotAsked> {
    require_set_up(tx, op, half)?;
    let account = half.identified.account;
    let asked = enrolment::ask(tx, ceremonies, account, most)?;
    challenges::keep(tx, op, &Place::set_up(attempt.id), Some(account), &asked, Some(name))?;
    Ok(asked.options)
}

/// What this attempt's browser was asked. `None` when it was not, or too long ago. Consumes nothing.
pub fn find(tx: &mut Tx<'_>, op: &Operation, attempt: &Attempt) -> Result<Option<PasskeyChallengeRow>, StoreError> {
    challenges::find(tx, op, &Place::set_up(attempt.id))
}

/// Gives somebody who needs a second factor the passkey that their browser has made, which has verified them just now. Everything
/// that the account was signed in to before ends. `None` when none was made that counts; the challenge is used up then, so the
/// caller keeps the transaction.
pub fn take(
    tx: &mut Tx<'_>,
    op: &Operation,
    (attempt, half): (&Attempt, &HalfProved),
    challenge: &PasskeyChallengeRow,
    made: Option<&NewPasskey>,
    most: u32,
) -> Result<Option<SetUp>, OwnPasswordError> {
    let op = &op.by(Actor::Person { account: half.identified.account });
    // Whoever ends everything just now, because the password was stolen, does not do so in vain.
    account_rows::lock(tx, half.identified.account)?;
    require_set_up(tx, op, half)?;
    if !challenges::consume(tx, op, &Place::set_up(attempt.id), &challenge.state)? {
        return Err(OwnPasswordError::Changed);
    }
    let Some(made) = made else { return Ok(None) };
    let name = challenge.name.as_deref().and_then(|name| name.parse::<PasskeyName>().ok());
    let name = name.ok_or(StoreError::Inconsistent("passkey_challenges.name"))?;
    let enrolled = enrolment::add(tx, op, half.identified.account, made, &name, most)?;
    let identified = Identified { session_epoch: enrolled.session_epoch, ..half.identified.clone() };
    let identified = with_factor(op, half, identified, &assertion::methods(made.storage));
    let arrival = attempts::identify_here(tx, op, attempt, identified)?;
    Ok(Some(SetUp { arrival, codes: enrolled.codes }))
}

/// Refuses who is asked for a factor that they have: nobody puts another one beside it by the password alone.
fn require_set_up(tx: &mut Tx<'_>, op: &Operation, half: &HalfProved) -> Result<(), OwnPasswordError> {
    match half.asked {
        Asked::SetUp => require_standing(tx, op, half),
        Asked::Factor => Err(OwnPasswordError::Changed),
    }
}
