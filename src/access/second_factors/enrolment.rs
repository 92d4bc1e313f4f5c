//! A second factor becomes somebody's, goes, or gets other recovery codes. Whatever else the account is signed in to ends, and
//! the person is told by mail.

use serde_json::json;

use super::offer::Offer;
use super::{digits, is_there, place, tell};
use crate::access::own_password::ground::may_have_password;
use crate::access::own_password::home_organization;
use crate::access::passkeys;
use crate::access::passwords::KeepingError;
use crate::directory::accounts;
use crate::keys::sealing::Sealer;
use crate::protocol::totp;
use crate::record::audit::{self, Action, Subject};
use crate::record::notice::PersonNotice;
use crate::store::constraint::Constraint;
use crate::store::failure::StoreError;
use crate::store::totp_factors::{self, TotpFactorRow};
use crate::store::{Tx, accounts as account_rows, devices, passkeys as passkey_rows, recovery_codes};
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::{Actor, Operation};
use crate::values::recovery_code::RecoveryCode;

/// So many recovery codes are made at a time.
pub const CODES: usize = 10;

/// What somebody has from now on.
#[derive(Debug)]
pub struct Enrolled {
    /// To be shown once. None where the account had some.
    pub codes: Vec<RecoveryCode>,
    /// The account's session epoch from now on, for what goes on.
    pub session_epoch: i64,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum EnrolmentError {
    /// The code is not one that the offered secret makes.
    #[error("the code is not right")]
    WrongCode,
    /// The account has a second factor.
    #[error("the account has a second factor")]
    AlreadyThere,
    /// The account has as many passkeys as it may.
    #[error("the account has as many passkeys as it may")]
    TooMany,
    /// The account has none, or may not have one (any more).
    #[error("the account has no second factor, or may not have one")]
    NotAllowed,
    /// What is kept cannot be had.
    #[error(transparent)]
    Keeping(#[from] KeepingError),
}

impl From<StoreError> for EnrolmentError {
    fn from(error: StoreError) -> Self {
        Self::Keeping(KeepingError::Store(error))
    }
}

/// Gives `account` the offered secret, after they have typed a code of it, which is used up.
pub fn enrol(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    account: AccountId,
    offer: &Offer,
    typed: &str,
) -> Result<Enrolled, EnrolmentError> {
    let op = &op.by(Actor::Person { account });
    let found = accounts::find(tx, account)?.ok_or(EnrolmentError::NotAllowed)?;
    if !may_have_password(tx, &found)? {
        return Err(EnrolmentError::NotAllowed);
    }
    let step = totp::matching_step(offer.secret(), &digits(typed), op.at, 0).ok_or(EnrolmentError::WrongCode)?;
    let sealed_secret = sealer.seal(offer.secret(), &place(account)).map_err(KeepingError::Sealing)?;
    let row = TotpFactorRow { account_id: account, sealed_secret, last_step: step, confirmed_at: op.at };
    match totp_factors::insert(tx, &row) {
        Ok(()) => {}
        Err(StoreError::Conflict(Constraint::TotpFactor)) => return Err(EnrolmentError::AlreadyThere),
        Err(other) => return Err(other.into()),
    }
    // Whoever has a passkey has codes already, which stay as they are written down.
    let codes = if passkeys::is_there(tx, account)? { Vec::new() } else { write_codes(tx, op, account)? };
    // Browsers that became known by the password alone do not count as the person's any more.
    devices::forget_all(tx, account)?;
    let session_epoch = end_sessions(tx, op, account)?;
    let subject = Subject::new("account", account);
    let organization = home_organization(tx, account)?;
    audit::write(tx, op, organization, Action::SecondFactorAdded, &subject, &json!({ "kind": "totp" }))?;
    tell(tx, op, account, PersonNotice::SecondFactorAdded)?;
    Ok(Enrolled { codes, session_epoch })
}

/// Takes the authenticator app of `account` away, and its recovery codes if it has no passkey. The session epoch from now on.
pub fn remove(tx: &mut Tx<'_>, op: &Operation, account: AccountId) -> Result<i64, EnrolmentError> {
    if !totp_factors::delete(tx, account)? {
        return Err(EnrolmentError::NotAllowed);
    }
    if !passkeys::is_there(tx, account)? {
        recovery_codes::delete_all(tx, account)?;
    }
    let organization = home_organization(tx, account)?;
    after_removal(tx, op, account, organization, "totp")
}

/// Takes every second factor away, and writes that into the log of `organization`.
pub(super) fn remove_all(
    tx: &mut Tx<'_>,
    op: &Operation,
    account: AccountId,
    organization: OrganizationId,
) -> Result<i64, EnrolmentError> {
    let (had_app, passkeys) = (totp_factors::delete(tx, account)?, passkey_rows::delete_all(tx, account)?);
    let kind = match (had_app, passkeys) {
        (false, 0) => return Err(EnrolmentError::NotAllowed),
        (true, 0) => "totp",
        (false, _) => "passkey",
        (true, _) => "all",
    };
    recovery_codes::delete_all(tx, account)?;
    after_removal(tx, op, account, Some(organization), kind)
}

fn after_removal(
    tx: &mut Tx<'_>,
    op: &Operation,
    account: AccountId,
    organization: Option<OrganizationId>,
    kind: &str,
) -> Result<i64, EnrolmentError> {
    let session_epoch = end_sessions(tx, op, account)?;
    let subject = Subject::new("account", account);
    audit::write(tx, op, organization, Action::SecondFactorRemoved, &subject, &json!({ "kind": kind }))?;
    tell(tx, op, account, PersonNotice::SecondFactorRemoved)?;
    Ok(session_epoch)
}

/// Makes recovery codes anew; those before are gone.
pub fn renew_codes(tx: &mut Tx<'_>, op: &Operation, account: AccountId) -> Result<Vec<RecoveryCode>, EnrolmentError> {
    if !is_there(tx, account)? {
        return Err(EnrolmentError::NotAllowed);
    }
    let codes = write_codes(tx, op, account)?;
    let organization = home_organization(tx, account)?;
    let subject = Subject::new("account", account);
    audit::write(tx, op, organization, Action::RecoveryCodesMade, &subject, &json!({ "count": codes.len() }))?;
    tell(tx, op, account, PersonNotice::RecoveryCodesMade)?;
    Ok(codes)
}

/// Gives an account fresh recovery codes.
pub(in crate::access) fn write_codes(
    tx: &mut Tx<'_>,
    op: &Operation,
    account: AccountId,
) -> Result<Vec<RecoveryCode>, StoreError> {
    recovery_codes::delete_all(tx, account)?;
    let codes: Vec<RecoveryCode> = (0..CODES).map(|_| RecoveryCode::new(&op.entropy)).collect();
    for code in &codes {
        recovery_codes::insert(tx, account, &code.hash(account), op.at)?;
    }
    Ok(codes)
}

/// Ends everything that an account is signed in to. Its session epoch from now on.
pub(in crate::access) fn end_sessions(
    tx: &mut Tx<'_>,
    op: &Operation,
    account: AccountId,
) -> Result<i64, EnrolmentError> {
    account_rows::end_sessions(tx, account, op.at)?.ok_or(EnrolmentError::NotAllowed)
}
