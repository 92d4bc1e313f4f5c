//! The one shape of an encrypted assertion that is let through: ciphertext, and the keys to it.
//!
//! Judges form only. Which algorithms are taken is for `encryption`, which has one answer to all it cannot open.

use crate::protocol::saml::document::Element;
use crate::protocol::saml::gate::refusal::Refusal;
use crate::protocol::saml::names::{DSIG, SAML, XENC, XENC11};

/// Each key to the content costs a private operation for each key of ours. Senders give one for each of our published keys.
pub const MAX_KEYS: usize = 4;

/// What of XML Signature may stand in it: what names a key. No `Signature`, and nothing that a library would follow.
const KEY_NAMES: [&str; 16] = [
    "KeyInfo",
    "KeyName",
    "KeyValue",
    "RSAKeyValue",
    "Modulus",
    "Exponent",
    "X509Data",
    "X509Certificate",
    "X509IssuerSerial",
    "X509IssuerName",
    "X509SerialNumber",
    "X509SubjectName",
    "X509SKI",
    "X509Digest",
    "RetrievalMethod",
    "DigestMethod",
];
const CIPHER_NAMES: [&str; 8] = [
    "EncryptedData",
    "EncryptedKey",
    "EncryptionMethod",
    "CipherData",
    "CipherValue",
    "ReferenceList",
    "DataReference",
    "CarriedKeyName",
];

/// Checks an `EncryptedAssertion`.
pub fn check(encrypted: &Element) -> Result<(), Refusal> {
    let is_child = |child: &Element| child.is(XENC, "EncryptedData") || child.is(XENC, "EncryptedKey");
    let is_whole = encrypted.is(SAML, "EncryptedAssertion")
        && encrypted.elements().all(is_child)
        && encrypted.named(XENC, "EncryptedData").count() == 1
        && keys(encrypted) <= MAX_KEYS
        && encrypted.elements().all(is_listed);
    if is_whole { Ok(()) } else { Err(Refusal::EncryptionShape) }
}

fn keys(element: &Element) -> usize {
    element.elements().map(|child| usize::from(child.is(XENC, "EncryptedKey")) + keys(child)).sum()
}

fn is_listed(element: &Element) -> bool {
    let local = element.local.as_str();
    let is_known = match element.namespace.as_str() {
        DSIG => KEY_NAMES.contains(&local),
        XENC => CIPHER_NAMES.contains(&local),
        XENC11 => local == "MGF",
        _ => false,
    };
    is_known && element.elements().all(is_listed)
}
