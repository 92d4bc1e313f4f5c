//! Sending a browser to a provider, and reading what it brings back (OpenID Connect Core 3.1.2; RFC 9207).

use std::borrow::Cow;
use std::time::Duration;

use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreJsonWebKeySet};
use openidconnect::{
    AuthUrl, AuthenticationContextClass, ClientId, CsrfToken, LoginHint, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope,
};
use serde_json::{Map, Value, json};
use url::Url;

use super::discovery::ProviderConfiguration;
use super::preset::CONTEXTS;
use super::strictness::Strictness;
use crate::protocol::compared::Compared;
use crate::protocol::oidc::parameters::{MalformedParameters, Parameters};
use crate::protocol::oidc::pkce::CodeVerifier;
use crate::values::secret::Secret;

/// The longest code or state that is read.
const MAX_VALUE: usize = 4_096;

/// When the person signed in there, which decides whether a later `max_age` is met. A provider says it unasked only when it is
/// asked for a maximal age.
const SIGNED_IN_AT: &str = "auth_time";

/// What one authorization request carries. `state` and `nonce` are fresh random values of the gateway.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The gateway's client id at the provider.
    pub client_id: &'a str,
    /// The callback of this connection and no other.
    pub redirect_uri: &'a Url,
    /// What is asked for besides `openid`.
    pub scope: &'a str,
    /// Finds the transaction again.
    pub state: &'a str,
    /// Binds the ID token to the transaction.
    pub nonce: &'a str,
    /// Binds the code to the gateway. Only its challenge goes with the browser.
    pub code_verifier: &'a CodeVerifier,
    /// An address that the gateway itself established; never one that an application sent (Ory Kratos v26.2.19).
    pub login_hint: Option<&'a str>,
    /// The provider must ask for credentials again.
    pub reauthentication: Reauthentication,
    /// The ways of signing in of which one is asked for; none when any will do.
    pub acr_values: &'a [String],
    /// The contexts of Entra ID's Conditional Access of which one is to be met; none when any will do.
    pub contexts: &'a [String],
    /// The workspace that Google is to sign somebody in from.
    pub workspace: Option<&'a str>,
}

/// How old a sign-in at the provider may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reauthentication {
    /// Any live session at the provider will do.
    NotNeeded,
    /// The person must prove themselves again.
    Required,
    /// The sign-in may be at most this many seconds old.
    MaxAge(u32),
}

/// The URL to send the browser to.
pub fn url(provider: &ProviderConfiguration, request: &Request<'_>) -> Url {
    let client_id = ClientId::new(request.client_id.to_owned());
    let client = CoreClient::new(client_id, provider.issuer.clone(), CoreJsonWebKeySet::default())
        .set_auth_uri(AuthUrl::from_url(provider.authorization_endpoint.clone()));
    let (state, nonce) = (CsrfToken::new(request.state.to_owned()), Nonce::new(request.nonce.to_owned()));
    let verifier = PkceCodeVerifier::new(request.code_verifier.expose().to_owned());
    let mut composed = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce)
        .add_scopes(request.scope.split_ascii_whitespace().map(|scope| Scope::new(scope.to_owned())))
        .set_redirect_uri(Cow::Owned(RedirectUrl::from_url(request.redirect_uri.clone())))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
    for acr in request.acr_values {
        composed = composed.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
    }
    if let Some(claims) = claims(provider, request.contexts) {
        composed = composed.add_extra_param("claims", claims);
    }
    if let Some(domain) = request.workspace {
        composed = composed.add_extra_param("hd", domain.to_owned());
    }
    if let Some(hint) = request.login_hint {
        composed = composed.set_login_hint(LoginHint::new(hint.to_owned()));
    }
    let composed = match request.reauthentication {
        Reauthentication::NotNeeded => composed,
        Reauthentication::Required => composed.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO),
        Reauthentication::MaxAge(seconds) => composed.set_max_age(Duration::from_secs(seconds.into())),
    };
    let (url, _, _) = composed.url();
    url
}

/// OpenID Connect Core 5.5. Entra ID takes the parameter for its contexts, whatever its metadata says about it.
fn claims(provider: &ProviderConfiguration, contexts: &[String]) -> Option<String> {
    let mut wanted = Map::new();
    if provider.takes_claims {
        wanted.insert(SIGNED_IN_AT.to_owned(), Value::Null);
    }
    match contexts {
        [] => {}
        [context] => {
            wanted.insert(CONTEXTS.to_owned(), json!({ "essential": true, "value": context }));
        }
        several => {
            wanted.insert(CONTEXTS.to_owned(), json!({ "essential": true, "values": several }));
        }
    }
    (!wanted.is_empty()).then(|| json!({ "id_token": wanted }).to_string())
}

/// What came to the callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// Finds the transaction; nothing else in the callback is believed before it is found.
    pub state: String,
    /// RFC 9207.
    pub issuer: Option<String>,
    /// A code or an error.
    pub outcome: Outcome,
}

/// What the provider answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A code to redeem.
    Code(Secret),
    /// An error code: at most 64 characters of the code alphabet. The description is dropped, for anybody can write one.
    Refused(String),
}

/// Why a callback is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// Not a response: neither code nor error or both, no state, repeated or oversized parameters.
    #[error("the response is malformed")]
    Malformed,
    /// `iss` names another provider, or is missing although the provider promises it: a mix-up.
    #[error("the response comes from another issuer")]
    Issuer,
}

impl From<MalformedParameters> for CallbackError {
    fn from(_: MalformedParameters) -> Self {
        Self::Malformed
    }
}

impl Callback {
    /// Reads the query of the callback.
    pub fn parse(query: &str) -> Result<Self, CallbackError> {
        let parameters = Parameters::parse(query)?;
        if parameters.has_repeated() {
            return Err(CallbackError::Malformed);
        }
        let state = parameters.get("state").filter(|state| state.len() <= MAX_VALUE).ok_or(CallbackError::Malformed)?;
        let outcome = match (parameters.get("code"), parameters.get("error")) {
            (Some(code), None) if code.len() <= MAX_VALUE => Outcome::Code(Secret::from(code.to_owned())),
            (None, Some(error)) if is_error_code(error) => Outcome::Refused(error.to_owned()),
            _ => return Err(CallbackError::Malformed),
        };
        Ok(Self { state: state.to_owned(), issuer: parameters.get("iss").map(str::to_owned), outcome })
    }

    /// What [`Self::check_issuer`] compares.
    pub fn compared(&self, provider: &ProviderConfiguration) -> Compared {
        Compared::new("iss", [provider.issuer.as_str()], self.issuer.as_deref())
    }

    /// Compares `iss` with the issuer that the transaction was begun with (RFC 9207, 2.4). Under IPSIE it has to be there, whether
    /// the provider's metadata announces it or not.
    pub fn check_issuer(&self, provider: &ProviderConfiguration, strictness: Strictness) -> Result<(), CallbackError> {
        match &self.issuer {
            Some(issuer) if issuer == provider.issuer.as_str() => Ok(()),
            None if !provider.sends_issuer && strictness == Strictness::Core => Ok(()),
            _ => Err(CallbackError::Issuer),
        }
    }
}

fn is_error_code(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::{Callback, CallbackError, Outcome, Reauthentication, Request, url};
    use crate::protocol::oidc::pkce::CodeVerifier;
    use crate::protocol::oidc::relying_party::discovery::{ProviderConfiguration, Transport, parse};
    use crate::protocol::oidc::relying_party::dishonest::metadata;
    use crate::protocol::oidc::relying_party::strictness::Strictness;

    fn provider(sends_issuer: bool) -> ProviderConfiguration {
        let mut document = metadata("https://op.test");
        document["authorization_endpoint"] = "https://op.test/authorize?tenant=1".into();
        document["authorization_response_iss_parameter_supported"] = sends_issuer.into();
        parse(document.to_string().as_bytes(), "https://op.test", Transport::HttpsOnly).unwrap()
    }

    #[test]
    fn the_request_carries_code_pkce_state_and_nonce() {
        let verifier = CodeVerifier::parse(&"v".repeat(43)).unwrap();
        let redirect_uri = "https://id.test/cb".parse().unwrap();
        let request = Request {
            client_id: "c",
            redirect_uri: &redirect_uri,
            scope: "email",
            state: "s",
            nonce: "n",
            code_verifier: &verifier,
            login_hint: None,
            reauthentication: Reauthentication::Required,
            acr_values: &["phr".to_owned(), "phrh".to_owned()],
            contexts: &[],
            workspace: Some("acme.test"),
        };
        let plain = Request { acr_values: &[], workspace: None, ..request };
        let plain = super::url(&provider(true), &plain);
        assert!(!plain.query_pairs().any(|(name, _)| name == "acr_values" || name == "hd"));
        // The refresh-token modules: there is nothing to refresh, for no such token is asked for.
        assert!(!plain.as_str().contains("offline_access"));
        let url = url(&provider(true), &request);
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let get = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert_eq!(get("tenant"), Some("1"));
        assert_eq!(get("response_type"), Some("code"));
        assert_eq!((get("scope"), get("redirect_uri")), (Some("openid email"), Some("https://id.test/cb")));
        assert_eq!(get("code_challenge"), Some(verifier.challenge().as_str()));
        assert_eq!(get("code_challenge_method"), Some("S256"));
        assert_eq!((get("state"), get("nonce")), (Some("s"), Some("n")));
        assert_eq!((get("acr_values"), get("hd")), (Some("phr phrh"), Some("acme.test")));
        assert_eq!((get("prompt"), get("max_age"), get("login_hint")), (Some("login"), Some("0"), None));
        assert!(!url.as_str().contains(verifier.expose()));
    }

    #[test]
    fn the_contexts_of_entra_id_are_asked_for_by_a_claim() {
        let (one, two) = (vec!["c1".to_owned()], vec!["c1".to_owned(), "c\"2".to_owned()]);
        let silent = ProviderConfiguration { takes_claims: false, ..provider(true) };
        let taking = ProviderConfiguration { takes_claims: true, ..provider(true) };
        for (provider, contexts, expected) in [
            (&silent, &[][..], None),
            (&taking, &[], Some(r#"{"id_token":{"auth_time":null}}"#)),
            (&silent, &one, Some(r#"{"id_token":{"acrs":{"essential":true,"value":"c1"}}}"#)),
            (
                &taking,
                &two,
                Some(r#"{"id_token":{"auth_time":null,"acrs":{"essential":true,"values":["c1","c\"2"]}}}"#),
            ),
        ] {
            assert_eq!(super::claims(provider, contexts).as_deref(), expected);
        }
    }

    #[test]
    fn a_code_or_an_error_is_read() {
        let callback = Callback::parse("code=k&state=s&iss=https%3A%2F%2Fop.test&session_state=x").unwrap();
        assert!(matches!(&callback.outcome, Outcome::Code(code) if code.expose() == "k"));
        let callback = Callback::parse("error=access_denied&error_description=%3Cb%3E&state=s").unwrap();
        assert_eq!(callback.outcome, Outcome::Refused("access_denied".to_owned()));
    }

    #[test]
    fn malformed_callbacks_are_refused() {
        for bad in [
            "",
            "code=k",
            "state=s",
            "code=k&state=",
            "code=k&state=s&state=t",
            "code=k&code=l&state=s",
            "code=k&error=x&state=s",
            "error=%3Cscript%3E&state=s",
            &format!("code={}&state=s", "k".repeat(5_000)),
        ] {
            assert_eq!(Callback::parse(bad), Err(CallbackError::Malformed), "{bad:.40}");
        }
    }

    #[test]
    fn rfc_9207_the_issuer_of_the_response_is_compared() {
        let check =
            |query: &str, sends| Callback::parse(query).unwrap().check_issuer(&provider(sends), Strictness::Core);
        assert_eq!(check("code=k&state=s&iss=https://op.test", true), Ok(()));
        assert_eq!(check("code=k&state=s&iss=https://op.test", false), Ok(()));
        assert_eq!(check("code=k&state=s", false), Ok(()));
        assert_eq!(check("code=k&state=s", true), Err(CallbackError::Issuer));
        for sends in [true, false] {
            assert_eq!(check("code=k&state=s&iss=https://evil.test", sends), Err(CallbackError::Issuer));
            assert_eq!(check("code=k&state=s&iss=https://op.test/", sends), Err(CallbackError::Issuer));
        }
    }

    #[test]
    fn ipsie_sl1_the_issuer_of_the_response_is_there_whatever_the_metadata_says() {
        for sends in [true, false] {
            let check = |query| Callback::parse(query).unwrap().check_issuer(&provider(sends), Strictness::Ipsie);
            assert_eq!(check("code=k&state=s&iss=https://op.test"), Ok(()));
            assert_eq!(check("code=k&state=s"), Err(CallbackError::Issuer));
        }
    }
}
