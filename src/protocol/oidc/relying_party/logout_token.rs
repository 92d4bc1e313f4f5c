//! Checking a logout token, with which a provider says that somebody's session there has ended (OpenID Connect
//! Back-Channel Logout 1.0, 2.4 to 2.6). Whether it was used before is for its caller, who has a store.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::jwks::KeySet;
use super::jws::{self, JwsError};
use super::strictness::Strictness;
use crate::values::clock::Timestamp;

/// The event that makes a token a logout token.
pub const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// An older token has been on its way for too long.
const MAX_AGE_SECONDS: i64 = 300;
/// The longest `sub` and `jti`.
const MAX_ID: usize = 255;
/// The longest `sid`.
pub const MAX_SESSION_ID: usize = 1_024;
/// An ID token is typed `JWT` as well; it is told by what it says.
const TYPES: [&str; 2] = ["logout+jwt", "JWT"];

/// What the connection knows and the token must match.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// The gateway's client id there.
    pub client_id: &'a str,
    /// Now.
    pub now: Timestamp,
    /// How far the provider's clock may differ from ours.
    pub skew_seconds: i64,
    /// What the connection is held to.
    pub strictness: Strictness,
}

/// What a verified logout token says. It names a session, a person, or both.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedLogoutToken {
    /// `jti`, at most 255 characters.
    pub id: String,
    /// The person.
    pub subject: Option<String>,
    /// The session at the provider.
    pub session_id: Option<String>,
    /// From then on it would not be accepted any more.
    pub ends_at: Timestamp,
    /// Every claim.
    pub claims: Map<String, Value>,
}

/// Why a logout token is refused. One name per check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogoutTokenError {
    /// A claim is missing or of the wrong type, or an id is empty or too long.
    #[error("the logout token is malformed")]
    Malformed,
    /// The provider has not signed it.
    #[error("the logout token is not signed by the provider: {0}")]
    Signature(JwsError),
    /// `iss` is another issuer.
    #[error("the logout token comes from another issuer")]
    Issuer,
    /// `aud` is not this client alone.
    #[error("the logout token is for another client")]
    Audience,
    /// It was issued too long ago, in the future, or has ended.
    #[error("the logout token is not of this moment")]
    Time,
    /// It tells of no logout.
    #[error("the logout token has no logout event")]
    Event,
    /// "A nonce Claim MUST NOT be present", so that no ID token passes for a logout token.
    #[error("the logout token has a nonce")]
    Nonce,
    /// Neither a session nor a person.
    #[error("the logout token names neither a session nor a person")]
    Nobody,
}

impl LogoutTokenError {
    /// The provider may have rolled its keys over since they were fetched.
    pub const fn is_key_unknown(&self) -> bool {
        matches!(self, Self::Signature(error) if error.is_key_unknown())
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    iat: i64,
    #[serde(default)]
    exp: Option<i64>,
    jti: String,
    #[serde(default)]
    events: Option<Map<String, Value>>,
    #[serde(default)]
    sub: Option<String>,
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

/// Verifies `token` against the provider's keys and what the connection knows.
pub fn verify(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<VerifiedLogoutToken, LogoutTokenError> {
    let payload = jws::payload(token, keys, expected.strictness, &TYPES).map_err(LogoutTokenError::Signature)?;
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| LogoutTokenError::Malformed)?;
    let all: Map<String, Value> = serde_json::from_slice(&payload).map_err(|_| LogoutTokenError::Malformed)?;
    let ends_at = check(&claims, &all, expected)?;
    Ok(VerifiedLogoutToken {
        id: claims.jti,
        subject: claims.sub,
        session_id: claims.sid,
        ends_at: Timestamp::from_seconds(ends_at),
        claims: all,
    })
}

fn check(claims: &Claims, all: &Map<String, Value>, expected: &Expected<'_>) -> Result<i64, LogoutTokenError> {
    if claims.iss != expected.issuer {
        return Err(LogoutTokenError::Issuer);
    }
    if !claims.aud.is_only(expected.client_id) {
        return Err(LogoutTokenError::Audience);
    }
    let (now, skew) = (expected.now.seconds(), expected.skew_seconds);
    let oldest = claims.iat.saturating_add(MAX_AGE_SECONDS).saturating_add(skew);
    let has_ended = claims.exp.is_some_and(|end| end.saturating_add(skew) <= now);
    if oldest <= now || claims.iat > now.saturating_add(skew) || has_ended {
        return Err(LogoutTokenError::Time);
    }
    if !claims.events.as_ref().and_then(|events| events.get(EVENT)).is_some_and(Value::is_object) {
        return Err(LogoutTokenError::Event);
    }
    if all.contains_key("nonce") {
        return Err(LogoutTokenError::Nonce);
    }
    let is_sound =
        |text: &String, max: usize| !text.is_empty() && text.len() <= max && !text.contains(char::is_control);
    let ids = [(Some(&claims.jti), MAX_ID), (claims.sub.as_ref(), MAX_ID), (claims.sid.as_ref(), MAX_SESSION_ID)];
    if !ids.into_iter().all(|(text, max)| text.is_none_or(|text| is_sound(text, max))) {
        return Err(LogoutTokenError::Malformed);
    }
    if claims.sub.is_none() && claims.sid.is_none() {
        return Err(LogoutTokenError::Nobody);
    }
    Ok(oldest)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{EVENT, Expected, LogoutTokenError, VerifiedLogoutToken, verify};
    use crate::protocol::oidc::relying_party::dishonest::{KEYS, OTHER_KEYS, document};
    use crate::protocol::oidc::relying_party::jwks::KeySet;
    use crate::protocol::oidc::relying_party::jws::JwsError;
    use crate::protocol::oidc::relying_party::strictness::Strictness;
    use crate::values::clock::Timestamp;

    const NOW: i64 = 1_800_000_000;

    fn claims() -> Value {
        json!({ "iss": "https://op.test", "aud": "c", "iat": NOW, "exp": NOW + 120, "jti": "j1", "sub": "ada", "sid": "s1",
            "events": { EVENT: {} } })
    }

    fn check(token: &str) -> Result<VerifiedLogoutToken, LogoutTokenError> {
        let keys = KeySet::parse(&document(&[KEYS.ec_jwk("ec"), KEYS.rsa_jwk("rsa")])).unwrap();
        let now = Timestamp::from_seconds(NOW);
        verify(
            token,
            &keys,
            &Expected {
                issuer: "https://op.test",
                client_id: "c",
                now,
                skew_seconds: 60,
                strictness: Strictness::Core,
            },
        )
    }

    fn with(name: &str, value: Option<Value>) -> Result<VerifiedLogoutToken, LogoutTokenError> {
        let mut claims = claims();
        match value {
            Some(value) => claims[name] = value,
            None => drop(claims.as_object_mut().unwrap().remove(name)),
        }
        check(&KEYS.sign(&json!({ "alg": "ES256", "kid": "ec", "typ": "logout+jwt" }), &claims))
    }

    #[test]
    fn oidcc_client_test_rp_backchannel_rpinitlogout() {
        let token = with("aud", Some(json!(["c"]))).unwrap();
        assert_eq!((token.subject.as_deref(), token.session_id.as_deref()), (Some("ada"), Some("s1")));
        assert_eq!((token.id.as_str(), token.ends_at), ("j1", Timestamp::from_seconds(NOW + 360)));
        assert!(with("sid", None).is_ok() && with("sub", None).is_ok() && with("exp", None).is_ok());
        assert!(check(&KEYS.sign(&json!({ "alg": "RS256", "kid": "rsa" }), &claims())).is_ok(), "no type at all");
    }

    #[test]
    fn oidcc_client_test_rp_backchannel_alg_none_and_wrong_alg() {
        for (alg, kid) in [("none", "ec"), ("HS256", "rsa")] {
            let refused = check(&KEYS.sign(&json!({ "alg": alg, "kid": kid }), &claims()));
            assert_eq!(refused, Err(LogoutTokenError::Signature(JwsError::Header)), "{alg}");
        }
        let forged = check(&OTHER_KEYS.sign(&json!({ "alg": "ES256", "kid": "ec" }), &claims()));
        assert_eq!(forged, Err(LogoutTokenError::Signature(JwsError::Signature)));
    }

    #[test]
    fn oidcc_client_test_rp_backchannel_no_event_and_wrong_event() {
        for events in [
            None,
            Some(json!({})),
            Some(json!({ "http://schemas.openid.net/event/other": {} })),
            Some(json!({ EVENT: true })),
            Some(json!(null)),
        ] {
            assert_eq!(with("events", events.clone()), Err(LogoutTokenError::Event), "{events:?}");
        }
        assert_eq!(with("events", Some(json!([EVENT]))), Err(LogoutTokenError::Malformed));
    }

    #[test]
    fn oidcc_client_test_rp_backchannel_with_nonce() {
        for nonce in [json!("n"), json!(null), json!("")] {
            assert_eq!(with("nonce", Some(nonce)), Err(LogoutTokenError::Nonce));
        }
    }

    #[test]
    fn oidcc_client_test_rp_backchannel_wrong_aud() {
        for aud in [json!("other"), json!(["c", "other"]), json!([])] {
            assert_eq!(with("aud", Some(aud.clone())), Err(LogoutTokenError::Audience), "{aud}");
        }
    }

    #[test]
    fn oidcc_client_test_rp_backchannel_wrong_iss() {
        for iss in ["https://evil.test", "https://op.test/"] {
            assert_eq!(with("iss", Some(json!(iss))), Err(LogoutTokenError::Issuer), "{iss}");
        }
    }

    #[test]
    fn a_logout_token_is_of_this_moment() {
        for (name, value, is_good) in [
            ("iat", NOW + 60, true),
            ("iat", NOW + 61, false),
            ("iat", NOW - 359, true),
            ("iat", NOW - 360, false),
            ("exp", NOW - 59, true),
            ("exp", NOW - 60, false),
        ] {
            let outcome = with(name, Some(json!(value)));
            assert_eq!(outcome.is_ok(), is_good, "{name} {value}");
            assert!(is_good || outcome == Err(LogoutTokenError::Time), "{name} {value}");
        }
    }

    #[test]
    fn a_logout_token_without_what_it_needs_is_refused() {
        for name in ["iss", "aud", "iat", "jti"] {
            assert_eq!(with(name, None), Err(LogoutTokenError::Malformed), "{name}");
            assert_eq!(with(name, Some(json!({}))), Err(LogoutTokenError::Malformed), "{name}");
        }
        for (name, value) in [("jti", "j".repeat(256)), ("sub", "s".repeat(256)), ("sid", "s".repeat(1_025))] {
            assert_eq!(with(name, Some(json!(value))), Err(LogoutTokenError::Malformed), "{name}");
            assert_eq!(with(name, Some(json!(""))), Err(LogoutTokenError::Malformed), "{name}");
        }
        let mut nobody = claims();
        nobody.as_object_mut().unwrap().retain(|name, _| !["sub", "sid"].contains(&name.as_str()));
        let header = json!({ "alg": "ES256", "kid": "ec" });
        assert_eq!(check(&KEYS.sign(&header, &nobody)), Err(LogoutTokenError::Nobody));
        let twice = claims().to_string().replacen('{', "{\"sub\":\"eve\",", 1);
        assert_eq!(check(&KEYS.sign_text(&header, &twice)), Err(LogoutTokenError::Malformed));
    }
}
