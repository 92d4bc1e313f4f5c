//! What an organization demands of its OpenID provider beyond what is always demanded, and how it reads what comes.

use serde::{Deserialize, Serialize};

use super::decision::store_edited;
use super::initiation::Initiation;
use super::saml_options::{InvalidOptions, IpsieLevel};
use super::{Connection, ConnectionError, Settings, find_of};
use crate::directory::permission::{self, Permission};
use crate::protocol::oidc::acr::Level;
use crate::protocol::oidc::class_map::ClassMap;
use crate::protocol::oidc::relying_party::claim_map::ClaimNames;
use crate::protocol::oidc::relying_party::preset::Preset;
use crate::protocol::oidc::relying_party::strictness::Strictness;
use crate::store::Tx;
use crate::values::ids::{ConnectionId, OrganizationId};
use crate::values::operation::Operation;

/// More classes than anybody asks for.
const MAX_CONTEXTS: usize = 10;
/// More scopes than any provider needs, and the longest.
const MAX_SCOPES: usize = 10;
const MAX_SCOPE_BYTES: usize = 128;
/// What every provider is asked for.
const SCOPE: &str = "email profile";
/// The longest class, and the longest name of a claim.
const MAX_NAME_CHARACTERS: usize = 256;

/// The options of one OpenID connection. Those of a new one demand nothing more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OidcOptions {
    /// The level of IPSIE's session lifecycle that the connection is held to. Level 2 adds that
    /// sign-ins are never unsolicited, which they are not with OpenID Connect, and that sessions end at the provider's word, which
    /// takes its back-channel logout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipsie_level: Option<IpsieLevel>,
    /// Everybody proves themselves anew at each sign-in.
    pub forces_authentication: bool,
    /// How people have to prove themselves: any of these classes. None means any way will do.
    pub acr_values: Vec<String>,
    /// What several factors are called there, where an application asks for them; what the product calls them when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub several_factors: Option<ClassMap>,
    /// Names of claims that this organization has chosen.
    pub claims: ClaimNames,
    /// What is asked for beside `openid email profile`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Where people are led whom the provider sends to sign in; none when it is to send nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiation: Option<Initiation>,
}

/// What a provider is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AsksFor {
    /// Classes.
    pub acr_values: Vec<String>,
    /// Authentication contexts of Entra ID.
    pub contexts: Vec<String>,
}

impl OidcOptions {
    /// Whether they can be meant.
    pub fn check(&self) -> Result<(), InvalidOptions> {
        let is_short = |name: &String| (1..=MAX_NAME_CHARACTERS).contains(&name.chars().count());
        let is_class = |class: &String| is_short(class) && class.bytes().all(|byte| byte.is_ascii_graphic());
        if self.acr_values.len() > MAX_CONTEXTS || !self.acr_values.iter().all(is_class) {
            return Err(InvalidOptions("acr_values are at most ten classes of at most 256 characters without spaces"));
        }
        if let Some(map) = &self.several_factors {
            map.check()?;
        }
        // RFC 6749, 3.3. The gateway keeps nothing with which it could come back.
        let is_scope = |scope: &String| {
            (1..=MAX_SCOPE_BYTES).contains(&scope.len())
                && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
                && scope != "offline_access"
        };
        if self.scopes.len() > MAX_SCOPES || !self.scopes.iter().all(is_scope) {
            return Err(InvalidOptions(
                "scopes are at most ten words of at most 128 characters, and offline_access is none of them",
            ));
        }
        if !self.claims.chosen().all(|name| is_short(name) && !name.chars().any(char::is_control)) {
            return Err(InvalidOptions("the name of a claim has 1 to 256 characters and no control characters"));
        }
        Ok(())
    }

    /// What answers are held to.
    pub const fn strictness(&self) -> Strictness {
        match self.ipsie_level {
            None => Strictness::Core,
            Some(IpsieLevel::Sl1 | IpsieLevel::Sl2) => Strictness::Ipsie,
        }
    }

    /// What is asked for beside `openid`.
    pub fn scope(&self) -> String {
        std::iter::once(SCOPE).chain(self.scopes.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
    }

    /// What several factors are called at a provider of this product. `None` when nobody knows.
    pub fn several_factors(&self, preset: Preset) -> Option<ClassMap> {
        self.several_factors.clone().or_else(|| preset.several_factors())
    }

    /// What a provider of this product is asked for on behalf of an application that asks for `level`: a way of signing in, of
    /// which any one will do.
    pub fn asks_for(&self, preset: Preset, level: Option<Level>) -> AsksFor {
        let map = self.several_factors(preset).filter(|map| !map.asks_for(level).is_empty());
        match map {
            // Its `acr_values` asks for nothing; its contexts are asked for by a claim.
            Some(map) if preset == Preset::EntraId => {
                AsksFor { acr_values: self.acr_values.clone(), contexts: map.asks_for }
            }
            Some(map) => AsksFor { acr_values: map.asks_for, contexts: Vec::new() },
            None => AsksFor { acr_values: self.acr_values.clone(), contexts: Vec::new() },
        }
    }

    /// The classes of which an answer to that has to have one. None means any will do.
    pub fn accepted(&self, preset: Preset, level: Option<Level>) -> Vec<String> {
        ClassMap::accepted(self.several_factors(preset).as_ref(), &self.acr_values, level)
    }
}

/// Replaces what is demanded of an OpenID provider. Who is signed in stays so.
pub fn replace(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
    demanded: &OidcOptions,
) -> Result<Connection, ConnectionError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    demanded.check()?;
    if let Some(initiation) = &demanded.initiation {
        initiation.check(tx, organization)??;
    }
    let before = find_of(tx, op, organization, id)?;
    let mut connection = before.clone();
    match &mut connection.settings {
        Settings::Oidc { options, .. } => options.clone_from(demanded),
        Settings::Saml { .. } => return Err(ConnectionError::OtherProtocol),
    }
    store_edited(tx, op, &before, connection)
}

#[cfg(test)]
mod tests {
    use super::{AsksFor, OidcOptions};
    use crate::protocol::oidc::acr::Level;
    use crate::protocol::oidc::class_map::ClassMap;
    use crate::protocol::oidc::relying_party::claim_map::ClaimNames;
    use crate::protocol::oidc::relying_party::preset::Preset;

    #[test]
    fn options_that_cannot_be_meant_are_refused() {
        let contexts = |list: &[&str]| OidcOptions {
            acr_values: list.iter().map(|class| (*class).to_owned()).collect(),
            ..OidcOptions::default()
        };
        assert!(contexts(&["phr", "https://refeds.org/profile/mfa"]).check().is_ok());
        for bad in [contexts(&[""]), contexts(&["a b"]), contexts(&["x"; 11]), contexts(&[&"x".repeat(257)])] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
        let several = |met_by: &str| OidcOptions {
            several_factors: Some(ClassMap { asks_for: vec![], met_by: vec![met_by.to_owned()] }),
            ..OidcOptions::default()
        };
        assert!(several("mfa").check().is_ok() && several("a b").check().is_err());
        let scoped = |list: &[&str]| OidcOptions {
            scopes: list.iter().map(|scope| (*scope).to_owned()).collect(),
            ..OidcOptions::default()
        };
        assert_eq!(OidcOptions::default().scope(), "email profile");
        assert_eq!(
            scoped(&["groups", "https://acme.test/teams.read"]).scope(),
            "email profile groups https://acme.test/teams.read"
        );
        assert!(scoped(&["groups"]).check().is_ok());
        for bad in [scoped(&[""]), scoped(&["a b"]), scoped(&["x"; 11]), scoped(&["\""]), scoped(&["offline_access"])] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
        let named = |name: &str| OidcOptions {
            claims: ClaimNames { groups: Some(name.to_owned()), ..ClaimNames::default() },
            ..OidcOptions::default()
        };
        assert!(named("https://acme.test/teams").check().is_ok());
        for bad in [named(""), named("a\nb"), named(&"x".repeat(257))] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    /// Where an application asks for more, that takes the place of what the connection demands of everybody.
    #[test]
    fn the_provider_is_asked_for_what_the_application_asks_for_in_its_own_words() {
        const SEVERAL: Option<Level> = Some(Level::SeveralFactors);
        let words = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        let demanding = OidcOptions { acr_values: words("demanded"), ..OidcOptions::default() };
        let map = ClassMap { asks_for: words("c1"), met_by: words("c1 mfa") };
        let mapped = OidcOptions { several_factors: Some(map), ..demanding.clone() };
        let plain = OidcOptions::default();
        for (options, preset, level, acr_values, contexts, accepted) in [
            (&plain, Preset::Generic, SEVERAL, "", "", ""),
            (&plain, Preset::Google, SEVERAL, "", "", ""),
            (&plain, Preset::EntraId, SEVERAL, "", "", ""),
            (&plain, Preset::Okta, SEVERAL, "urn:okta:loa:2fa:any", "", ""),
            (&plain, Preset::Okta, None, "", "", ""),
            (&demanding, Preset::Generic, SEVERAL, "demanded", "", "demanded"),
            (&mapped, Preset::Generic, None, "demanded", "", "demanded"),
            (&mapped, Preset::Generic, SEVERAL, "c1", "", "demanded c1 c1 mfa"),
            (&mapped, Preset::Okta, SEVERAL, "c1", "", "demanded c1 c1 mfa"),
            (&mapped, Preset::EntraId, SEVERAL, "demanded", "c1", "demanded c1 c1 mfa"),
            (&mapped, Preset::EntraId, Some(Level::Password), "demanded", "", "demanded"),
        ] {
            let asked = AsksFor { acr_values: words(acr_values), contexts: words(contexts) };
            assert_eq!(options.asks_for(preset, level), asked, "{options:?} {preset:?} {level:?}");
            assert_eq!(options.accepted(preset, level), words(accepted), "{options:?} {preset:?} {level:?}");
        }
    }

    /// Rows that an older program wrote have fewer options or none.
    #[test]
    fn what_is_left_out_is_not_demanded() {
        assert_eq!(serde_json::from_str::<OidcOptions>("{}").unwrap(), OidcOptions::default());
    }
}
