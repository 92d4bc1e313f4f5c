//! The relying-party modules of the certification suite, against a dishonest signer.

use aws_lc_rs::digest;
use serde_json::{Value, json};

use super::{Expected, IdTokenError, MAX_TOKEN, VerifiedIdToken, compared, read, verify};
use crate::protocol::oidc::id_token::at_hash;
use crate::protocol::oidc::relying_party::dishonest::{KEYS, OTHER_KEYS, document};
use crate::protocol::oidc::relying_party::jwks::{KeyChoiceError, KeySet};
use crate::protocol::oidc::relying_party::strictness::{IPSIE_CLAIMS, Strictness};
use crate::values::clock::Timestamp;

const NOW: i64 = 1_800_000_000;

fn expected() -> Expected<'static> {
    Expected {
        issuer: "https://op.test",
        client_id: "c",
        nonce: "n",
        access_token: "at",
        code: "c0de",
        acr_values: &[],
        authenticated_after: None,
        now: Timestamp::from_seconds(NOW),
        skew_seconds: 60,
        strictness: Strictness::Core,
    }
}

fn keys() -> KeySet {
    KeySet::parse(&document(&[KEYS.ec_jwk("ec"), KEYS.rsa_jwk("rsa"), KEYS.ed_jwk("ed")])).unwrap()
}

fn claims() -> Value {
    json!({"iss": "https://op.test", "sub": "ada", "aud": "c", "exp": NOW + 300, "iat": NOW, "nonce": "n",
        "email": "ada@acme.test"})
}

fn check(header: &Value, claims: &Value) -> Result<VerifiedIdToken, IdTokenError> {
    verify(&KEYS.sign(header, claims), &keys(), &expected())
}

fn with(name: &str, value: Value) -> Result<VerifiedIdToken, IdTokenError> {
    let mut claims = claims();
    claims[name] = value;
    check(&json!({"alg": "ES256", "kid": "ec"}), &claims)
}

#[test]
fn oidcc_client_test_every_allowed_algorithm_is_accepted() {
    for (alg, kid) in [("ES256", "ec"), ("RS256", "rsa"), ("PS256", "rsa"), ("EdDSA", "ed")] {
        let token = check(&json!({"alg": alg, "kid": kid, "typ": "JWT"}), &claims()).unwrap();
        assert_eq!(token.subject, "ada", "{alg}");
        assert_eq!(token.claims["email"], "ada@acme.test");
    }
}

#[test]
fn oidcc_client_test_invalid_iss() {
    for bad in ["https://evil.test", "https://op.test/", "https://OP.test"] {
        assert_eq!(with("iss", bad.into()), Err(IdTokenError::Issuer), "{bad}");
    }
    // Not by the library alone.
    let (claims, _) = read(&KEYS.sign(&json!({"alg": "ES256", "kid": "ec"}), &claims())).unwrap();
    let other = Expected { issuer: "https://evil.test", ..expected() };
    assert_eq!(super::check(&claims, &expected()), Ok(()));
    assert_eq!(super::check(&claims, &other), Err(IdTokenError::Issuer));
}

#[test]
fn oidcc_client_test_invalid_aud() {
    for bad in [json!("other"), json!(["c", "other"]), json!(["other"]), json!([]), json!(["c", "c"])] {
        assert_eq!(with("aud", bad.clone()), Err(IdTokenError::Audience), "{bad}");
    }
    assert!(with("aud", json!(["c"])).is_ok());
    assert_eq!(with("azp", json!("other")), Err(IdTokenError::Audience));
    assert!(with("azp", json!("c")).is_ok());
}

#[test]
fn oidcc_client_test_missing_aud_missing_sub_missing_iat() {
    for name in ["iss", "sub", "aud", "exp", "iat"] {
        let mut without = claims();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(check(&json!({"alg": "ES256"}), &without), Err(IdTokenError::Malformed), "{name} missing");
        for bad in [json!(null), json!({}), json!([1]), json!(1.5), json!(true)] {
            assert_eq!(with(name, bad.clone()), Err(IdTokenError::Malformed), "{name} {bad}");
        }
    }
    for name in ["exp", "iat"] {
        assert_eq!(with(name, json!("1800000300")), Err(IdTokenError::Malformed));
        assert_eq!(with(name, json!(1e300)), Err(IdTokenError::Malformed));
    }
    assert_eq!(with("sub", json!("")), Err(IdTokenError::Malformed));
    assert_eq!(with("sub", json!("a".repeat(256))), Err(IdTokenError::Malformed));
}

#[test]
fn oidcc_client_test_invalid_sig_rs256_and_invalid_sig_es256() {
    for (alg, kid) in [("ES256", "ec"), ("RS256", "rsa"), ("PS256", "rsa"), ("EdDSA", "ed")] {
        let forged = OTHER_KEYS.sign(&json!({"alg": alg, "kid": kid}), &claims());
        assert_eq!(verify(&forged, &keys(), &expected()), Err(IdTokenError::Signature), "{alg}");
    }
}

#[test]
fn oidcc_client_test_invalid_sig_hs256_and_idtoken_sig_none() {
    for alg in ["HS256", "none"] {
        for kid in ["rsa", "ec"] {
            assert_eq!(check(&json!({"alg": alg, "kid": kid}), &claims()), Err(IdTokenError::Header), "{alg}");
        }
    }
}

#[test]
fn a_token_under_one_algorithm_does_not_pass_under_another() {
    let token = KEYS.sign(&json!({"alg": "PS256", "kid": "rsa"}), &claims());
    let only_rs256 = {
        let mut jwk = KEYS.rsa_jwk("rsa");
        jwk["alg"] = "RS256".into();
        KeySet::parse(&document(&[jwk])).unwrap()
    };
    assert_eq!(verify(&token, &only_rs256, &expected()), Err(IdTokenError::Key(KeyChoiceError::NotFound)));
    assert_eq!(
        check(&json!({"alg": "RS256", "kid": "ec"}), &claims()),
        Err(IdTokenError::Key(KeyChoiceError::NotFound))
    );
}

#[test]
fn a_weak_key_a_key_of_another_curve_and_a_key_for_another_algorithm_are_passed_over() {
    let changed = |mut jwk: Value, name: &str, value: &str| {
        jwk[name] = value.into();
        jwk
    };
    let modulus = KEYS.rsa_jwk("rsa")["n"].as_str().unwrap().to_owned();
    let (half, leading_zeros) = (&modulus[..modulus.len() / 2], format!("{}{}", "A".repeat(172), &modulus[..170]));
    for jwk in [
        changed(KEYS.rsa_jwk("rsa"), "n", half),
        changed(KEYS.rsa_jwk("rsa"), "n", &leading_zeros),
        changed(KEYS.rsa_jwk("rsa"), "n", &modulus.repeat(3)),
        changed(KEYS.rsa_jwk("rsa"), "alg", "RSA-OAEP"),
        changed(KEYS.rsa_jwk("rsa"), "alg", "RS512"),
        changed(KEYS.ec_jwk("rsa"), "crv", "P-384"),
        changed(KEYS.ec_jwk("rsa"), "alg", "RS256"),
        changed(KEYS.ed_jwk("rsa"), "crv", "X25519"),
    ] {
        let set = KeySet::parse(&document(std::slice::from_ref(&jwk))).unwrap();
        for alg in ["RS256", "ES256", "EdDSA"] {
            let token = KEYS.sign(&json!({"alg": alg, "kid": "rsa"}), &claims());
            assert_eq!(
                verify(&token, &set, &expected()),
                Err(IdTokenError::Key(KeyChoiceError::NotFound)),
                "{alg} {jwk}"
            );
        }
    }
}

#[test]
fn every_published_key_that_fits_is_tried_by_its_id_only() {
    let several = KeySet::parse(&document(&[OTHER_KEYS.ec_jwk("1"), KEYS.ec_jwk("2"), KEYS.rsa_jwk("2")])).unwrap();
    let under = |kid: &str| verify(&KEYS.sign(&json!({"alg": "ES256", "kid": kid}), &claims()), &several, &expected());
    assert!(under("2").is_ok());
    assert_eq!(under("1"), Err(IdTokenError::Signature));
}

#[test]
fn what_cognito_and_auth0_write_otherwise_is_read() {
    let mut claims = claims();
    claims["email_verified"] = "true".into();
    claims["updated_at"] = "2026-11-21T20:00:00.000Z".into();
    claims["picture"] = json!(null);
    let token = check(&json!({"alg": "ES256", "kid": "ec"}), &claims).unwrap();
    assert_eq!(token.claims["email_verified"], "true");
    assert_eq!(with("exp", json!("2030-01-01T00:00:00Z")), Err(IdTokenError::Malformed));
}

#[test]
fn a_claim_that_stands_twice_is_refused() {
    for (name, value) in [("sub", "\"eve\""), ("iss", "\"https://op.test\""), ("nonce", "\"n\""), ("exp", "1900000000")]
    {
        let twice = claims().to_string().replacen('{', &format!("{{\"{name}\":{value},"), 1);
        let header = json!({"alg": "ES256", "kid": "ec"});
        let token = KEYS.sign_text(&header, &twice);
        assert_eq!(verify(&token, &keys(), &expected()), Err(IdTokenError::Malformed), "{name}");
    }
}

#[test]
fn oidcc_client_test_nonce_invalid() {
    assert_eq!(with("nonce", json!("other")), Err(IdTokenError::Nonce));
    assert_eq!(with("nonce", json!(null)), Err(IdTokenError::Nonce));
}

#[test]
fn oidcc_client_test_kid_absent_single_jwks_is_accepted() {
    let token = KEYS.sign(&json!({"alg": "ES256"}), &claims());
    let single = KeySet::parse(&document(&[KEYS.ec_jwk("ec")])).unwrap();
    assert!(verify(&token, &single, &expected()).is_ok());
}

#[test]
fn oidcc_client_test_kid_absent_multiple_jwks_is_refused() {
    let token = KEYS.sign(&json!({"alg": "ES256"}), &claims());
    let several = KeySet::parse(&document(&[KEYS.ec_jwk("1"), OTHER_KEYS.ec_jwk("2")])).unwrap();
    assert_eq!(verify(&token, &several, &expected()), Err(IdTokenError::Key(KeyChoiceError::Ambiguous)));
}

#[test]
fn oidcc_client_test_signing_key_rotation_an_unknown_kid_asks_for_the_keys_again() {
    let answer = check(&json!({"alg": "ES256", "kid": "new"}), &claims());
    assert_eq!(answer, Err(IdTokenError::Key(KeyChoiceError::NotFound)));
}

#[test]
fn oidcc_client_test_invalid_athash_and_missing_athash() {
    assert!(with("at_hash", json!(at_hash("at", &digest::SHA256))).is_ok());
    assert_eq!(with("at_hash", json!(at_hash("other", &digest::SHA256))), Err(IdTokenError::AccessToken));
    assert!(with("at_hash", json!(null)).is_ok());
    let mut claims = claims();
    claims["at_hash"] = json!(at_hash("at", &digest::SHA512));
    assert!(check(&json!({"alg": "EdDSA", "kid": "ed"}), &claims).is_ok());
}

#[test]
fn oidcc_client_test_invalid_chash_and_missing_chash() {
    assert!(with("c_hash", json!(at_hash("c0de", &digest::SHA256))).is_ok());
    assert_eq!(with("c_hash", json!(at_hash("other", &digest::SHA256))), Err(IdTokenError::Code));
    assert!(with("c_hash", json!(null)).is_ok());
}

#[test]
fn a_sign_in_in_another_way_than_asked_for_is_refused() {
    let asked = ["https://refeds.org/profile/mfa".to_owned(), "phr".to_owned()];
    let expected = Expected { acr_values: &asked, ..expected() };
    for (acr, answer) in [(json!("phr"), true), (json!("pwd"), false), (json!(null), false)] {
        let mut claims = claims();
        claims["acr"] = acr.clone();
        let token = KEYS.sign(&json!({"alg": "ES256", "kid": "ec"}), &claims);
        let outcome = verify(&token, &keys(), &expected);
        assert_eq!(outcome.is_ok(), answer, "{acr}");
        assert!(answer || outcome == Err(IdTokenError::AuthenticationContext), "{acr}");
    }
}

#[test]
fn ipsie_sl1_an_id_token_is_signed_as_the_profile_says_and_says_what_it_asks_for() {
    let strict = Expected { strictness: Strictness::Ipsie, ..expected() };
    let mut whole = claims();
    let said = json!({ "acr": "phr", "amr": ["hwk"], "auth_time": NOW, "session_expiry": NOW + 600 });
    whole.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    let check = |alg: &str, kid: &str, claims: &Value| {
        verify(&KEYS.sign(&json!({ "alg": alg, "kid": kid }), claims), &keys(), &strict).map(drop)
    };
    for (alg, kid) in [("ES256", "ec"), ("PS256", "rsa"), ("EdDSA", "ed")] {
        assert_eq!(check(alg, kid, &whole), Ok(()), "{alg}");
    }
    assert_eq!(check("RS256", "rsa", &whole), Err(IdTokenError::Header));
    let mut listed = whole.clone();
    listed["aud"] = json!(["c"]);
    assert_eq!(check("ES256", "ec", &listed), Err(IdTokenError::Audience));
    let absent = IPSIE_CLAIMS.map(|name| (name, None));
    let null = IPSIE_CLAIMS.map(|name| (name, Some(Value::Null)));
    let empty = [("acr", Some(json!(""))), ("amr", Some(json!([])))];
    for (name, instead) in absent.into_iter().chain(null).chain(empty) {
        let mut silent = whole.clone();
        match instead {
            None => drop(silent.as_object_mut().unwrap().remove(name)),
            Some(value) => silent[name] = value,
        }
        assert_eq!(check("ES256", "ec", &silent), Err(IdTokenError::Silent), "{name}");
        let token = KEYS.sign(&json!({ "alg": "ES256", "kid": "ec" }), &silent);
        let shown = compared(&token, &strict, IdTokenError::Silent).unwrap();
        assert!(!serde_json::to_value(&shown).unwrap()["received"].to_string().contains(name), "{name}: {shown:?}");
    }
}

#[test]
fn the_end_that_the_provider_sets_is_told() {
    let token = with("session_expiry", json!(NOW + 600)).unwrap();
    assert_eq!(token.session_expires_at, Some(Timestamp::from_seconds(NOW + 600)));
    assert_eq!(with("session_expiry", json!("soon")), Err(IdTokenError::Malformed));
}

#[test]
fn expired_and_future_tokens_are_refused_beyond_the_allowed_skew() {
    assert!(with("exp", json!(NOW - 59)).is_ok());
    assert_eq!(with("exp", json!(NOW - 60)), Err(IdTokenError::Expired));
    assert!(with("iat", json!(NOW + 60)).is_ok());
    assert_eq!(with("iat", json!(NOW + 61)), Err(IdTokenError::NotYet));
    assert_eq!(with("nbf", json!(NOW + 61)), Err(IdTokenError::NotYet));
}

#[test]
fn a_key_in_the_header_is_not_used() {
    let header = json!({"alg": "ES256", "kid": "ec", "jwk": OTHER_KEYS.ec_jwk("ec")});
    let forged = OTHER_KEYS.sign(&header, &claims());
    assert_eq!(verify(&forged, &keys(), &expected()), Err(IdTokenError::Signature));
}

#[test]
fn other_kinds_of_token_and_critical_extensions_are_refused() {
    for header in [
        json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"}),
        json!({"alg": "ES256", "kid": "ec", "typ": "logout+jwt"}),
        json!({"alg": "ES256", "kid": "ec", "typ": "JOSE"}),
        json!({"alg": "ES256", "kid": "ec", "crit": ["b64"], "b64": false}),
        json!({"alg": "ES256", "kid": "ec", "cty": "JWT"}),
    ] {
        assert_eq!(check(&header, &claims()), Err(IdTokenError::Header), "{header}");
    }
}

#[test]
fn a_sign_in_older_than_asked_for_is_refused() {
    let asked = Expected { authenticated_after: Some(Timestamp::from_seconds(NOW - 10)), ..expected() };
    for (auth_time, answer) in [(json!(NOW), true), (json!(NOW - 71), false), (json!(null), false)] {
        let mut claims = claims();
        claims["auth_time"] = auth_time;
        let token = KEYS.sign(&json!({"alg": "ES256", "kid": "ec"}), &claims);
        assert_eq!(verify(&token, &keys(), &asked).is_ok(), answer, "{claims}");
    }
}

#[test]
fn every_truncation_and_every_flipped_character_is_refused() {
    let token = KEYS.sign(&json!({"alg": "ES256", "kid": "ec"}), &claims());
    for end in 0..token.len() {
        assert!(verify(&token[..end], &keys(), &expected()).is_err(), "{end}");
    }
    for at in (0..token.len()).step_by(7) {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(verify(&String::from_utf8(bytes).unwrap(), &keys(), &expected()).is_err(), "{at}");
    }
}

#[test]
fn keys_for_encryption_symmetric_keys_and_unknown_keys_are_passed_over() {
    let mut encryption = KEYS.ec_jwk("ec");
    encryption["use"] = "enc".into();
    let odd = json!({"kty": "LTS", "kid": "x", "crv": 7});
    let symmetric = json!({"kty": "oct", "kid": "ec", "k": "AAAA"});
    let set = KeySet::parse(&document(&[encryption, odd, symmetric])).unwrap();
    let token = KEYS.sign(&json!({"alg": "ES256", "kid": "ec"}), &claims());
    assert_eq!(verify(&token, &set, &expected()), Err(IdTokenError::Key(KeyChoiceError::NotFound)));
    assert!(KeySet::parse(b"[]").is_err() && KeySet::parse(b"{}").is_err());
}

#[test]
fn a_token_is_read_up_to_its_bound() {
    let of = |padding: usize| {
        let mut claims = claims();
        claims["more"] = "x".repeat(padding).into();
        KEYS.sign(&json!({"alg": "ES256", "kid": "ec"}), &claims)
    };
    let room = MAX_TOKEN - of(0).len();
    let (longest, longer) = (of(room / 4 * 3 - 3), of(room / 4 * 3 + 3));
    assert!(longest.len() <= MAX_TOKEN && longer.len() > MAX_TOKEN);
    assert!(verify(&longest, &keys(), &expected()).is_ok());
    assert_eq!(verify(&longer, &keys(), &expected()), Err(IdTokenError::Malformed));
}
