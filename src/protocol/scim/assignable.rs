//! Roles and entitlements as resources that a client can discover, after draft-ietf-scim-roles-entitlements-01. Their schemas
//! have the URNs that Okta's entitlement discovery asks for and the attributes of the draft, whose own URN differs from one
//! of its examples to the next.

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::attribute::{Attribute, Kind};
use super::json::Object;
use super::resource_type::ResourceType;
use super::schema::Schema;

/// Which of the two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignableKind {
    /// `roles` of a user.
    Role,
    /// `entitlements` of a user.
    Entitlement,
}

/// A role or an entitlement that an organization knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignable {
    /// The value that a user has in `roles` or `entitlements`.
    pub value: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// Whether it can be used now.
    #[serde(default = "yes")]
    pub supported: bool,
    /// How many users the applications behind the gateway let have it; told, and not counted here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_assignments_permitted: Option<u32>,
}

const fn yes() -> bool {
    true
}

static ROLE: LazyLock<Arc<ResourceType>> = LazyLock::new(|| Arc::new(resource_type(AssignableKind::Role)));
static ENTITLEMENT: LazyLock<Arc<ResourceType>> =
    LazyLock::new(|| Arc::new(resource_type(AssignableKind::Entitlement)));

impl AssignableKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Role, Self::Entitlement];

    /// The name in the store and of the resource type.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "Role",
            Self::Entitlement => "Entitlement",
        }
    }

    /// The user's attribute that has the values.
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::Role => "roles",
            Self::Entitlement => "entitlements",
        }
    }

    /// The URN of the schema.
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Role => "urn:okta:scim:schemas:core:1.0:Role",
            Self::Entitlement => "urn:okta:scim:schemas:core:1.0:Entitlement",
        }
    }

    /// Where they are, below the base URI.
    pub const fn endpoint(self) -> &'static str {
        match self {
            Self::Role => "/Roles",
            Self::Entitlement => "/Entitlements",
        }
    }

    /// The resource type.
    pub fn resource_type(self) -> &'static Arc<ResourceType> {
        match self {
            Self::Role => &ROLE,
            Self::Entitlement => &ENTITLEMENT,
        }
    }
}

fn resource_type(kind: AssignableKind) -> ResourceType {
    let attributes = vec![
        Attribute::text("displayName", "The name for people, as Okta asks for it.").read_only(),
        Attribute::text("value", "The value that a user has.").required().read_only(),
        Attribute::text("display", "The name for people.").read_only(),
        Attribute::text("type", "What it is for.").read_only(),
        Attribute::boolean("supported", "Whether it can be used now.").required().read_only(),
        Attribute::boolean("limitedAssignmentsPermitted", "Whether the number of users who may have it is limited.")
            .read_only(),
        Attribute {
            description: "How many users may have it.".into(),
            ..Attribute::of_kind("totalAssignmentsPermitted", Kind::Integer)
        }
        .read_only(),
    ];
    let schema = Schema {
        id: kind.schema().into(),
        name: kind.as_str().into(),
        description: "What a user can be assigned".into(),
        search_prefix: "".into(),
        attributes,
    };
    ResourceType::new(kind.as_str(), kind.endpoint(), "What a user can be assigned", schema)
}

impl Assignable {
    /// The resource. Its id is its value.
    pub fn document(&self, kind: AssignableKind, base: &str) -> Object {
        let location = format!("{base}{}/{}", kind.endpoint(), encoded(&self.value));
        let body = json!({
            "schemas": [kind.schema()],
            "id": self.value,
            "displayName": self.display.as_ref().unwrap_or(&self.value),
            "value": self.value,
            "display": self.display,
            "type": self.r#type,
            "supported": self.supported,
            "limitedAssignmentsPermitted": self.total_assignments_permitted.is_some(),
            "totalAssignmentsPermitted": self.total_assignments_permitted,
            "meta": { "resourceType": kind.as_str(), "location": location },
        });
        match body {
            Value::Object(members) => members.into_iter().filter(|(_, value)| !value.is_null()).collect(),
            _ => Object::new(),
        }
    }
}

/// A text as one segment of a path.
fn encoded(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{Assignable, AssignableKind};

    #[test]
    fn a_role_says_what_the_draft_and_okta_ask_for() {
        let role = Assignable {
            value: "sales manager".to_owned(),
            display: None,
            r#type: Some("sales".to_owned()),
            supported: true,
            total_assignments_permitted: Some(3),
        };
        let body = serde_json::Value::Object(role.document(AssignableKind::Role, "https://x.test/scim"));
        let wanted = serde_json::json!({
            "schemas": ["urn:okta:scim:schemas:core:1.0:Role"], "id": "sales manager", "displayName": "sales manager",
            "value": "sales manager", "type": "sales", "supported": true, "limitedAssignmentsPermitted": true,
            "totalAssignmentsPermitted": 3,
            "meta": { "resourceType": "Role", "location": "https://x.test/scim/Roles/sales%20manager" },
        });
        assert_eq!(body, wanted);
    }
}
