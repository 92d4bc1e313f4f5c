//! Where a person signs in, from the address they type.
//!
//! The answer rests on the domain alone: no account is looked up, so no answer tells whether an address is known. A
//! claim covers exactly its own domain (decision Q12): the parent's claim says nothing about a sub-domain, and the
//! sub-domain's own claim is the most specific one. The policy of the domain and its owner's active connections decide
//! (decision 0030): where single sign-on is required the identity providers are the only ways (rule E27), and where it is not,
//! the own password is another one; it has a page of its own where the domain leads straight to the only identity provider.
//! Several ways give a choice, the connections in the order of their priority; which groups a connection is for, or is tested
//! for, is asked after somebody has proved who they are, because an answer here that depended on groups would tell who is known
//! and what they are.

use crate::directory::connection_route;
use crate::directory::sso_policy::{self, SsoPolicy};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::domain_name::DomainName;
use crate::values::email::EmailAddress;
use crate::values::ids::{ConnectionId, OrganizationId};

/// A verified claim of a domain, its policy, and the owner's active connections in the order in which they are offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedClaim {
    /// The domain.
    pub domain: DomainName,
    /// Who owns it.
    pub organization: OrganizationId,
    /// How its people sign in.
    pub policy: SsoPolicy,
    /// The ways in.
    pub connections: Vec<ConnectionId>,
}

/// Where to send a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To the only way in.
    Connection {
        /// Who owns the domain.
        organization: OrganizationId,
        /// The way in.
        connection: ConnectionId,
    },
    /// The person chooses.
    Choose {
        /// Who owns the domain.
        organization: OrganizationId,
        /// One or more ways in.
        connections: Vec<ConnectionId>,
        /// Their own password is offered after them.
        has_own_password: bool,
    },
    /// They prove themselves here, with credentials of their own. Whether those are good is decided once they are right
    /// ([`super::own_password`]).
    OwnPassword,
    /// There is no way in: single sign-on is required, and no connection is active.
    NoWayIn {
        /// Who owns the domain: whom to ask.
        organization: OrganizationId,
    },
}

/// The route for `address`, from the claims that were loaded for it. Claims of other domains do not count.
pub fn route(address: &EmailAddress, claims: &[VerifiedClaim]) -> Route {
    let Some(claim) = claims.iter().find(|claim| claim.domain == *address.domain()) else {
        return Route::OwnPassword;
    };
    let organization = claim.organization;
    let connections = || claim.connections.clone();
    match (claim.policy, claim.connections.as_slice()) {
        (SsoPolicy::Required, []) => Route::NoWayIn { organization },
        (SsoPolicy::Off | SsoPolicy::Optional | SsoPolicy::Test { .. }, []) => Route::OwnPassword,
        (SsoPolicy::Off | SsoPolicy::Required, [only]) => Route::Connection { organization, connection: *only },
        (SsoPolicy::Required, _) => Route::Choose { organization, connections: connections(), has_own_password: false },
        (SsoPolicy::Off | SsoPolicy::Optional | SsoPolicy::Test { .. }, _) => {
            Route::Choose { organization, connections: connections(), has_own_password: true }
        }
    }
}

/// Loads what [`route`] needs for `address`, and asks it.
pub fn find_route(tx: &mut Tx<'_>, address: &EmailAddress) -> Result<Route, StoreError> {
    let claim = match sso_policy::of_name(tx, address.domain())? {
        Some((organization, policy)) => Some(VerifiedClaim {
            domain: address.domain().clone(),
            organization,
            policy,
            connections: connection_route::in_order(tx, organization)?,
        }),
        None => None,
    };
    Ok(route(address, claim.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::{Route, VerifiedClaim, route};
    use crate::directory::sso_policy::SsoPolicy::{self, Off, Optional, Required};
    use crate::values::ids::{ConnectionId, OrganizationId, ResourceId};

    const ACME: u8 = 1;
    const MAIL_TEAM: u8 = 2;

    fn organization(n: u8) -> OrganizationId {
        OrganizationId::from_bytes(&[n; 16]).unwrap()
    }

    fn connection(n: u8) -> ConnectionId {
        ConnectionId::from_bytes(&[n; 16]).unwrap()
    }

    fn test() -> SsoPolicy {
        SsoPolicy::Test { group: ResourceId::from_bytes(&[7; 16]).unwrap() }
    }

    fn claim(domain: &str, owner: u8, connections: &[u8]) -> VerifiedClaim {
        VerifiedClaim {
            domain: domain.parse().unwrap(),
            organization: organization(owner),
            policy: Off,
            connections: connections.iter().map(|n| connection(*n)).collect(),
        }
    }

    #[test]
    fn the_domain_of_the_address_decides() {
        let one = |owner, n| Route::Connection { organization: organization(owner), connection: connection(n) };
        let own = || Route::OwnPassword;
        let acme = || claim("acme.test", ACME, &[1]);
        let mail = || claim("mail.acme.test", MAIL_TEAM, &[2]);
        let cases = [
            ("one way in", "ada@acme.test", vec![acme()], one(ACME, 1)),
            ("letter case does not count", "Ada@ACME.test", vec![acme()], one(ACME, 1)),
            ("nobody owns the domain", "ada@other.test", vec![acme()], own()),
            ("no claim at all", "ada@acme.test", vec![], own()),
            ("the parent's claim does not reach down (Q12)", "ada@mail.acme.test", vec![acme()], own()),
            ("the most specific claim wins", "ada@mail.acme.test", vec![acme(), mail()], one(MAIL_TEAM, 2)),
            ("a sub-domain's claim does not reach up", "ada@acme.test", vec![mail(), acme()], one(ACME, 1)),
            ("domains are compared by label", "ada@evilacme.test", vec![acme()], own()),
        ];
        for (name, address, claims, expected) in cases {
            assert_eq!(route(&address.parse().unwrap(), &claims), expected, "{name}");
        }
    }

    /// Rules E18, E27 and E28: the policy says whether the own password is among the ways, and the connections which others are.
    #[test]
    fn e18_e28_the_policy_and_the_active_connections_decide_what_is_offered() {
        let organization = organization(ACME);
        let (own, no_way) = (|| Route::OwnPassword, || Route::NoWayIn { organization });
        let only = || Route::Connection { organization, connection: connection(1) };
        let choose = |order: &[u8], has_own_password| Route::Choose {
            organization,
            connections: order.iter().map(|n| connection(*n)).collect(),
            has_own_password,
        };
        let cases = [
            (Off, [own(), only(), choose(&[3, 1, 2], true)]),
            (Optional, [own(), choose(&[1], true), choose(&[3, 1, 2], true)]),
            (test(), [own(), choose(&[1], true), choose(&[3, 1, 2], true)]),
            (Required, [no_way(), only(), choose(&[3, 1, 2], false)]),
        ];
        for (policy, expected) in cases {
            for (connections, expected) in [&[] as &[u8], &[1], &[3, 1, 2]].into_iter().zip(expected) {
                let claims = [VerifiedClaim { policy, ..claim("acme.test", ACME, connections) }];
                assert_eq!(route(&"ada@acme.test".parse().unwrap(), &claims), expected, "{policy:?} {connections:?}");
            }
        }
    }

    #[test]
    fn all_addresses_of_a_domain_get_the_same_answer() {
        for policy in [Off, Optional, test(), Required] {
            let claims = [VerifiedClaim { policy, ..claim("acme.test", ACME, &[1]) }];
            let answer = |local: &str| route(&format!("{local}@acme.test").parse().unwrap(), &claims);
            assert_eq!(answer("known"), answer("unknown"), "{policy:?}");
        }
    }
}
