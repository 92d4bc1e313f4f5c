//! A person confirms an address of theirs by a link that only its mailbox got, in a browser in which they are signed in. The
//! mailbox alone would not do: whoever writes somebody else's address into an account could have them confirm it.

use super::mail_proofs::{self, ProofError, Purpose};
use super::own_password::home_organization;
use crate::directory::accounts::mailbox::{self, MailboxError};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::email::EmailAddress;
use crate::values::ids::AccountId;
use crate::values::operation::{Actor, Operation};

/// Why an address is not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// The link does not work, or no longer.
    #[error("the link does not work, or no longer")]
    Dead,
    /// It is about another account than the one that is signed in.
    #[error("the link is about another account")]
    OtherAccount,
    /// The address is confirmed for somebody else, or belongs to the people of another organization.
    #[error("the address is in use elsewhere")]
    Taken,
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ProofError> for ConfirmError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Dead => Self::Dead,
            ProofError::Store(error) => Self::Store(error),
        }
    }
}

impl From<MailboxError> for ConfirmError {
    fn from(error: MailboxError) -> Self {
        match error {
            MailboxError::NotTheirs => Self::Dead,
            MailboxError::Taken => Self::Taken,
            MailboxError::Store(error) => Self::Store(error),
        }
    }
}

/// Uses the link up and marks the address as verified, for the person who is `signed_in`. On an error the caller rolls the
/// transaction back.
pub fn confirm(
    tx: &mut Tx<'_>,
    op: &Operation,
    signed_in: AccountId,
    token: &str,
) -> Result<EmailAddress, ConfirmError> {
    let opened = mail_proofs::consume(tx, op, Purpose::Address, token)?;
    let (account, address) = (opened.account, opened.address);
    if account != signed_in {
        return Err(ConfirmError::OtherAccount);
    }
    let home = home_organization(tx, account)?;
    mailbox::verify(tx, &op.by(Actor::Person { account }), account, &address, home)?;
    Ok(address)
}
