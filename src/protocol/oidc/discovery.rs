//! The gateway's own metadata (OpenID Connect Discovery 1.0; RFC 8414; RFC 9207). It lists only what works.

use serde::Serialize;

use super::acr::Level;
use super::claims;
use super::client_authentication;
use super::client_keys;
use super::scope::Scope;
use super::signing::SigningAlgorithm;
use super::token;

/// Where each endpoint lies below the issuer.
pub mod path {
    /// The metadata document.
    pub const METADATA: &str = "/.well-known/openid-configuration";
    /// The authorization endpoint.
    pub const AUTHORIZE: &str = "/oauth2/authorize";
    /// The token endpoint.
    pub const TOKEN: &str = "/oauth2/token";
    /// The UserInfo endpoint.
    pub const USERINFO: &str = "/oauth2/userinfo";
    /// The keys.
    pub const JWKS: &str = "/oauth2/jwks";
    /// The revocation endpoint.
    pub const REVOKE: &str = "/oauth2/revoke";
    /// The logout endpoint.
    pub const END_SESSION: &str = "/oauth2/end-session";
}

/// The metadata document.
#[derive(Debug, Clone, Serialize)]
pub struct ProviderMetadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    revocation_endpoint: String,
    end_session_endpoint: String,
    scopes_supported: Vec<&'static str>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 3],
    acr_values_supported: Vec<&'static str>,
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: [&'static str; 4],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 5],
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    code_challenge_methods_supported: [&'static str; 1],
    prompt_values_supported: [&'static str; 3],
    claim_types_supported: [&'static str; 1],
    claims_supported: Vec<&'static str>,
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    authorization_response_iss_parameter_supported: bool,
}

impl ProviderMetadata {
    /// The metadata of the gateway at `issuer`, an URL without a slash at its end.
    pub fn of(issuer: &str) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: at(path::AUTHORIZE),
            token_endpoint: at(path::TOKEN),
            userinfo_endpoint: at(path::USERINFO),
            jwks_uri: at(path::JWKS),
            revocation_endpoint: at(path::REVOKE),
            end_session_endpoint: at(path::END_SESSION),
            scopes_supported: Scope::ALL.map(Scope::as_str).to_vec(),
            response_types_supported: ["code"],
            response_modes_supported: ["query"],
            grant_types_supported: token::GRANT_TYPES,
            acr_values_supported: Level::ALL.map(Level::as_str).to_vec(),
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: SigningAlgorithm::ALL.map(SigningAlgorithm::as_str).to_vec(),
            token_endpoint_auth_methods_supported: client_authentication::METHODS,
            token_endpoint_auth_signing_alg_values_supported: client_keys::ALGORITHMS,
            revocation_endpoint_auth_methods_supported: client_authentication::REVOCATION_METHODS,
            code_challenge_methods_supported: ["S256"],
            prompt_values_supported: ["none", "login", "select_account"],
            claim_types_supported: ["normal"],
            claims_supported: claims::SUPPORTED.to_vec(),
            claims_parameter_supported: false,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            authorization_response_iss_parameter_supported: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use openidconnect::core::CoreProviderMetadata;

    use super::ProviderMetadata;

    #[test]
    fn oidcc_discovery_endpoint_verification() {
        let json = serde_json::to_string(&ProviderMetadata::of("https://id.test")).unwrap();
        let read: CoreProviderMetadata = serde_json::from_str(&json).unwrap();
        assert_eq!(read.issuer().as_str(), "https://id.test");
        assert_eq!(read.jwks_uri().as_str(), "https://id.test/oauth2/jwks");
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(value["scopes_supported"].as_array().unwrap().contains(&"openid".into()));
        assert!(value["id_token_signing_alg_values_supported"].as_array().unwrap().contains(&"RS256".into()));
        assert_eq!(value["code_challenge_methods_supported"], serde_json::json!(["S256"]));
        assert_eq!(value["authorization_response_iss_parameter_supported"], true);
        assert_eq!(value["request_uri_parameter_supported"], false);
        assert!(value["acr_values_supported"].as_array().unwrap().contains(&"urn:causeway:acr:mfa".into()));
        assert!(value["grant_types_supported"].as_array().unwrap().contains(&"client_credentials".into()));
        // RFC 8414, 2: the algorithms "MUST be present if [private_key_jwt is] specified" among the methods.
        assert!(value["token_endpoint_auth_methods_supported"].as_array().unwrap().contains(&"private_key_jwt".into()));
        assert!(
            !value["token_endpoint_auth_signing_alg_values_supported"].as_array().unwrap().contains(&"HS256".into())
        );
    }
}
