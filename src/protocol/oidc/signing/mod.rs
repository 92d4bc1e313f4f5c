//! Signing JWTs with ES256, RS256, PS256 and EdDSA (RFC 7518, 3.1; RFC 8037). A key is parsed once and then signs from memory; the primitives are aws-lc's.

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};

use super::jwks::PublicJwk;
use super::verification::VerificationKey;

/// An algorithm that the gateway signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, which certification expects as the default of ID tokens.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl SigningAlgorithm {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Es256, Self::Rs256, Self::Ps256, Self::EdDsa];

    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// The hash that it works with, which is the one of `at_hash` as well (OpenID Connect Core 3.1.3.6; for Ed25519 SHA-512,
    /// RFC 8032, 5.1).
    pub fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Es256 | Self::Rs256 | Self::Ps256 => &digest::SHA256,
            Self::EdDsa => &digest::SHA512,
        }
    }
}

/// What a JWT is, said in its header so that one kind can never pass for another (RFC 8725, 3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// An ID token.
    IdToken,
    /// An access token (RFC 9068).
    AccessToken,
    /// A security event token (RFC 8417).
    SecurityEvent,
    /// The gateway's proof that it is a provider's client (RFC 7523).
    ClientAssertion,
}

impl TokenType {
    /// The `typ` of the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IdToken => "JWT",
            Self::AccessToken => "at+jwt",
            Self::SecurityEvent => "secevent+jwt",
            Self::ClientAssertion => "client-authentication+jwt",
        }
    }
}

enum KeyPair {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    Ps256(RsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

/// A private key that signs.
pub struct SigningKey {
    kid: String,
    pair: KeyPair,
}

/// The bytes are not a private key of this algorithm, or the RSA key is shorter than 2048 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a private key of this algorithm")]
pub struct InvalidSigningKey;

/// The claims could not be serialised or the key did not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signing failed")]
pub struct SigningFailed;

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    kid: &'a str,
}

impl SigningKey {
    /// Parses a PKCS#8 private key.
    pub fn from_pkcs8(kid: &str, algorithm: SigningAlgorithm, pkcs8: &[u8]) -> Result<Self, InvalidSigningKey> {
        let pair = match algorithm {
            SigningAlgorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map(KeyPair::Es256)
            }
            SigningAlgorithm::Rs256 => RsaKeyPair::from_pkcs8(pkcs8).map(KeyPair::Rs256),
            SigningAlgorithm::Ps256 => RsaKeyPair::from_pkcs8(pkcs8).map(KeyPair::Ps256),
            SigningAlgorithm::EdDsa => Ed25519KeyPair::from_pkcs8(pkcs8).map(KeyPair::EdDsa),
        };
        Ok(Self { kid: kid.to_owned(), pair: pair.map_err(|_| InvalidSigningKey)? })
    }

    /// The key's id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// What it signs with.
    pub const fn algorithm(&self) -> SigningAlgorithm {
        match self.pair {
            KeyPair::Es256(_) => SigningAlgorithm::Es256,
            KeyPair::Rs256(_) => SigningAlgorithm::Rs256,
            KeyPair::Ps256(_) => SigningAlgorithm::Ps256,
            KeyPair::EdDsa(_) => SigningAlgorithm::EdDsa,
        }
    }

    /// A compact JWS over `claims` (RFC 7515, 7.1).
    pub fn sign<C: Serialize>(&self, token_type: TokenType, claims: &C) -> Result<String, SigningFailed> {
        let header = Header { typ: token_type.as_str(), alg: self.algorithm().as_str(), kid: &self.kid };
        let header = serde_json::to_vec(&header).map_err(|_| SigningFailed)?;
        let claims = serde_json::to_vec(claims).map_err(|_| SigningFailed)?;
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.sign_bytes(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn sign_bytes(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        match &self.pair {
            KeyPair::Es256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| SigningFailed)?;
                Ok(signature.as_ref().to_vec())
            }
            KeyPair::Rs256(pair) => sign_rsa(pair, &RSA_PKCS1_SHA256, message),
            KeyPair::Ps256(pair) => sign_rsa(pair, &RSA_PSS_SHA256, message),
            KeyPair::EdDsa(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// The public half for the JWKS.
    pub fn public_jwk(&self) -> Result<PublicJwk, InvalidSigningKey> {
        match &self.pair {
            KeyPair::Es256(pair) => {
                let (x, y) = coordinates(pair.public_key().as_ref())?;
                Ok(PublicJwk::es256(&self.kid, x, y))
            }
            KeyPair::Rs256(pair) | KeyPair::Ps256(pair) => {
                let key = pair.public_key();
                let (n, e) = (key.modulus(), key.exponent());
                let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
                Ok(PublicJwk::rsa(&self.kid, self.algorithm(), n, e))
            }
            KeyPair::EdDsa(pair) => Ok(PublicJwk::ed25519(&self.kid, pair.public_key().as_ref())),
        }
    }

    /// The public half for checking our own tokens.
    pub fn verification_key(&self) -> VerificationKey {
        let key = match &self.pair {
            KeyPair::Es256(pair) => DecodingKey::from_ec_der(pair.public_key().as_ref()),
            KeyPair::EdDsa(pair) => DecodingKey::from_ed_der(pair.public_key().as_ref()),
            KeyPair::Rs256(pair) | KeyPair::Ps256(pair) => {
                let key = pair.public_key();
                let (n, e) = (key.modulus(), key.exponent());
                DecodingKey::from_rsa_raw_components(
                    n.big_endian_without_leading_zero(),
                    e.big_endian_without_leading_zero(),
                )
            }
        };
        VerificationKey::new(&self.kid, self.algorithm(), key)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).field("algorithm", &self.algorithm()).finish()
    }
}

fn sign_rsa(pair: &RsaKeyPair, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature).map_err(|_| SigningFailed)?;
    Ok(signature)
}

// An uncompressed point: 0x04, x, y.
fn coordinates(point: &[u8]) -> Result<(&[u8], &[u8]), InvalidSigningKey> {
    match point.split_first() {
        Some((0x04, xy)) if xy.len() == 64 => xy.split_at_checked(32).ok_or(InvalidSigningKey),
        _ => Err(InvalidSigningKey),
    }
}

#[cfg(test)]
mod tests;
