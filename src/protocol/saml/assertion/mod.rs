//! From a response in a form field to an assertion that may be believed.
//!
//! Owns [`verify`], the only maker of a [`VerifiedAssertion`]: decode, gate, signature, then every check that the
//! library leaves out (`docs/saml-conformance.md`). Refuses everything else with a [`rejected::Rejected`]. Whether the
//! assertion was used before is for the store; whether the person may sign in is for `access`.

pub mod compared;
pub mod rejected;
mod response;
mod signature;
pub mod statements;
pub mod window;

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::protocol::saml::assertion::rejected::Rejected;
use crate::protocol::saml::assertion::response::Envelope;
use crate::protocol::saml::assertion::window::Window;
use crate::protocol::saml::certificate::Certificate;
use crate::protocol::saml::decryption_key::DecryptionKey;
use crate::protocol::saml::document::Element;
use crate::protocol::saml::document::reader::Limits;
use crate::protocol::saml::encryption;
use crate::protocol::saml::gate::{self, Carriers, Cover, Gated, Inspected, Opened, Sealed};
use crate::protocol::saml::names::FORMAT_UNSPECIFIED;
use crate::values::clock::Timestamp;

/// What the response has to fit.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The connection's identity provider.
    pub idp_entity_id: &'a str,
    /// The connection's signing certificates; any of them may verify. None means nothing is accepted.
    pub certificates: &'a [Certificate],
    /// Our keys that an assertion may be encrypted to; each is tried.
    pub decryption_keys: &'a [DecryptionKey],
    /// Whether the assertion has to be encrypted.
    pub encryption: Encryption,
    /// Our entity id towards this connection: the audience.
    pub sp_entity_id: &'a str,
    /// This connection's assertion consumer service: destination and recipient.
    pub acs_url: &'a str,
    /// Which request it answers.
    pub request: Request<'a>,
    /// Our clock.
    pub now: Timestamp,
    /// How far the two clocks may be apart. Kantara's profile asks for 3 to 5 minutes.
    pub skew_seconds: i64,
    /// Bounds of the document.
    pub limits: Limits,
}

/// Whether an assertion has to be encrypted. IPSIE: assertions in the front channel MUST be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// It may be.
    Optional,
    /// One that is not is refused.
    Required,
}

/// The request that was sent.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Its id.
    pub id: &'a str,
    /// When it was made, on our clock.
    pub issued_at: Timestamp,
    /// What it demanded.
    pub authentication: Authentication,
    /// The classes that it asked for, one of which the answer must have. None means any will do.
    pub contexts: &'a [String],
}

/// Whether an existing session at the identity provider is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// It is.
    Any,
    /// The person must authenticate after the request (`ForceAuthn`).
    Fresh,
}

impl Expected<'_> {
    fn window(&self) -> Window {
        Window { now: self.now, skew_seconds: self.skew_seconds }
    }
}

/// Whom an assertion is about. Compared as a whole and byte for byte ([`NameId::subject`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameId {
    /// The identifier: not empty, without white space around it.
    pub value: String,
    /// The format URI; unspecified when the assertion gave none. Never transient.
    pub format: String,
}

impl NameId {
    /// The whole of it as one text, under which an identity is kept. SAML core 2.2.2: the format is the "classification of
    /// string-based identifier information", so one text in two formats is two identifiers. A value has no line break.
    pub fn subject(&self) -> String {
        if self.format == FORMAT_UNSPECIFIED { self.value.clone() } else { format!("{}\n{}", self.value, self.format) }
    }
}

/// Within which domains a NameID is unique. Whoever made it wants it back with them; identities are kept without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Qualifiers {
    /// `NameQualifier`
    pub name: Option<String>,
    /// `SPNameQualifier`
    pub sp_name: Option<String>,
}

/// An attribute and its values in document order; empty values are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The `Name`; `FriendlyName` is never looked at.
    pub name: String,
    /// The values as they stand.
    pub values: Vec<String>,
}

/// An assertion whose signature and conditions hold. Only [`verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAssertion {
    assertion_id: String,
    name_id: NameId,
    qualifiers: Qualifiers,
    attributes: Vec<Attribute>,
    authn_instant: Timestamp,
    authn_context: Option<String>,
    session_index: Option<String>,
    replay_until: Timestamp,
    session_expires_at: Option<Timestamp>,
}

impl VerifiedAssertion {
    /// The id under which it may be used once.
    pub fn assertion_id(&self) -> &str {
        &self.assertion_id
    }

    /// Whom it is about.
    pub fn name_id(&self) -> &NameId {
        &self.name_id
    }

    /// What its NameID is qualified with.
    pub fn qualifiers(&self) -> &Qualifiers {
        &self.qualifiers
    }

    /// What it says about the person.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// When the person authenticated at the identity provider.
    pub fn authn_instant(&self) -> Timestamp {
        self.authn_instant
    }

    /// How the person authenticated, as a class URI.
    pub fn authn_context(&self) -> Option<&str> {
        self.authn_context.as_deref()
    }

    /// What the identity provider calls the session there, when it tells sessions apart.
    pub fn session_index(&self) -> Option<&str> {
        self.session_index.as_deref()
    }

    /// Until when it would be accepted again, so its id has to be kept.
    pub fn replay_until(&self) -> Timestamp {
        self.replay_until
    }

    /// When the identity provider wants our session to end at the latest.
    pub fn session_expires_at(&self) -> Option<Timestamp> {
        self.session_expires_at
    }
}

/// Verifies the value of the form field `SAMLResponse`.
///
/// CPU-bound and partly in C libraries that recurse: call it on a thread of its own with a stack of 8 MiB, and wait
/// for it with a deadline.
pub fn verify(saml_response: &str, expected: &Expected<'_>) -> Result<VerifiedAssertion, Rejected> {
    let bytes = decode(saml_response, &expected.limits)?;
    let envelope = gate::open(&bytes, &expected.limits).map_err(Rejected::of_document)?;
    response::check_status(envelope.unverified())?;
    match envelope.inspect()? {
        Inspected::Plain(_) if expected.encryption == Encryption::Required => Err(Rejected::NotEncrypted),
        Inspected::Plain(gated) => statements::read(&verify_plain(&gated, expected)?, expected),
        Inspected::Sealed(sealed) => statements::read(&verify_sealed(&sealed, expected)?, expected),
    }
}

/// What a response is that nobody waits for. Nothing of it is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unasked {
    /// It answers no request, wherever it would say so.
    Unsolicited,
    /// It answers a request, or is none that the gate lets through.
    Stray,
    /// It is no base64, or no well-formed XML.
    Unreadable,
}

/// Looks at the value of the form field, of which nothing else is told.
pub fn unasked(saml_response: &str, limits: &Limits) -> Unasked {
    let Ok(bytes) = decode(saml_response, limits) else { return Unasked::Unreadable };
    match gate::open(&bytes, limits) {
        Ok(envelope) if !answers_something(envelope.unverified()) => Unasked::Unsolicited,
        Err(refusal) if refusal.is_ill_formed() => Unasked::Unreadable,
        Ok(_) | Err(_) => Unasked::Stray,
    }
}

fn answers_something(element: &Element) -> bool {
    element.attributes.iter().any(|attribute| attribute.local == "InResponseTo")
        || element.elements().any(answers_something)
}

fn verify_plain(gated: &Gated<'_>, expected: &Expected<'_>) -> Result<Element, Rejected> {
    let envelope = if gated.carriers() == Carriers::Assertion { Envelope::Unsigned } else { Envelope::Signed };
    // Before the costly step: what is not for us needs no verification.
    response::check_envelope(gated.unverified(), envelope, expected)?;
    signature::verified_assertion(gated, expected.certificates, &expected.limits)
}

/// The signature of the response first, over the ciphertext as it came; then the plaintext, through the same gate. An
/// assertion that only its encryption speaks for is anybody's: our public key is public (CVE-2024-4985).
fn verify_sealed(sealed: &Sealed<'_>, expected: &Expected<'_>) -> Result<Element, Rejected> {
    let (envelope, cover) = match sealed.is_signed() {
        true => (Envelope::Signed, Cover::Response),
        false => (Envelope::Unsigned, Cover::Nothing),
    };
    response::check_envelope(sealed.unverified(), envelope, expected)?;
    if cover == Cover::Response {
        signature::verify_sealed(sealed, expected.certificates, &expected.limits)?;
    }
    let encrypted = sealed.encrypted().ok_or(encryption::Undecryptable)?;
    let plaintext = encryption::open(encrypted, expected.decryption_keys)?;
    let text = Zeroizing::new(sealed.opened(&plaintext, &expected.limits)?);
    match gate::open(text.as_bytes(), &expected.limits)?.inspect_opened(cover)? {
        Opened::Signed(gated) => signature::verified_assertion(&gated, expected.certificates, &expected.limits),
        Opened::Covered(assertion) => Ok(assertion),
    }
}

/// SAML bindings 3.5.4: base64, which some senders wrap into lines.
fn decode(text: &str, limits: &Limits) -> Result<Vec<u8>, Rejected> {
    let is_bounded = text.len() / 2 <= limits.bytes;
    let compact: Vec<u8> = text.bytes().filter(|byte| is_bounded && !byte.is_ascii_whitespace()).collect();
    if compact.is_empty() {
        return Err(Rejected::Encoding);
    }
    STANDARD.decode(compact).map_err(|_| Rejected::Encoding)
}
