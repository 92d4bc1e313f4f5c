//! Somebody chooses a password: look whether they may, compare the one before where there is one, hash, and store.

use super::passwords::{Compared, Known, Passwords, PasswordsError};
use crate::access::mail_proofs::{self, Opened, ProofError, Purpose};
use crate::access::own_password::choosing::{self, ChoosingError};
use crate::access::own_password::ground;
use crate::access::passwords::{self, KeepingError, Kept};
use crate::access::sessions::reach;
use crate::access::sessions::{self, Limits, Session};
use crate::directory::accounts;
use crate::keys::sealing::Sealer;
use crate::store::failure::StoreError;
use crate::store::{Store, Tx};
use crate::values::email::EmailAddress;
use crate::values::operation::Operation;
use crate::values::password::{Password, Unfit};
use crate::values::secret::Secret;

/// The story of one choice.
#[derive(Clone)]
pub struct ChoosePassword {
    /// The store.
    pub store: Store,
    /// The seal of what is kept.
    pub sealer: Sealer,
    /// Who hashes.
    pub passwords: Passwords,
}

/// Why nothing was chosen.
#[derive(Debug, thiserror::Error)]
pub enum ChooseError {
    /// The link does not work, or the account may not have a password, or everything changed meanwhile.
    #[error("the password cannot be set, or no longer")]
    Dead,
    /// The session does not reach the account.
    #[error("the session does not reach the account")]
    OutOfReach,
    /// The one before is wrong.
    #[error("the password before is wrong")]
    Wrong,
    /// Too short or too long.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Attackers try it first.
    #[error("the password is known to attackers")]
    Known(Known),
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

impl From<KeepingError> for ChooseError {
    fn from(error: KeepingError) -> Self {
        match error {
            KeepingError::Store(error) => Self::Store(error),
            KeepingError::Sealing(error) => Self::Internal(error.to_string()),
        }
    }
}

impl From<ChoosingError> for ChooseError {
    fn from(error: ChoosingError) -> Self {
        match error {
            ChoosingError::Dead => Self::Dead,
            ChoosingError::OutOfReach => Self::OutOfReach,
            ChoosingError::Keeping(error) => error.into(),
        }
    }
}

impl From<ProofError> for ChooseError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Dead => Self::Dead,
            ProofError::Store(error) => Self::Store(error),
        }
    }
}

impl From<PasswordsError> for ChooseError {
    fn from(error: PasswordsError) -> Self {
        match error {
            PasswordsError::Busy => Self::Busy,
            PasswordsError::Failed(text) => Self::Internal(text),
        }
    }
}

impl ChoosePassword {
    /// What a link is about, without using it up.
    pub async fn look(&self, op: &Operation, token: &str) -> Result<Opened, ChooseError> {
        let (op, token) = (op.clone(), token.to_owned());
        Ok(self.store.read(move |tx| mail_proofs::look(tx, &op, Purpose::Password, &token)).await?)
    }

    /// Whoever has the link chooses. A link whose password is refused is not used up.
    pub async fn by_link(&self, op: &Operation, token: &str, chosen: &str) -> Result<(), ChooseError> {
        let opened = self.look(op, token).await?;
        let hash = self.passwords.hash(Password::chosen(chosen)?, opened.address).await?.map_err(ChooseError::Known)?;
        let (op, token, sealer) = (op.clone(), token.to_owned(), self.sealer.clone());
        Ok(self.store.write(move |tx| choosing::by_link(tx, &op, &sealer, &token, &hash)).await?)
    }

    /// The person of `session` chooses another password. Every session and token of the account ends; the one in hand goes on
    /// as another one, whose token this is.
    pub async fn by_person(
        &self,
        op: &Operation,
        session: &Session,
        limits: Limits,
        (typed, chosen): (&str, &str),
    ) -> Result<Secret, ChooseError> {
        let (asking, sealer) = (session.clone(), self.sealer.clone());
        let kept = self.store.read(move |tx| kept(tx, &sealer, &asking)).await?;
        let (kept, address) = kept.ok_or(ChooseError::Dead)?;
        if self.passwords.compare(Password::typed(typed), Some(kept.clone())).await? == Compared::Wrong {
            return Err(ChooseError::Wrong);
        }
        let hash = self.passwords.hash(Password::chosen(chosen)?, address).await?.map_err(ChooseError::Known)?;
        let (op, sealer, session) = (op.clone(), self.sealer.clone(), session.clone());
        let write = self.store.write(move |tx| {
            let epoch = choosing::by_person(tx, &op, &sealer, &session, &kept.hash, &hash)?;
            sessions::go_on(tx, &op, &session, epoch, limits)?.ok_or(ChooseError::Dead)
        });
        write.await
    }
}

/// What is kept of the person, and their address. A session that does not reach the account has nothing compared, or it would be a
/// way to guess.
fn kept(tx: &mut Tx<'_>, sealer: &Sealer, session: &Session) -> Result<Option<(Kept, EmailAddress)>, ChoosingError> {
    reach::require_account(tx, session)?;
    let account = session.account;
    let Some(kept) = passwords::find(tx, sealer, account)? else { return Ok(None) };
    let Some(found) = accounts::find(tx, account)? else { return Ok(None) };
    // A password that is no longer good is not compared either: that would tell whether it was.
    if !ground::may_have_password(tx, &found)? {
        return Ok(None);
    }
    Ok(found.profile.primary_address().cloned().map(|address| (kept, address)))
}
