//! The one strict XML reader.
//!
//! Owns what "well formed" means here, which is narrower than XML 1.0: UTF-8, no DOCTYPE, no CDATA, no processing
//! instruction, ASCII names, absolute namespace URIs, bounded size, depth and counts. Depends on quick-xml alone.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::{Attribute, Element, Node, is_ncname, is_xml_space};

/// How large a document may be. One limit passed is enough to refuse it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the document, after base64 decoding.
    pub bytes: usize,
    /// Elements inside elements; the root is at depth 1.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes_per_element: usize,
    /// Attributes in all, namespace declarations included.
    pub attributes: usize,
    /// Namespace declarations that hold at one place: those of an element and of all elements around it. A signature
    /// library looks through them for each element, and for each prefix that a transform names.
    pub namespaces_in_scope: usize,
}

impl Limits {
    /// For a response of an identity provider. One with two thousand values passes, each with its type and two declarations.
    pub const RESPONSE: Self = Self {
        bytes: 256 * 1024,
        depth: 32,
        elements: 5_000,
        attributes_per_element: 64,
        attributes: 7_000,
        namespaces_in_scope: 32,
    };
    /// For the metadata of an identity provider, which an administrator hands in.
    pub const METADATA: Self =
        Self { bytes: 1024 * 1024, elements: 20_000, attributes: 60_000, namespaces_in_scope: 64, ..Self::RESPONSE };
}

/// Whether a comment may stand in the document. Comments never become content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comments {
    /// A comment refuses the document: whoever signs or reads it could join or split the text around it (VU#475445).
    Refused,
    /// A comment is skipped. For metadata only, which people write by hand and which has one reader: this one.
    Skipped,
}

/// Why a text is not a document for this reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// More bytes than [`Limits::bytes`].
    #[error("document is too large")]
    TooLarge,
    /// Not UTF-8, or declared to be something else.
    #[error("document is not utf-8")]
    Encoding,
    /// A character that XML 1.0 does not have.
    #[error("document has a character that is not allowed")]
    Character,
    /// `<!`: a DOCTYPE, an entity declaration, CDATA, or a comment where comments are refused.
    #[error("document has a doctype, a comment or a cdata section")]
    Doctype,
    /// `<?` other than one XML declaration at the start.
    #[error("document has a processing instruction")]
    ProcessingInstruction,
    /// Tags that do not match, text outside the root, a bad attribute.
    #[error("document is not well formed")]
    NotWellFormed,
    /// More than one root, or content behind it.
    #[error("document has more than one root")]
    SeveralRoots,
    /// Deeper than [`Limits::depth`].
    #[error("document is too deep")]
    TooDeep,
    /// More than [`Limits::elements`].
    #[error("document has too many elements")]
    TooManyElements,
    /// More than [`Limits::attributes_per_element`] or [`Limits::attributes`].
    #[error("an element or the document has too many attributes")]
    TooManyAttributes,
    /// More than [`Limits::namespaces_in_scope`].
    #[error("too many namespaces are declared in one place")]
    TooManyNamespaces,
    /// One attribute twice, by its name or by its namespace and local name.
    #[error("an element has the same attribute twice")]
    DuplicateAttribute,
    /// A name that is not an ASCII NCName.
    #[error("a name is not allowed")]
    Name,
    /// A relative, ill-formed or overlong namespace URI, or a prefix that is not declared.
    #[error("a namespace is not declared, not absolute or too long")]
    Namespace,
    /// An entity other than the five of XML, or a bad character reference.
    #[error("an entity or character reference is not allowed")]
    Reference,
}

/// The longest namespace URI. Canonicalization may write it again for each element and attribute that uses it.
const MAX_NAMESPACE_BYTES: usize = 128;

fn is_xml_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

/// RFC 3986 `scheme ":" ...`. Relative namespace URIs make canonicalization fail, and some verifiers take the empty
/// result for a valid digest input ("void canonicalization", CVE-2025-66568).
fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>&".contains(&byte))
}

/// The byte gate: what can be refused without parsing.
pub fn check_bytes<'a>(bytes: &'a [u8], limits: &Limits, comments: Comments) -> Result<&'a str, Malformed> {
    if bytes.len() > limits.bytes {
        return Err(Malformed::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::Encoding)?;
    if text.starts_with('\u{FEFF}') || !text.chars().all(is_xml_character) {
        return Err(Malformed::Character);
    }
    let is_comment = |at: usize| text.get(at..).is_some_and(|rest| rest.starts_with("<!--"));
    if text.match_indices("<!").any(|(at, _)| comments == Comments::Refused || !is_comment(at)) {
        return Err(Malformed::Doctype);
    }
    let is_declaration = |at: usize| at == 0 && text.starts_with("<?xml ");
    if text.match_indices("<?").any(|(at, _)| !is_declaration(at)) {
        return Err(Malformed::ProcessingInstruction);
    }
    // "]]>" must not stand in character data (XML 1.0, 2.4), and nobody has it in an attribute.
    if text.contains("]]>") { Err(Malformed::NotWellFormed) } else { Ok(text) }
}

/// Reads a document that [`check_bytes`] let through.
pub fn parse(text: &str, limits: &Limits, comments: Comments) -> Result<Element, Malformed> {
    let mut reader = NsReader::from_str(text);
    let mut builder = Builder { limits, elements: 0, attributes: 0, open: Vec::new(), root: None };
    loop {
        match reader.read_event().map_err(malformed)? {
            Event::Start(tag) => {
                let opened = builder.element(&reader, &tag)?;
                builder.open.push(opened);
            }
            Event::Empty(tag) => {
                let opened = builder.element(&reader, &tag)?;
                builder.close(opened.element)?;
            }
            Event::End(_) => {
                let opened = builder.open.pop().ok_or(Malformed::NotWellFormed)?;
                builder.close(opened.element)?;
            }
            Event::Text(text) => builder.text(&text.xml10_content().map_err(|_| Malformed::Encoding)?)?,
            Event::GeneralRef(reference) => builder.text(&resolve(&reference)?)?,
            Event::Decl(declaration) => {
                let is_one_zero = declaration.version().is_ok_and(|version| version.as_ref() == b"1.0");
                let is_utf8 = match declaration.encoding() {
                    None => true,
                    Some(name) => name.is_ok_and(|name| name.eq_ignore_ascii_case(b"utf-8")),
                };
                if !is_one_zero || !is_utf8 {
                    return Err(Malformed::Encoding);
                }
            }
            Event::Comment(_) if comments == Comments::Skipped => {}
            Event::Comment(_) | Event::CData(_) | Event::DocType(_) => return Err(Malformed::Doctype),
            Event::PI(_) => return Err(Malformed::ProcessingInstruction),
            Event::Eof => break,
        }
    }
    if builder.open.is_empty() { builder.root.ok_or(Malformed::NotWellFormed) } else { Err(Malformed::NotWellFormed) }
}

struct Builder<'l> {
    limits: &'l Limits,
    /// How many there were so far.
    elements: usize,
    attributes: usize,
    open: Vec<Open>,
    root: Option<Element>,
}

/// An element whose end has not come yet.
struct Open {
    element: Element,
    /// The namespace declarations that hold in it.
    namespaces: usize,
}

impl Builder<'_> {
    fn element(&mut self, reader: &NsReader<&[u8]>, tag: &BytesStart<'_>) -> Result<Open, Malformed> {
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(Malformed::TooManyElements);
        }
        if self.open.len() >= self.limits.depth {
            return Err(Malformed::TooDeep);
        }
        let (namespace, local) = reader.resolver().resolve_element(tag.name());
        let (attributes, namespaces) = self.attributes(reader, tag)?;
        check_name(tag.name().as_ref())?;
        let (namespace, local) = (bound(&namespace)?, ascii(local.as_ref())?);
        Ok(Open { element: Element { namespace, local, attributes, children: Vec::new() }, namespaces })
    }

    /// The attributes of an element, and how many namespace declarations hold in it.
    fn attributes(
        &mut self,
        reader: &NsReader<&[u8]>,
        tag: &BytesStart<'_>,
    ) -> Result<(Vec<Attribute>, usize), Malformed> {
        let mut attributes = Vec::new();
        let mut namespaces = self.open.last().map_or(0, |parent| parent.namespaces);
        for (index, attribute) in tag.attributes().enumerate() {
            self.attributes += 1;
            if index >= self.limits.attributes_per_element || self.attributes > self.limits.attributes {
                return Err(Malformed::TooManyAttributes);
            }
            let attribute = attribute.map_err(malformed_attribute)?;
            check_name(attribute.key.as_ref())?;
            if attribute.value.contains(&b'<') {
                return Err(Malformed::NotWellFormed);
            }
            if let Some(declaration) = attribute.key.as_namespace_binding() {
                check_declaration(&declaration, &attribute.value)?;
                namespaces += 1;
                if namespaces > self.limits.namespaces_in_scope {
                    return Err(Malformed::TooManyNamespaces);
                }
                continue;
            }
            attributes.push(plain_attribute(reader, &attribute)?);
        }
        attributes.sort();
        let is_repeated =
            |pair: &[Attribute]| matches!(pair, [a, b] if a.local == b.local && a.namespace == b.namespace);
        if attributes.windows(2).any(is_repeated) {
            return Err(Malformed::DuplicateAttribute);
        }
        Ok((attributes, namespaces))
    }

    fn close(&mut self, element: Element) -> Result<(), Malformed> {
        match self.open.last_mut() {
            Some(parent) => parent.element.children.push(Node::Element(element)),
            None if self.root.is_none() => self.root = Some(element),
            None => return Err(Malformed::SeveralRoots),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Malformed> {
        match self.open.last_mut() {
            Some(parent) => parent.element.push_text(text),
            None if text.chars().all(is_xml_space) => {}
            None if self.root.is_some() => return Err(Malformed::SeveralRoots),
            None => return Err(Malformed::NotWellFormed),
        }
        Ok(())
    }
}

/// An attribute that declares no namespace.
fn plain_attribute(
    reader: &NsReader<&[u8]>,
    attribute: &quick_xml::events::attributes::Attribute<'_>,
) -> Result<Attribute, Malformed> {
    let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|_| Malformed::Reference)?;
    if !value.chars().all(is_xml_character) {
        return Err(Malformed::Reference);
    }
    let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
    Ok(Attribute { namespace: bound(&namespace)?, local: ascii(local.as_ref())?, value: value.into_owned() })
}

fn check_name(name: &[u8]) -> Result<(), Malformed> {
    let name = ascii(name)?;
    let is_valid = match name.split_once(':') {
        Some((prefix, local)) => is_ncname(prefix) && is_ncname(local),
        None => is_ncname(&name),
    };
    if is_valid { Ok(()) } else { Err(Malformed::Name) }
}

fn check_declaration(declaration: &quick_xml::name::PrefixDeclaration<'_>, uri: &[u8]) -> Result<(), Malformed> {
    if uri.len() > MAX_NAMESPACE_BYTES {
        return Err(Malformed::Namespace);
    }
    let is_undeclaring = uri.is_empty() && matches!(declaration, quick_xml::name::PrefixDeclaration::Default);
    let uri = std::str::from_utf8(uri).map_err(|_| Malformed::Namespace)?;
    if is_undeclaring || is_absolute_uri(uri) { Ok(()) } else { Err(Malformed::Namespace) }
}

fn bound(namespace: &ResolveResult<'_>) -> Result<String, Malformed> {
    match namespace {
        ResolveResult::Bound(namespace) => ascii(namespace.as_ref()).map_err(|_| Malformed::Namespace),
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Unknown(_) => Err(Malformed::Namespace),
    }
}

fn ascii(bytes: &[u8]) -> Result<String, Malformed> {
    if bytes.is_ascii() { Ok(String::from_utf8_lossy(bytes).into_owned()) } else { Err(Malformed::Name) }
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, Malformed> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_| Malformed::Reference)? {
        return if is_xml_character(character) { Ok(character.to_string()) } else { Err(Malformed::Reference) };
    }
    let name = reference.decode().map_err(|_| Malformed::Reference)?;
    quick_xml::escape::resolve_xml_entity(&name).map(str::to_owned).ok_or(Malformed::Reference)
}

fn malformed(error: quick_xml::Error) -> Malformed {
    match error {
        quick_xml::Error::Namespace(_) => Malformed::Namespace,
        quick_xml::Error::InvalidAttr(error) => malformed_attribute(error),
        quick_xml::Error::Encoding(_) => Malformed::Encoding,
        quick_xml::Error::Escape(_) => Malformed::Reference,
        quick_xml::Error::Io(_) | quick_xml::Error::Syntax(_) | quick_xml::Error::IllFormed(_) => {
            Malformed::NotWellFormed
        }
    }
}

fn malformed_attribute(error: quick_xml::events::attributes::AttrError) -> Malformed {
    match error {
        quick_xml::events::attributes::AttrError::Duplicated(..) => Malformed::DuplicateAttribute,
        _ => Malformed::NotWellFormed,
    }
}
