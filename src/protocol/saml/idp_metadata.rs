//! Reading an identity provider's metadata, as an administrator hands it in.
//!
//! Owns what is taken from it: entity id, sign-on addresses, signing certificates, end of validity. Refuses a document
//! from which nothing could be verified later. Does not fetch. The document's own signature counts where a key is pinned.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::protocol::saml::certificate::{Certificate, InvalidCertificate};
use crate::protocol::saml::document::Element;
use crate::protocol::saml::document::reader::{Comments, Limits, Malformed, check_bytes, parse};
use crate::protocol::saml::duration;
use crate::protocol::saml::gate::refusal::Refusal;
use crate::protocol::saml::gate::{self, signature_shape};
use crate::protocol::saml::names::{BINDING_POST, BINDING_REDIRECT, DSIG, METADATA, SAMLP};
use crate::protocol::saml::verification::{Signed, Unverified, verified};
use crate::values::clock::Timestamp;
use crate::values::loopback::is_loopback;

/// SAML metadata 2.2.1 bounds an entity id at 1024 characters.
const MAX_ENTITY_ID_CHARACTERS: usize = 1024;
/// More certificates than any roll-over needs; each costs a verification when a signature is wrong.
const MAX_CERTIFICATES: usize = 16;

/// What a connection keeps of its identity provider's metadata. There is at least one certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdpMetadata {
    /// The issuer of its responses.
    pub entity_id: String,
    /// Where a browser is sent with a request (HTTP-Redirect).
    pub sso_redirect_url: Url,
    /// The same by HTTP-POST, when it has one.
    pub sso_post_url: Option<Url>,
    /// Where it takes messages about signing out, when it does.
    #[serde(default)]
    pub logout: Option<LogoutService>,
    /// The certificates that may verify its signatures, in document order, each once.
    pub certificates: Vec<Certificate>,
    /// When the document is no longer to be relied on.
    pub valid_until: Option<Timestamp>,
    /// How long it may be kept before it is read again, when it says.
    #[serde(default)]
    pub cache_seconds: Option<i64>,
}

/// Where and how a provider takes messages about signing out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutService {
    /// How a message reaches it.
    pub binding: Binding,
    /// Where a browser takes a request.
    pub request_url: Url,
    /// Where it takes our answer to a request of the provider's.
    pub response_url: Url,
}

/// How a browser takes a message along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// In the address.
    Redirect,
    /// In a form.
    Post,
}

/// Why metadata is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetadata {
    /// Not an acceptable XML document.
    #[error("metadata is not acceptable xml: {0}")]
    Document(Malformed),
    /// The root is neither `EntityDescriptor` nor `EntitiesDescriptor`.
    #[error("not saml metadata")]
    Root,
    /// No identity provider in it.
    #[error("metadata describes no saml 2.0 identity provider")]
    NoIdentityProvider,
    /// More than one, so it is not clear which is meant.
    #[error("metadata describes more than one identity provider")]
    SeveralIdentityProviders,
    /// Missing, empty or too long.
    #[error("metadata has no usable entity id")]
    EntityId,
    /// No sign-on address by HTTP-Redirect.
    #[error("metadata has no single sign-on address for http-redirect")]
    NoRedirectAddress,
    /// A sign-on address that is not https (http is for loopback alone).
    #[error("a single sign-on address is not an https url")]
    Address,
    /// No signing certificate: nothing could ever be verified.
    #[error("metadata has no signing certificate")]
    NoCertificate,
    /// More than sixteen signing certificates.
    #[error("metadata has too many signing certificates")]
    TooManyCertificates,
    /// A signing certificate that cannot be used.
    #[error(transparent)]
    Certificate(#[from] InvalidCertificate),
    /// `validUntil` is unreadable or has passed.
    #[error("metadata is no longer valid")]
    Expired,
    /// It has to be signed and is not, or its signature has another shape than the one accepted.
    #[error("metadata is not signed as it has to be: {0}")]
    Gate(Refusal),
    /// The signature does not hold.
    #[error(transparent)]
    Unverified(#[from] Unverified),
}

impl InvalidMetadata {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Document(_) => "saml_metadata_document",
            Self::Root => "saml_metadata_root",
            Self::NoIdentityProvider => "saml_metadata_no_identity_provider",
            Self::SeveralIdentityProviders => "saml_metadata_several_identity_providers",
            Self::EntityId => "saml_metadata_entity_id",
            Self::NoRedirectAddress => "saml_metadata_no_redirect_address",
            Self::Address => "saml_metadata_address",
            Self::NoCertificate => "saml_metadata_no_certificate",
            Self::TooManyCertificates => "saml_metadata_too_many_certificates",
            Self::Certificate(_) => "saml_metadata_certificate",
            Self::Expired => "saml_metadata_expired",
            Self::Gate(_) => "saml_metadata_unsigned",
            Self::Unverified(_) => "saml_metadata_signature",
        }
    }
}

/// Reads a metadata document. `now` is for its validity.
pub fn import(bytes: &[u8], now: Timestamp, limits: &Limits) -> Result<IdpMetadata, InvalidMetadata> {
    // Entra ID's federation metadata begins with a byte order mark.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    read(&document(bytes, limits)?.1, now)
}

/// The same for a document that has to be signed as a whole by the key of this certificate. Only the verified bytes are
/// read. Runs in C libraries: call it on a thread of its own.
pub fn import_signed(
    bytes: &[u8],
    signer: &Certificate,
    now: Timestamp,
    limits: &Limits,
) -> Result<IdpMetadata, InvalidMetadata> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let (text, root) = document(bytes, limits)?;
    let content = signed_content(&root).map_err(InvalidMetadata::Gate)?;
    let signed = Signed { text, carriers: &[&root], content: &content };
    read(&verified(&signed, std::slice::from_ref(signer), limits)?, now)
}

/// A document as text and as a tree.
fn document<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(&'a str, Element), InvalidMetadata> {
    let text = check_bytes(bytes, limits, Comments::Skipped).map_err(InvalidMetadata::Document)?;
    let root = parse(text, limits, Comments::Skipped).map_err(InvalidMetadata::Document)?;
    Ok((text, root))
}

/// What the one signature of the root covers.
fn signed_content(root: &Element) -> Result<Element, Refusal> {
    gate::check_ids(root, &mut HashSet::new())?;
    if !signature_shape::check(root)? {
        return Err(Refusal::Unsigned);
    }
    let content = root.without(DSIG, "Signature");
    if has_signature(&content) { Err(Refusal::SignaturePlace) } else { Ok(content) }
}

/// A federation's members may be signed each by itself; those signatures are none of the pinned key.
fn has_signature(element: &Element) -> bool {
    element.elements().any(|child| child.local == "Signature" || has_signature(child))
}

fn read(root: &Element, now: Timestamp) -> Result<IdpMetadata, InvalidMetadata> {
    let (entity, role) = find_identity_provider(root)?;
    let entity_id = entity.attribute("entityID").unwrap_or_default();
    if entity_id.trim() != entity_id || entity_id.is_empty() || entity_id.chars().count() > MAX_ENTITY_ID_CHARACTERS {
        return Err(InvalidMetadata::EntityId);
    }
    Ok(IdpMetadata {
        entity_id: entity_id.to_owned(),
        sso_redirect_url: sign_on_address(role, BINDING_REDIRECT)?.ok_or(InvalidMetadata::NoRedirectAddress)?,
        sso_post_url: sign_on_address(role, BINDING_POST)?,
        logout: logout_service(role, BINDING_REDIRECT, Binding::Redirect)
            .or_else(|| logout_service(role, BINDING_POST, Binding::Post)),
        certificates: signing_certificates(role)?,
        valid_until: valid_until(&[root, entity, role], now)?,
        cache_seconds: cache_seconds(&[root, entity, role]),
    })
}

/// The one entity with an identity provider role, and that role. A federation's aggregate with exactly one is taken.
fn find_identity_provider(root: &Element) -> Result<(&Element, &Element), InvalidMetadata> {
    let entities: Vec<&Element> = if root.is(METADATA, "EntityDescriptor") {
        vec![root]
    } else if root.is(METADATA, "EntitiesDescriptor") {
        root.named(METADATA, "EntityDescriptor").collect()
    } else {
        return Err(InvalidMetadata::Root);
    };
    let speaks_saml2 = |role: &&Element| {
        let protocols = role.attribute("protocolSupportEnumeration").unwrap_or_default();
        protocols.split_ascii_whitespace().any(|protocol| protocol == SAMLP)
    };
    let mut found = entities.into_iter().flat_map(|entity| {
        entity.named(METADATA, "IDPSSODescriptor").filter(speaks_saml2).map(move |role| (entity, role))
    });
    let first = found.next().ok_or(InvalidMetadata::NoIdentityProvider)?;
    if found.next().is_some() { Err(InvalidMetadata::SeveralIdentityProviders) } else { Ok(first) }
}

fn sign_on_address(role: &Element, binding: &str) -> Result<Option<Url>, InvalidMetadata> {
    let mut services = role.named(METADATA, "SingleSignOnService");
    let Some(service) = services.find(|service| service.attribute("Binding") == Some(binding)) else {
        return Ok(None);
    };
    let url = Url::parse(service.attribute("Location").unwrap_or_default().trim());
    url.ok().filter(is_acceptable_address).map(Some).ok_or(InvalidMetadata::Address)
}

/// Its first sign-out service of this binding. One with an address that a browser may not be sent to counts as none: signing
/// in does not depend on it.
fn logout_service(role: &Element, uri: &str, binding: Binding) -> Option<LogoutService> {
    let mut services = role.named(METADATA, "SingleLogoutService");
    let service = services.find(|service| service.attribute("Binding") == Some(uri))?;
    let address = |text: &str| Url::parse(text.trim()).ok().filter(is_acceptable_address);
    let request_url = address(service.attribute("Location")?)?;
    let response_url = service.attribute("ResponseLocation").map_or_else(|| Some(request_url.clone()), address)?;
    Some(LogoutService { binding, request_url, response_url })
}

/// A browser is sent there with a request: https, or http on this machine (demo and tests).
fn is_acceptable_address(url: &Url) -> bool {
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    (url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))) && !has_credentials
}

/// Every certificate of every key for signing. SAML metadata 2.4.1.1: a key without `use` is for both purposes.
fn signing_certificates(role: &Element) -> Result<Vec<Certificate>, InvalidMetadata> {
    let is_for_signing = |key: &&Element| key.attribute("use").is_none_or(|purpose| purpose == "signing");
    let texts = role
        .named(METADATA, "KeyDescriptor")
        .filter(is_for_signing)
        .flat_map(|key| key.named(DSIG, "KeyInfo"))
        .flat_map(|info| info.named(DSIG, "X509Data"))
        .flat_map(|data| data.named(DSIG, "X509Certificate"));
    let mut certificates = Vec::new();
    for text in texts {
        let certificate = Certificate::from_base64(text.text().unwrap_or_default())?;
        if !certificates.contains(&certificate) {
            certificates.push(certificate);
        }
        if certificates.len() > MAX_CERTIFICATES {
            return Err(InvalidMetadata::TooManyCertificates);
        }
    }
    if certificates.is_empty() { Err(InvalidMetadata::NoCertificate) } else { Ok(certificates) }
}

/// The earliest `validUntil` of the elements.
fn valid_until(elements: &[&Element], now: Timestamp) -> Result<Option<Timestamp>, InvalidMetadata> {
    let mut earliest: Option<Timestamp> = None;
    for text in elements.iter().filter_map(|element| element.attribute("validUntil")) {
        let until = Timestamp::parse_rfc3339(text).filter(|until| *until > now).ok_or(InvalidMetadata::Expired)?;
        earliest = Some(earliest.map_or(until, |known| known.min(until)));
    }
    Ok(earliest)
}

/// The shortest `cacheDuration` of the elements. One that is unreadable counts as none: it is advice.
fn cache_seconds(elements: &[&Element]) -> Option<i64> {
    elements.iter().filter_map(|element| duration::seconds(element.attribute("cacheDuration")?)).min()
}

#[cfg(test)]
mod tests {
    use openssl::ec::{EcGroup, EcKey};
    use openssl::nid::Nid;
    use openssl::pkey::PKey;

    use super::{
        Binding, IdpMetadata, InvalidMetadata, LogoutService, MAX_ENTITY_ID_CHARACTERS, import, import_signed,
    };
    use crate::protocol::saml::certificate::{Certificate, Holder, self_signed};
    use crate::protocol::saml::document::reader::{Limits, Malformed};
    use crate::protocol::saml::gate::refusal::Refusal;
    use crate::protocol::saml::testing::{Signer, signer, stranger};
    use crate::protocol::saml::verification::Unverified;
    use crate::values::clock::Timestamp;

    const REDIRECT: &str = "<md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
                            Location=\"https://idp.test/sso\"/>";

    fn now() -> Timestamp {
        Timestamp::from_seconds(1_700_000_000)
    }

    fn certificate(serial: u8) -> Certificate {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        self_signed(&key, &Holder { common_name: "idp", valid_from: now(), serial: &[serial; 16] }).unwrap()
    }

    fn key(attributes: &str, certificate: &Certificate) -> String {
        format!(
            "<md:KeyDescriptor {attributes}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n{}\n</ds:X509Certificate>\
             </ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
            certificate.to_base64()
        )
    }

    fn entity(attributes: &str, content: &str) -> String {
        format!(
            "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
             xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" {attributes}><md:IDPSSODescriptor \
             protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{content}</md:IDPSSODescriptor>\
             </md:EntityDescriptor>"
        )
    }

    fn read(text: &str) -> Result<IdpMetadata, InvalidMetadata> {
        import(text.as_bytes(), now(), &Limits::METADATA)
    }

    #[test]
    fn signing_keys_and_keys_without_a_use_are_taken_each_once() {
        let (first, second, third) = (certificate(1), certificate(2), certificate(3));
        let keys =
            [key("use=\"signing\"", &first), key("use=\"encryption\"", &second), key("", &third), key("", &first)];
        let text = entity("entityID=\"https://idp.test\"", &format!("{}{REDIRECT}", keys.concat()));
        let metadata =
            read(&format!("\u{FEFF}<?xml version=\"1.0\" encoding=\"utf-8\"?><!-- by hand -->{text}")).unwrap();
        assert_eq!(metadata.certificates, [first, third]);
        assert_eq!(metadata.entity_id, "https://idp.test");
        assert_eq!(metadata.sso_redirect_url.as_str(), "https://idp.test/sso");
        let json = serde_json::to_string(&metadata).unwrap();
        assert_eq!(serde_json::from_str::<IdpMetadata>(&json).unwrap(), metadata);
    }

    #[test]
    fn the_earliest_end_of_validity_counts() {
        let content = format!("{}{REDIRECT}", key("", &certificate(1)));
        let inner = entity("entityID=\"e\" validUntil=\"2024-01-01T00:00:00Z\"", &content);
        let text = format!(
            "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
             validUntil=\"2025-01-01T00:00:00Z\">{inner}</md:EntitiesDescriptor>"
        );
        let expected = Timestamp::parse_rfc3339("2024-01-01T00:00:00Z");
        assert_eq!(read(&text).map(|metadata| metadata.valid_until), Ok(expected));
    }

    #[test]
    fn what_could_not_be_verified_or_is_ambiguous_is_refused_by_name() {
        let one = key("", &certificate(1));
        let good = entity("entityID=\"e\"", &format!("{one}{REDIRECT}"));
        assert!(read(&good).is_ok());
        let insecure = REDIRECT.replace("https://idp.test", "http://idp.test");
        let scripted = REDIRECT.replace("https://idp.test/sso", "javascript:alert(1)");
        let several = format!(
            "<EntitiesDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\">{good}{good}</EntitiesDescriptor>"
        );
        let many: String = (0..17).map(|serial| key("", &certificate(serial))).collect();
        let cases = [
            (entity("entityID=\"e\"", REDIRECT), InvalidMetadata::NoCertificate),
            (
                entity("entityID=\"e\"", &format!("{}{REDIRECT}", key("use=\"encryption\"", &certificate(1)))),
                InvalidMetadata::NoCertificate,
            ),
            (entity("entityID=\"e\"", &one), InvalidMetadata::NoRedirectAddress),
            (entity("entityID=\"e\"", &format!("{one}{insecure}")), InvalidMetadata::Address),
            (entity("entityID=\"e\"", &format!("{one}{scripted}")), InvalidMetadata::Address),
            (entity("", &format!("{one}{REDIRECT}")), InvalidMetadata::EntityId),
            (entity("entityID=\" e\"", &format!("{one}{REDIRECT}")), InvalidMetadata::EntityId),
            (
                entity("entityID=\"e\" validUntil=\"2020-01-01T00:00:00Z\"", &format!("{one}{REDIRECT}")),
                InvalidMetadata::Expired,
            ),
            (entity("entityID=\"e\" validUntil=\"soon\"", &format!("{one}{REDIRECT}")), InvalidMetadata::Expired),
            (entity("entityID=\"e\"", &format!("{many}{REDIRECT}")), InvalidMetadata::TooManyCertificates),
            (several, InvalidMetadata::SeveralIdentityProviders),
            (good.replace("SAML:2.0:protocol", "SAML:1.1:protocol"), InvalidMetadata::NoIdentityProvider),
            ("<r/>".to_owned(), InvalidMetadata::Root),
            (format!("<!DOCTYPE r>{good}"), InvalidMetadata::Document(Malformed::Doctype)),
        ];
        for (text, expected) in cases {
            assert_eq!(read(&text), Err(expected), "{text}");
        }
    }

    #[test]
    fn bounds_hold_at_their_very_value() {
        let one = key("", &certificate(1));
        let named =
            |length: usize| entity(&format!("entityID=\"{}\"", "e".repeat(length)), &format!("{one}{REDIRECT}"));
        assert!(read(&named(MAX_ENTITY_ID_CHARACTERS)).is_ok());
        assert_eq!(read(&named(MAX_ENTITY_ID_CHARACTERS + 1)), Err(InvalidMetadata::EntityId));
        let most: String = (0..16).map(|serial| key("", &certificate(serial))).collect();
        assert_eq!(read(&entity("entityID=\"e\"", &format!("{most}{REDIRECT}"))).unwrap().certificates.len(), 16);
        let until =
            |text: &str| read(&entity(&format!("entityID=\"e\" validUntil=\"{text}\""), &format!("{one}{REDIRECT}")));
        assert_eq!(until("2023-11-14T22:13:20Z"), Err(InvalidMetadata::Expired), "now");
        assert!(until("2023-11-14T22:13:21Z").is_ok());
    }

    #[test]
    fn nobody_is_sent_to_an_address_with_a_password_or_a_name_in_it() {
        let one = key("", &certificate(1));
        for credentials in ["u@", ":p@", "u:p@"] {
            let service = REDIRECT.replace("https://", &format!("https://{credentials}"));
            let text = entity("entityID=\"e\"", &format!("{one}{service}"));
            assert_eq!(read(&text), Err(InvalidMetadata::Address), "{credentials}");
        }
    }

    #[test]
    fn a_refusal_has_a_code() {
        assert_eq!(InvalidMetadata::Root.code(), "saml_metadata_root");
        assert_eq!(read("<").unwrap_err().code(), "saml_metadata_document");
    }

    #[test]
    fn a_provider_says_where_it_takes_messages_about_signing_out() {
        let service = |binding: &str, attributes: &str| {
            format!("<md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:{binding}\" {attributes}/>")
        };
        let found = |services: &str| {
            let content = format!("{}{services}{REDIRECT}", key("", &certificate(1)));
            read(&entity("entityID=\"e\"", &content)).unwrap().logout
        };
        let one = "Location=\"https://idp.test/slo\"";
        let expected = |binding, response: &str| {
            let request_url = "https://idp.test/slo".parse().unwrap();
            Some(LogoutService { binding, request_url, response_url: response.parse().unwrap() })
        };
        let redirect = service("HTTP-Redirect", one);
        assert_eq!(found(&redirect), expected(Binding::Redirect, "https://idp.test/slo"));
        let both = service("HTTP-POST", &format!("{one} ResponseLocation=\"https://idp.test/done\""));
        assert_eq!(found(&both), expected(Binding::Post, "https://idp.test/done"));
        assert_eq!(found(&format!("{both}{redirect}")), expected(Binding::Redirect, "https://idp.test/slo"));
        assert_eq!(found(&service("SOAP", one)), None);
        assert_eq!(found(&service("HTTP-Redirect", "Location=\"http://idp.test/slo\"")), None);
        let elsewhere = format!("{one} ResponseLocation=\"http://idp.test/done\"");
        assert_eq!(found(&service("HTTP-Redirect", &elsewhere)), None);
    }

    #[test]
    fn a_document_says_how_long_it_may_be_kept() {
        let content = format!("{}{REDIRECT}", key("", &certificate(1)));
        let text = entity("entityID=\"e\" cacheDuration=\"PT6H\"", &content);
        assert_eq!(read(&text).unwrap().cache_seconds, Some(21_600));
        let advice = entity("entityID=\"e\" cacheDuration=\"a while\"", &content);
        assert_eq!(read(&advice).unwrap().cache_seconds, None);
    }

    #[test]
    fn where_a_key_is_pinned_only_what_it_signed_is_read() {
        let content = format!("{}{REDIRECT}", key("", &certificate(1)));
        let unsigned = entity("ID=\"_m\" entityID=\"e\"", &content);
        let template = |id: &str| unsigned.replacen("<md:IDPSSO", &format!("{}<md:IDPSSO", signer().template(id)), 1);
        let signed =
            format!("\u{FEFF}{}", signer().sign(&template("_m")).replace("<md:KeyD", "<!-- by hand --><md:KeyD"));
        let import = |text: &str, by: &Signer| {
            import_signed(text.as_bytes(), &by.certificate, now(), &Limits::METADATA).map(|read| read.entity_id)
        };
        assert_eq!(import(&signed, signer()), Ok("e".to_owned()));
        assert_eq!(import(&signed, stranger()), Err(InvalidMetadata::Unverified(Unverified::Signature)));
        let changed = signed.replace("https://idp.test/sso", "https://evil.test/sso");
        assert_eq!(import(&changed, signer()), Err(InvalidMetadata::Unverified(Unverified::Signature)));
        assert_eq!(import(&unsigned, signer()), Err(InvalidMetadata::Gate(Refusal::Unsigned)));
        // The signature covers something else than the document.
        let inner = unsigned.replacen("<md:IDPSSODescriptor", "<md:IDPSSODescriptor ID=\"_x\"", 1);
        let other = inner.replacen("<md:KeyD", &format!("{}<md:KeyD", signer().template("_x")), 1);
        assert_eq!(import(&signer().sign(&other), signer()), Err(InvalidMetadata::Gate(Refusal::Unsigned)));
        let outer = inner.replacen("<md:IDPSSO", &format!("{}<md:IDPSSO", signer().template("_x")), 1);
        let outer = import(&signer().sign(&outer), signer());
        assert_eq!(outer, Err(InvalidMetadata::Gate(Refusal::ReferenceTarget)));
        // What else could be meant by the reference, or be taken for the signature.
        let twice =
            signer().sign(&template("_m").replacen("<md:IDPSSODescriptor", "<md:IDPSSODescriptor ID=\"_m\"", 1));
        assert_eq!(import(&twice, signer()), Err(InvalidMetadata::Gate(Refusal::IdRepeated)));
        let second = signer().sign(&template("_m")).replacen("<md:KeyD", "<x:Signature xmlns:x=\"urn:x\"/><md:KeyD", 1);
        assert_eq!(import(&second, signer()), Err(InvalidMetadata::Gate(Refusal::SignaturePlace)));
    }

    #[test]
    fn http_is_for_this_machine_alone() {
        let one = key("", &certificate(1));
        for host in ["localhost:7300", "127.0.0.1:7300", "[::1]:7300"] {
            let local = REDIRECT.replace("https://idp.test", &format!("http://{host}"));
            assert!(read(&entity("entityID=\"e\"", &format!("{one}{local}"))).is_ok(), "{host}");
        }
    }
}
