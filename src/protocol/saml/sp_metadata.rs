//! Our metadata as a service provider, one document per connection.
//!
//! Owns its XML. What it promises is what the other modules do: signed requests, signed assertions wanted, answers by
//! HTTP-POST to the one address of the connection.

use quick_xml::escape::escape;

use crate::protocol::saml::authn_request::RequestSignature;
use crate::protocol::saml::certificate::Certificate;
use crate::protocol::saml::names::{
    BINDING_POST, BINDING_REDIRECT, DSIG, FORMAT_EMAIL, FORMAT_PERSISTENT, FORMAT_UNSPECIFIED, METADATA, SAMLP, UI,
};
use crate::values::email::EmailAddress;

/// What our metadata says to one connection's identity provider.
#[derive(Debug, Clone, Copy)]
pub struct ServiceProvider<'a> {
    /// Whether our requests are signed.
    pub requests: RequestSignature,
    /// What people at the provider know us by: where the gateway is.
    pub display_name: &'a str,
    /// Whom its administrators write to about us.
    pub contact: &'a EmailAddress,
    /// Our entity id towards this connection.
    pub entity_id: &'a str,
    /// This connection's assertion consumer service.
    pub acs_url: &'a str,
    /// This connection's address for messages about signing out.
    pub slo_url: &'a str,
    /// The certificates of the key that signs our requests, and of the next one when there is one.
    pub signing_certificates: &'a [Certificate],
    /// The certificates of the keys that assertions may be encrypted to, the one to prefer first.
    pub encryption_certificates: &'a [Certificate],
}

/// The media type of metadata (SAML metadata, appendix A).
pub const MEDIA_TYPE: &str = "application/samlmetadata+xml";

/// What `encryption` opens, best first. SAML metadata 2.4.1.1: without a list a provider takes what it likes, which may
/// be triple DES.
const ENCRYPTION_METHODS: [&str; 4] = [
    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    "http://www.w3.org/2009/xmlenc11#aes128-gcm",
    "http://www.w3.org/2009/xmlenc11#rsa-oaep",
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
];

fn key(purpose: &str, certificate: &Certificate, methods: &str) -> String {
    format!(
        "    <md:KeyDescriptor use=\"{purpose}\">\n      <ds:KeyInfo xmlns:ds=\"{DSIG}\"><ds:X509Data>\
         <ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\n{methods}    </md:KeyDescriptor>\n",
        certificate.to_base64()
    )
}

/// Renders the document.
pub fn render(provider: &ServiceProvider<'_>) -> String {
    let methods: String = ENCRYPTION_METHODS
        .iter()
        .map(|method| format!("      <md:EncryptionMethod Algorithm=\"{method}\"/>\n"))
        .collect();
    let signing = provider.signing_certificates.iter().map(|certificate| key("signing", certificate, ""));
    let encryption =
        provider.encryption_certificates.iter().map(|certificate| key("encryption", certificate, &methods));
    let keys: String = signing.chain(encryption).collect();
    let slo_url = escape(provider.slo_url);
    let logout: String = [BINDING_REDIRECT, BINDING_POST]
        .iter()
        .map(|binding| format!("    <md:SingleLogoutService Binding=\"{binding}\" Location=\"{slo_url}\"/>\n"))
        .collect();
    let formats: String = [FORMAT_PERSISTENT, FORMAT_EMAIL, FORMAT_UNSPECIFIED]
        .iter()
        .map(|format| format!("    <md:NameIDFormat>{format}</md:NameIDFormat>\n"))
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <md:EntityDescriptor xmlns:md=\"{METADATA}\" entityID=\"{entity_id}\">\n  \
         <md:SPSSODescriptor AuthnRequestsSigned=\"{is_signed}\" WantAssertionsSigned=\"true\" \
         protocolSupportEnumeration=\"{SAMLP}\">\n    <md:Extensions><mdui:UIInfo xmlns:mdui=\"{UI}\">\
         <mdui:DisplayName xml:lang=\"en\">{display_name}</mdui:DisplayName></mdui:UIInfo></md:Extensions>\n\
         {keys}{logout}{formats}    \
         <md:AssertionConsumerService index=\"0\" isDefault=\"true\" Binding=\"{BINDING_POST}\" \
         Location=\"{acs_url}\"/>\n  </md:SPSSODescriptor>\n  <md:ContactPerson contactType=\"technical\">\
         <md:EmailAddress>mailto:{contact}</md:EmailAddress></md:ContactPerson>\n</md:EntityDescriptor>\n",
        display_name = escape(provider.display_name),
        contact = escape(provider.contact.as_str()),
        entity_id = escape(provider.entity_id),
        is_signed = provider.requests == RequestSignature::Signed,
        acs_url = escape(provider.acs_url),
    )
}

#[cfg(test)]
mod tests {
    use openssl::pkey::PKey;
    use openssl::rsa::Rsa;

    use super::{ServiceProvider, render};
    use crate::protocol::saml::authn_request::RequestSignature;
    use crate::protocol::saml::certificate::{Certificate, Holder, self_signed};
    use crate::protocol::saml::document::reader::{Comments, Limits, check_bytes, parse};
    use crate::protocol::saml::names::{DSIG, METADATA, UI};
    use crate::values::clock::Timestamp;

    #[test]
    fn metadata_names_the_entity_the_address_and_every_key() {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let made_in = |seconds| {
            let valid_from = Timestamp::from_seconds(seconds);
            self_signed(&key, &Holder { common_name: "h", valid_from, serial: &[1; 16] }).unwrap()
        };
        let certificates = [made_in(0), made_in(86_400)];
        let provider = ServiceProvider {
            requests: RequestSignature::Signed,
            display_name: "sp.test & more",
            contact: &"gateway@sp.test".parse().unwrap(),
            entity_id: "https://sp.test/m?a&b",
            acs_url: "https://sp.test/acs",
            slo_url: "https://sp.test/slo",
            signing_certificates: &certificates,
            encryption_certificates: &certificates[..1],
        };
        let text = render(&provider);
        let unsigned = render(&ServiceProvider { requests: RequestSignature::Unsigned, ..provider });
        assert!(text.contains("AuthnRequestsSigned=\"true\"") && unsigned.contains("AuthnRequestsSigned=\"false\""));
        let bytes = check_bytes(text.as_bytes(), &Limits::METADATA, Comments::Refused).unwrap();
        let root = parse(bytes, &Limits::METADATA, Comments::Refused).unwrap();
        assert_eq!(root.attribute("entityID"), Some("https://sp.test/m?a&b"));
        let role = root.only(METADATA, "SPSSODescriptor").unwrap();
        let extensions = role.elements().next().filter(|first| first.is(METADATA, "Extensions")).unwrap();
        let name = extensions.only(UI, "UIInfo").unwrap().only(UI, "DisplayName").unwrap();
        assert_eq!(name.text(), Some("sp.test & more"));
        assert!(text.contains("<mdui:DisplayName xml:lang=\"en\">"), "{text}");
        let contact = root.elements().last().filter(|last| last.is(METADATA, "ContactPerson")).unwrap();
        assert_eq!(contact.only(METADATA, "EmailAddress").unwrap().text(), Some("mailto:gateway@sp.test"));
        let keys: Vec<Certificate> = role
            .named(METADATA, "KeyDescriptor")
            .map(|key| key.only(DSIG, "KeyInfo").unwrap().only(DSIG, "X509Data").unwrap())
            .map(|data| data.only(DSIG, "X509Certificate").unwrap().text().unwrap())
            .map(|text| Certificate::from_base64(text).unwrap())
            .collect();
        assert_eq!(keys, [&certificates[..], &certificates[..1]].concat());
        let last = role.named(METADATA, "KeyDescriptor").last().unwrap();
        assert_eq!(last.attribute("use"), Some("encryption"));
        assert_eq!(last.named(METADATA, "EncryptionMethod").count(), 4);
        assert_eq!(role.named(METADATA, "SingleLogoutService").count(), 2);
        let acs = role.only(METADATA, "AssertionConsumerService").unwrap();
        assert_eq!(acs.attribute("Location"), Some("https://sp.test/acs"));
    }
}
