//! `urn:ietf:params:scim:schemas:core:2.0:User` (RFC 7643, section 4.1).

use super::Schema;
use crate::protocol::scim::attribute::Attribute;
use crate::protocol::scim::format::Format;

/// The URN of the core user schema.
pub const ID: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// The schema.
pub fn schema() -> Schema {
    let mut attributes = singular();
    attributes.extend(plural());
    Schema {
        id: ID.into(),
        name: "User".into(),
        description: "User Account".into(),
        search_prefix: "".into(),
        attributes,
    }
}

fn singular() -> Vec<Attribute> {
    let url = &["external"];
    vec![
        Attribute::text("userName", "Unique name of the user, typically what they sign in with.").required().unique(),
        Attribute::complex(
            "name",
            vec![
                Attribute::text("formatted", "The full name, formatted for display."),
                Attribute::text("familyName", "The family name, or last name."),
                Attribute::text("givenName", "The given name, or first name."),
                Attribute::text("middleName", "The middle name or names."),
                Attribute::text("honorificPrefix", "A title, such as 'Ms.'."),
                Attribute::text("honorificSuffix", "A suffix, such as 'III'."),
            ],
            "The components of the user's name.",
        ),
        Attribute::text("displayName", "The name of the user, suitable for display."),
        Attribute::text("nickName", "The casual way to address the user."),
        Attribute::reference("profileUrl", url, "A URL of the user's online profile."),
        Attribute::text("title", "The user's title, such as 'Vice President'."),
        Attribute::text("userType", "The relation between the organization and the user."),
        Attribute::text("preferredLanguage", "The preferred written or spoken language.")
            .written_as(Format::LanguageRange),
        Attribute::text("locale", "The user's default location, for currency, dates and numbers.")
            .written_as(Format::LanguageTag),
        Attribute::text("timezone", "The user's time zone in IANA form, such as 'America/Los_Angeles'.")
            .written_as(Format::TimeZone),
        Attribute::boolean("active", "Whether the user may sign in."),
        Attribute::text("password", "Accepted and discarded: people sign in at their identity provider.")
            .case_exact()
            .write_only(),
    ]
}

/// value, display, type and primary, as most multi-valued attributes have them (RFC 7643, section 2.4).
fn listed(name: &'static str, value: Attribute, types: &[&'static str], description: &'static str) -> Attribute {
    let parts = vec![
        value,
        Attribute::text("display", "A name for display."),
        Attribute::text("type", "What this value is used for.").one_of(types),
        Attribute::boolean("primary", "Whether this is the preferred value; true at most once."),
    ];
    Attribute::complex(name, parts, description).many()
}

fn plural() -> Vec<Attribute> {
    let text = |description| Attribute::text("value", description);
    let phones = ["work", "home", "mobile", "fax", "pager", "other"];
    let services = ["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"];
    vec![
        listed("emails", text("The address."), &["work", "home", "other"], "E-mail addresses of the user."),
        listed("phoneNumbers", text("The number.").written_as(Format::Phone), &phones, "Phone numbers of the user."),
        listed("ims", text("The messaging address."), &services, "Instant messaging addresses of the user."),
        listed(
            "photos",
            Attribute::reference("value", &["external"], "URL of the photo."),
            &["photo", "thumbnail"],
            "URLs of photos of the user.",
        ),
        addresses(),
        groups(),
        listed("entitlements", text("The entitlement."), &[], "What the user is entitled to."),
        listed("roles", text("The role."), &[], "Roles of the user."),
        listed(
            "x509Certificates",
            Attribute::binary("value", "The certificate in DER.").written_as(Format::Certificate),
            &[],
            "Certificates of the user.",
        ),
    ]
}

fn addresses() -> Attribute {
    let parts = vec![
        Attribute::text("formatted", "The full mailing address."),
        Attribute::text("streetAddress", "Street, house number, box."),
        Attribute::text("locality", "City."),
        Attribute::text("region", "State or region."),
        Attribute::text("postalCode", "Postal code."),
        Attribute::text("country", "Country, as ISO 3166-1 alpha-2.").written_as(Format::Country),
        Attribute::text("type", "What this address is used for.").one_of(&["work", "home", "other"]),
        Attribute::boolean("primary", "Whether this is the preferred address; true at most once."),
    ];
    Attribute::complex("addresses", parts, "Physical addresses of the user.").many()
}

fn groups() -> Attribute {
    let parts = vec![
        Attribute::text("value", "The id of the group.").case_exact().read_only(),
        Attribute::reference("$ref", &["Group"], "The URI of the group.").read_only(),
        Attribute::text("display", "The name of the group.").read_only(),
        Attribute::text("type", "How the user belongs to it.").one_of(&["direct", "indirect"]).read_only(),
    ];
    Attribute::complex("groups", parts, "Groups that the user belongs to; changed through the group.")
        .many()
        .read_only()
}
