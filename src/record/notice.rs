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
    /// The account has a second factor, and whoever signs in with its password is asked for it.
    SecondFactorAdded,
    /// The account has no second factor any more.
    SecondFactorRemoved,
    /// The account has another passkey, which lets somebody in without the password.
    PasskeyAdded,
    /// A passkey of the account was removed.
    PasskeyRemoved,
    /// There seem to be two of a passkey of the account.
    PasskeyCopied,
    /// The account has other recovery codes; those before are gone.
    RecoveryCodesMade,
    /// A recovery code was used up.
    RecoveryCodeUsed,
    /// Somebody typed the account's password, and then wrong codes.
    WrongCodes,
    /// Another way of signing in leads to the account: somebody of an identity provider whom it did not know before.
    IdentityLinked,
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
            Self::SecondFactorAdded => "second_factor_added",
            Self::SecondFactorRemoved => "second_factor_removed",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRemoved => "passkey_removed",
            Self::PasskeyCopied => "passkey_copied",
            Self::RecoveryCodesMade => "recovery_codes_made",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::WrongCodes => "wrong_codes",
            Self::IdentityLinked => "identity_linked",
            Self::UnknownDevice => "unknown_device",
            Self::AddressChanged { .. } => "address_changed",
        }
    }
}
