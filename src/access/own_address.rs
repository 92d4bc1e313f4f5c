//! A person confirms an address of theirs by a link that only its mailbox got.

use serde_json::json;

use super::mail_proofs::{self, ProofError, Purpose};
use super::own_password::home_organization;
use crate::record::audit::{self, Action, Subject};
use crate::store::Tx;
use crate::store::accounts;
use crate::store::constraint::Constraint;
use crate::store::domains;
use crate::store::failure::StoreError;
use crate::values::email::EmailAddress;
use crate::values::operation::{Actor, Operation};

/// Why an address is not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// The link does not work, or no longer.
    #[error("the link does not work, or no longer")]
    Dead,
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

/// Uses the link up and marks the address as verified. On an error the caller rolls the transaction back.
pub fn confirm(tx: &mut Tx<'_>, op: &Operation, token: &str) -> Result<EmailAddress, ConfirmError> {
    let opened = mail_proofs::consume(tx, op, Purpose::Address, token)?;
    let (account, address) = (opened.account, opened.address);
    let home = home_organization(tx, account)?;
    let owners = domains::owners(tx, &[address.domain().as_str().to_owned()])?;
    if owners.iter().any(|(_, owner)| Some(*owner) != home) {
        return Err(ConfirmError::Taken);
    }
    match accounts::mark_verified(tx, account, address.as_str(), op.at) {
        Ok(()) => {}
        Err(StoreError::Conflict(Constraint::VerifiedAddress)) => return Err(ConfirmError::Taken),
        Err(other) => return Err(other.into()),
    }
    let op = &op.by(Actor::Person { account });
    let subject = Subject::new("account", account);
    audit::write(tx, op, home, Action::AddressVerified, &subject, &json!({ "by": "mail" }))?;
    Ok(address)
}
