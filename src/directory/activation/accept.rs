//! What the link of an activation mail opens: a look, which changes nothing, and the person's yes, which works once.

use super::{Activation, ActivationState, from_row};
use crate::directory::accounts::mailbox::{self, MailboxError};
use crate::directory::accounts::{AccountError, joining};
use crate::directory::organizations::{self, Organization};
use crate::store::failure::StoreError;
use crate::store::{Tx, activations as rows, resource_locks, resources};
use crate::values::email::EmailAddress;
use crate::values::ids::AccountId;
use crate::values::operation::{Actor, Operation};
use crate::values::secret::TokenHash;

/// What a link leads to.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The activation.
    pub activation: Activation,
    /// Who has made the account.
    pub organization: Organization,
}

/// Why a link does not work.
#[derive(Debug, thiserror::Error)]
pub enum ActivationError {
    /// No such link, or it was taken back or replaced, or has expired.
    #[error("the link does not work, or no longer")]
    Dead,
    /// The address is in use by somebody else, or belongs to the people of another organization.
    #[error("the address is in use elsewhere")]
    AddressTaken(Box<Organization>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the person said yes to.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Who has made the account.
    pub organization: Organization,
    /// Whose account it is.
    pub account: AccountId,
    /// The address that they have shown to be theirs.
    pub address: EmailAddress,
    /// Whether they may sign in now; the organization may have switched the access off meanwhile.
    pub may_sign_in: bool,
    /// Whether it was this very yes that used the link up.
    pub is_first: bool,
}

/// Looks at a link without using it up. One that was followed already is shown as such.
pub fn look(tx: &mut Tx<'_>, op: &Operation, token: &str) -> Result<Opened, ActivationError> {
    let row = rows::find_by_token(tx, &TokenHash::of(token))?.ok_or(ActivationError::Dead)?;
    let activation = from_row(row, None)?;
    match activation.state {
        ActivationState::Open if activation.expires_at > op.at => {}
        ActivationState::Accepted => {}
        ActivationState::Open | ActivationState::Expired | ActivationState::Revoked => {
            return Err(ActivationError::Dead);
        }
    }
    let organization = organizations::find(tx, activation.organization)?.ok_or(ActivationError::Dead)?;
    Ok(Opened { activation, organization })
}

/// The person says yes: the mailbox is verified, they join, and may sign in if the organization has given them access.
/// Following the link again tells the same and changes nothing. On an error the caller rolls the transaction back, so that
/// the link is not used up.
pub fn accept(tx: &mut Tx<'_>, op: &Operation, token: &str) -> Result<Accepted, ActivationError> {
    let Opened { activation, organization } = look(tx, op, token)?;
    let (account, address) = (activation.account, &activation.address);
    let op = &op.by(Actor::Person { account });
    // Whoever changes the user holds it before the link is taken back. In another order both would wait for each other.
    if let Some(user) = resources::of_account(tx, organization.id, account)? {
        resource_locks::lock(tx, organization.id, user)?;
    }
    let is_first = rows::consume(tx, &TokenHash::of(token), op.at)?;
    if is_first {
        match mailbox::verify(tx, op, account, address, Some(organization.id)) {
            Ok(()) => {}
            Err(MailboxError::NotTheirs) => return Err(ActivationError::Dead),
            Err(MailboxError::Taken) => return Err(ActivationError::AddressTaken(Box::new(organization))),
            Err(MailboxError::Store(error)) => return Err(error.into()),
        }
    } else if look(tx, op, token)?.activation.state != ActivationState::Accepted {
        // Taken back since it was looked at: a link that does not count joins nobody.
        return Err(ActivationError::Dead);
    }
    match joining::join(tx, op, organization.id, account) {
        Ok(may_sign_in) => {
            let address = address.clone();
            Ok(Accepted { organization, account, address, may_sign_in, is_first })
        }
        Err(AccountError::NotFound) => Err(ActivationError::Dead),
        Err(AccountError::LastOwner) => Err(StoreError::Internal("joining ends no ownership".to_owned()).into()),
        Err(AccountError::Store(error)) => Err(error.into()),
    }
}
