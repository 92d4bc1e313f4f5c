//! A password becomes somebody's: by a link that only their mailbox got, or by somebody who knew the one before. Everything that
//! the account is signed in to ends, and the person is told by mail.

use serde_json::json;

use super::ground::may_have_password;
use super::home_organization;
use crate::access::mail_proofs::{self, ProofError, Purpose};
use crate::access::passwords::{self, KeepingError, PasswordHash};
use crate::access::sessions::Session;
use crate::access::sessions::reach::{self, ReachError};
use crate::directory::accounts;
use crate::directory::accounts::mailbox::{self, MailboxError};
use crate::keys::sealing::Sealer;
use crate::record::audit::{self, Action, Subject};
use crate::record::jobs::{self, Job};
use crate::record::notice::PersonNotice;
use crate::store::failure::StoreError;
use crate::store::{Tx, accounts as account_rows, devices};
use crate::values::ids::AccountId;
use crate::values::operation::{Actor, Operation};

/// Why a password did not become somebody's.
#[derive(Debug, thiserror::Error)]
pub enum ChoosingError {
    /// The link does not work, or the account may not have a password (any more), or its password changed meanwhile.
    #[error("the password cannot be set, or no longer")]
    Dead,
    /// The session does not reach the account.
    #[error("the session does not reach the account")]
    OutOfReach,
    /// The kept password cannot be had.
    #[error(transparent)]
    Keeping(#[from] KeepingError),
}

impl From<StoreError> for ChoosingError {
    fn from(error: StoreError) -> Self {
        Self::Keeping(KeepingError::Store(error))
    }
}

impl From<ReachError> for ChoosingError {
    fn from(error: ReachError) -> Self {
        match error {
            ReachError::OutOfReach => Self::OutOfReach,
            ReachError::Store(error) => error.into(),
        }
    }
}

impl From<ProofError> for ChoosingError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Dead => Self::Dead,
            ProofError::Store(error) => error.into(),
        }
    }
}

impl From<MailboxError> for ChoosingError {
    fn from(error: MailboxError) -> Self {
        match error {
            MailboxError::NotTheirs | MailboxError::Taken => Self::Dead,
            MailboxError::Store(error) => error.into(),
        }
    }
}

/// Whoever has the link chooses: it is used up, and the mailbox is verified. On an error the caller rolls the transaction
/// back, so that the link is not used up. Known browsers are forgotten, and other links stop working.
pub fn by_link(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    token: &str,
    hash: &PasswordHash,
) -> Result<(), ChoosingError> {
    let opened = mail_proofs::consume(tx, op, Purpose::Password, token)?;
    let (account, address) = (opened.account, opened.address);
    let home = home_organization(tx, account)?;
    mailbox::verify(tx, &op.by(Actor::Person { account }), account, &address, home)?;
    // Whoever knew the password before may have made a browser known with it.
    devices::forget_all(tx, account)?;
    mail_proofs::revoke_password_links(tx, account)?;
    set(tx, op, sealer, account, hash).map(|_| ())
}

/// Somebody who is signed in chooses another one, after the one before was compared with `compared`. The session epoch from
/// now on, for the session that goes on. A link that was asked for by mail goes on working: who reads the mailbox can take the
/// account back from somebody who has stolen a session and the password.
pub fn by_person(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    session: &Session,
    compared: &PasswordHash,
    hash: &PasswordHash,
) -> Result<i64, ChoosingError> {
    // Two who change it at the same moment come one after the other, and the second finds another epoch.
    account_rows::lock(tx, session.account)?;
    reach::require_account(tx, session)?;
    let found = accounts::find(tx, session.account)?.ok_or(ChoosingError::Dead)?;
    let kept = passwords::find(tx, sealer, session.account)?.ok_or(ChoosingError::Dead)?;
    if kept.hash != *compared || found.session_epoch != session.session_epoch {
        return Err(ChoosingError::Dead);
    }
    set(tx, op, sealer, session.account, hash)
}

fn set(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    account: AccountId,
    hash: &PasswordHash,
) -> Result<i64, ChoosingError> {
    let op = &op.by(Actor::Person { account });
    let found = accounts::find(tx, account)?.ok_or(ChoosingError::Dead)?;
    if !may_have_password(tx, &found)? {
        return Err(ChoosingError::Dead);
    }
    let is_first = passwords::find(tx, sealer, account)?.is_none();
    passwords::set(tx, op, sealer, account, hash)?;
    let epoch = account_rows::end_sessions(tx, account, op.at)?.ok_or(ChoosingError::Dead)?;
    let organization = home_organization(tx, account)?;
    let subject = Subject::new("account", account);
    audit::write(tx, op, organization, Action::PasswordSet, &subject, &json!({ "first": is_first }))?;
    let notice = if is_first { PersonNotice::PasswordAdded } else { PersonNotice::PasswordChanged };
    jobs::enqueue(tx, op, &Job::TellPerson { account, notice, at: op.at }, op.at)?;
    Ok(epoch)
}
