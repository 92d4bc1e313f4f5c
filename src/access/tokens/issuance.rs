//! Signing what was issued. It happens after the transaction, so that no database connection waits for a signature.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::access::grants::Lifetimes;
use crate::access::signing_keys::OidcKeys;
use crate::protocol::oidc::access_token::AccessTokenClaims;
use crate::protocol::oidc::id_token::{IdTokenClaims, at_hash};
use crate::protocol::oidc::scope::ScopeSet;
use crate::protocol::oidc::signing::{SigningAlgorithm, SigningFailed, TokenType};
use crate::protocol::oidc::token::TokenResponse;
use crate::store::failure::StoreError;
use crate::store::grants::StandingRow;
use crate::values::operation::Operation;
use crate::values::secret::Secret;

use super::claims;

/// How long an ID token lives.
pub const ID_TOKEN_SECONDS: i64 = 3600;

/// What a transaction issued.
#[derive(Debug)]
pub struct Issuance {
    /// The grant and what it rests on.
    pub standing: StandingRow,
    /// What the access token opens.
    pub scope: ScopeSet,
    /// Copied into the ID token.
    pub nonce: Option<String>,
    /// The fresh refresh token.
    pub refresh_token: Secret,
    /// How long it lasts.
    pub lifetimes: Lifetimes,
}

/// Why there is no answer after all.
#[derive(Debug, thiserror::Error)]
pub enum IssuanceError {
    /// A row cannot become a claim.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key did not sign.
    #[error(transparent)]
    Signing(#[from] SigningFailed),
}

impl Issuance {
    /// Signs the tokens and makes the answer, in the name of `issuer`.
    pub fn sign(&self, op: &Operation, keys: &OidcKeys, issuer: &str) -> Result<TokenResponse, IssuanceError> {
        let grant = &self.standing.grant;
        let now = op.at.seconds();
        let access_ends = now.saturating_add(self.lifetimes.access_token_seconds).min(grant.expires_at.seconds());
        let access_token = keys
            .signer(SigningAlgorithm::Es256)
            .sign(TokenType::AccessToken, &self.access_claims(op, issuer, access_ends))?;
        let algorithm = SigningAlgorithm::parse(&self.standing.application.id_token_algorithm)
            .ok_or(StoreError::Inconsistent("applications.id_token_algorithm"))?;
        let id_claims = IdTokenClaims {
            iss: issuer.to_owned(),
            sub: grant.account_id.to_string(),
            aud: grant.application_id.to_string(),
            exp: now.saturating_add(ID_TOKEN_SECONDS),
            iat: now,
            nonce: self.nonce.clone(),
            at_hash: Some(at_hash(&access_token, algorithm.digest())),
            authentication: claims::authentication(&self.standing)?,
            affiliation: claims::affiliation(&self.standing, &op.data_center)?,
            person: claims::person(&self.standing).released_by(self.scope),
        };
        let id_token = keys.signer(algorithm).sign(TokenType::IdToken, &id_claims)?;
        Ok(TokenResponse {
            access_token,
            token_type: "Bearer",
            expires_in: access_ends.saturating_sub(now),
            refresh_token: Some(self.refresh_token.expose().to_owned()),
            id_token: Some(id_token),
            scope: self.scope,
        })
    }

    fn access_claims(&self, op: &Operation, issuer: &str, exp: i64) -> AccessTokenClaims {
        let grant = &self.standing.grant;
        AccessTokenClaims {
            iss: issuer.to_owned(),
            sub: grant.account_id.to_string(),
            aud: issuer.to_owned(),
            client_id: grant.application_id.to_string(),
            exp,
            iat: op.at.seconds(),
            jti: URL_SAFE_NO_PAD.encode(op.entropy.bytes::<16>()),
            scope: self.scope,
            grant: grant.id.to_string(),
            sid: grant.session_id.to_string(),
            sep: grant.session_epoch,
            dc: op.data_center.as_str().to_owned(),
            home_dc: self.standing.account.home_dc.clone(),
        }
    }
}
