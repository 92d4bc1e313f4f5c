//! The logout request of an application (OpenID Connect RP-Initiated Logout 1.0).

use super::error::OAuthError;
use super::parameters::Parameters;

/// A well-formed logout request. Nothing in it is trusted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndSessionRequest {
    /// An ID token of ours that says which application asks and whom it means.
    pub id_token_hint: Option<String>,
    /// The application, if it names itself.
    pub client_id: Option<String>,
    /// Where to send the browser; honoured only if registered, character by character.
    pub post_logout_redirect_uri: Option<String>,
    /// Echoed.
    pub state: Option<String>,
}

impl EndSessionRequest {
    /// Reads the request.
    pub fn parse(parameters: &Parameters) -> Result<Self, OAuthError> {
        if parameters.has_repeated() {
            return Err(OAuthError::invalid_request("a parameter was sent more than once"));
        }
        let take = |name: &str| parameters.get(name).map(str::to_owned);
        Ok(Self {
            id_token_hint: take("id_token_hint"),
            client_id: take("client_id"),
            post_logout_redirect_uri: take("post_logout_redirect_uri"),
            state: take("state"),
        })
    }
}

/// The URL that takes the browser back to the application.
pub fn return_url(post_logout_redirect_uri: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return post_logout_redirect_uri.to_owned() };
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
    let separator = if post_logout_redirect_uri.contains('?') { '&' } else { '?' };
    format!("{post_logout_redirect_uri}{separator}{query}")
}

#[cfg(test)]
mod tests {
    use super::{EndSessionRequest, return_url};
    use crate::protocol::oidc::parameters::Parameters;

    #[test]
    fn oidcc_rp_initiated_logout_state_is_echoed_only_when_sent() {
        assert_eq!(return_url("https://a.test/out", Some("a b")), "https://a.test/out?state=a+b");
        assert_eq!(return_url("https://a.test/out?x=1", Some("s")), "https://a.test/out?x=1&state=s");
        assert_eq!(return_url("https://a.test/out", None), "https://a.test/out");
    }

    #[test]
    fn oidcc_rp_initiated_logout_no_params_is_a_request() {
        let request = EndSessionRequest::parse(&Parameters::parse("").unwrap()).unwrap();
        assert_eq!(request.post_logout_redirect_uri, None);
        assert!(EndSessionRequest::parse(&Parameters::parse("state=a&state=b").unwrap()).is_err());
    }
}
