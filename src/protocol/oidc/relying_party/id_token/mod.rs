//! Checking a provider's ID token (OpenID Connect Core 3.1.3.7; RFC 8725; IPSIE: one audience). Nothing of the token
//! is used before its signature holds; every required claim must be there and of its type.

use aws_lc_rs::digest;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::jwks::{KeyChoiceError, KeySet};
use crate::protocol::oidc::id_token::at_hash;
use crate::values::clock::Timestamp;
use crate::values::secret::is_equal;

/// The algorithms that are accepted from a provider: no `none`, no shared secrets, nothing weaker.
pub const ALLOWED: [Algorithm; 4] = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];

const MAX_TOKEN: usize = 64 * 1024;
const MAX_SUBJECT: usize = 255;

/// What the transaction knows and the token must match.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The issuer the transaction was begun with.
    pub issuer: &'a str,
    /// The gateway's client id at the provider.
    pub client_id: &'a str,
    /// The nonce of the transaction.
    pub nonce: &'a str,
    /// The access token that came along.
    pub access_token: &'a str,
    /// The oldest sign-in that is good enough, when one was asked for.
    pub authenticated_after: Option<Timestamp>,
    /// Now.
    pub now: Timestamp,
    /// How far the provider's clock may differ from ours.
    pub skew_seconds: i64,
}

/// What a verified ID token says.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedIdToken {
    /// The person at that issuer; never reassigned, at most 255 characters.
    pub subject: String,
    /// When they signed in there, if said.
    pub authenticated_at: Option<Timestamp>,
    /// How, in the provider's words.
    pub amr: Vec<String>,
    /// The provider's authentication context class.
    pub acr: Option<String>,
    /// When the provider wants the session to end (IPSIE `session_expiry`).
    pub session_expires_at: Option<Timestamp>,
    /// The session at the provider.
    pub session_id: Option<String>,
    /// Every claim, for the attribute mapping.
    pub claims: Map<String, Value>,
}

/// Why an ID token is refused. One name per check, for the diagnostics of the connection's administrators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// Not a compact JWS over a JSON object, oversized, or a claim is missing or of the wrong type.
    #[error("the id token is malformed")]
    Malformed,
    /// The header names another type, an algorithm that is not allowed, or a critical extension.
    #[error("the id token's header is not acceptable")]
    Header,
    /// No key of the provider fits.
    #[error(transparent)]
    Key(#[from] KeyChoiceError),
    /// The signature does not hold.
    #[error("the id token's signature does not hold")]
    Signature,
    /// `iss` is another issuer.
    #[error("the id token comes from another issuer")]
    Issuer,
    /// `aud` is not this client alone, or `azp` is another.
    #[error("the id token is for another client")]
    Audience,
    /// It has ended.
    #[error("the id token has expired")]
    Expired,
    /// It was issued in the future, or is not valid yet.
    #[error("the id token is not valid yet")]
    NotYet,
    /// The nonce is missing or another one.
    #[error("the id token's nonce is not ours")]
    Nonce,
    /// It belongs to another access token.
    #[error("the id token belongs to another access token")]
    AccessToken,
    /// The sign-in is older than asked for, or its time is not said.
    #[error("the sign-in at the provider is too old")]
    AuthenticationTime,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    iat: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    at_hash: Option<String>,
    #[serde(default)]
    auth_time: Option<i64>,
    #[serde(default)]
    amr: Option<Vec<String>>,
    #[serde(default)]
    acr: Option<String>,
    #[serde(default)]
    session_expiry: Option<i64>,
    #[serde(default)]
    sid: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    List(Vec<String>),
}

impl Audience {
    fn is_only(&self, client_id: &str) -> bool {
        match self {
            Self::One(audience) => audience == client_id,
            Self::List(list) => matches!(list.as_slice(), [audience] if audience == client_id),
        }
    }
}

/// Verifies `token` against the provider's keys and what the transaction expects.
pub fn verify(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<VerifiedIdToken, IdTokenError> {
    let (algorithm, all) = signed_claims(token, keys)?;
    let claims: Claims = serde_json::from_value(Value::Object(all.clone())).map_err(|_| IdTokenError::Malformed)?;
    check(&claims, expected)?;
    check_access_token(&claims, algorithm, expected.access_token)?;
    Ok(VerifiedIdToken {
        subject: claims.sub,
        authenticated_at: claims.auth_time.map(Timestamp::from_seconds),
        amr: claims.amr.unwrap_or_default(),
        acr: claims.acr,
        session_expires_at: claims.session_expiry.map(Timestamp::from_seconds),
        session_id: claims.sid,
        claims: all,
    })
}

fn signed_claims(token: &str, keys: &KeySet) -> Result<(Algorithm, Map<String, Value>), IdTokenError> {
    if token.len() > MAX_TOKEN {
        return Err(IdTokenError::Malformed);
    }
    let header = decode_header(token).map_err(|_| IdTokenError::Header)?;
    let is_jwt = header.typ.as_deref().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    if !is_jwt || header.crit.is_some() || header.cty.is_some() || !ALLOWED.contains(&header.alg) {
        return Err(IdTokenError::Header);
    }
    // The key comes from the provider's set, whatever `jwk`, `jku` or `x5c` the header offers (CVE-2018-0114).
    let key = keys.choose(header.kid.as_deref(), header.alg)?;
    let mut validation = Validation::new(header.alg);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    decode(token, key, &validation).map(|data| (header.alg, data.claims)).map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::Json(_) => IdTokenError::Malformed,
        _ => IdTokenError::Signature,
    })
}

fn check(claims: &Claims, expected: &Expected<'_>) -> Result<(), IdTokenError> {
    let now = expected.now.seconds();
    if claims.iss != expected.issuer {
        return Err(IdTokenError::Issuer);
    }
    if !claims.aud.is_only(expected.client_id) || claims.azp.as_ref().is_some_and(|azp| azp != expected.client_id) {
        return Err(IdTokenError::Audience);
    }
    if now >= claims.exp.saturating_add(expected.skew_seconds) {
        return Err(IdTokenError::Expired);
    }
    if claims.iat.max(claims.nbf.unwrap_or(i64::MIN)) > now.saturating_add(expected.skew_seconds) {
        return Err(IdTokenError::NotYet);
    }
    if !claims.nonce.as_ref().is_some_and(|nonce| is_equal(nonce.as_bytes(), expected.nonce.as_bytes())) {
        return Err(IdTokenError::Nonce);
    }
    if claims.sub.is_empty() || claims.sub.len() > MAX_SUBJECT || claims.sub.chars().any(char::is_control) {
        return Err(IdTokenError::Malformed);
    }
    check_authentication_time(claims, expected)
}

// `at_hash` is optional in the code flow; when it is there, it must be right (3.1.3.8).
fn check_access_token(claims: &Claims, algorithm: Algorithm, access_token: &str) -> Result<(), IdTokenError> {
    let hash = if algorithm == Algorithm::EdDSA { &digest::SHA512 } else { &digest::SHA256 };
    match &claims.at_hash {
        Some(sent) if *sent != at_hash(access_token, hash) => Err(IdTokenError::AccessToken),
        _ => Ok(()),
    }
}

fn check_authentication_time(claims: &Claims, expected: &Expected<'_>) -> Result<(), IdTokenError> {
    let Some(oldest) = expected.authenticated_after else { return Ok(()) };
    match claims.auth_time {
        Some(at) if at.saturating_add(expected.skew_seconds) >= oldest.seconds() => Ok(()),
        _ => Err(IdTokenError::AuthenticationTime),
    }
}

#[cfg(test)]
mod tests;
