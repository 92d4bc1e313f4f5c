//! What a yes to the question takes whether a sign-in was somebody's own (decision 0040). An account that has credentials of its
//! own, and may use them, says yes by them: typed now, or shown a moment ago in the session in hand. The mailbox alone, which
//! others may read, speaks for accounts that have none.

use super::own_password::standing;
use super::passwords::{self, KeepingError, Kept, PasswordHash};
use super::second_factors;
use super::sessions::Session;
use crate::directory::link_requests::{self, LinkRequestError, Opened, SaidBy};
use crate::keys::sealing::Sealer;
use crate::store::failure::StoreError;
use crate::store::{Tx, accounts as account_rows, memberships as membership_rows};
use crate::values::ids::AccountId;
use crate::values::operation::Operation;
use crate::values::secret::Secret;

/// How long credentials that were shown for a session speak for a yes.
const FRESH_SECONDS: i64 = 600;

/// What is asked beside the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// Nothing: the account has no credentials of its own.
    Nothing,
    /// Nothing more: they were shown a moment ago.
    NothingMore,
    /// The password.
    Password,
    /// The password, and a code.
    PasswordAndCode,
}

/// What was typed, after the password was compared.
#[derive(Debug, Clone)]
pub struct Compared {
    /// What the password was compared with.
    pub with: PasswordHash,
    /// The code, empty where there is none.
    pub code: Secret,
}

/// Why nothing was linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkAnswerError {
    /// The link does not work, or no longer.
    #[error("the link does not work, or no longer")]
    Dead,
    /// What was typed is not what is kept, or nothing was typed.
    #[error("the account's own credentials were not shown")]
    NotProved,
    /// What is kept cannot be read.
    #[error(transparent)]
    Keeping(#[from] KeepingError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<LinkRequestError> for LinkAnswerError {
    fn from(error: LinkRequestError) -> Self {
        match error {
            LinkRequestError::Dead => Self::Dead,
            LinkRequestError::Store(error) => error.into(),
        }
    }
}

/// What a link is about and what its yes takes in this session, without using it up; with the password that is kept where one is
/// asked for.
pub fn look(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    token: &str,
    session: Option<&Session>,
) -> Result<(Opened, Asks, Option<Kept>), LinkAnswerError> {
    let opened = link_requests::look(tx, op, token)?;
    let asks = asks(tx, op, opened.account(), session)?;
    let kept = match asks {
        Asks::Nothing | Asks::NothingMore => None,
        Asks::Password | Asks::PasswordAndCode => passwords::find(tx, sealer, opened.account())?,
    };
    Ok((opened, asks, kept))
}

/// The yes. `None` when a code was wrong: the caller keeps the transaction then, in which that is counted.
pub fn accept(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    token: &str,
    session: Option<&Session>,
    typed: Option<&Compared>,
) -> Result<Option<Opened>, LinkAnswerError> {
    let opened = link_requests::look(tx, op, token)?;
    let account = opened.account();
    membership_rows::lock(tx, account, opened.organization.id)?;
    // Nobody gives the account a password, or a second factor, before this transaction ends.
    account_rows::lock(tx, account)?;
    let by = match asks(tx, op, account, session)? {
        Asks::Nothing => SaidBy::Mailbox,
        Asks::NothingMore => SaidBy::OwnCredentials,
        asked @ (Asks::Password | Asks::PasswordAndCode) => {
            let typed = typed.ok_or(LinkAnswerError::NotProved)?;
            let kept = passwords::find(tx, sealer, account)?;
            if kept.is_none_or(|kept| kept.hash != typed.with) {
                return Err(LinkAnswerError::NotProved);
            }
            if asked == Asks::PasswordAndCode && !second_factors::prove(tx, op, sealer, account, typed.code.expose())? {
                return Ok(None);
            }
            SaidBy::OwnCredentials
        }
    };
    Ok(Some(link_requests::accept(tx, op, token, by)?))
}

/// What the yes of an account takes in this session.
fn asks(
    tx: &mut Tx<'_>,
    op: &Operation,
    account: AccountId,
    session: Option<&Session>,
) -> Result<Asks, LinkAnswerError> {
    if !standing::has_password(tx, account)? {
        return Ok(Asks::Nothing);
    }
    if session.is_some_and(|session| session.account == account && is_fresh(session, op)) {
        return Ok(Asks::NothingMore);
    }
    Ok(if second_factors::is_there(tx, account)? { Asks::PasswordAndCode } else { Asks::Password })
}

/// True when the session was opened by credentials of the person's own, a moment ago. What a connection says of somebody proves
/// nothing here: another connection is what is asked about.
fn is_fresh(session: &Session, op: &Operation) -> bool {
    session.connection.is_none() && session.auth_time.is_some_and(|shown| shown.plus_seconds(FRESH_SECONDS) > op.at)
}

#[cfg(test)]
mod tests;
