//! What an organization demands of its SAML provider beyond what is always demanded, and how it reads what comes.

use serde::{Deserialize, Serialize};
use url::Url;

use super::decision::store_edited;
use super::{Connection, ConnectionError, Settings, find_of};
use crate::directory::applications::{self, Application};
use crate::directory::permission::{self, Permission};
use crate::protocol::oidc::acr::Level;
use crate::protocol::oidc::class_map::{ClassMap, InvalidClassMap};
use crate::protocol::oidc::redirect_uri;
use crate::protocol::saml::assertion::{Authentication, Encryption};
use crate::protocol::saml::attribute_map::{AttributeMap, AttributeNames, Preset};
use crate::protocol::saml::authn_context::{self, SeveralFactors};
use crate::protocol::saml::authn_request::{Comparison, RequestSignature};
use crate::store::Tx;
use crate::values::ids::{ApplicationId, ConnectionId, OrganizationId};
use crate::values::operation::Operation;

/// As of a redirect URI.
const MAX_URL_BYTES: usize = 2_000;
/// More classes than anybody asks for.
const MAX_CONTEXTS: usize = 10;
/// The longest class URI, and the longest name of an attribute.
const MAX_NAME_CHARACTERS: usize = 256;

/// The options of one SAML connection. Those of a new one demand nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamlOptions {
    /// The level of IPSIE's session lifecycle that the connection is held to, which may demand more than the rest says.
    pub ipsie_level: Option<IpsieLevel>,
    /// Assertions have to be encrypted.
    pub requires_encryption: bool,
    /// Requests carry a signature.
    pub signs_requests: bool,
    /// Everybody proves themselves anew at each sign-in.
    pub forces_authentication: bool,
    /// How people have to prove themselves: any of these class URIs. None means any way will do.
    pub authn_contexts: Vec<String>,
    /// What several factors are called there, where an application asks for them; what the product calls them when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub several_factors: Option<SeveralFactors>,
    /// Under which names the provider's product sends attributes.
    pub preset: Preset,
    /// Names that this organization has chosen instead.
    pub attributes: AttributeNames,
    /// Where people land whose sign-in begins at the provider. None refuses them.
    pub landing: Option<Landing>,
}

/// A place of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landing {
    /// The application.
    pub application: ApplicationId,
    /// A page of it, on the site (scheme, host and port) of a redirect URI of its own.
    pub url: Url,
}

/// A level of IPSIE's session lifecycle; each includes the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpsieLevel {
    /// "Assertions in the front channel MUST be encrypted."
    Sl1,
    /// "MUST NOT accept unsolicited assertions."
    Sl2,
}

/// The options cannot be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidOptions(pub(super) &'static str);

impl From<InvalidClassMap> for InvalidOptions {
    fn from(_: InvalidClassMap) -> Self {
        Self("asks_for and met_by are at most ten words each, of at most 256 characters without spaces")
    }
}

impl Default for SamlOptions {
    fn default() -> Self {
        Self {
            ipsie_level: None,
            requires_encryption: false,
            signs_requests: true,
            forces_authentication: false,
            authn_contexts: Vec::new(),
            several_factors: None,
            preset: Preset::default(),
            attributes: AttributeNames::default(),
            landing: None,
        }
    }
}

impl Landing {
    /// Whether the place is one of this application, which people of the organization may use.
    pub fn is_at(&self, application: &Application, organization: OrganizationId) -> bool {
        let is_open = application.organization.is_none_or(|owner| owner == organization);
        let is_theirs = redirect_uri::on_the_site_of(self.url.as_str(), &application.redirect_uris).is_some();
        is_open && application.id == self.application && is_theirs
    }
}

impl IpsieLevel {
    /// The level with this number.
    pub const fn parse(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Sl1),
            2 => Some(Self::Sl2),
            _ => None,
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Sl1 => 1,
            Self::Sl2 => 2,
        }
    }
}

impl SamlOptions {
    /// Whether they can be meant.
    pub fn check(&self) -> Result<(), InvalidOptions> {
        let is_name = |name: &String| {
            (1..=MAX_NAME_CHARACTERS).contains(&name.chars().count()) && !name.chars().any(char::is_control)
        };
        let is_class =
            |class: &String| is_name(class) && class.contains(':') && class.bytes().all(|byte| byte.is_ascii_graphic());
        if self.authn_contexts.len() > MAX_CONTEXTS || !self.authn_contexts.iter().all(is_class) {
            return Err(InvalidOptions("authn_contexts are at most ten class uris of at most 256 characters"));
        }
        if let Some(SeveralFactors { map, .. }) = &self.several_factors {
            map.check()?;
            if !map.asks_for.iter().all(is_class) {
                return Err(InvalidOptions("asks_for is a list of class uris"));
            }
        }
        if !self.attributes.chosen().all(is_name) {
            return Err(InvalidOptions("the name of an attribute has 1 to 256 characters and no control characters"));
        }
        if self.landing.is_some() && self.ipsie_level >= Some(IpsieLevel::Sl2) {
            return Err(InvalidOptions("ipsie_level 2 has no sign-in that begins at the provider"));
        }
        if self.landing.as_ref().is_some_and(|landing| landing.url.as_str().len() > MAX_URL_BYTES) {
            return Err(InvalidOptions("the url of a landing has at most 2000 characters"));
        }
        Ok(())
    }

    /// Where people land whose sign-in begins at the provider.
    pub fn landing(&self) -> Option<&Landing> {
        // As `check` says; held to again, because a level may come from somewhere else.
        self.landing.as_ref().filter(|_| self.ipsie_level < Some(IpsieLevel::Sl2))
    }

    /// Whether an assertion has to be encrypted.
    pub fn encryption(&self) -> Encryption {
        if self.requires_encryption || self.ipsie_level.is_some() { Encryption::Required } else { Encryption::Optional }
    }

    /// Whether an existing session at the provider is enough, when it would be for the application.
    pub fn authentication(&self, asked: Authentication) -> Authentication {
        if self.forces_authentication { Authentication::Fresh } else { asked }
    }

    /// What several factors are called at the provider. `None` when nobody knows.
    pub fn several_factors(&self) -> Option<SeveralFactors> {
        self.several_factors.clone().or_else(|| authn_context::several_factors(self.preset))
    }

    /// The classes that the provider is asked for on behalf of an application that asks for `level`, and how they compare.
    pub fn contexts(&self, level: Option<Level>) -> (Vec<String>, Comparison) {
        match self.several_factors() {
            Some(several) if !several.map.asks_for(level).is_empty() => (several.map.asks_for, several.comparison),
            Some(_) | None => (self.authn_contexts.clone(), Comparison::Exact),
        }
    }

    /// The classes of which an answer to that has to have one. None means any will do.
    pub fn accepted_contexts(&self, level: Option<Level>) -> Vec<String> {
        let several = self.several_factors();
        ClassMap::accepted(several.as_ref().map(|several| &several.map), &self.authn_contexts, level)
    }

    /// Whether requests are signed.
    pub fn request_signature(&self) -> RequestSignature {
        if self.signs_requests { RequestSignature::Signed } else { RequestSignature::Unsigned }
    }

    /// Which attributes say who somebody is.
    pub fn attribute_map(&self) -> AttributeMap {
        AttributeMap::new(self.preset, &self.attributes)
    }
}

/// Replaces what is demanded of a SAML provider. Who is signed in stays so.
pub fn replace(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
    demanded: &SamlOptions,
) -> Result<Connection, ConnectionError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    demanded.check()?;
    if let Some(landing) = &demanded.landing {
        let application = applications::find(tx, landing.application)?;
        if !application.is_some_and(|found| landing.is_at(&found, organization)) {
            return Err(InvalidOptions(
                "the url of a landing is on the site of a redirect uri of its application, without a fragment",
            )
            .into());
        }
    }
    let before = find_of(tx, op, organization, id)?;
    let mut connection = before.clone();
    match &mut connection.settings {
        Settings::Saml { options, .. } => options.clone_from(demanded),
        Settings::Oidc { .. } => return Err(ConnectionError::OtherProtocol),
    }
    store_edited(tx, op, &before, connection)
}

#[cfg(test)]
mod tests {
    use super::{IpsieLevel, Landing, SamlOptions};
    use crate::protocol::oidc::acr::Level;
    use crate::protocol::oidc::class_map::ClassMap;
    use crate::protocol::saml::assertion::{Authentication, Encryption};
    use crate::protocol::saml::attribute_map::{AttributeNames, Preset};
    use crate::protocol::saml::authn_context::SeveralFactors;
    use crate::protocol::saml::authn_request::Comparison;
    use crate::values::ids::ApplicationId;

    #[test]
    fn every_level_of_ipsie_demands_encryption() {
        assert_eq!(SamlOptions::default().encryption(), Encryption::Optional);
        let required = SamlOptions { requires_encryption: true, ..SamlOptions::default() };
        assert_eq!(required.encryption(), Encryption::Required);
        for level in [IpsieLevel::Sl1, IpsieLevel::Sl2] {
            let options = SamlOptions { ipsie_level: Some(level), ..SamlOptions::default() };
            assert_eq!(options.encryption(), Encryption::Required);
            assert_eq!(IpsieLevel::parse(level.number()), Some(level));
        }
    }

    #[test]
    fn a_connection_may_force_what_the_application_does_not_ask_for() {
        let forced = SamlOptions { forces_authentication: true, ..SamlOptions::default() };
        assert_eq!(forced.authentication(Authentication::Any), Authentication::Fresh);
        assert_eq!(SamlOptions::default().authentication(Authentication::Any), Authentication::Any);
        assert_eq!(SamlOptions::default().authentication(Authentication::Fresh), Authentication::Fresh);
    }

    #[test]
    fn options_that_cannot_be_meant_are_refused() {
        let contexts = |list: &[&str]| SamlOptions {
            authn_contexts: list.iter().map(|class| (*class).to_owned()).collect(),
            ..SamlOptions::default()
        };
        assert!(contexts(&["https://refeds.org/profile/mfa", "urn:x"]).check().is_ok());
        for bad in [contexts(&[""]), contexts(&["mfa"]), contexts(&["urn:a b"]), contexts(&["urn:x"; 11])] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
        let several = |asks_for: &[&str], met_by: &[&str]| SamlOptions {
            several_factors: Some(several_factors(asks_for, met_by)),
            ..SamlOptions::default()
        };
        assert!(several(&["urn:x"], &["x"]).check().is_ok() && several(&[], &[]).check().is_ok());
        for bad in [several(&["mfa"], &[]), several(&["urn:x"], &["a b"]), several(&["urn:x"; 11], &[])] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
        let named = |name: &str| SamlOptions {
            attributes: AttributeNames { groups: Some(name.to_owned()), ..AttributeNames::default() },
            ..SamlOptions::default()
        };
        assert!(named("Team").check().is_ok());
        for bad in [named(""), named("a\nb"), named(&"x".repeat(257))] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    fn several_factors(asks_for: &[&str], met_by: &[&str]) -> SeveralFactors {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        let map = ClassMap { asks_for: words(asks_for), met_by: words(met_by) };
        SeveralFactors { map, comparison: Comparison::Minimum }
    }

    /// Where an application asks for more, that takes the place of what the connection demands of everybody.
    #[test]
    fn the_provider_is_asked_for_what_the_application_asks_for_in_its_own_words() {
        const SEVERAL: Option<Level> = Some(Level::SeveralFactors);
        let demanding = SamlOptions { authn_contexts: vec!["urn:demanded".to_owned()], ..SamlOptions::default() };
        let mapped = |options: &SamlOptions| SamlOptions {
            several_factors: Some(several_factors(&["urn:strong"], &["urn:stronger"])),
            ..options.clone()
        };
        let silent =
            SamlOptions { several_factors: Some(several_factors(&[], &["urn:stronger"])), ..demanding.clone() };
        let okta = SamlOptions { preset: Preset::Okta, ..SamlOptions::default() };
        for (options, level, asked, comparison, accepted) in [
            (&demanding, SEVERAL, "urn:demanded", Comparison::Exact, "urn:demanded"),
            (&mapped(&demanding), None, "urn:demanded", Comparison::Exact, "urn:demanded"),
            (&mapped(&demanding), Some(Level::Password), "urn:demanded", Comparison::Exact, "urn:demanded"),
            (&mapped(&demanding), SEVERAL, "urn:strong", Comparison::Minimum, "urn:demanded urn:strong urn:stronger"),
            (&silent, SEVERAL, "urn:demanded", Comparison::Exact, "urn:demanded urn:stronger"),
            (&mapped(&SamlOptions::default()), SEVERAL, "urn:strong", Comparison::Minimum, ""),
            (&okta, SEVERAL, "urn:okta:loa:2fa:any", Comparison::Exact, ""),
            (&mapped(&okta), SEVERAL, "urn:strong", Comparison::Minimum, ""),
            (&SamlOptions::default(), SEVERAL, "", Comparison::Exact, ""),
        ] {
            let (contexts, compares) = options.contexts(level);
            assert_eq!((contexts.join(" ").as_str(), compares), (asked, comparison), "{options:?} {level:?}");
            assert_eq!(options.accepted_contexts(level).join(" "), accepted, "{options:?} {level:?}");
        }
    }

    #[test]
    fn sign_in_begins_at_the_provider_only_where_a_level_allows_it() {
        let landing = |url: &str| {
            Some(Landing { application: ApplicationId::from_bytes(&[1; 16]).unwrap(), url: url.parse().unwrap() })
        };
        let at = |ipsie_level, url: &str| SamlOptions { ipsie_level, landing: landing(url), ..SamlOptions::default() };
        for level in [None, Some(IpsieLevel::Sl1)] {
            let options = at(level, "https://app.test/start");
            assert!(options.check().is_ok() && options.landing().is_some());
        }
        let second = at(Some(IpsieLevel::Sl2), "https://app.test/start");
        assert!(second.check().is_err() && second.landing().is_none());
        assert!(at(None, &format!("https://app.test/{}", "x".repeat(2_000))).check().is_err());
        assert_eq!(SamlOptions::default().landing(), None);
    }

    /// Rows that an older program wrote have fewer options or none.
    #[test]
    fn what_is_left_out_is_not_demanded() {
        assert_eq!(serde_json::from_str::<SamlOptions>("{}").unwrap(), SamlOptions::default());
    }
}
