//! The authentication request that sends a person to their identity provider (HTTP-Redirect binding, signed).
//!
//! Owns its id (160 random bits), its XML and the query signature. One callback per connection: the address where the
//! answer is expected is spelled out and is the one of our metadata.

use std::fmt::Write as _;

use quick_xml::escape::escape;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::protocol::saml::assertion::Authentication;
use crate::protocol::saml::names::{BINDING_POST, SAML, SAMLP};
use crate::protocol::saml::redirect_binding::{self, Kind};
use crate::protocol::saml::signing_key::{SigningKey, UnusableKey};
use crate::values::clock::Timestamp;
use crate::values::entropy::Entropy;

/// A fresh request id: `_` and 160 random bits in hexadecimal, an NCName.
pub fn new_id(entropy: &Entropy) -> String {
    entropy.bytes::<20>().iter().fold("_".to_owned(), |mut id, byte| {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// Whether a request carries our signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestSignature {
    /// It does.
    Signed,
    /// It does not: some providers cannot take one.
    Unsigned,
}

/// How the class of an answer is to compare with those that are asked for (SAML core 3.3.2.2.1). `maximum` is missing: nobody asks
/// for less.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Comparison {
    /// It is one of them.
    #[default]
    Exact,
    /// It is at least as strong as one of them, as the provider sees it.
    Minimum,
    /// It is stronger than all of them, as the provider sees it.
    Better,
}

impl Comparison {
    /// The value of the attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Minimum => "minimum",
            Self::Better => "better",
        }
    }
}

/// A request. `AssertionConsumerServiceIndex` and `Subject` are left out: identity providers answer each with an error now
/// and then; so is `RequestedAuthnContext` unless somebody has demanded one.
#[derive(Debug, Clone, Copy)]
pub struct AuthnRequest<'a> {
    /// From [`new_id`]; kept with the attempt.
    pub id: &'a str,
    /// Our clock.
    pub issued_at: Timestamp,
    /// The identity provider's single sign-on address for this binding.
    pub destination: &'a Url,
    /// Our entity id towards this connection.
    pub sp_entity_id: &'a str,
    /// Where the answer goes, exactly as in our metadata.
    pub acs_url: &'a str,
    /// Whether an existing session at the identity provider is enough.
    pub authentication: Authentication,
    /// How the person has to prove themselves: any of these class URIs. None means any way will do.
    pub contexts: &'a [String],
    /// How the class of the answer is to compare with them.
    pub comparison: Comparison,
}

impl AuthnRequest<'_> {
    /// The request as XML.
    pub fn to_xml(&self) -> String {
        let force = match self.authentication {
            Authentication::Any => "",
            Authentication::Fresh => " ForceAuthn=\"true\"",
        };
        format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{SAMLP}\" xmlns:saml=\"{SAML}\" ID=\"{id}\" Version=\"2.0\" \
             IssueInstant=\"{issued_at}\" Destination=\"{destination}\" AssertionConsumerServiceURL=\"{acs}\" \
             ProtocolBinding=\"{BINDING_POST}\"{force}><saml:Issuer>{issuer}</saml:Issuer>\
             <samlp:NameIDPolicy AllowCreate=\"true\"/>{contexts}</samlp:AuthnRequest>",
            id = escape(self.id),
            issued_at = self.issued_at,
            destination = escape(self.destination.as_str()),
            acs = escape(self.acs_url),
            issuer = escape(self.sp_entity_id),
            contexts = self.requested_context(),
        )
    }

    /// SAML core 3.3.2.2.1: with `exact`, the context of the answer "MUST be the exact match of at least one".
    fn requested_context(&self) -> String {
        if self.contexts.is_empty() {
            return String::new();
        }
        let class =
            |class: &String| format!("<saml:AuthnContextClassRef>{}</saml:AuthnContextClassRef>", escape(class));
        let classes: String = self.contexts.iter().map(class).collect();
        let comparison = self.comparison.as_str();
        format!("<samlp:RequestedAuthnContext Comparison=\"{comparison}\">{classes}</samlp:RequestedAuthnContext>")
    }

    /// The address to send the browser to, signed where there is a key to sign with. `relay_state` is an opaque handle of at
    /// most 80 bytes (SAML bindings 3.4.3).
    pub fn redirect_url(&self, relay_state: &str, key: Option<&SigningKey>) -> Result<String, UnusableKey> {
        redirect_binding::url(self.destination, Kind::Request, &self.to_xml(), Some(relay_state), key)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io::Read as _;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::rsa::Rsa;
    use openssl::sign::Verifier;
    use openssl::x509::X509;
    use url::Url;

    use super::{AuthnRequest, Comparison, new_id};
    use crate::protocol::saml::assertion::Authentication;
    use crate::protocol::saml::certificate::Holder;
    use crate::protocol::saml::document::reader::{Comments, Limits, parse};
    use crate::protocol::saml::names::{SAML, SAMLP};
    use crate::protocol::saml::signing_key::SigningKey;
    use crate::values::clock::Timestamp;
    use crate::values::entropy::Entropy;

    fn key() -> SigningKey {
        let rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        SigningKey::from_pkcs8(&rsa.private_key_to_pkcs8().unwrap()).unwrap()
    }

    fn request(destination: &Url) -> AuthnRequest<'_> {
        AuthnRequest {
            id: "_0a",
            issued_at: Timestamp::from_seconds(1_700_000_000),
            destination,
            sp_entity_id: "https://sp.test/metadata?a=1&b=\"2\"",
            acs_url: "https://sp.test/acs",
            authentication: Authentication::Fresh,
            contexts: &[],
            comparison: Comparison::Exact,
        }
    }

    #[test]
    fn an_id_has_160_bits_and_is_a_name() {
        assert_eq!(new_id(&Entropy::new(|buffer| buffer.fill(0xab))), format!("_{}", "ab".repeat(20)));
    }

    #[test]
    fn the_request_is_a_document_that_says_what_was_asked() {
        let destination = Url::parse("https://idp.test/sso?x=1&y=2").unwrap();
        let root = parse(&request(&destination).to_xml(), &Limits::RESPONSE, Comments::Refused).unwrap();
        assert!(root.is(SAMLP, "AuthnRequest"));
        assert_eq!(root.attribute("Destination"), Some("https://idp.test/sso?x=1&y=2"));
        assert_eq!(root.attribute("AssertionConsumerServiceURL"), Some("https://sp.test/acs"));
        assert_eq!(root.attribute("ForceAuthn"), Some("true"));
        assert_eq!(root.attribute("IssueInstant"), Some("2023-11-14T22:13:20.000Z"));
        let issuer = root.only(SAML, "Issuer").and_then(|issuer| issuer.text());
        assert_eq!(issuer, Some("https://sp.test/metadata?a=1&b=\"2\""));
        let policy = root.only(SAMLP, "NameIDPolicy").unwrap();
        assert_eq!((policy.attribute("AllowCreate"), policy.attribute("Format")), (Some("true"), None));
    }

    #[test]
    fn the_contexts_that_are_demanded_are_asked_for_as_the_connection_compares() {
        let destination = Url::parse("https://idp.test/sso").unwrap();
        let contexts = ["https://refeds.org/profile/mfa".to_owned(), "urn:x?a&b".to_owned()];
        for comparison in [Comparison::Exact, Comparison::Minimum, Comparison::Better] {
            let request = AuthnRequest { contexts: &contexts, comparison, ..request(&destination) };
            let root = parse(&request.to_xml(), &Limits::RESPONSE, Comments::Refused).unwrap();
            let requested = root.only(SAMLP, "RequestedAuthnContext").unwrap();
            assert_eq!(requested.attribute("Comparison"), Some(comparison.as_str()));
            let classes: Vec<_> =
                requested.named(SAML, "AuthnContextClassRef").map(|class| class.text().unwrap().to_owned()).collect();
            assert_eq!(classes, contexts);
        }
        assert!(!super::tests::request(&destination).to_xml().contains("RequestedAuthnContext"));
    }

    #[test]
    fn without_a_key_the_redirect_carries_no_signature() {
        let destination = Url::parse("https://idp.test/sso").unwrap();
        let url = Url::parse(&request(&destination).redirect_url("handle", None).unwrap()).unwrap();
        let names: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names, ["SAMLRequest", "RelayState"]);
    }

    #[test]
    fn the_redirect_carries_the_request_and_a_signature_over_the_query_as_sent() {
        let key = key();
        let destination = Url::parse("https://idp.test/sso?tenant=1").unwrap();
        let request = request(&destination);
        let url = Url::parse(&request.redirect_url("handle+/=", Some(&key)).unwrap()).unwrap();
        let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(query["tenant"], "1");
        assert_eq!(query["RelayState"], "handle+/=");
        let deflated = STANDARD.decode(&query["SAMLRequest"]).unwrap();
        let mut xml = String::new();
        flate2::read::DeflateDecoder::new(deflated.as_slice()).read_to_string(&mut xml).unwrap();
        assert_eq!(xml, request.to_xml());

        let raw = url.query().unwrap();
        let signed = &raw["tenant=1&".len()..raw.find("&Signature=").unwrap()];
        let holder = Holder { common_name: "h", valid_from: Timestamp::from_seconds(0), serial: &[1; 16] };
        let public = X509::from_der(key.certificate(&holder).unwrap().der()).unwrap().public_key().unwrap();
        let mut verifier = Verifier::new(MessageDigest::sha256(), &public).unwrap();
        let signature = STANDARD.decode(&query["Signature"]).unwrap();
        assert!(verifier.verify_oneshot(&signature, signed.as_bytes()).unwrap());
    }
}
