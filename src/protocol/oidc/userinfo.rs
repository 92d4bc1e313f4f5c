//! The UserInfo request and answer (OpenID Connect Core 5.3; RFC 6750).

use serde::Serialize;
use serde_json::{Map, Value};

use super::claims::{AffiliationClaims, AuthenticationClaims, PersonClaims};
use super::error::OAuthError;
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

/// The access token of a request: what the `Authorization` header presents, or a form body, never a query (RFC 9700, 4.3.2).
/// `Ok(None)` means that none was presented.
pub fn bearer_token<'a>(header: Option<&'a str>, form: Option<&'a Parameters>) -> Result<Option<&'a str>, OAuthError> {
    if form.is_some_and(|form| form.is_repeated("access_token")) {
        return Err(OAuthError::invalid_request("a parameter was sent more than once"));
    }
    match (header, form.and_then(|form| form.get("access_token"))) {
        (Some(_), Some(_)) => Err(OAuthError::invalid_request("two ways of presenting the access token at once")),
        (header, posted) => Ok(header.or(posted)),
    }
}

#[cfg(test)]
mod tests {
    use super::bearer_token;
    use crate::protocol::oidc::parameters::Parameters;

    #[test]
    fn oidcc_userinfo_header_and_form_body_both_carry_the_token() {
        let form = Parameters::parse("access_token=abc").unwrap();
        assert_eq!(bearer_token(Some("abc"), None), Ok(Some("abc")));
        assert_eq!(bearer_token(None, Some(&form)), Ok(Some("abc")));
        assert_eq!(bearer_token(None, None), Ok(None));
        assert!(bearer_token(Some("abc"), Some(&form)).is_err());
        let twice = Parameters::parse("access_token=abc&access_token=abc").unwrap();
        assert!(bearer_token(None, Some(&twice)).is_err());
    }
}
