//! Checking JWTs that the gateway itself signed: access tokens at UserInfo, ID tokens that come back as hints.
//! Algorithm, key and type are fixed by us, never by the token (CVE-2015-9235, CVE-2016-5431, CVE-2018-0114).

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::de::DeserializeOwned;

use super::access_token::AccessTokenClaims;
use super::id_token::HintClaims;
use super::signing::{SigningAlgorithm, TokenType};
use crate::values::clock::Timestamp;

const MAX_TOKEN: usize = 16 * 1024;

/// A public key of ours.
#[derive(Debug, Clone)]
pub struct VerificationKey {
    kid: String,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl VerificationKey {
    /// A key that verifies exactly one algorithm.
    pub fn new(kid: &str, algorithm: SigningAlgorithm, key: DecodingKey) -> Self {
        let algorithm = match algorithm {
            SigningAlgorithm::Es256 => Algorithm::ES256,
            SigningAlgorithm::Rs256 => Algorithm::RS256,
            SigningAlgorithm::Ps256 => Algorithm::PS256,
            SigningAlgorithm::EdDsa => Algorithm::EdDSA,
        };
        Self { kid: kid.to_owned(), algorithm, key }
    }
}

/// The token is not one of ours, or not of the kind that is asked for, or it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is not valid")]
pub struct InvalidToken;

/// The public keys whose tokens are still accepted.
#[derive(Debug, Clone, Default)]
pub struct VerificationKeys(Vec<VerificationKey>);

impl VerificationKeys {
    /// The set of `keys`.
    pub const fn new(keys: Vec<VerificationKey>) -> Self {
        Self(keys)
    }

    /// Checks an access token of `issuer` at `now`: signature, type, issuer, audience, life time.
    pub fn access_token(&self, token: &str, issuer: &str, now: Timestamp) -> Result<AccessTokenClaims, InvalidToken> {
        let claims: AccessTokenClaims = self.signed(token, TokenType::AccessToken)?;
        let is_ours = claims.iss == issuer && claims.aud == issuer;
        let is_alive = claims.iat <= now.seconds() && now.seconds() < claims.exp;
        if is_ours && is_alive { Ok(claims) } else { Err(InvalidToken) }
    }

    /// Checks an ID token that comes back as a hint: signature, type and issuer. OpenID Connect RP-Initiated Logout 2:
    /// "The OP SHOULD accept ID Tokens ... even when the ID Token's exp time has passed".
    pub fn id_token_hint(&self, token: &str, issuer: &str) -> Result<HintClaims, InvalidToken> {
        let claims: HintClaims = self.signed(token, TokenType::IdToken)?;
        if claims.iss == issuer { Ok(claims) } else { Err(InvalidToken) }
    }

    fn signed<C: DeserializeOwned>(&self, token: &str, token_type: TokenType) -> Result<C, InvalidToken> {
        if token.len() > MAX_TOKEN {
            return Err(InvalidToken);
        }
        let header = decode_header(token).map_err(|_| InvalidToken)?;
        if header.typ.as_deref() != Some(token_type.as_str()) || header.crit.is_some() {
            return Err(InvalidToken);
        }
        let known = self.0.iter().find(|known| header.kid.as_deref() == Some(&known.kid)).ok_or(InvalidToken)?;
        let mut validation = Validation::new(known.algorithm);
        // The library would compare with the system's clock and refuse nothing that is missing; claims are checked above.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        decode(token, &known.key, &validation).map(|data| data.claims).map_err(|_| InvalidToken)
    }
}
