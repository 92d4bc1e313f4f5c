//! Access tokens of the client credentials grant (RFC 6749, 4.4): opaque, kept as hashes, dead with their credential
//! and with their client. Whose credential it is has been proved before, by a secret here or by a signature elsewhere.

use serde_json::json;

use super::ACTIVE;
use super::credentials;
use super::kind::CredentialKind;
use crate::record::audit::{self, Action, Subject};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::scim_access_tokens::{self as rows, AccessTokenRow};
use crate::store::scim_credentials::{self, ScimCredentialRow};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ScimClientId, ScimCredentialId};
use crate::values::operation::{Actor, Operation};
use crate::values::scim_scope::ScimScope;
use crate::values::secret::{self, Secret, TokenHash};

/// What an access token begins with.
pub const PREFIX: &str = "cw_access_";

/// A credential that its holder has proved.
#[derive(Debug, Clone)]
pub struct Proved {
    /// Whose it is.
    pub client: ScimClientId,
    /// Which one.
    pub credential: ScimCredentialId,
    /// Whose client that is.
    pub organization: OrganizationId,
    /// The assertion, when it may be used once only.
    pub single_use: Option<SingleUse>,
}

/// An assertion that is used up by one token.
#[derive(Debug, Clone)]
pub struct SingleUse {
    /// Its id, hashed: ids are as long as clients please.
    pub id: TokenHash,
    /// When it would not be accepted any more.
    pub expires_at: Timestamp,
}

/// A credential whose holder is known by a signature.
#[derive(Debug, Clone)]
pub struct Trusted {
    /// What is proved when the signature holds.
    pub proved: Proved,
    /// What the assertion must say, and what checks it.
    pub kind: CredentialKind,
}

/// How long tokens live and how many a credential has.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)] // the names say it
pub struct Terms {
    pub ttl_seconds: i64,
    pub most: u32,
}

/// A token, shown this once.
#[derive(Debug)]
#[allow(missing_docs)] // the names say it
pub struct Issued {
    pub token: Secret,
    pub scope: ScimScope,
    pub expires_in_seconds: i64,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The credential was revoked or ended meanwhile.
    #[error("the credential is not live any more")]
    Gone,
    /// The assertion was used before.
    #[error("the assertion was used before")]
    Replayed,
    /// The scope asked for is wider than the credential's.
    #[error("the scope exceeds that of the credential")]
    Scope,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The live credential of `client` with this secret.
pub fn prove_secret(
    tx: &mut Tx<'_>,
    client: ScimClientId,
    presented: &Secret,
    now: Timestamp,
) -> Result<Option<Proved>, StoreError> {
    let hash = TokenHash::of(presented.expose());
    let live = scim_credentials::live(tx, client, ACTIVE, now)?;
    let found = live
        .iter()
        .filter(|row| row.kind == CredentialKind::ClientSecret.as_str())
        .find(|row| secret::is_equal(&row.token_hash, hash.as_bytes()));
    Ok(found.map(proved))
}

/// The live credentials of `client` that are proved by a signature.
pub fn trusted(tx: &mut Tx<'_>, client: ScimClientId, now: Timestamp) -> Result<Vec<Trusted>, StoreError> {
    let mut found = Vec::new();
    for row in scim_credentials::live(tx, client, ACTIVE, now)? {
        let kind = CredentialKind::of(&row.kind, row.trust.as_deref())?;
        if matches!(kind, CredentialKind::PrivateKeyJwt { .. } | CredentialKind::WorkloadIdentity { .. }) {
            found.push(Trusted { proved: proved(&row), kind });
        }
    }
    Ok(found)
}

/// Gives a token for a proved credential; the oldest of its tokens end when it has too many. The token never outlives
/// its credential, and its scope is no wider.
pub fn issue(
    tx: &mut Tx<'_>,
    op: &Operation,
    proved: &Proved,
    wanted: Option<ScimScope>,
    terms: Terms,
) -> Result<Issued, IssueError> {
    let live = scim_credentials::live(tx, proved.client, ACTIVE, op.at)?;
    let row = live.into_iter().find(|row| row.id == proved.credential).ok_or(IssueError::Gone)?;
    let own = credentials::scope(&row.scope)?;
    let scope = wanted.unwrap_or(own);
    if scope > own {
        return Err(IssueError::Scope);
    }
    if let Some(used) = &proved.single_use
        && !rows::consume_assertion(tx, row.org_id, row.id, &used.id, used.expires_at)?
    {
        return Err(IssueError::Replayed);
    }
    rows::delete_all_but(tx, row.org_id, row.id, i64::from(terms.most).saturating_sub(1))?;
    let token = secret::new_token(PREFIX, &op.entropy);
    let expires_at = op.at.plus_seconds(terms.ttl_seconds).min(row.expires_at);
    let new = AccessTokenRow {
        token_hash: TokenHash::of(token.expose()).as_bytes().to_vec(),
        org_id: row.org_id,
        credential_id: row.id,
        scope: scope.as_str().to_owned(),
        created_at: op.at,
        expires_at,
    };
    rows::insert(tx, &new)?;
    scim_credentials::touch(tx, row.id, op.at)?;
    log(tx, op, &row, &new, scope)?;
    Ok(Issued { token, scope, expires_in_seconds: expires_at.seconds().saturating_sub(op.at.seconds()) })
}

fn log(
    tx: &mut Tx<'_>,
    op: &Operation,
    row: &ScimCredentialRow,
    token: &AccessTokenRow,
    scope: ScimScope,
) -> Result<(), StoreError> {
    let (organization, client, credential) = (row.org_id, row.client_id, row.id);
    let op = op.by(Actor::ScimClient { organization, client, credential, scope });
    let detail =
        json!({ "client": client.to_string(), "scope": token.scope, "expires_at": token.expires_at.to_rfc3339() });
    let subject = Subject::new("scim_credential", row.id);
    audit::write(tx, &op, Some(organization), Action::ScimAccessTokenIssued, &subject, &detail)
}

fn proved(row: &ScimCredentialRow) -> Proved {
    Proved { client: row.client_id, credential: row.id, organization: row.org_id, single_use: None }
}
