//! Somebody signs in by a passkey, alone or after their password: ask the browser, check what it answers, and store who it is.
//!
//! Asking knows nobody, or whom a right password has named. Between the steps nothing is held; what was asked is used up in the
//! transaction that stores the outcome, whatever it is.

use tokio::task::spawn_blocking;

use crate::access::attempts::state::HalfProved;
use crate::access::attempts::{Attempt, AttemptError};
use crate::access::own_password::{OwnPasswordError, second_step};
use crate::access::passkeys::assertion::{self, Checked};
use crate::access::passkeys::ceremony::{Answer, Asked, Ceremonies, CeremonyFailed};
use crate::access::passkeys::challenges::{self, Place};
use crate::access::passkeys::{self, sign_in};
use crate::store::Store;
use crate::store::failure::StoreError;
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::Operation;
use crate::values::secret::Secret;

/// The story of one sign-in.
#[derive(Clone)]
pub struct SignInByPasskey {
    /// The store.
    pub store: Store,
    /// What asks browsers and checks what they answer.
    pub ceremonies: Ceremonies,
}

/// Why nobody is asked, or identified.
#[derive(Debug, thiserror::Error)]
pub enum SignInByPasskeyError {
    /// What is beside the passkey does not count (any more), or the attempt is over.
    #[error(transparent)]
    OwnPassword(#[from] OwnPasswordError),
    /// The browser cannot be asked, or the answer cannot be looked at.
    #[error("{0}")]
    Internal(String),
}

impl From<StoreError> for SignInByPasskeyError {
    fn from(error: StoreError) -> Self {
        Self::OwnPassword(error.into())
    }
}

impl From<AttemptError> for SignInByPasskeyError {
    fn from(error: AttemptError) -> Self {
        Self::OwnPassword(error.into())
    }
}

impl From<CeremonyFailed> for SignInByPasskeyError {
    fn from(error: CeremonyFailed) -> Self {
        Self::Internal(error.to_string())
    }
}

impl SignInByPasskey {
    /// What a browser is asked that signs in by a passkey alone, as JSON. It is the same for everybody.
    pub async fn ask(&self, op: &Operation, attempt: &Attempt) -> Result<String, SignInByPasskeyError> {
        self.keep(op, Place::sign_in(attempt.id), None, self.ceremonies.ask_for_one(&[])?).await
    }

    /// What the browser of somebody is asked whose password was right, as JSON. `None` when they have no passkey.
    pub async fn ask_more(
        &self,
        op: &Operation,
        attempt: &Attempt,
        half: &HalfProved,
    ) -> Result<Option<String>, SignInByPasskeyError> {
        let account = half.identified.account;
        let credentials = self.store.read(move |tx| passkeys::credentials(tx, account)).await?;
        if credentials.is_empty() {
            return Ok(None);
        }
        let asked = self.ceremonies.ask_for_one(&credentials)?;
        self.keep(op, Place::second_step(attempt.id), Some(account), asked).await.map(Some)
    }

    async fn keep(
        &self,
        op: &Operation,
        place: Place,
        account: Option<AccountId>,
        asked: Asked,
    ) -> Result<String, SignInByPasskeyError> {
        let (op, options) = (op.clone(), asked.options.clone());
        self.store.write(move |tx| challenges::keep(tx, &op, &place, account, &asked, None)).await?;
        Ok(options)
    }

    /// Takes an answer to [`Self::ask`]: the arrival token of the browser. `None` when it lets nobody in, for whatever reason.
    pub async fn identify(
        &self,
        op: &Operation,
        attempt: &Attempt,
        application_owner: Option<OrganizationId>,
        answer: Answer,
    ) -> Result<Option<Secret>, SignInByPasskeyError> {
        let checked = self.check(op, Place::sign_in(attempt.id), answer).await?;
        let (op, attempt) = (op.clone(), attempt.clone());
        let write = self.store.write(move |tx| sign_in::identify(tx, &op, &attempt, &checked, application_owner));
        Ok(write.await?)
    }

    /// Takes an answer to [`Self::ask_more`]: the arrival token of the browser. `None` when it does not count.
    pub async fn prove(
        &self,
        op: &Operation,
        attempt: &Attempt,
        half: &HalfProved,
        answer: Answer,
    ) -> Result<Option<Secret>, SignInByPasskeyError> {
        let checked = self.check(op, Place::second_step(attempt.id), answer).await?;
        let (op, attempt, half) = (op.clone(), attempt.clone(), half.clone());
        let write = self.store.write(move |tx| second_step::prove_by_passkey(tx, &op, &attempt, &half, &checked));
        Ok(write.await?)
    }

    async fn check(&self, op: &Operation, place: Place, answer: Answer) -> Result<Checked, SignInByPasskeyError> {
        let (op, ceremonies) = (op.clone(), self.ceremonies.clone());
        let presented = self.store.read(move |tx| assertion::present(tx, &op, place, answer)).await?;
        let checked = spawn_blocking(move || presented.check(&ceremonies)).await;
        checked.map_err(|error| SignInByPasskeyError::Internal(error.to_string()))
    }
}
