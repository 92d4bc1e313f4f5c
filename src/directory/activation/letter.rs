//! Making the link of an activation mail, at the moment when the mail is made: the queue never holds a token.

use super::from_row;
use crate::directory::activation::ActivationState;
use crate::directory::organizations::{self, Organization};
use crate::store::activations::{self as rows, ActivationRow};
use crate::store::failure::StoreError;
use crate::store::{Tx, organizations as organization_rows};
use crate::values::clock::Timestamp;
use crate::values::email::EmailAddress;
use crate::values::ids::{ActivationId, OrganizationId};
use crate::values::operation::Operation;
use crate::values::secret::{Secret, TokenHash, new_token};

/// What a token begins with, so that a leaked one can be recognised.
pub const PREFIX: &str = "cw_activation_";

const HOUR_SECONDS: i64 = 3600;

/// What a mail needs.
#[derive(Debug, Clone)]
pub struct ActivationLetter {
    /// Whom it goes to.
    pub address: EmailAddress,
    /// Who has made the account.
    pub organization: Organization,
    /// The token of the link.
    pub token: Secret,
    /// Until when the link works.
    pub expires_at: Timestamp,
}

/// What became of a mail that is to be sent.
#[derive(Debug, Clone)]
pub enum Written {
    /// It goes out now.
    Letter(Box<ActivationLetter>),
    /// The organization has had as many sent within an hour as it may; there is room again then.
    Later(Timestamp),
    /// There is nothing to send any more.
    Nothing,
}

/// A fresh link for an activation that is open; a link that was made before stops working. An organization has `most` mails
/// within an hour: whoever provisions it writes the addresses, and they may be anybody's.
pub fn write(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ActivationId,
    most: u32,
) -> Result<Written, StoreError> {
    organization_rows::lock(tx, organization)?;
    let Some(row) = rows::find(tx, organization, id)? else { return Ok(Written::Nothing) };
    let activation = from_row(row.clone(), None)?;
    if activation.state != ActivationState::Open || activation.expires_at <= op.at {
        return Ok(Written::Nothing);
    }
    let Some(organization) = organizations::find(tx, organization)? else { return Ok(Written::Nothing) };
    let since = op.at.plus_seconds(-HOUR_SECONDS);
    if let Some(first) = rows::first_of_last_sent(tx, organization.id, id, since, most)? {
        return Ok(Written::Later(first.plus_seconds(HOUR_SECONDS)));
    }
    let token = new_token(PREFIX, &op.entropy);
    let hash = TokenHash::of(token.expose()).as_bytes().to_vec();
    let state = row.state.clone();
    let changed = ActivationRow { token_hash: Some(hash), sent_at: Some(op.at), ..row };
    if !rows::update(tx, &changed, &state)? {
        return Ok(Written::Nothing);
    }
    let expires_at = activation.expires_at;
    Ok(Written::Letter(Box::new(ActivationLetter { address: activation.address, organization, token, expires_at })))
}
