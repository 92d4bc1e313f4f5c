//! What a rejected response said where it was rejected. It looks at the document that was sent, not at verified bytes, and decides
//! nothing.

use super::rejected::Rejected;
use super::{Expected, decode};
use crate::protocol::compared::Compared;
use crate::protocol::saml::certificate::{self, Certificate};
use crate::protocol::saml::document::Element;
use crate::protocol::saml::gate;
use crate::protocol::saml::names::{DSIG, SAML};

/// The attributes that hold instants, with the elements that they are of.
const INSTANTS: [(&str, &str); 7] = [
    ("Response", "IssueInstant"),
    ("Assertion", "IssueInstant"),
    ("SubjectConfirmationData", "NotOnOrAfter"),
    ("Conditions", "NotBefore"),
    ("Conditions", "NotOnOrAfter"),
    ("AuthnStatement", "AuthnInstant"),
    ("AuthnStatement", "SessionNotOnOrAfter"),
];

/// What was compared when `saml_response` was rejected, where two values can be shown beside each other. Of an assertion that came
/// encrypted nothing is seen.
pub fn compared(saml_response: &str, expected: &Expected<'_>, rejected: &Rejected) -> Option<Compared> {
    let wanted = Wanted::of(rejected)?;
    let bytes = decode(saml_response, &expected.limits).ok()?;
    let envelope = gate::open(&bytes, &expected.limits).ok()?;
    let response = envelope.unverified();
    Some(match wanted {
        Wanted::Issuer => Compared::new("issuer", [expected.idp_entity_id], texts(response, SAML, "Issuer")),
        Wanted::Audience => Compared::new("audience", [expected.sp_entity_id], texts(response, SAML, "Audience")),
        Wanted::Destination => Compared::new("destination", [expected.acs_url], response.attribute("Destination")),
        Wanted::Recipient => {
            let data = elements(response, SAML, "SubjectConfirmationData");
            let recipients = data.iter().filter_map(|one| one.attribute("Recipient"));
            Compared::new("recipient", [expected.acs_url], recipients)
        }
        Wanted::Signer => {
            let sent = texts(response, DSIG, "X509Certificate");
            let sent = sent.into_iter().filter_map(certificate::fingerprint_of_base64);
            Compared::new("signer", expected.certificates.iter().map(Certificate::fingerprint), sent)
        }
        Wanted::Instants(names) => {
            let (now, skew) = (expected.now.to_rfc3339(), expected.skew_seconds);
            let told = instants(response).into_iter().filter(|(name, _)| names.contains(name));
            let told = told.map(|(name, at)| format!("{name} {at}"));
            Compared::new("instants", [format!("now {now}"), format!("{skew} seconds of difference allowed")], told)
        }
    })
}

enum Wanted {
    Issuer,
    Audience,
    Destination,
    Recipient,
    Signer,
    Instants(&'static [&'static str]),
}

impl Wanted {
    const fn of(rejected: &Rejected) -> Option<Self> {
        Some(match rejected {
            Rejected::Issuer => Self::Issuer,
            Rejected::Audience => Self::Audience,
            Rejected::Destination => Self::Destination,
            Rejected::Recipient => Self::Recipient,
            Rejected::NoCertificate | Rejected::Signature => Self::Signer,
            Rejected::IssueInstant => Self::Instants(&["IssueInstant"]),
            Rejected::ConfirmationExpired | Rejected::Expired => Self::Instants(&["NotOnOrAfter"]),
            Rejected::NotYetValid => Self::Instants(&["NotBefore"]),
            Rejected::AuthnInstant => Self::Instants(&["AuthnInstant"]),
            Rejected::SessionExpired => Self::Instants(&["SessionNotOnOrAfter"]),
            Rejected::Encoding
            | Rejected::Unreadable(_)
            | Rejected::Gate(_)
            | Rejected::NotEncrypted
            | Rejected::Undecryptable(_)
            | Rejected::ProviderExpired
            | Rejected::Disagreement
            | Rejected::Status(_)
            | Rejected::NoStatus
            | Rejected::Version
            | Rejected::InResponseTo
            | Rejected::AssertionId
            | Rejected::NameId
            | Rejected::NameIdText
            | Rejected::NameIdTransient
            | Rejected::NoBearer
            | Rejected::ConfirmationNotBefore
            | Rejected::NoConditions
            | Rejected::UnknownCondition
            | Rejected::NoAuthnStatement
            | Rejected::AuthnContext
            | Rejected::AttributeStatement => return None,
        })
    }
}

/// Every element of this name, however deep. The depth of a document is bounded by the gate.
fn elements<'a>(root: &'a Element, namespace: &str, local: &str) -> Vec<&'a Element> {
    let mut found = Vec::new();
    collect(root, &|element| element.is(namespace, local), &mut found);
    found
}

fn collect<'a>(element: &'a Element, is_wanted: &impl Fn(&Element) -> bool, found: &mut Vec<&'a Element>) {
    if is_wanted(element) {
        found.push(element);
    }
    for child in element.elements() {
        collect(child, is_wanted, found);
    }
}

fn texts<'a>(root: &'a Element, namespace: &str, local: &str) -> Vec<&'a str> {
    elements(root, namespace, local).into_iter().filter_map(Element::trimmed_text).collect()
}

fn instants(response: &Element) -> Vec<(&'static str, &str)> {
    let mut all = Vec::new();
    collect(response, &|_| true, &mut all);
    let mut told = Vec::new();
    for (element, name) in INSTANTS {
        let found = all.iter().filter(|one| one.local == element);
        told.extend(found.filter_map(|one| Some((name, one.attribute(name)?))));
    }
    told
}
