//! The linking rule of a connection: which of a SCIM user's attributes is compared with what the identity provider says,
//! when it speaks of a subject for the first time. Pure. Later the key is (connection, subject), whatever the rule.

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatchRule {
    /// The e-mail address that the provider vouches for.
    #[default]
    Email,
    /// The `userName`, compared as user names are (decision Q32).
    UserName,
    /// The `externalId`, byte for byte.
    ExternalId,
}

/// A connection's linking rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matching {
    /// What of the user is compared.
    pub by: MatchRule,
    /// The claim, or the SAML attribute, that it is compared with; the subject itself (`sub`, the NameID) when there is
    /// none. An address comes from where addresses do.
    pub claim: Option<String>,
}

/// The name of a claim is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMatching {
    /// The name is empty, too long, or has a control character.
    #[error("a claim's name has 1 to 200 characters and no control characters")]
    Name,
    /// The rule takes no claim.
    #[error("an address is compared with the asserted address, not with a claim")]
    EmailTakesNone,
}

/// The longest name of a claim, in characters.
const MAX_NAME: usize = 200;

impl MatchRule {
    /// The name in the store and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::UserName => "user_name",
            Self::ExternalId => "external_id",
        }
    }

    /// The rule with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Email, Self::UserName, Self::ExternalId].into_iter().find(|rule| rule.as_str() == name)
    }
}

impl Matching {
    /// A checked rule.
    pub fn new(by: MatchRule, claim: Option<String>) -> Result<Self, InvalidMatching> {
        match &claim {
            Some(_) if by == MatchRule::Email => Err(InvalidMatching::EmailTakesNone),
            Some(name) if name.trim().is_empty() || name.chars().count() > MAX_NAME => Err(InvalidMatching::Name),
            Some(name) if name.chars().any(char::is_control) => Err(InvalidMatching::Name),
            _ => Ok(Self { by, claim }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidMatching, MatchRule, Matching};

    #[test]
    fn a_rule_is_found_by_its_name_and_a_claim_has_one() {
        for rule in [MatchRule::Email, MatchRule::UserName, MatchRule::ExternalId] {
            assert_eq!(MatchRule::parse(rule.as_str()), Some(rule));
        }
        assert_eq!(MatchRule::parse("Email"), None);
        for bad in ["", " ", "a\u{0}b", &"x".repeat(201)] {
            assert_eq!(Matching::new(MatchRule::UserName, Some(bad.to_owned())), Err(InvalidMatching::Name));
        }
        let email = Matching::new(MatchRule::Email, Some("mail".to_owned()));
        assert_eq!(email, Err(InvalidMatching::EmailTakesNone));
        assert!(Matching::new(MatchRule::ExternalId, Some("oid".to_owned())).is_ok());
    }
}
