//! A passkey is used: read what its answer is compared with, check it, and take it.
//!
//! Checking costs a signature and holds no transaction. What was checked counts only if the challenge is used up in the
//! transaction that goes on, and if the gateway still keeps of the passkey what it was checked against: of two answers by copies
//! of one authenticator one is taken.

use serde_json::json;

use super::ceremony::{Answer, Ceremonies, Rejected, Storage};
use super::challenges::{self, Place};
use crate::access::own_password::home_organization;
use crate::access::second_factors::tell;
use crate::record::audit::{self, Action, Subject};
use crate::record::notice::PersonNotice;
use crate::store::failure::StoreError;
use crate::store::passkey_challenges::PasskeyChallengeRow;
use crate::store::passkeys::{self as rows, PasskeyRow, Use};
use crate::store::{Tx, passwords};
use crate::values::ids::{AccountId, PasskeyId};
use crate::values::operation::Operation;

/// Proof of possession of a key in hardware, as RFC 8176 names it.
const HARDWARE_KEY_AMR: &str = "hwk";
/// The same of one that software holds, such as a key that is synchronized between devices.
const SOFTWARE_KEY_AMR: &str = "swk";
/// The person was there.
const USER_PRESENCE_AMR: &str = "user";

/// An answer, with what it is compared with.
#[derive(Debug, Clone)]
pub struct Presented {
    place: Place,
    answer: Answer,
    challenge: Option<PasskeyChallengeRow>,
    passkey: Option<PasskeyRow>,
}

/// An answer that was checked.
#[derive(Debug, Clone)]
pub struct Checked {
    place: Place,
    state: Option<String>,
    outcome: Outcome,
}

#[derive(Debug, Clone)]
enum Outcome {
    Right { before: PasskeyRow, credential: String, storage: Storage },
    CountedBack(PasskeyRow),
    Wrong,
}

impl Checked {
    /// Whose passkey it is, where the answer is right.
    pub const fn account(&self) -> Option<AccountId> {
        match &self.outcome {
            Outcome::Right { before, .. } => Some(before.account_id),
            Outcome::CountedBack(_) | Outcome::Wrong => None,
        }
    }
}

/// What else somebody has shown in the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// The password of today.
    Password,
}

/// A passkey that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Which.
    pub passkey: PasskeyId,
    /// Whose.
    pub account: AccountId,
    /// It was made, or used beside the password, since the password was last chosen. Another one is a second factor only.
    pub counts_alone: bool,
    storage: Storage,
}

impl Shown {
    /// How somebody proved themselves by it (RFC 8176).
    pub const fn methods(&self) -> [&'static str; 2] {
        methods(self.storage)
    }
}

/// How somebody proved themselves by a passkey that is kept there (RFC 8176).
pub const fn methods(storage: Storage) -> [&'static str; 2] {
    let key = match storage {
        Storage::OneDevice => HARDWARE_KEY_AMR,
        Storage::Synced => SOFTWARE_KEY_AMR,
    };
    [key, USER_PRESENCE_AMR]
}

/// Reads what an answer is compared with. Consumes nothing.
pub fn present(tx: &mut Tx<'_>, op: &Operation, place: Place, answer: Answer) -> Result<Presented, StoreError> {
    let challenge = challenges::find(tx, op, &place)?;
    let passkey = rows::find_by_credential(tx, answer.credential_id())?;
    Ok(Presented { place, answer, challenge, passkey })
}

impl Presented {
    /// Checks it. Costs a signature, whether the gateway knows the passkey or not.
    pub fn check(self, ceremonies: &Ceremonies) -> Checked {
        let Some(challenge) = &self.challenge else {
            return Checked { place: self.place, state: None, outcome: Outcome::Wrong };
        };
        let kept = self.passkey.as_ref().map(|row| row.credential.as_str());
        let checked = ceremonies.check(&challenge.state, &self.answer, kept);
        let owner = self.passkey.as_ref().map(|row| row.account_id);
        let outcome = match (checked, self.passkey) {
            _ if !is_theirs(&self.place, challenge.account_id, &self.answer, owner) => Outcome::Wrong,
            (Ok(used), Some(before)) => Outcome::Right { before, credential: used.credential, storage: used.storage },
            (Err(Rejected::CountedBack), Some(row)) => Outcome::CountedBack(row),
            (Ok(_) | Err(_), _) => Outcome::Wrong,
        };
        Checked { place: self.place, state: self.challenge.map(|challenge| challenge.state), outcome }
    }
}

/// True when the passkey of `owner` may answer here. To sign in, the authenticator says whose it is, and is right (WebAuthn Level
/// 3, 7.2, step 6); where it is known who is asked, it is theirs.
fn is_theirs(place: &Place, asked: Option<AccountId>, answer: &Answer, owner: Option<AccountId>) -> bool {
    let (Some(owner), said) = (owner, answer.user()) else { return false };
    match (place.is_sign_in(), said) {
        (true, Some(Ok(said))) => said == owner,
        (false, None) => asked == Some(owner),
        (false, Some(Ok(said))) => asked == Some(owner) && said == owner,
        (true, None) | (_, Some(Err(_))) => false,
    }
}

/// Takes what was checked, and uses the challenge up whatever came of it, so the caller keeps the transaction. `None` when it
/// does not count, for whatever reason. The caller holds the account ([`Checked::account`]), because what a passkey counts for
/// hangs on when its password was chosen.
pub fn take(tx: &mut Tx<'_>, op: &Operation, checked: &Checked, beside: Beside) -> Result<Option<Shown>, StoreError> {
    let Some(state) = &checked.state else { return Ok(None) };
    if !challenges::consume(tx, op, &checked.place, state)? {
        return Ok(None);
    }
    match &checked.outcome {
        Outcome::Wrong => Ok(None),
        Outcome::CountedBack(row) => {
            note_copied(tx, op, row)?;
            Ok(None)
        }
        Outcome::Right { before, credential, storage } => {
            let confirmed_at = (beside == Beside::Password).then_some(op.at);
            let used = Use { credential: credential.clone(), last_used_at: op.at, confirmed_at };
            if !rows::note_use(tx, before.id, &before.credential, &used)? {
                return Ok(None);
            }
            let chosen_at = passwords::find(tx, before.account_id)?.map(|row| row.set_at);
            let counts_alone = chosen_at.is_none_or(|chosen_at| chosen_at <= before.confirmed_at);
            Ok(Some(Shown { passkey: before.id, account: before.account_id, counts_alone, storage: *storage }))
        }
    }
}

/// Two of one passkey seem to be in use: it is written down, and the person is told.
fn note_copied(tx: &mut Tx<'_>, op: &Operation, row: &PasskeyRow) -> Result<(), StoreError> {
    let organization = home_organization(tx, row.account_id)?;
    let subject = Subject::new("account", row.account_id);
    audit::write(tx, op, organization, Action::PasskeyCopied, &subject, &json!({ "passkey": row.id }))?;
    tell(tx, op, row.account_id, PersonNotice::PasskeyCopied)
}
