//! A passkey becomes somebody's, or goes. Whatever else the account is signed in to ends, and the person is told by mail.

use serde_json::json;

use super::ceremony::{Asked, Ceremonies, CeremonyFailed, Holder, NewPasskey};
use crate::access::own_password::ground::may_have_password;
use crate::access::own_password::home_organization;
use crate::access::second_factors::enrolment::{Enrolled, EnrolmentError, end_sessions, write_codes};
use crate::access::second_factors::{self, tell};
use crate::directory::accounts::{self, Account};
use crate::record::audit::{self, Action, Subject};
use crate::record::notice::PersonNotice;
use crate::store::constraint::Constraint;
use crate::store::failure::StoreError;
use crate::store::passkeys::{self as rows, PasskeyRow};
use crate::store::{Tx, devices, recovery_codes};
use crate::values::ids::{AccountId, PasskeyId};
use crate::values::operation::{Actor, Operation};
use crate::values::passkey_name::PasskeyName;

/// Why nobody is asked for a new passkey.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The account may not have one (any more), or has as many as it may.
    #[error(transparent)]
    Enrolment(#[from] EnrolmentError),
    /// The browser cannot be asked.
    #[error(transparent)]
    Ceremony(#[from] CeremonyFailed),
}

impl From<StoreError> for AskError {
    fn from(error: StoreError) -> Self {
        Self::Enrolment(error.into())
    }
}

/// What a browser is asked that makes a passkey for `account`, which may have `most`.
pub fn ask(tx: &mut Tx<'_>, ceremonies: &Ceremonies, account: AccountId, most: u32) -> Result<Asked, AskError> {
    let found = require_room(tx, account, most)?;
    let address = found.profile.primary_address().map(|address| address.as_str().to_owned());
    let label = address.unwrap_or_else(|| account.to_string());
    let credentials = super::credentials(tx, account)?;
    Ok(ceremonies.ask_for_new(&Holder { account, label: &label, credentials: &credentials })?)
}

fn require_room(tx: &mut Tx<'_>, account: AccountId, most: u32) -> Result<Account, EnrolmentError> {
    let found = accounts::find(tx, account)?.ok_or(EnrolmentError::NotAllowed)?;
    if !may_have_password(tx, &found)? {
        return Err(EnrolmentError::NotAllowed);
    }
    if rows::count(tx, account)? >= i64::from(most) {
        return Err(EnrolmentError::TooMany);
    }
    Ok(found)
}

/// Gives `account` the passkey that was made, and recovery codes if it is their first second factor. The caller holds the
/// account's lock.
pub fn add(
    tx: &mut Tx<'_>,
    op: &Operation,
    account: AccountId,
    made: &NewPasskey,
    name: &PasskeyName,
    most: u32,
) -> Result<Enrolled, EnrolmentError> {
    let op = &op.by(Actor::Person { account });
    require_room(tx, account, most)?;
    let is_first = !second_factors::is_there(tx, account)?;
    let row = PasskeyRow {
        id: op.new_id(),
        account_id: account,
        credential_id: made.credential_id.clone(),
        credential: made.credential.clone(),
        name: name.as_str().to_owned(),
        created_at: op.at,
        confirmed_at: op.at,
        last_used_at: None,
    };
    match rows::insert(tx, &row) {
        Ok(()) => {}
        Err(StoreError::Conflict(Constraint::Passkey)) => return Err(EnrolmentError::AlreadyThere),
        Err(other) => return Err(other.into()),
    }
    let codes = if is_first { write_codes(tx, op, account)? } else { Vec::new() };
    // Browsers that became known by the password alone do not count as the person's any more.
    devices::forget_all(tx, account)?;
    let session_epoch = end_sessions(tx, op, account)?;
    let organization = home_organization(tx, account)?;
    let (subject, detail) = (Subject::new("account", account), json!({ "kind": "passkey", "passkey": row.id }));
    audit::write(tx, op, organization, Action::SecondFactorAdded, &subject, &detail)?;
    tell(tx, op, account, PersonNotice::PasskeyAdded)?;
    Ok(Enrolled { codes, session_epoch })
}

/// Takes a passkey of `account` away, and with the last second factor its recovery codes. The session epoch from now on.
pub fn remove(tx: &mut Tx<'_>, op: &Operation, account: AccountId, id: PasskeyId) -> Result<i64, EnrolmentError> {
    if !rows::delete(tx, account, id)? {
        return Err(EnrolmentError::NotAllowed);
    }
    if !second_factors::is_there(tx, account)? {
        recovery_codes::delete_all(tx, account)?;
    }
    let session_epoch = end_sessions(tx, op, account)?;
    let organization = home_organization(tx, account)?;
    let (subject, detail) = (Subject::new("account", account), json!({ "kind": "passkey", "passkey": id }));
    audit::write(tx, op, organization, Action::SecondFactorRemoved, &subject, &detail)?;
    tell(tx, op, account, PersonNotice::PasskeyRemoved)?;
    Ok(session_epoch)
}
