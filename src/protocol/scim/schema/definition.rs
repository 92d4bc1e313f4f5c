//! A schema that an organization brings along (RFC 7643, section 7), read from its JSON form. What the gateway cannot keep
//! its word about is refused, with a pointer to the fault.

use std::borrow::Cow;

use serde_json::Value;

use super::Schema;
use super::urn;
use crate::protocol::scim::attribute::{Attribute, Kind, Mutability, Returned, Uniqueness};
use crate::protocol::scim::json::Object;

/// The longest name of an attribute.
const MAX_NAME_CHARS: usize = 64;
/// The longest description, and the longest canonical value.
const MAX_TEXT_CHARS: usize = 500;
/// The most canonical values, and the most reference types, of one attribute.
const MAX_LISTED: usize = 100;

/// What is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {why}")]
pub struct InvalidDefinition {
    /// A JSON pointer to the fault.
    pub at: String,
    /// Why it is one.
    pub why: Cow<'static, str>,
}

/// Reads a definition with at most `most_attributes` attributes, sub-attributes included. `search_prefix` is what stands
/// before the names of its attributes in the paths of searchable values.
pub fn read(definition: &Object, search_prefix: String, most_attributes: usize) -> Result<Schema, InvalidDefinition> {
    let root = At(String::new());
    for name in definition.keys() {
        // What `/Schemas` shows can be registered as it stands.
        if !["id", "name", "description", "attributes", "schemas", "meta"].contains(&name.as_str()) {
            return Err(root.member(name).fault("a schema has no such member"));
        }
    }
    let id = text(definition, "id", &root)?.ok_or_else(|| root.member("id").fault("is missing"))?;
    urn::check(&id).map_err(|why| root.member("id").fault(why))?;
    let name = text(definition, "name", &root)?.ok_or_else(|| root.member("name").fault("is missing"))?;
    let mut reader = Reader { left: most_attributes, most: most_attributes };
    let attributes = reader.attributes(definition.get("attributes"), &root.member("attributes"), Level::Top)?;
    Ok(Schema {
        id: id.into(),
        name: name.into(),
        description: text(definition, "description", &root)?.unwrap_or_default().into(),
        search_prefix: search_prefix.into(),
        attributes,
    })
}

/// A place in the definition.
#[derive(Clone)]
struct At(String);

impl At {
    fn member(&self, name: &str) -> Self {
        Self(format!("{}/{}", self.0, name.replace('~', "~0").replace('/', "~1")))
    }

    fn fault(&self, why: impl Into<Cow<'static, str>>) -> InvalidDefinition {
        InvalidDefinition { at: self.0.clone(), why: why.into() }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Top,
    Part,
}

struct Reader {
    left: usize,
    most: usize,
}

impl Reader {
    fn attributes(
        &mut self,
        value: Option<&Value>,
        at: &At,
        level: Level,
    ) -> Result<Vec<Attribute>, InvalidDefinition> {
        let Some(Value::Array(items)) = value else { return Err(at.fault("is not an array of attributes")) };
        if items.is_empty() {
            return Err(at.fault("is empty"));
        }
        let mut attributes: Vec<Attribute> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = at.member(&index.to_string());
            let Some(left) = self.left.checked_sub(1) else {
                return Err(at.fault(format!("a schema has at most {} attributes and sub-attributes", self.most)));
            };
            self.left = left;
            let Value::Object(members) = item else { return Err(at.fault("is not an object")) };
            let attribute = self.attribute(members, &at, level)?;
            if attributes.iter().any(|known| known.is_named(&attribute.name)) {
                return Err(at.member("name").fault("stands twice; names are compared without case"));
            }
            attributes.push(attribute);
        }
        Ok(attributes)
    }

    fn attribute(&mut self, members: &Object, at: &At, level: Level) -> Result<Attribute, InvalidDefinition> {
        check_members(members, at)?;
        let name = text(members, "name", at)?.ok_or_else(|| at.member("name").fault("is missing"))?;
        check_name(&name, level).map_err(|why| at.member("name").fault(why))?;
        let kind = one_of(members, "type", &KINDS, at)?.unwrap_or(Kind::String);
        let is_exact = matches!(kind, Kind::Reference | Kind::Binary);
        let attribute = Attribute {
            multi_valued: flag(members, "multiValued", at)?.unwrap_or(false),
            description: text(members, "description", at)?.unwrap_or_default().into(),
            required: flag(members, "required", at)?.unwrap_or(false),
            canonical_values: texts(members, "canonicalValues", at)?,
            case_exact: flag(members, "caseExact", at)?.unwrap_or(is_exact),
            mutability: one_of(members, "mutability", &MUTABILITIES, at)?.unwrap_or(Mutability::ReadWrite),
            returned: one_of(members, "returned", &RETURNS, at)?.unwrap_or(Returned::Default),
            uniqueness: one_of(members, "uniqueness", &UNIQUENESSES, at)?.unwrap_or(Uniqueness::None),
            reference_types: texts(members, "referenceTypes", at)?,
            sub_attributes: self.parts(members, kind, at, level)?,
            ..Attribute::of_kind(name, kind)
        };
        check_characteristics(&attribute, members, at, level)?;
        Ok(attribute)
    }

    fn parts(
        &mut self,
        members: &Object,
        kind: Kind,
        at: &At,
        level: Level,
    ) -> Result<Vec<Attribute>, InvalidDefinition> {
        let given = members.get("subAttributes").filter(|given| !matches!(given, Value::Array(a) if a.is_empty()));
        let there = at.member("subAttributes");
        match (kind, level) {
            // RFC 7643, section 2.3.8: complex attributes "MUST NOT contain sub-attributes that have sub-attributes".
            (Kind::Complex, Level::Part) => Err(at.member("type").fault("a sub-attribute is not complex itself")),
            (Kind::Complex, Level::Top) => self.attributes(given, &there, Level::Part),
            _ if given.is_some() => Err(there.fault("only a complex attribute has sub-attributes")),
            _ => Ok(Vec::new()),
        }
    }
}

const KINDS: [(&str, Kind); 8] = [
    ("string", Kind::String),
    ("boolean", Kind::Boolean),
    ("decimal", Kind::Decimal),
    ("integer", Kind::Integer),
    ("dateTime", Kind::DateTime),
    ("binary", Kind::Binary),
    ("reference", Kind::Reference),
    ("complex", Kind::Complex),
];
const MUTABILITIES: [(&str, Mutability); 4] = [
    ("readOnly", Mutability::ReadOnly),
    ("readWrite", Mutability::ReadWrite),
    ("immutable", Mutability::Immutable),
    ("writeOnly", Mutability::WriteOnly),
];
const RETURNS: [(&str, Returned); 4] = [
    ("always", Returned::Always),
    ("never", Returned::Never),
    ("default", Returned::Default),
    ("request", Returned::Request),
];
const UNIQUENESSES: [(&str, Uniqueness); 3] =
    [("none", Uniqueness::None), ("server", Uniqueness::Server), ("global", Uniqueness::Global)];

fn check_members(members: &Object, at: &At) -> Result<(), InvalidDefinition> {
    const KNOWN: [&str; 12] = [
        "name",
        "type",
        "multiValued",
        "description",
        "required",
        "canonicalValues",
        "caseExact",
        "mutability",
        "returned",
        "uniqueness",
        "referenceTypes",
        "subAttributes",
    ];
    match members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        Some(name) => Err(at.member(name).fault("an attribute has no such member")),
        None => Ok(()),
    }
}

/// RFC 7643, section 2.1: `ATTRNAME = ALPHA *("$" / "-" / "_" / DIGIT / ALPHA)`; `$ref` is the RFC's own exception.
fn check_name(name: &str, level: Level) -> Result<(), &'static str> {
    if name == "$ref" && level == Level::Part {
        return Ok(());
    }
    let is_first = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_rest = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '$' | '-' | '_'));
    match () {
        () if !is_first || !is_rest => Err("is not a letter followed by letters, digits, '$', '-' and '_'"),
        () if name.len() > MAX_NAME_CHARS => Err("is longer than 64 characters"),
        () if name.eq_ignore_ascii_case("schemas") => Err("is the name of what every resource has"),
        () => Ok(()),
    }
}

/// Refuses characteristics that contradict each other, or that would promise what nobody does.
fn check_characteristics(
    attribute: &Attribute,
    members: &Object,
    at: &At,
    level: Level,
) -> Result<(), InvalidDefinition> {
    let is_text = attribute.kind == Kind::String;
    let is_unique = attribute.uniqueness != Uniqueness::None;
    let faults = [
        (
            matches!(attribute.mutability, Mutability::ReadOnly | Mutability::WriteOnly),
            "mutability",
            "is readWrite or immutable: the gateway writes none of these attributes, and keeps nothing that none reads",
        ),
        (attribute.multi_valued && level == Level::Part, "multiValued", "a sub-attribute has one value"),
        (!attribute.canonical_values.is_empty() && !is_text, "canonicalValues", "only a string has canonical values"),
        (
            !attribute.reference_types.is_empty() && attribute.kind != Kind::Reference,
            "referenceTypes",
            "only a reference has reference types",
        ),
        (
            matches!(attribute.kind, Kind::Reference | Kind::Binary) && !attribute.case_exact,
            "caseExact",
            "a reference and a binary are case-exact (RFC 7643, sections 2.3.6 and 2.3.7)",
        ),
        (
            members.get("caseExact") == Some(&Value::Bool(true))
                && !matches!(attribute.kind, Kind::String | Kind::Reference | Kind::Binary),
            "caseExact",
            "only what is written in letters has a case",
        ),
        (is_unique && level == Level::Part, "uniqueness", "a sub-attribute is not unique by itself"),
        (
            is_unique && matches!(attribute.kind, Kind::Complex | Kind::Boolean | Kind::Binary),
            "uniqueness",
            "a complex, boolean or binary attribute is not unique",
        ),
    ];
    match faults.into_iter().find(|(is_fault, ..)| *is_fault) {
        Some((_, name, why)) => Err(at.member(name).fault(why)),
        None => Ok(()),
    }
}

fn text(members: &Object, name: &str, at: &At) -> Result<Option<String>, InvalidDefinition> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let text = text.trim();
            checked(text).map_err(|why| at.member(name).fault(why))?;
            Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
        }
        Some(_) => Err(at.member(name).fault("is not a text")),
    }
}

fn checked(text: &str) -> Result<(), &'static str> {
    match () {
        () if text.chars().count() > MAX_TEXT_CHARS => Err("is longer than 500 characters"),
        () if text.chars().any(char::is_control) => Err("holds a control character"),
        () => Ok(()),
    }
}

fn texts(members: &Object, name: &str, at: &At) -> Result<Vec<Cow<'static, str>>, InvalidDefinition> {
    let there = at.member(name);
    let items = match members.get(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(there.fault("is not an array of texts")),
    };
    if items.len() > MAX_LISTED {
        return Err(there.fault("has more than 100 values"));
    }
    let mut found = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let there = there.member(&index.to_string());
        let text = item.as_str().ok_or_else(|| there.fault("is not a text"))?;
        checked(text).map_err(|why| there.fault(why))?;
        found.push(Cow::Owned(text.to_owned()));
    }
    Ok(found)
}

fn flag(members: &Object, name: &str, at: &At) -> Result<Option<bool>, InvalidDefinition> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(is_set)) => Ok(Some(*is_set)),
        Some(_) => Err(at.member(name).fault("is neither true nor false")),
    }
}

fn one_of<T: Copy>(members: &Object, name: &str, known: &[(&str, T)], at: &At) -> Result<Option<T>, InvalidDefinition> {
    let Some(value) = members.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let found = value.as_str().and_then(|text| known.iter().find(|(name, _)| *name == text));
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    match found {
        Some((_, found)) => Ok(Some(*found)),
        None => Err(at.member(name).fault(format!("is none of {}", names.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{InvalidDefinition, read};
    use crate::protocol::scim::attribute::{Kind, Mutability, Returned, Uniqueness};
    use crate::protocol::scim::schema::Schema;

    const URN: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";

    fn definition(body: &Value) -> Result<Schema, InvalidDefinition> {
        read(body.as_object().unwrap(), "x1:".to_owned(), 10)
    }

    fn with(attribute: Value) -> Value {
        json!({ "id": URN, "name": "Acme", "attributes": [attribute] })
    }

    #[test]
    fn defaults_are_those_of_section_2_2() {
        let schema = definition(&with(json!({ "name": "costUnit" }))).unwrap();
        let attribute = &schema.attributes[0];
        assert_eq!((attribute.kind, attribute.mutability), (Kind::String, Mutability::ReadWrite));
        assert_eq!((attribute.returned, attribute.uniqueness), (Returned::Default, Uniqueness::None));
        assert!(!attribute.required && !attribute.case_exact && !attribute.multi_valued);
        let reference = definition(&with(json!({ "name": "a", "type": "reference" }))).unwrap();
        assert!(reference.attributes[0].case_exact);
    }

    #[test]
    fn what_discovery_shows_can_be_registered() {
        let given = with(json!({ "name": "site", "type": "complex", "multiValued": true, "subAttributes": [
            { "name": "value", "caseExact": true, "returned": "request" }, { "name": "$ref", "type": "reference" }] }));
        let schema = definition(&given).unwrap();
        let shown = json!({ "schemas": ["x"], "id": schema.id, "name": schema.name, "meta": {},
            "description": schema.description, "attributes": schema.attributes });
        assert_eq!(definition(&shown), Ok(schema));
    }

    #[test]
    fn a_fault_is_pointed_at() {
        for (attribute, at) in [
            (json!({}), "/attributes/0/name"),
            (json!({ "name": "1st" }), "/attributes/0/name"),
            (json!({ "name": "a b" }), "/attributes/0/name"),
            (json!({ "name": "a.b" }), "/attributes/0/name"),
            (json!({ "name": "$ref" }), "/attributes/0/name"),
            (json!({ "name": "x".repeat(65) }), "/attributes/0/name"),
            (json!({ "name": "a", "type": "text" }), "/attributes/0/type"),
            (json!({ "name": "a", "multivalued": true }), "/attributes/0/multivalued"),
            (json!({ "name": "a", "multiValued": "true" }), "/attributes/0/multiValued"),
            (json!({ "name": "a", "type": "complex" }), "/attributes/0/subAttributes"),
            (json!({ "name": "a", "subAttributes": [{ "name": "b" }] }), "/attributes/0/subAttributes"),
            (
                json!({ "name": "a", "type": "complex", "subAttributes": [{ "name": "b", "type": "complex" }] }),
                "/attributes/0/subAttributes/0/type",
            ),
            (
                json!({ "name": "a", "type": "complex", "subAttributes": [{ "name": "b" }, { "name": "B" }] }),
                "/attributes/0/subAttributes/1/name",
            ),
            (
                json!({ "name": "a", "type": "complex", "subAttributes": [{ "name": "b", "multiValued": true }] }),
                "/attributes/0/subAttributes/0/multiValued",
            ),
            (json!({ "name": "a", "mutability": "readOnly" }), "/attributes/0/mutability"),
            (json!({ "name": "a", "mutability": "writeOnly" }), "/attributes/0/mutability"),
            (json!({ "name": "a", "type": "boolean", "uniqueness": "server" }), "/attributes/0/uniqueness"),
            (json!({ "name": "a", "type": "integer", "canonicalValues": ["1"] }), "/attributes/0/canonicalValues"),
            (json!({ "name": "a", "type": "binary", "caseExact": false }), "/attributes/0/caseExact"),
            (json!({ "name": "a", "type": "integer", "caseExact": true }), "/attributes/0/caseExact"),
            (json!({ "name": "a", "referenceTypes": ["User"] }), "/attributes/0/referenceTypes"),
            (json!({ "name": "a", "canonicalValues": ["x", 1] }), "/attributes/0/canonicalValues/1"),
            (json!({ "name": "a", "canonicalValues": ["x\u{7}"] }), "/attributes/0/canonicalValues/0"),
            (json!({ "name": "a", "canonicalValues": vec!["x"; 101] }), "/attributes/0/canonicalValues"),
            (json!({ "name": "a", "description": "x\u{0}" }), "/attributes/0/description"),
            (json!({ "name": "a", "description": "x".repeat(501) }), "/attributes/0/description"),
        ] {
            assert_eq!(definition(&with(attribute.clone())).unwrap_err().at, at, "{attribute}");
        }
        let many: Vec<Value> = (0..11).map(|n| json!({ "name": format!("a{n}") })).collect();
        for (body, at) in [
            (json!({ "id": URN, "name": "x", "attributes": [] }), "/attributes"),
            (json!({ "id": URN, "name": "x", "attributes": many }), "/attributes/10"),
            (json!({ "id": "acme", "name": "x", "attributes": [{ "name": "a" }] }), "/id"),
            (json!({ "id": URN, "attributes": [{ "name": "a" }] }), "/name"),
            (json!({ "id": URN, "name": "x", "attribute": [] }), "/attribute"),
        ] {
            assert_eq!(definition(&body).unwrap_err().at, at, "{body}");
        }
    }
}
