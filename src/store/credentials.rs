//! Everything that a person proves themselves with, taken together: for the end of an account.

use diesel::prelude::*;

use super::Tx;
use super::credential_schema::{
    devices, former_addresses, mail_proofs, passkey_challenges, passkeys, passwords, recovery_codes, totp_factors,
};
use super::failure::StoreError;
use crate::values::ids::AccountId;

/// Removes every credential of an account and what goes with them, so that a closed account holds none.
pub fn delete_of_account(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    diesel::delete(passwords::table.filter(passwords::account_id.eq(account))).execute(tx.connection())?;
    diesel::delete(totp_factors::table.filter(totp_factors::account_id.eq(account))).execute(tx.connection())?;
    diesel::delete(passkeys::table.filter(passkeys::account_id.eq(account))).execute(tx.connection())?;
    let challenges = passkey_challenges::table.filter(passkey_challenges::account_id.eq(account));
    diesel::delete(challenges).execute(tx.connection())?;
    diesel::delete(recovery_codes::table.filter(recovery_codes::account_id.eq(account))).execute(tx.connection())?;
    diesel::delete(mail_proofs::table.filter(mail_proofs::account_id.eq(account))).execute(tx.connection())?;
    diesel::delete(devices::table.filter(devices::account_id.eq(account))).execute(tx.connection())?;
    diesel::delete(former_addresses::table.filter(former_addresses::account_id.eq(account)))
        .execute(tx.connection())?;
    Ok(())
}
