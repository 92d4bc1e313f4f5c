//! Which attributes of an assertion say who the person is.
//!
//! Owns the table of names that identity providers use (OIDs of LDAP schemas, WS-Federation claim URIs, plain names)
//! and the order in which they count. Says what was asserted; whether it is believed is for `directory::linking`.

use crate::protocol::saml::assertion::VerifiedAssertion;
use crate::protocol::saml::document::is_xml_space;
use crate::protocol::saml::names::{FORMAT_EMAIL, FORMAT_UNSPECIFIED};

/// More groups than this are not taken over from one sign-in.
const MAX_GROUPS: usize = 1_000;

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
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        Self {
            email: names(&[
                "urn:oid:0.9.2342.19200300.100.1.3",
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
                "email",
                "mail",
                "emailAddress",
                "Email",
            ]),
            given_name: names(&[
                "urn:oid:2.5.4.42",
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname",
                "givenName",
                "given_name",
                "firstName",
                "FirstName",
            ]),
            family_name: names(&[
                "urn:oid:2.5.4.4",
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname",
                "sn",
                "surname",
                "family_name",
                "lastName",
                "LastName",
            ]),
            display_name: names(&[
                "urn:oid:2.16.840.1.113730.3.1.241",
                "http://schemas.microsoft.com/identity/claims/displayname",
                "displayName",
                "display_name",
                "cn",
                "urn:oid:2.5.4.3",
            ]),
            groups: names(&[
                "urn:oid:1.3.6.1.4.1.5923.1.5.1.1",
                "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
                "http://schemas.xmlsoap.org/claims/Group",
                "groups",
                "memberOf",
            ]),
        }
    }
}

impl AttributeMap {
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
