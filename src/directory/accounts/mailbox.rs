//! A mailbox was shown to be a person's: the address of their account is verified from then on.
//!
//! Refuses an address that is not the account's any more, one in a domain whose people are another organization's, and one
//! that is verified for somebody else. Writes the audit entry.

use serde_json::json;

use crate::record::audit::{self, Action, Subject};
use crate::store::accounts as rows;
use crate::store::constraint::Constraint;
use crate::store::domains::Owned;
use crate::store::failure::StoreError;
use crate::store::{Tx, domains};
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::Operation;

/// Why an address does not count as verified.
#[derive(Debug, thiserror::Error)]
pub enum MailboxError {
    /// The account does not have it, or no longer.
    #[error("the account does not have this address")]
    NotTheirs,
    /// It is verified for somebody else, or belongs to the people of another organization.
    #[error("the address is in use elsewhere")]
    Taken,
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Verifies an address by a mail to it. `home` is the organization whose member the person is, and in whose log it stands.
/// What is verified already stays so, without an entry. On an error the caller rolls the transaction back.
pub fn verify(
    tx: &mut Tx<'_>,
    op: &Operation,
    account: AccountId,
    address: &EmailAddress,
    home: Option<OrganizationId>,
) -> Result<(), MailboxError> {
    rows::lock(tx, account)?;
    // Also where the domain has lapsed: others have its addresses by a proof of their own, and not before.
    let owner = domains::owner(tx, address.domain().as_str(), Owned::OrLapsed)?;
    if owner.is_some() && owner != home {
        return Err(MailboxError::Taken);
    }
    let is_new = rows::mark_verified(tx, account, address.as_str(), op.at).map_err(|error| match error {
        StoreError::Conflict(Constraint::VerifiedAddress) => MailboxError::Taken,
        other => other.into(),
    })?;
    if is_new {
        let subject = Subject::new("account", account);
        let detail = json!({ "by": "mail" });
        return Ok(audit::write(tx, op, home, Action::AddressVerified, &subject, &detail)?);
    }
    let is_theirs = rows::with_verified_address(tx, address.as_str())? == Some(account);
    if is_theirs { Ok(()) } else { Err(MailboxError::NotTheirs) }
}
