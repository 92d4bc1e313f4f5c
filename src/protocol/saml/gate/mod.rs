//! What a response must look like before any signature library reads it.
//!
//! Owns the byte gate and the structural gate: one root, one assertion in its one place, one signature at most on each
//! of the two elements that may carry one, each over exactly its parent, by listed algorithms. Judges form only; who
//! signed and what it says is for `assertion`. Nothing that passes is trusted for having passed.

pub mod refusal;
pub mod signature_shape;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use crate::protocol::saml::document::reader::{Comments, Limits, check_bytes, parse};
use crate::protocol::saml::document::{Element, is_ncname};
use crate::protocol::saml::gate::refusal::Refusal;
use crate::protocol::saml::names::{DSIG, SAML, SAMLP, XINCLUDE};

/// A response that is a well-formed document with unambiguous ids. Its content is anybody's claim.
#[derive(Debug)]
pub struct Envelope<'a> {
    text: &'a str,
    response: Element,
}

/// A response of the one accepted shape, ready for the signature library.
#[derive(Debug)]
pub struct Gated<'a> {
    text: &'a str,
    response: Element,
    carriers: Carriers,
}

/// Which elements carry a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carriers {
    /// The response alone; it covers the assertion.
    Response,
    /// The assertion alone; the response around it is anybody's claim.
    Assertion,
    /// Each of the two.
    Both,
}

/// The byte gate, well-formedness, the root and the ids.
pub fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Envelope<'a>, Refusal> {
    let text = check_bytes(bytes, limits, Comments::Refused)?;
    let response = parse(text, limits, Comments::Refused)?;
    if !response.is(SAMLP, "Response") {
        return Err(Refusal::Root);
    }
    check_ids(&response, &mut HashSet::new())?;
    Ok(Envelope { text, response })
}

impl<'a> Envelope<'a> {
    /// The document. Nothing in it is verified.
    pub fn unverified(&self) -> &Element {
        &self.response
    }

    /// The structural gate.
    pub fn inspect(self) -> Result<Gated<'a>, Refusal> {
        check_assertions(&self.response)?;
        if self.response.only(SAML, "EncryptedAssertion").is_some() {
            return Err(Refusal::Encrypted);
        }
        let assertion = self.response.only(SAML, "Assertion").ok_or(Refusal::NoAssertion)?;
        check_children(&self.response, &RESPONSE_CHILDREN)?;
        check_children(assertion, &ASSERTION_CHILDREN)?;
        check_stray_signatures(&self.response, Place::Response)?;
        let on_response = signature_shape::check(&self.response)?;
        let on_assertion = signature_shape::check(assertion)?;
        let carriers = match (on_response, on_assertion) {
            (true, false) => Carriers::Response,
            (false, true) => Carriers::Assertion,
            (true, true) => Carriers::Both,
            (false, false) => return Err(Refusal::Unsigned),
        };
        Ok(Gated { text: self.text, response: self.response, carriers })
    }
}

impl Gated<'_> {
    /// The text for the signature library.
    pub fn text(&self) -> &str {
        self.text
    }

    /// The document. Nothing in it is verified: it may only be used to refuse.
    pub fn unverified(&self) -> &Element {
        &self.response
    }

    /// Which elements carry a signature.
    pub fn carriers(&self) -> Carriers {
        self.carriers
    }

    /// What the signature library must hand back, if it sees the document that this gate sees: the outermost signed
    /// element without its own signature.
    pub fn signed_content(&self) -> Option<Element> {
        match self.carriers {
            Carriers::Response | Carriers::Both => Some(self.response.without(DSIG, "Signature")),
            Carriers::Assertion => self.response.only(SAML, "Assertion").map(|found| found.without(DSIG, "Signature")),
        }
    }
}

const RESPONSE_CHILDREN: [(&str, &str); 5] =
    [(SAML, "Issuer"), (DSIG, "Signature"), (SAMLP, "Extensions"), (SAMLP, "Status"), (SAML, "Assertion")];

const ASSERTION_CHILDREN: [(&str, &str); 8] = [
    (SAML, "Issuer"),
    (DSIG, "Signature"),
    (SAML, "Subject"),
    (SAML, "Conditions"),
    (SAML, "Advice"),
    (SAML, "AuthnStatement"),
    (SAML, "AuthzDecisionStatement"),
    (SAML, "AttributeStatement"),
];

fn check_children(element: &Element, allowed: &[(&str, &str)]) -> Result<(), Refusal> {
    let is_allowed = |child: &Element| allowed.iter().any(|(namespace, local)| child.is(namespace, local));
    if element.has_loose_text() || !element.elements().all(is_allowed) { Err(Refusal::Content) } else { Ok(()) }
}

/// Ids in every spelling count as one set: verifiers differ in which attribute they take for the id.
fn check_ids<'e>(element: &'e Element, seen: &mut HashSet<&'e str>) -> Result<(), Refusal> {
    for attribute in element.attributes.iter().filter(|attribute| attribute.local.eq_ignore_ascii_case("id")) {
        if !attribute.namespace.is_empty() {
            return Err(Refusal::IdNamespace);
        }
        if !is_ncname(&attribute.value) {
            return Err(Refusal::IdSyntax);
        }
        if !seen.insert(&attribute.value) {
            return Err(Refusal::IdRepeated);
        }
    }
    element.elements().try_for_each(|child| check_ids(child, seen))
}

/// Exactly one assertion, counted by local name in any namespace and at any depth, and it is a child of the response. No
/// instruction to include another document, which some readers would follow.
fn check_assertions(response: &Element) -> Result<(), Refusal> {
    let mut found = 0_usize;
    let mut pending: Vec<(&Element, bool)> = response.elements().map(|child| (child, true)).collect();
    let mut is_misplaced = false;
    while let Some((element, is_child)) = pending.pop() {
        match element.local.as_str() {
            "Assertion" | "EncryptedAssertion" => {
                found += 1;
                is_misplaced |= !is_child || element.namespace != SAML;
            }
            "Response" => is_misplaced = true,
            _ if element.namespace == XINCLUDE => return Err(Refusal::Content),
            _ => {}
        }
        pending.extend(element.elements().map(|child| (child, false)));
    }
    match (found, is_misplaced) {
        (2.., _) => Err(Refusal::SeveralAssertions),
        (_, true) => Err(Refusal::AssertionPlace),
        (0, false) => Err(Refusal::NoAssertion),
        (1, false) => Ok(()),
    }
}

#[derive(Clone, Copy)]
enum Place {
    Response,
    Assertion,
    Elsewhere,
}

/// No `ds:` element and nothing named `Signature` but the children of the response and of its assertion. What is inside
/// those is judged by `signature_shape`. A digest or a signed info that lies about elsewhere is what CVE-2024-45409 used.
fn check_stray_signatures(element: &Element, place: Place) -> Result<(), Refusal> {
    for child in element.elements() {
        let is_signature = child.is(DSIG, "Signature");
        match place {
            Place::Response | Place::Assertion if is_signature => continue,
            _ if is_signature || child.local == "Signature" || child.namespace == DSIG => {
                return Err(Refusal::SignaturePlace);
            }
            Place::Response if child.is(SAML, "Assertion") => check_stray_signatures(child, Place::Assertion)?,
            _ => check_stray_signatures(child, Place::Elsewhere)?,
        }
    }
    Ok(())
}
