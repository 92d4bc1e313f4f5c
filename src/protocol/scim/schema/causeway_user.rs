//! `urn:ietf:params:scim:schemas:extension:causeway:2.0:User`: what the gateway knows about a person that the
//! standard has no word for. Every attribute is written by the gateway alone.

use super::Schema;
use crate::protocol::scim::attribute::Attribute;

/// The URN of the gateway's own extension.
pub const ID: &str = "urn:ietf:params:scim:schemas:extension:causeway:2.0:User";

/// The schema.
pub fn schema() -> Schema {
    let fixed = |attribute: Attribute| attribute.case_exact().read_only();
    Schema {
        id: ID.into(),
        name: "CausewayUser".into(),
        description: "The user's membership and account at this gateway".into(),
        search_prefix: "causeway:".into(),
        attributes: vec![
            fixed(Attribute::text("membershipKind", "How the user belongs to the organization."))
                .one_of(&["member", "external"]),
            fixed(Attribute::text("inviteState", "Whether the user has joined the organization.")).one_of(&[
                "not_invited",
                "not_joined",
                "joined",
            ]),
            fixed(Attribute::text("dataCenter", "The data center of the account.")),
            fixed(Attribute::text("accountKind", "Whether the account is the person's own or a copy."))
                .one_of(&["primary", "secondary"]),
            Attribute::boolean("homeManaged", "Whether the profile is kept at another data center.").read_only(),
            fixed(Attribute::text("activation", "What is left to do before the user can sign in."))
                .one_of(&["none", "required"]),
            fixed(Attribute::text("lockedReason", "Why the user cannot sign in.")),
        ],
    }
}
