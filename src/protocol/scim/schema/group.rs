//! `urn:ietf:params:scim:schemas:core:2.0:Group` (RFC 7643, section 4.2).

use super::Schema;
use crate::protocol::scim::attribute::Attribute;

/// The URN of the core group schema.
pub const ID: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// The schema. `members` is never part of a stored document: a member is a row.
pub fn schema() -> Schema {
    let parts = vec![
        Attribute::text("value", "The id of the member.").case_exact().immutable(),
        Attribute::reference("$ref", &["User", "Group"], "The URI of the member.").immutable(),
        Attribute::text("type", "What the member is.").one_of(&["User", "Group"]).immutable(),
        Attribute::text("display", "The name of the member.").read_only().on_request(),
    ];
    Schema {
        id: ID.into(),
        name: "Group".into(),
        description: "Group".into(),
        search_prefix: "".into(),
        attributes: vec![
            Attribute::text("displayName", "The name of the group.").required(),
            Attribute::complex("members", parts, "Users and groups that belong to the group.").many(),
        ],
    }
}
