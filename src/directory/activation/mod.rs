//! Activation by mail (rules D1 and E30): a person whose address lies in no domain of the organization confirms the mailbox
//! before the account can be used.
//!
//! [`invite`] asks for the mail and takes it back, [`letter`] makes the link, [`accept`] is what the link opens.
//! The link's token has 256 bits, is kept as a hash, works once, by POST, for this address and this organization only,
//! and for [`TTL_SECONDS`]. Refuses to send mail itself (`flows`).

pub mod accept;
pub mod invite;
pub mod letter;

use crate::values::clock::Timestamp;
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, ActivationId, OrganizationId, ResourceId};

use crate::store::activations::ActivationRow;
use crate::store::failure::StoreError;

/// How long a link works: 14 days (product rules, section 5).
pub const TTL_SECONDS: i64 = 14 * 24 * 3600;

/// Where an activation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivationState {
    /// The mail is on its way or in the mailbox.
    Open,
    /// The person followed the link and said yes.
    Accepted,
    /// Nobody did in time.
    Expired,
    /// The address changed, the user was removed, or they joined by their domain.
    Revoked,
}

/// The transition is not in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an activation that is {0} cannot do this")]
pub struct WrongActivationState(pub &'static str);

/// An activation as its organization sees it. The address is one that the organization's own directory pushed.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct Activation {
    pub id: ActivationId,
    pub organization: OrganizationId,
    pub account: AccountId,
    /// The SCIM user, if there still is one.
    pub user: Option<ResourceId>,
    pub address: EmailAddress,
    pub state: ActivationState,
    /// When somebody asked for the mail the last time.
    pub asked_at: Timestamp,
    /// When a mail was made the last time.
    pub sent_at: Option<Timestamp>,
    pub expires_at: Timestamp,
}

impl ActivationState {
    /// The name in the store and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// The time is over.
    pub const fn expire(self) -> Result<Self, WrongActivationState> {
        match self {
            Self::Open => Ok(Self::Expired),
            Self::Accepted | Self::Expired | Self::Revoked => Err(WrongActivationState(self.as_str())),
        }
    }

    /// The link is taken back.
    pub const fn revoke(self) -> Result<Self, WrongActivationState> {
        match self {
            Self::Open => Ok(Self::Revoked),
            Self::Accepted | Self::Expired | Self::Revoked => Err(WrongActivationState(self.as_str())),
        }
    }

    /// Another mail goes out, with a fresh link.
    pub const fn resend(self) -> Result<Self, WrongActivationState> {
        match self {
            Self::Open | Self::Expired => Ok(Self::Open),
            Self::Accepted | Self::Revoked => Err(WrongActivationState(self.as_str())),
        }
    }
}

fn from_row(row: ActivationRow, user: Option<ResourceId>) -> Result<Activation, StoreError> {
    Ok(Activation {
        id: row.id,
        organization: row.org_id,
        account: row.account_id,
        user,
        address: row.address.parse().map_err(|_| StoreError::Inconsistent("activations.address"))?,
        state: match row.state.as_str() {
            "open" => ActivationState::Open,
            "accepted" => ActivationState::Accepted,
            "expired" => ActivationState::Expired,
            "revoked" => ActivationState::Revoked,
            _ => return Err(StoreError::Inconsistent("activations.state")),
        },
        asked_at: row.asked_at,
        sent_at: row.sent_at,
        expires_at: row.expires_at,
    })
}

#[cfg(test)]
mod tests;
