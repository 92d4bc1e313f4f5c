//! Where a person signs in, from the address they type.
//!
//! The answer rests on the domain alone: no account is looked up, so no answer tells whether an address is known. A
//! claim covers exactly its own domain (decision Q12): the parent's claim says nothing about a sub-domain, and the
//! sub-domain's own claim is the most specific one. Rule E27: a verified domain with an active connection sends
//! everybody of that domain to the organization's identity provider. Several connections give a choice, in the order of
//! their priority; which groups a connection is for is asked after the identity provider has answered, because an answer
//! here that depended on groups would tell who is known and what they are.

use crate::directory::connection_route;
use crate::store::failure::StoreError;
use crate::store::{Tx, domains};
use crate::values::domain_name::DomainName;
use crate::values::email::EmailAddress;
use crate::values::ids::{ConnectionId, OrganizationId};

/// A verified claim of a domain, and the owner's active connections in the order in which they are offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedClaim {
    /// The domain.
    pub domain: DomainName,
    /// Who owns it.
    pub organization: OrganizationId,
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
        /// Two or more ways in.
        connections: Vec<ConnectionId>,
    },
    /// They prove themselves here, with credentials of their own ([`super::own_password`] decides).
    OwnPassword,
    /// There is no way in.
    NoWayIn {
        /// Who owns the domain, if anybody does: whom to ask.
        organization: Option<OrganizationId>,
    },
}

/// The route for `address`, from the claims that were loaded for it. Claims of other domains do not count.
pub fn route(address: &EmailAddress, claims: &[VerifiedClaim]) -> Route {
    let Some(claim) = claims.iter().find(|claim| claim.domain == *address.domain()) else {
        return Route::NoWayIn { organization: None };
    };
    let organization = claim.organization;
    match claim.connections.as_slice() {
        [] => Route::NoWayIn { organization: Some(organization) },
        [connection] => Route::Connection { organization, connection: *connection },
        connections => Route::Choose { organization, connections: connections.to_vec() },
    }
}

/// Loads what [`route`] needs for `address`, and asks it.
pub fn find_route(tx: &mut Tx<'_>, address: &EmailAddress) -> Result<Route, StoreError> {
    let mut claims = Vec::new();
    for (name, organization) in domains::owners(tx, &[address.domain().as_str().to_owned()])? {
        let domain = name.parse().map_err(|_| StoreError::Inconsistent("domains.name"))?;
        claims.push(VerifiedClaim { domain, organization, connections: connection_route::in_order(tx, organization)? });
    }
    Ok(route(address, &claims))
}

#[cfg(test)]
mod tests {
    use super::{Route, VerifiedClaim, route};
    use crate::values::ids::{ConnectionId, OrganizationId};

    const ACME: u8 = 1;
    const MAIL_TEAM: u8 = 2;

    fn organization(n: u8) -> OrganizationId {
        OrganizationId::from_bytes(&[n; 16]).unwrap()
    }

    fn connection(n: u8) -> ConnectionId {
        ConnectionId::from_bytes(&[n; 16]).unwrap()
    }

    fn claim(domain: &str, owner: u8, connections: &[u8]) -> VerifiedClaim {
        VerifiedClaim {
            domain: domain.parse().unwrap(),
            organization: organization(owner),
            connections: connections.iter().map(|n| connection(*n)).collect(),
        }
    }

    #[test]
    fn the_domain_of_the_address_decides() {
        let one = |owner, n| Route::Connection { organization: organization(owner), connection: connection(n) };
        let none = |owner: Option<u8>| Route::NoWayIn { organization: owner.map(organization) };
        let acme = || claim("acme.test", ACME, &[1]);
        let mail = || claim("mail.acme.test", MAIL_TEAM, &[2]);
        let cases = [
            ("one way in", "ada@acme.test", vec![acme()], one(ACME, 1)),
            ("letter case does not count", "Ada@ACME.test", vec![acme()], one(ACME, 1)),
            ("nobody owns the domain", "ada@other.test", vec![acme()], none(None)),
            ("no claim at all", "ada@acme.test", vec![], none(None)),
            ("owned, but no way in", "ada@acme.test", vec![claim("acme.test", ACME, &[])], none(Some(ACME))),
            ("the parent's claim does not reach down (Q12)", "ada@mail.acme.test", vec![acme()], none(None)),
            ("the most specific claim wins", "ada@mail.acme.test", vec![acme(), mail()], one(MAIL_TEAM, 2)),
            ("a sub-domain's claim does not reach up", "ada@acme.test", vec![mail(), acme()], one(ACME, 1)),
            ("domains are compared by label", "ada@evilacme.test", vec![acme()], none(None)),
        ];
        for (name, address, claims, expected) in cases {
            assert_eq!(route(&address.parse().unwrap(), &claims), expected, "{name}");
        }
    }

    #[test]
    fn several_ways_in_are_offered_in_their_order() {
        let claims = [claim("acme.test", ACME, &[3, 1, 2])];
        let connections = vec![connection(3), connection(1), connection(2)];
        let expected = Route::Choose { organization: organization(ACME), connections };
        assert_eq!(route(&"ada@acme.test".parse().unwrap(), &claims), expected);
    }

    #[test]
    fn all_addresses_of_a_domain_get_the_same_answer() {
        let claims = [claim("acme.test", ACME, &[1])];
        let answer = |local: &str| route(&format!("{local}@acme.test").parse().unwrap(), &claims);
        assert_eq!(answer("known"), answer("unknown"));
    }
}
