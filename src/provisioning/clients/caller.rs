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
use crate::store::surroundings::SurroundedRow;
use crate::store::{Tx, presented_users, scim_access_tokens};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ResourceId, ScimClientId, ScimCredentialId};
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
            Some(row) => return of_static_token(tx, catalog, row, now),
            None => return Ok(None),
        }
    };
    live(tx, catalog, row, scope, now)
}

/// As [`authenticate`], with the user of this id in the caller's organization: in one query, for a static token, where that
/// costs less than two. `None` where it does not and where there is not both; then they are asked for one after the other.
pub fn authenticate_for_user(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    token: &PresentedToken,
    user: ResourceId,
    now: Timestamp,
) -> Result<Option<(Caller, SurroundedRow)>, StoreError> {
    if token.is_access_token {
        return Ok(None);
    }
    let Some((row, user)) = presented_users::find(tx, token.hash.as_bytes(), user)? else { return Ok(None) };
    Ok(of_static_token(tx, catalog, row, now)?.map(|caller| (caller, user)))
}

fn of_static_token(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    row: PresentedRow,
    now: Timestamp,
) -> Result<Option<Caller>, StoreError> {
    // A client secret is for the token endpoint and opens nothing here.
    if row.kind == CredentialKind::Bearer.as_str() { live(tx, catalog, row, None, now) } else { Ok(None) }
}

fn live(
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    row: PresentedRow,
    scope: Option<ScimScope>,
    now: Timestamp,
) -> Result<Option<Caller>, StoreError> {
    if row.expires_at <= now {
        return Ok(None);
    }
    let types = catalog.types(tx, row.organization, row.schemas_version, profile(&row)?)?;
    caller(row, scope, types, now)
}

/// True when the credential of a caller has not been revoked since: for a request that goes on after the transaction that
/// authenticated it. Whether it had expired was decided when the request came in; its scope is what it was then at most.
pub fn is_live(tx: &mut Tx<'_>, before: &Caller) -> Result<bool, StoreError> {
    rows::is_live(tx, before.organization, before.credential, ACTIVE)
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
/// transaction, with [`is_live`].
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
