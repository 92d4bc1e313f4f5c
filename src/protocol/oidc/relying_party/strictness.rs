//! How much a provider has to say, and how: what OpenID Connect asks of it, or what IPSIE does.

use openidconnect::core::CoreJwsSigningAlgorithm;

use super::jwks::ALGORITHMS;

/// What a connection is held to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strictness {
    /// OpenID Connect Core.
    #[default]
    Core,
    /// The OpenID Connect profile of IPSIE SL1: signatures with PS256, ES256 or EdDSA; an ID token with one audience as a text,
    /// `acr`, `amr`, `auth_time` and `session_expiry`; and `iss` in every answer to an authorization request.
    Ipsie,
}

/// The claims that an ID token has to have under IPSIE beside those that every one has.
pub(super) const IPSIE_CLAIMS: [&str; 4] = ["acr", "amr", "auth_time", "session_expiry"];

const IPSIE_ALGORITHMS: [CoreJwsSigningAlgorithm; 3] = [
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];

impl Strictness {
    /// The algorithms that a provider may sign with.
    pub(super) const fn algorithms(self) -> &'static [CoreJwsSigningAlgorithm] {
        match self {
            Self::Core => &ALGORITHMS,
            Self::Ipsie => &IPSIE_ALGORITHMS,
        }
    }
}
