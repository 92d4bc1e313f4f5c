//! The credentials of a client. It has several at once, of any kind, so that one can be replaced without an outage.
//! A token or secret is shown once and kept as a hash.

use serde_json::json;

use super::kind::CredentialKind;
use super::{ScimClientError, find};
use crate::directory::permission::{self, Permission};
use crate::directory::room;
use crate::record::audit::{self, Action, Subject};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::scim_credentials::{self as rows, ScimCredentialRow};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ScimClientId, ScimCredentialId};
use crate::values::operation::{Actor, Operation};
use crate::values::quota::Quota;
use crate::values::scim_scope::ScimScope;
use crate::values::secret::{self, Secret, TokenHash};

/// What a static token begins with, so that a leaked one can be recognised.
pub const TOKEN_PREFIX: &str = "cw_scim_";
/// What a client secret begins with.
pub const SECRET_PREFIX: &str = "cw_secret_";
/// The longest life of a credential: three years, the longest that Entra ID asks for.
pub const MAX_TTL_SECONDS: i64 = 3 * 366 * 24 * 3600;
/// How long before its end a credential is shown as about to expire.
const SOON_SECONDS: i64 = 30 * 24 * 3600;

/// A credential as its organization sees it: never the token or secret itself.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct ScimCredential {
    pub id: ScimCredentialId,
    pub kind: CredentialKind,
    pub scope: ScimScope,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub warned_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// Where a credential stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialState {
    /// It works.
    Live,
    /// It works for less than 30 days more.
    ExpiresSoon,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
}

impl CredentialState {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::ExpiresSoon => "expires_soon",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl ScimCredential {
    /// Where it stands at `now`.
    pub fn state(&self, now: Timestamp) -> CredentialState {
        if self.revoked_at.is_some() {
            CredentialState::Revoked
        } else if self.expires_at <= now {
            CredentialState::Expired
        } else if self.expires_at <= now.plus_seconds(SOON_SECONDS) {
            CredentialState::ExpiresSoon
        } else {
            CredentialState::Live
        }
    }
}

/// A credential to create.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// How the client proves itself with it.
    pub kind: CredentialKind,
    /// What it may do.
    pub scope: ScimScope,
    /// How long it lives, 1 second to [`MAX_TTL_SECONDS`].
    pub ttl_seconds: i64,
}

/// Creates a credential of a client. The token or secret, where the kind has one, is shown this once. To rotate, create
/// the new one, hand it over, then revoke the old one.
pub fn create(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    client: ScimClientId,
    new: &NewCredential,
    quota: &Quota,
) -> Result<(ScimCredential, Option<Secret>), ScimClientError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    find(tx, op, organization, client)?;
    check(op, new)?;
    let count = |tx: &mut Tx<'_>| rows::count_live(tx, organization, client, op.at);
    room::require::<ScimClientError>(tx, organization, quota.credentials_per_scim_client, count)?;
    let id: ScimCredentialId = op.new_id();
    let secret = match new.kind {
        CredentialKind::Bearer => Some(secret::new_token(TOKEN_PREFIX, &op.entropy)),
        CredentialKind::ClientSecret => Some(secret::new_token(SECRET_PREFIX, &op.entropy)),
        CredentialKind::PrivateKeyJwt { .. } | CredentialKind::WorkloadIdentity { .. } => None,
    };
    let token_hash = match &secret {
        Some(secret) => TokenHash::of(secret.expose()).as_bytes().to_vec(),
        None => id.as_bytes().to_vec(),
    };
    let row = ScimCredentialRow {
        id,
        org_id: organization,
        client_id: client,
        token_hash,
        created_at: op.at,
        expires_at: op.at.plus_seconds(new.ttl_seconds),
        last_used_at: None,
        revoked_at: None,
        kind: new.kind.as_str().to_owned(),
        scope: new.scope.as_str().to_owned(),
        trust: new.kind.trust()?,
        warned_days: None,
        warned_at: None,
    };
    rows::insert(tx, &row)?;
    let subject = Subject::new("scim_credential", row.id);
    let mut detail = json!({
        "client": client.to_string(), "kind": row.kind, "scope": row.scope, "expires_at": row.expires_at.to_rfc3339(),
    });
    if let (CredentialKind::WorkloadIdentity { identity, .. }, Some(detail)) = (&new.kind, detail.as_object_mut()) {
        detail.insert("issuer".to_owned(), identity.issuer.clone().into());
        detail.insert("subject".to_owned(), identity.subject.clone().into());
    }
    audit::write(tx, op, Some(organization), Action::ScimCredentialCreated, &subject, &detail)?;
    Ok((from_row(row)?, secret))
}

/// Refuses what cannot be created, or not by this actor.
pub fn check(op: &Operation, new: &NewCredential) -> Result<(), ScimClientError> {
    if !(1..=MAX_TTL_SECONDS).contains(&new.ttl_seconds) {
        return Err(ScimClientError::InvalidTtl);
    }
    if new.scope == ScimScope::Replica && !matches!(op.actor, Actor::Operator { .. }) {
        return Err(ScimClientError::ScopeNotGivable);
    }
    match &new.kind {
        CredentialKind::Bearer | CredentialKind::ClientSecret => Ok(()),
        CredentialKind::PrivateKeyJwt { keys } => Ok(keys.check()?),
        CredentialKind::WorkloadIdentity { identity, .. } if !identity.is_sound() => {
            Err(ScimClientError::InvalidIdentity)
        }
        CredentialKind::WorkloadIdentity { keys, .. } => Ok(keys.check()?),
    }
}

/// The credentials of a client, live and dead.
pub fn list(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    client: ScimClientId,
) -> Result<Vec<ScimCredential>, ScimClientError> {
    find(tx, op, organization, client)?;
    let rows = rows::of_client(tx, organization, client)?;
    Ok(rows.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?)
}

/// Revokes a credential: it opens nothing from this commit on, nor do the access tokens that were given for it.
pub fn revoke(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    client: ScimClientId,
    credential: ScimCredentialId,
) -> Result<(), ScimClientError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    if !rows::revoke(tx, organization, client, credential, op.at)? {
        return Err(ScimClientError::NotFound);
    }
    let subject = Subject::new("scim_credential", credential);
    let detail = json!({ "client": client.to_string() });
    audit::write(tx, op, Some(organization), Action::ScimCredentialRevoked, &subject, &detail)?;
    Ok(())
}

/// The scope that a row names.
pub(super) fn scope(name: &str) -> Result<ScimScope, StoreError> {
    ScimScope::parse(name).ok_or(StoreError::Inconsistent("scim_credentials.scope"))
}

fn from_row(row: ScimCredentialRow) -> Result<ScimCredential, StoreError> {
    Ok(ScimCredential {
        id: row.id,
        kind: CredentialKind::of(&row.kind, row.trust.as_deref())?,
        scope: scope(&row.scope)?,
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        warned_at: row.warned_at,
        revoked_at: row.revoked_at,
    })
}
