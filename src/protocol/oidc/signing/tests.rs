use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{ClientId, IssuerUrl, Nonce};
use serde_json::json;

use super::{SigningAlgorithm, SigningKey, TokenType};
use crate::protocol::oidc::access_token::AccessTokenClaims;
use crate::protocol::oidc::jwks::JwkSet;
use crate::protocol::oidc::scope::ScopeSet;
use crate::protocol::oidc::verification::{InvalidToken, VerificationKeys};
use crate::values::clock::Timestamp;

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://id.test";

fn key(kid: &str, algorithm: SigningAlgorithm) -> SigningKey {
    let pkcs8 = match algorithm {
        SigningAlgorithm::Es256 => {
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap().as_ref().to_vec()
        }
        SigningAlgorithm::EdDsa => Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap().as_ref().to_vec(),
        SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
            AsDer::<Pkcs8V1Der>::as_der(&pair).unwrap().as_ref().to_vec()
        }
    };
    SigningKey::from_pkcs8(kid, algorithm, &pkcs8).unwrap()
}

fn verifier(keys: &[&SigningKey]) -> VerificationKeys {
    VerificationKeys::new(keys.iter().map(|key| key.verification_key()).collect())
}

fn access_token_claims() -> AccessTokenClaims {
    AccessTokenClaims {
        iss: ISSUER.to_owned(),
        sub: "a".to_owned(),
        aud: ISSUER.to_owned(),
        client_id: "c".to_owned(),
        exp: NOW + 300,
        iat: NOW,
        jti: "j".to_owned(),
        scope: ScopeSet::parse("openid email"),
        grant: "g".to_owned(),
        sid: "s".to_owned(),
        sep: 3,
        dc: "us".to_owned(),
        home_dc: "us".to_owned(),
    }
}

fn read(keys: &VerificationKeys, token: &str, at: i64) -> Result<AccessTokenClaims, InvalidToken> {
    keys.access_token(token, ISSUER, Timestamp::from_seconds(at))
}

#[test]
fn oidcc_idtoken_signature_an_independent_library_accepts_our_tokens() {
    for algorithm in SigningAlgorithm::ALL {
        let key = key("k1", algorithm);
        let other = self::key("k2", algorithm);
        let jwks = JwkSet { keys: vec![other.public_jwk().unwrap(), key.public_jwk().unwrap()] };
        let jwks: CoreJsonWebKeySet = serde_json::from_value(serde_json::to_value(jwks).unwrap()).unwrap();
        let claims = json!({"iss": ISSUER, "sub": "a", "aud": "c", "exp": NOW + 9, "iat": NOW, "nonce": "n"});
        let token: CoreIdToken = key.sign(TokenType::IdToken, &claims).unwrap().parse().unwrap();
        let allowed = CoreJwsSigningAlgorithm::from_jwa(algorithm);
        let verifier = CoreIdTokenVerifier::new_public_client(
            ClientId::new("c".to_owned()),
            IssuerUrl::new(ISSUER.to_owned()).unwrap(),
            jwks,
        )
        .set_allowed_algs([allowed])
        .set_time_fn(|| Timestamp::from_seconds(NOW).to_chrono());
        let read = token.claims(&verifier, &Nonce::new("n".to_owned())).unwrap();
        assert_eq!(read.subject().as_str(), "a", "{algorithm:?}");
    }
}

trait FromJwa {
    fn from_jwa(algorithm: SigningAlgorithm) -> Self;
}

impl FromJwa for CoreJwsSigningAlgorithm {
    fn from_jwa(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Es256 => Self::EcdsaP256Sha256,
            SigningAlgorithm::Rs256 => Self::RsaSsaPkcs1V15Sha256,
            SigningAlgorithm::Ps256 => Self::RsaSsaPssSha256,
            SigningAlgorithm::EdDsa => Self::EdDsa,
        }
    }
}

#[test]
fn published_keys_have_no_private_part() {
    for algorithm in SigningAlgorithm::ALL {
        let jwk = serde_json::to_value(key("k", algorithm).public_jwk().unwrap()).unwrap();
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(jwk.get(private).is_none(), "{private}");
        }
        assert_eq!((&jwk["use"], &jwk["alg"]), (&json!("sig"), &json!(algorithm.as_str())));
    }
}

#[test]
fn our_access_tokens_are_read_back_until_they_end() {
    let key = key("k", SigningAlgorithm::Es256);
    let token = key.sign(TokenType::AccessToken, &access_token_claims()).unwrap();
    let keys = verifier(&[&key]);
    assert_eq!(read(&keys, &token, NOW), Ok(access_token_claims()));
    assert!(read(&keys, &token, NOW + 299).is_ok());
    assert_eq!(read(&keys, &token, NOW + 300), Err(InvalidToken));
    assert_eq!(read(&keys, &token, NOW - 1), Err(InvalidToken));
}

#[test]
fn an_id_token_is_no_access_token_and_an_access_token_no_hint() {
    let key = key("k", SigningAlgorithm::Es256);
    let keys = verifier(&[&key]);
    let as_id_token = key.sign(TokenType::IdToken, &access_token_claims()).unwrap();
    let as_access_token = key.sign(TokenType::AccessToken, &access_token_claims()).unwrap();
    assert_eq!(read(&keys, &as_id_token, NOW), Err(InvalidToken));
    assert!(keys.id_token_hint(&as_id_token, ISSUER).is_ok());
    assert!(keys.id_token_hint(&as_access_token, ISSUER).is_err());
    assert!(keys.id_token_hint(&as_id_token, "https://other.test").is_err());
}

#[test]
fn tokens_of_another_issuer_audience_or_key_are_refused() {
    let key = key("k", SigningAlgorithm::Es256);
    let keys = verifier(&[&key]);
    let wrong_issuer = AccessTokenClaims { iss: "https://evil.test".to_owned(), ..access_token_claims() };
    let wrong_audience = AccessTokenClaims { aud: "c".to_owned(), ..access_token_claims() };
    for claims in [wrong_issuer, wrong_audience] {
        assert!(read(&keys, &key.sign(TokenType::AccessToken, &claims).unwrap(), NOW).is_err(), "{claims:?}");
    }
    let same_kid = self::key("k", SigningAlgorithm::Es256);
    assert!(read(&keys, &same_kid.sign(TokenType::AccessToken, &access_token_claims()).unwrap(), NOW).is_err());
    let other_kid = self::key("unknown", SigningAlgorithm::Es256);
    assert!(read(&keys, &other_kid.sign(TokenType::AccessToken, &access_token_claims()).unwrap(), NOW).is_err());
}

#[test]
fn every_required_claim_must_be_there_and_of_its_type() {
    let key = key("k", SigningAlgorithm::Es256);
    let keys = verifier(&[&key]);
    let whole = serde_json::to_value(access_token_claims()).unwrap();
    for name in whole.as_object().unwrap().keys() {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(name);
        assert!(read(&keys, &key.sign(TokenType::AccessToken, &without).unwrap(), NOW).is_err(), "{name} missing");
        let mut null = whole.clone();
        null[name] = json!(null);
        assert!(read(&keys, &key.sign(TokenType::AccessToken, &null).unwrap(), NOW).is_err(), "{name} null");
    }
    for bad in [json!("1800000300"), json!(1e300), json!([1])] {
        let mut claims = whole.clone();
        claims["exp"] = bad.clone();
        assert!(read(&keys, &key.sign(TokenType::AccessToken, &claims).unwrap(), NOW).is_err(), "{bad}");
    }
}

#[test]
fn every_proper_prefix_and_suffix_of_a_token_is_refused() {
    let key = key("k", SigningAlgorithm::Es256);
    let token = key.sign(TokenType::AccessToken, &access_token_claims()).unwrap();
    let keys = verifier(&[&key]);
    for cut in 1..token.len() {
        assert!(read(&keys, &token[..cut], NOW).is_err() && read(&keys, &token[cut..], NOW).is_err(), "{cut}");
    }
    assert!(read(&keys, &token.to_lowercase(), NOW).is_err());
}
