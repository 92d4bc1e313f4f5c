//! Somebody types their password: read what is kept, compare, and store who it is.
//!
//! Between the first and the last step nothing is held. What was compared must still stand when the outcome is stored.

use super::passwords::{Compared, Passwords, PasswordsError};
use crate::access::attempts::{Attempt, AttemptError};
use crate::access::own_password::{self, Candidate, OwnPasswordError, Proved};
use crate::access::passwords::KeepingError;
use crate::keys::sealing::Sealer;
use crate::store::Store;
use crate::store::failure::StoreError;
use crate::values::email::EmailAddress;
use crate::values::ids::OrganizationId;
use crate::values::operation::Operation;
use crate::values::password::Password;
use crate::values::secret::Secret;

/// The story of one sign-in.
#[derive(Clone)]
pub struct SignInByPassword {
    /// The store.
    pub store: Store,
    /// The seal of what is kept.
    pub sealer: Sealer,
    /// Who hashes.
    pub passwords: Passwords,
}

/// Why nobody is identified.
#[derive(Debug, thiserror::Error)]
pub enum SignInByPasswordError {
    /// The password is not right, or the address is nobody's. They are told apart for nobody.
    #[error("the address or the password is wrong")]
    Wrong,
    /// The attempt is over.
    #[error("the attempt is over")]
    AttemptOver,
    /// Too many passwords are being hashed.
    #[error("too many passwords are being hashed")]
    Busy,
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Anything else, for the log.
    #[error("{0}")]
    Internal(String),
}

impl From<KeepingError> for SignInByPasswordError {
    fn from(error: KeepingError) -> Self {
        match error {
            KeepingError::Store(error) => Self::Store(error),
            KeepingError::Sealing(error) => Self::Internal(error.to_string()),
        }
    }
}

impl From<OwnPasswordError> for SignInByPasswordError {
    fn from(error: OwnPasswordError) -> Self {
        match error {
            OwnPasswordError::Changed => Self::Wrong,
            OwnPasswordError::Attempt(AttemptError::NotAllowed) => Self::AttemptOver,
            OwnPasswordError::Attempt(AttemptError::Store(error)) => Self::Store(error),
            OwnPasswordError::Keeping(error) => error.into(),
            OwnPasswordError::Enrolment(error) => Self::Internal(error.to_string()),
        }
    }
}

impl From<PasswordsError> for SignInByPasswordError {
    fn from(error: PasswordsError) -> Self {
        match error {
            PasswordsError::Busy => Self::Busy,
            PasswordsError::Failed(text) => Self::Internal(text),
        }
    }
}

impl SignInByPassword {
    /// What a password for `address` is compared with in the browser that shows `device`; nothing for most addresses.
    pub async fn candidate(
        &self,
        op: &Operation,
        address: &EmailAddress,
        device: Option<Secret>,
    ) -> Result<Option<Candidate>, SignInByPasswordError> {
        let (op, sealer, address) = (op.clone(), self.sealer.clone(), address.clone());
        let read = self.store.read(move |tx| own_password::find_candidate(tx, &op, &sealer, &address, device.as_ref()));
        Ok(read.await?)
    }

    /// Compares, and stores who it is with the attempt, or that more is asked of them, or single sign-on.
    pub async fn identify(
        &self,
        op: &Operation,
        attempt: &Attempt,
        application_owner: Option<OrganizationId>,
        candidate: Option<Candidate>,
        typed: Password,
    ) -> Result<Proved, SignInByPasswordError> {
        let kept = candidate.as_ref().map(|candidate| candidate.kept.clone());
        let compared = self.passwords.compare(typed, kept).await?;
        let (Compared::Right { rehashed }, Some(candidate)) = (compared, candidate) else {
            return Err(SignInByPasswordError::Wrong);
        };
        let (op, sealer, attempt) = (op.clone(), self.sealer.clone(), attempt.clone());
        let write = self.store.write(move |tx| {
            own_password::identify(tx, &op, &sealer, &attempt, &candidate, application_owner, rehashed.as_ref())
        });
        Ok(write.await?)
    }
}
