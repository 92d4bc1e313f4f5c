//! Passkeys of people: a key that an authenticator holds and uses for this gateway alone, after it has verified its person
//! (decision 0028). One signs in without a password, and is a second factor beside one.
//!
//! Who may sign in by a password may by a passkey, and nobody else: the same ground, the same verdict. Refuses to ask for a
//! password; whoever adds or removes one has shown more than a session before (`flows::second_factors`).

pub mod assertion;
pub mod ceremony;
pub mod challenges;
pub mod enrolment;
pub mod sign_in;
#[cfg(test)]
pub mod testing;

use serde_json::json;

use super::own_password::home_organization;
use super::sessions::Session;
use super::sessions::reach::{self, ReachError};
use crate::record::audit::{self, Action, Subject};
use crate::store::failure::StoreError;
use crate::store::{Tx, passkeys as rows};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, PasskeyId};
use crate::values::operation::{Actor, Operation};
use crate::values::passkey_name::PasskeyName;

/// A passkey as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPasskey {
    /// Its id.
    pub id: PasskeyId,
    /// What they call it.
    pub name: String,
    /// When it was made.
    pub since: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// True when an account has one at least.
pub fn is_there(tx: &mut Tx<'_>, account: AccountId) -> Result<bool, StoreError> {
    Ok(rows::count(tx, account)? > 0)
}

/// Those of an account, the oldest first.
pub fn list(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<OwnPasskey>, StoreError> {
    let own = rows::of_account(tx, account)?.into_iter().map(|row| OwnPasskey {
        id: row.id,
        name: row.name,
        since: row.created_at,
        last_used_at: row.last_used_at,
    });
    Ok(own.collect())
}

/// The credentials of an account, by the names that authenticators give them.
pub fn credentials(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Vec<u8>>, StoreError> {
    Ok(rows::of_account(tx, account)?.into_iter().map(|row| row.credential_id).collect())
}

/// Calls one of the person of `session` something else. One that is somebody else's, or is gone, is left alone.
pub fn rename(
    tx: &mut Tx<'_>,
    op: &Operation,
    session: &Session,
    id: PasskeyId,
    name: &PasskeyName,
) -> Result<(), ReachError> {
    reach::require_account(tx, session)?;
    let account = session.account;
    if !rows::rename(tx, account, id, name.as_str())? {
        return Ok(());
    }
    let organization = home_organization(tx, account)?;
    let (op, subject) = (&op.by(Actor::Person { account }), Subject::new("account", account));
    Ok(audit::write(tx, op, organization, Action::PasskeyRenamed, &subject, &json!({ "passkey": id }))?)
}

#[cfg(test)]
mod tests;
