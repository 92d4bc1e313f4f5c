//! `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User` (RFC 7643, section 4.3).

use super::Schema;
use crate::protocol::scim::attribute::Attribute;

/// The URN of the enterprise extension.
pub const ID: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The schema, without `manager.displayName`: it is optional, the server's to compute, and of a manager whom a directory
/// names by an id of its own there is no name.
pub fn schema() -> Schema {
    let manager = vec![
        Attribute::text("value", "The id of the manager."),
        Attribute::reference("$ref", &["User"], "The URI of the manager."),
    ];
    Schema {
        id: ID.into(),
        name: "EnterpriseUser".into(),
        description: "Enterprise User".into(),
        search_prefix: "enterprise:".into(),
        attributes: vec![
            Attribute::text("employeeNumber", "The number that the organization gave the user."),
            Attribute::text("costCenter", "The cost center."),
            Attribute::text("organization", "The organization."),
            Attribute::text("division", "The division."),
            Attribute::text("department", "The department."),
            Attribute::complex("manager", manager, "The user's manager."),
        ],
    }
}
