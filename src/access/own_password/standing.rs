//! How somebody stands to a password of their own, for the pages about their account: whether there is one, and whether there
//! may be.

use super::ground;
use crate::directory::accounts::{self, Account};
use crate::store::failure::StoreError;
use crate::store::{Tx, passwords};
use crate::values::clock::Timestamp;
use crate::values::ids::AccountId;

/// How somebody stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They may not have one, whether one is kept or not.
    MayNot,
    /// They may choose one.
    MayChoose,
    /// They have one, and may.
    Has {
        /// When they chose it.
        set_at: Timestamp,
    },
}

/// How the person of this account stands.
pub fn find(tx: &mut Tx<'_>, account: &Account) -> Result<Standing, StoreError> {
    if !ground::may_have_password(tx, account)? {
        return Ok(Standing::MayNot);
    }
    let kept = passwords::find(tx, account.id)?;
    Ok(kept.map_or(Standing::MayChoose, |kept| Standing::Has { set_at: kept.set_at }))
}

/// True when a password is there and may be: the ground of second factors and passkeys.
pub fn has_password(tx: &mut Tx<'_>, account: AccountId) -> Result<bool, StoreError> {
    let account = accounts::find(tx, account)?.ok_or(StoreError::Inconsistent("sessions.account_id"))?;
    Ok(matches!(find(tx, &account)?, Standing::Has { .. }))
}
