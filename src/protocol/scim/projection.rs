//! Which attributes an answer carries (RFC 7644, sections 3.4.2.5 and 3.9).

use std::collections::HashSet;

use serde_json::Value;

use super::attribute::{Attribute, Returned};
use super::error::ScimError;
use super::json::Object;
use super::resource_type::{Place, ResourceType};
use super::schema::Schema;

/// The most names that one list has. The attributes of a resource, with every part of each, are fewer.
const MOST_NAMES: usize = 500;

/// What the client asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Projection {
    /// What is returned by default.
    #[default]
    Default,
    /// Only these, and what is always returned.
    Only(Vec<Name>),
    /// All but these.
    Without(Vec<Name>),
}

/// A name in canonical spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    container: Option<String>,
    attribute: Option<String>,
    part: Option<String>,
}

/// How much of something a projection keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    All,
    Parts,
    None,
}

impl Projection {
    /// Reads the two parameters, of which one may be given. Names that the type does not have are ignored, and each
    /// counts once.
    pub fn read(
        attributes: Option<&str>,
        excluded: Option<&str>,
        resource_type: &ResourceType,
    ) -> Result<Self, ScimError> {
        let given = |text: Option<&str>| text.is_some_and(|text| !text.trim().is_empty());
        match (given(attributes), given(excluded)) {
            (true, true) => Err(ScimError::value("attributes and excludedAttributes exclude each other")),
            (true, false) => Ok(Self::Only(names(attributes.unwrap_or_default(), resource_type)?)),
            (false, true) => Ok(Self::Without(names(excluded.unwrap_or_default(), resource_type)?)),
            (false, false) => Ok(Self::Default),
        }
    }

    /// True when the answer is the whole resource.
    pub fn is_default(&self) -> bool {
        *self == Self::Default
    }

    /// True when the attribute at the top of the document can be in the answer, so that it has to be loaded.
    pub fn may_show(&self, attribute: &str) -> bool {
        match self {
            Self::Default => true,
            Self::Only(names) => {
                names.iter().any(|n| n.container.is_none() && n.attribute.as_deref() == Some(attribute))
            }
            Self::Without(names) => !names
                .iter()
                .any(|n| n.container.is_none() && n.attribute.as_deref() == Some(attribute) && n.part.is_none()),
        }
    }

    /// True when the part of the attribute at the top of the document is in the answer, if it is there.
    pub fn shows(&self, attribute: &Attribute, part: &Attribute) -> bool {
        let is_shown = match part.returned {
            Returned::Always => true,
            Returned::Never => false,
            Returned::Request => self.asks(None, &attribute.name, Some(&part.name)),
            Returned::Default => match self.share(None, attribute) {
                Share::Parts => {
                    let mut named = self.named(None, attribute).filter_map(|name| name.part.as_deref());
                    named.any(|name| name == part.name) == matches!(self, Self::Only(_))
                }
                Share::All | Share::None => true,
            },
        };
        is_shown && self.share(None, attribute) != Share::None
    }

    /// True when a part of the extension can be in the answer.
    pub fn may_show_extension(&self, schema: &Schema) -> bool {
        let is_it = |name: &&Name| name.container.as_deref() == Some(schema.id.as_ref());
        match self {
            Self::Only(names) => names.iter().any(|name| is_it(&name)),
            Self::Default | Self::Without(_) if schema.is_shown_on_request() => false,
            Self::Default => true,
            Self::Without(names) => !names.iter().filter(is_it).any(|name| name.attribute.is_none()),
        }
    }

    /// The document with what the client asked for.
    pub fn apply(&self, document: Object, resource_type: &ResourceType) -> Object {
        if self.is_default() && !resource_type.shows_less() {
            return document;
        }
        let mut kept = Object::new();
        for (name, value) in document {
            if let Some(schema) = resource_type.extension(&name) {
                let Value::Object(members) = value else { continue };
                let members = self.members(members, Some(&schema.id), &schema.attributes);
                if !members.is_empty() {
                    kept.insert(name, Value::Object(members));
                }
            } else if let Some(attribute) = resource_type.top(&name)
                && let Some(value) = self.value(value, None, attribute)
            {
                kept.insert(name, value);
            }
        }
        if resource_type.is_being_cleared
            && let Some(Value::Array(schemas)) = kept.get_mut("schemas")
        {
            schemas.retain(|urn| resource_type.schemas().any(|schema| urn == schema.id.as_ref()));
        }
        kept
    }

    fn members(&self, members: Object, container: Option<&str>, attributes: &[Attribute]) -> Object {
        let shown = |(name, value): (String, Value)| {
            let attribute = attributes.iter().find(|attribute| attribute.name == name)?;
            self.value(value, container, attribute).map(|value| (name, value))
        };
        members.into_iter().filter_map(shown).collect()
    }

    fn value(&self, value: Value, container: Option<&str>, attribute: &Attribute) -> Option<Value> {
        match self.share(container, attribute) {
            Share::All => self.without_hidden(value, container, attribute),
            Share::None => None,
            Share::Parts => {
                let named: Vec<&str> =
                    self.named(container, attribute).filter_map(|name| name.part.as_deref()).collect();
                match value {
                    Value::Array(items) => {
                        let items: Vec<Value> =
                            items.into_iter().filter_map(|item| self.parts(item, attribute, &named)).collect();
                        (!items.is_empty()).then_some(Value::Array(items))
                    }
                    single => self.parts(single, attribute, &named),
                }
            }
        }
    }

    fn parts(&self, value: Value, attribute: &Attribute, named: &[&str]) -> Option<Value> {
        let Value::Object(mut parts) = value else { return None };
        let is_only = matches!(self, Self::Only(_));
        parts.retain(|name, _| match attribute.part(name).map(|part| part.returned) {
            Some(Returned::Always) => true,
            Some(Returned::Never) => false,
            Some(Returned::Request) => is_only && named.contains(&name.as_str()),
            Some(Returned::Default) | None => named.contains(&name.as_str()) == is_only,
        });
        (!parts.is_empty()).then_some(Value::Object(parts))
    }

    /// The value without the parts that nobody sees, or nobody who does not ask.
    fn without_hidden(&self, value: Value, container: Option<&str>, attribute: &Attribute) -> Option<Value> {
        let is_hidden = |part: &Attribute| match part.returned {
            Returned::Never => true,
            Returned::Request => !self.asks(container, &attribute.name, Some(&part.name)),
            Returned::Always | Returned::Default => false,
        };
        let hidden: Vec<&str> =
            attribute.sub_attributes.iter().filter(|part| is_hidden(part)).map(|part| part.name.as_ref()).collect();
        if hidden.is_empty() {
            return Some(value);
        }
        let shown = |value: Value| match value {
            Value::Object(mut parts) => {
                parts.retain(|name, _| !hidden.contains(&name.as_str()));
                (!parts.is_empty()).then_some(Value::Object(parts))
            }
            other => Some(other),
        };
        match value {
            Value::Array(items) => {
                let items: Vec<Value> = items.into_iter().filter_map(shown).collect();
                (!items.is_empty()).then_some(Value::Array(items))
            }
            single => shown(single),
        }
    }

    /// True when exactly this attribute, or this part of it, was asked for; who asks for the whole extension asks for each
    /// of its attributes.
    fn asks(&self, container: Option<&str>, attribute: &str, part: Option<&str>) -> bool {
        let Self::Only(names) = self else { return false };
        names.iter().any(|name| {
            name.container.as_deref() == container
                && match name.attribute.as_deref() {
                    Some(named) => named == attribute && (part.is_none() || name.part.as_deref() == part),
                    None => part.is_none(),
                }
        })
    }

    fn named<'p>(&'p self, container: Option<&'p str>, attribute: &'p Attribute) -> impl Iterator<Item = &'p Name> {
        let names: &[Name] = match self {
            Self::Default => &[],
            Self::Only(names) | Self::Without(names) => names,
        };
        names.iter().filter(move |name| {
            name.container.as_deref() == container
                && name.attribute.as_deref().is_none_or(|named| named == attribute.name)
        })
    }

    fn share(&self, container: Option<&str>, attribute: &Attribute) -> Share {
        match attribute.returned {
            Returned::Always => return Share::All,
            Returned::Never => return Share::None,
            Returned::Request if !self.asks(container, &attribute.name, None) => return Share::None,
            Returned::Request | Returned::Default => {}
        }
        let mut named = self.named(container, attribute).peekable();
        let is_named = named.peek().is_some();
        let is_whole = named.any(|name| name.part.is_none());
        match (self, is_named, is_whole) {
            (Self::Only(_), _, true) | (Self::Without(_) | Self::Default, false, _) => Share::All,
            (Self::Only(_), false, _) | (Self::Without(_), _, true) => Share::None,
            (_, true, false) | (Self::Default, true, true) => Share::Parts,
        }
    }
}

fn names(list: &str, resource_type: &ResourceType) -> Result<Vec<Name>, ScimError> {
    if list.split(',').nth(MOST_NAMES).is_some() {
        return Err(ScimError::value(format!("more than {MOST_NAMES} names of attributes")));
    }
    let known = list.split(',').filter_map(|name| read_name(name.trim(), resource_type));
    let mut seen = HashSet::new();
    Ok(known.filter(|name| seen.insert(name.clone())).collect())
}

/// `emails[type eq "work"]` (Entra ID's collection) asks for `emails`.
fn read_name(name: &str, resource_type: &ResourceType) -> Option<Name> {
    let bare = name.split('[').next().unwrap_or(name);
    Some(match resource_type.find(bare)? {
        Place::Extension(schema) => Name { container: Some(schema.id.to_string()), attribute: None, part: None },
        Place::Attribute(at) => Name {
            container: at.container.map(|schema| schema.id.to_string()),
            attribute: Some(at.attribute.name.to_string()),
            part: at.part.map(|part| part.name.to_string()),
        },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Projection;
    use crate::protocol::scim::error::ScimType;
    use crate::protocol::scim::resource_type::user;
    use crate::protocol::scim::schema::causeway_user::ID as OWN;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    fn shown(attributes: Option<&str>, excluded: Option<&str>) -> Value {
        let document = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": "1",
            "userName": "ada",
            "name": { "givenName": "Ada", "familyName": "L" },
            "emails": [{ "value": "a@b.test", "type": "work" }],
            ENTERPRISE: { "department": "R&D", "manager": { "value": "m" } },
            "meta": { "resourceType": "User", "version": "W/\"1\"" }
        });
        let projection = Projection::read(attributes, excluded, user()).unwrap();
        Value::Object(projection.apply(document.as_object().unwrap().clone(), user()))
    }

    #[test]
    fn only_what_is_asked_for_and_what_is_always_returned() {
        let schemas = json!(["urn:ietf:params:scim:schemas:core:2.0:User"]);
        assert_eq!(shown(Some("USERNAME"), None), json!({ "schemas": schemas, "id": "1", "userName": "ada" }));
        assert_eq!(
            shown(Some("name.givenName, emails.value,nope"), None),
            json!({ "schemas": schemas, "id": "1", "name": { "givenName": "Ada" }, "emails": [{ "value": "a@b.test" }] })
        );
        assert_eq!(
            shown(Some(&format!("{ENTERPRISE}:department")), None),
            json!({ "schemas": schemas, "id": "1", ENTERPRISE: { "department": "R&D" } })
        );
        assert_eq!(shown(Some("nope"), None), json!({ "schemas": schemas, "id": "1" }));
    }

    #[test]
    fn what_is_excluded_goes_and_what_is_always_returned_stays() {
        let left = shown(None, Some(&format!("id,schemas,emails,name.familyName,meta,{ENTERPRISE}")));
        let schemas = json!(["urn:ietf:params:scim:schemas:core:2.0:User"]);
        assert_eq!(left, json!({ "schemas": schemas, "id": "1", "userName": "ada", "name": { "givenName": "Ada" } }));
    }

    #[test]
    fn both_parameters_together_are_refused() {
        assert!(Projection::read(Some("userName"), Some("emails"), user()).is_err());
        assert!(Projection::read(Some("userName"), Some(""), user()).is_ok());
    }

    #[test]
    fn a_name_counts_once_and_very_many_are_refused() {
        let read = |names: &str| Projection::read(Some(names), None, user());
        let once = read("emails,userName").unwrap();
        assert_eq!(read("emails,userName,EMAILS,emails[type eq \"work\"],userName"), Ok(once));
        let many = "userName,".repeat(200_000);
        assert_eq!(read(&many).map_err(|error| error.scim_type), Err(ScimType::InvalidValue));
        assert!(Projection::read(None, Some(&many), user()).is_err());
    }

    #[test]
    fn what_is_shown_on_request_is_shown_to_who_asks_for_it_or_for_all_of_its_extension() {
        let own = user().extension(OWN).unwrap();
        let document = json!({ "id": "1", OWN: { "activation": "none", "dataCenter": "us" } });
        let shown = |attributes: Option<String>, excluded: Option<&str>| {
            let projection = Projection::read(attributes.as_deref(), excluded, user()).unwrap();
            let shown = projection.apply(document.as_object().unwrap().clone(), user());
            (projection.may_show_extension(own), shown.get(OWN).cloned())
        };
        assert_eq!(shown(Some(OWN.to_owned()), None), (true, Some(document[OWN].clone())));
        let one = Some(json!({ "activation": "none" }));
        assert_eq!(shown(Some(format!("{OWN}:activation")), None), (true, one));
        assert_eq!(shown(Some("title".to_owned()), None), (false, None));
        assert_eq!(shown(None, Some("title")), (false, None));
        assert!(!Projection::Default.may_show_extension(own));
    }

    #[test]
    fn what_cannot_be_shown_need_not_be_loaded() {
        let excluded = Projection::read(None, Some("groups"), user()).unwrap();
        assert!(!excluded.may_show("groups"));
        let only = Projection::read(Some("userName"), None, user()).unwrap();
        assert!(!only.may_show("groups") && only.may_show("userName"));
    }
}
