//! What a person proves themselves with beside their password: an authenticator app or a passkey, and recovery codes for when
//! they are gone (decisions 0023 and 0028).
//!
//! The app's secret is sealed and bound to its account. A code of the app is good once: its step is used by one UPDATE. A
//! recovery code is good once: it is removed by one DELETE. Recovery codes alone are no second factor; they go with the last of the others.
//! Refuses to ask for a password; whoever changes anything here has shown theirs before (`flows::second_factors`).

pub mod enrolment;
pub mod offer;
pub mod reset;

use serde_json::json;
use zeroize::Zeroizing;

use super::own_password::home_organization;
use super::passkeys;
use super::passwords::KeepingError;
use crate::keys::sealing::Sealer;
use crate::protocol::oidc::acr::{Level, SEVERAL_FACTORS_AMR};
use crate::protocol::totp;
use crate::record::audit::{self, Action, Subject};
use crate::record::jobs::{self, Job};
use crate::record::notice::PersonNotice;
use crate::store::failure::StoreError;
use crate::store::totp_factors::TotpFactorRow;
use crate::store::{Tx, passkeys as passkey_rows, recovery_codes, totp_factors};
use crate::values::clock::Timestamp;
use crate::values::ids::AccountId;
use crate::values::operation::Operation;
use crate::values::recovery_code::RecoveryCode;

/// The second factor of a person, as they see it themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overview {
    /// Since when the app counts, if there is one.
    pub app_since: Option<Timestamp>,
    /// How many recovery codes are left.
    pub codes_left: i64,
}

/// A one-time code, as RFC 8176 names it. A recovery code is one.
pub const ONE_TIME_CODE_AMR: &str = "otp";
/// Whenever so many codes in a row were wrong, the person is told that somebody knows their password.
const WRONG_CODES_TOLD: i64 = 5;

/// How somebody proved themselves who has shown these as well: the methods, and the authentication context class.
pub fn raised(mut amr: Vec<String>, methods: &[&str]) -> (Vec<String>, String) {
    for method in methods.iter().chain([&SEVERAL_FACTORS_AMR]) {
        if !amr.iter().any(|known| known == method) {
            amr.push((*method).to_owned());
        }
    }
    (amr, Level::SeveralFactors.as_str().to_owned())
}

/// True when an account has a second factor.
pub fn is_there(tx: &mut Tx<'_>, account: AccountId) -> Result<bool, StoreError> {
    Ok(totp_factors::is_there(tx, account)? || passkeys::is_there(tx, account)?)
}

/// What an account has, if it has a second factor.
pub fn overview(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<Overview>, StoreError> {
    let app = totp_factors::find(tx, account)?;
    if app.is_none() && !passkeys::is_there(tx, account)? {
        return Ok(None);
    }
    let codes_left = recovery_codes::count(tx, account)?;
    Ok(Some(Overview { app_since: app.map(|row| row.confirmed_at), codes_left }))
}

/// Uses what somebody typed as the second factor of `account`: a code of the app, or a recovery code. False when it is neither,
/// or was used before: that is counted, so the caller keeps the transaction. Who types here has shown the password before.
pub fn prove(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    account: AccountId,
    typed: &str,
) -> Result<bool, KeepingError> {
    let step = match totp_factors::find(tx, account)? {
        Some(row) => {
            let secret = secret_of(sealer, &row)?;
            totp::matching_step(&secret, &digits(typed), op.at, row.last_step).map(|step| (row.confirmed_at, step))
        }
        None if passkeys::is_there(tx, account)? => None,
        None => return Ok(false),
    };
    let is_right = match step {
        Some((confirmed_at, step)) => totp_factors::use_step(tx, account, confirmed_at, step)?,
        None => use_recovery_code(tx, op, account, typed)?,
    };
    if !is_right {
        note_wrong(tx, op, account)?;
    }
    Ok(is_right)
}

/// What was typed as a code of an app, without the spaces that apps show in it.
fn digits(typed: &str) -> String {
    typed.chars().filter(|character| *character != ' ').take(totp::DIGITS + 1).collect()
}

fn use_recovery_code(tx: &mut Tx<'_>, op: &Operation, account: AccountId, typed: &str) -> Result<bool, StoreError> {
    let Some(code) = RecoveryCode::typed(typed) else { return Ok(false) };
    if !recovery_codes::consume(tx, account, &code.hash(account))? {
        return Ok(false);
    }
    totp_factors::forgive(tx, account)?;
    passkey_rows::forgive(tx, account)?;
    let left = recovery_codes::count(tx, account)?;
    let organization = home_organization(tx, account)?;
    let subject = Subject::new("account", account);
    audit::write(tx, op, organization, Action::RecoveryCodeUsed, &subject, &json!({ "left": left }))?;
    tell(tx, op, account, PersonNotice::RecoveryCodeUsed)?;
    Ok(true)
}

/// Counts a wrong code, wherever it was typed, and alarms the person again and again.
fn note_wrong(tx: &mut Tx<'_>, op: &Operation, account: AccountId) -> Result<(), StoreError> {
    let by_app = totp_factors::count_wrong(tx, account)?;
    let wrong = match by_app {
        Some(wrong) => wrong,
        None => passkey_rows::count_wrong(tx, account)?.unwrap_or(0),
    };
    if wrong == 0 || wrong % WRONG_CODES_TOLD != 0 {
        return Ok(());
    }
    let organization = home_organization(tx, account)?;
    let subject = Subject::new("account", account);
    audit::write(tx, op, organization, Action::SecondFactorGuessed, &subject, &json!({ "wrong_codes": wrong }))?;
    tell(tx, op, account, PersonNotice::WrongCodes)
}

fn secret_of(sealer: &Sealer, row: &TotpFactorRow) -> Result<Zeroizing<Vec<u8>>, KeepingError> {
    Ok(sealer.open(&row.sealed_secret, &place(row.account_id))?)
}

/// The place that the secret of an account's authenticator app is sealed for.
pub fn place(account: AccountId) -> String {
    format!("totp_factors.sealed_secret/{account}")
}

/// Tells the person by mail, once this transaction has ended well.
pub fn tell(tx: &mut Tx<'_>, op: &Operation, account: AccountId, notice: PersonNotice) -> Result<(), StoreError> {
    jobs::enqueue(tx, op, &Job::TellPerson { account, notice, at: op.at }, op.at)
}

#[cfg(test)]
mod tests;
