//! Somebody says by the link of a mail that a sign-in was their own: look what that takes, compare the password that they typed
//! where it takes one, and link.

use super::passwords::{Compared, Passwords, PasswordsError};
use crate::access::link_answers::{self, Asks, LinkAnswerError};
use crate::access::passwords::KeepingError;
use crate::access::sessions::Session;
use crate::directory::link_requests::Opened;
use crate::keys::sealing::Sealer;
use crate::store::Store;
use crate::store::failure::StoreError;
use crate::values::operation::Operation;
use crate::values::password::Password;
use crate::values::secret::Secret;

/// The story of one answer.
#[derive(Clone)]
pub struct AnswerLinkRequest {
    /// The store.
    pub store: Store,
    /// The seal of what is kept.
    pub sealer: Sealer,
    /// Who compares.
    pub passwords: Passwords,
}

/// What was typed beside the yes; empty where nothing was asked for.
#[derive(Debug, Clone)]
pub struct Typed {
    /// The password.
    pub password: Password,
    /// The code.
    pub code: Secret,
}

/// Why nothing was linked.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The link does not work, or no longer.
    #[error("the link does not work, or no longer")]
    Dead,
    /// What was typed is not right.
    #[error("the password or the code is not right")]
    Wrong,
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

impl From<LinkAnswerError> for AnswerError {
    fn from(error: LinkAnswerError) -> Self {
        match error {
            LinkAnswerError::Dead => Self::Dead,
            LinkAnswerError::NotProved => Self::Wrong,
            LinkAnswerError::Store(error) | LinkAnswerError::Keeping(KeepingError::Store(error)) => Self::Store(error),
            LinkAnswerError::Keeping(KeepingError::Sealing(error)) => Self::Internal(error.to_string()),
        }
    }
}

impl From<PasswordsError> for AnswerError {
    fn from(error: PasswordsError) -> Self {
        match error {
            PasswordsError::Busy => Self::Busy,
            PasswordsError::Failed(text) => Self::Internal(text),
        }
    }
}

impl AnswerLinkRequest {
    /// What a link is about and what its yes takes in this session, without using it up.
    pub async fn look(
        &self,
        op: &Operation,
        token: &str,
        session: Option<&Session>,
    ) -> Result<(Opened, Asks), AnswerError> {
        let (op, token, sealer, session) = (op.clone(), token.to_owned(), self.sealer.clone(), session.cloned());
        let read = self.store.read(move |tx| link_answers::look(tx, &op, &sealer, &token, session.as_ref()));
        let (opened, asks, _) = read.await?;
        Ok((opened, asks))
    }

    /// The yes. A link whose answer is refused is not used up.
    pub async fn say_yes(
        &self,
        op: &Operation,
        token: &str,
        session: Option<&Session>,
        typed: Typed,
    ) -> Result<Opened, AnswerError> {
        let (op, token, sealer, session) = (op.clone(), token.to_owned(), self.sealer.clone(), session.cloned());
        let looking = (op.clone(), token.clone(), sealer.clone(), session.clone());
        let read = self.store.read(move |tx| {
            let (op, token, sealer, session) = looking;
            link_answers::look(tx, &op, &sealer, &token, session.as_ref())
        });
        let (_, asks, kept) = read.await?;
        let compared = match asks {
            Asks::Nothing | Asks::NothingMore => None,
            Asks::Password | Asks::PasswordAndCode => match self.passwords.compare(typed.password, kept.clone()).await?
            {
                Compared::Right { .. } => kept.map(|kept| link_answers::Compared { with: kept.hash, code: typed.code }),
                Compared::Wrong => return Err(AnswerError::Wrong),
            },
        };
        let write = self
            .store
            .write(move |tx| link_answers::accept(tx, &op, &sealer, &token, session.as_ref(), compared.as_ref()));
        write.await?.ok_or(AnswerError::Wrong)
    }
}
