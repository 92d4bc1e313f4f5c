//! The authorization request and response (OpenID Connect Core 3.1.2; RFC 6749, 4.1; RFC 9207).
//!
//! Reading takes two steps, because they fail differently. [`addressee`] finds the client and where the answer would
//! go; what fails there is shown on a page, for the redirect URI cannot be trusted. [`AuthorizationRequest::parse`]
//! then checks everything else; what fails there is sent to the client.

use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::acr::{self, Level};
use super::error::{ErrorCode, OAuthError};
use super::parameters::Parameters;
use super::pkce::CodeChallenge;
use super::scope::{Scope, ScopeSet};
use crate::values::ids::AccountId;

const MAX_STATE: usize = 2_048;
const MAX_NONCE: usize = 256;
const MAX_ACR_VALUES: usize = 1_024;
const MAX_HINT: usize = 320;
const MAX_ID_TOKEN_HINT: usize = 8_192;

/// The two parameters that decide where an answer may go. Neither is trusted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addressee<'a> {
    /// As sent.
    pub client_id: &'a str,
    /// As sent.
    pub redirect_uri: &'a str,
}

/// Finds client and redirect URI. An error here goes to a page, never to a redirect.
pub fn addressee(parameters: &Parameters) -> Result<Addressee<'_>, OAuthError> {
    let only = |name: &str, missing: &'static str| match parameters.get(name) {
        _ if parameters.is_repeated(name) => Err(OAuthError::invalid_request("a parameter was sent more than once")),
        Some(value) => Ok(value),
        None => Err(OAuthError::invalid_request(missing)),
    };
    Ok(Addressee {
        client_id: only("client_id", "client_id is missing")?,
        redirect_uri: only("redirect_uri", "redirect_uri is missing")?,
    })
}

/// What `prompt` asks for. `consent` asks for nothing here: applications are registered by administrators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Show a page if one is needed.
    #[default]
    AsNeeded,
    /// Show no page at all.
    None,
    /// Sign in again, even if signed in.
    Login,
    /// Let the person choose who to be; here this means to sign in again.
    SelectAccount,
}

/// A well-formed request. It is stored as JSON while the person signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// The client, by its id on the wire.
    pub client_id: String,
    /// One of the client's registered redirect URIs, character by character.
    pub redirect_uri: String,
    /// Always with `openid`.
    pub scope: ScopeSet,
    /// Echoed as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Copied into the ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The PKCE challenge, method S256.
    pub code_challenge: CodeChallenge,
    /// Which page may or must be shown.
    #[serde(default)]
    pub prompt: Prompt,
    /// The sign-in may be at most this many seconds old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_seconds: Option<u32>,
    /// The classes of authentication of which the application wants one, in the order of its preference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr_values: Option<String>,
    /// Who is about to sign in. An e-mail address leads to its provider at once, or is filled in on our own e-mail page
    /// (decision 0036); only the provider that it leads to is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// An ID token of ours that says who should be signed in. Not verified yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_hint: Option<String>,
    /// Whom the hint names, once it is verified; kept in its place while the person signs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hinted_account: Option<AccountId>,
    /// True when the browser left for a provider without a page of ours, and so perhaps without the person's doing: never
    /// something that the application says.
    #[serde(default)]
    pub has_left_at_once: bool,
}

impl AuthorizationRequest {
    /// Checks everything but client and redirect URI, which the caller has found to be registered. An error here is
    /// sent to that redirect URI.
    pub fn parse(parameters: &Parameters) -> Result<Self, OAuthError> {
        let addressee = addressee(parameters)?;
        refuse_request_objects(parameters)?;
        if parameters.has_repeated() {
            return Err(OAuthError::invalid_request("a parameter was sent more than once"));
        }
        check_response(parameters)?;
        let scope = ScopeSet::parse(parameters.get("scope").unwrap_or_default());
        if !scope.contains(Scope::Openid) {
            return Err(OAuthError::new(ErrorCode::InvalidScope, "the scope lacks openid"));
        }
        Ok(Self {
            client_id: addressee.client_id.to_owned(),
            redirect_uri: addressee.redirect_uri.to_owned(),
            scope,
            state: bounded(parameters, "state", MAX_STATE, "state is longer than 2048 characters")?,
            nonce: bounded(parameters, "nonce", MAX_NONCE, "nonce is longer than 256 characters")?,
            code_challenge: challenge(parameters)?,
            prompt: prompt(parameters)?,
            max_age_seconds: max_age(parameters)?,
            acr_values: bounded(parameters, "acr_values", MAX_ACR_VALUES, "acr_values is longer than 1024 characters")?,
            login_hint: bounded(parameters, "login_hint", MAX_HINT, "login_hint is longer than 320 characters")?,
            id_token_hint: bounded(parameters, "id_token_hint", MAX_ID_TOKEN_HINT, "id_token_hint is too long")?,
            hinted_account: None,
            has_left_at_once: false,
        })
    }

    /// The level of authentication that the application asks for; `None` when any will do.
    pub fn level_asked(&self) -> Option<Level> {
        self.acr_values.as_deref().and_then(acr::asked)
    }
}

// CVE-2020-10770: a request_uri is refused, not fetched.
fn refuse_request_objects(parameters: &Parameters) -> Result<(), OAuthError> {
    for (name, code, description) in [
        ("request", ErrorCode::RequestNotSupported, "request objects are not supported"),
        ("request_uri", ErrorCode::RequestUriNotSupported, "request_uri is not supported"),
        ("registration", ErrorCode::RegistrationNotSupported, "registration is not supported"),
    ] {
        if parameters.get(name).is_some() {
            return Err(OAuthError::new(code, description));
        }
    }
    Ok(())
}

fn check_response(parameters: &Parameters) -> Result<(), OAuthError> {
    match parameters.get("response_type") {
        Some("code") => {}
        Some(_) => {
            return Err(OAuthError::new(ErrorCode::UnsupportedResponseType, "the only response_type is code"));
        }
        None => return Err(OAuthError::invalid_request("response_type is missing")),
    }
    match parameters.get("response_mode") {
        None | Some("query") => Ok(()),
        Some(_) => Err(OAuthError::invalid_request("the only response_mode is query")),
    }
}

// RFC 7636, 4.3: an absent method means `plain`, which is not offered.
fn challenge(parameters: &Parameters) -> Result<CodeChallenge, OAuthError> {
    let text = parameters
        .get("code_challenge")
        .ok_or(OAuthError::invalid_request("code_challenge is missing, proof key for code exchange is required"))?;
    if parameters.get("code_challenge_method") != Some("S256") {
        return Err(OAuthError::invalid_request("the only code_challenge_method is S256"));
    }
    CodeChallenge::parse(text).map_err(|_| OAuthError::invalid_request("code_challenge is malformed"))
}

fn prompt(parameters: &Parameters) -> Result<Prompt, OAuthError> {
    let Some(text) = parameters.get("prompt") else { return Ok(Prompt::AsNeeded) };
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    if words.iter().any(|word| !["none", "login", "consent", "select_account"].contains(word)) {
        return Err(OAuthError::invalid_request("prompt holds an unknown value"));
    }
    if words.contains(&"none") {
        return if words.len() == 1 {
            Ok(Prompt::None)
        } else {
            Err(OAuthError::invalid_request("prompt=none stands alone"))
        };
    }
    // Who chooses an account signs in afresh as well, so that is the stronger of the two.
    Ok(if words.contains(&"select_account") {
        Prompt::SelectAccount
    } else if words.contains(&"login") {
        Prompt::Login
    } else {
        Prompt::AsNeeded
    })
}

fn max_age(parameters: &Parameters) -> Result<Option<u32>, OAuthError> {
    let Some(text) = parameters.get("max_age") else { return Ok(None) };
    if text.len() > 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(OAuthError::invalid_request("max_age is not a number of seconds"));
    }
    Ok(Some(text.parse().unwrap_or(u32::MAX)))
}

fn bounded(
    parameters: &Parameters,
    name: &str,
    max: usize,
    too_long: &'static str,
) -> Result<Option<String>, OAuthError> {
    match parameters.get(name) {
        Some(value) if value.len() > max => Err(OAuthError::invalid_request(too_long)),
        value => Ok(value.map(str::to_owned)),
    }
}

/// The URL that takes a code to the client, with `state` and `iss` (RFC 9207).
pub fn success_url(redirect_uri: &str, code: &str, state: Option<&str>, issuer: &str) -> String {
    answer_url(redirect_uri, &[("code", Some(code)), ("state", state), ("iss", Some(issuer))])
}

/// The URL that takes an error to the client, with `state` and `iss` (RFC 9207).
pub fn error_url(redirect_uri: &str, error: &OAuthError, state: Option<&str>, issuer: &str) -> String {
    answer_url(
        redirect_uri,
        &[
            ("error", Some(error.code.as_str())),
            ("error_description", Some(error.description)),
            ("state", state),
            ("iss", Some(issuer)),
        ],
    )
}

// RFC 6749, 3.1.2: the redirect URI's own query "MUST be retained when adding additional query parameters".
fn answer_url(redirect_uri: &str, pairs: &[(&str, Option<&str>)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let separator = if redirect_uri.contains('?') { '&' } else { '?' };
    format!("{redirect_uri}{separator}{}", query.finish())
}

/// The `state` to send back with an error: as sent, when it was sent once and within bounds.
pub fn echoed_state(parameters: &Parameters) -> Option<&str> {
    parameters.get("state").filter(|state| state.len() <= MAX_STATE && !parameters.is_repeated("state"))
}

#[cfg(test)]
mod tests {
    use super::{AuthorizationRequest, Prompt, addressee, echoed_state, error_url, success_url};
    use crate::protocol::oidc::error::{ErrorCode, OAuthError};
    use crate::protocol::oidc::parameters::Parameters;

    const GOOD: &str = "client_id=c&redirect_uri=https%3A%2F%2Fapp.test%2Fcb&response_type=code&scope=openid+email\
        &state=s&nonce=n&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

    fn parse(query: &str) -> Result<AuthorizationRequest, OAuthError> {
        AuthorizationRequest::parse(&Parameters::parse(query).unwrap())
    }

    fn code(query: &str) -> ErrorCode {
        parse(query).unwrap_err().code
    }

    #[test]
    fn oidcc_server_a_plain_request_is_read() {
        let request = parse(GOOD).unwrap();
        assert_eq!(request.redirect_uri, "https://app.test/cb");
        assert_eq!(request.scope.to_string(), "openid email");
        assert_eq!((request.state.as_deref(), request.nonce.as_deref()), (Some("s"), Some("n")));
        assert_eq!(request.prompt, Prompt::AsNeeded);
    }

    #[test]
    fn a_stored_request_reads_back_the_same() {
        let request = parse(&format!("{GOOD}&prompt=login&max_age=5&login_hint=a%40b.test")).unwrap();
        let json = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<AuthorizationRequest>(&json).unwrap(), request);
    }

    #[test]
    fn oidcc_unknown_and_advisory_parameters_are_ignored() {
        let extra = "&extra=foobar&display=popup&ui_locales=se&claims_locales=se&claims=%7B%7D";
        assert_eq!(parse(&format!("{GOOD}{extra}")), parse(GOOD));
        let asked = parse(&format!("{GOOD}&acr_values=1+urn%3Acauseway%3Aacr%3Amfa")).unwrap();
        assert_eq!(asked.acr_values.as_deref(), Some("1 urn:causeway:acr:mfa"));
    }

    #[test]
    fn oidcc_response_type_missing_or_other_is_refused() {
        assert_eq!(code(&GOOD.replace("response_type=code", "x=y")), ErrorCode::InvalidRequest);
        for other in ["token", "id_token", "code+token", "code+id_token", "none"] {
            let query = GOOD.replace("response_type=code", &format!("response_type={other}"));
            assert_eq!(code(&query), ErrorCode::UnsupportedResponseType, "{other}");
        }
        assert_eq!(code(&format!("{GOOD}&response_mode=fragment")), ErrorCode::InvalidRequest);
    }

    #[test]
    fn oidcc_request_objects_are_refused_not_ignored() {
        assert_eq!(code(&format!("{GOOD}&request=e30.e30.")), ErrorCode::RequestNotSupported);
        assert_eq!(code(&format!("{GOOD}&request_uri=http%3A%2F%2F127.0.0.1%2F")), ErrorCode::RequestUriNotSupported);
    }

    #[test]
    fn pkce_is_required_and_s256_only() {
        for bad in [
            GOOD.replace("code_challenge=", "x="),
            GOOD.replace("&code_challenge_method=S256", ""),
            GOOD.replace("S256", "plain"),
            GOOD.replace("S256", "s256"),
            GOOD.replace("E9Melhoa", ""),
        ] {
            assert_eq!(code(&bad), ErrorCode::InvalidRequest, "{bad}");
        }
    }

    #[test]
    fn repeated_parameters_are_refused() {
        for name in ["state", "nonce", "scope", "code_challenge", "prompt", "extra"] {
            assert_eq!(code(&format!("{GOOD}&{name}=a&{name}=b")), ErrorCode::InvalidRequest, "{name}");
        }
        for name in ["client_id", "redirect_uri"] {
            let parameters = Parameters::parse(&format!("{GOOD}&{name}=other")).unwrap();
            assert_eq!(addressee(&parameters).unwrap_err().code, ErrorCode::InvalidRequest, "{name}");
        }
        let parameters = Parameters::parse(&format!("{GOOD}&state=other")).unwrap();
        assert_eq!(echoed_state(&parameters), None);
    }

    #[test]
    fn prompt_none_stands_alone_and_unknown_prompts_are_refused() {
        assert_eq!(parse(&format!("{GOOD}&prompt=none")).unwrap().prompt, Prompt::None);
        assert_eq!(parse(&format!("{GOOD}&prompt=consent+login")).unwrap().prompt, Prompt::Login);
        for words in ["select_account", "select_account%20login", "login%20select_account"] {
            assert_eq!(parse(&format!("{GOOD}&prompt={words}")).unwrap().prompt, Prompt::SelectAccount, "{words}");
        }
        assert_eq!(code(&format!("{GOOD}&prompt=none+login")), ErrorCode::InvalidRequest);
        assert_eq!(code(&format!("{GOOD}&prompt=always")), ErrorCode::InvalidRequest);
    }

    #[test]
    fn max_age_is_a_bounded_number() {
        assert_eq!(parse(&format!("{GOOD}&max_age=0")).unwrap().max_age_seconds, Some(0));
        assert_eq!(parse(&format!("{GOOD}&max_age=9999999999")).unwrap().max_age_seconds, Some(u32::MAX));
        for bad in ["-1", "1.5", "1e3", "99999999999", "x"] {
            assert_eq!(code(&format!("{GOOD}&max_age={bad}")), ErrorCode::InvalidRequest, "{bad}");
        }
    }

    #[test]
    fn a_request_without_openid_or_with_oversized_values_is_refused() {
        assert_eq!(code(&GOOD.replace("openid+email", "email")), ErrorCode::InvalidScope);
        assert_eq!(code(&GOOD.replace("state=s", &format!("state={}", "s".repeat(2_049)))), ErrorCode::InvalidRequest);
        assert_eq!(code(&GOOD.replace("nonce=n", &format!("nonce={}", "n".repeat(257)))), ErrorCode::InvalidRequest);
        assert_eq!(code(&format!("{GOOD}&acr_values={}", "a".repeat(1_025))), ErrorCode::InvalidRequest);
    }

    #[test]
    fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow() {
        assert_eq!(parse(&GOOD.replace("&nonce=n", "")).unwrap().nonce, None);
    }

    #[test]
    fn answers_keep_the_query_and_carry_state_and_issuer() {
        assert_eq!(
            success_url("https://app.test/cb?x=1", "k", Some("a b&c"), "https://id.test"),
            "https://app.test/cb?x=1&code=k&state=a+b%26c&iss=https%3A%2F%2Fid.test"
        );
        let error = OAuthError::new(ErrorCode::LoginRequired, "nobody is signed in");
        assert_eq!(
            error_url("com.app:/cb", &error, None, "https://id.test"),
            "com.app:/cb?error=login_required&error_description=nobody+is+signed+in&iss=https%3A%2F%2Fid.test"
        );
    }
}
