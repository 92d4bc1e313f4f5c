//! Connections: an organization's links to its identity providers.
//!
//! Creating or changing one is announced to the organization's administrators, because whoever controls a connection
//! controls who signs in. Existing identities are never re-mapped by it.

pub mod certificates;
mod decision;
mod entry;
pub mod initiation;
pub mod metadata;
pub mod oidc_options;
pub mod provider;
mod row;
pub mod saml_options;

use serde::{Deserialize, Serialize};

use super::connection_policy::{self, ConnectionPolicy};
use super::connection_roles;
use super::matching::Matching;
use super::organizations::{self, OrganizationError};
use super::permission::{self, Denied, Permission};
use super::room::{self, TooMany};
use super::sso_policy::LockoutError;
use super::ways_in;
use crate::protocol::oidc::relying_party::authentication::ClientAuthentication;
use crate::protocol::oidc::relying_party::preset::Preset;
use crate::protocol::saml::idp_metadata::IdpMetadata;
use crate::record::audit::Action;
use crate::record::event::{self, Event};
use crate::store::connections as rows;
use crate::store::failure::StoreError;
use crate::store::{Tx, grants, identities, metadata_sources, sessions};
use crate::values::clock::Timestamp;
use crate::values::ids::{ConnectionId, OrganizationId};
use crate::values::operation::Operation;
use crate::values::page::{Page, PageRequest};
use crate::values::quota::Quota;
use entry::{Ended, log};
use oidc_options::OidcOptions;
use row::{from_row, to_row};
use saml_options::{InvalidOptions, SamlOptions};

/// Whether people can sign in through a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    /// They can.
    Active,
    /// They cannot, until it is enabled again.
    Disabled,
    /// It is gone; only its id remains.
    Deleted,
}

/// What a connection knows of its identity provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "protocol", rename_all = "lowercase")]
#[expect(clippy::large_enum_variant, reason = "few are held at a time, and most of them are of the large kind")]
pub enum Settings {
    /// SAML 2.0.
    Saml {
        /// The provider, from its metadata.
        idp: IdpMetadata,
        /// What is demanded of it.
        #[serde(default)]
        options: SamlOptions,
    },
    /// OpenID Connect.
    Oidc {
        /// The provider's issuer; everything else comes from its discovery document.
        issuer: String,
        /// Our client id there. The secret is kept sealed beside the settings.
        client_id: String,
        /// The provider's product. A row that is older than presets is of any.
        #[serde(default)]
        preset: Preset,
        /// How we prove there that we are the client; with the secret, in the way the provider takes, when nothing is chosen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authentication: Option<ClientAuthentication>,
        /// What is demanded of it.
        #[serde(default)]
        options: OidcOptions,
    },
}

/// An organization's link to one identity provider.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct Connection {
    pub id: ConnectionId,
    pub organization: OrganizationId,
    pub name: String,
    pub state: ConnectionState,
    pub settings: Settings,
    /// The client secret, sealed by `keys::sealing` under this connection's id.
    pub sealed_secret: Option<Vec<u8>>,
    /// How a subject that is seen for the first time finds its account.
    pub matching: Matching,
    /// Moves with every change; a change is refused when it is not the one that was read.
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What is given to create one. The id is made by the caller, because the secret is sealed under it.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // as in `Connection`
pub struct NewConnection {
    pub id: ConnectionId,
    pub name: String,
    pub settings: Settings,
    pub sealed_secret: Option<Vec<u8>>,
}

/// Why a connection could not be created, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// There is no such connection in this organization.
    #[error("no such connection")]
    NotFound,
    /// It is in this state already, or gone.
    #[error("the connection is not in a state for this")]
    WrongState,
    /// The settings are of the other protocol.
    #[error("a connection keeps its protocol")]
    OtherProtocol,
    /// The settings are of another provider, whose subjects would inherit the identities of this one's.
    #[error("another provider is another connection")]
    OtherProvider,
    /// Somebody else changed it meanwhile.
    #[error("the connection was changed by somebody else")]
    Changed,
    /// The name is not one.
    #[error("a name has 1 to 200 characters and no control characters")]
    InvalidName,
    /// What is demanded of a SAML provider cannot be meant.
    #[error(transparent)]
    InvalidOptions(#[from] InvalidOptions),
    /// The organization has as many as it may have.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// People of a domain sign in by this connection alone.
    #[error("single sign-on is required or tested for a domain, and nobody could sign in by another connection")]
    WouldLockOut,
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<LockoutError> for ConnectionError {
    fn from(error: LockoutError) -> Self {
        match error {
            LockoutError::WouldLockOut => Self::WouldLockOut,
            LockoutError::Store(error) => error.into(),
        }
    }
}

impl ConnectionState {
    /// The name in the store and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }
}

impl Settings {
    /// The name in the store and the API.
    pub const fn protocol(&self) -> &'static str {
        match self {
            Self::Saml { .. } => "saml",
            Self::Oidc { .. } => "oidc",
        }
    }

    /// An OpenID provider of which nothing more is demanded.
    pub fn oidc(issuer: &str, client_id: &str, preset: Preset, authentication: Option<ClientAuthentication>) -> Self {
        let (issuer, client_id) = (issuer.to_owned(), client_id.to_owned());
        Self::Oidc { issuer, client_id, preset, authentication, options: OidcOptions::default() }
    }

    /// True when both are of one provider, so that a subject means the same person: one SAML entity, or one issuer, one
    /// client there (an OpenID provider may give each client subjects of its own), and the same claims that name them.
    pub fn is_same_provider(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Saml { idp: one, .. }, Self::Saml { idp: other, .. }) => one.entity_id == other.entity_id,
            (
                Self::Oidc { issuer, client_id, preset, .. },
                Self::Oidc { issuer: other_issuer, client_id: other_client_id, preset: other_preset, .. },
            ) => {
                let is_same_subject = preset.subject_claims() == other_preset.subject_claims();
                issuer == other_issuer && client_id == other_client_id && is_same_subject
            }
            (Self::Saml { .. }, Self::Oidc { .. }) | (Self::Oidc { .. }, Self::Saml { .. }) => false,
        }
    }
}

/// The place that a connection's client secret is sealed for.
pub fn secret_place(id: ConnectionId) -> String {
    format!("connections.sealed_secret/{id}")
}

/// Creates an active connection. It signs in who is a member already, found by a vouched-for address, and makes no accounts
/// before its policy says so.
pub fn create(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    new: &NewConnection,
    quota: &Quota,
) -> Result<Connection, ConnectionError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    room::require::<ConnectionError>(tx, organization, quota.connections, |tx| rows::count(tx, organization))?;
    let connection = Connection {
        id: new.id,
        organization,
        name: organizations::checked_name(&new.name).map_err(name_error)?,
        state: ConnectionState::Active,
        settings: new.settings.clone(),
        sealed_secret: new.sealed_secret.clone(),
        matching: Matching::default(),
        version: 1,
        created_at: op.at,
        updated_at: op.at,
    };
    rows::insert(tx, &to_row(&connection)?)?;
    rows::note_decision(tx, organization, connection.id, op.at)?;
    connection_policy::write(tx, op, organization, connection.id, ConnectionPolicy::NEW)?;
    log(tx, op, &connection, Action::ConnectionCreated, None)?;
    let name = connection.name.clone();
    event::publish(tx, op, organization, &Event::ConnectionCreated { connection: connection.id, name })?;
    Ok(connection)
}

/// The connection with this id, for the federation doors, which are addressed by it alone.
pub fn find(tx: &mut Tx<'_>, id: ConnectionId) -> Result<Option<Connection>, StoreError> {
    rows::find(tx, id)?.map(from_row).transpose()
}

/// A connection of an organization.
pub fn find_of(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
) -> Result<Connection, ConnectionError> {
    permission::require(op, organization, Permission::Read)?;
    let connection = from_row(rows::find_of(tx, organization, id)?.ok_or(ConnectionError::NotFound)?)?;
    if connection.state == ConnectionState::Deleted { Err(ConnectionError::NotFound) } else { Ok(connection) }
}

/// The connections of an organization.
pub fn page(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    request: &PageRequest<ConnectionId>,
) -> Result<Page<Connection, ConnectionId>, ConnectionError> {
    permission::require(op, organization, Permission::Read)?;
    let found = rows::page(tx, organization, request)?.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(found, request, |connection| connection.id))
}

/// The connections that people of an organization can sign in with, as (id, name), oldest first.
pub fn active(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<(ConnectionId, String)>, StoreError> {
    rows::active(tx, organization)
}

/// The same, each with all that is known of it.
pub(super) fn all_active(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<Connection>, StoreError> {
    rows::active_rows(tx, organization)?.into_iter().map(from_row).collect()
}

/// Lets people sign in through a disabled connection again.
pub fn enable(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
) -> Result<Connection, ConnectionError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    let mut connection = find_of(tx, op, organization, id)?;
    match connection.state {
        ConnectionState::Disabled => connection.state = ConnectionState::Active,
        ConnectionState::Active | ConnectionState::Deleted => return Err(ConnectionError::WrongState),
    }
    store(tx, op, connection, Action::ConnectionEnabled)
}

/// Stops sign-in through a connection, answers in flight included, and ends what was opened through it: its sessions,
/// and the grants made in them, those for offline use included. Enabling it again brings none of them back.
pub fn disable(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
) -> Result<Connection, ConnectionError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    let mut connection = find_of(tx, op, organization, id)?;
    match connection.state {
        ConnectionState::Active => {
            ways_in::require_another(tx, op, organization, id)?;
            connection.state = ConnectionState::Disabled;
        }
        ConnectionState::Disabled | ConnectionState::Deleted => return Err(ConnectionError::WrongState),
    }
    store(tx, op, connection, Action::ConnectionDisabled)
}

/// Removes a connection and its identities, and ends what was opened through it as [`disable`] does. Nobody inherits them:
/// a later connection to the same provider starts anew (decision Q16).
pub fn delete(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
) -> Result<(), ConnectionError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    let mut connection = find_of(tx, op, organization, id)?;
    if connection.state == ConnectionState::Active {
        ways_in::require_another(tx, op, organization, id)?;
    }
    connection.state = ConnectionState::Deleted;
    connection.sealed_secret = None;
    identities::delete_of_connection(tx, organization, id)?;
    metadata_sources::delete(tx, organization, id)?;
    store(tx, op, connection, Action::ConnectionDeleted)?;
    Ok(())
}

fn store(
    tx: &mut Tx<'_>,
    op: &Operation,
    connection: Connection,
    action: Action,
) -> Result<Connection, ConnectionError> {
    let change = Event::ConnectionChanged { connection: connection.id, name: connection.name.clone() };
    store_announcing(tx, op, connection, action, Some(&change))
}

fn store_announcing(
    tx: &mut Tx<'_>,
    op: &Operation,
    mut connection: Connection,
    action: Action,
    change: Option<&Event>,
) -> Result<Connection, ConnectionError> {
    connection.updated_at = op.at;
    if !rows::update(tx, &to_row(&connection)?)? {
        return Err(ConnectionError::Changed);
    }
    connection.version += 1;
    let ended = match connection.state {
        ConnectionState::Active => None,
        ConnectionState::Disabled | ConnectionState::Deleted => {
            connection_roles::release(tx, op, connection.organization, connection.id)?;
            Some(end_opened(tx, op, &connection)?)
        }
    };
    log(tx, op, &connection, action, ended)?;
    if let Some(change) = change {
        event::publish(tx, op, connection.organization, change)?;
    }
    Ok(connection)
}

/// After the connection was written: whoever signs in through it looks at it under a lock, so that no session comes later.
fn end_opened(tx: &mut Tx<'_>, op: &Operation, connection: &Connection) -> Result<Ended, StoreError> {
    let (organization, id) = (connection.organization, connection.id);
    Ok(Ended {
        grants: grants::revoke_of_connection(tx, organization, id, op.at)?,
        sessions: sessions::end_of_connection(tx, organization, id, op.at)?,
    })
}

fn name_error(error: OrganizationError) -> ConnectionError {
    match error {
        OrganizationError::Store(error) => error.into(),
        OrganizationError::Denied(denied) => denied.into(),
        OrganizationError::InvalidName | OrganizationError::SlugTaken => ConnectionError::InvalidName,
    }
}

#[cfg(test)]
mod tests;
