//! Links by mail by which a person shows that a mailbox is theirs: to choose a password, or to confirm an address.
//!
//! Asking is the same for every address: one row and one job, and the account is looked for when the mail is made. The
//! link's token has 256 bits, is made with the mail (the queue never holds it), is kept as a hash, is bound to the account and
//! the address, works once, by POST, and for [`Purpose::ttl_seconds`]. Refuses to send mail itself (`flows`).

use super::own_password::ground;
use crate::directory::accounts::{self, Account};
use crate::record::jobs::{self, Job};
use crate::store::failure::StoreError;
use crate::store::mail_proofs::{self as rows, MailProofRow};
use crate::store::{Tx, accounts as account_rows, devices, identities, passwords};
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, MailProofId};
use crate::values::operation::Operation;
use crate::values::secret::{Secret, TokenHash, new_token};

/// What a link is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Choosing a password.
    Password,
    /// Confirming an address of an account.
    Address,
}

impl Purpose {
    /// The name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Address => "address",
        }
    }

    /// How long a link works.
    pub const fn ttl_seconds(self) -> i64 {
        match self {
            Self::Password => 30 * 60,
            Self::Address => 60 * 60,
        }
    }

    /// What a token begins with, so that a leaked one can be recognised.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Password => "cw_password_",
            Self::Address => "cw_address_",
        }
    }
}

/// What a mail needs.
#[derive(Debug, Clone)]
pub struct ProofLetter {
    /// What the link is good for.
    pub purpose: Purpose,
    /// Whom it goes to.
    pub address: EmailAddress,
    /// The token of the link.
    pub token: Secret,
}

/// What a live link is about.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Whose link it is.
    pub account: AccountId,
    /// The address that it proves.
    pub address: EmailAddress,
}

/// The link does not work, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// No such link, or it was used, replaced or has expired, or the account is no longer one for it.
    #[error("the link does not work, or no longer")]
    Dead,
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Asks for the mail with which whoever has `address` can choose a password.
pub fn ask_for_password(tx: &mut Tx<'_>, op: &Operation, address: &EmailAddress) -> Result<(), StoreError> {
    ask(tx, op, Purpose::Password, address, None)
}

/// Asks for the mail with which the person of `account` can confirm an address of theirs.
pub fn ask_for_address(
    tx: &mut Tx<'_>,
    op: &Operation,
    account: AccountId,
    address: &EmailAddress,
) -> Result<(), StoreError> {
    rows::delete_of_account(tx, account, Purpose::Address.as_str())?;
    ask(tx, op, Purpose::Address, address, Some(account))
}

fn ask(
    tx: &mut Tx<'_>,
    op: &Operation,
    purpose: Purpose,
    address: &EmailAddress,
    account: Option<AccountId>,
) -> Result<(), StoreError> {
    let id = insert(tx, op, purpose, address, account, None)?;
    jobs::enqueue(tx, op, &Job::SendMailProof { proof: id }, op.at)
}

fn insert(
    tx: &mut Tx<'_>,
    op: &Operation,
    purpose: Purpose,
    address: &EmailAddress,
    account_id: Option<AccountId>,
    token: Option<&Secret>,
) -> Result<MailProofId, StoreError> {
    let row = MailProofRow {
        id: op.new_id(),
        purpose: purpose.as_str().to_owned(),
        address: address.as_str().to_owned(),
        account_id,
        token_hash: token.map(|token| TokenHash::of(token.expose()).as_bytes().to_vec()),
        created_at: op.at,
        expires_at: op.at.plus_seconds(purpose.ttl_seconds()),
    };
    rows::insert(tx, &row)?;
    Ok(row.id)
}

/// A link for somebody who has shown this very moment that the mailbox is theirs, by the link of an activation. `None` when
/// the account is not one for a password, or has one.
pub fn grant_password(
    tx: &mut Tx<'_>,
    op: &Operation,
    account: AccountId,
    address: &EmailAddress,
) -> Result<Option<Secret>, StoreError> {
    let Some(found) = accounts::find(tx, account)? else { return Ok(None) };
    if passwords::find(tx, account)?.is_some() || !ground::may_have_password(tx, &found)? {
        return Ok(None);
    }
    let token = new_token(Purpose::Password.prefix(), &op.entropy);
    insert(tx, op, Purpose::Password, address, Some(account), Some(&token))?;
    Ok(Some(token))
}

/// A fresh link for what was asked for; links of the same purpose that were made before stop working. `None` when there is
/// nobody to send it to, which nobody is told.
pub fn write(tx: &mut Tx<'_>, op: &Operation, id: MailProofId) -> Result<Option<ProofLetter>, StoreError> {
    let Some(row) = rows::find(tx, id)? else { return Ok(None) };
    let (purpose, address) = read(&row)?;
    let account = match (purpose, row.account_id) {
        _ if row.expires_at <= op.at => None,
        (Purpose::Address, account) => account,
        (Purpose::Password, _) => account_for_password(tx, op, &address)?,
    };
    let Some(account) = account else {
        rows::delete(tx, id)?;
        return Ok(None);
    };
    let token = new_token(purpose.prefix(), &op.entropy);
    // Its row first, so that it is not among those that are taken back.
    rows::delete(tx, id)?;
    rows::delete_of_account(tx, account, purpose.as_str())?;
    rows::insert(tx, &MailProofRow { account_id: Some(account), token_hash: None, ..row })?;
    rows::address_to(tx, id, account, &TokenHash::of(token.expose()))?;
    Ok(Some(ProofLetter { purpose, address, token }))
}

/// Whose password a link to this mailbox may set: the account that the address is verified for; or else an account of the
/// operator's making, such as an organization's first owner, which nobody has ever used and which no directory wrote.
fn account_for_password(
    tx: &mut Tx<'_>,
    op: &Operation,
    address: &EmailAddress,
) -> Result<Option<AccountId>, StoreError> {
    let found = match account_rows::with_verified_address(tx, address.as_str())? {
        Some(account) => Some(account),
        None => match account_rows::active_with_primary_address(tx, address.as_str())?.as_slice() {
            [only] if is_untouched(tx, op, *only)? => Some(*only),
            _ => None,
        },
    };
    let Some(account) = found else { return Ok(None) };
    let Some(account) = accounts::find(tx, account)? else { return Ok(None) };
    Ok(ground::may_have_password(tx, &account)?.then_some(account.id))
}

fn is_untouched(tx: &mut Tx<'_>, op: &Operation, account: AccountId) -> Result<bool, StoreError> {
    let is_used = passwords::find(tx, account)?.is_some()
        || identities::is_any_of_account(tx, account)?
        || devices::count(tx, account, op.at)? > 0;
    Ok(!is_used)
}

/// Looks at a link without using it up.
pub fn look(tx: &mut Tx<'_>, op: &Operation, purpose: Purpose, token: &str) -> Result<Opened, ProofError> {
    let row = rows::find_by_token(tx, &TokenHash::of(token))?.ok_or(ProofError::Dead)?;
    let (kept, address) = read(&row)?;
    let account = row.account_id.ok_or(ProofError::Dead)?;
    if kept != purpose || row.expires_at <= op.at || !is_theirs(tx, account, &address, purpose)? {
        return Err(ProofError::Dead);
    }
    Ok(Opened { account, address })
}

/// The address must still be the account's, and the account one for what the link does.
fn is_theirs(
    tx: &mut Tx<'_>,
    account: AccountId,
    address: &EmailAddress,
    purpose: Purpose,
) -> Result<bool, StoreError> {
    let Some(found) = accounts::find(tx, account)? else { return Ok(false) };
    let has_address = |found: &Account| found.profile.addresses.contains(address);
    match purpose {
        Purpose::Password => Ok(has_address(&found) && ground::may_have_password(tx, &found)?),
        Purpose::Address => Ok(has_address(&found) && found.state != accounts::state::AccountState::Closed),
    }
}

/// Takes back every link by which the password of an account could be chosen: one was.
pub fn revoke_password_links(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    rows::delete_of_account(tx, account, Purpose::Password.as_str())
}

/// Uses a link up. On an error the caller rolls the transaction back.
pub fn consume(tx: &mut Tx<'_>, op: &Operation, purpose: Purpose, token: &str) -> Result<Opened, ProofError> {
    let opened = look(tx, op, purpose, token)?;
    if rows::consume(tx, &TokenHash::of(token), op.at)? { Ok(opened) } else { Err(ProofError::Dead) }
}

fn read(row: &MailProofRow) -> Result<(Purpose, EmailAddress), StoreError> {
    let purpose = match row.purpose.as_str() {
        "password" => Purpose::Password,
        "address" => Purpose::Address,
        _ => return Err(StoreError::Inconsistent("mail_proofs.purpose")),
    };
    let address = row.address.parse().map_err(|_| StoreError::Inconsistent("mail_proofs.address"))?;
    Ok((purpose, address))
}

#[cfg(test)]
mod tests;
