//! Who calls the SCIM door: a static token, or an access token that the token endpoint gave, turned into a client.

use std::sync::Arc;

use super::kind::CredentialKind;
use super::{ACTIVE, credentials, tokens};
use crate::protocol::scim::resource_type::ResourceTypes;
use crate::protocol::scim::tolerance::Profile;
use crate::provisioning::request_log::level::Level;
use crate::provisioning::schemas::catalog::Catalog;
use crate::store::failure::StoreError;
use crate::store::scim_credentials::{self as rows, PresentedRow};
use crate::store::{Tx, scim_access_tokens};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ScimClientId, ScimCredentialId};
use crate::values::operation::Actor;
use crate::values::scim_scope::ScimScope;
use crate::values::secret::TokenHash;

/// Uses are noted at most this often.
const TOUCH_SECONDS: i64 = 60;

/// A token as it was presented: its hash, and which of the two it says it is.
#[derive(Debug, Clone, Copy)]
pub struct PresentedToken {
    hash: TokenHash,
    is_access_token: bool,
}

impl PresentedToken {
    /// The token with this text.
    pub fn of(text: &str) -> Self {
        Self { hash: TokenHash::of(text), is_access_token: text.starts_with(tokens::PREFIX) }
    }

    /// What it is known by.
    pub const fn hash(&self) -> TokenHash {
        self.hash
    }
}

/// An authenticated client.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who it is.
    pub client: ScimClientId,
    /// Which of its credentials it presented, or had the token for.
    pub credential: ScimCredentialId,
    /// The only organization it may touch.
    pub organization: OrganizationId,
    /// That organization's name in URLs.
    pub slug: String,
    /// What it may do there.
    pub scope: ScimScope,
    /// What it does otherwise than the standard.
    pub profile: Profile,
    /// How much of what it sends is kept.
    pub log_level: Level,
    /// What the organization's users and groups are made of.
    pub types: Arc<ResourceTypes>,
    /// True when the use is worth noting with [`touch`].
    pub is_use_worth_noting: bool,
}

impl Caller {
    /// The caller as the actor of an operation.
    pub fn actor(&self) -> Actor {
        Actor::ScimClient {
            organization: self.organization,
            client: self.client,
            credential: self.credential,
            scope: self.scope,
        }
    }
}

/// Who presents `token`, if it is live, its credential is, and its client. One query by hash, so time tells nothing
/// about other tokens. Nothing is remembered in between: what is revoked is dead with its commit.
pub fn authenticate(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    token: &PresentedToken,
    now: Timestamp,
) -> Result<Option<Caller>, StoreError> {
    let (row, scope) = if token.is_access_token {
        match scim_access_tokens::find_presented(tx, token.hash.as_bytes())? {
            Some((row, scope, expires_at)) if expires_at > now => (row, Some(credentials::scope(&scope)?)),
            Some(_) | None => return Ok(None),
        }
    } else {
        match rows::find_presented(tx, token.hash.as_bytes())? {
            // A client secret is for the token endpoint and opens nothing here.
            Some(row) if row.kind == CredentialKind::Bearer.as_str() => (row, None),
            Some(_) | None => return Ok(None),
        }
    };
    if row.expires_at <= now {
        return Ok(None);
    }
    let types = catalog.types(tx, row.organization, row.schemas_version, profile(&row)?)?;
    caller(row, scope, types, now)
}

/// The caller of a request that goes on after the transaction that authenticated it, if the credential has not been
/// revoked since. Whether it had expired was decided when the request came in; its scope is what it was then at most.
pub fn presented_before(tx: &mut Tx<'_>, before: &Caller, now: Timestamp) -> Result<Option<Caller>, StoreError> {
    match rows::find_with_client(tx, before.organization, before.credential)? {
        Some(row) => caller(row, Some(before.scope), Arc::clone(&before.types), now),
        None => Ok(None),
    }
}

/// What a credential of the organization may do, or might when it was still there.
pub fn scope_of(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    credential: ScimCredentialId,
) -> Result<ScimScope, StoreError> {
    match rows::find_with_client(tx, organization, credential)? {
        Some(row) => credentials::scope(&row.scope),
        None => Ok(ScimScope::Write),
    }
}

/// Who sent a request that is gone on with later, whether or not the credential is still live: that is asked again by each
/// transaction, with [`presented_before`].
pub fn presenter(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    organization: OrganizationId,
    credential: ScimCredentialId,
    scope: ScimScope,
    now: Timestamp,
) -> Result<Caller, StoreError> {
    let row = rows::find_with_client(tx, organization, credential)?;
    let row = row.ok_or(StoreError::Inconsistent("asynchronous_requests.credential_id"))?;
    let types = catalog.types(tx, organization, row.schemas_version, profile(&row)?)?;
    of_row(row, Some(scope), types, now)
}

/// Notes that a credential was used.
pub fn touch(tx: &mut Tx<'_>, credential: ScimCredentialId, at: Timestamp) -> Result<(), StoreError> {
    rows::touch(tx, credential, at)
}

fn caller(
    row: PresentedRow,
    narrowed: Option<ScimScope>,
    types: Arc<ResourceTypes>,
    now: Timestamp,
) -> Result<Option<Caller>, StoreError> {
    if row.revoked_at.is_some() || row.state != ACTIVE {
        return Ok(None);
    }
    of_row(row, narrowed, types, now).map(Some)
}

fn of_row(
    row: PresentedRow,
    narrowed: Option<ScimScope>,
    types: Arc<ResourceTypes>,
    now: Timestamp,
) -> Result<Caller, StoreError> {
    let (own, profile) = (credentials::scope(&row.scope)?, profile(&row)?);
    Ok(Caller {
        client: row.client,
        credential: row.credential,
        organization: row.organization,
        slug: row.slug,
        scope: narrowed.map_or(own, |scope| scope.min(own)),
        profile,
        types,
        log_level: Level::parse(&row.request_log).ok_or(StoreError::Inconsistent("scim_clients.request_log"))?,
        is_use_worth_noting: row.last_used_at.is_none_or(|at| at.plus_seconds(TOUCH_SECONDS) <= now),
    })
}

fn profile(row: &PresentedRow) -> Result<Profile, StoreError> {
    Profile::parse(&row.profile).ok_or(StoreError::Inconsistent("scim_clients.profile"))
}
