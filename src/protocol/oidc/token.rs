//! The token request and response (RFC 6749, 4.1.3, 4.4, 5.1, 6; OpenID Connect Core 3.1.3 and 12) and the revocation
//! request (RFC 7009).

use serde::Serialize;

use super::error::{ErrorCode, OAuthError};
use super::parameters::Parameters;
use super::pkce::CodeVerifier;
use super::scope::ScopeSet;
use crate::values::scim_scope::ScimScope;
use crate::values::secret::Secret;

/// The grant types as the metadata names them.
pub const GRANT_TYPES: [&str; 3] = ["authorization_code", "refresh_token", "client_credentials"];

/// A well-formed token request. Who asks is read by `client_authentication`.
#[derive(Debug, Clone)]
pub enum TokenRequest {
    /// A code from the authorization endpoint.
    AuthorizationCode {
        /// The code.
        code: Secret,
        /// Must be the one of the authorization request.
        redirect_uri: String,
        /// Must meet the challenge of the authorization request.
        code_verifier: CodeVerifier,
    },
    /// A refresh token.
    RefreshToken {
        /// The token.
        refresh_token: Secret,
        /// A narrower scope, when one was asked for.
        scope: Option<ScopeSet>,
    },
    /// Nothing but the client itself, which is a SCIM client.
    ClientCredentials {
        /// A narrower scope, when one was asked for that is known.
        scope: Option<ScimScope>,
    },
}

impl TokenRequest {
    /// Reads the form body.
    pub fn parse(parameters: &Parameters) -> Result<Self, OAuthError> {
        if parameters.has_repeated() {
            return Err(OAuthError::invalid_request("a parameter was sent more than once"));
        }
        match parameters.get("grant_type") {
            Some("authorization_code") => Ok(Self::AuthorizationCode {
                code: secret(parameters, "code", "code is missing")?,
                redirect_uri: required(parameters, "redirect_uri", "redirect_uri is missing")?.to_owned(),
                code_verifier: verifier(parameters)?,
            }),
            Some("refresh_token") => Ok(Self::RefreshToken {
                refresh_token: secret(parameters, "refresh_token", "refresh_token is missing")?,
                scope: parameters.get("scope").map(ScopeSet::parse),
            }),
            Some("client_credentials") => {
                Ok(Self::ClientCredentials { scope: parameters.get("scope").and_then(ScimScope::requested) })
            }
            Some(_) => {
                let known = "grants are authorization_code, refresh_token and client_credentials";
                Err(OAuthError::new(ErrorCode::UnsupportedGrantType, known))
            }
            None => Err(OAuthError::invalid_request("grant_type is missing")),
        }
    }
}

// CVE-2023-48228: a verifier is demanded always, not only checked when it was sent.
fn verifier(parameters: &Parameters) -> Result<CodeVerifier, OAuthError> {
    let text = required(parameters, "code_verifier", "code_verifier is missing")?;
    CodeVerifier::parse(text).map_err(|_| OAuthError::new(ErrorCode::InvalidGrant, "code_verifier is malformed"))
}

/// Reads a revocation request. `token_type_hint` is advice that the gateway does not need.
pub fn parse_revocation(parameters: &Parameters) -> Result<Secret, OAuthError> {
    if parameters.has_repeated() {
        return Err(OAuthError::invalid_request("a parameter was sent more than once"));
    }
    secret(parameters, "token", "token is missing")
}

fn required<'a>(parameters: &'a Parameters, name: &str, missing: &'static str) -> Result<&'a str, OAuthError> {
    parameters.get(name).ok_or(OAuthError::invalid_request(missing))
}

fn secret(parameters: &Parameters, name: &str, missing: &'static str) -> Result<Secret, OAuthError> {
    required(parameters, name, missing).map(|text| Secret::from(text.to_owned()))
}

/// The successful answer. It is sent with `Cache-Control: no-store`.
#[derive(Serialize)]
pub struct TokenResponse {
    /// A signed `at+jwt`.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds until the access token ends.
    pub expires_in: i64,
    /// The next refresh token; the one presented is used up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// A signed ID token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What was granted.
    pub scope: ScopeSet,
}

/// The successful answer of the client credentials grant, which has no refresh token (RFC 6749, 4.4.3).
#[derive(Serialize)]
pub struct ClientTokenResponse {
    /// An opaque token for the SCIM endpoints.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds until the access token ends.
    pub expires_in: i64,
    /// What was granted, whatever was asked for.
    pub scope: &'static str,
}

#[cfg(test)]
mod tests {
    use super::{TokenRequest, parse_revocation};
    use crate::protocol::oidc::error::ErrorCode;
    use crate::protocol::oidc::parameters::Parameters;
    use crate::values::scim_scope::ScimScope;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn code(form: &str) -> ErrorCode {
        TokenRequest::parse(&Parameters::parse(form).unwrap()).unwrap_err().code
    }

    #[test]
    fn all_grants_are_read() {
        let form =
            format!("grant_type=authorization_code&code=k&redirect_uri=https://a.test/&code_verifier={VERIFIER}");
        let request = TokenRequest::parse(&Parameters::parse(&form).unwrap()).unwrap();
        assert!(matches!(request, TokenRequest::AuthorizationCode { code, .. } if code.expose() == "k"));
        let form = Parameters::parse("grant_type=refresh_token&refresh_token=r&scope=openid").unwrap();
        let request = TokenRequest::parse(&form).unwrap();
        assert!(matches!(request, TokenRequest::RefreshToken { scope: Some(_), .. }));
        let form = Parameters::parse("grant_type=client_credentials&scope=scim+read").unwrap();
        let request = TokenRequest::parse(&form).unwrap();
        assert!(matches!(request, TokenRequest::ClientCredentials { scope: Some(ScimScope::Read) }));
    }

    #[test]
    fn a_code_without_its_verifier_or_redirect_uri_is_refused() {
        let base = "grant_type=authorization_code&code=k";
        assert_eq!(code(&format!("{base}&redirect_uri=https://a.test/")), ErrorCode::InvalidRequest);
        assert_eq!(code(&format!("{base}&redirect_uri=https://a.test/&code_verifier=")), ErrorCode::InvalidRequest);
        assert_eq!(code(&format!("{base}&redirect_uri=https://a.test/&code_verifier=short")), ErrorCode::InvalidGrant);
        assert_eq!(code(&format!("{base}&code_verifier={VERIFIER}")), ErrorCode::InvalidRequest);
    }

    #[test]
    fn other_grants_and_repeats_are_refused() {
        for grant in ["password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer"] {
            assert_eq!(code(&format!("grant_type={grant}&username=a&password=b")), ErrorCode::UnsupportedGrantType);
        }
        assert_eq!(code("grant_type=refresh_token&refresh_token=a&refresh_token=b"), ErrorCode::InvalidRequest);
        assert_eq!(code(""), ErrorCode::InvalidRequest);
        assert!(parse_revocation(&Parameters::parse("token_type_hint=refresh_token").unwrap()).is_err());
        assert!(parse_revocation(&Parameters::parse("token=a").unwrap()).is_ok());
        assert!(parse_revocation(&Parameters::parse("token=a&token_type_hint=x&token_type_hint=x").unwrap()).is_err());
    }
}
