//! Whether an account's own credentials are good (rules E18 and E28, decision 0030): what the policy of each domain says in which it
//! has an address. Each has to allow it, or the other addresses would be a way around the identity provider. Connections are no
//! part of it: one that is switched off or broken opens nothing, and one that is set up takes nothing away.

use crate::access::enforcement::domain::{self, DomainFacts};
use crate::directory::accounts::Account;
use crate::directory::accounts::state::AccountState;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::domain_name::DomainName;
use crate::values::ids::OrganizationId;

/// On what ground an account may have a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// No domain asks it for single sign-on.
    Open,
    /// It is on the break-glass list of every organization that asks it for single sign-on.
    Listed {
        /// One of them.
        asked_by: OrganizationId,
    },
    /// On none: single sign-on is asked of it.
    SingleSignOn {
        /// By this organization.
        asked_by: OrganizationId,
    },
    /// On none: it is not active.
    Inactive,
}

/// The ground of an account in this state, from how it stands to each domain in which it has an address.
pub fn ground(state: AccountState, domains: &[DomainFacts]) -> Ground {
    if state != AccountState::Active {
        return Ground::Inactive;
    }
    let mut ground = Ground::Open;
    for domain in domains.iter().filter(|domain| domain.asks_for_single_sign_on()) {
        if !domain.is_break_glass {
            return Ground::SingleSignOn { asked_by: domain.owner };
        }
        ground = Ground::Listed { asked_by: domain.owner };
    }
    ground
}

/// Loads what [`ground`] needs for an account, and asks it.
pub fn find(tx: &mut Tx<'_>, account: &Account) -> Result<Ground, StoreError> {
    let mut names: Vec<&DomainName> = account.profile.addresses.iter().map(|address| address.domain()).collect();
    names.sort_by_key(|name| name.as_str());
    names.dedup();
    let mut domains = Vec::new();
    for name in names {
        domains.extend(domain::find(tx, account.id, name)?);
    }
    Ok(ground(account.state, &domains))
}

/// True when an account may have a password.
pub fn may_have_password(tx: &mut Tx<'_>, account: &Account) -> Result<bool, StoreError> {
    Ok(match find(tx, account)? {
        Ground::Open | Ground::Listed { .. } => true,
        Ground::SingleSignOn { .. } | Ground::Inactive => false,
    })
}

#[cfg(test)]
mod tests {
    use super::{Ground, ground};
    use crate::access::enforcement::domain::DomainFacts;
    use crate::directory::accounts::state::AccountState::{Active, Closed, Inactive};
    use crate::directory::sso_policy::SsoPolicy::{self, Off, Optional, Required};
    use crate::values::ids::{OrganizationId, ResourceId};

    const ACME: u8 = 1;
    const GLOBEX: u8 = 2;

    fn organization(n: u8) -> OrganizationId {
        OrganizationId::from_bytes(&[n; 16]).unwrap()
    }

    fn test() -> SsoPolicy {
        SsoPolicy::Test { group: ResourceId::from_bytes(&[7; 16]).unwrap() }
    }

    fn of(owner: u8, policy: SsoPolicy) -> DomainFacts {
        DomainFacts { owner: organization(owner), policy, is_in_test_group: false, is_break_glass: false }
    }

    fn tested(facts: DomainFacts) -> DomainFacts {
        DomainFacts { is_in_test_group: true, ..facts }
    }

    fn listed(facts: DomainFacts) -> DomainFacts {
        DomainFacts { is_break_glass: true, ..facts }
    }

    #[test]
    fn e18_e28_every_domain_of_an_account_has_to_allow_its_own_credentials() {
        let none = |owner| Ground::SingleSignOn { asked_by: organization(owner) };
        let list = |owner| Ground::Listed { asked_by: organization(owner) };
        let (acme, globex) = (|policy| of(ACME, policy), |policy| of(GLOBEX, policy));
        let cases = [
            ("addresses of nobody's domains", vec![], Ground::Open),
            ("E28: off", vec![acme(Off)], Ground::Open),
            ("E18: optional", vec![acme(Optional)], Ground::Open),
            ("tested, and in the group", vec![tested(acme(test()))], none(ACME)),
            ("tested, and not in the group", vec![acme(test())], Ground::Open),
            ("in a group that was tested once", vec![tested(acme(Optional))], Ground::Open),
            ("E27: required", vec![acme(Required)], none(ACME)),
            ("Q18: required, and on the list", vec![listed(acme(Required))], list(ACME)),
            ("Q18: tested, and on the list", vec![listed(tested(acme(test())))], list(ACME)),
            ("on the list, and nothing is asked", vec![listed(acme(Off))], Ground::Open),
            ("two that ask nothing", vec![acme(Off), globex(Optional)], Ground::Open),
            ("one of two asks", vec![acme(Off), globex(Required)], none(GLOBEX)),
            ("one of two asks, the other way round", vec![globex(Required), acme(Off)], none(GLOBEX)),
            ("on the list of the one that asks", vec![acme(Off), listed(globex(Required))], list(GLOBEX)),
            ("on the list of one of two that ask", vec![listed(acme(Required)), globex(Required)], none(GLOBEX)),
            ("on the list of the other one", vec![acme(Required), listed(globex(Off))], none(ACME)),
            ("on the lists of both", vec![listed(acme(Required)), listed(globex(Required))], list(GLOBEX)),
        ];
        for (case, domains, expected) in cases {
            assert_eq!(ground(Active, &domains), expected, "{case}");
            for state in [Inactive, Closed] {
                assert_eq!(ground(state, &domains), Ground::Inactive, "{case}");
            }
        }
    }
}
