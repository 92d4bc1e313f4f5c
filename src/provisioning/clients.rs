//! SCIM clients of an organization, and the credentials they present. A client has several live credentials at once,
//! so that one can be replaced without an outage.

use std::sync::Arc;

use serde_json::json;

use crate::directory::permission::{self, Denied, Permission};
use crate::directory::room::{self, TooMany};
use crate::protocol::scim::resource_type::ResourceTypes;
use crate::protocol::scim::tolerance::Profile;
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::scim_clients::{self as rows, PresentedRow, ScimClientRow, ScimCredentialRow};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ScimClientId, ScimCredentialId};
use crate::values::operation::{Actor, Operation};
use crate::values::page::{Page, PageRequest};
use crate::values::quota::Quota;
use crate::values::secret::{self, Secret, TokenHash};

/// What a credential begins with, so that a leaked one can be recognised.
pub const PREFIX: &str = "cw_scim_";
/// The longest life of a credential: three years, the longest that Entra ID asks for.
pub const MAX_TTL_SECONDS: i64 = 3 * 366 * 24 * 3600;
/// Uses are noted at most this often.
const TOUCH_SECONDS: i64 = 60;
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
    pub created_at: Timestamp,
}

/// A credential as its organization sees it: never the token itself.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct ScimCredential {
    pub id: ScimCredentialId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// An authenticated client.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who it is.
    pub client: ScimClientId,
    /// Which of its credentials it presented.
    pub credential: ScimCredentialId,
    /// The only organization it may touch.
    pub organization: OrganizationId,
    /// That organization's name in URLs.
    pub slug: String,
    /// What it does otherwise than the standard.
    pub profile: Profile,
    /// What the organization's users and groups are made of.
    pub types: Arc<ResourceTypes>,
    /// True when the use is worth noting with [`touch`].
    pub is_use_worth_noting: bool,
}

impl Caller {
    /// The caller as the actor of an operation.
    pub fn actor(&self) -> Actor {
        Actor::ScimClient { organization: self.organization, client: self.client, credential: self.credential }
    }
}

/// Why a client or a credential could not be created, found or removed.
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

/// Who presents `token`, if it is a live credential. One query by hash, so time tells nothing about other tokens.
pub fn authenticate(tx: &mut Tx<'_>, token: &str, now: Timestamp) -> Result<Option<Caller>, StoreError> {
    let Some(row) = rows::find_presented(tx, TokenHash::of(token).as_bytes())? else { return Ok(None) };
    if row.expires_at <= now { Ok(None) } else { caller(row, now) }
}

/// Who presented `credential`, if it has not been revoked since: asked again by what goes on after the transaction that
/// authenticated it. Whether it had expired was decided when the request came in.
pub fn presented_before(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    credential: ScimCredentialId,
    now: Timestamp,
) -> Result<Option<Caller>, StoreError> {
    let Some(row) = rows::find_credential(tx, organization, credential)? else { return Ok(None) };
    caller(row, now)
}

fn caller(row: PresentedRow, now: Timestamp) -> Result<Option<Caller>, StoreError> {
    if row.revoked_at.is_some() || row.state != ACTIVE {
        return Ok(None);
    }
    Ok(Some(Caller {
        client: row.client,
        credential: row.credential,
        organization: row.organization,
        slug: row.slug,
        profile: Profile::parse(&row.profile).ok_or(StoreError::Inconsistent("scim_clients.profile"))?,
        types: Arc::clone(ResourceTypes::base()),
        is_use_worth_noting: row.last_used_at.is_none_or(|at| at.plus_seconds(TOUCH_SECONDS) <= now),
    }))
}

/// Notes that a credential was used.
pub fn touch(tx: &mut Tx<'_>, credential: ScimCredentialId, at: Timestamp) -> Result<(), StoreError> {
    rows::touch_credential(tx, credential, at)
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
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(ScimClientError::InvalidName);
    }
    let count = |tx: &mut Tx<'_>| rows::count(tx, organization, ACTIVE);
    room::require::<ScimClientError>(tx, organization, quota.scim_clients, count)?;
    let row = ScimClientRow {
        id: op.new_id(),
        org_id: organization,
        name: name.to_owned(),
        profile: profile.as_str().to_owned(),
        state: ACTIVE.to_owned(),
        created_at: op.at,
        updated_at: op.at,
    };
    rows::insert(tx, &row)?;
    let detail = json!({ "name": row.name, "profile": row.profile });
    let subject = Subject::new("scim_client", row.id);
    audit::write(tx, op, Some(organization), Action::ScimClientCreated, &subject, &detail)?;
    event::publish(tx, op, organization, &Event::ScimClientCreated { client: row.id, name: row.name.clone() })?;
    client_from_row(row)
}

/// The live clients of an organization.
pub fn page(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    request: &PageRequest<ScimClientId>,
) -> Result<Page<ScimClient, ScimClientId>, ScimClientError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    let found = rows::page(tx, organization, ACTIVE, request)?;
    let found = found.into_iter().map(client_from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(found, request, |client| client.id))
}

/// A live client of an organization.
pub fn find(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    client: ScimClientId,
) -> Result<ScimClient, ScimClientError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    let found = rows::find(tx, organization, client)?.filter(|row| row.state == ACTIVE);
    client_from_row(found.ok_or(ScimClientError::NotFound)?)
}

/// Removes a client: all its credentials are dead from this commit on. What it provisioned stays.
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
    let revoked = rows::revoke_credentials(tx, organization, client, op.at)?;
    let subject = Subject::new("scim_client", client);
    let detail = json!({ "credentials_revoked": revoked });
    audit::write(tx, op, Some(organization), Action::ScimClientDeleted, &subject, &detail)?;
    Ok(())
}

/// Creates a credential of a client. The token is shown this once. To rotate, create the new one, hand it over, then
/// revoke the old one.
pub fn create_credential(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    client: ScimClientId,
    ttl_seconds: i64,
    quota: &Quota,
) -> Result<(ScimCredential, Secret), ScimClientError> {
    find(tx, op, organization, client)?;
    if !(1..=MAX_TTL_SECONDS).contains(&ttl_seconds) {
        return Err(ScimClientError::InvalidTtl);
    }
    let count = |tx: &mut Tx<'_>| rows::count_live_credentials(tx, organization, client, op.at);
    room::require::<ScimClientError>(tx, organization, quota.credentials_per_scim_client, count)?;
    let token = secret::new_token(PREFIX, &op.entropy);
    let row = ScimCredentialRow {
        id: op.new_id(),
        org_id: organization,
        client_id: client,
        token_hash: TokenHash::of(token.expose()).as_bytes().to_vec(),
        created_at: op.at,
        expires_at: op.at.plus_seconds(ttl_seconds),
        last_used_at: None,
        revoked_at: None,
    };
    rows::insert_credential(tx, &row)?;
    let subject = Subject::new("scim_credential", row.id);
    let detail = json!({ "client": client.to_string(), "expires_at": row.expires_at.to_rfc3339() });
    audit::write(tx, op, Some(organization), Action::ScimCredentialCreated, &subject, &detail)?;
    Ok((credential_from_row(row), token))
}

/// The credentials of a client, live and dead.
pub fn credentials(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    client: ScimClientId,
) -> Result<Vec<ScimCredential>, ScimClientError> {
    find(tx, op, organization, client)?;
    Ok(rows::credentials(tx, organization, client)?.into_iter().map(credential_from_row).collect())
}

/// Revokes a credential: it opens nothing from this commit on.
pub fn revoke_credential(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    client: ScimClientId,
    credential: ScimCredentialId,
) -> Result<(), ScimClientError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    if !rows::revoke_credential(tx, organization, client, credential, op.at)? {
        return Err(ScimClientError::NotFound);
    }
    let subject = Subject::new("scim_credential", credential);
    let detail = json!({ "client": client.to_string() });
    audit::write(tx, op, Some(organization), Action::ScimCredentialRevoked, &subject, &detail)?;
    Ok(())
}

fn client_from_row(row: ScimClientRow) -> Result<ScimClient, ScimClientError> {
    Ok(ScimClient {
        id: row.id,
        name: row.name,
        profile: Profile::parse(&row.profile).ok_or(StoreError::Inconsistent("scim_clients.profile"))?,
        created_at: row.created_at,
    })
}

fn credential_from_row(row: ScimCredentialRow) -> ScimCredential {
    ScimCredential {
        id: row.id,
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
    }
}
