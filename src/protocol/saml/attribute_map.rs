//! Which attributes of an assertion say who the person is.
//!
//! Owns the table of names that identity providers use (OIDs of LDAP schemas, WS-Federation claim URIs, plain names)
//! and the order in which they count. Says what was asserted; whether it is believed is for `directory::linking`.

use serde::{Deserialize, Serialize};

use crate::protocol::saml::assertion::VerifiedAssertion;
use crate::protocol::saml::document::is_xml_space;
use crate::protocol::saml::names::{FORMAT_EMAIL, FORMAT_UNSPECIFIED};

/// More groups than this are not taken over from one sign-in. A document of the usual bounds has no more.
const MAX_GROUPS: usize = 5_000;

/// Whose names are looked under.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Those of all products.
    #[default]
    Generic,
    /// Microsoft Entra ID.
    EntraId,
    /// Okta.
    Okta,
    /// Google Workspace, with the names that its guide gives.
    Google,
    /// OneLogin.
    Onelogin,
    /// PingOne and PingFederate.
    Ping,
    /// Active Directory Federation Services.
    Adfs,
}

/// The names of one product, best first: e-mail address, given name, family name, name to show, groups.
struct Names {
    email: &'static [&'static str],
    given_name: &'static [&'static str],
    family_name: &'static [&'static str],
    display_name: &'static [&'static str],
    groups: &'static [&'static str],
}

const CLAIMED_EMAIL: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";
const CLAIMED_GIVEN_NAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname";
const CLAIMED_SURNAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname";
const CLAIMED_NAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
const CLAIMED_DISPLAY_NAME: &str = "http://schemas.microsoft.com/identity/claims/displayname";
const CLAIMED_GROUPS: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups";
const CLAIMED_ROLE: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";
const CLAIMED_GROUP: &str = "http://schemas.xmlsoap.org/claims/Group";

const GENERIC: Names = Names {
    email: &["urn:oid:0.9.2342.19200300.100.1.3", CLAIMED_EMAIL, "email", "mail", "emailAddress", "Email"],
    given_name: &["urn:oid:2.5.4.42", CLAIMED_GIVEN_NAME, "givenName", "given_name", "firstName", "FirstName"],
    family_name: &["urn:oid:2.5.4.4", CLAIMED_SURNAME, "sn", "surname", "family_name", "lastName", "LastName"],
    display_name: &[
        "urn:oid:2.16.840.1.113730.3.1.241",
        CLAIMED_DISPLAY_NAME,
        "displayName",
        "display_name",
        "cn",
        "urn:oid:2.5.4.3",
    ],
    groups: &["urn:oid:1.3.6.1.4.1.5923.1.5.1.1", CLAIMED_GROUPS, CLAIMED_GROUP, "groups", "memberOf"],
};

impl Preset {
    const fn names(self) -> &'static Names {
        match self {
            Self::Generic => &GENERIC,
            Self::EntraId => &Names {
                email: &[CLAIMED_EMAIL],
                given_name: &[CLAIMED_GIVEN_NAME],
                family_name: &[CLAIMED_SURNAME],
                display_name: &[CLAIMED_DISPLAY_NAME],
                groups: &[CLAIMED_GROUPS, CLAIMED_ROLE],
            },
            Self::Okta => &Names {
                email: &["email", "mail"],
                given_name: &["firstName", "given_name"],
                family_name: &["lastName", "family_name"],
                display_name: &["displayName", "name"],
                groups: &["groups"],
            },
            Self::Google => &Names {
                email: &["email", "primaryEmail"],
                given_name: &["firstName", "first_name"],
                family_name: &["lastName", "last_name"],
                display_name: &["displayName", "name"],
                groups: &["groups"],
            },
            Self::Onelogin => &Names {
                email: &["User.email", "Email"],
                given_name: &["User.FirstName", "FirstName"],
                family_name: &["User.LastName", "LastName"],
                display_name: &["User.DisplayName"],
                groups: &["memberOf", "Roles"],
            },
            Self::Ping => &Names {
                email: &["email", "mail"],
                given_name: &["givenName", "given_name"],
                family_name: &["sn", "familyName", "family_name"],
                display_name: &["displayName", "formattedName"],
                groups: &["memberOf", "groups"],
            },
            Self::Adfs => &Names {
                email: &[CLAIMED_EMAIL],
                given_name: &[CLAIMED_GIVEN_NAME],
                family_name: &[CLAIMED_SURNAME],
                display_name: &[CLAIMED_NAME],
                groups: &[CLAIMED_GROUP, CLAIMED_ROLE],
            },
        }
    }
}

/// Names that an organization has chosen. One that is not chosen is the preset's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttributeNames {
    /// The e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// The family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<String>,
}

impl AttributeNames {
    /// Those that are chosen.
    pub fn chosen(&self) -> impl Iterator<Item = &String> {
        [&self.email, &self.given_name, &self.family_name, &self.display_name, &self.groups].into_iter().flatten()
    }
}

/// The names to look under, best first. Names are compared byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeMap {
    /// The e-mail address.
    pub email: Vec<String>,
    /// The given name.
    pub given_name: Vec<String>,
    /// The family name.
    pub family_name: Vec<String>,
    /// The name to show.
    pub display_name: Vec<String>,
    /// The groups; the values of all of these are taken.
    pub groups: Vec<String>,
}

/// What an assertion says about a person. Texts are trimmed here and nowhere else; none is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Not checked to be an address.
    pub email: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The name to show.
    pub display_name: Option<String>,
    /// The groups, each once, in document order.
    pub groups: Vec<String>,
}

impl Default for AttributeMap {
    fn default() -> Self {
        Self::new(Preset::default(), &AttributeNames::default())
    }
}

impl AttributeMap {
    /// The names of a preset, and instead of them those that were chosen.
    pub fn new(preset: Preset, chosen: &AttributeNames) -> Self {
        let names = |chosen: &Option<String>, preset: &[&str]| match chosen {
            Some(name) => vec![name.clone()],
            None => preset.iter().map(|name| (*name).to_owned()).collect(),
        };
        let preset = preset.names();
        Self {
            email: names(&chosen.email, preset.email),
            given_name: names(&chosen.given_name, preset.given_name),
            family_name: names(&chosen.family_name, preset.family_name),
            display_name: names(&chosen.display_name, preset.display_name),
            groups: names(&chosen.groups, preset.groups),
        }
    }

    /// What the assertion says about the person. Without an e-mail attribute, a NameID that is meant to be an address is
    /// taken: its format says so, or says nothing (Okta's default) and it has an `@`.
    pub fn read(&self, assertion: &VerifiedAssertion) -> Person {
        Person {
            email: first(assertion, &self.email).or_else(|| name_id_email(assertion)),
            given_name: first(assertion, &self.given_name),
            family_name: first(assertion, &self.family_name),
            display_name: first(assertion, &self.display_name),
            groups: self.groups(assertion),
        }
    }

    fn groups(&self, assertion: &VerifiedAssertion) -> Vec<String> {
        let listed = assertion.attributes().iter().filter(|attribute| self.groups.contains(&attribute.name));
        let mut groups: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for value in listed.flat_map(|attribute| &attribute.values).filter_map(|value| trimmed(value)) {
            if groups.len() < MAX_GROUPS && seen.insert(value.clone()) {
                groups.push(value);
            }
        }
        groups
    }
}

/// The first value, in document order, under the best name that has one. None is empty.
pub fn first(assertion: &VerifiedAssertion, names: &[String]) -> Option<String> {
    names.iter().find_map(|name| {
        let matching = assertion.attributes().iter().filter(|attribute| attribute.name == *name);
        matching.flat_map(|attribute| &attribute.values).find_map(|value| trimmed(value))
    })
}

fn name_id_email(assertion: &VerifiedAssertion) -> Option<String> {
    let name_id = assertion.name_id();
    let is_meant = match name_id.format.as_str() {
        FORMAT_EMAIL => true,
        FORMAT_UNSPECIFIED => name_id.value.contains('@'),
        _ => false,
    };
    is_meant.then(|| name_id.value.clone())
}

fn trimmed(value: &str) -> Option<String> {
    let value = value.trim_matches(is_xml_space);
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{AttributeMap, AttributeNames, Person, Preset};
    use crate::protocol::saml::testing::{Place, expected, response, signer, verify_xml};

    /// What a provider with these attributes says under a preset.
    fn person(preset: Preset, chosen: &AttributeNames, attributes: &[(&str, &str)]) -> Person {
        let statements: String = attributes
            .iter()
            .map(|(name, value)| {
                format!(
                    "<saml:Attribute Name=\"{name}\"><saml:AttributeValue>{value}</saml:AttributeValue></saml:Attribute>"
                )
            })
            .collect();
        let xml = response();
        let (before, rest) = xml.split_once("<saml:AttributeStatement>").unwrap();
        let (_, after) = rest.split_once("</saml:AttributeStatement>").unwrap();
        let xml = format!("{before}<saml:AttributeStatement>{statements}</saml:AttributeStatement>{after}");
        let assertion = verify_xml(&signer().sign_response(Place::Assertion, &xml), &expected()).unwrap();
        AttributeMap::new(preset, chosen).read(&assertion)
    }

    #[test]
    fn each_preset_reads_what_its_product_sends() {
        const CLAIMS: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims";
        const MICROSOFT: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims";
        let claim = |name: &str| format!("{CLAIMS}/{name}");
        let cases: [(Preset, [String; 5]); 6] = [
            (
                Preset::EntraId,
                [
                    claim("emailaddress"),
                    claim("givenname"),
                    claim("surname"),
                    "http://schemas.microsoft.com/identity/claims/displayname".to_owned(),
                    format!("{MICROSOFT}/groups"),
                ],
            ),
            (Preset::Okta, ["email", "firstName", "lastName", "displayName", "groups"].map(str::to_owned)),
            (Preset::Google, ["email", "firstName", "lastName", "displayName", "groups"].map(str::to_owned)),
            (
                Preset::Onelogin,
                ["User.email", "User.FirstName", "User.LastName", "User.DisplayName", "memberOf"].map(str::to_owned),
            ),
            (Preset::Ping, ["mail", "givenName", "sn", "displayName", "memberOf"].map(str::to_owned)),
            (
                Preset::Adfs,
                [
                    claim("emailaddress"),
                    claim("givenname"),
                    claim("surname"),
                    claim("name"),
                    "http://schemas.xmlsoap.org/claims/Group".to_owned(),
                ],
            ),
        ];
        for (preset, names) in cases {
            let [email, given_name, family_name, display_name, groups] = names.each_ref().map(String::as_str);
            let sent = [
                (email, "grace@acme.test"),
                (given_name, "Grace"),
                (family_name, "Hopper"),
                (display_name, "Grace Hopper"),
                (groups, "eng"),
            ];
            let expected = Person {
                email: Some("grace@acme.test".to_owned()),
                given_name: Some("Grace".to_owned()),
                family_name: Some("Hopper".to_owned()),
                display_name: Some("Grace Hopper".to_owned()),
                groups: vec!["eng".to_owned()],
            };
            assert_eq!(person(preset, &AttributeNames::default(), &sent), expected, "{preset:?}");
        }
    }

    #[test]
    fn a_preset_reads_nothing_of_another_product() {
        let read = person(Preset::EntraId, &AttributeNames::default(), &[("groups", "eng"), ("firstName", "Grace")]);
        assert_eq!((read.groups.len(), read.given_name), (0, None));
    }

    #[test]
    fn a_chosen_name_counts_instead_of_the_presets() {
        let chosen = AttributeNames { groups: Some("Team".to_owned()), ..AttributeNames::default() };
        let sent = [("groups", "eng"), ("Team", "ops"), ("email", "grace@acme.test")];
        let read = person(Preset::Okta, &chosen, &sent);
        assert_eq!((read.groups, read.email.as_deref()), (vec!["ops".to_owned()], Some("grace@acme.test")));
    }
}
