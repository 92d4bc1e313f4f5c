//! An identity provider for unit tests: a template of a response, and real signatures over it.

use std::io::Read as _;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::ec::{EcGroup, EcKey};
use openssl::md::Md;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::{Padding, Rsa};
use openssl::symm::{Cipher, encrypt_aead};
use samael::crypto::{Crypto, CryptoProvider};

use crate::protocol::saml::assertion::rejected::Rejected;
use crate::protocol::saml::assertion::{Authentication, Encryption, Expected, Request, VerifiedAssertion, verify};
use crate::protocol::saml::certificate::{Certificate, Holder, self_signed};
use crate::protocol::saml::decryption_key::DecryptionKey;
use crate::protocol::saml::document::reader::{Comments, Limits, parse};
use crate::protocol::saml::signing_key::SigningKey;
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

    /// The same key, for signing what is not XML.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_pkcs8(&self.key.private_key_to_pkcs8().unwrap()).unwrap()
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

/// A certificate that ends then.
pub fn certificate_until(end: Timestamp) -> Certificate {
    const TEN_YEARS_SECONDS: i64 = 10 * 365 * 24 * 3_600;
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let valid_from = end.plus_seconds(-TEN_YEARS_SECONDS);
    self_signed(&key, &Holder { common_name: "idp", valid_from, serial: &[2; 16] }).unwrap()
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

/// The id of a request as it stands in the address of the redirect binding.
pub fn id_of_request(saml_request: &str) -> String {
    let deflated = STANDARD.decode(saml_request).unwrap();
    let mut xml = String::new();
    flate2::read::DeflateDecoder::new(deflated.as_slice()).read_to_string(&mut xml).unwrap();
    parse(&xml, &Limits::RESPONSE, Comments::Refused).unwrap().attribute("ID").unwrap().to_owned()
}

/// [`NOW`] moved by so many seconds, as an `xsd:dateTime`.
pub fn instant(seconds: i64) -> String {
    Timestamp::from_seconds(NOW + seconds).to_rfc3339()
}

/// Our keys that [`sealed`] encrypts to: one in use, and the next.
pub fn decryption_keys() -> &'static [DecryptionKey] {
    static KEYS: OnceLock<Vec<DecryptionKey>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let pkcs8 = |key: &Rsa<Private>| PKey::from_rsa(key.clone()).unwrap().private_key_to_pkcs8().unwrap();
        rsa_keys().iter().map(|key| DecryptionKey::from_pkcs8(&pkcs8(key))).collect()
    })
}

/// The same keys, for who encrypts to them.
pub fn rsa_keys() -> &'static [Rsa<Private>] {
    static KEYS: OnceLock<[Rsa<Private>; 2]> = OnceLock::new();
    KEYS.get_or_init(|| [(); 2].map(|()| Rsa::generate(2048).unwrap()))
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
        decryption_keys: decryption_keys(),
        encryption: Encryption::Optional,
        sp_entity_id: SP,
        acs_url: ACS,
        request: Request {
            id: REQUEST,
            issued_at: Timestamp::from_seconds(NOW - 30),
            authentication: Authentication::Any,
            contexts: &[],
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

/// How [`seal`] encrypts: the names of algorithms as they stand in the document.
#[derive(Debug, Clone, Copy)]
pub struct Sealing<'a> {
    /// The content.
    pub content: &'a str,
    /// The key to it.
    pub transport: &'a str,
    /// The digest of OAEP; left out when empty.
    pub digest: &'a str,
    /// The mask of OAEP; left out when empty.
    pub mask: &'a str,
    /// To which of [`rsa_keys`].
    pub to: &'a Rsa<Private>,
}

impl Sealing<'static> {
    /// AES-256-GCM under RSA-OAEP with SHA-1, as most products send.
    pub fn usual() -> Self {
        Self {
            content: "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            transport: "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
            digest: "http://www.w3.org/2000/09/xmldsig#sha1",
            mask: "",
            to: &rsa_keys()[0],
        }
    }
}

/// An encrypted assertion of this plaintext. Algorithms that no sender may use are named and not used: the document looks
/// as if.
pub fn seal(plaintext: &[u8], sealing: &Sealing<'_>) -> String {
    let cipher = if sealing.content.ends_with("aes256-gcm") { Cipher::aes_256_gcm() } else { Cipher::aes_128_gcm() };
    let key = vec![7; cipher.key_len()];
    let mut tag = [0; 16];
    let nonce = [9; 12];
    let ciphertext = encrypt_aead(cipher, &key, Some(&nonce), &[], plaintext, &mut tag).unwrap();
    let content = [&nonce[..], &ciphertext, &tag].concat();
    encrypted_assertion(sealing, &transport(&key, sealing), &content)
}

/// The key, encrypted as `sealing` says.
pub fn transport(key: &[u8], sealing: &Sealing<'_>) -> Vec<u8> {
    let hash = |name: &str| match name.get(name.len().saturating_sub(3)..) {
        Some("256") => Md::sha256(),
        Some("384") => Md::sha384(),
        Some("512") => Md::sha512(),
        _ => Md::sha1(),
    };
    let public = PKey::from_rsa(sealing.to.clone()).unwrap();
    let mut context = PkeyCtx::new(&public).unwrap();
    context.encrypt_init().unwrap();
    if sealing.transport.ends_with("rsa-1_5") {
        context.set_rsa_padding(Padding::PKCS1).unwrap();
    } else {
        context.set_rsa_padding(Padding::PKCS1_OAEP).unwrap();
        context.set_rsa_oaep_md(hash(sealing.digest)).unwrap();
        context.set_rsa_mgf1_md(hash(sealing.mask)).unwrap();
    }
    let mut transported = Vec::new();
    context.encrypt_to_vec(key, &mut transported).unwrap();
    transported
}

/// The document of ciphertexts.
pub fn encrypted_assertion(sealing: &Sealing<'_>, transported: &[u8], content: &[u8]) -> String {
    let named = |element: &str, algorithm: &str| match algorithm {
        "" => String::new(),
        algorithm => format!("<{element} Algorithm=\"{algorithm}\"/>"),
    };
    format!(
        "<saml:EncryptedAssertion><xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" \
         xmlns:xenc11=\"http://www.w3.org/2009/xmlenc11#\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" \
         Type=\"http://www.w3.org/2001/04/xmlenc#Element\"><xenc:EncryptionMethod Algorithm=\"{}\"/><ds:KeyInfo>\
         <xenc:EncryptedKey><xenc:EncryptionMethod Algorithm=\"{}\">{}{}</xenc:EncryptionMethod><xenc:CipherData>\
         <xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData>\
         <xenc:CipherValue>\n{}\n</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>",
        sealing.content,
        sealing.transport,
        named("ds:DigestMethod", sealing.digest),
        named("xenc11:MGF", sealing.mask),
        STANDARD.encode(transported),
        STANDARD.encode(content),
    )
}

/// The response with its assertion encrypted, after whatever was signed inside, and signed as a whole where `place` says.
pub fn sealed_response(place: Place, xml: &str, sealing: &Sealing<'_>) -> String {
    let inner = if place == Place::Response {
        xml.replace(ASSERTION_MARK, "")
    } else {
        signer().sign(&xml.replace(ASSERTION_MARK, &signer().template("_a1")))
    };
    let start = inner.find("<saml:Assertion ").unwrap();
    let end = inner.find("</saml:Assertion>").unwrap() + "</saml:Assertion>".len();
    let sealed = format!("{}{}{}", &inner[..start], seal(&inner.as_bytes()[start..end], sealing), &inner[end..]);
    match place {
        Place::Assertion => sealed.replace(RESPONSE_MARK, ""),
        Place::Response | Place::Both => signer().sign(&sealed.replace(RESPONSE_MARK, &signer().template("_r1"))),
    }
}
