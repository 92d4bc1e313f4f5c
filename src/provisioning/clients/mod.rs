//! SCIM clients of an organization. What they prove themselves with is in [`credentials`], who calls is found out in
//! [`caller`], what the token endpoint gives is in [`tokens`], and who is warned of an end in [`expiry`].

pub mod caller;
pub mod credentials;
pub mod expiry;
pub mod kind;
pub mod tokens;

#[cfg(test)]
mod tests;

use serde_json::json;

use crate::directory::permission::{self, Denied, Permission};
use crate::directory::room::{self, TooMany};
use crate::protocol::oidc::client_keys::InvalidKeys;
use crate::protocol::scim::tolerance::Profile;
use crate::provisioning::request_log::level::Level;
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::scim_clients::{self as rows, ScimClientRow};
use crate::store::scim_credentials;
use crate::values::clock::Timestamp;
use crate::values::folding;
use crate::values::ids::{OrganizationId, ScimClientId};
use crate::values::operation::Operation;
use crate::values::page::{Page, PageRequest};
use crate::values::quota::Quota;

/// The longest name.
const MAX_NAME_CHARS: usize = 100;
const ACTIVE: &str = "active";
const DELETED: &str = "deleted";

/// A client.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct ScimClient {
    pub id: ScimClientId,
    pub name: String,
    pub profile: Profile,
    /// How much of what it sends is kept.
    pub log_level: Level,
    pub created_at: Timestamp,
}

/// What a client is changed to; what is `None` stays as it is.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // the names say it
pub struct ScimClientChange {
    pub name: Option<String>,
    pub profile: Option<Profile>,
    pub log_level: Option<Level>,
}

/// Why a client or a credential could not be created, found, changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum ScimClientError {
    /// There is no such client or live credential in this organization.
    #[error("no such scim client")]
    NotFound,
    /// The name is empty or too long.
    #[error("a name has 1 to 100 characters")]
    InvalidName,
    /// The lifetime is out of bounds.
    #[error("a credential lives from 1 second to 3 years")]
    InvalidTtl,
    /// The scope is not the actor's to give.
    #[error("only an operator gives the replica scope")]
    ScopeNotGivable,
    /// The keys cannot be used.
    #[error(transparent)]
    InvalidKeys(#[from] InvalidKeys),
    /// Issuer, subject or audience cannot be used.
    #[error("issuer, subject and audience have 1 to 1000 characters and no control characters")]
    InvalidIdentity,
    /// The organization, or the client, has as many as it may have.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Creates a client, without a credential.
pub fn create(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    name: &str,
    profile: Profile,
    quota: &Quota,
) -> Result<ScimClient, ScimClientError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    let name = checked_name(name)?;
    let count = |tx: &mut Tx<'_>| rows::count(tx, organization, ACTIVE);
    room::require::<ScimClientError>(tx, organization, quota.scim_clients, count)?;
    let row = ScimClientRow {
        id: op.new_id(),
        org_id: organization,
        name,
        profile: profile.as_str().to_owned(),
        state: ACTIVE.to_owned(),
        created_at: op.at,
        updated_at: op.at,
        request_log: Level::All.as_str().to_owned(),
    };
    rows::insert(tx, &row)?;
    log(tx, op, &row, Action::ScimClientCreated)?;
    event::publish(tx, op, organization, &Event::ScimClientCreated { client: row.id, name: row.name.clone() })?;
    from_row(row)
}

/// The live clients of an organization.
pub fn page(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    request: &PageRequest<ScimClientId>,
) -> Result<Page<ScimClient, ScimClientId>, ScimClientError> {
    permission::require(op, organization, Permission::Read)?;
    let found = rows::page(tx, organization, ACTIVE, request)?;
    let found = found.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(found, request, |client| client.id))
}

/// A live client of an organization.
pub fn find(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    client: ScimClientId,
) -> Result<ScimClient, ScimClientError> {
    permission::require(op, organization, Permission::Read)?;
    from_row(find_row(tx, organization, client)?)
}

/// Changes a client. Its credentials stay, and the next request is read with the new profile.
pub fn update(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    client: ScimClientId,
    change: &ScimClientChange,
) -> Result<ScimClient, ScimClientError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    let mut row = find_row(tx, organization, client)?;
    if let Some(name) = &change.name {
        row.name = checked_name(name)?;
    }
    if let Some(profile) = change.profile {
        row.profile = profile.as_str().to_owned();
    }
    if let Some(level) = change.log_level {
        row.request_log = level.as_str().to_owned();
    }
    row.updated_at = op.at;
    if !rows::update(tx, &row)? {
        return Err(ScimClientError::NotFound);
    }
    log(tx, op, &row, Action::ScimClientUpdated)?;
    from_row(row)
}

/// Removes a client: all its credentials and tokens are dead from this commit on. What it provisioned stays.
pub fn delete(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    client: ScimClientId,
) -> Result<(), ScimClientError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    if !rows::update_state(tx, organization, client, DELETED, op.at)? {
        return Err(ScimClientError::NotFound);
    }
    let revoked = scim_credentials::revoke_all(tx, organization, client, op.at)?;
    let subject = Subject::new("scim_client", client);
    let detail = json!({ "credentials_revoked": revoked });
    audit::write(tx, op, Some(organization), Action::ScimClientDeleted, &subject, &detail)?;
    Ok(())
}

/// Refuses unless the organization has this client, whoever asks.
pub(super) fn require_live(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: ScimClientId,
) -> Result<ScimClient, ScimClientError> {
    from_row(find_row(tx, organization, client)?)
}

fn find_row(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: ScimClientId,
) -> Result<ScimClientRow, ScimClientError> {
    rows::find(tx, organization, client)?.filter(|row| row.state == ACTIVE).ok_or(ScimClientError::NotFound)
}

fn checked_name(text: &str) -> Result<String, ScimClientError> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || folding::check_name(name).is_err() {
        return Err(ScimClientError::InvalidName);
    }
    Ok(name.to_owned())
}

fn log(tx: &mut Tx<'_>, op: &Operation, row: &ScimClientRow, action: Action) -> Result<(), StoreError> {
    let detail = json!({ "name": row.name, "profile": row.profile, "request_log": row.request_log });
    audit::write(tx, op, Some(row.org_id), action, &Subject::new("scim_client", row.id), &detail)
}

fn from_row(row: ScimClientRow) -> Result<ScimClient, ScimClientError> {
    Ok(ScimClient {
        id: row.id,
        name: row.name,
        profile: Profile::parse(&row.profile).ok_or(StoreError::Inconsistent("scim_clients.profile"))?,
        log_level: Level::parse(&row.request_log).ok_or(StoreError::Inconsistent("scim_clients.request_log"))?,
        created_at: row.created_at,
    })
}
