//! Checking a provider's ID token (OpenID Connect Core 3.1.3.7; RFC 8725; IPSIE: one audience). openidconnect verifies
//! header, key, signature, issuer, audience, times and nonce; what it leaves to its callers is checked around it: the
//! type of every claim that is used, one audience, `azp`, `nbf`, `at_hash`, the subject. Nothing of the token leaves
//! here before all of it holds.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier};
use openidconnect::{
    AccessToken, AccessTokenHash, AuthorizationCode, AuthorizationCodeHash, ClaimsVerificationError, ClientId,
    IssuerUrl, JsonWebTokenType, Nonce, SignatureVerificationError,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::jwks::{KeyChoiceError, KeySet};
use super::strictness::{IPSIE_CLAIMS, Strictness};
use crate::protocol::compared::Compared;
use crate::values::clock::Timestamp;

/// What our check of the time of issue answers: the library has one error for it and for a token that has ended.
const NOT_YET: &str = "issued in the future";

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
    /// The code that was redeemed for it.
    pub code: &'a str,
    /// The ways of signing in of which one was asked for; any will do when there is none.
    pub acr_values: &'a [String],
    /// The oldest sign-in that is good enough, when one was asked for.
    pub authenticated_after: Option<Timestamp>,
    /// Now.
    pub now: Timestamp,
    /// How far the provider's clock may differ from ours.
    pub skew_seconds: i64,
    /// What the connection is held to.
    pub strictness: Strictness,
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
    /// Not a compact JWS over a JSON object, oversized, of an unknown algorithm, or a claim is missing or of the wrong type.
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
    /// It belongs to another code.
    #[error("the id token belongs to another code")]
    Code,
    /// The sign-in was in none of the ways that were asked for.
    #[error("the sign-in was in none of the ways that were asked for")]
    AuthenticationContext,
    /// The sign-in is older than asked for, or its time is not said.
    #[error("the sign-in at the provider is too old")]
    AuthenticationTime,
    /// It says less than IPSIE demands.
    #[error("the id token does not say all that IPSIE demands")]
    Silent,
}

impl IdTokenError {
    /// The provider may have rolled its keys over since they were fetched.
    pub const fn is_key_unknown(&self) -> bool {
        matches!(self, Self::Key(KeyChoiceError::NotFound))
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    #[expect(dead_code, reason = "read for its type: the library takes fractions and dates, too")]
    exp: i64,
    #[expect(dead_code, reason = "as above")]
    iat: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    azp: Option<String>,
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
    fn is_only(&self, client_id: &str, strictness: Strictness) -> bool {
        match (self, strictness) {
            (Self::One(audience), _) => audience == client_id,
            (Self::List(list), Strictness::Core) => matches!(list.as_slice(), [audience] if audience == client_id),
            (Self::List(_), Strictness::Ipsie) => false,
        }
    }
}

/// Verifies `token` against the provider's keys and what the transaction expects.
pub fn verify(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<VerifiedIdToken, IdTokenError> {
    let (claims, all) = read(token)?;
    let parsed: CoreIdToken = token.parse().map_err(|_| IdTokenError::Malformed)?;
    let verifier = verifier(keys, expected)?;
    let nonce = Nonce::new(expected.nonce.to_owned());
    let verified = parsed.claims(&verifier, &nonce).map_err(refusal)?;
    check_access_token(&parsed, verified.access_token_hash(), &verifier, expected.access_token)?;
    check_code(&parsed, verified.code_hash(), &verifier, expected.code)?;
    check(&claims, expected)?;
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

/// What was compared when `token` was refused, where two values can be shown beside each other. Nothing of it is verified.
pub fn compared(token: &str, expected: &Expected<'_>, error: IdTokenError) -> Option<Compared> {
    let (claims, all) = read(token).ok()?;
    let at = |name: &'static str| {
        let at = all.get(name).and_then(Value::as_i64)?;
        Some(format!("{name} {}", Timestamp::from_seconds(at).to_rfc3339()))
    };
    let instants = |names: &[&'static str]| {
        let ours = [
            format!("now {}", expected.now.to_rfc3339()),
            format!("{} seconds of difference allowed", expected.skew_seconds),
        ];
        Compared::new("instants", ours, names.iter().filter_map(|name| at(name)))
    };
    Some(match error {
        IdTokenError::Issuer => Compared::new("iss", [expected.issuer], [claims.iss]),
        IdTokenError::Audience => {
            let sent = match claims.aud {
                Audience::One(audience) => vec![audience],
                Audience::List(list) => list,
            };
            let authorized = claims.azp.map(|azp| format!("azp {azp}"));
            Compared::new("aud", [expected.client_id], authorized.into_iter().chain(sent))
        }
        IdTokenError::Expired => instants(&["exp"]),
        IdTokenError::NotYet => instants(&["iat", "nbf"]),
        IdTokenError::AuthenticationTime => {
            let oldest = expected.authenticated_after.map(|oldest| format!("not before {}", oldest.to_rfc3339()));
            Compared::new("auth_time", oldest, at("auth_time"))
        }
        IdTokenError::AuthenticationContext => Compared::new("acr", expected.acr_values, claims.acr),
        IdTokenError::Silent => {
            let is_said = |claim: &Value| !matches!(claim.to_string().as_str(), "null" | "\"\"" | "[]");
            let said = IPSIE_CLAIMS.into_iter().filter(|name| all.get(*name).is_some_and(is_said));
            Compared::new("claims", IPSIE_CLAIMS, said)
        }
        IdTokenError::Malformed
        | IdTokenError::Header
        | IdTokenError::Key(_)
        | IdTokenError::Signature
        | IdTokenError::Nonce
        | IdTokenError::AccessToken
        | IdTokenError::Code => return None,
    })
}

// The claims that are used, each of its type and there once, and all of them. Nothing is verified yet.
fn read(token: &str) -> Result<(Claims, Map<String, Value>), IdTokenError> {
    if token.len() > MAX_TOKEN {
        return Err(IdTokenError::Malformed);
    }
    let payload = token.split('.').nth(1).ok_or(IdTokenError::Malformed)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| IdTokenError::Malformed)?;
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| IdTokenError::Malformed)?;
    let all = serde_json::from_slice(&payload).map_err(|_| IdTokenError::Malformed)?;
    Ok((claims, all))
}

// The key comes from the provider's set, whatever `jwk`, `jku` or `x5c` the header offers (CVE-2018-0114). A public
// client's verifier has no secret, so that no token passes that is signed with one.
fn verifier<'a>(keys: &KeySet, expected: &'a Expected<'_>) -> Result<CoreIdTokenVerifier<'a>, IdTokenError> {
    let issuer = IssuerUrl::new(expected.issuer.to_owned()).map_err(|_| IdTokenError::Issuer)?;
    let client_id = ClientId::new(expected.client_id.to_owned());
    let jwt = JsonWebTokenType::new("JWT".to_owned()).normalize().map_err(|_| IdTokenError::Header)?;
    let skew = expected.skew_seconds;
    Ok(CoreIdTokenVerifier::new_public_client(client_id, issuer, keys.as_library().clone())
        .set_allowed_algs(expected.strictness.algorithms().iter().cloned())
        .set_allowed_jose_types([jwt])
        .set_other_audience_verifier_fn(|_| false)
        .set_time_fn(move || expected.now.plus_seconds(skew.saturating_neg()).to_chrono())
        .set_issue_time_verifier_fn(move |at| {
            let is_past = at.timestamp() <= expected.now.seconds().saturating_add(skew);
            if is_past { Ok(()) } else { Err(NOT_YET.to_owned()) }
        })
        .set_auth_time_verifier_fn(move |at| match (expected.authenticated_after, at) {
            (None, _) => Ok(()),
            (Some(oldest), Some(at)) if at.timestamp().saturating_add(skew) >= oldest.seconds() => Ok(()),
            (Some(_), _) => Err("not said, or too long ago".to_owned()),
        }))
}

fn refusal(error: ClaimsVerificationError) -> IdTokenError {
    match error {
        ClaimsVerificationError::Expired(why) if why == NOT_YET => IdTokenError::NotYet,
        ClaimsVerificationError::Expired(_) => IdTokenError::Expired,
        ClaimsVerificationError::InvalidAudience(_) => IdTokenError::Audience,
        ClaimsVerificationError::InvalidAuthTime(_) => IdTokenError::AuthenticationTime,
        ClaimsVerificationError::InvalidIssuer(_) => IdTokenError::Issuer,
        ClaimsVerificationError::InvalidNonce(_) => IdTokenError::Nonce,
        ClaimsVerificationError::Unsupported(_) => IdTokenError::Header,
        ClaimsVerificationError::SignatureVerification(error) => unsigned(&error),
        _ => IdTokenError::Malformed,
    }
}

fn unsigned(error: &SignatureVerificationError) -> IdTokenError {
    match error {
        SignatureVerificationError::NoMatchingKey => KeyChoiceError::NotFound.into(),
        SignatureVerificationError::AmbiguousKeyId(_) => KeyChoiceError::Ambiguous.into(),
        SignatureVerificationError::DisallowedAlg(_)
        | SignatureVerificationError::NoSignature
        | SignatureVerificationError::UnsupportedAlg(_) => IdTokenError::Header,
        _ => IdTokenError::Signature,
    }
}

// What the library does not look at, and the issuer once more, on which everything rests.
fn check(claims: &Claims, expected: &Expected<'_>) -> Result<(), IdTokenError> {
    if claims.iss != expected.issuer {
        return Err(IdTokenError::Issuer);
    }
    if !claims.aud.is_only(expected.client_id, expected.strictness)
        || claims.azp.as_ref().is_some_and(|azp| azp != expected.client_id)
    {
        return Err(IdTokenError::Audience);
    }
    let latest = expected.now.seconds().saturating_add(expected.skew_seconds);
    if claims.nbf.is_some_and(|not_before| not_before > latest) {
        return Err(IdTokenError::NotYet);
    }
    if claims.sub.is_empty() || claims.sub.len() > MAX_SUBJECT || claims.sub.chars().any(char::is_control) {
        return Err(IdTokenError::Malformed);
    }
    let says_how = claims.acr.as_ref().is_some_and(|acr| !acr.is_empty())
        && claims.amr.as_ref().is_some_and(|amr| !amr.is_empty());
    let says_when = claims.auth_time.is_some() && claims.session_expiry.is_some();
    if expected.strictness == Strictness::Ipsie && !(says_how && says_when) {
        return Err(IdTokenError::Silent);
    }
    let is_asked_for = |acr: &String| expected.acr_values.contains(acr);
    if !expected.acr_values.is_empty() && !claims.acr.as_ref().is_some_and(is_asked_for) {
        return Err(IdTokenError::AuthenticationContext);
    }
    Ok(())
}

// `at_hash` is optional in the code flow; when it is there, it must be right (3.1.3.8).
fn check_access_token(
    token: &CoreIdToken,
    sent: Option<&AccessTokenHash>,
    verifier: &CoreIdTokenVerifier<'_>,
    access_token: &str,
) -> Result<(), IdTokenError> {
    let Some(sent) = sent else { return Ok(()) };
    let key = token.signing_key(verifier).map_err(|error| unsigned(&error))?;
    let algorithm = token.signing_alg().map_err(|error| unsigned(&error))?;
    let right = AccessTokenHash::from_token(&AccessToken::new(access_token.to_owned()), algorithm, key);
    if right.is_ok_and(|right| right == *sent) { Ok(()) } else { Err(IdTokenError::AccessToken) }
}

// `c_hash` is for the hybrid flow (3.3.2.11); a provider that sends it here as well must mean our code.
fn check_code(
    token: &CoreIdToken,
    sent: Option<&AuthorizationCodeHash>,
    verifier: &CoreIdTokenVerifier<'_>,
    code: &str,
) -> Result<(), IdTokenError> {
    let Some(sent) = sent else { return Ok(()) };
    let key = token.signing_key(verifier).map_err(|error| unsigned(&error))?;
    let algorithm = token.signing_alg().map_err(|error| unsigned(&error))?;
    let right = AuthorizationCodeHash::from_code(&AuthorizationCode::new(code.to_owned()), algorithm, key);
    if right.is_ok_and(|right| right == *sent) { Ok(()) } else { Err(IdTokenError::Code) }
}

#[cfg(test)]
mod tests;
