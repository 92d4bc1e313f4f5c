//! Redeeming a code at a provider: the form and header to send, and the answer to read (RFC 6749, 4.1.3, 5).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use url::form_urlencoded;

use super::discovery::ProviderConfiguration;
use crate::protocol::oidc::pkce::CodeVerifier;
use crate::values::secret::Secret;

/// The largest answer that is read.
pub const MAX_BYTES: usize = 256 * 1024;

/// What the gateway sends to the token endpoint.
#[derive(Debug, Clone)]
pub struct TokenCall {
    /// The `Authorization` header, when the provider takes `client_secret_basic`.
    pub authorization: Option<Secret>,
    /// The `application/x-www-form-urlencoded` body.
    pub body: Secret,
}

/// The gateway's own credentials at the provider.
#[derive(Debug, Clone)]
pub struct OwnCredentials<'a> {
    /// The client id.
    pub client_id: &'a str,
    /// `None` for a public client.
    pub client_secret: Option<&'a Secret>,
}

/// Builds the call that redeems `code`.
pub fn redeem(
    provider: &ProviderConfiguration,
    own: &OwnCredentials<'_>,
    code: &Secret,
    redirect_uri: &str,
    verifier: &CodeVerifier,
) -> TokenCall {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code.expose())
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("code_verifier", verifier.expose());
    let takes = |method: &str| provider.token_endpoint_auth_methods.iter().any(|known| known == method);
    let authorization = match own.client_secret {
        Some(secret) if takes("client_secret_basic") || !takes("client_secret_post") => {
            Some(basic(own.client_id, secret))
        }
        Some(secret) => {
            form.append_pair("client_id", own.client_id).append_pair("client_secret", secret.expose());
            None
        }
        None => {
            form.append_pair("client_id", own.client_id);
            None
        }
    };
    TokenCall { authorization, body: Secret::from(form.finish()) }
}

// RFC 6749, 2.3.1: both are form-encoded first.
fn basic(client_id: &str, secret: &Secret) -> Secret {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(client_id), encode(secret.expose()));
    Secret::from(format!("Basic {}", STANDARD.encode(pair)))
}

/// What the provider issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// For UserInfo, once.
    pub access_token: Secret,
    /// Not verified yet.
    pub id_token: Secret,
}

/// Why there are no tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenCallError {
    /// The provider refused with this code.
    #[error("the provider refused the code: {0}")]
    Refused(String),
    /// The answer is not one of RFC 6749, lacks an ID token, or is too large.
    #[error("the token answer is malformed")]
    Malformed,
}

#[derive(Deserialize)]
struct Answer {
    access_token: Secret,
    token_type: String,
    id_token: Secret,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// Reads the answer of the token endpoint.
pub fn parse_answer(status: u16, body: &[u8]) -> Result<Tokens, TokenCallError> {
    if body.len() > MAX_BYTES {
        return Err(TokenCallError::Malformed);
    }
    if status != 200 {
        return Err(match serde_json::from_slice::<Refusal>(body) {
            Ok(refusal) if is_error_code(&refusal.error) => TokenCallError::Refused(refusal.error),
            _ => TokenCallError::Malformed,
        });
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|_| TokenCallError::Malformed)?;
    if !answer.token_type.eq_ignore_ascii_case("bearer") || answer.access_token.expose().is_empty() {
        return Err(TokenCallError::Malformed);
    }
    Ok(Tokens { access_token: answer.access_token, id_token: answer.id_token })
}

fn is_error_code(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::{OwnCredentials, TokenCallError, parse_answer, redeem};
    use crate::protocol::oidc::pkce::CodeVerifier;
    use crate::protocol::oidc::relying_party::discovery::{ProviderConfiguration, Transport, parse};
    use crate::values::secret::Secret;

    fn provider(methods: &[&str]) -> ProviderConfiguration {
        let document = serde_json::json!({
            "issuer": "https://op.test", "authorization_endpoint": "https://op.test/a",
            "token_endpoint": "https://op.test/t", "jwks_uri": "https://op.test/j",
            "token_endpoint_auth_methods_supported": methods,
        });
        parse(document.to_string().as_bytes(), "https://op.test", Transport::HttpsOnly).unwrap()
    }

    fn call(methods: &[&str], secret: Option<&str>) -> (Option<String>, String) {
        let secret = secret.map(|text| Secret::from(text.to_owned()));
        let own = OwnCredentials { client_id: "c:1", client_secret: secret.as_ref() };
        let verifier = CodeVerifier::parse(&"v".repeat(43)).unwrap();
        let call = redeem(&provider(methods), &own, &Secret::from("k".to_owned()), "https://id.test/cb", &verifier);
        (call.authorization.map(|header| header.expose().to_owned()), call.body.expose().to_owned())
    }

    #[test]
    fn oidcc_client_test_client_secret_basic() {
        let (header, body) = call(&["client_secret_post", "client_secret_basic"], Some("s%"));
        assert_eq!(header.unwrap(), format!("Basic {}", STANDARD.encode("c%3A1:s%25")));
        assert!(body.contains("code=k") && body.contains("code_verifier=") && !body.contains("client_secret"));
    }

    #[test]
    fn post_is_used_where_basic_is_not_taken() {
        let (header, body) = call(&["client_secret_post"], Some("s"));
        assert!(header.is_none() && body.contains("client_id=c%3A1&client_secret=s"));
        let (header, body) = call(&["none"], None);
        assert!(header.is_none() && body.contains("client_id=c%3A1") && !body.contains("client_secret"));
    }

    #[test]
    fn answers_and_refusals_are_read() {
        let good = br#"{"access_token":"a","token_type":"bearer","id_token":"x.y.z","expires_in":3600}"#;
        assert_eq!(parse_answer(200, good).unwrap().id_token.expose(), "x.y.z");
        assert_eq!(
            parse_answer(400, br#"{"error":"invalid_grant","error_description":"<b>"}"#),
            Err(TokenCallError::Refused("invalid_grant".to_owned()))
        );
        for (status, bad) in [
            (200, r#"{"access_token":"a","token_type":"bearer"}"#),
            (200, r#"{"access_token":"a","token_type":"mac","id_token":"x"}"#),
            (200, r#"{"access_token":["a"],"token_type":"bearer","id_token":"x"}"#),
            (200, r#"{"access_token":"a","access_token":"b","token_type":"bearer","id_token":"x"}"#),
            (201, r#"{"access_token":"a","token_type":"bearer","id_token":"x"}"#),
            (500, "<html>"),
            (400, r#"{"error":"<script>"}"#),
        ] {
            assert_eq!(parse_answer(status, bad.as_bytes()), Err(TokenCallError::Malformed), "{status} {bad}");
        }
    }
}
