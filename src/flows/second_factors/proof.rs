//! How somebody who is signed in proves that it is them before anything about their second factors changes: by their password,
//! and a code where they have a second factor; or by one of their passkeys. Compared before, held in the transaction of the
//! change.

use tokio::task::spawn_blocking;

use super::{SecondFactors, SecondFactorsError};
use crate::access::own_password::ground;
use crate::access::passkeys::assertion::{self, Beside, Checked};
use crate::access::passkeys::ceremony::Answer;
use crate::access::passkeys::challenges::Place;
use crate::access::passwords::{self, Kept};
use crate::access::second_factors;
use crate::access::sessions::reach;
use crate::access::sessions::{self, Session};
use crate::directory::accounts;
use crate::flows::passwords::Compared;
use crate::keys::sealing::Sealer;
use crate::store::{Tx, accounts as account_rows, sessions as session_rows};
use crate::values::operation::Operation;
use crate::values::password::Password;
use crate::values::secret::Secret;

/// What somebody typed to prove that it is them.
#[derive(Debug, Clone)]
pub struct Typed {
    /// The password.
    pub password: Password,
    /// A code of a second factor that they have; empty when they have none.
    pub code: Secret,
}

/// What somebody shows to prove that it is them.
#[derive(Debug, Clone)]
pub enum Proof {
    /// Their password, and a code.
    Typed(Typed),
    /// One of their passkeys.
    Passkey(Box<Answer>),
}

/// What was compared.
pub(super) enum Evidence {
    Typed { kept: Kept, code: Secret },
    Shown(Box<Checked>),
}

impl SecondFactors {
    /// Compares what somebody shows with what is kept. Of a session that does not reach the account nothing is compared, or it would
    /// be a way to guess.
    pub(super) async fn evidence(
        &self,
        op: &Operation,
        session: &Session,
        proof: Proof,
    ) -> Result<Evidence, SecondFactorsError> {
        let asking = session.clone();
        self.store.read(move |tx| reach::require_account(tx, &asking)).await?;
        match proof {
            Proof::Typed(typed) => {
                let kept = self.compared(session, typed.password).await?;
                Ok(Evidence::Typed { kept, code: typed.code })
            }
            Proof::Passkey(answer) => {
                let ceremonies = self.ceremonies()?;
                let (op, place) = (op.clone(), Place::proof(session.id));
                let presented = self.store.read(move |tx| assertion::present(tx, &op, place, *answer)).await?;
                let checked = spawn_blocking(move || presented.check(&ceremonies)).await;
                Ok(Evidence::Shown(Box::new(checked.map_err(|error| SecondFactorsError::Internal(error.to_string()))?)))
            }
        }
    }

    /// The password that is kept, if it is the one that was typed. One that is no longer good is not compared: that would tell
    /// whether it was.
    async fn compared(&self, session: &Session, typed: Password) -> Result<Kept, SecondFactorsError> {
        let (sealer, account) = (self.sealer.clone(), session.account);
        let read = self.store.read(move |tx| {
            let found = accounts::find(tx, account)?.ok_or(SecondFactorsError::Dead)?;
            if !ground::may_have_password(tx, &found)? {
                return Err(SecondFactorsError::Dead);
            }
            Ok(passwords::find(tx, &sealer, account)?)
        });
        let kept = read.await?;
        match (self.passwords.compare(typed, kept.clone()).await?, kept) {
            (Compared::Right { .. }, Some(kept)) => Ok(kept),
            (Compared::Right { .. } | Compared::Wrong, _) => Err(SecondFactorsError::WrongPassword),
        }
    }
}

impl Evidence {
    /// What is said when it does not count.
    pub(super) const fn wrong(&self) -> SecondFactorsError {
        match self {
            Self::Typed { .. } => SecondFactorsError::WrongCode,
            Self::Shown(_) => SecondFactorsError::WrongPasskey,
        }
    }

    /// Holds the account and its session until the change is made. Refuses when the password, or the session, is another one than
    /// before the comparison. False when the passkey does not count; the caller keeps the transaction then.
    pub(super) fn hold(
        &self,
        tx: &mut Tx<'_>,
        op: &Operation,
        sealer: &Sealer,
        session: &Session,
    ) -> Result<bool, SecondFactorsError> {
        require_open(tx, op, session)?;
        match self {
            Self::Typed { kept, .. } => {
                let now = passwords::find(tx, sealer, session.account)?;
                let is_same = now.is_some_and(|now| now.hash == kept.hash);
                if is_same { Ok(true) } else { Err(SecondFactorsError::Dead) }
            }
            Self::Shown(checked) => {
                let shown = assertion::take(tx, op, checked, Beside::Nothing)?;
                Ok(shown.is_some_and(|shown| shown.account == session.account && shown.counts_alone))
            }
        }
    }

    /// The same, and whoever typed their password and has a second factor has typed a code of it. False when it is wrong; the caller
    /// keeps the transaction then, in which that is counted.
    pub(super) fn hold_with_factor(
        &self,
        tx: &mut Tx<'_>,
        op: &Operation,
        sealer: &Sealer,
        session: &Session,
    ) -> Result<bool, SecondFactorsError> {
        if !self.hold(tx, op, sealer, session)? {
            return Ok(false);
        }
        match self {
            Self::Typed { code, .. } if second_factors::is_there(tx, session.account)? => {
                Ok(second_factors::prove(tx, op, sealer, session.account, code.expose())?)
            }
            Self::Typed { .. } | Self::Shown(_) => Ok(true),
        }
    }
}

/// Holds the account, and refuses when the session does not reach it, was ended or has been overtaken.
pub(super) fn require_open(tx: &mut Tx<'_>, op: &Operation, session: &Session) -> Result<(), SecondFactorsError> {
    // Two who change something at the same moment come one after the other.
    account_rows::lock(tx, session.account)?;
    reach::require_account(tx, session)?;
    let standing = sessions::standing(tx, session.account, session.organization, session.way())?;
    let is_open = session_rows::is_open(tx, session.id, op.at)?;
    match is_open && standing.session_epoch == session.session_epoch {
        true => Ok(()),
        false => Err(SecondFactorsError::Dead),
    }
}
