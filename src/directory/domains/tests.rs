//! What a domain that is at risk, or has lapsed, still does and no longer does (decision Q15), across the rings.

use serde_json::json;

use super::claim;
use super::proof::{Answer, record_value};
use crate::access::attempts::refusal::Refusal;
use crate::access::enforcement::readiness::Thresholds;
use crate::access::enforcement::{self, preflight};
use crate::access::identity::AssertedIdentity;
use crate::access::own_password::ground::{self, Ground};
use crate::access::realm::{self, Route};
use crate::access::testing::{LINKING, World, world};
use crate::directory::accounts::state::AccountState;
use crate::directory::accounts::{self, joining, mailbox};
use crate::directory::connection_policy::{self, ConnectionPolicy, LinkingRule};
use crate::directory::memberships::{self, InviteState, MembershipStatus};
use crate::directory::organizations::{self, NewOrganization};
use crate::directory::profile::Profile;
use crate::directory::sso_policy::SsoPolicy;
use crate::store::domains::{self, Owned};
use crate::store::failure::StoreError;
use crate::store::resources::{self, ResourceKind};
use crate::store::{Tx, accounts as account_rows, arrivals, jobs, memberships as membership_rows};
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, OrganizationId, ResourceId};
use crate::values::operation::{Operation, Role};
use crate::values::quota::Quota;

fn said(world: &World, subject: &str, address: &str) -> AssertedIdentity {
    AssertedIdentity { subject: subject.to_owned(), email: Some(address.parse().unwrap()), ..world.asserted() }
}

async fn set(world: &World, policy: ConnectionPolicy) {
    let (op, organization, connection) = (world.operator(), world.organization, world.connection);
    let set = world.store().write(move |tx| connection_policy::set(tx, &op, organization, connection, policy));
    set.await.unwrap();
}

/// Every rule by which a connection brings somebody new.
const BRINGING: [ConnectionPolicy; 3] = [
    ConnectionPolicy { provisions: true, ..LINKING },
    ConnectionPolicy { provisions: true, linking: LinkingRule::Never, default_role: Role::Member },
    ConnectionPolicy { provisions: false, linking: LinkingRule::Ask, default_role: Role::Member },
];

#[tokio::test]
async fn q15_a_lapsed_domain_brings_nobody_new_and_whoever_is_known_still_signs_in() {
    for world in world().await {
        let engine = world.engine();
        assert_eq!(world.sign_in(world.asserted()).await, Ok(world.ada), "{engine}");
        world.look_up_again(Answer::Absent).await;
        set(&world, BRINGING[0]).await;
        let bea = world.sign_in(said(&world, "00u-bea", "bea@acme.test")).await;
        assert!(bea.is_ok(), "{engine}: a domain at risk works: {bea:?}");
        world.lapse().await;
        for policy in BRINGING {
            set(&world, policy).await;
            for address in ["new@acme.test", "owner@acme.test"] {
                let refused = world.sign_in(said(&world, "00u-new", address)).await;
                assert_eq!(refused, Err(Refusal::DomainLapsed), "{engine}: {address} {policy:?}");
            }
            assert_eq!(world.sign_in(world.asserted()).await, Ok(world.ada), "{engine}: {policy:?}");
            assert_eq!(world.sign_in(said(&world, "00u-bea", "bea@acme.test")).await, bea, "{engine}: {policy:?}");
        }
        assert!(world.entries("identity.link_asked").await.is_empty(), "{engine}");
        world.look_up_again(Answer::Records(vec![record_value("")])).await;
        set(&world, BRINGING[0]).await;
        assert!(world.sign_in(said(&world, "00u-new", "new@acme.test")).await.is_ok(), "{engine}: and again");
    }
}

/// Invite state, whether they may sign in, and what the directory is shown.
async fn standing(world: &World, user: ResourceId) -> (InviteState, AccountState, Option<bool>) {
    let acme = world.organization;
    let found = world.store().read(move |tx| {
        let row = resources::find(tx, acme, ResourceKind::User, user)?.unwrap();
        let account = row.account_id.unwrap();
        let invite_state = memberships::find(tx, account, acme)?.unwrap().invite_state;
        Ok::<_, StoreError>((invite_state, accounts::find(tx, account)?.unwrap().state, row.active))
    });
    found.await.unwrap()
}

#[tokio::test]
async fn e29_a_directory_adds_people_of_a_domain_at_risk_ready_to_use_and_those_of_a_lapsed_one_by_mail() {
    const IN: (InviteState, AccountState, Option<bool>) = (InviteState::Joined, AccountState::Active, Some(true));
    const ASKED: (InviteState, AccountState, Option<bool>) =
        (InviteState::NotJoined, AccountState::PendingVerification, Some(false));
    for world in world().await {
        let engine = world.engine();
        world.look_up_again(Answer::Absent).await;
        let before = world.push_user("before@acme.test").await;
        assert_eq!(standing(&world, before).await, IN, "{engine}");
        world.lapse().await;
        assert_eq!(standing(&world, before).await, IN, "{engine}: what was there goes on");
        let after = world.push_user("after@acme.test").await;
        assert_eq!(standing(&world, after).await, ASKED, "{engine}");
        let mails = async || world.store().read(|tx| jobs::payloads(tx, "send_activation")).await.unwrap().len();
        assert_eq!(mails().await, 1, "{engine}");
        let (op, acme) = (world.operator(), world.organization);
        let joined = world.store().write(move |tx| {
            let account = resources::find(tx, acme, ResourceKind::User, after)?.unwrap().account_id.unwrap();
            let address: EmailAddress = "third@acme.test".parse().unwrap();
            let arriving = memberships::on_arrival(tx, acme, Some(&address))?;
            Ok::<_, StoreError>((joining::join_if_trusted(tx, &op, acme, account).unwrap(), arriving))
        });
        assert_eq!(joined.await.unwrap(), (false, InviteState::NotInvited), "{engine}");
        world.look_up_again(Answer::Records(vec![record_value("")])).await;
        let third = world.push_user("third@acme.test").await;
        assert_eq!(standing(&world, third).await, IN, "{engine}");
    }
}

#[tokio::test]
async fn e27_what_a_lapsed_domain_requires_of_its_people_stays_required() {
    for world in world().await {
        let engine = world.engine();
        world.set_policy(SsoPolicy::Required).await;
        world.lapse().await;
        let (ada, acme, op) = (world.ada, world.organization, world.operator());
        let looked = world.store().read(move |tx| {
            let account = accounts::find(tx, ada)?.unwrap();
            let ground = ground::find(tx, &account)?;
            let route = realm::find_route(tx, &"ada@acme.test".parse().unwrap())?;
            let policy = enforcement::load(tx, ada)?.unwrap().policy();
            let (_, id) = domains::owner_of(tx, "acme.test", Owned::OrLapsed)?.unwrap();
            let thresholds = Thresholds { corporate: 75, education: 40 };
            let report = preflight::report(tx, &op, acme, id, thresholds).unwrap();
            Ok::<_, StoreError>((ground, route, policy, report.checks.is_domain_verified))
        });
        let (ground, route, policy, is_verified) = looked.await.unwrap();
        assert_eq!(ground, Ground::SingleSignOn { asked_by: acme }, "{engine}: no password opens anything");
        assert!(matches!(route, Route::Choose { organization, .. } if organization == acme), "{engine}: {route:?}");
        assert_eq!((policy, is_verified), (SsoPolicy::Required, false), "{engine}");
    }
}

#[tokio::test]
async fn a_policy_is_made_no_stricter_on_a_lapsed_domain_and_can_always_go_back() {
    for world in world().await {
        let engine = world.engine();
        let (acme, thresholds) = (world.organization, Thresholds { corporate: 75, education: 40 });
        let change = async |policy| {
            let op = world.operator();
            let write = world.store().write(move |tx| {
                let (_, id) = domains::owner_of(tx, "acme.test", Owned::OrLapsed)?.unwrap();
                preflight::change(tx, &op, acme, id, (policy, None), thresholds)
            });
            write.await.map(|report| report.policy).map_err(|error| error.to_string())
        };
        world.look_up_again(Answer::Absent).await;
        assert_eq!(change(SsoPolicy::Optional).await, Ok(SsoPolicy::Optional), "{engine}: at risk");
        world.lapse().await;
        assert_eq!(change(SsoPolicy::Off).await, Ok(SsoPolicy::Off), "{engine}");
        assert_eq!(change(SsoPolicy::Optional).await, Err("missing: domain_verified".to_owned()), "{engine}");
    }
}

/// A session and a grant of somebody whose primary address lies in a domain that asks for single sign-on are asked again at each
/// use, by one condition within their query.
#[tokio::test]
async fn a_session_of_ones_own_credentials_stays_in_question_where_the_domain_has_lapsed() {
    for world in world().await {
        world.set_policy(SsoPolicy::Required).await;
        world.lapse().await;
        let (ada, acme) = (world.ada, world.organization);
        let found = world.store().read(move |tx| membership_rows::find_with_policy(tx, ada, acme)).await.unwrap();
        assert!(found.is_some_and(|(_, is_asked)| is_asked), "{}", world.engine());
    }
}

fn another(tx: &mut Tx<'_>, op: &Operation) -> OrganizationId {
    let new = NewOrganization {
        slug: "globex".parse().unwrap(),
        name: "Globex".to_owned(),
        support_name: None,
        support_email: None,
        owner: "owner@globex.test".parse().unwrap(),
    };
    organizations::create(tx, op, &new).unwrap().0.id
}

#[tokio::test]
async fn the_addresses_of_a_lapsed_domain_are_for_nobody_else_without_a_proof() {
    for world in world().await {
        world.lapse().await;
        let (op, acme) = (world.operator(), world.organization);
        let done = world.store().write(move |tx| {
            let globex = another(tx, &op);
            let address: EmailAddress = "mallory@acme.test".parse().unwrap();
            let known = |tx: &mut Tx<'_>, organization| arrivals::find(tx, organization, None, Some(&address)).unwrap();
            let (theirs, ours) = (known(tx, globex), known(tx, acme));
            assert!(theirs.is_outside && !theirs.is_own_domain, "{theirs:?}");
            assert!(!ours.is_outside && !ours.is_own_domain, "{ours:?}");
            let profile = Profile { addresses: vec![address.clone()], ..Profile::default() };
            let mallory = accounts::create(tx, &op, globex, &profile, Role::Member)?;
            let taken = mailbox::verify(tx, &op, mallory, &address, Some(globex));
            assert!(matches!(taken, Err(mailbox::MailboxError::Taken)), "{taken:?}");
            let own: EmailAddress = "own@acme.test".parse().unwrap();
            let profile = Profile { addresses: vec![own.clone()], ..Profile::default() };
            let member = accounts::provision(tx, &op, acme, &profile, MembershipStatus::Active)?.account;
            mailbox::verify(tx, &op, member, &own, Some(acme)).unwrap();
            Ok::<_, StoreError>(())
        });
        done.await.unwrap();
    }
}

async fn is_verified(world: &World, account: AccountId) -> bool {
    let found = world.store().read(move |tx| accounts::find(tx, account)).await.unwrap().unwrap();
    found.address_verified_at.is_some()
}

#[tokio::test]
async fn an_address_in_a_lapsed_domain_keeps_what_it_has_and_gains_nothing() {
    for world in world().await {
        let engine = world.engine();
        world.sign_in(world.asserted()).await.unwrap();
        world.lapse().await;
        assert!(is_verified(&world, world.ada).await, "{engine}");
        let unverify = world.store().write(|tx| account_rows::unverify_domain(tx, "acme.test", None));
        unverify.await.unwrap();
        world.sign_in(world.asserted()).await.unwrap();
        assert!(!is_verified(&world, world.ada).await, "{engine}: the organization does not answer for it now");
        world.look_up_again(Answer::Records(vec![record_value("")])).await;
        world.sign_in(world.asserted()).await.unwrap();
        assert!(is_verified(&world, world.ada).await, "{engine}");
    }
}

/// Decision Q16: with the domain that somebody else has proved goes nothing of the people who were there.
#[tokio::test]
async fn q16_whoever_proves_a_lapsed_domain_gets_none_of_its_people() {
    for world in world().await {
        let engine = world.engine();
        world.sign_in(world.asserted()).await.unwrap();
        world.lapse().await;
        let op = world.operator();
        let proved = world.store().write(move |tx| {
            let globex = another(tx, &op);
            let domain = claim::create(tx, &op, globex, &"acme.test".parse().unwrap(), &Quota::default()).unwrap();
            let answer = Answer::Records(vec![record_value(&domain.challenge)]);
            claim::finish_check(tx, &op, globex, domain.id, &answer).unwrap();
            let profile = Profile { addresses: vec!["ada@acme.test".parse().unwrap()], ..Profile::default() };
            let theirs = accounts::provision(tx, &op, globex, &profile, MembershipStatus::Active)?;
            Ok::<_, StoreError>((globex, theirs.account, theirs.may_sign_in))
        });
        let (globex, theirs, may_sign_in) = proved.await.unwrap();
        assert!(theirs != world.ada && may_sign_in, "{engine}");
        assert!(!is_verified(&world, world.ada).await, "{engine}");
        assert_eq!(world.entries("addresses.unverified").await, [json!({ "domain": "acme.test" })], "{engine}");
        let refused = world.sign_in(world.asserted()).await;
        assert_eq!(refused, Err(Refusal::ForeignAddress), "{engine}: as if it had been given back");
        let route = world.store().read(|tx| realm::find_route(tx, &"ada@acme.test".parse().unwrap())).await.unwrap();
        assert_eq!(route, Route::OwnPassword, "{engine}: Globex has no connection, and Acme's counts no more");
        assert_ne!(globex, world.organization);
    }
}
