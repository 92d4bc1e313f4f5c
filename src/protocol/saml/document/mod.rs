//! A small XML document model: elements with resolved names, attributes in a fixed order, text.
//!
//! Filled by [`reader`] alone. The gate, the reader of verified bytes and the metadata import all use it, so no two
//! parts of the gateway can see two documents in one text.

pub mod reader;
pub mod spans;

#[cfg(test)]
mod tests;

/// One attribute. Namespace declarations are not attributes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attribute {
    /// The namespace URI; empty without a prefix.
    pub namespace: String,
    /// The name without its prefix.
    pub local: String,
    /// The value, normalised as XML 1.0 says.
    pub value: String,
}

/// A child of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// A run of text; two runs are never neighbours.
    Text(String),
}

/// An element. Equality is that of the content: prefixes and the order of attributes do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The namespace URI; empty when it has none.
    pub namespace: String,
    /// The name without its prefix.
    pub local: String,
    /// In a fixed order.
    pub attributes: Vec<Attribute>,
    /// In document order.
    pub children: Vec<Node>,
}

impl Element {
    /// Whether this is the element `local` of `namespace`.
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.local == local && self.namespace == namespace
    }

    /// The value of the attribute without a namespace.
    pub fn attribute(&self, local: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|attribute| attribute.namespace.is_empty() && attribute.local == local);
        found.map(|attribute| attribute.value.as_str())
    }

    /// The child elements.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The child elements of this name.
    pub fn named(&self, namespace: &str, local: &str) -> impl Iterator<Item = &Element> {
        self.elements().filter(move |element| element.is(namespace, local))
    }

    /// The only child element of this name: `None` when there is none or more than one.
    pub fn only(&self, namespace: &str, local: &str) -> Option<&Element> {
        let mut found = self.named(namespace, local);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// The text, exactly as it stands. `None` when there are elements in it.
    pub fn text(&self) -> Option<&str> {
        match self.children.as_slice() {
            [] => Some(""),
            [Node::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text without white space around it. For URIs and base64; identities are read with [`Element::text`].
    pub fn trimmed_text(&self) -> Option<&str> {
        self.text().map(|text| text.trim_matches(is_xml_space))
    }

    /// Whether there is any text but white space among the children.
    pub fn has_loose_text(&self) -> bool {
        self.children.iter().any(|node| matches!(node, Node::Text(text) if !text.chars().all(is_xml_space)))
    }

    /// How many elements there are, this one included.
    pub fn size(&self) -> usize {
        1 + self.elements().map(Element::size).sum::<usize>()
    }

    /// A copy without the direct children of this name, the text around them joined.
    pub fn without(&self, namespace: &str, local: &str) -> Element {
        let mut copy = Element { children: Vec::with_capacity(self.children.len()), ..self.clone() };
        for node in &self.children {
            match node {
                Node::Element(element) if element.is(namespace, local) => {}
                Node::Element(element) => copy.children.push(Node::Element(element.clone())),
                Node::Text(text) => copy.push_text(text),
            }
        }
        copy
    }

    fn push_text(&mut self, text: &str) {
        match self.children.last_mut() {
            _ if text.is_empty() => {}
            Some(Node::Text(last)) => last.push_str(text),
            _ => self.children.push(Node::Text(text.to_owned())),
        }
    }
}

/// White space as XML 1.0 defines it, which is less than Unicode's.
pub fn is_xml_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// Whether the text is an NCName of ASCII characters, the only names accepted here.
pub fn is_ncname(text: &str) -> bool {
    let mut bytes = text.bytes();
    let is_start = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    bytes.next().is_some_and(is_start)
        && bytes.all(|byte| is_start(byte) || byte.is_ascii_digit() || byte == b'-' || byte == b'.')
}
