//! How the gateway proves to a provider that it is its client (OpenID Connect Core, 9): with the secret that the provider
//! gave it, or with a JWT that it signs itself (RFC 7523).

use openidconnect::core::CoreClientAuthMethod;
use serde::{Deserialize, Serialize};

use super::discovery::ProviderConfiguration;
use crate::protocol::oidc::signing::{SigningFailed, SigningKey, TokenType};
use crate::values::clock::Timestamp;
use crate::values::secret::Secret;

/// How long an assertion is good. It is used at once.
const ASSERTION_SECONDS: i64 = 60;

/// A way to prove it. The names are those of the metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// The secret in the `Authorization` header.
    ClientSecretBasic,
    /// The secret in the form.
    ClientSecretPost,
    /// A JWT under the gateway's own key.
    PrivateKeyJwt,
}

/// The provider's metadata does not list what is chosen, or nothing that the gateway can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider does not take {0} at its token endpoint")]
pub struct NotTaken(pub &'static str);

impl ClientAuthentication {
    /// The name in the store, in the API and in metadata.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// Checks that the provider says it takes this.
    pub fn check(self, provider: &ProviderConfiguration) -> Result<(), NotTaken> {
        let method = match self {
            Self::ClientSecretBasic => CoreClientAuthMethod::ClientSecretBasic,
            Self::ClientSecretPost => CoreClientAuthMethod::ClientSecretPost,
            Self::PrivateKeyJwt => CoreClientAuthMethod::PrivateKeyJwt,
        };
        if !provider.token_endpoint_auth_methods.contains(&method) {
            return Err(NotTaken(self.as_str()));
        }
        if self == Self::PrivateKeyJwt && !provider.takes_es256_assertions {
            return Err(NotTaken("an assertion under ES256"));
        }
        Ok(())
    }

    /// What is done with a secret where nothing was chosen: in the header, unless the provider takes it in the form only.
    pub fn by_secret(provider: &ProviderConfiguration) -> Self {
        let takes = |method| provider.token_endpoint_auth_methods.contains(&method);
        if takes(CoreClientAuthMethod::ClientSecretPost) && !takes(CoreClientAuthMethod::ClientSecretBasic) {
            Self::ClientSecretPost
        } else {
            Self::ClientSecretBasic
        }
    }
}

/// What an assertion says.
#[derive(Debug, Clone, Copy)]
pub struct Assertion<'a> {
    /// The gateway's client id at the provider.
    pub client_id: &'a str,
    /// The provider's issuer, byte for byte as configured, and the only audience. The token endpoint, which RFC 7523
    /// suggests, comes from the provider's own metadata: a dishonest provider could name there another one's, and use
    /// there what it got (CVE-2025-27370, CVE-2025-27371).
    pub issuer: &'a str,
    /// A fresh `jti`.
    pub id: &'a str,
    /// Now.
    pub now: Timestamp,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: &'a str,
    iat: i64,
    exp: i64,
}

/// The assertion, signed.
pub fn sign(assertion: &Assertion<'_>, key: &SigningKey) -> Result<Secret, SigningFailed> {
    let Assertion { client_id, issuer, id, now } = *assertion;
    let (iat, exp) = (now.seconds(), now.plus_seconds(ASSERTION_SECONDS).seconds());
    let claims = Claims { iss: client_id, sub: client_id, aud: issuer, jti: id, iat, exp };
    key.sign(TokenType::ClientAssertion, &claims).map(Secret::from)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    use serde_json::{Value, json};

    use super::{Assertion, ClientAuthentication, NotTaken, sign};
    use crate::protocol::oidc::client_assertion::{self, Expected, ExpectedAudience};
    use crate::protocol::oidc::client_keys::ClientKeySet;
    use crate::protocol::oidc::relying_party::discovery::{ProviderConfiguration, Transport, parse};
    use crate::protocol::oidc::relying_party::dishonest::metadata;
    use crate::protocol::oidc::signing::{SigningAlgorithm, SigningKey};
    use crate::values::clock::Timestamp;

    fn provider(methods: &[&str], algorithms: Value) -> ProviderConfiguration {
        let mut document = metadata("https://op.test");
        document["token_endpoint_auth_methods_supported"] = methods.into();
        document["token_endpoint_auth_signing_alg_values_supported"] = algorithms;
        parse(document.to_string().as_bytes(), "https://op.test", Transport::HttpsOnly).unwrap()
    }

    #[test]
    fn what_the_provider_does_not_list_is_not_taken() {
        use ClientAuthentication::{ClientSecretBasic, ClientSecretPost, PrivateKeyJwt};
        let all = provider(&["client_secret_basic", "client_secret_post", "private_key_jwt"], json!(["ES256"]));
        for method in [ClientSecretBasic, ClientSecretPost, PrivateKeyJwt] {
            assert_eq!(method.check(&all), Ok(()));
            let other = provider(&["tls_client_auth"], json!(null));
            assert_eq!(method.check(&other), Err(NotTaken(method.as_str())));
        }
        let rsa_only = provider(&["private_key_jwt"], json!(["RS256"]));
        assert_eq!(PrivateKeyJwt.check(&rsa_only), Err(NotTaken("an assertion under ES256")));
        let unsaid = provider(&["private_key_jwt"], json!(null));
        assert_eq!(PrivateKeyJwt.check(&unsaid), Ok(()));
    }

    #[test]
    fn an_assertion_is_for_the_issuer_alone_and_short() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let key = SigningKey::from_pkcs8("k1", SigningAlgorithm::Es256, pair.to_pkcs8v1().unwrap().as_ref()).unwrap();
        let now = Timestamp::from_seconds(1_800_000_000);
        let assertion = Assertion { client_id: "c", issuer: "https://op.test", id: "j", now };
        let signed = sign(&assertion, &key).unwrap();
        let set = json!({ "keys": [key.public_jwk().unwrap()] });
        let keys = ClientKeySet::parse(set.to_string().as_bytes()).unwrap();
        let expected = Expected {
            issuer: "c",
            subject: "c",
            audience: ExpectedAudience::Issuer("https://op.test"),
            now,
            skew_seconds: 0,
            longest_seconds: 60,
        };
        let verified = client_assertion::verify(signed.expose(), &keys, &expected).unwrap();
        assert_eq!((verified.id.as_deref(), verified.ends_at), (Some("j"), now.plus_seconds(60)));
    }
}
