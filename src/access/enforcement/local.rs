//! What somebody can sign in with at the gateway itself, as far as the rules of enforcement ask.

use crate::access::own_password::ground;
use crate::access::second_factors;
use crate::directory::accounts;
use crate::store::failure::StoreError;
use crate::store::{Tx, passwords};
use crate::values::ids::AccountId;

/// What somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LocalCredentials {
    /// A password that they may use; one that they once chose and may not use any more is none.
    pub has_password: bool,
    /// A second factor.
    pub has_mfa: bool,
}

/// What an account has.
pub fn of(tx: &mut Tx<'_>, account: AccountId) -> Result<LocalCredentials, StoreError> {
    let has_password = passwords::is_there(tx, account)?
        && match accounts::find(tx, account)? {
            Some(found) => ground::may_have_password(tx, &found)?,
            None => false,
        };
    Ok(LocalCredentials { has_password, has_mfa: second_factors::is_there(tx, account)? })
}
