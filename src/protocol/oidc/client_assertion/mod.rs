//! A JWT with which a client says who it is (RFC 7523, 2.2 and 3): signed by the client itself, or by somebody who is
//! trusted to speak for it. What it must say is known before it is read; the key is chosen by us, never taken from the
//! token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Validation, decode, decode_header};
use serde::Deserialize;

use super::client_keys::ClientKeySet;
use super::relying_party::jwks::KeyChoiceError;
use crate::values::clock::Timestamp;

/// The one value of `client_assertion_type`.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const MAX_TOKEN: usize = 16 * 1024;
const MAX_ID: usize = 255;
/// Types that an assertion may name in its header. Every other kind of JWT is another kind (RFC 8725, 3.11).
const TYPES: [&str; 2] = ["JWT", "client-authentication+jwt"];

/// What an assertion must say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `sub`.
    pub subject: &'a str,
    /// `aud`.
    pub audience: ExpectedAudience<'a>,
    /// Now.
    pub now: Timestamp,
    /// How far the other clock may differ from ours.
    pub skew_seconds: i64,
    /// `exp` is no further away than this.
    pub longest_seconds: i64,
}

/// Whom an assertion must be for, and nobody else: one for several is one that the others could use here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedAudience<'a> {
    /// The gateway's issuer, as one text (IPSIE; CVE-2025-27370): whoever signs for the gateway names it and nothing else. The
    /// token endpoint is no such name, since a client takes it from somebody's metadata.
    Issuer(&'a str),
    /// What somebody else signs for, such as a platform for its workloads: this text, or a list of it alone, which is how
    /// clusters say it.
    Agreed(&'a str),
}

/// What an assertion says whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAssertion {
    /// `jti`, at most 255 characters.
    pub id: Option<String>,
    /// From then on it would not be accepted any more.
    pub ends_at: Timestamp,
}

/// Why an assertion is refused. One name per check, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Not a compact JWS over a JSON object, oversized, or a claim is missing or of the wrong type.
    #[error("the assertion is malformed")]
    Malformed,
    /// The header names another type or a critical extension.
    #[error("the assertion's header is not acceptable")]
    Header,
    /// No key fits.
    #[error(transparent)]
    Key(#[from] KeyChoiceError),
    /// The signature does not hold.
    #[error("the assertion's signature does not hold")]
    Signature,
    /// `iss` is another.
    #[error("the assertion has another issuer")]
    Issuer,
    /// `sub` is another.
    #[error("the assertion is about another subject")]
    Subject,
    /// `aud` is another, or more than one.
    #[error("the assertion is for another audience")]
    Audience,
    /// It has ended.
    #[error("the assertion has expired")]
    Expired,
    /// It is issued in the future, or not valid yet.
    #[error("the assertion is not valid yet")]
    NotYet,
    /// It would be valid for too long.
    #[error("the assertion is valid for too long")]
    TooLong,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    #[serde(default)]
    iat: Option<i64>,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    jti: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    List(Vec<String>),
}

impl Audience {
    /// RFC 7523 says "identifies the authorization server as an intended audience"; this is stricter.
    fn is(&self, expected: ExpectedAudience<'_>) -> bool {
        match (self, expected) {
            (Self::One(audience), ExpectedAudience::Issuer(wanted) | ExpectedAudience::Agreed(wanted)) => {
                audience == wanted
            }
            (Self::List(list), ExpectedAudience::Agreed(wanted)) => matches!(list.as_slice(), [only] if only == wanted),
            (Self::List(_), ExpectedAudience::Issuer(_)) => false,
        }
    }
}

/// Who an assertion says it is from and about. Nothing of it is verified: it tells only where to look.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Claimed {
    /// `iss`.
    #[serde(rename = "iss")]
    pub issuer: String,
    /// `sub`.
    #[serde(rename = "sub")]
    pub subject: String,
}

/// Looks into an assertion before its key is known.
pub fn claimed(assertion: &str) -> Result<Claimed, AssertionError> {
    if assertion.len() > MAX_TOKEN {
        return Err(AssertionError::Malformed);
    }
    let payload = assertion.split('.').nth(1).ok_or(AssertionError::Malformed)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| AssertionError::Malformed)?;
    serde_json::from_slice(&payload).map_err(|_| AssertionError::Malformed)
}

/// Verifies an assertion against keys and what it must say. Nothing of it leaves here before all of it holds.
pub fn verify(
    assertion: &str,
    keys: &ClientKeySet,
    expected: &Expected<'_>,
) -> Result<VerifiedAssertion, AssertionError> {
    if assertion.len() > MAX_TOKEN {
        return Err(AssertionError::Malformed);
    }
    let header = decode_header(assertion).map_err(|_| AssertionError::Malformed)?;
    let is_typed = |typ: &str| TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known));
    if header.crit.is_some() || !header.typ.as_deref().is_none_or(is_typed) {
        return Err(AssertionError::Header);
    }
    let key = keys.choose(header.kid.as_deref(), header.alg)?;
    let mut validation = Validation::new(header.alg);
    // The library would compare with the system's clock and refuse nothing that is missing; claims are checked below.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims: Claims = decode(assertion, key, &validation).map_err(|error| refusal(&error))?.claims;
    check(claims, expected)
}

fn refusal(error: &jsonwebtoken::errors::Error) -> AssertionError {
    match error.kind() {
        jsonwebtoken::errors::ErrorKind::Json(_) => AssertionError::Malformed,
        _ => AssertionError::Signature,
    }
}

fn check(claims: Claims, expected: &Expected<'_>) -> Result<VerifiedAssertion, AssertionError> {
    if claims.iss != expected.issuer {
        return Err(AssertionError::Issuer);
    }
    if claims.sub != expected.subject {
        return Err(AssertionError::Subject);
    }
    if !claims.aud.is(expected.audience) {
        return Err(AssertionError::Audience);
    }
    let (now, skew) = (expected.now.seconds(), expected.skew_seconds);
    let ends = claims.exp.saturating_add(skew);
    if ends <= now {
        return Err(AssertionError::Expired);
    }
    if claims.exp > now.saturating_add(expected.longest_seconds).saturating_add(skew) {
        return Err(AssertionError::TooLong);
    }
    let latest = now.saturating_add(skew);
    if claims.nbf.is_some_and(|at| at > latest) || claims.iat.is_some_and(|at| at > latest) {
        return Err(AssertionError::NotYet);
    }
    if claims.jti.as_ref().is_some_and(|id| id.is_empty() || id.len() > MAX_ID) {
        return Err(AssertionError::Malformed);
    }
    Ok(VerifiedAssertion { id: claims.jti, ends_at: Timestamp::from_seconds(ends) })
}

#[cfg(test)]
mod tests;
