//! Redeeming a code at a provider: the form and header to send, and the answer to read (RFC 6749, 4.1.3, 5).

use std::borrow::Cow;

use openidconnect::core::{CoreClient, CoreErrorResponseType, CoreJsonWebKeySet, CoreTokenType};
use openidconnect::http::header::AUTHORIZATION;
use openidconnect::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, ExtraTokenFields, HttpRequest, HttpResponse,
    OAuth2TokenResponse as _, PkceCodeVerifier, RedirectUrl, RequestTokenError, StandardErrorResponse,
    StandardTokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::discovery::ProviderConfiguration;
use crate::protocol::oidc::client_assertion;
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
#[derive(Debug, Clone, Copy)]
pub struct OwnCredentials<'a> {
    /// The client id.
    pub client_id: &'a str,
    /// What proves it.
    pub proof: OwnProof<'a>,
}

/// What proves that the gateway is the client.
#[derive(Debug, Clone, Copy)]
pub enum OwnProof<'a> {
    /// Nothing: a public client.
    Nothing,
    /// The secret, in the header.
    Basic(&'a Secret),
    /// The secret, in the form.
    Post(&'a Secret),
    /// An assertion of the gateway.
    Assertion(&'a Secret),
}

/// The request that the library composed. Its client hands it over instead of sending it, so that there is no I/O here.
#[derive(Debug, thiserror::Error)]
#[error("the request is composed")]
struct Composed(Box<HttpRequest>);

/// Builds the call that redeems `code`.
pub fn redeem(
    provider: &ProviderConfiguration,
    own: &OwnCredentials<'_>,
    code: &Secret,
    redirect_uri: &Url,
    verifier: &CodeVerifier,
) -> Result<TokenCall, TokenCallError> {
    let client_id = ClientId::new(own.client_id.to_owned());
    let mut client = CoreClient::new(client_id, provider.issuer.clone(), CoreJsonWebKeySet::default())
        .set_token_uri(TokenUrl::from_url(provider.token_endpoint.clone()))
        .set_auth_type(match own.proof {
            OwnProof::Nothing | OwnProof::Basic(_) => AuthType::BasicAuth,
            OwnProof::Post(_) | OwnProof::Assertion(_) => AuthType::RequestBody,
        });
    if let OwnProof::Basic(secret) | OwnProof::Post(secret) = own.proof {
        client = client.set_client_secret(ClientSecret::new(secret.expose().to_owned()));
    }
    let mut exchange = client
        .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
        .set_redirect_uri(Cow::Owned(RedirectUrl::from_url(redirect_uri.clone())))
        .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()));
    if let OwnProof::Assertion(assertion) = own.proof {
        exchange = exchange
            .add_extra_param("client_assertion_type", client_assertion::TYPE)
            .add_extra_param("client_assertion", assertion.expose().to_owned());
    }
    let outcome = exchange.request(&|request: HttpRequest| Err::<HttpResponse, _>(Composed(Box::new(request))));
    match outcome {
        Err(RequestTokenError::Request(Composed(request))) => call(*request).ok_or(TokenCallError::Request),
        _ => Err(TokenCallError::Request),
    }
}

fn call(request: HttpRequest) -> Option<TokenCall> {
    let header = request.headers().get(AUTHORIZATION).map(|value| value.to_str().map(str::to_owned));
    let authorization = header.transpose().ok()?.map(Secret::from);
    let body = String::from_utf8(request.into_body()).ok()?;
    Some(TokenCall { authorization, body: Secret::from(body) })
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
    /// The request cannot be composed.
    #[error("the token request cannot be composed")]
    Request,
    /// The provider refused with this code.
    #[error("the provider refused to redeem the code: {0}")]
    Refused(String),
    /// The answer is not one of RFC 6749, lacks an ID token, or is too large.
    #[error("the token answer is malformed")]
    Malformed,
}

impl TokenCallError {
    /// True when the provider does not know the code that was brought, or gave it to somebody else (RFC 6749, section 5.2).
    pub fn is_about_the_code(&self) -> bool {
        matches!(self, Self::Refused(code) if code == "invalid_grant")
    }
}

/// The ID token as text: it is verified against what the transaction knows, and once more when keys were rolled over.
#[derive(Debug, Deserialize, Serialize)]
struct WithIdToken {
    #[serde(skip_serializing)]
    id_token: Secret,
}

impl ExtraTokenFields for WithIdToken {}

type Answer = StandardTokenResponse<WithIdToken, CoreTokenType>;
type Refusal = StandardErrorResponse<CoreErrorResponseType>;

/// Reads the answer of the token endpoint.
pub fn parse_answer(status: u16, body: &[u8]) -> Result<Tokens, TokenCallError> {
    if body.len() > MAX_BYTES {
        return Err(TokenCallError::Malformed);
    }
    if status != 200 {
        return Err(match serde_json::from_slice::<Refusal>(body) {
            Ok(refusal) if is_error_code(refusal.error().as_ref()) => {
                TokenCallError::Refused(refusal.error().as_ref().to_owned())
            }
            _ => TokenCallError::Malformed,
        });
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|_| TokenCallError::Malformed)?;
    let access_token = answer.access_token().secret();
    if *answer.token_type() != CoreTokenType::Bearer || access_token.is_empty() {
        return Err(TokenCallError::Malformed);
    }
    Ok(Tokens { access_token: Secret::from(access_token.clone()), id_token: answer.extra_fields().id_token.clone() })
}

fn is_error_code(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::{MAX_BYTES, OwnCredentials, OwnProof, TokenCallError, parse_answer, redeem};
    use crate::protocol::oidc::pkce::CodeVerifier;
    use crate::protocol::oidc::relying_party::authentication::ClientAuthentication;
    use crate::protocol::oidc::relying_party::discovery::{ProviderConfiguration, Transport, parse};
    use crate::protocol::oidc::relying_party::dishonest::metadata;
    use crate::values::secret::Secret;

    fn provider(methods: &[&str]) -> ProviderConfiguration {
        let mut document = metadata("https://op.test");
        document["token_endpoint_auth_methods_supported"] = methods.into();
        parse(document.to_string().as_bytes(), "https://op.test", Transport::HttpsOnly).unwrap()
    }

    fn call(proof: OwnProof<'_>) -> (Option<String>, String) {
        let own = OwnCredentials { client_id: "c:1", proof };
        let verifier = CodeVerifier::parse(&"v".repeat(43)).unwrap();
        let (code, redirect_uri) = (Secret::from("k".to_owned()), "https://id.test/cb".parse().unwrap());
        let call = redeem(&provider(&[]), &own, &code, &redirect_uri, &verifier).unwrap();
        (call.authorization.map(|header| header.expose().to_owned()), call.body.expose().to_owned())
    }

    #[test]
    fn oidcc_client_test_client_secret_basic() {
        let (header, body) = call(OwnProof::Basic(&Secret::from("s%".to_owned())));
        assert_eq!(header.unwrap(), format!("Basic {}", STANDARD.encode("c%3A1:s%25")));
        assert!(body.contains("code=k") && body.contains("code_verifier=") && !body.contains("client_secret"));
    }

    #[test]
    fn oidcc_client_test_client_secret_post() {
        let (header, body) = call(OwnProof::Post(&Secret::from("s".to_owned())));
        assert!(header.is_none() && body.contains("client_id=c%3A1&client_secret=s"));
        let (header, body) = call(OwnProof::Nothing);
        assert!(header.is_none() && body.contains("client_id=c%3A1") && !body.contains("client_secret"));
    }

    #[test]
    fn an_assertion_goes_in_the_form_and_no_secret_with_it() {
        let (header, body) = call(OwnProof::Assertion(&Secret::from("x.y.z".to_owned())));
        assert!(header.is_none() && body.contains("client_id=c%3A1") && !body.contains("client_secret"), "{body}");
        let kind = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
        assert!(body.contains(kind) && body.contains("client_assertion=x.y.z"), "{body}");
    }

    #[test]
    fn a_secret_goes_in_the_header_unless_the_provider_takes_it_in_the_form_only() {
        for (methods, expected) in [
            (&["client_secret_post", "client_secret_basic"][..], ClientAuthentication::ClientSecretBasic),
            (&["client_secret_post"], ClientAuthentication::ClientSecretPost),
            (&["none"], ClientAuthentication::ClientSecretBasic),
        ] {
            assert_eq!(ClientAuthentication::by_secret(&provider(methods)), expected, "{methods:?}");
        }
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

    #[test]
    fn an_answer_is_read_up_to_its_bound() {
        let good = r#"{"access_token":"a","token_type":"bearer","id_token":"x.y.z"}"#;
        let padded = |bytes: usize| parse_answer(200, [good, &" ".repeat(bytes - good.len())].concat().as_bytes());
        assert!(padded(MAX_BYTES).is_ok());
        assert_eq!(padded(MAX_BYTES + 1), Err(TokenCallError::Malformed));
    }
}
