//! Who can have signed a document, found out before anything costly is done with it.
//!
//! The signature library takes the digest of the content before it looks at the signature, once for each certificate, so
//! that whoever makes up a document has it canonicalized as often as there are certificates. The signature itself is over
//! `SignedInfo` alone, which is small and has one shape. This module owns the exclusive canonicalization of that element
//! and nothing more: what it finds can only refuse a document or leave certificates out, and the library decides.
//! Reads texts that a gate let through. Depends on quick-xml and `document`.

#[cfg(test)]
mod tests;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{PrefixDeclaration, ResolveResult};
use quick_xml::reader::NsReader;

use crate::protocol::saml::document::is_xml_space;
use crate::protocol::saml::names::DSIG;

/// A `SignedInfo` that passed the gate has some hundreds of bytes.
const MAX_SIGNED_INFO_BYTES: usize = 16 * 1024;

/// One signature of a document, as it stands there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claim {
    /// The URI of the signature algorithm.
    pub algorithm: String,
    /// The canonical form of `SignedInfo`, which the signature is over.
    pub signed_info: Vec<u8>,
    /// `SignatureValue`, in base64.
    pub value: String,
}

/// The signatures in document order. `None` when the text is not one that a gate let through.
pub fn claims(text: &str) -> Option<Vec<Claim>> {
    let mut reader = NsReader::from_str(text);
    let mut walk = Walk::default();
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => walk.open(&reader, &tag)?,
            Event::Empty(tag) => {
                walk.open(&reader, &tag)?;
                walk.close()?;
            }
            Event::End(_) => walk.close()?,
            Event::Text(text) => walk.text(&text.xml10_content().ok()?),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(character) => walk.text(character.encode_utf8(&mut [0; 4])),
                None => walk.text(quick_xml::escape::resolve_xml_entity(&reference.decode().ok()?)?),
            },
            Event::Decl(_) | Event::Comment(_) => {}
            Event::CData(_) | Event::DocType(_) | Event::PI(_) => return None,
            Event::Eof => return Some(walk.claims),
        }
    }
}

/// Where in a signature the walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    /// `SignatureValue`, up to the end of an element: the gate lets none into it.
    Value,
    /// `SignedInfo`, at this depth.
    Info(usize),
}

/// A namespace declaration. The prefix is empty for the default one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Declaration {
    prefix: String,
    uri: String,
}

/// A part of `SignedInfo`.
#[derive(Debug)]
enum Piece {
    Start { name: String, attributes: Vec<(String, String)>, scope: Vec<Declaration> },
    Text(String),
    End,
}

struct Walk {
    depth: usize,
    /// What is declared, with the depth where it is.
    scope: Vec<(usize, Declaration)>,
    within: Within,
    pieces: Vec<Piece>,
    claims: Vec<Claim>,
}

impl Default for Walk {
    fn default() -> Self {
        Self { depth: 0, scope: Vec::new(), within: Within::Nothing, pieces: Vec::new(), claims: Vec::new() }
    }
}

impl Walk {
    fn open(&mut self, reader: &NsReader<&[u8]>, tag: &BytesStart<'_>) -> Option<()> {
        self.depth += 1;
        let attributes = self.attributes(tag)?;
        if let Within::Info(_) = self.within {
            return self.start(tag, attributes);
        }
        let (namespace, local) = reader.resolver().resolve_element(tag.name());
        if !matches!(namespace, ResolveResult::Bound(namespace) if namespace.as_ref() == DSIG.as_bytes()) {
            return Some(());
        }
        match local.as_ref() {
            b"Signature" => self.claims.push(Claim::default()),
            b"SignatureValue" => self.within = Within::Value,
            b"SignedInfo" => {
                self.within = Within::Info(self.depth);
                return self.start(tag, attributes);
            }
            _ => {}
        }
        Some(())
    }

    fn start(&mut self, tag: &BytesStart<'_>, attributes: Vec<(String, String)>) -> Option<()> {
        let name = utf8(tag.name().as_ref())?;
        let scope = self.scope.iter().map(|(_, declaration)| declaration.clone()).collect();
        self.pieces.push(Piece::Start { name, attributes, scope });
        Some(())
    }

    /// The attributes, and their declarations put into scope. An attribute in a namespace has no place in a signature.
    fn attributes(&mut self, tag: &BytesStart<'_>) -> Option<Vec<(String, String)>> {
        let is_kept = matches!(self.within, Within::Info(_)) || tag.local_name().as_ref() == b"SignedInfo";
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.ok()?;
            if let Some(declaration) = attribute.key.as_namespace_binding() {
                let prefix = match declaration {
                    PrefixDeclaration::Default => String::new(),
                    PrefixDeclaration::Named(prefix) => utf8(prefix)?,
                };
                self.scope.push((self.depth, Declaration { prefix, uri: utf8(&attribute.value)? }));
            } else if is_kept {
                let value = attribute.normalized_value(XmlVersion::Explicit1_0).ok()?;
                attributes.push((utf8(attribute.key.as_ref())?, value.into_owned()));
            }
        }
        let is_in_namespace = attributes.iter().any(|(name, _)| name.contains(':'));
        attributes.sort();
        if is_in_namespace { None } else { Some(attributes) }
    }

    fn text(&mut self, text: &str) {
        match (self.within, self.claims.last_mut()) {
            (Within::Value, Some(claim)) => claim.value.push_str(text),
            (Within::Info(_), _) => self.pieces.push(Piece::Text(text.to_owned())),
            _ => {}
        }
    }

    fn close(&mut self) -> Option<()> {
        match self.within {
            Within::Value => self.within = Within::Nothing,
            Within::Info(depth) => {
                self.pieces.push(Piece::End);
                if depth == self.depth {
                    self.within = Within::Nothing;
                    let pieces = std::mem::take(&mut self.pieces);
                    let claim = self.claims.last_mut()?;
                    claim.algorithm =
                        attribute_of(&pieces, "SignatureMethod", "Algorithm").unwrap_or_default().to_owned();
                    claim.signed_info = canonical(&pieces)?;
                }
            }
            Within::Nothing => {}
        }
        self.depth = self.depth.checked_sub(1)?;
        while self.scope.last().is_some_and(|(depth, _)| *depth > self.depth) {
            self.scope.pop();
        }
        Some(())
    }
}

fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

/// The attribute of the first element of that name.
fn attribute_of<'p>(pieces: &'p [Piece], element: &str, attribute: &str) -> Option<&'p str> {
    pieces.iter().find_map(|piece| match piece {
        Piece::Start { name, attributes, .. } if local(name) == element => {
            attributes.iter().find(|(name, _)| name == attribute).map(|(_, value)| value.as_str())
        }
        _ => None,
    })
}

/// The prefixes that the canonicalization of `SignedInfo` itself keeps: those of the first element in it. The parameter of
/// the reference's transform comes later and is not meant.
fn inclusive(pieces: &[Piece]) -> Vec<&str> {
    let parameter = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Start { name, attributes, .. } => Some((local(name), attributes)),
            Piece::Text(_) | Piece::End => None,
        })
        .skip_while(|(name, _)| *name != "CanonicalizationMethod")
        .nth(1)
        .filter(|(name, _)| *name == "InclusiveNamespaces");
    let list = parameter.and_then(|(_, attributes)| attributes.first()).map_or("", |(_, value)| value.as_str());
    let prefixes = list.split(is_xml_space).filter(|prefix| !prefix.is_empty() && *prefix != "xml");
    prefixes.map(|prefix| if prefix == "#default" { "" } else { prefix }).collect()
}

/// Exclusive XML Canonicalization 1.0 without comments, of pieces without namespaced attributes.
fn canonical(pieces: &[Piece]) -> Option<Vec<u8>> {
    let inclusive = inclusive(pieces);
    let mut text = String::new();
    // For each open element its name, and how many declarations had been written before it.
    let mut open: Vec<(&str, usize)> = Vec::new();
    let mut written: Vec<Declaration> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Start { name, attributes, scope } => {
                open.push((name, written.len()));
                text.push('<');
                text.push_str(name);
                for declaration in to_write(name, &inclusive, scope, &written) {
                    let colon = if declaration.prefix.is_empty() { "" } else { ":" };
                    text.push_str(&format!(" xmlns{colon}{}=\"", declaration.prefix));
                    push_escaped(&mut text, &declaration.uri, ATTRIBUTE);
                    text.push('"');
                    written.push(declaration);
                }
                for (name, value) in attributes {
                    text.push_str(&format!(" {name}=\""));
                    push_escaped(&mut text, value, ATTRIBUTE);
                    text.push('"');
                }
                text.push('>');
            }
            Piece::Text(content) => push_escaped(&mut text, content, TEXT),
            Piece::End => {
                let (name, before) = open.pop()?;
                written.truncate(before);
                text.push_str(&format!("</{name}>"));
            }
        }
        if text.len() > MAX_SIGNED_INFO_BYTES {
            return None;
        }
    }
    Some(text.into_bytes())
}

/// Section 3: a namespace is written where its prefix is used visibly, or listed, unless the nearest element around says the
/// same already. In the order of the prefixes.
fn to_write(name: &str, inclusive: &[&str], scope: &[Declaration], written: &[Declaration]) -> Vec<Declaration> {
    let used = name.split_once(':').map_or("", |(prefix, _)| prefix);
    let mut prefixes: Vec<&str> = inclusive.iter().copied().chain([used]).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    let uri_in = |declarations: &[Declaration], prefix: &str| {
        declarations.iter().rev().find(|declaration| declaration.prefix == prefix).map(|found| found.uri.clone())
    };
    let declared = prefixes.into_iter().filter_map(|prefix| {
        let uri = uri_in(scope, prefix).unwrap_or_default();
        let is_said = uri == uri_in(written, prefix).unwrap_or_default();
        (!is_said).then(|| Declaration { prefix: prefix.to_owned(), uri })
    });
    declared.collect()
}

/// Canonical XML 2.3: what is replaced in a text node.
const TEXT: &[(char, &str)] = &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('\r', "&#xD;")];
/// And in the value of an attribute.
const ATTRIBUTE: &[(char, &str)] =
    &[('&', "&amp;"), ('<', "&lt;"), ('"', "&quot;"), ('\t', "&#x9;"), ('\n', "&#xA;"), ('\r', "&#xD;")];

fn push_escaped(text: &mut String, content: &str, replacements: &[(char, &str)]) {
    for character in content.chars() {
        match replacements.iter().find(|(replaced, _)| *replaced == character) {
            Some((_, replacement)) => text.push_str(replacement),
            None => text.push(character),
        }
    }
}

fn utf8(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}
