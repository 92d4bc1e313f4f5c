//! `urn:ietf:params:scim:schemas:extension:causeway:2.0:User`: what the gateway knows about a user beside the document. All of
//! it is readOnly, and none of it is stored with the document.

use super::Schema;
use crate::protocol::scim::attribute::{Attribute, Returned};

/// The URN of the gateway's own extension.
pub const ID: &str = "urn:ietf:params:scim:schemas:extension:causeway:2.0:User";

/// The schema, for clients that are shown it by default, or those that are shown what they ask for.
pub fn schema(returned: Returned) -> Schema {
    let text = |name, values: &[&'static str], description| {
        Attribute::text(name, description).case_exact().one_of(values).read_only()
    };
    let shown = |attribute: Attribute| Attribute { returned, ..attribute };
    let reasons = ["activation_required", "exists_outside", "deactivated", "closed"];
    Schema {
        id: ID.into(),
        name: "CausewayUser".into(),
        description: "What the identity gateway knows about the user".into(),
        search_prefix: "causeway:".into(),
        attributes: vec![
            text("membershipKind", &["member", "external"], "How the person belongs to the organization."),
            text("inviteState", &["not_invited", "not_joined", "joined"], "Whether the person has joined."),
            text("dataCenter", &[], "Where the person's primary account lives."),
            text("accountKind", &["primary", "secondary"], "Whether the account here is the person's primary one."),
            Attribute::boolean("homeManaged", "Whether the profile is kept where the primary account lives.")
                .read_only(),
            text("activation", &["none", "required"], "Whether the person has to activate the account by mail."),
            text("lockedReason", &reasons, "Why the person cannot sign in; absent for one who can."),
        ]
        .into_iter()
        .map(shown)
        .collect(),
    }
}
