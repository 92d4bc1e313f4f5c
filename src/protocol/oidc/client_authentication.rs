//! How a client says who it is at the token and revocation endpoints: `client_secret_basic`, `client_secret_post`,
//! `private_key_jwt` (RFC 7523, 2.2), or `none` for public clients (RFC 6749, 2.3; OpenID Connect Core, 9). Whether
//! the proof is right is decided by whoever knows the client.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::client_assertion;
use super::error::{ErrorCode, OAuthError};
use super::parameters::Parameters;
use crate::protocol::form;
use crate::values::secret::Secret;

/// The methods of the token endpoint as the metadata names them. `private_key_jwt` is for SCIM clients.
pub const METHODS: [&str; 4] = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
/// The methods of the revocation endpoint.
pub const REVOCATION_METHODS: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];

/// What a client presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCredentials {
    /// The client, by its id on the wire.
    pub client_id: String,
    /// What is to prove it.
    pub proof: Proof,
}

/// What a client presented to prove who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Nothing: it only named itself.
    None,
    /// A secret.
    Secret(Secret),
    /// A signed assertion.
    Assertion(Secret),
}

const UNAUTHENTICATED: OAuthError =
    OAuthError::new(ErrorCode::InvalidClient, "the client is unknown or its secret is wrong");

/// The one error for an unknown client, a wrong secret and a missing one.
pub const fn refused() -> OAuthError {
    UNAUTHENTICATED
}

/// Reads the credentials. RFC 6749, 2.3: "The client MUST NOT use more than one authentication method in each request."
pub fn parse(authorization: Option<&str>, parameters: &Parameters) -> Result<ClientCredentials, OAuthError> {
    let named = parameters.get("client_id");
    let posted = parameters.get("client_secret");
    match (authorization, posted, assertion(parameters)?) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            Err(OAuthError::invalid_request("two ways of client authentication at once"))
        }
        (None, None, Some(assertion)) => Ok(ClientCredentials {
            client_id: match named {
                Some(name) => name.to_owned(),
                // RFC 7521, 4.2: client_id is "OPTIONAL", as the subject of the assertion says it.
                None => client_assertion::claimed(assertion).map_err(|_| UNAUTHENTICATED)?.subject,
            },
            proof: Proof::Assertion(Secret::from(assertion.to_owned())),
        }),
        (Some(header), None, None) => {
            let credentials = parse_basic(header).ok_or(UNAUTHENTICATED)?;
            if named.is_some_and(|name| name != credentials.client_id) {
                return Err(OAuthError::invalid_request("client_id differs from the authenticated client"));
            }
            Ok(credentials)
        }
        (None, secret, None) => Ok(ClientCredentials {
            client_id: named.ok_or(UNAUTHENTICATED)?.to_owned(),
            proof: secret.map_or(Proof::None, |secret| Proof::Secret(Secret::from(secret.to_owned()))),
        }),
    }
}

fn assertion(parameters: &Parameters) -> Result<Option<&str>, OAuthError> {
    match (parameters.get("client_assertion_type"), parameters.get("client_assertion")) {
        (None, None) => Ok(None),
        (Some(client_assertion::TYPE), Some(assertion)) => Ok(Some(assertion)),
        _ => Err(OAuthError::new(ErrorCode::InvalidClient, "client_assertion goes with the type jwt-bearer")),
    }
}

// RFC 6749, 2.3.1: id and secret are form-encoded before they become user name and password.
fn parse_basic(header: &str) -> Option<ClientCredentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some(ClientCredentials { client_id: form_decode(id)?, proof: Proof::Secret(Secret::from(form_decode(secret)?)) })
}

/// `None` of an empty text as well: half of the credentials is none.
fn form_decode(text: &str) -> Option<String> {
    // A form-encoded word holds neither; unescaped they would split it into several pairs.
    if text.contains(['&', '=']) {
        return None;
    }
    form::decode(text).ok().filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::{Proof, parse};
    use crate::protocol::oidc::error::ErrorCode;
    use crate::protocol::oidc::parameters::Parameters;
    use crate::values::secret::Secret;

    fn basic(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    fn secret(text: &str) -> Proof {
        Proof::Secret(Secret::from(text.to_owned()))
    }

    fn form(text: &str) -> Parameters {
        Parameters::parse(text).unwrap()
    }

    #[test]
    fn basic_credentials_are_form_decoded() {
        let credentials = parse(Some(&basic("my%20app:a%3Ab+c%25")), &form("")).unwrap();
        assert_eq!(credentials.client_id, "my app");
        assert_eq!(credentials.proof, secret("a:b c%"));
    }

    #[test]
    fn half_of_the_basic_credentials_is_none() {
        for half in [":secret", "client:", ":", "client"] {
            let refused = parse(Some(&basic(half)), &form("")).unwrap_err();
            assert_eq!(refused.code, ErrorCode::InvalidClient, "{half}");
        }
    }

    #[test]
    fn oidcc_server_client_secret_post() {
        let credentials = parse(None, &form("client_id=c&client_secret=s")).unwrap();
        assert_eq!((credentials.client_id.as_str(), credentials.proof), ("c", secret("s")));
    }

    #[test]
    fn a_public_client_only_names_itself() {
        assert_eq!(parse(None, &form("client_id=c")).unwrap().proof, Proof::None);
    }

    #[test]
    fn two_methods_or_two_names_are_refused() {
        let both = parse(Some(&basic("c:s")), &form("client_secret=s")).unwrap_err();
        assert_eq!(both.code, ErrorCode::InvalidRequest);
        let other = parse(Some(&basic("c:s")), &form("client_id=d")).unwrap_err();
        assert_eq!(other.code, ErrorCode::InvalidRequest);
        assert!(parse(Some(&basic("c:s")), &form("client_id=c")).is_ok());
        let assertion = "client_id=c&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion=x";
        let with_header = parse(Some(&basic("c:s")), &form(assertion)).unwrap_err();
        let with_secret = parse(None, &form(&format!("{assertion}&client_secret=s"))).unwrap_err();
        assert_eq!((with_header.code, with_secret.code), (ErrorCode::InvalidRequest, ErrorCode::InvalidRequest));
    }

    #[test]
    fn an_assertion_names_the_client_when_no_parameter_does() {
        let kind = "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let payload = URL_SAFE_NO_PAD.encode(r#"{"iss":"me","sub":"me"}"#);
        let credentials = parse(None, &form(&format!("{kind}&client_assertion=h.{payload}.s"))).unwrap();
        assert_eq!(credentials.client_id, "me");
        assert!(matches!(credentials.proof, Proof::Assertion(_)));
        let named = parse(None, &form(&format!("{kind}&client_assertion=h.{payload}.s&client_id=other"))).unwrap();
        assert_eq!(named.client_id, "other");
        assert_eq!(
            parse(None, &form(&format!("{kind}&client_assertion=x"))).unwrap_err().code,
            ErrorCode::InvalidClient
        );
    }

    #[test]
    fn malformed_headers_and_assertions_are_refused() {
        for bad in ["Basic", "Basic %%%", "Bearer x", &basic("no-colon"), &basic(":s"), &basic("c:"), &basic("c:a=b")] {
            assert_eq!(parse(Some(bad), &form("")).unwrap_err().code, ErrorCode::InvalidClient, "{bad}");
        }
        assert_eq!(parse(None, &form("")).unwrap_err().code, ErrorCode::InvalidClient);
        assert_eq!(parse(None, &form("client_id=c&client_assertion=x")).unwrap_err().code, ErrorCode::InvalidClient);
    }

    #[test]
    fn a_header_of_another_scheme_or_without_a_name_or_a_secret_is_refused() {
        for header in [basic("c:s").replace("Basic", "Digest"), basic(":s"), basic("c:"), basic("c")] {
            assert_eq!(parse(Some(&header), &form("")).unwrap_err().code, ErrorCode::InvalidClient, "{header}");
        }
    }
}
