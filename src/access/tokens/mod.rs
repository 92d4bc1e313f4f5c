//! Tokens for applications: a code is redeemed, a refresh token is rotated, a token is revoked, UserInfo is answered.
//!
//! Whoever asks has been authenticated already. Each function is one transaction, and whether the grant still stands
//! is looked at every time: nothing here survives the account, the membership or the session epoch. What ends in a
//! refusal is `Ok`, because what it wrote (a code used up, a family revoked) must be committed.

pub mod claims;
pub mod issuance;
pub mod standing;

use serde_json::{Map, Value, json};

use crate::access::grants::Lifetimes;
use crate::access::own_password::staying;
use crate::directory::applications::Application;
use crate::directory::released_claims;
use crate::protocol::oidc::access_token::AccessTokenClaims;
use crate::protocol::oidc::error::{ErrorCode, OAuthError};
use crate::protocol::oidc::pkce::{CodeChallenge, CodeVerifier};
use crate::protocol::oidc::scope::ScopeSet;
use crate::protocol::oidc::userinfo::UserInfoClaims;
use crate::record::audit::{self, Action, Subject};
use crate::store::authorization_codes::{self, CodeRow};
use crate::store::domains::Owned;
use crate::store::failure::StoreError;
use crate::store::grants::{self, StandingRow};
use crate::store::refresh_tokens::{self, RefreshTokenRow};
use crate::store::{Tx, domains};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, GrantId, OrganizationId};
use crate::values::operation::Operation;
use crate::values::secret::{Secret, TokenHash, new_token};

use issuance::Issuance;

/// What a token request came to.
#[derive(Debug)]
pub enum Outcome {
    /// Tokens, to be signed outside of the transaction.
    Issued(Box<Issuance>),
    /// Nothing, and why.
    Refused(Refusal),
}

/// Why there are no tokens. The client hears less than the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such code or token, or it belongs to another application.
    Unknown,
    /// The code or token was used before: its grant is revoked.
    Reused,
    /// Its time is over.
    Expired,
    /// The redirect URI is not the one of the authorization request.
    RedirectUri,
    /// The verifier does not meet the challenge.
    Verifier,
    /// The grant no longer stands.
    Ended(standing::Ended),
    /// The scope asked for was not granted.
    Scope,
}

impl Refusal {
    /// What the client is told.
    pub const fn error(self) -> OAuthError {
        match self {
            Self::Scope => OAuthError::new(ErrorCode::InvalidScope, "the scope exceeds what was granted"),
            Self::Unknown | Self::Reused | Self::Expired | Self::RedirectUri | Self::Verifier | Self::Ended(_) => {
                OAuthError::new(ErrorCode::InvalidGrant, "the code or token is not valid (any more)")
            }
        }
    }
}

/// A code as an application presents it, with the proofs that go with it.
#[derive(Debug, Clone)]
pub struct PresentedCode {
    /// The code.
    pub code: Secret,
    /// The redirect URI of the authorization request.
    pub redirect_uri: String,
    /// The verifier of its challenge.
    pub verifier: CodeVerifier,
}

/// Redeems a code. Presenting it uses it up, whatever comes of it, unless another application presents it.
pub fn redeem(
    tx: &mut Tx<'_>,
    op: &Operation,
    application: &Application,
    presented: &PresentedCode,
    lifetimes: Lifetimes,
) -> Result<Outcome, StoreError> {
    let hash = TokenHash::of(presented.code.expose());
    let Some(row) = authorization_codes::find(tx, &hash)? else { return Ok(Outcome::Refused(Refusal::Unknown)) };
    let Some(standing) = standing_of(tx, row.grant_id)? else {
        return Ok(Outcome::Refused(Refusal::Unknown));
    };
    if standing.grant.application_id != application.id {
        return Ok(Outcome::Refused(Refusal::Unknown));
    }
    if !authorization_codes::consume(tx, &hash, op.at)? {
        // RFC 6749, 4.1.2: "the authorization server MUST deny the request and SHOULD revoke (when possible) all
        // tokens previously issued based on that authorization code".
        return revoke_reused(tx, op, &standing, "authorization_code");
    }
    let ended = || standing::check(&standing, op.at).err().map(Refusal::Ended);
    match check_code(&row, presented, op.at)?.or_else(ended) {
        Some(refusal) => Ok(Outcome::Refused(refusal)),
        None => {
            let scope = ScopeSet::parse(&standing.grant.scope);
            issue(tx, op, standing, Terms { scope, nonce: row.nonce, lifetimes })
        }
    }
}

fn check_code(row: &CodeRow, presented: &PresentedCode, now: Timestamp) -> Result<Option<Refusal>, StoreError> {
    let challenge = CodeChallenge::parse(&row.code_challenge)
        .map_err(|_| StoreError::Inconsistent("authorization_codes.code_challenge"))?;
    Ok(if now >= row.expires_at {
        Some(Refusal::Expired)
    } else if row.redirect_uri != presented.redirect_uri {
        Some(Refusal::RedirectUri)
    } else if !challenge.is_met_by(&presented.verifier) {
        Some(Refusal::Verifier)
    } else {
        None
    })
}

/// A grant with everything it rests on; whether single sign-on ends it is found out where that is in question. And with the address
/// of the person only if it may be told: an application takes an
/// address for the person's. So it is verified, or lies in a trusted domain of the organization on whose behalf they signed in;
/// any other is what some directory wrote down.
fn standing_of(tx: &mut Tx<'_>, id: GrantId) -> Result<Option<StandingRow>, StoreError> {
    let Some(mut standing) = grants::find_standing(tx, id)? else { return Ok(None) };
    if standing.is_own_way_in_question {
        let amr = claims::authentication(&standing)?.amr;
        standing.is_own_way_in_question = !staying::may_stay(tx, standing.grant.account_id, &amr)?;
    }
    let unverified = standing.address.as_ref().filter(|address| address.verified_at.is_none());
    if let Some(address) = unverified {
        let domain = address.address.rsplit_once('@').map_or("", |(_, domain)| domain);
        if !domains::is_owner(tx, standing.grant.org_id, domain, Owned::Trusted)? {
            standing.address = None;
        }
    }
    Ok(Some(standing))
}

/// Uses a refresh token up and issues the next. A second use of the same token, at the same time or later, revokes the
/// whole family (RFC 9700, 4.14.2); there is no grace period.
pub fn refresh(
    tx: &mut Tx<'_>,
    op: &Operation,
    application: &Application,
    token: &Secret,
    narrowed: Option<ScopeSet>,
    lifetimes: Lifetimes,
) -> Result<Outcome, StoreError> {
    let hash = TokenHash::of(token.expose());
    let Some(row) = refresh_tokens::find(tx, &hash)? else { return Ok(Outcome::Refused(Refusal::Unknown)) };
    let Some(standing) = standing_of(tx, row.grant_id)? else {
        return Ok(Outcome::Refused(Refusal::Unknown));
    };
    if standing.grant.application_id != application.id {
        return Ok(Outcome::Refused(Refusal::Unknown));
    }
    let granted = ScopeSet::parse(&standing.grant.scope);
    if row.consumed_at.is_none() && narrowed.is_some_and(|scope| !scope.is_within(granted)) {
        return Ok(Outcome::Refused(Refusal::Scope));
    }
    if !refresh_tokens::consume(tx, &hash, op.at)? {
        return revoke_reused(tx, op, &standing, "refresh_token");
    }
    if op.at >= row.expires_at {
        return Ok(Outcome::Refused(Refusal::Expired));
    }
    match standing::check(&standing, op.at) {
        Err(ended) => Ok(Outcome::Refused(Refusal::Ended(ended))),
        Ok(()) => {
            let scope = narrowed.unwrap_or(granted);
            issue(tx, op, standing, Terms { scope, nonce: None, lifetimes })
        }
    }
}

struct Terms {
    scope: ScopeSet,
    nonce: Option<String>,
    lifetimes: Lifetimes,
}

fn issue(tx: &mut Tx<'_>, op: &Operation, standing: StandingRow, terms: Terms) -> Result<Outcome, StoreError> {
    let refresh_token = new_token("cw_refresh_", &op.entropy);
    refresh_tokens::insert(
        tx,
        &RefreshTokenRow {
            token_hash: TokenHash::of(refresh_token.expose()).as_bytes().to_vec(),
            grant_id: standing.grant.id,
            created_at: op.at,
            expires_at: standing.grant.expires_at.min(op.at.plus_seconds(terms.lifetimes.refresh_token_seconds)),
            consumed_at: None,
        },
    )?;
    let Terms { scope, nonce, lifetimes } = terms;
    Ok(Outcome::Issued(Box::new(Issuance { standing, scope, nonce, refresh_token, lifetimes })))
}

fn revoke_reused(
    tx: &mut Tx<'_>,
    op: &Operation,
    standing: &StandingRow,
    what: &'static str,
) -> Result<Outcome, StoreError> {
    revoke_grant(tx, op, standing, &format!("{what}_reused"))?;
    Ok(Outcome::Refused(Refusal::Reused))
}

fn revoke_grant(tx: &mut Tx<'_>, op: &Operation, standing: &StandingRow, why: &str) -> Result<(), StoreError> {
    let grant = &standing.grant;
    if grants::revoke(tx, grant.id, op.at)? {
        let detail = json!({ "application": grant.application_id, "account": grant.account_id, "code": why });
        audit::write(tx, op, Some(grant.org_id), Action::GrantRevoked, &Subject::new("grant", grant.id), &detail)?;
    }
    Ok(())
}

/// Revokes the grant of a refresh token (RFC 7009). An unknown token, one of another application, and one that is
/// revoked already are no error: "invalid tokens do not cause an error response".
pub fn revoke(tx: &mut Tx<'_>, op: &Operation, application: &Application, token: &Secret) -> Result<(), StoreError> {
    let Some(row) = refresh_tokens::find(tx, &TokenHash::of(token.expose()))? else { return Ok(()) };
    match standing_of(tx, row.grant_id)? {
        Some(standing) if standing.grant.application_id == application.id => {
            revoke_grant(tx, op, &standing, "revoked_by_application")
        }
        _ => Ok(()),
    }
}

/// As [`revoke`], for an access token whose claims were verified.
pub fn revoke_by_claims(
    tx: &mut Tx<'_>,
    op: &Operation,
    application: &Application,
    claims: &AccessTokenClaims,
) -> Result<(), StoreError> {
    let Ok(grant) = claims.grant.parse() else { return Ok(()) };
    match standing_of(tx, grant)? {
        Some(standing) if standing.grant.application_id == application.id => {
            revoke_grant(tx, op, &standing, "revoked_by_application")
        }
        _ => Ok(()),
    }
}

/// A person who bears an access token, and what the token opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The person.
    pub account: AccountId,
    /// The organization in which they signed in.
    pub organization: OrganizationId,
    /// What the token opens.
    pub scope: ScopeSet,
}

/// Who bears a verified access token; `None` when what it rests on is gone. One query.
pub fn bearer(tx: &mut Tx<'_>, op: &Operation, claims: &AccessTokenClaims) -> Result<Option<Bearer>, StoreError> {
    let row = find_standing(tx, op, claims)?;
    Ok(row.map(|row| Bearer { account: row.grant.account_id, organization: row.grant.org_id, scope: claims.scope }))
}

/// What UserInfo says to the bearer of a verified access token; `None` when what it rests on is gone. One query, and one more
/// where the organization releases attributes as claims.
pub fn userinfo(
    tx: &mut Tx<'_>,
    op: &Operation,
    claims: &AccessTokenClaims,
) -> Result<Option<UserInfoClaims>, StoreError> {
    let Some(row) = find_standing(tx, op, claims)? else { return Ok(None) };
    Ok(Some(UserInfoClaims {
        sub: claims.sub.clone(),
        affiliation: claims::affiliation(&row, &op.data_center)?,
        authentication: claims::authentication(&row)?,
        person: claims::person(&row).released_by(claims.scope),
        released: released(tx, &row, claims.scope)?,
    }))
}

/// What a verified access token rests on, while it stands.
fn find_standing(
    tx: &mut Tx<'_>,
    op: &Operation,
    claims: &AccessTokenClaims,
) -> Result<Option<StandingRow>, StoreError> {
    let Ok(grant) = claims.grant.parse() else { return Ok(None) };
    let Some(row) = standing_of(tx, grant)? else { return Ok(None) };
    let is_same = row.grant.account_id.to_string() == claims.sub && row.grant.session_epoch == claims.sep;
    Ok(Some(row).filter(|row| is_same && standing::check(row, op.at).is_ok()))
}

/// What the organization makes claims of. No query for one that makes none.
fn released(tx: &mut Tx<'_>, row: &StandingRow, scope: ScopeSet) -> Result<Map<String, Value>, StoreError> {
    let Some(text) = &row.claim_mappings else { return Ok(Map::new()) };
    let mappings = released_claims::read(text)?;
    released_claims::of(tx, row.grant.org_id, row.grant.account_id, &mappings, scope)
}

#[cfg(test)]
mod tests;
