//! Messages about signing out (SAML profiles 4.4): what a provider asks of us, and what we ask and answer.
//!
//! Owns their XML and the checks of what came, by either binding. A message counts only when it is signed, by the
//! connection's provider, for this address, and fresh. Whose sessions end is for `access`.

pub mod ours;
pub mod request;
pub mod response;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::protocol::saml::assertion::window::{Instant, Window, instant};
use crate::protocol::saml::certificate::Certificate;
use crate::protocol::saml::document::Element;
use crate::protocol::saml::document::reader::{Comments, Limits, Malformed, check_bytes, parse};
use crate::protocol::saml::gate::refusal::Refusal;
use crate::protocol::saml::gate::{self, signature_shape};
use crate::protocol::saml::names::{DSIG, FORMAT_ENTITY, SAML, SAMLP};
use crate::protocol::saml::redirect_binding::Received;
use crate::protocol::saml::verification::{Signed, Unverified, verified};
use crate::values::clock::Timestamp;

/// What a message has to fit.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The connection's identity provider.
    pub idp_entity_id: &'a str,
    /// Its signing certificates.
    pub certificates: &'a [Certificate],
    /// This connection's address for messages about signing out.
    pub slo_url: &'a str,
    /// Our clock.
    pub now: Timestamp,
    /// How far the two clocks may be apart.
    pub skew_seconds: i64,
    /// Bounds of the document.
    pub limits: Limits,
}

impl Expected<'_> {
    fn window(&self) -> Window {
        Window { now: self.now, skew_seconds: self.skew_seconds }
    }
}

/// How old a message may be.
pub const MAX_AGE_SECONDS: i64 = 300;

/// Why a message does not count. The text is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogoutRejected {
    /// Not a document.
    #[error(transparent)]
    Document(#[from] Malformed),
    /// Not of the one accepted shape.
    #[error(transparent)]
    Gate(#[from] Refusal),
    /// The signature.
    #[error(transparent)]
    Unverified(#[from] Unverified),
    /// A check of ours.
    #[error("the {0} is missing or not acceptable")]
    Check(&'static str),
    /// The `validUntil` of the provider's metadata has passed.
    #[error("the identity provider's metadata is past its end of validity")]
    ProviderExpired,
    /// The request came before.
    #[error("the request was used before")]
    Replay,
}

impl LogoutRejected {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Document(_) => "saml_logout_document",
            Self::Gate(_) => "saml_logout_gate",
            Self::Unverified(_) => "saml_logout_signature",
            Self::Check(_) => "saml_logout_check",
            Self::ProviderExpired => "saml_logout_provider_expired",
            Self::Replay => "saml_logout_replay",
        }
    }
}

/// The verified root of a message that came by HTTP-POST, its signature taken out. Runs in C libraries: call it on a thread
/// of its own.
pub fn posted(base64_text: &str, root: &'static str, expected: &Expected<'_>) -> Result<Element, LogoutRejected> {
    if base64_text.len() / 2 > expected.limits.bytes {
        return Err(Malformed::TooLarge.into());
    }
    let compact: Vec<u8> = base64_text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(compact).map_err(|_| Malformed::Encoding)?;
    let text = check_bytes(&bytes, &expected.limits, Comments::Refused)?;
    let document = read_root(text, root, expected)?;
    if !signature_shape::check(&document)? {
        return Err(Refusal::Unsigned.into());
    }
    let content = document.without(DSIG, "Signature");
    if has_signature(&content) {
        return Err(Refusal::SignaturePlace.into());
    }
    let signed = Signed { text, carriers: &[&document], content: &content };
    Ok(verified(&signed, expected.certificates, &expected.limits)?)
}

/// The verified root of a message that came by HTTP-Redirect. SAML bindings 3.4.4.1: "any signature on the SAML protocol
/// message [...] MUST be removed", so one that is there is refused.
pub fn redirected(received: &Received, root: &'static str, expected: &Expected<'_>) -> Result<Element, LogoutRejected> {
    received.verify(expected.certificates)?;
    let text = check_bytes(&received.document, &expected.limits, Comments::Refused)?;
    let document = read_root(text, root, expected)?;
    if has_signature(&document) { Err(Refusal::SignaturePlace.into()) } else { Ok(document) }
}

fn read_root(text: &str, root: &'static str, expected: &Expected<'_>) -> Result<Element, LogoutRejected> {
    let document = parse(text, &expected.limits, Comments::Refused)?;
    if !document.is(SAMLP, root) {
        return Err(Refusal::Root.into());
    }
    gate::check_ids(&document, &mut HashSet::new())?;
    Ok(document)
}

fn has_signature(element: &Element) -> bool {
    element.elements().any(|child| child.local == "Signature" || child.namespace == DSIG || has_signature(child))
}

/// What every message has to be: SAML 2.0, for this address, by the connection's provider, and made now. An old request
/// could end a session that came later.
fn check_message(root: &Element, expected: &Expected<'_>) -> Result<(), LogoutRejected> {
    check(root.attribute("Version") == Some("2.0"), "version")?;
    check(root.attribute("Destination") == Some(expected.slo_url), "destination")?;
    let issuer = root.only(SAML, "Issuer").ok_or(LogoutRejected::Check("issuer"))?;
    let is_entity = issuer.attribute("Format").is_none_or(|format| format == FORMAT_ENTITY);
    check(is_entity && issuer.trimmed_text() == Some(expected.idp_entity_id), "issuer")?;
    let window = expected.window();
    let is_fresh = match instant(root, "IssueInstant") {
        Instant::At(at) => !window.is_future(at) && !window.is_over(at.plus_seconds(MAX_AGE_SECONDS)),
        Instant::Absent | Instant::Unreadable => false,
    };
    check(is_fresh, "issue instant")
}

fn check(holds: bool, what: &'static str) -> Result<(), LogoutRejected> {
    if holds { Ok(()) } else { Err(LogoutRejected::Check(what)) }
}
