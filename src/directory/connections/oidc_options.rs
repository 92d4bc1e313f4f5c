//! What an organization demands of its OpenID provider beyond what is always demanded, and how it reads what comes.

use serde::{Deserialize, Serialize};

use super::initiation::Initiation;
use super::saml_options::InvalidOptions;
use super::{Connection, ConnectionError, Settings, find_of, store};
use crate::directory::permission::{self, Permission};
use crate::protocol::oidc::relying_party::claim_map::ClaimNames;
use crate::record::audit::Action;
use crate::store::Tx;
use crate::values::ids::{ConnectionId, OrganizationId};
use crate::values::operation::Operation;

/// More classes than anybody asks for.
const MAX_CONTEXTS: usize = 10;
/// The longest class, and the longest name of a claim.
const MAX_NAME_CHARACTERS: usize = 256;

/// The options of one OpenID connection. Those of a new one demand nothing more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OidcOptions {
    /// Everybody proves themselves anew at each sign-in.
    pub forces_authentication: bool,
    /// How people have to prove themselves: any of these classes. None means any way will do.
    pub acr_values: Vec<String>,
    /// Names of claims that this organization has chosen.
    pub claims: ClaimNames,
    /// Where people are led whom the provider sends to sign in; none when it is to send nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiation: Option<Initiation>,
}

impl OidcOptions {
    /// Whether they can be meant.
    pub fn check(&self) -> Result<(), InvalidOptions> {
        let is_short = |name: &String| (1..=MAX_NAME_CHARACTERS).contains(&name.chars().count());
        let is_class = |class: &String| is_short(class) && class.bytes().all(|byte| byte.is_ascii_graphic());
        if self.acr_values.len() > MAX_CONTEXTS || !self.acr_values.iter().all(is_class) {
            return Err(InvalidOptions("acr_values are at most ten classes of at most 256 characters without spaces"));
        }
        if !self.claims.chosen().all(|name| is_short(name) && !name.chars().any(char::is_control)) {
            return Err(InvalidOptions("the name of a claim has 1 to 256 characters and no control characters"));
        }
        Ok(())
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
    let mut connection = find_of(tx, op, organization, id)?;
    match &mut connection.settings {
        Settings::Oidc { options, .. } => options.clone_from(demanded),
        Settings::Saml { .. } => return Err(ConnectionError::OtherProtocol),
    }
    store(tx, op, connection, Action::ConnectionUpdated)
}

#[cfg(test)]
mod tests {
    use super::OidcOptions;
    use crate::protocol::oidc::relying_party::claim_map::ClaimNames;

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
        let named = |name: &str| OidcOptions {
            claims: ClaimNames { groups: Some(name.to_owned()), ..ClaimNames::default() },
            ..OidcOptions::default()
        };
        assert!(named("https://acme.test/teams").check().is_ok());
        for bad in [named(""), named("a\nb"), named(&"x".repeat(257))] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    /// Rows that an older program wrote have fewer options or none.
    #[test]
    fn what_is_left_out_is_not_demanded() {
        assert_eq!(serde_json::from_str::<OidcOptions>("{}").unwrap(), OidcOptions::default());
    }
}
