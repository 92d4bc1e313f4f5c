//! Making the link of an activation mail, at the moment when the mail is made: the queue never holds a token.

use super::from_row;
use crate::directory::activation::ActivationState;
use crate::directory::organizations::{self, Organization};
use crate::store::Tx;
use crate::store::activations::{self as rows, ActivationRow};
use crate::store::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::email::EmailAddress;
use crate::values::ids::{ActivationId, OrganizationId};
use crate::values::operation::Operation;
use crate::values::secret::{Secret, TokenHash, new_token};

/// What a token begins with, so that a leaked one can be recognised.
pub const PREFIX: &str = "cw_activation_";

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

/// A fresh link for an activation that is open; a link that was made before stops working. `None` when there is nothing to
/// send any more.
pub fn write(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ActivationId,
) -> Result<Option<ActivationLetter>, StoreError> {
    let Some(row) = rows::find(tx, organization, id)? else { return Ok(None) };
    let activation = from_row(row.clone(), None)?;
    if activation.state != ActivationState::Open || activation.expires_at <= op.at {
        return Ok(None);
    }
    let Some(organization) = organizations::find(tx, organization)? else { return Ok(None) };
    let token = new_token(PREFIX, &op.entropy);
    let hash = TokenHash::of(token.expose()).as_bytes().to_vec();
    let state = row.state.clone();
    let changed = ActivationRow { token_hash: Some(hash), sent_at: Some(op.at), ..row };
    if !rows::update(tx, &changed, &state)? {
        return Ok(None);
    }
    Ok(Some(ActivationLetter { address: activation.address, organization, token, expires_at: activation.expires_at }))
}
