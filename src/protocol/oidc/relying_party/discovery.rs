//! Reading a provider's metadata (OpenID Connect Discovery 1.0, 4). The issuer must equal the configured one byte for
//! byte; every endpoint comes from this document and from nowhere else (RFC 9700, 4.4).

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{AdditionalProviderMetadata, IssuerUrl, ProviderMetadata};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::values::loopback::is_loopback;

/// The largest document that is read.
pub const MAX_BYTES: usize = 256 * 1024;
const ENDPOINTS: [&str; 4] = ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"];

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
    pub issuer: IssuerUrl,
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
    /// The provider reads the `claims` parameter of a request.
    pub takes_claims: bool,
    /// The client authentication methods the provider takes; basic when it says nothing (RFC 8414).
    pub token_endpoint_auth_methods: Vec<CoreClientAuthMethod>,
    /// An assertion of the gateway may be signed with ES256, or the provider does not say with what.
    pub takes_es256_assertions: bool,
}

type Document = ProviderMetadata<
    Extensions,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Members that other specifications add: RFC 8414 and RFC 9207.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Extensions {
    #[serde(default)]
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Extensions {}

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
    let document: Document = serde_json::from_slice(body).map_err(|_| unreadable(body))?;
    if document.issuer().as_str() != issuer {
        return Err(DiscoveryError::IssuerMismatch);
    }
    check_support(&document)?;
    let endpoint = |text: &str, name: &'static str| allowed(text, transport).ok_or(DiscoveryError::Endpoint(name));
    let token_endpoint = document.token_endpoint().ok_or(DiscoveryError::Malformed)?;
    let userinfo_endpoint = document.userinfo_endpoint().map(|url| endpoint(url, "userinfo_endpoint"));
    let methods = document.token_endpoint_auth_methods_supported().cloned();
    let algorithms = document.token_endpoint_auth_signing_alg_values_supported();
    Ok(ProviderConfiguration {
        issuer: document.issuer().clone(),
        authorization_endpoint: endpoint(document.authorization_endpoint(), "authorization_endpoint")?,
        token_endpoint: endpoint(token_endpoint, "token_endpoint")?,
        userinfo_endpoint: userinfo_endpoint.transpose()?,
        jwks_uri: endpoint(document.jwks_uri(), "jwks_uri")?,
        sends_issuer: document.additional_metadata().authorization_response_iss_parameter_supported,
        takes_claims: document.claims_parameter_supported().unwrap_or(false),
        token_endpoint_auth_methods: methods.unwrap_or_else(|| vec![CoreClientAuthMethod::ClientSecretBasic]),
        takes_es256_assertions: algorithms.is_none_or(|list| list.contains(&CoreJwsSigningAlgorithm::EcdsaP256Sha256)),
    })
}

// What keeps the library from reading a document: an endpoint that is no URL at all, or anything else.
fn unreadable(body: &[u8]) -> DiscoveryError {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let is_no_url =
        |name: &&str| document.get(name).and_then(Value::as_str).is_some_and(|text| Url::parse(text).is_err());
    ENDPOINTS.into_iter().find(is_no_url).map_or(DiscoveryError::Malformed, DiscoveryError::Endpoint)
}

// A provider that lists its PKCE methods without S256 would ignore ours; one that lists none may well check it.
fn check_support(document: &Document) -> Result<(), DiscoveryError> {
    if !document.response_types_supported().iter().any(|types| types.as_slice() == [CoreResponseType::Code]) {
        return Err(DiscoveryError::Unsupported("the response type code"));
    }
    let methods = document.additional_metadata().code_challenge_methods_supported.as_deref();
    if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
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
    use openidconnect::core::CoreClientAuthMethod;

    use super::{DiscoveryError, MAX_BYTES, Transport, document_url, parse};
    use crate::protocol::oidc::relying_party::dishonest::metadata;

    fn read(document: &serde_json::Value) -> Result<super::ProviderConfiguration, DiscoveryError> {
        parse(document.to_string().as_bytes(), "https://op.test", Transport::HttpsOnly)
    }

    #[test]
    fn a_minimal_document_is_read() {
        let configuration = read(&metadata("https://op.test")).unwrap();
        assert_eq!(configuration.token_endpoint_auth_methods, [CoreClientAuthMethod::ClientSecretBasic]);
        assert!(!configuration.sends_issuer && configuration.userinfo_endpoint.is_none());
    }

    #[test]
    fn oidcc_client_test_discovery_issuer_mismatch() {
        for other in
            ["https://op.test/", "https://OP.test", "https://op.test:443", "http://op.test", "https://evil.test"]
        {
            assert_eq!(read(&metadata(other)), Err(DiscoveryError::IssuerMismatch), "{other}");
        }
    }

    // CVE-2020-10770 and the like: no endpoint but those of the document of the issuer that is bound to the transaction.
    #[test]
    fn oidcc_client_test_discovery_jwks_uri_keys() {
        let mut document = metadata("https://op.test");
        document["jwks_uri"] = "https://keys.op.test/all".into();
        assert_eq!(read(&document).unwrap().jwks_uri.as_str(), "https://keys.op.test/all");
        document["jwks_uri"] = serde_json::Value::Null;
        assert_eq!(read(&document), Err(DiscoveryError::Malformed));
    }

    // Entra ID's `common` answers with a template, which is not the issuer of anybody.
    #[test]
    fn a_document_for_any_tenant_is_refused() {
        let issuer = "https://login.microsoftonline.com/common/v2.0";
        let template = metadata("https://login.microsoftonline.com/{tenantid}/v2.0").to_string();
        assert!(parse(template.as_bytes(), issuer, Transport::HttpsOnly).is_err());
    }

    #[test]
    fn endpoints_are_https_unless_loopback_is_allowed() {
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            for bad in ["http://op.test/x", "javascript:alert(1)", "/x", "https://u:p@op.test/x", "https://op.test/x#f"]
            {
                let mut document = metadata("https://op.test");
                document[name] = bad.into();
                assert!(matches!(read(&document), Err(DiscoveryError::Endpoint(_))), "{name} {bad}");
            }
        }
        let text = metadata("http://localhost:9").to_string();
        assert!(parse(text.as_bytes(), "http://localhost:9", Transport::LoopbackAllowed).is_ok());
        assert!(parse(text.as_bytes(), "http://localhost:9", Transport::HttpsOnly).is_err());
    }

    #[test]
    fn a_provider_without_code_or_s256_is_refused() {
        for (name, value) in [("response_types_supported", "id_token"), ("code_challenge_methods_supported", "plain")] {
            let mut document = metadata("https://op.test");
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

    #[test]
    fn a_document_is_read_up_to_its_bound() {
        let padded = |bytes: usize| {
            let text = metadata("https://op.test").to_string();
            let text = text.clone() + &" ".repeat(bytes - text.len());
            parse(text.as_bytes(), "https://op.test", Transport::HttpsOnly)
        };
        assert!(padded(MAX_BYTES).is_ok());
        assert_eq!(padded(MAX_BYTES + 1), Err(DiscoveryError::Malformed));
    }
}
