//! What a person is told about their own account, so that what they did not do themselves is noticed.

use serde::{Deserialize, Serialize};

use crate::values::ids::FormerAddressId;

/// Everything that a person is told. The mail goes where the account's mail goes when it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum PersonNotice {
    /// The account has a password, for the first time.
    PasswordAdded,
    /// The account has another password.
    PasswordChanged,
    /// Somebody signed in with a browser that was never used for the account.
    UnknownDevice,
    /// The account has another primary address. This goes to the one before.
    AddressChanged {
        /// The one before.
        former: FormerAddressId,
    },
}

impl PersonNotice {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PasswordAdded => "password_added",
            Self::PasswordChanged => "password_changed",
            Self::UnknownDevice => "unknown_device",
            Self::AddressChanged { .. } => "address_changed",
        }
    }
}
