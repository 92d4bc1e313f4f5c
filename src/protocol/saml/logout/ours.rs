//! Our own messages about signing out, signed for the binding that the provider takes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::escape::escape;
use url::Url;

use crate::protocol::saml::assertion::{NameId, Qualifiers};
use crate::protocol::saml::idp_metadata::Binding;
use crate::protocol::saml::names::{
    DSIG, ENVELOPED_SIGNATURE, EXCLUSIVE_C14N, FORMAT_UNSPECIFIED, RSA_SHA256, SAML, SAMLP, SHA256, STATUS_SUCCESS,
};
use crate::protocol::saml::redirect_binding::{self, Kind};
use crate::protocol::saml::signing_key::{SigningKey, UnusableKey};
use crate::values::clock::Timestamp;

/// What every message of ours has.
#[derive(Debug, Clone, Copy)]
pub struct Ours<'a> {
    /// A fresh one.
    pub id: &'a str,
    /// Our clock.
    pub issued_at: Timestamp,
    /// Where it goes.
    pub destination: &'a Url,
    /// Our entity id towards this connection.
    pub sp_entity_id: &'a str,
}

/// Whose session is meant, in the provider's own words.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Who.
    pub name_id: &'a NameId,
    /// As the provider qualified it.
    pub qualifiers: &'a Qualifiers,
    /// Which of their sessions, when the provider tells them apart.
    pub session_index: Option<&'a str>,
}

/// A message on its way, in the person's browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// In this address.
    Redirect(String),
    /// In a form.
    Form {
        /// Where the form goes.
        action: String,
        /// The name of the field with the message.
        field: &'static str,
        /// The message, in base64.
        message: String,
        /// `RelayState`, if there is one.
        relay_state: Option<String>,
    },
}

/// Asks the provider to end the session that it told us of.
pub fn request_xml(ours: &Ours<'_>, subject: &Subject<'_>) -> String {
    let index =
        subject.session_index.map(|index| format!("<samlp:SessionIndex>{}</samlp:SessionIndex>", escape(index)));
    let attribute = |name: &str, value: Option<&str>| {
        value.map(|value| format!(" {name}=\"{}\"", escape(value))).unwrap_or_default()
    };
    let format = Some(subject.name_id.format.as_str()).filter(|format| *format != FORMAT_UNSPECIFIED);
    let attributes = [
        attribute("Format", format),
        attribute("NameQualifier", subject.qualifiers.name.as_deref()),
        attribute("SPNameQualifier", subject.qualifiers.sp_name.as_deref()),
    ];
    let name_id = escape(subject.name_id.value.as_str());
    let content = format!("<saml:NameID{}>{name_id}</saml:NameID>{}", attributes.concat(), index.unwrap_or_default());
    message("LogoutRequest", ours, "", &content)
}

/// Answers the provider that what it asked for is done.
pub fn response_xml(ours: &Ours<'_>, request_id: &str) -> String {
    let answered = format!(" InResponseTo=\"{}\"", escape(request_id));
    let status = format!("<samlp:Status><samlp:StatusCode Value=\"{STATUS_SUCCESS}\"/></samlp:Status>");
    message("LogoutResponse", ours, &answered, &status)
}

fn message(root: &str, ours: &Ours<'_>, attributes: &str, content: &str) -> String {
    format!(
        "<samlp:{root} xmlns:samlp=\"{SAMLP}\" xmlns:saml=\"{SAML}\" ID=\"{id}\" Version=\"2.0\" \
         IssueInstant=\"{issued_at}\" Destination=\"{destination}\"{attributes}><saml:Issuer>{issuer}</saml:Issuer>\
         {content}</samlp:{root}>",
        id = escape(ours.id),
        issued_at = ours.issued_at,
        destination = escape(ours.destination.as_str()),
        issuer = escape(ours.sp_entity_id),
    )
}

/// Signs a message of ours and puts it into the browser's hands.
pub fn send(
    binding: Binding,
    kind: Kind,
    ours: &Ours<'_>,
    xml: &str,
    relay_state: Option<&str>,
    key: &SigningKey,
) -> Result<Outgoing, UnusableKey> {
    match binding {
        Binding::Redirect => {
            redirect_binding::url(ours.destination, kind, xml, relay_state, Some(key)).map(Outgoing::Redirect)
        }
        Binding::Post => Ok(Outgoing::Form {
            action: ours.destination.to_string(),
            field: kind.parameter(),
            message: STANDARD.encode(key.sign_document(&with_template(xml, ours.id))?),
            relay_state: relay_state.map(str::to_owned),
        }),
    }
}

/// With an empty signature over the root, which has this id, where the schema has it: after the issuer.
fn with_template(xml: &str, id: &str) -> String {
    let template = format!(
        "</saml:Issuer><ds:Signature xmlns:ds=\"{DSIG}\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE_C14N}\"/><ds:SignatureMethod Algorithm=\"{RSA_SHA256}\"/>\
         <ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"{ENVELOPED_SIGNATURE}\"/>\
         <ds:Transform Algorithm=\"{EXCLUSIVE_C14N}\"/></ds:Transforms><ds:DigestMethod Algorithm=\"{SHA256}\"/>\
         <ds:DigestValue></ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue>\
         </ds:Signature>"
    );
    xml.replacen("</saml:Issuer>", &template, 1)
}
