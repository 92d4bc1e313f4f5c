use super::Verdict::{BreakGlass, IdentityProvider, IdentityProviderFirst, Nothing, OwnFirst};
use super::domain::DomainFacts;
use super::local::LocalCredentials;
use super::{Facts, Verdict, verdict};
use crate::directory::sso_policy::SsoPolicy::{self, Off, Optional, Required};
use crate::values::ids::{OrganizationId, ResourceId};

const NONE: LocalCredentials = LocalCredentials { has_password: false, has_mfa: false };
const PASSWORD: LocalCredentials = LocalCredentials { has_password: true, has_mfa: false };
const BOTH: LocalCredentials = LocalCredentials { has_password: true, has_mfa: true };
const MFA_ONLY: LocalCredentials = LocalCredentials { has_password: false, has_mfa: true };

fn test() -> SsoPolicy {
    SsoPolicy::Test { group: ResourceId::from_bytes(&[1; 16]).unwrap() }
}

fn domain(policy: SsoPolicy) -> DomainFacts {
    let owner = OrganizationId::from_bytes(&[2; 16]).unwrap();
    DomainFacts { owner, policy, is_in_test_group: false, is_break_glass: false }
}

fn facts(policy: SsoPolicy, local: LocalCredentials) -> Facts {
    Facts { domain: Some(domain(policy)), is_active: true, has_signed_in_by_connection: false, local }
}

fn of_nobody(local: LocalCredentials) -> Facts {
    Facts { domain: None, ..facts(Off, local) }
}

fn tested(facts: Facts) -> Facts {
    Facts { domain: facts.domain.map(|domain| DomainFacts { is_in_test_group: true, ..domain }), ..facts }
}

fn known(facts: Facts) -> Facts {
    Facts { has_signed_in_by_connection: true, ..facts }
}

fn break_glass(facts: Facts) -> Facts {
    Facts { domain: facts.domain.map(|domain| DomainFacts { is_break_glass: true, ..domain }), ..facts }
}

#[test]
fn each_combination_of_facts_has_one_verdict() {
    let cases = [
        ("E28: off, and a password works", facts(Off, PASSWORD), OwnFirst),
        ("E28: off, also for whom a connection knows", known(facts(Off, PASSWORD)), OwnFirst),
        ("a domain of nobody", of_nobody(PASSWORD), OwnFirst),
        ("a domain of nobody, without a password", of_nobody(NONE), IdentityProvider),
        ("off, without a password", facts(Off, NONE), IdentityProvider),
        ("off, and a second factor alone is no way in", facts(Off, MFA_ONLY), IdentityProvider),
        ("off, in a group of an earlier test", tested(facts(Off, PASSWORD)), OwnFirst),
        ("E18: the way of signing in stays until the first by a connection", facts(Optional, PASSWORD), OwnFirst),
        ("E18: and changes with it", known(facts(Optional, PASSWORD)), IdentityProviderFirst),
        ("optional, without a password", facts(Optional, NONE), IdentityProvider),
        ("optional asks nothing of break-glass", break_glass(facts(Optional, BOTH)), OwnFirst),
        ("the group that is tested", tested(facts(test(), BOTH)), IdentityProvider),
        ("the group that is tested, known", tested(known(facts(test(), PASSWORD))), IdentityProvider),
        ("everybody else while a group is tested", facts(test(), PASSWORD), OwnFirst),
        ("everybody else, known", known(facts(test(), PASSWORD)), IdentityProviderFirst),
        ("break-glass in the group", break_glass(tested(facts(test(), BOTH))), BreakGlass),
        ("E27: everybody", facts(Required, PASSWORD), IdentityProvider),
        ("E27: with a second factor as well", facts(Required, BOTH), IdentityProvider),
        ("E27: known", known(facts(Required, BOTH)), IdentityProvider),
        ("Q18: break-glass with a second factor", break_glass(facts(Required, BOTH)), BreakGlass),
        ("Q18: break-glass without one", break_glass(facts(Required, PASSWORD)), IdentityProvider),
        ("Q18: break-glass without a password", break_glass(facts(Required, MFA_ONLY)), IdentityProvider),
        ("Q18: break-glass without anything", break_glass(facts(Required, NONE)), IdentityProvider),
        ("IPSIE: break-glass dies with the account", inactive(break_glass(facts(Required, BOTH))), Nothing),
        ("inactive, off", inactive(facts(Off, PASSWORD)), Nothing),
        ("inactive, optional", inactive(known(facts(Optional, BOTH))), Nothing),
    ];
    for (case, facts, expected) in cases {
        assert_eq!(verdict(&facts), expected, "{case}");
    }
}

fn inactive(facts: Facts) -> Facts {
    Facts { is_active: false, ..facts }
}

/// Invariant of enforcement: whatever else is so, nobody whose domain requires it gets in by a password alone.
#[test]
fn e27_no_password_without_a_second_factor_and_a_place_on_the_list_gets_through_a_requirement() {
    let flags = [false, true];
    for (is_in_test_group, is_active) in flags.into_iter().flat_map(|one| flags.map(|other| (one, other))) {
        for (is_break_glass, known) in flags.into_iter().flat_map(|one| flags.map(|other| (one, other))) {
            for local in [NONE, PASSWORD, BOTH, MFA_ONLY] {
                let domain = Some(DomainFacts { is_in_test_group, is_break_glass, ..domain(Required) });
                let facts = Facts { domain, is_active, has_signed_in_by_connection: known, local };
                let may = is_active && is_break_glass && local == BOTH;
                assert_eq!(verdict(&facts) == BreakGlass, may, "{facts:?}");
                assert!(may || matches!(verdict(&facts), Nothing | IdentityProvider), "{facts:?}");
            }
        }
    }
}

/// What the API and traces say.
#[test]
fn each_verdict_has_its_name() {
    let names = [Nothing, IdentityProvider, IdentityProviderFirst, OwnFirst, BreakGlass].map(Verdict::as_str);
    assert_eq!(names, ["nothing", "identity_provider", "identity_provider_first", "own_first", "break_glass"]);
}
