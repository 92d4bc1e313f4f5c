//! Reading a provider's metadata (OpenID Connect Discovery 1.0, 4). The issuer must equal the configured one byte for
//! byte; every endpoint comes from this document and from nowhere else (RFC 9700, 4.4).

use serde::Deserialize;
use url::Url;

use crate::protocol::oidc::redirect_uri::is_loopback;

/// The largest document that is read.
pub const MAX_BYTES: usize = 256 * 1024;

/// Which URLs a provider may live at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// `https` only.
    HttpsOnly,
    /// Also `http` to this machine, for demo and tests.
    LoopbackAllowed,
}

/// Why a metadata document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// The configured issuer is not a URL that a provider may live at.
    #[error("the issuer is not an https url without query and fragment")]
    Issuer,
    /// Not JSON, too large, or a member is missing or of the wrong type.
    #[error("the metadata document is malformed")]
    Malformed,
    /// The document speaks for another issuer.
    #[error("the metadata document names another issuer")]
    IssuerMismatch,
    /// An endpoint is not at a URL that is allowed.
    #[error("{0} is not an https url")]
    Endpoint(&'static str),
    /// The provider cannot do what the gateway demands.
    #[error("the provider does not support {0}")]
    Unsupported(&'static str),
}

/// What the gateway needs to know of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderConfiguration {
    /// As configured and as the document says.
    pub issuer: String,
    /// Where the browser goes.
    pub authorization_endpoint: Url,
    /// Where the code is redeemed.
    pub token_endpoint: Url,
    /// Where more claims are, if anywhere.
    pub userinfo_endpoint: Option<Url>,
    /// Where the keys are.
    pub jwks_uri: Url,
    /// The provider promises `iss` in its responses, so a response without it is refused.
    pub sends_issuer: bool,
    /// The client authentication methods the provider takes; basic when it says nothing (RFC 8414).
    pub token_endpoint_auth_methods: Vec<String>,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    response_types_supported: Option<Vec<String>>,
    #[serde(default)]
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Where the metadata of `issuer` is: the issuer, less one slash at its end, and the well-known path.
pub fn document_url(issuer: &str, transport: Transport) -> Result<Url, DiscoveryError> {
    let url = allowed(issuer, transport).ok_or(DiscoveryError::Issuer)?;
    if url.query().is_some() {
        return Err(DiscoveryError::Issuer);
    }
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    Url::parse(&format!("{base}/.well-known/openid-configuration")).map_err(|_| DiscoveryError::Issuer)
}

/// Reads the document that was fetched from [`document_url`] of `issuer`.
pub fn parse(body: &[u8], issuer: &str, transport: Transport) -> Result<ProviderConfiguration, DiscoveryError> {
    if body.len() > MAX_BYTES {
        return Err(DiscoveryError::Malformed);
    }
    let document: Document = serde_json::from_slice(body).map_err(|_| DiscoveryError::Malformed)?;
    if document.issuer != issuer {
        return Err(DiscoveryError::IssuerMismatch);
    }
    check_support(&document)?;
    let endpoint = |text: &str, name: &'static str| allowed(text, transport).ok_or(DiscoveryError::Endpoint(name));
    Ok(ProviderConfiguration {
        authorization_endpoint: endpoint(&document.authorization_endpoint, "authorization_endpoint")?,
        token_endpoint: endpoint(&document.token_endpoint, "token_endpoint")?,
        jwks_uri: endpoint(&document.jwks_uri, "jwks_uri")?,
        userinfo_endpoint: document
            .userinfo_endpoint
            .as_deref()
            .map(|text| endpoint(text, "userinfo_endpoint"))
            .transpose()?,
        sends_issuer: document.authorization_response_iss_parameter_supported,
        token_endpoint_auth_methods: document
            .token_endpoint_auth_methods_supported
            .unwrap_or_else(|| vec!["client_secret_basic".to_owned()]),
        issuer: document.issuer,
    })
}

// A provider that lists its PKCE methods without S256 would ignore ours; one that lists none may well check it.
fn check_support(document: &Document) -> Result<(), DiscoveryError> {
    let lacks = |list: &Option<Vec<String>>, value: &str| {
        list.as_ref().is_some_and(|list| !list.iter().any(|entry| entry == value))
    };
    if lacks(&document.response_types_supported, "code") {
        return Err(DiscoveryError::Unsupported("the response type code"));
    }
    if lacks(&document.code_challenge_methods_supported, "S256") {
        return Err(DiscoveryError::Unsupported("the code challenge method S256"));
    }
    Ok(())
}

fn allowed(text: &str, transport: Transport) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_secure = url.scheme() == "https"
        || (transport == Transport::LoopbackAllowed && url.scheme() == "http" && is_loopback(&url));
    let is_plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (is_secure && is_plain && url.host().is_some()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::{DiscoveryError, Transport, document_url, parse};

    fn document(issuer: &str) -> serde_json::Value {
        serde_json::json!({
            "issuer": issuer,
            "authorization_endpoint": "https://op.test/authorize",
            "token_endpoint": "https://op.test/token",
            "jwks_uri": "https://op.test/jwks",
        })
    }

    fn read(document: &serde_json::Value) -> Result<super::ProviderConfiguration, DiscoveryError> {
        parse(document.to_string().as_bytes(), "https://op.test", Transport::HttpsOnly)
    }

    #[test]
    fn a_minimal_document_is_read() {
        let configuration = read(&document("https://op.test")).unwrap();
        assert_eq!(configuration.token_endpoint_auth_methods, ["client_secret_basic"]);
        assert!(!configuration.sends_issuer && configuration.userinfo_endpoint.is_none());
    }

    #[test]
    fn oidcc_client_test_discovery_issuer_mismatch() {
        for other in
            ["https://op.test/", "https://OP.test", "https://op.test:443", "http://op.test", "https://evil.test"]
        {
            assert_eq!(read(&document(other)), Err(DiscoveryError::IssuerMismatch), "{other}");
        }
    }

    #[test]
    fn endpoints_are_https_unless_loopback_is_allowed() {
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            for bad in ["http://op.test/x", "javascript:alert(1)", "/x", "https://u:p@op.test/x", "https://op.test/x#f"]
            {
                let mut document = document("https://op.test");
                document[name] = bad.into();
                assert!(matches!(read(&document), Err(DiscoveryError::Endpoint(_))), "{name} {bad}");
            }
        }
        let text = document("http://localhost:9").to_string().replace("https://op.test", "http://localhost:9");
        assert!(parse(text.as_bytes(), "http://localhost:9", Transport::LoopbackAllowed).is_ok());
        assert!(parse(text.as_bytes(), "http://localhost:9", Transport::HttpsOnly).is_err());
    }

    #[test]
    fn a_provider_without_code_or_s256_is_refused() {
        for (name, value) in [("response_types_supported", "id_token"), ("code_challenge_methods_supported", "plain")] {
            let mut document = document("https://op.test");
            document[name] = serde_json::json!([value]);
            assert!(matches!(read(&document), Err(DiscoveryError::Unsupported(_))), "{name}");
        }
    }

    #[test]
    fn malformed_documents_are_refused() {
        for bad in ["", "[]", "{}", "null", r#"{"issuer":"https://op.test","issuer":"https://op.test"}"#] {
            assert_eq!(
                parse(bad.as_bytes(), "https://op.test", Transport::HttpsOnly),
                Err(DiscoveryError::Malformed),
                "{bad}"
            );
        }
    }

    #[test]
    fn the_document_lies_below_the_issuer() {
        let url = |issuer| document_url(issuer, Transport::HttpsOnly).map(String::from);
        let tenant = "https://op.test/tenant/.well-known/openid-configuration";
        assert_eq!(url("https://op.test/tenant").unwrap(), tenant);
        assert_eq!(url("https://op.test/tenant/").unwrap(), tenant);
        for bad in ["http://op.test", "https://op.test?x=1", "https://op.test#x", "op.test", "file:///etc/passwd"] {
            assert_eq!(url(bad), Err(DiscoveryError::Issuer), "{bad}");
        }
    }
}
