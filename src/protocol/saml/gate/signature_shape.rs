//! The one shape of an XML signature that is let through: SAML core 5.4 with every option taken away.
//!
//! Owns the list of algorithms. Whether the signature is right is not its question.

use std::collections::HashSet;

use crate::protocol::saml::document::{Element, Node, is_ncname, is_xml_space};
use crate::protocol::saml::gate::refusal::Refusal;
use crate::protocol::saml::names::{DSIG, ENVELOPED_SIGNATURE, EXCLUSIVE_C14N};

/// The signature algorithms that are accepted, by their URIs. samael is given the same list.
pub const SIGNATURE_ALGORITHMS: [&str; 6] = [
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
];

/// The digest algorithms that are accepted, by their URIs.
pub const DIGEST_ALGORITHMS: [&str; 3] = [
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
];

/// How many prefixes a canonicalization may be told to keep. OpenSAML names those it has declared, which are fewer than ten.
const MAX_PREFIXES: usize = 16;
/// How many prefixes times elements there may be: ten thousand elements that keep two, as an assertion with very many typed
/// values does. The library looks for each of them at each element.
const MAX_LOOKUPS: usize = 20_000;
/// How long the list of them may be.
const MAX_PREFIX_LIST_BYTES: usize = 1024;

/// Checks the signature of `parent`, if it has one; says whether it has.
pub fn check(parent: &Element) -> Result<bool, Refusal> {
    let mut signatures = parent.named(DSIG, "Signature");
    let Some(signature) = signatures.next() else { return Ok(false) };
    if signatures.next().is_some() {
        return Err(Refusal::SeveralSignatures);
    }
    let parts: Vec<&Element> = signature.elements().collect();
    if parts.iter().any(|part| part.local == "Object") {
        return Err(Refusal::Object);
    }
    if parts.iter().filter(|part| part.local == "SignedInfo").count() != 1 {
        return Err(Refusal::SignedInfo);
    }
    match parts.as_slice() {
        [info, value] => check_parts(signature, info, value, None, parent)?,
        [info, value, key_info] => check_parts(signature, info, value, Some(key_info), parent)?,
        _ => return Err(Refusal::SignatureShape),
    }
    Ok(true)
}

fn check_parts(
    signature: &Element,
    info: &Element,
    value: &Element,
    key_info: Option<&Element>,
    parent: &Element,
) -> Result<(), Refusal> {
    let is_shaped = info.is(DSIG, "SignedInfo")
        && value.is(DSIG, "SignatureValue")
        && is_base64(value)
        && !signature.has_loose_text()
        && has_only_attributes(signature, &["Id"]);
    if !is_shaped {
        return Err(Refusal::SignatureShape);
    }
    if let Some(key_info) = key_info {
        check_key_info(key_info)?;
    }
    check_signed_info(info, parent)
}

/// The key info is never used (keys come from the connection's metadata); what could make a library fetch or look up a
/// key by itself is refused all the same.
fn check_key_info(key_info: &Element) -> Result<(), Refusal> {
    if !key_info.is(DSIG, "KeyInfo") {
        return Err(Refusal::SignatureShape);
    }
    let is_allowed =
        |part: &Element| part.namespace == DSIG && matches!(part.local.as_str(), "X509Data" | "KeyName" | "KeyValue");
    if key_info.elements().all(is_allowed) { Ok(()) } else { Err(Refusal::KeyInfo) }
}

fn check_signed_info(info: &Element, parent: &Element) -> Result<(), Refusal> {
    if info.named(DSIG, "Reference").count() != 1 {
        return Err(Refusal::References);
    }
    let parts: Vec<&Element> = info.elements().collect();
    let [canonicalization, method, reference] = parts.as_slice() else { return Err(Refusal::SignatureShape) };
    let is_shaped = canonicalization.is(DSIG, "CanonicalizationMethod")
        && method.is(DSIG, "SignatureMethod")
        && reference.is(DSIG, "Reference")
        && !info.has_loose_text()
        && has_only_attributes(info, &["Id"]);
    if !is_shaped {
        return Err(Refusal::SignatureShape);
    }
    if !is_exclusive_canonicalization(canonicalization) {
        return Err(Refusal::Canonicalization);
    }
    check_prefix_list(canonicalization, info.size())?;
    if !method.children.iter().all(is_blank) {
        return Err(Refusal::AlgorithmParameter);
    }
    if !algorithm(method).is_some_and(|uri| SIGNATURE_ALGORITHMS.contains(&uri)) {
        return Err(Refusal::SignatureAlgorithm);
    }
    check_reference(reference, parent)
}

fn check_reference(reference: &Element, parent: &Element) -> Result<(), Refusal> {
    let target = reference.attribute("URI").and_then(|uri| uri.strip_prefix('#'));
    // An empty target would be the whole document or an element without an id.
    if target.is_none_or(str::is_empty) || target != parent.attribute("ID") {
        return Err(Refusal::ReferenceTarget);
    }
    let parts: Vec<&Element> = reference.elements().collect();
    let [transforms, method, value] = parts.as_slice() else { return Err(Refusal::SignatureShape) };
    let is_shaped = transforms.is(DSIG, "Transforms")
        && method.is(DSIG, "DigestMethod")
        && value.is(DSIG, "DigestValue")
        && is_base64(value)
        && !reference.has_loose_text()
        && has_only_attributes(reference, &["Id", "URI"]);
    if !is_shaped {
        return Err(Refusal::SignatureShape);
    }
    check_transforms(transforms, parent.size())?;
    let is_listed = algorithm(method).is_some_and(|uri| DIGEST_ALGORITHMS.contains(&uri));
    if is_listed && method.children.iter().all(is_blank) { Ok(()) } else { Err(Refusal::DigestAlgorithm) }
}

/// SAML core 5.4.4: "Signatures in SAML messages SHOULD NOT contain transforms other than the enveloped signature
/// transform or the exclusive canonicalization transforms". Here both, in this order, and nothing else.
fn check_transforms(transforms: &Element, elements: usize) -> Result<(), Refusal> {
    let parts: Vec<&Element> = transforms.elements().collect();
    let [enveloped, canonicalization] = parts.as_slice() else { return Err(Refusal::Transforms) };
    let is_allowed = enveloped.is(DSIG, "Transform")
        && algorithm(enveloped) == Some(ENVELOPED_SIGNATURE)
        && enveloped.children.iter().all(is_blank)
        && canonicalization.is(DSIG, "Transform")
        && is_exclusive_canonicalization(canonicalization)
        && !transforms.has_loose_text()
        && transforms.attributes.is_empty();
    if is_allowed { check_prefix_list(canonicalization, elements) } else { Err(Refusal::Transforms) }
}

/// Exclusive canonicalization without comments; its one parameter, a list of prefixes, is let through (ADFS and
/// Shibboleth send it) within the bounds of [`check_prefix_list`].
fn is_exclusive_canonicalization(element: &Element) -> bool {
    let is_parameter = |child: &Element| {
        child.is(EXCLUSIVE_C14N, "InclusiveNamespaces")
            && child.children.is_empty()
            && has_only_attributes(child, &["PrefixList"])
    };
    algorithm(element) == Some(EXCLUSIVE_C14N)
        && element.elements().count() <= 1
        && element.elements().all(is_parameter)
        && !element.has_loose_text()
}

/// Exclusive XML Canonicalization 3: "a whitespace-delimited list of namespace prefixes, and where #default indicates the
/// default namespace". Of so many `elements` that are canonicalized.
fn check_prefix_list(canonicalization: &Element, elements: usize) -> Result<(), Refusal> {
    let lists = canonicalization.elements().filter_map(|parameter| parameter.attribute("PrefixList"));
    for list in lists {
        let mut seen = HashSet::new();
        let mut prefixes = list.split(is_xml_space).filter(|prefix| !prefix.is_empty());
        let is_bounded = list.len() <= MAX_PREFIX_LIST_BYTES
            && prefixes.all(|prefix| {
                (prefix == "#default" || is_ncname(prefix)) && seen.insert(prefix) && seen.len() <= MAX_PREFIXES
            });
        if !is_bounded || seen.len().saturating_mul(elements) > MAX_LOOKUPS {
            return Err(Refusal::PrefixList);
        }
    }
    Ok(())
}

fn algorithm(element: &Element) -> Option<&str> {
    if has_only_attributes(element, &["Algorithm"]) { element.attribute("Algorithm") } else { None }
}

fn has_only_attributes(element: &Element, allowed: &[&str]) -> bool {
    let mut attributes = element.attributes.iter();
    attributes.all(|attribute| attribute.namespace.is_empty() && allowed.contains(&attribute.local.as_str()))
}

fn is_blank(node: &Node) -> bool {
    matches!(node, Node::Text(text) if text.chars().all(is_xml_space))
}

fn is_base64(element: &Element) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+/= \t\r\n".contains(&byte);
    element.trimmed_text().is_some_and(|text| !text.is_empty() && text.bytes().all(is_allowed))
}
