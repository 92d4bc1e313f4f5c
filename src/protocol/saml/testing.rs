//! An identity provider for unit tests: a template of a response, and real signatures over it.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use samael::crypto::{Crypto, CryptoProvider};

use crate::protocol::saml::assertion::rejected::Rejected;
use crate::protocol::saml::assertion::{Authentication, Expected, Request, VerifiedAssertion, verify};
use crate::protocol::saml::certificate::{Certificate, Holder, self_signed};
use crate::protocol::saml::document::reader::Limits;
use crate::values::clock::Timestamp;

/// The identity provider's entity id.
pub const IDP: &str = "https://idp.test/saml";
/// Our entity id.
pub const SP: &str = "https://sp.test/federation/saml/c1/metadata";
/// Our assertion consumer service.
pub const ACS: &str = "https://sp.test/federation/saml/c1/acs";
/// The id of our request.
pub const REQUEST: &str = "_request1";
/// When it all happens, in seconds.
pub const NOW: i64 = 1_700_000_000;

/// A key, its certificate, and the algorithm of its signatures.
pub struct Signer {
    key: PKey<Private>,
    /// What verifies its signatures.
    pub certificate: Certificate,
    /// The last part of the algorithm's URI.
    pub algorithm: &'static str,
}

impl Signer {
    fn new(key: PKey<Private>, algorithm: &'static str) -> Self {
        let holder = Holder { common_name: "idp", valid_from: Timestamp::from_seconds(0), serial: &[1; 16] };
        let certificate = self_signed(&key, &holder).unwrap();
        Self { key, certificate, algorithm }
    }

    /// An RSA key.
    pub fn rsa(bits: u32) -> Self {
        Self::new(PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap(), "rsa-sha256")
    }

    /// A key on P-256.
    pub fn ecdsa() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        Self::new(PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap(), "ecdsa-sha256")
    }

    /// Signs the first signature template of the document.
    pub fn sign(&self, xml: &str) -> String {
        let der = match self.key.rsa() {
            Ok(rsa) => rsa.private_key_to_der().unwrap(),
            Err(_) => self.key.private_key_to_der().unwrap(),
        };
        Crypto::sign_xml(xml, &der).unwrap()
    }

    /// A signature template over the element with this id.
    pub fn template(&self, id: &str) -> String {
        template(id, self.algorithm, &self.certificate)
    }

    /// The response signed at that place; the marks are gone.
    pub fn sign_response(&self, place: Place, xml: &str) -> String {
        // The inner signature first: the outer one covers it.
        let assertion = xml.split("<saml:Assertion ID=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let inner = if place == Place::Response { String::new() } else { self.template(assertion) };
        let outer = if place == Place::Assertion { String::new() } else { self.template("_r1") };
        let mut xml = xml.replace(ASSERTION_MARK, &inner);
        if !inner.is_empty() {
            xml = self.sign(&xml);
        }
        xml = xml.replace(RESPONSE_MARK, &outer);
        if outer.is_empty() { xml } else { self.sign(&xml) }
    }
}

/// An empty signature over the element with this id.
pub fn template(id: &str, algorithm: &str, certificate: &Certificate) -> String {
    format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#{algorithm}\"/>\
         <ds:Reference URI=\"#{id}\"><ds:Transforms>\
         <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
         <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue></ds:DigestValue>\
         </ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue><ds:KeyInfo><ds:X509Data>\
         <ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>",
        certificate.to_base64()
    )
}

/// Which elements are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The response.
    Response,
    /// The assertion.
    Assertion,
    /// Each of the two.
    Both,
}

/// Where the signature of the response goes.
pub const RESPONSE_MARK: &str = "@response-signature@";
/// Where the signature of the assertion goes.
pub const ASSERTION_MARK: &str = "@assertion-signature@";

/// A response that fits [`expected`], with marks where signatures may go. Tests change it by replacing text.
pub fn response() -> String {
    response_to(SP, ACS, REQUEST, Timestamp::from_seconds(NOW))
}

/// A response to somebody else's request.
pub fn response_to(sp_entity_id: &str, acs_url: &str, request_id: &str, at: Timestamp) -> String {
    let instant = |seconds| at.plus_seconds(seconds).to_rfc3339();
    format!(
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_r1\" Version=\"2.0\" \
         IssueInstant=\"{now}\" Destination=\"{acs_url}\" InResponseTo=\"{request_id}\"><saml:Issuer>{IDP}</saml:Issuer>\
         {RESPONSE_MARK}<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>\
         </samlp:Status><saml:Assertion ID=\"_a1\" Version=\"2.0\" IssueInstant=\"{now}\">\
         <saml:Issuer>{IDP}</saml:Issuer>{ASSERTION_MARK}<saml:Subject>\
         <saml:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">ada@acme.test</saml:NameID>\
         <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData \
         Recipient=\"{acs_url}\" NotOnOrAfter=\"{soon}\" InResponseTo=\"{request_id}\"/></saml:SubjectConfirmation>\
         </saml:Subject><saml:Conditions NotBefore=\"{now}\" NotOnOrAfter=\"{later}\"><saml:AudienceRestriction>\
         <saml:Audience>{sp_entity_id}</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
         <saml:AuthnStatement AuthnInstant=\"{now}\" SessionIndex=\"s1\" SessionNotOnOrAfter=\"{end}\">\
         <saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password\
         </saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>\
         <saml:Attribute Name=\"mail\"><saml:AttributeValue>ada@acme.test</saml:AttributeValue></saml:Attribute>\
         <saml:Attribute Name=\"groups\"><saml:AttributeValue>eng</saml:AttributeValue>\
         <saml:AttributeValue>ops &amp; more</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>\
         </saml:Assertion></samlp:Response>",
        now = instant(0),
        soon = instant(120),
        later = instant(300),
        end = instant(3_600),
    )
}

/// [`NOW`] moved by so many seconds, as an `xsd:dateTime`.
pub fn instant(seconds: i64) -> String {
    Timestamp::from_seconds(NOW + seconds).to_rfc3339()
}

/// The signer that [`expected`] trusts.
pub fn signer() -> &'static Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    SIGNER.get_or_init(|| Signer::rsa(2048))
}

/// The signer that nobody trusts.
pub fn stranger() -> &'static Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    SIGNER.get_or_init(|| Signer::rsa(2048))
}

/// What [`response`] fits, once it is signed.
pub fn expected() -> Expected<'static> {
    Expected {
        idp_entity_id: IDP,
        certificates: std::slice::from_ref(&signer().certificate),
        sp_entity_id: SP,
        acs_url: ACS,
        request: Request {
            id: REQUEST,
            issued_at: Timestamp::from_seconds(NOW - 30),
            authentication: Authentication::Any,
        },
        now: Timestamp::from_seconds(NOW + 5),
        skew_seconds: 60,
        limits: Limits::RESPONSE,
    }
}

/// Verifies a document as it would come in a form.
pub fn verify_xml(xml: &str, expected: &Expected<'_>) -> Result<VerifiedAssertion, Rejected> {
    verify(&STANDARD.encode(xml), expected)
}

/// The code with which a document is rejected, or `accepted`.
pub fn outcome(xml: &str, expected: &Expected<'_>) -> &'static str {
    verify_xml(xml, expected).map_or_else(|rejected| rejected.code(), |_| "accepted")
}
