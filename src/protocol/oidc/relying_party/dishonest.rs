//! A provider under the test's control that signs whatever it is told, with whatever key and header.

#![allow(missing_docs)] // for tests only

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// One key of each kind.
pub struct Keys {
    /// P-256.
    pub ec: EcdsaKeyPair,
    /// RSA, 2048 bits.
    pub rsa: RsaKeyPair,
    /// Ed25519.
    pub ed: Ed25519KeyPair,
}

/// The provider's keys.
pub static KEYS: LazyLock<Keys> = LazyLock::new(make);
/// Keys that the provider does not publish.
pub static OTHER_KEYS: LazyLock<Keys> = LazyLock::new(make);

fn make() -> Keys {
    Keys {
        ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
        rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
        ed: Ed25519KeyPair::generate().unwrap(),
    }
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Keys {
    /// The public P-256 key.
    pub fn ec_jwk(&self, kid: &str) -> Value {
        let point = self.ec.public_key().as_ref();
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": kid, "x": b64(&point[1..33]), "y": b64(&point[33..])})
    }

    /// The public RSA key, which does not say its algorithm.
    pub fn rsa_jwk(&self, kid: &str) -> Value {
        let key = self.rsa.public_key();
        let n = b64(key.modulus().big_endian_without_leading_zero());
        json!({"kty": "RSA", "kid": kid, "n": n, "e": b64(key.exponent().big_endian_without_leading_zero())})
    }

    /// The public Ed25519 key.
    pub fn ed_jwk(&self, kid: &str) -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": kid, "x": b64(self.ed.public_key())})
    }

    /// Signs with the algorithm that the header names. `HS256` takes the public modulus as the secret.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(header, &claims.to_string())
    }

    /// Signs claims that no JSON library would write.
    pub fn sign_text(&self, header: &Value, claims: &str) -> String {
        let message = format!("{}.{}", b64(header.to_string()), b64(claims));
        let bytes = message.as_bytes();
        let rng = SystemRandom::new();
        let signature = match header["alg"].as_str().unwrap() {
            "ES256" => self.ec.sign(&rng, bytes).unwrap().as_ref().to_vec(),
            "EdDSA" => self.ed.sign(bytes).as_ref().to_vec(),
            "HS256" => {
                let secret = self.rsa.public_key().modulus().big_endian_without_leading_zero();
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), bytes).as_ref().to_vec()
            }
            "none" => Vec::new(),
            rsa => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                let padding: &dyn aws_lc_rs::signature::RsaEncoding =
                    if rsa == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                self.rsa.sign(padding, &rng, bytes, &mut signature).unwrap();
                signature
            }
        };
        format!("{message}.{}", b64(signature))
    }
}

/// The least metadata document of a provider at `issuer`.
pub fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

/// A key set document.
pub fn document(keys: &[Value]) -> Vec<u8> {
    json!({"keys": keys}).to_string().into_bytes()
}
