//! The ladder of authentication context classes that applications can ask for by `acr_values` (OpenID Connect Core 3.1.2.1;
//! RFC 9470).
//!
//! `acr_values` is a voluntary request: what is not understood asks for nothing, and what cannot be reached is answered with
//! what was. The application reads the `acr` and the `amr` of the ID token and decides.

/// How well somebody proved themselves. Each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// By a password.
    Password,
    /// By a password and a second factor, or as an identity provider says of several.
    SeveralFactors,
}

/// Names by which others call several factors: those of identity providers, and of applications that ask for it.
pub const SEVERAL_FACTORS: [&str; 4] = [
    "urn:causeway:acr:mfa",
    "https://refeds.org/profile/mfa",
    "http://schemas.microsoft.com/claims/multipleauthn",
    "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
];
/// What the names of the gateway's own classes begin with.
const OWN: &str = "urn:causeway:";
/// Several factors, as RFC 8176 names it.
pub const SEVERAL_FACTORS_AMR: &str = "mfa";

impl Level {
    /// The whole ladder.
    pub const ALL: [Self; 2] = [Self::Password, Self::SeveralFactors];

    /// The class as the ID token says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "urn:causeway:acr:password",
            Self::SeveralFactors => "urn:causeway:acr:mfa",
        }
    }

    /// The level that a class asks for, or stands for.
    fn of(class: &str) -> Option<Self> {
        if SEVERAL_FACTORS.contains(&class) {
            return Some(Self::SeveralFactors);
        }
        (class == Self::Password.as_str()).then_some(Self::Password)
    }

    /// The level of a sign-in, by the class and the methods that it is known by. An identity provider's word counts.
    pub fn reached(acr: &str, amr: &[String]) -> Self {
        let says_several = amr.iter().any(|method| method == SEVERAL_FACTORS_AMR);
        let by_methods = if says_several { Self::SeveralFactors } else { Self::Password };
        Self::of(acr).map_or(by_methods, |by_class| by_class.max(by_methods))
    }
}

/// True of a class that stands for several factors.
pub fn names_several(class: &str) -> bool {
    Level::of(class) == Some(Level::SeveralFactors)
}

/// True of a class that the gateway alone says: of what it has seen itself, or of an answer that meets the map of its connection
/// ([`super::class_map`]). A URN begins alike in small letters and in capitals
/// (RFC 8141, 3.1).
pub fn is_own(class: &str) -> bool {
    class.get(..OWN.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN))
}

/// The lowest level that is good for somebody who asks for these classes, of which any will do. `None` when any level will.
pub fn asked(acr_values: &str) -> Option<Level> {
    acr_values.split(' ').filter_map(Level::of).min()
}

/// True when a sign-in satisfies `acr_values`: it is of one of the classes, or of the level that one of them asks for.
pub fn satisfies(acr_values: &str, acr: &str, amr: &[String]) -> bool {
    acr_values.split(' ').any(|class| class == acr)
        || asked(acr_values).is_none_or(|level| Level::reached(acr, amr) >= level)
}

#[cfg(test)]
mod tests {
    use super::{Level, asked, is_own, satisfies};

    const PASSWORD: &str = "urn:causeway:acr:password";
    const MFA: &str = "urn:causeway:acr:mfa";

    #[test]
    fn oidcc_ensure_request_with_acr_values_asks_for_the_least_of_what_it_names() {
        for (values, level) in [
            ("", None),
            ("1 2", None),
            (PASSWORD, Some(Level::Password)),
            (MFA, Some(Level::SeveralFactors)),
            ("http://schemas.openid.net/pape/policies/2007/06/multi-factor", Some(Level::SeveralFactors)),
            ("urn:causeway:acr:mfa urn:causeway:acr:password", Some(Level::Password)),
            ("1 urn:causeway:acr:mfa", Some(Level::SeveralFactors)),
        ] {
            assert_eq!(asked(values), level, "{values}");
        }
    }

    #[test]
    fn a_sign_in_satisfies_what_is_not_above_it() {
        let (pwd, several) = (vec!["pwd".to_owned()], vec!["pwd".to_owned(), "otp".to_owned(), "mfa".to_owned()]);
        for (values, acr, amr, expected) in [
            (MFA, PASSWORD, &pwd, false),
            (MFA, MFA, &several, true),
            (PASSWORD, MFA, &several, true),
            ("1", PASSWORD, &pwd, true),
            (MFA, "urn:causeway:acr:federated", &pwd, false),
            (MFA, "urn:causeway:acr:federated", &several, true),
            (MFA, "https://refeds.org/profile/mfa", &pwd, true),
            ("phr urn:causeway:acr:mfa", "phr", &pwd, true),
        ] {
            assert_eq!(satisfies(values, acr, amr), expected, "{values} by {acr} {amr:?}");
        }
    }

    #[test]
    fn each_level_is_known_by_its_name() {
        for level in Level::ALL {
            assert_eq!(asked(level.as_str()), Some(level));
        }
    }

    #[test]
    fn the_gateways_own_classes_are_known_by_how_they_begin() {
        for own in [MFA, PASSWORD, "urn:causeway:acr:federated", "urn:causeway:x", "URN:Causeway:acr:mfa"] {
            assert!(is_own(own), "{own}");
        }
        for other in
            ["", "urn:causeway", "urn:causewayx:acr:mfa", "urn:acme:urn:causeway:acr:mfa", "urn:causeway\u{e4}"]
        {
            assert!(!is_own(other), "{other}");
        }
    }
}
