//! Somebody who needs a second factor to sign in makes a passkey: ask the browser, check what it has made, and go on as if the
//! passkey had been used.

use tokio::task::spawn_blocking;

use crate::access::attempts::Attempt;
use crate::access::attempts::state::HalfProved;
use crate::access::own_password::OwnPasswordError;
use crate::access::own_password::second_step::SetUp;
use crate::access::own_password::second_step::new_passkey::{self, NotAsked};
use crate::access::passkeys::ceremony::{Ceremonies, Registration};
use crate::store::Store;
use crate::store::failure::StoreError;
use crate::values::operation::Operation;
use crate::values::passkey_name::PasskeyName;

/// The story of one sign-in.
#[derive(Clone)]
pub struct SetUpPasskey {
    /// The store.
    pub store: Store,
    /// What asks browsers and checks what they answer.
    pub ceremonies: Ceremonies,
    /// How many passkeys an account may have.
    pub most_passkeys: u32,
}

/// Why no passkey is made.
#[derive(Debug, thiserror::Error)]
pub enum SetUpPasskeyError {
    /// Nothing is to be set up (any more), or the attempt is over.
    #[error(transparent)]
    OwnPassword(#[from] OwnPasswordError),
    /// The browser cannot be asked, or the answer cannot be looked at.
    #[error("{0}")]
    Internal(String),
}

impl From<StoreError> for SetUpPasskeyError {
    fn from(error: StoreError) -> Self {
        Self::OwnPassword(error.into())
    }
}

impl From<NotAsked> for SetUpPasskeyError {
    fn from(error: NotAsked) -> Self {
        match error {
            NotAsked::OwnPassword(error) => Self::OwnPassword(error),
            NotAsked::Ceremony(error) => Self::Internal(error.to_string()),
        }
    }
}

impl SetUpPasskey {
    /// What the browser is asked that makes a passkey of this name, as JSON.
    pub async fn ask(
        &self,
        op: &Operation,
        attempt: &Attempt,
        half: &HalfProved,
        name: PasskeyName,
    ) -> Result<String, SetUpPasskeyError> {
        let (op, ceremonies, most) = (op.clone(), self.ceremonies.clone(), self.most_passkeys);
        let (attempt, half) = (attempt.clone(), half.clone());
        let write = self.store.write(move |tx| new_passkey::ask(tx, &op, &ceremonies, (&attempt, &half), &name, most));
        Ok(write.await?)
    }

    /// Adds the passkey that the browser has made. `None` when none was made that counts.
    pub async fn add(
        &self,
        op: &Operation,
        attempt: &Attempt,
        half: &HalfProved,
        answer: Registration,
    ) -> Result<Option<SetUp>, SetUpPasskeyError> {
        let (reading, of) = (op.clone(), attempt.clone());
        let found = self.store.read(move |tx| new_passkey::find(tx, &reading, &of)).await?;
        let challenge = found.ok_or(OwnPasswordError::Changed)?;
        let (state, ceremonies) = (challenge.state.clone(), self.ceremonies.clone());
        let made = spawn_blocking(move || ceremonies.read_new(&state, &answer).ok()).await;
        let made = made.map_err(|error| SetUpPasskeyError::Internal(error.to_string()))?;
        let (op, attempt, half, most) = (op.clone(), attempt.clone(), half.clone(), self.most_passkeys);
        let write = move |tx: &mut crate::store::Tx<'_>| {
            new_passkey::take(tx, &op, (&attempt, &half), &challenge, made.as_ref(), most)
        };
        Ok(self.store.write(write).await?)
    }
}
