//! Checks of the response around the assertion.
//!
//! The response may be unsigned, so nothing here makes an assertion acceptable: each check can only refuse.

use crate::protocol::saml::assertion::Expected;
use crate::protocol::saml::assertion::rejected::Rejected;
use crate::protocol::saml::assertion::window::{Instant, instant};
use crate::protocol::saml::document::Element;
use crate::protocol::saml::names::{FORMAT_ENTITY, SAML, SAMLP, STATUS_SUCCESS};

/// What the identity provider says it did. Comes before the structural gate, because a refusal has no assertion and is
/// often unsigned, and the person shall be told that their identity provider refused.
pub fn check_status(response: &Element) -> Result<(), Rejected> {
    let status = response.only(SAMLP, "Status").ok_or(Rejected::NoStatus)?;
    let code = status.only(SAMLP, "StatusCode").ok_or(Rejected::NoStatus)?;
    let value = code.attribute("Value").ok_or(Rejected::NoStatus)?;
    if value == STATUS_SUCCESS {
        return Ok(());
    }
    let detail = code.only(SAMLP, "StatusCode").and_then(|inner| inner.attribute("Value"));
    Err(Rejected::Status(status_code(detail.unwrap_or(value))))
}

/// SAML core 3.2.2.2. Nothing has been verified: anybody who brings an answer writes its status, so of what they write only
/// the choice from this list goes further.
const STATUS_CODES: [&str; 22] = [
    "Requester",
    "Responder",
    "VersionMismatch",
    "AuthnFailed",
    "InvalidAttrNameOrValue",
    "InvalidNameIDPolicy",
    "NoAuthnContext",
    "NoAvailableIDP",
    "NoPassive",
    "NoSupportedIDP",
    "PartialLogout",
    "ProxyCountExceeded",
    "RequestDenied",
    "RequestUnsupported",
    "RequestVersionDeprecated",
    "RequestVersionTooHigh",
    "RequestVersionTooLow",
    "ResourceNotRecognized",
    "TooManyResponses",
    "UnknownAttrProfile",
    "UnknownPrincipal",
    "UnsupportedBinding",
];

fn status_code(uri: &str) -> &'static str {
    let name = uri.strip_prefix("urn:oasis:names:tc:SAML:2.0:status:");
    let known = STATUS_CODES.into_iter().find(|known| Some(*known) == name);
    known.unwrap_or("other")
}

/// Whether the response itself carries a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelope {
    /// It does.
    Signed,
    /// It does not.
    Unsigned,
}

/// Version, destination, issuer, the request answered, and the instant.
pub fn check_envelope(response: &Element, envelope: Envelope, expected: &Expected<'_>) -> Result<(), Rejected> {
    let is_signed = envelope == Envelope::Signed;
    if response.attribute("Version") != Some("2.0") {
        return Err(Rejected::Version);
    }
    // SAML bindings 3.5.5.2: "If the message is signed, the Destination XML attribute in the root SAML element of the
    // protocol message MUST contain the URL to which the sender has instructed the user agent to deliver the message."
    match response.attribute("Destination") {
        Some(destination) if destination == expected.acs_url => {}
        None if !is_signed => {}
        _ => return Err(Rejected::Destination),
    }
    // SAML profiles 4.1.4.2: the issuer may be left out unless the response is signed.
    match response.named(SAML, "Issuer").next() {
        Some(_) => check_issuer(response, expected)?,
        None if !is_signed => {}
        None => return Err(Rejected::Issuer),
    }
    check_in_response_to(response, expected)?;
    check_issue_instant(response, expected)
}

/// Exactly one issuer, of the entity format, equal to the connection's identity provider.
pub fn check_issuer(element: &Element, expected: &Expected<'_>) -> Result<(), Rejected> {
    let issuer = element.only(SAML, "Issuer").ok_or(Rejected::Issuer)?;
    let is_entity = issuer.attribute("Format").is_none_or(|format| format == FORMAT_ENTITY);
    let is_ours = issuer.trimmed_text() == Some(expected.idp_entity_id);
    if is_entity && is_ours { Ok(()) } else { Err(Rejected::Issuer) }
}

/// The `InResponseTo` of a response or a subject confirmation: the request's id. An unsolicited
/// response has none, and is refused.
pub fn check_in_response_to(element: &Element, expected: &Expected<'_>) -> Result<(), Rejected> {
    if element.attribute("InResponseTo") == Some(expected.request.id) { Ok(()) } else { Err(Rejected::InResponseTo) }
}

/// The `IssueInstant`: not in the future, and not before the request that it answers.
pub fn check_issue_instant(element: &Element, expected: &Expected<'_>) -> Result<(), Rejected> {
    let window = expected.window();
    let Instant::At(issued_at) = instant(element, "IssueInstant") else { return Err(Rejected::IssueInstant) };
    if window.is_before(issued_at, expected.request.issued_at) || window.is_future(issued_at) {
        Err(Rejected::IssueInstant)
    } else {
        Ok(())
    }
}
