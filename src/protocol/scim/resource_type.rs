//! Resource types (RFC 7643, section 6): which schemas a resource is made of, and how a name finds its attribute.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::assignable::{Assignable, AssignableKind};
use super::attribute::{Attribute, Returned, Uniqueness};
use super::schema::{Schema, causeway_user, enterprise_user, group, user};

/// The URN of a resource type.
pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";

/// An extension of a resource type.
#[derive(Debug, Clone)]
pub struct Extension {
    /// Its schema.
    pub schema: Arc<Schema>,
    /// Whether each resource must have it.
    pub required: bool,
}

/// A resource type.
#[derive(Debug, Clone)]
pub struct ResourceType {
    /// The name, which is also the id.
    pub name: Cow<'static, str>,
    /// Where its resources are, below the base URI.
    pub endpoint: Cow<'static, str>,
    /// What it is.
    pub description: Cow<'static, str>,
    /// The base schema.
    pub schema: Arc<Schema>,
    /// The extensions.
    pub extensions: Vec<Extension>,
    /// True while values that the type no longer has are being cleared from stored documents.
    pub is_being_cleared: bool,
    /// What every resource has (RFC 7643, section 3.1).
    common: Vec<Attribute>,
}

/// Where a name leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'t> {
    /// The whole container of an extension.
    Extension(&'t Schema),
    /// An attribute, or a part of one.
    Attribute(Located<'t>),
}

/// An attribute and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located<'t> {
    /// The extension that holds it; `None` at the top of the document.
    pub container: Option<&'t Schema>,
    /// The attribute.
    pub attribute: &'t Attribute,
    /// The sub-attribute, when the name goes down to one.
    pub part: Option<&'t Attribute>,
}

static USER: LazyLock<Arc<ResourceType>> = LazyLock::new(|| {
    let extension = |schema| Extension { schema: Arc::new(schema), required: false };
    let extensions = vec![extension(enterprise_user::schema()), extension(causeway_user::schema(Returned::Request))];
    Arc::new(ResourceType::new("User", "/Users", "User Account", user::schema()).with(extensions))
});

static GROUP: LazyLock<Arc<ResourceType>> =
    LazyLock::new(|| Arc::new(ResourceType::new("Group", "/Groups", "Group", group::schema())));

/// Users as every organization has them.
pub fn user() -> &'static Arc<ResourceType> {
    &USER
}

/// Groups as every organization has them.
pub fn group() -> &'static Arc<ResourceType> {
    &GROUP
}

/// The resource types of one organization. Whoever reads a name, a value or a filter takes them from here.
#[derive(Debug, Clone)]
pub struct ResourceTypes {
    /// Its users.
    pub user: Arc<ResourceType>,
    /// Its groups.
    pub group: Arc<ResourceType>,
    /// The roles that it knows.
    pub roles: Arc<[Assignable]>,
    /// The entitlements that it knows.
    pub entitlements: Arc<[Assignable]>,
}

impl ResourceTypes {
    /// What every organization has.
    pub fn base() -> &'static Arc<Self> {
        static BASE: LazyLock<Arc<ResourceTypes>> =
            LazyLock::new(|| Arc::new(ResourceTypes::of(Arc::clone(user()), Arc::clone(group()))));
        &BASE
    }

    /// The same, but every answer shows what the gateway knows about a user beside the document
    /// (`schema::causeway_user`), not only one to a client that asks for it.
    pub fn with_standing(&self) -> Self {
        let mut user = self.user.as_ref().clone();
        for extension in user.extensions.iter_mut().filter(|extension| extension.schema.id == causeway_user::ID) {
            extension.schema = Arc::new(causeway_user::schema(Returned::Default));
        }
        Self { user: Arc::new(user), ..self.clone() }
    }

    /// Users and groups of these types, and nothing that they can be assigned.
    pub fn of(user: Arc<ResourceType>, group: Arc<ResourceType>) -> Self {
        Self { user, group, roles: Arc::new([]), entitlements: Arc::new([]) }
    }

    /// What users can be assigned.
    pub fn assignables(&self, kind: AssignableKind) -> &[Assignable] {
        match kind {
            AssignableKind::Role => &self.roles,
            AssignableKind::Entitlement => &self.entitlements,
        }
    }
}

fn common() -> Vec<Attribute> {
    let id = Attribute::text("id", "The id that the gateway gave the resource.").case_exact().read_only().always();
    let meta = vec![
        Attribute::text("resourceType", "The resource type.").case_exact().read_only(),
        Attribute::date_time("created", "When the resource was made.").read_only(),
        Attribute::date_time("lastModified", "When the resource was changed last.").read_only(),
        Attribute::reference("location", &["uri"], "The URI of the resource.").read_only(),
        Attribute::text("version", "The entity tag of the resource.").case_exact().read_only(),
    ];
    vec![
        Attribute::reference("schemas", &["uri"], "The schemas of the resource.").many().required().always(),
        Attribute { uniqueness: Uniqueness::Global, ..id },
        Attribute::text("externalId", "The client's own id of the resource.").case_exact(),
        Attribute::complex("meta", meta, "What the gateway knows about the resource itself.").read_only(),
    ]
}

impl ResourceType {
    /// A type of one schema.
    pub fn new(name: &'static str, endpoint: &'static str, description: &'static str, schema: Schema) -> Self {
        Self {
            name: name.into(),
            endpoint: endpoint.into(),
            description: description.into(),
            schema: Arc::new(schema),
            extensions: Vec::new(),
            is_being_cleared: false,
            common: common(),
        }
    }

    /// The same with an attribute of the base schema whose `value` is one of these, folded.
    pub fn allowing(&self, attribute: &str, values: BTreeSet<String>) -> Self {
        let mut schema = self.schema.as_ref().clone();
        let values = Arc::new(values);
        for attribute in schema.attributes.iter_mut().filter(|known| known.is_named(attribute)) {
            for part in attribute.sub_attributes.iter_mut().filter(|part| part.is_named("value")) {
                part.allowed = Some(Arc::clone(&values));
            }
        }
        Self { schema: Arc::new(schema), ..self.clone() }
    }

    /// The same with more extensions.
    pub fn with(&self, extensions: Vec<Extension>) -> Self {
        Self { extensions: self.extensions.iter().cloned().chain(extensions).collect(), ..self.clone() }
    }

    /// True when a stored document may hold what an answer does not show by default. The base types never do: what they
    /// hide is not stored.
    pub fn shows_less(&self) -> bool {
        let is_hidden = |attribute: &Attribute| matches!(attribute.returned, Returned::Never | Returned::Request);
        let stored = self.extensions.iter().filter(|extension| extension.schema.id != causeway_user::ID);
        let mut attributes = stored.flat_map(|extension| &extension.schema.attributes);
        self.is_being_cleared
            || attributes.any(|attribute| is_hidden(attribute) || attribute.sub_attributes.iter().any(is_hidden))
    }

    /// True when a name at the top of a document is one of the type.
    pub fn has(&self, name: &str) -> bool {
        self.extension(name).is_some() || self.top(name).is_some()
    }

    /// The schemas of the type, the base schema first.
    pub fn schemas(&self) -> impl Iterator<Item = &Schema> {
        std::iter::once(self.schema.as_ref()).chain(self.extensions.iter().map(|extension| extension.schema.as_ref()))
    }

    /// The extension with this URN in any case.
    pub fn extension(&self, urn: &str) -> Option<&Schema> {
        self.extensions
            .iter()
            .map(|extension| extension.schema.as_ref())
            .find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }

    /// The attribute at the top of the document with this name in any case.
    pub fn top(&self, name: &str) -> Option<&Attribute> {
        self.schema.attribute(name).or_else(|| self.common.iter().find(|attribute| attribute.is_named(name)))
    }

    /// Where `[URN:]name[.part]` leads (RFC 7644, section 3.10), in any case. `None` when there is no such attribute.
    pub fn find(&self, name: &str) -> Option<Place<'_>> {
        for schema in self.schemas() {
            let Some(rest) = strip_prefix_in_any_case(name, &schema.id) else { continue };
            let container = (schema.id != self.schema.id).then_some(schema);
            if rest.is_empty() {
                return container.map(Place::Extension);
            }
            if let Some(rest) = rest.strip_prefix(':') {
                return self.locate(container, rest).map(Place::Attribute);
            }
        }
        self.locate(None, name).map(Place::Attribute)
    }

    fn locate<'t>(&'t self, container: Option<&'t Schema>, name: &str) -> Option<Located<'t>> {
        let (name, part) = match name.split_once('.') {
            Some((name, part)) => (name, Some(part)),
            None => (name, None),
        };
        let attribute = match container {
            Some(schema) => schema.attribute(name)?,
            None => self.top(name)?,
        };
        let part = match part {
            Some(part) => Some(attribute.part(part)?),
            None => None,
        };
        Some(Located { container, attribute, part })
    }

    /// The resource as `/ResourceTypes` shows it.
    pub fn body(&self, base: &str) -> Value {
        let extensions: Vec<Value> = self
            .extensions
            .iter()
            .map(|extension| json!({ "schema": extension.schema.id, "required": extension.required }))
            .collect();
        json!({
            "schemas": [SCHEMA],
            "id": self.name,
            "name": self.name,
            "endpoint": self.endpoint,
            "description": self.description,
            "schema": self.schema.id,
            "schemaExtensions": extensions,
            "meta": { "resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{}", self.name) },
        })
    }
}

fn strip_prefix_in_any_case<'n>(name: &'n str, prefix: &str) -> Option<&'n str> {
    let head = name.get(..prefix.len())?;
    if head.eq_ignore_ascii_case(prefix) { name.get(prefix.len()..) } else { None }
}

#[cfg(test)]
mod tests {
    use super::{Place, user};

    fn found(name: &str) -> Option<String> {
        Some(match user().find(name)? {
            Place::Extension(schema) => format!("[{}]", schema.name),
            Place::Attribute(at) => format!(
                "{}{}{}",
                at.container.map(|schema| format!("[{}]", schema.name)).unwrap_or_default(),
                at.attribute.name,
                at.part.map(|part| format!(".{}", part.name)).unwrap_or_default()
            ),
        })
    }

    #[test]
    fn names_are_found_in_any_case_and_with_their_urn() {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        for (name, wanted) in [
            ("USERNAME", "userName"),
            ("urn:ietf:params:scim:schemas:core:2.0:User:userName", "userName"),
            ("Name.FamilyName", "name.familyName"),
            ("meta.lastmodified", "meta.lastModified"),
            (&format!("{enterprise}:department"), "[EnterpriseUser]department"),
            (&format!("{}:Manager.Value", enterprise.to_uppercase()), "[EnterpriseUser]manager.value"),
            (enterprise, "[EnterpriseUser]"),
        ] {
            assert_eq!(found(name).as_deref(), Some(wanted), "{name}");
        }
    }

    #[test]
    fn unknown_names_are_not_found() {
        for name in ["", "nope", "name.nope", "name.familyName.x", "department", "__proto__", "urn:x:y", "userName."] {
            assert_eq!(found(name), None, "{name}");
        }
    }
}
