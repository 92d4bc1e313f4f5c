//! The UserInfo request and answer (OpenID Connect Core 5.3; RFC 6750).

use serde::Serialize;
use serde_json::{Map, Value};

use super::claims::{AffiliationClaims, AuthenticationClaims, PersonClaims};
use super::error::{ErrorCode, OAuthError};
use super::parameters::Parameters;

/// The answer. `sub` is the one of the ID token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserInfoClaims {
    /// The account.
    pub sub: String,
    /// Where they belong.
    #[serde(flatten)]
    pub affiliation: AffiliationClaims,
    /// How and when they signed in.
    #[serde(flatten)]
    pub authentication: AuthenticationClaims,
    /// Who they are, by scope.
    #[serde(flatten)]
    pub person: PersonClaims,
    /// What their organization releases beside it.
    #[serde(flatten)]
    pub released: Map<String, Value>,
}

/// Finds the bearer token in the `Authorization` header or in a form body, never in a query (RFC 9700, 4.3.2).
/// `Ok(None)` means that none was presented.
pub fn bearer_token<'a>(
    authorization: Option<&'a str>,
    form: Option<&'a Parameters>,
) -> Result<Option<&'a str>, OAuthError> {
    let posted = form.and_then(|form| form.get("access_token"));
    if form.is_some_and(|form| form.is_repeated("access_token")) {
        return Err(OAuthError::invalid_request("a parameter was sent more than once"));
    }
    match (authorization, posted) {
        (Some(_), Some(_)) => Err(OAuthError::invalid_request("two ways of presenting the access token at once")),
        (Some(header), None) => {
            let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
            if !scheme.eq_ignore_ascii_case("bearer") {
                return Err(OAuthError::new(ErrorCode::InvalidToken, "the authorization header holds no bearer token"));
            }
            // RFC 6750, 2.1: one b64token behind the scheme.
            let token = token.trim_matches(' ');
            if token.is_empty() || token.contains(' ') {
                return Err(OAuthError::invalid_request("the authorization header does not hold one bearer token"));
            }
            Ok(Some(token))
        }
        (None, posted) => Ok(posted),
    }
}

#[cfg(test)]
mod tests {
    use super::bearer_token;
    use crate::protocol::oidc::error::ErrorCode;
    use crate::protocol::oidc::parameters::Parameters;

    #[test]
    fn oidcc_userinfo_header_and_form_body_both_carry_the_token() {
        let form = Parameters::parse("access_token=abc").unwrap();
        assert_eq!(bearer_token(Some("bearer abc"), None), Ok(Some("abc")));
        assert_eq!(bearer_token(None, Some(&form)), Ok(Some("abc")));
        assert_eq!(bearer_token(None, None), Ok(None));
        assert!(bearer_token(Some("Bearer abc"), Some(&form)).is_err());
        assert!(bearer_token(Some("Basic abc"), None).is_err());
        for malformed in ["Bearer", "Bearer ", "Bearer  a b", "bearer a b"] {
            let error = bearer_token(Some(malformed), None).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest, "{malformed:?}");
        }
        let twice = Parameters::parse("access_token=abc&access_token=abc").unwrap();
        assert!(bearer_token(None, Some(&twice)).is_err());
    }
}
