use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{AssertionError, Expected, ExpectedAudience, MAX_TOKEN, VerifiedAssertion, claimed, verify};
use crate::protocol::oidc::client_keys::{ClientKeySet, InvalidKeys};
use crate::protocol::oidc::relying_party::jwks::KeyChoiceError;
use crate::values::clock::Timestamp;

const NOW: i64 = 1_800_000_000;
const AUDIENCE: &str = "https://id.test";

/// A key pair of a client, and what it publishes.
enum Pair {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Pair {
    fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn p384() -> Self {
        Self::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
    }

    fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    fn rsa(size: aws_lc_rs::rsa::KeySize, padding: &'static dyn RsaEncoding) -> Self {
        Self::Rsa(RsaKeyPair::generate(size).unwrap(), padding)
    }

    fn jwk(&self, kid: &str) -> Value {
        let curve = |name: &str, point: &[u8]| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            json!({ "kty": "EC", "crv": name, "x": b64(x), "y": b64(y), "kid": kid })
        };
        match self {
            Self::P256(pair) => curve("P-256", pair.public_key().as_ref()),
            Self::P384(pair) => curve("P-384", pair.public_key().as_ref()),
            Self::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key().as_ref()), "kid": kid })
            }
            Self::Rsa(pair, _) => {
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
                json!({ "kty": "RSA", "n": b64(n), "e": b64(e), "kid": kid })
            }
        }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", b64(header.to_string().as_bytes()), b64(claims.to_string().as_bytes()));
        let (random, bytes) = (SystemRandom::new(), message.as_bytes());
        let signature = match self {
            Self::P256(pair) | Self::P384(pair) => pair.sign(&random, bytes).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(bytes).as_ref().to_vec(),
            Self::Rsa(pair, padding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*padding, &random, bytes, &mut signature).unwrap();
                signature
            }
        };
        format!("{message}.{}", b64(&signature))
    }
}

fn keys(jwks: &[Value]) -> ClientKeySet {
    ClientKeySet::parse(json!({ "keys": jwks }).to_string().as_bytes()).unwrap()
}

fn claims() -> Value {
    json!({ "iss": "me", "sub": "me", "aud": AUDIENCE, "iat": NOW, "exp": NOW + 300, "jti": "one" })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn checked(token: &str, keys: &ClientKeySet) -> Result<VerifiedAssertion, AssertionError> {
    checked_for(ExpectedAudience::Issuer(AUDIENCE), token, keys)
}

fn checked_for(
    audience: ExpectedAudience<'_>,
    token: &str,
    keys: &ClientKeySet,
) -> Result<VerifiedAssertion, AssertionError> {
    let expected = Expected {
        issuer: "me",
        subject: "me",
        audience,
        now: Timestamp::from_seconds(NOW),
        skew_seconds: 10,
        longest_seconds: 600,
    };
    verify(token, keys, &expected)
}

#[test]
fn each_algorithm_that_is_announced_is_accepted_with_its_own_key() {
    let size = aws_lc_rs::rsa::KeySize::Rsa2048;
    let pairs = [
        ("ES256", Pair::p256()),
        ("ES384", Pair::p384()),
        ("EdDSA", Pair::ed25519()),
        ("RS256", Pair::rsa(size, &RSA_PKCS1_SHA256)),
        ("PS256", Pair::rsa(size, &RSA_PSS_SHA256)),
    ];
    for (algorithm, pair) in pairs {
        let token = pair.sign(&json!({ "alg": algorithm, "kid": "k", "typ": "JWT" }), &claims());
        let verified = checked(&token, &keys(&[pair.jwk("k")])).unwrap();
        assert_eq!(verified.id.as_deref(), Some("one"), "{algorithm}");
        assert_eq!(verified.ends_at, Timestamp::from_seconds(NOW + 310), "{algorithm}");
        let stranger = checked(&token, &keys(&[Pair::p256().jwk("k"), Pair::ed25519().jwk("k")]));
        assert!(stranger.is_err(), "{algorithm}");
    }
}

#[test]
fn a_signature_of_another_key_does_not_hold() {
    let (pair, other) = (Pair::p256(), Pair::p256());
    let token = other.sign(&json!({ "alg": "ES256", "kid": "k" }), &claims());
    assert_eq!(checked(&token, &keys(&[pair.jwk("k")])), Err(AssertionError::Signature));
}

/// CVE-2015-9235, CVE-2016-5431: the token's header does not choose how it is checked.
#[test]
fn no_algorithm_but_those_of_the_key_is_tried() {
    let pair = Pair::rsa(aws_lc_rs::rsa::KeySize::Rsa2048, &RSA_PKCS1_SHA256);
    let set = keys(&[pair.jwk("k")]);
    for algorithm in ["HS256", "RS384", "RS512", "PS512", "ES256", "EdDSA"] {
        let token = pair.sign(&json!({ "alg": algorithm, "kid": "k" }), &claims());
        assert_eq!(checked(&token, &set), Err(KeyChoiceError::NotFound.into()), "{algorithm}");
    }
    let none = pair.sign(&json!({ "alg": "none", "kid": "k" }), &claims());
    assert_eq!(checked(&none, &set), Err(AssertionError::Malformed));
    let mut named = pair.jwk("k");
    named["alg"] = json!("PS256");
    let token = pair.sign(&json!({ "alg": "RS256", "kid": "k" }), &claims());
    assert_eq!(checked(&token, &keys(&[named])), Err(KeyChoiceError::NotFound.into()));
}

#[test]
fn a_key_is_named_or_the_only_one_that_fits() {
    let (one, two) = (Pair::p256(), Pair::p256());
    let set = keys(&[one.jwk("1"), two.jwk("2")]);
    let named = |kid: &str| one.sign(&json!({ "alg": "ES256", "kid": kid }), &claims());
    assert!(checked(&named("1"), &set).is_ok());
    assert_eq!(checked(&named("3"), &set), Err(KeyChoiceError::NotFound.into()));
    let nameless = one.sign(&json!({ "alg": "ES256" }), &claims());
    assert_eq!(checked(&nameless, &set), Err(KeyChoiceError::Ambiguous.into()));
    assert!(checked(&nameless, &keys(&[one.jwk("1"), Pair::p384().jwk("2")])).is_ok());
}

#[test]
fn every_claim_is_compared() {
    let pair = Pair::p256();
    let set = keys(&[pair.jwk("k")]);
    let outcome = |claims: &Value| checked(&pair.sign(&json!({ "alg": "ES256" }), claims), &set).map(|_| ());
    for good in [
        with("exp", json!(NOW + 600)),
        with("exp", json!(NOW - 9)),
        with("nbf", json!(NOW + 10)),
        without("jti"),
        without("iat"),
    ] {
        assert_eq!(outcome(&good), Ok(()), "{good}");
    }
    for (bad, why) in [
        (with("iss", json!("you")), AssertionError::Issuer),
        (with("sub", json!("you")), AssertionError::Subject),
        (with("exp", json!(NOW - 10)), AssertionError::Expired),
        (with("exp", json!(NOW + 611)), AssertionError::TooLong),
        (with("exp", json!(i64::MAX)), AssertionError::TooLong),
        (with("exp", json!(i64::MIN)), AssertionError::Expired),
        (with("nbf", json!(NOW + 11)), AssertionError::NotYet),
        (with("iat", json!(NOW + 11)), AssertionError::NotYet),
        (with("jti", json!("")), AssertionError::Malformed),
        (with("jti", json!("x".repeat(256))), AssertionError::Malformed),
        (without("exp"), AssertionError::Malformed),
        (without("iss"), AssertionError::Malformed),
        (without("sub"), AssertionError::Malformed),
        (without("aud"), AssertionError::Malformed),
        (with("exp", json!("soon")), AssertionError::Malformed),
    ] {
        assert_eq!(outcome(&bad), Err(why), "{bad}");
    }
}

/// CVE-2025-27370: one who is for the gateway and somebody else could be presented there, and one for an address that the client
/// has from elsewhere could be meant for anybody.
#[test]
fn cve_2025_27370_an_assertion_is_for_the_issuer_alone_as_one_text() {
    let pair = Pair::p256();
    let set = keys(&[pair.jwk("k")]);
    let agreed = ExpectedAudience::Agreed(AUDIENCE);
    for (audience, is_ours, is_agreed) in [
        (json!(AUDIENCE), true, true),
        (json!([AUDIENCE]), false, true),
        (json!(format!("{AUDIENCE}/oauth2/token")), false, false),
        (json!(format!("{AUDIENCE}/")), false, false),
        (json!([AUDIENCE, "https://other.test"]), false, false),
        (json!([AUDIENCE, AUDIENCE]), false, false),
        (json!(["https://other.test"]), false, false),
        (json!("https://other.test"), false, false),
        (json!([]), false, false),
        (json!(""), false, false),
    ] {
        let token = pair.sign(&json!({ "alg": "ES256" }), &with("aud", audience.clone()));
        let expected = |is_good| if is_good { Ok(()) } else { Err(AssertionError::Audience) };
        assert_eq!(checked(&token, &set).map(drop), expected(is_ours), "{audience}");
        assert_eq!(checked_for(agreed, &token, &set).map(drop), expected(is_agreed), "{audience}");
    }
}

/// RFC 8725, 3.11; RFC 7515, 4.1.11.
#[test]
fn another_kind_of_token_and_a_critical_extension_are_refused() {
    let pair = Pair::p256();
    let set = keys(&[pair.jwk("k")]);
    let outcome = |header: &Value| checked(&pair.sign(header, &claims()), &set).map(|_| ());
    assert_eq!(outcome(&json!({ "alg": "ES256", "typ": "client-authentication+jwt" })), Ok(()));
    assert_eq!(outcome(&json!({ "alg": "ES256", "typ": "at+jwt" })), Err(AssertionError::Header));
    assert_eq!(outcome(&json!({ "alg": "ES256", "crit": ["b64"], "b64": false })), Err(AssertionError::Header));
}

#[test]
fn what_is_no_jws_is_malformed_and_never_a_panic() {
    let set = keys(&[Pair::p256().jwk("k")]);
    let long = "a".repeat(20_000);
    for bad in ["", ".", "..", "a.b.c", "a.b.c.d", "\u{1f600}.x.y", &long] {
        assert!(checked(bad, &set).is_err(), "{:.20}", bad);
        assert_eq!(claimed(bad), Err(AssertionError::Malformed), "{:.20}", bad);
    }
}

#[test]
fn only_public_keys_that_can_be_used_are_registered() {
    let registered = |keys: Value| ClientKeySet::registered(&json!({ "keys": keys })).map(|_| ());
    let good = Pair::p256().jwk("k");
    assert_eq!(registered(json!([good])), Ok(()));
    let mut private = good.clone();
    private["d"] = json!("AAAA");
    assert_eq!(registered(json!([good, private])), Err(InvalidKeys::Secret));
    assert_eq!(registered(json!([{ "kty": "oct", "k": "AAAA" }])), Err(InvalidKeys::Secret));
    let mut encrypts = good.clone();
    encrypts["use"] = json!("enc");
    let mut short = good.clone();
    short["x"] = json!("AAAA");
    let small = json!({ "kty": "RSA", "n": b64(&[0xff; 128]), "e": "AQAB" });
    for unusable in [json!([]), json!([encrypts]), json!([short]), json!([small]), json!([1, "x", null])] {
        assert_eq!(registered(unusable.clone()), Err(InvalidKeys::Unusable), "{unusable}");
    }
    assert_eq!(registered(json!(vec![good; 51])), Err(InvalidKeys::TooLong));
    assert_eq!(ClientKeySet::registered(&json!([])).unwrap_err(), InvalidKeys::Malformed);
}

#[test]
fn an_assertion_is_read_up_to_its_bound() {
    let pair = Pair::p256();
    let set = keys(&[pair.jwk("1")]);
    let token =
        |padding: usize| pair.sign(&json!({ "alg": "ES256", "kid": "1" }), &with("more", "x".repeat(padding).into()));
    let room = MAX_TOKEN - token(0).len();
    let (longest, longer) = (token(room / 4 * 3 - 3), token(room / 4 * 3 + 3));
    assert!(longest.len() <= MAX_TOKEN && longer.len() > MAX_TOKEN);
    assert!(claimed(&longest).is_ok() && checked(&longest, &set).is_ok());
    assert_eq!(claimed(&longer).err(), Some(AssertionError::Malformed));
    assert_eq!(checked(&longer, &set).err(), Some(AssertionError::Malformed));
}
