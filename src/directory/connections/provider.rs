//! What a connection knows of its provider, described anew, and how it finds the account of somebody new. The provider stays
//! the same one.

use super::decision::store_edited;
use super::{Connection, ConnectionError, Settings, find_of};
use crate::directory::connection_policy;
use crate::directory::matching::Matching;
use crate::directory::permission::{self, Permission};
use crate::directory::ways_in;
use crate::store::connections as rows;
use crate::store::{Tx, link_requests};
use crate::values::ids::{ConnectionId, OrganizationId};
use crate::values::operation::Operation;

/// Replaces what a connection knows of its provider, such as after a certificate roll-over. The provider stays the same:
/// identities are never handed to another one. What is demanded of it stays as well; a secret that is not given goes.
pub fn replace_settings(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
    settings: &Settings,
    sealed_secret: Option<Vec<u8>>,
) -> Result<Connection, ConnectionError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    let before = find_of(tx, op, organization, id)?;
    let mut connection = before.clone();
    if connection.settings.protocol() != settings.protocol() {
        return Err(ConnectionError::OtherProtocol);
    }
    if !connection.settings.is_same_provider(settings) {
        return Err(ConnectionError::OtherProvider);
    }
    let mut settings = settings.clone();
    match (&mut settings, &connection.settings) {
        (Settings::Saml { options, .. }, Settings::Saml { options: demanded, .. }) => options.clone_from(demanded),
        (Settings::Oidc { options, .. }, Settings::Oidc { options: demanded, .. }) => options.clone_from(demanded),
        (Settings::Saml { .. }, Settings::Oidc { .. }) | (Settings::Oidc { .. }, Settings::Saml { .. }) => {}
    }
    connection.settings = settings;
    connection.sealed_secret = sealed_secret;
    store_edited(tx, op, &before, connection)
}

/// Replaces what is compared with the people whom a directory has pushed. Identities that are linked already stay as they
/// are.
pub fn replace_matching(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
    matching: Matching,
) -> Result<Connection, ConnectionError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    ways_in::hold(tx, organization)?;
    rows::lock(tx, id)?;
    let before = find_of(tx, op, organization, id)?;
    let mut connection = before.clone();
    connection_policy::follow_match(tx, op, organization, id, matching.by)?;
    link_requests::delete_open_of_connection(tx, organization, id)?;
    connection.matching = matching;
    store_edited(tx, op, &before, connection)
}
