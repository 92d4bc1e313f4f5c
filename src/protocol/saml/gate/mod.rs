//! What a response must look like before any signature library reads it.
//!
//! Owns the byte gate and the structural gate: one root, one assertion in its one place, one signature at most on each
//! of the two elements that may carry one, each over exactly its parent, by listed algorithms. Judges form only; who
//! signed and what it says is for `assertion`. Nothing that passes is trusted for having passed.

mod encryption_shape;
pub mod refusal;
pub mod signature_shape;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use crate::protocol::saml::document::reader::{Comments, Limits, check_bytes, parse};
use crate::protocol::saml::document::{Element, is_ncname, spans};
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

/// A response of the one accepted shape whose assertion is encrypted.
#[derive(Debug)]
pub struct Sealed<'a> {
    text: &'a str,
    response: Element,
    is_signed: bool,
}

/// What a response turned out to be.
#[derive(Debug)]
pub enum Inspected<'a> {
    /// Its assertion can be read.
    Plain(Gated<'a>),
    /// Its assertion is encrypted; whether there is a signature inside is not known yet.
    Sealed(Sealed<'a>),
}

/// What was verified around an encrypted assertion before it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover {
    /// The signature of the response, over the ciphertext.
    Response,
    /// Nothing: whoever has our public key may have made it.
    Nothing,
}

/// A response whose assertion has been opened.
#[derive(Debug)]
pub enum Opened<'a> {
    /// The assertion has a signature of its own, which is to be verified.
    Signed(Gated<'a>),
    /// It has none, and the signature of the response covered it.
    Covered(Element),
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
    pub fn inspect(self) -> Result<Inspected<'a>, Refusal> {
        self.check_form()?;
        let on_response = signature_shape::check(&self.response)?;
        if let Some(encrypted) = self.response.only(SAML, "EncryptedAssertion") {
            encryption_shape::check(encrypted)?;
            return Ok(Inspected::Sealed(Sealed { text: self.text, response: self.response, is_signed: on_response }));
        }
        let carriers = match (on_response, self.check_assertion()?) {
            (true, false) => Carriers::Response,
            (false, true) => Carriers::Assertion,
            (true, true) => Carriers::Both,
            (false, false) => return Err(Refusal::Unsigned),
        };
        Ok(Inspected::Plain(Gated { text: self.text, response: self.response, carriers }))
    }

    /// The same gate for what [`Sealed::opened`] made.
    pub fn inspect_opened(self, cover: Cover) -> Result<Opened<'a>, Refusal> {
        self.check_form()?;
        if self.response.named(DSIG, "Signature").next().is_some() {
            return Err(Refusal::SignaturePlace);
        }
        match (self.check_assertion()?, cover) {
            (true, Cover::Response | Cover::Nothing) => {
                Ok(Opened::Signed(Gated { text: self.text, response: self.response, carriers: Carriers::Assertion }))
            }
            (false, Cover::Response) => {
                self.response.only(SAML, "Assertion").cloned().map(Opened::Covered).ok_or(Refusal::NoAssertion)
            }
            (false, Cover::Nothing) => Err(Refusal::Unsigned),
        }
    }

    fn check_form(&self) -> Result<(), Refusal> {
        check_assertions(&self.response)?;
        check_children(&self.response, &RESPONSE_CHILDREN)?;
        if let Some(assertion) = self.response.only(SAML, "Assertion") {
            check_children(assertion, &ASSERTION_CHILDREN)?;
        }
        check_stray_signatures(&self.response, Place::Response)
    }

    /// Whether the assertion has a signature, which then has the one shape.
    fn check_assertion(&self) -> Result<bool, Refusal> {
        signature_shape::check(self.response.only(SAML, "Assertion").ok_or(Refusal::NoAssertion)?)
    }
}

impl Sealed<'_> {
    /// The text for the signature library.
    pub fn text(&self) -> &str {
        self.text
    }

    /// The document. Nothing in it is verified: it may only be used to refuse, and to be opened.
    pub fn unverified(&self) -> &Element {
        &self.response
    }

    /// Whether the response carries a signature.
    pub fn is_signed(&self) -> bool {
        self.is_signed
    }

    /// What the signature library must hand back, if the response is signed.
    pub fn signed_content(&self) -> Element {
        self.response.without(DSIG, "Signature")
    }

    /// The encrypted assertion.
    pub fn encrypted(&self) -> Option<&Element> {
        self.response.only(SAML, "EncryptedAssertion")
    }

    /// The document with the plaintext in the place of the ciphertext, where prefixes that were declared around it hold,
    /// and without the response's signature, which was over the ciphertext. It goes through [`open`] and
    /// [`Envelope::inspect_opened`].
    pub fn opened(&self, plaintext: &[u8], limits: &Limits) -> Result<String, Refusal> {
        let plaintext = check_bytes(plaintext, limits, Comments::Refused)?;
        let ranges = spans::children_of_root(self.text).ok_or(Refusal::Content)?;
        let mut text = String::with_capacity(self.text.len());
        let mut copied = 0;
        for (range, child) in ranges.into_iter().zip(self.response.elements()) {
            let replacement = match (child.is(SAML, "EncryptedAssertion"), child.is(DSIG, "Signature")) {
                (true, _) => plaintext,
                (_, true) => "",
                _ => continue,
            };
            text.push_str(self.text.get(copied..range.start).ok_or(Refusal::Content)?);
            text.push_str(replacement);
            copied = range.end;
        }
        text.push_str(self.text.get(copied..).ok_or(Refusal::Content)?);
        Ok(text)
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

const RESPONSE_CHILDREN: [(&str, &str); 6] = [
    (SAML, "Issuer"),
    (DSIG, "Signature"),
    (SAMLP, "Extensions"),
    (SAMLP, "Status"),
    (SAML, "Assertion"),
    (SAML, "EncryptedAssertion"),
];

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
pub(super) fn check_ids<'e>(element: &'e Element, seen: &mut HashSet<&'e str>) -> Result<(), Refusal> {
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
        match place {
            Place::Response | Place::Assertion if child.is(DSIG, "Signature") => continue,
            _ if child.local == "Signature" || child.namespace == DSIG => return Err(Refusal::SignaturePlace),
            // Judged by `encryption_shape`: its key info is of the same namespace.
            Place::Response if child.is(SAML, "EncryptedAssertion") => continue,
            Place::Response if child.is(SAML, "Assertion") => check_stray_signatures(child, Place::Assertion)?,
            _ => check_stray_signatures(child, Place::Elsewhere)?,
        }
    }
    Ok(())
}
