//! How a person authenticated: from SAML's class URIs to the method names of RFC 8176, which applications get as `amr`; and how
//! a product is asked for several factors, and says that there were some.

use serde::{Deserialize, Serialize};

use crate::protocol::oidc::class_map::ClassMap;
use crate::protocol::saml::assertion::VerifiedAssertion;
use crate::protocol::saml::attribute_map::Preset;
use crate::protocol::saml::authn_request::Comparison;

const MOBILE_CONTRACT: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract";
const MOBILE_UNREGISTERED: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorUnregistered";
const MICROSOFT: &str = "http://schemas.microsoft.com/claims/multipleauthn";
const OKTA: &str = "urn:okta:loa:2fa:any";
/// The attribute in which Entra ID and AD FS list how somebody proved themselves, beside a class that says less.
const METHODS_REFERENCES: &str = "http://schemas.microsoft.com/claims/authnmethodsreferences";
/// So many values of it are read.
const MOST_REFERENCES: usize = 16;

/// (class URI, method)
const METHODS: &[(&str, &str)] = &[
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:Password", "pwd"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", "pwd"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken", "otp"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:Smartcard", "sc"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI", "sc"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos", "wia"),
    ("urn:federation:authentication:windows", "wia"),
    (MOBILE_CONTRACT, "mfa"),
    (MOBILE_UNREGISTERED, "mfa"),
    ("https://refeds.org/profile/mfa", "mfa"),
    (MICROSOFT, "mfa"),
];

/// What several factors are called at one provider, and how it compares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeveralFactors {
    /// The words, in both directions. Those of an answer are its class, and what it lists beside it.
    #[serde(flatten)]
    pub map: ClassMap,
    /// How the class of an answer is to compare with what is asked for.
    pub comparison: Comparison,
}

/// What several factors are called at a product. `None` of one whose customers name them as they like.
pub fn several_factors(preset: Preset) -> Option<SeveralFactors> {
    let met_by = |first: &[&'static str]| [first, &[MICROSOFT, MOBILE_CONTRACT, MOBILE_UNREGISTERED]].concat();
    let (asks_for, met_by) = match preset {
        // It answers a class that its live session was not made with by an error (AADSTS75011), so that nobody is asked.
        Preset::EntraId => (&[][..], met_by(&[])),
        Preset::Adfs => (&[MICROSOFT][..], met_by(&[])),
        Preset::Okta => (&[OKTA][..], met_by(&[OKTA, "phr", "phrh"])),
        Preset::Generic | Preset::Google | Preset::Onelogin | Preset::Ping => return None,
    };
    Some(SeveralFactors { map: ClassMap::of_product(asks_for, &met_by), comparison: Comparison::Exact })
}

/// The method that a class stands for. `None` when it says nothing that RFC 8176 has a word for.
pub fn method(class: &str) -> Option<&'static str> {
    METHODS.iter().find(|(uri, _)| *uri == class).map(|(_, method)| *method)
}

/// What an assertion lists beside its class about how somebody proved themselves.
pub fn references(assertion: &VerifiedAssertion) -> impl Iterator<Item = &str> {
    let listed = assertion.attributes().iter().filter(|attribute| attribute.name == METHODS_REFERENCES);
    listed.flat_map(|attribute| attribute.values.iter().map(String::as_str)).take(MOST_REFERENCES)
}

#[cfg(test)]
mod tests {
    use super::{METHODS, method, several_factors};
    use crate::protocol::oidc::acr::SEVERAL_FACTORS_AMR;
    use crate::protocol::oidc::class_map::{Verdict, verdict};
    use crate::protocol::saml::attribute_map::Preset;

    #[test]
    fn a_class_that_says_nothing_is_no_method() {
        assert_eq!(method("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"), Some("pwd"));
        assert_eq!(method("urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"), None);
    }

    #[test]
    fn a_product_is_asked_in_its_own_words_and_all_that_is_known_of_several_factors_counts() {
        for (preset, asks_for) in [
            (Preset::EntraId, None),
            (Preset::Adfs, Some("http://schemas.microsoft.com/claims/multipleauthn")),
            (Preset::Okta, Some("urn:okta:loa:2fa:any")),
        ] {
            let several = several_factors(preset).unwrap();
            assert_eq!(several.map.asks_for.first().map(String::as_str), asks_for, "{preset:?}");
            assert_eq!(several.map.check(), Ok(()), "{preset:?}");
            for (class, method) in METHODS {
                let expected = if *method == SEVERAL_FACTORS_AMR { Verdict::Met } else { Verdict::NotMet };
                assert_eq!(verdict(Some(&several.map), [*class].into_iter()), expected, "{preset:?}: {class}");
            }
        }
        for preset in [Preset::Generic, Preset::Google, Preset::Onelogin, Preset::Ping] {
            assert_eq!(several_factors(preset), None, "{preset:?}");
        }
    }
}
