//! What somebody can sign in with at the gateway itself, as far as the rules of enforcement ask.

use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::ids::AccountId;

/// What somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LocalCredentials {
    /// A password, or a passkey.
    pub has_password: bool,
    /// A second factor, or a passkey with user verification.
    pub has_mfa: bool,
}

/// What an account has: nothing, because the gateway keeps no credentials of people.
pub fn of(_: &mut Tx<'_>, _: AccountId) -> Result<LocalCredentials, StoreError> {
    Ok(LocalCredentials::default())
}
