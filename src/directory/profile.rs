//! The attributes of a person that the gateway itself understands. A SCIM document carries more; that stays with the
//! document.

use crate::values::email::EmailAddress;

/// A person's profile. Only the primary account's is ever edited (rule A13).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// The name to show.
    pub display_name: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// A language tag (BCP 47).
    pub locale: Option<String>,
    /// An IANA time zone.
    pub zoneinfo: Option<String>,
    /// The addresses, the primary one first.
    pub addresses: Vec<EmailAddress>,
}

impl Profile {
    /// The address that mail goes to and that apps see.
    pub fn primary_address(&self) -> Option<&EmailAddress> {
        self.addresses.first()
    }

    /// The name to show, made of the parts when none was given.
    pub fn name(&self) -> Option<String> {
        self.display_name.clone().or_else(|| match (&self.given_name, &self.family_name) {
            (Some(given), Some(family)) => Some(format!("{given} {family}")),
            (Some(one), None) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Profile;

    #[test]
    fn a_name_is_made_of_its_parts_when_none_is_given() {
        let mut profile = Profile {
            given_name: Some("Ada".to_owned()),
            family_name: Some("Lovelace".to_owned()),
            ..Profile::default()
        };
        assert_eq!(profile.name().as_deref(), Some("Ada Lovelace"));
        profile.display_name = Some("Countess".to_owned());
        assert_eq!(profile.name().as_deref(), Some("Countess"));
        assert_eq!(Profile::default().name(), None);
    }
}
