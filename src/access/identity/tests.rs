use serde_json::json;

use super::{AssertedIdentity, FEDERATED_ACR, FEDERATED_AMR, IdentityError, Outcome, accept, refuse};
use crate::access::attempts::refusal::Refusal;
use crate::access::attempts::state::{Sent, State, Upstream};
use crate::access::attempts::{self, NewAttempt};
use crate::access::testing::{LINKING, World, world};
use crate::access::traces;
use crate::directory::admin_tokens::{self, AdminTokenError, NewToken};
use crate::directory::connection_policy::{self, ConnectionPolicy};
use crate::directory::connections::{NewConnection, Settings};
use crate::directory::domains::claim;
use crate::directory::domains::proof::{Answer, record_value};
use crate::directory::matching::{MatchRule, Matching};
use crate::directory::memberships::MembershipStatus;
use crate::directory::organizations::{self, NewOrganization};
use crate::directory::profile::Profile;
use crate::directory::{accounts, connections};
use crate::protocol::oidc::acr;
use crate::protocol::oidc::class_map::Verdict;
use crate::protocol::oidc::relying_party::preset::Preset;
use crate::protocol::scim::document;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::resource_type;
use crate::protocol::scim::tolerance::Profile as Tolerance;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::users;
use crate::store::failure::StoreError;
use crate::store::resources::{self, ResourceKind};
use crate::store::traces::Wanted;
use crate::store::{Tx, accounts as account_rows, identities, outbox, scratch};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, AttemptId, ConnectionId, OrganizationId};
use crate::values::operation::{Actor, Operation, Role};
use crate::values::page::PageRequest;
use crate::values::quota::Quota;
use crate::values::secret::Secret;

/// An attempt that waits for an answer of the world's connection under `handle`.
async fn waiting(world: &World, handle: &str) -> AttemptId {
    waiting_for(world, world.connection, handle).await
}

async fn waiting_for(world: &World, connection: ConnectionId, handle: &str) -> AttemptId {
    let (op, application, request) = (world.op(), world.application, world.request());
    let handle = Secret::from(handle.to_owned());
    let write = world.store().write(move |tx| {
        let binding = Secret::from("browser".to_owned());
        let id = op.new_id();
        let new = NewAttempt { id, application, request: &request, binding: &binding, ttl_seconds: 900, landing: None };
        attempts::start(tx, &op, &new)?;
        let upstream = Upstream::Saml {
            request_id: "_request".to_owned(),
            issued_at: Timestamp::from_seconds(1),
            entity_id: "e".to_owned(),
        };
        let address = "ada@acme.test".parse().unwrap();
        attempts::send(tx, &op, id, Some(&address), &Sent { connection, upstream }, &handle)?;
        Ok::<_, attempts::AttemptError>(id)
    });
    write.await.unwrap()
}

fn ada(world: &World) -> AssertedIdentity {
    AssertedIdentity {
        connection: world.connection,
        organization: world.organization,
        subject: "00u1".to_owned(),
        email: Some("ada@acme.test".parse().unwrap()),
        email_verified: true,
        display_name: None,
        given_name: None,
        family_name: None,
        matched: None,
        matching: Matching::default(),
        groups: vec![],
        authn_instant: Some(world.op().at.plus_seconds(-5)),
        amr: vec!["pwd".to_owned(), "otp".to_owned()],
        acr: Some("urn:acme:loa:2".to_owned()),
        further: vec![],
        several_factors: Verdict::Unmapped,
        session_expires_at: Some(world.op().at.plus_seconds(600)),
        most_people: 1_000,
        upstream_session: None,
    }
}

async fn take(world: &World, handle: &'static str, asserted: AssertedIdentity) -> Result<Outcome, IdentityError> {
    let op = world.op();
    world.store().write(move |tx| accept(tx, &op, handle, &asserted)).await
}

#[tokio::test]
async fn an_accepted_assertion_says_who_signs_in_and_links_the_subject_once() {
    for world in world().await {
        for handle in ["first", "second"] {
            let attempt = waiting(&world, handle).await;
            let outcome = take(&world, handle, ada(&world)).await.unwrap();
            assert_eq!((outcome.attempt, outcome.refusal), (attempt, None), "{}", world.engine());
            let State::Identified(identified) = world.state_of(attempt).await else { panic!("not identified") };
            assert_eq!((identified.account, identified.organization), (world.ada, world.organization));
            assert_eq!(identified.amr, ["pwd", "otp"]);
            assert_eq!(identified.acr, "urn:acme:loa:2");
            assert_eq!(identified.auth_time, Some(world.op().at.plus_seconds(-5)));
            assert_eq!(identified.session_expires_at, Some(world.op().at.plus_seconds(600)));
        }
        assert_eq!(world.entries("identity.linked").await.len(), 1, "{}", world.engine());
    }
}

#[tokio::test]
async fn a_class_that_only_the_gateway_says_counts_as_not_said() {
    for world in world().await {
        let cases = [
            ("urn:causeway:acr:mfa", FEDERATED_ACR),
            ("URN:causeway:acr:mfa", FEDERATED_ACR),
            ("urn:causeway:acr:password", FEDERATED_ACR),
            ("https://refeds.org/profile/mfa", "https://refeds.org/profile/mfa"),
        ];
        for (said, kept) in cases {
            let attempt = waiting(&world, said).await;
            take(&world, said, AssertedIdentity { acr: Some(said.to_owned()), ..ada(&world) }).await.unwrap();
            let State::Identified(identified) = world.state_of(attempt).await else { panic!("not identified") };
            assert_eq!(identified.acr, kept, "{}: {said}", world.engine());
        }
    }
}

/// What the session says of several factors is what the connection's map makes of the answer, and nothing else in it.
#[tokio::test]
async fn several_factors_are_claimed_as_the_connection_maps_them() {
    const MFA: &str = "urn:causeway:acr:mfa";
    const REFEDS: &str = "https://refeds.org/profile/mfa";
    type Case = (Verdict, Option<&'static str>, &'static [&'static str], &'static str, &'static [&'static str]);
    let cases: [Case; 9] = [
        (Verdict::Unmapped, Some("urn:acme:2"), &["pwd", "mfa"], "urn:acme:2", &["pwd", "mfa"]),
        (Verdict::Met, Some("urn:acme:2"), &["pwd"], MFA, &["pwd", "mfa"]),
        (Verdict::Met, None, &["pwd", "mfa"], MFA, &["pwd", "mfa"]),
        (Verdict::Met, None, &[], MFA, &["mfa"]),
        (Verdict::Met, Some(REFEDS), &["pwd"], REFEDS, &["pwd", "mfa"]),
        (Verdict::NotMet, Some("urn:acme:1"), &["pwd", "mfa"], "urn:acme:1", &["pwd"]),
        (Verdict::NotMet, Some(REFEDS), &["mfa"], FEDERATED_ACR, &[FEDERATED_AMR]),
        (Verdict::NotMet, Some(MFA), &["mfa", "mfa"], FEDERATED_ACR, &[FEDERATED_AMR]),
        (Verdict::NotMet, None, &[], FEDERATED_ACR, &[FEDERATED_AMR]),
    ];
    for world in world().await {
        for (number, (verdict, said, methods, class, amr)) in cases.into_iter().enumerate() {
            let handle: &'static str = ["a", "b", "c", "d", "e", "f", "g", "h", "i"][number];
            let attempt = waiting(&world, handle).await;
            let asserted = AssertedIdentity {
                acr: said.map(str::to_owned),
                amr: methods.iter().map(|word| (*word).to_owned()).collect(),
                several_factors: verdict,
                ..ada(&world)
            };
            take(&world, handle, asserted).await.unwrap();
            let State::Identified(who) = world.state_of(attempt).await else { panic!("not identified") };
            assert_eq!((who.acr.as_str(), who.amr.join(" ")), (class, amr.join(" ")), "{verdict:?} {said:?}");
            let is_claimed = acr::satisfies(MFA, &who.acr, &who.amr);
            assert_eq!(is_claimed, verdict != Verdict::NotMet, "{}: {verdict:?} {said:?}", world.engine());
        }
    }
}

/// Q16: accounts are never inherited, so nobody finds the identities of a connection, or of a member, that is gone.
#[tokio::test]
async fn the_identities_of_a_member_go_with_them_and_every_change_of_a_connection_is_told() {
    for world in world().await {
        waiting(&world, "first").await;
        take(&world, "first", ada(&world)).await.unwrap();
        let (connection, organization, account) = (world.connection, world.organization, world.ada);
        let link = move |tx: &mut Tx<'_>| identities::find(tx, connection, "00u1").map(|found| found.is_some());
        assert!(world.store().read(link).await.unwrap(), "{}", world.engine());

        let op = world.operator();
        let removed = world.store().write(move |tx| -> Result<(bool, bool), StoreError> {
            accounts::end_membership(tx, &op, organization, account).unwrap();
            let of_member = link(tx)?;
            Ok((of_member, accounts::find(tx, account)?.is_some()))
        });
        assert_eq!(removed.await.unwrap(), (false, true), "{}", world.engine());

        let other = world.other_connection;
        let op = world.operator();
        let told = world.store().write(move |tx| -> Result<Vec<i64>, StoreError> {
            let mut told = vec![outbox::count(tx)?];
            connections::disable(tx, &op, organization, other).unwrap();
            told.push(outbox::count(tx)?);
            connections::delete(tx, &op, organization, other).unwrap();
            told.push(outbox::count(tx)?);
            Ok(told)
        });
        let told = told.await.unwrap();
        assert_eq!([told[1] - told[0], told[2] - told[1]], [1, 1], "{}: one event for each change", world.engine());
    }
}

#[tokio::test]
async fn the_identities_of_a_connection_go_with_it() {
    for world in world().await {
        waiting(&world, "first").await;
        take(&world, "first", ada(&world)).await.unwrap();
        let (op, connection, organization) = (world.operator(), world.connection, world.organization);
        let gone = world.store().write(move |tx| -> Result<bool, StoreError> {
            connections::delete(tx, &op, organization, connection).unwrap();
            Ok(identities::find(tx, connection, "00u1")?.is_none())
        });
        assert!(gone.await.unwrap(), "{}", world.engine());
    }
}

#[tokio::test]
async fn what_the_provider_leaves_out_or_overdoes_gets_a_safe_value() {
    for world in world().await {
        let attempt = waiting(&world, "handle").await;
        let asserted = AssertedIdentity {
            amr: vec!["two words".to_owned(), String::new(), "x".repeat(500)],
            acr: Some("line\nbreak".to_owned()),
            authn_instant: Some(world.op().at.plus_seconds(3_600)),
            ..ada(&world)
        };
        take(&world, "handle", asserted).await.unwrap();
        let State::Identified(identified) = world.state_of(attempt).await else { panic!("not identified") };
        assert_eq!((identified.amr, identified.acr.as_str()), (vec![FEDERATED_AMR.to_owned()], FEDERATED_ACR));
        assert_eq!(identified.auth_time, Some(world.op().at));
    }
}

/// Invariant 13, and the story's last step: somebody else's identity provider asserts an address of this domain, or
/// this one an address of another domain.
#[tokio::test]
async fn each_refusal_leaves_one_entry_and_nothing_else() {
    for world in world().await {
        let other = |address: &str| Some(address.parse().unwrap());
        let cases = [
            (AssertedIdentity { email: other("ada@other.test"), ..ada(&world) }, Refusal::ForeignAddress),
            (AssertedIdentity { email: other("eve@acme.test"), ..ada(&world) }, Refusal::Unknown),
            (AssertedIdentity { email_verified: false, ..ada(&world) }, Refusal::NoVerifiedAddress),
            (AssertedIdentity { email: None, ..ada(&world) }, Refusal::NoVerifiedAddress),
        ];
        for (number, (asserted, refusal)) in cases.into_iter().enumerate() {
            let attempt = waiting(&world, "handle").await;
            let outcome = take(&world, "handle", asserted).await.unwrap();
            assert_eq!((outcome.attempt, outcome.refusal), (attempt, Some(refusal.clone())), "{}", world.engine());
            assert_eq!(world.state_of(attempt).await, State::Refused(refusal.clone()));
            let entries = world.entries("sign_in.refused").await;
            assert_eq!(entries.len(), number + 1, "{}", world.engine());
            assert!(entries.iter().any(|entry| entry["code"] == refusal.code()));
        }
        assert!(world.entries("identity.linked").await.is_empty());
    }
}

#[tokio::test]
async fn a_deactivated_person_is_refused_though_the_subject_is_linked() {
    for world in world().await {
        waiting(&world, "before").await;
        take(&world, "before", ada(&world)).await.unwrap();
        let (op, account, organization) = (world.operator(), world.ada, world.organization);
        let write = world.store().write(move |tx| accounts::deactivate(tx, &op, organization, account));
        write.await.unwrap();
        waiting(&world, "after").await;
        let outcome = take(&world, "after", ada(&world)).await.unwrap();
        assert_eq!(outcome.refusal, Some(Refusal::AccountInactive), "{}", world.engine());
    }
}

// CVE-2026-9098
#[tokio::test]
async fn an_answer_of_a_connection_that_was_switched_off_meanwhile_is_refused() {
    for world in world().await {
        waiting(&world, "handle").await;
        let (op, organization, connection) = (world.operator(), world.organization, world.connection);
        world.store().write(move |tx| connections::disable(tx, &op, organization, connection)).await.unwrap();
        let outcome = take(&world, "handle", ada(&world)).await.unwrap();
        assert_eq!(outcome.refusal, Some(Refusal::ConnectionInactive), "{}", world.engine());
    }
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_changes_nothing() {
    for world in world().await {
        waiting(&world, "handle").await;
        let foreign = AssertedIdentity { connection: world.other_connection, ..ada(&world) };
        assert!(matches!(take(&world, "handle", foreign).await, Err(IdentityError::NotExpected)));
        assert!(matches!(take(&world, "guess", ada(&world)).await, Err(IdentityError::NotExpected)));
        take(&world, "handle", ada(&world)).await.unwrap();
        assert!(matches!(take(&world, "handle", ada(&world)).await, Err(IdentityError::NotExpected)));
        assert_eq!(world.entries("identity.linked").await.len(), 1, "{}", world.engine());
    }
}

#[tokio::test]
async fn a_provider_that_declines_is_written_down_with_its_reason() {
    for world in world().await {
        let attempt = waiting(&world, "handle").await;
        let (op, from) = (world.op(), (world.organization, world.connection));
        let declined = Refusal::Declined { code: "access_denied".to_owned() };
        let refusal = declined.clone();
        let outcome = world.store().write(move |tx| refuse(tx, &op, from, "handle", refusal)).await.unwrap();
        assert_eq!((outcome.attempt, outcome.refusal), (attempt, Some(declined)));
        let (op, organization, request) = (world.operator(), world.organization, PageRequest::new(None, None).unwrap());
        let all = Wanted::default();
        let traced = world.store().read(move |tx| traces::page(tx, &op, organization, &all, &request)).await.unwrap();
        assert!(traced.items.iter().any(|trace| trace.code.as_deref() == Some("upstream_declined")), "{traced:?}");
        let entries = world.entries("sign_in.refused").await;
        assert_eq!(entries.len(), 1, "{}", world.engine());
        assert_eq!(
            (entries[0]["code"].as_str(), entries[0]["detail"].as_str()),
            (Some("upstream_declined"), Some("access_denied"))
        );
    }
}

/// Invariant: an account is known to a connection under one subject. The unique index decides, on both engines.
#[tokio::test]
async fn a_second_subject_for_one_account_is_refused_and_nothing_of_it_stays() {
    for world in world().await {
        waiting(&world, "first").await;
        take(&world, "first", ada(&world)).await.unwrap();
        waiting(&world, "second").await;
        let other = AssertedIdentity { subject: "00u2".to_owned(), ..ada(&world) };
        let outcome = take(&world, "second", other).await;
        assert!(
            matches!(outcome, Err(IdentityError::RollBackAndRefuse(Refusal::SubjectChanged))),
            "{}: {outcome:?}",
            world.engine()
        );
        assert_eq!(world.entries("identity.linked").await.len(), 1, "{}", world.engine());
    }
}

async fn is_verified(world: &World, account: AccountId) -> bool {
    let found = world.store().read(move |tx| accounts::find(tx, account)).await.unwrap().unwrap();
    found.address_verified_at.is_some()
}

async fn release_acme_test(world: &World) {
    let (op, organization) = (world.operator(), world.organization);
    let write = world.store().write(move |tx| {
        let page = claim::page(tx, &op, organization, &PageRequest::new(None, None).unwrap())?;
        claim::release(tx, &op, organization, page.items[0].id)
    });
    write.await.unwrap();
}

/// Globex, which has proved acme.test, with a connection and an `ada@acme.test` of its own.
async fn new_owner(world: &World) -> (OrganizationId, ConnectionId, AccountId) {
    let op = world.operator();
    let write = world.store().write(move |tx| {
        let new = NewOrganization {
            slug: "globex".parse().unwrap(),
            name: "Globex".to_owned(),
            support_name: None,
            support_email: None,
            owner: "owner@globex.test".parse().unwrap(),
        };
        let globex = organizations::create(tx, &op, &new).unwrap().0.id;
        let domain = claim::create(tx, &op, globex, &"acme.test".parse().unwrap(), &Quota::default()).unwrap();
        let answer = Answer::Records(vec![record_value(&domain.challenge)]);
        assert_eq!(claim::finish_check(tx, &op, globex, domain.id, &answer).unwrap().1, None);
        let settings = Settings::oidc("https://idp.globex.test", "c", Preset::Generic, None);
        let new = NewConnection { id: op.new_id(), name: "Globex".to_owned(), settings, sealed_secret: None };
        let connection = connections::create(tx, &op, globex, &new, &Quota::default()).unwrap().id;
        connection_policy::set(tx, &op, globex, connection, LINKING).unwrap();
        let profile = Profile { addresses: vec!["ada@acme.test".parse().unwrap()], ..Profile::default() };
        Ok::<_, StoreError>((
            globex,
            connection,
            accounts::provision(tx, &op, globex, &profile, MembershipStatus::Active)?.account,
        ))
    });
    write.await.unwrap()
}

#[tokio::test]
async fn an_address_in_a_released_domain_is_told_as_verified_for_nobody() {
    for world in world().await {
        waiting(&world, "before").await;
        take(&world, "before", ada(&world)).await.unwrap();
        assert!(is_verified(&world, world.ada).await, "{}", world.engine());
        release_acme_test(&world).await;
        assert!(!is_verified(&world, world.ada).await, "{}", world.engine());
        assert_eq!(world.entries("addresses.unverified").await, [json!({ "domain": "acme.test" })]);
        waiting(&world, "after").await;
        let silent = AssertedIdentity { email: None, ..ada(&world) };
        assert_eq!(take(&world, "after", silent).await.unwrap().refusal, None, "the subject is known");
        assert!(!is_verified(&world, world.ada).await, "{}", world.engine());
        waiting(&world, "asserted").await;
        let outcome = take(&world, "asserted", ada(&world)).await.unwrap();
        assert_eq!(outcome.refusal, Some(Refusal::ForeignAddress), "{}", world.engine());
    }
}

#[tokio::test]
async fn an_address_that_is_verified_anew_leaves_an_entry() {
    for world in world().await {
        waiting(&world, "first").await;
        take(&world, "first", ada(&world)).await.unwrap();
        assert!(world.entries("address.verified").await.is_empty(), "the link says it");
        let unverify = world.store().write(|tx| account_rows::unverify_domain(tx, "acme.test", None));
        assert_eq!(unverify.await.unwrap(), [world.organization], "{}", world.engine());
        waiting(&world, "second").await;
        take(&world, "second", ada(&world)).await.unwrap();
        assert!(is_verified(&world, world.ada).await, "{}", world.engine());
        assert_eq!(world.entries("address.verified").await.len(), 1, "{}", world.engine());
    }
}

#[tokio::test]
async fn the_people_of_a_domains_new_owner_are_not_kept_out_by_the_earlier_ones() {
    for world in world().await {
        waiting(&world, "before").await;
        take(&world, "before", ada(&world)).await.unwrap();
        release_acme_test(&world).await;
        // Verified by whatever way: what counts is who owns the domain now.
        let (ada_before, at) = (world.ada, world.op().at);
        let write = world.store().write(move |tx| account_rows::mark_verified(tx, ada_before, "ada@acme.test", at));
        write.await.unwrap();
        let (organization, connection, account) = new_owner(&world).await;
        assert!(!is_verified(&world, world.ada).await, "{}", world.engine());
        assert_eq!(world.entries("addresses.unverified").await.len(), 2, "{}: Acme is told", world.engine());
        waiting_for(&world, connection, "new").await;
        let asserted = AssertedIdentity { organization, connection, ..ada(&world) };
        assert_eq!(take(&world, "new", asserted).await.unwrap().refusal, None, "{}", world.engine());
        assert!(is_verified(&world, account).await, "{}", world.engine());
    }
}

/// Truffle 2025: who buys a lapsed domain becomes none of those who had an address in it.
#[tokio::test]
async fn a_domain_that_is_given_up_brings_nobody_new_and_its_next_owner_inherits_nobody() {
    for world in world().await {
        let policy = ConnectionPolicy { provisions: true, ..LINKING };
        let set = async |organization, connection| {
            let op = world.operator();
            let set = move |tx: &mut Tx<'_>| connection_policy::set(tx, &op, organization, connection, policy);
            world.store().write(set).await.unwrap();
        };
        set(world.organization, world.connection).await;
        let said = |subject: &str, address: &str| AssertedIdentity {
            subject: subject.to_owned(),
            email: Some(address.parse().unwrap()),
            ..ada(&world)
        };
        let eve = world.sign_in(said("00u-eve", "eve@acme.test")).await.unwrap();
        world.sign_in(ada(&world)).await.unwrap();
        release_acme_test(&world).await;
        for (subject, address) in [("00u-new", "new@acme.test"), ("00u-owner", "owner@acme.test")] {
            let refused = world.sign_in(said(subject, address)).await;
            assert_eq!(refused, Err(Refusal::ForeignAddress), "{} {address}", world.engine());
        }
        let (organization, connection, account) = new_owner(&world).await;
        set(organization, connection).await;
        let there =
            |subject: &str, address: &str| AssertedIdentity { organization, connection, ..said(subject, address) };
        assert_eq!(world.sign_in(there("00u1", "ada@acme.test")).await, Ok(account), "{}", world.engine());
        let other_eve = world.sign_in(there("00u-eve", "eve@acme.test")).await.unwrap();
        assert!(other_eve != eve && account != world.ada, "{}: the same subject and address", world.engine());
        // Who was there is still known by their subject alone.
        let silent = AssertedIdentity { email: None, ..said("00u-eve", "eve@acme.test") };
        assert_eq!(world.sign_in(silent).await, Ok(eve), "{}", world.engine());
    }
}

#[tokio::test]
async fn a_domain_with_a_longer_or_shorter_name_keeps_its_addresses() {
    for world in world().await {
        let (op, ada) = (world.operator(), world.ada);
        let others = ["a@sub.acme.test", "b@notacme.test", "acme.test@other.test"];
        let write = world.store().write(move |tx| {
            for address in others {
                let (address, verified_at) = (address.to_owned(), Some(op.at));
                let row = account_rows::AddressRow { account_id: ada, address, is_primary: false, verified_at };
                account_rows::insert_address(tx, &row)?;
            }
            account_rows::mark_verified(tx, ada, "ada@acme.test", op.at)
        });
        write.await.unwrap();
        release_acme_test(&world).await;
        let rows = world.store().read(move |tx| account_rows::addresses(tx, ada)).await.unwrap();
        let mut verified: Vec<_> =
            rows.into_iter().filter(|row| row.verified_at.is_some()).map(|row| row.address).collect();
        verified.sort();
        assert_eq!(verified, ["a@sub.acme.test", "acme.test@other.test", "b@notacme.test"], "{}", world.engine());
    }
}

/// What comes of `second`, which begins while the transaction of `first` is open.
async fn overlapping<F, S>(world: &World, first: F, second: S) -> Result<Outcome, IdentityError>
where
    F: FnOnce(&mut Tx<'_>) + Send + 'static,
    S: Future<Output = Result<Outcome, IdentityError>>,
{
    let first = move |tx: &mut Tx<'_>| {
        first(tx);
        Ok(())
    };
    scratch::overlap(world.store(), first, second).await.1
}

#[tokio::test]
async fn nobody_is_linked_by_a_domain_that_is_given_up_at_that_moment() {
    for world in world().await {
        let attempt = waiting(&world, "handle").await;
        let (op, organization) = (world.operator(), world.organization);
        let release = move |tx: &mut Tx<'_>| {
            let claims = claim::page(tx, &op, organization, &PageRequest::new(None, None).unwrap()).unwrap();
            claim::release(tx, &op, organization, claims.items[0].id).unwrap();
        };
        let outcome = overlapping(&world, release, take(&world, "handle", ada(&world))).await.unwrap();
        assert_eq!(outcome.refusal, Some(Refusal::ForeignAddress), "{}", world.engine());
        assert!(matches!(world.state_of(attempt).await, State::Refused(_)), "{}", world.engine());
        assert!(world.entries("identity.linked").await.is_empty(), "{}", world.engine());
    }
}

/// Invariant: from the commit on that switches a connection off, nobody comes in through it.
#[tokio::test]
async fn nobody_is_let_in_by_a_connection_that_is_switched_off_at_that_moment() {
    for world in world().await {
        waiting(&world, "handle").await;
        let (op, organization, connection) = (world.operator(), world.organization, world.connection);
        let disable = move |tx: &mut Tx<'_>| drop(connections::disable(tx, &op, organization, connection).unwrap());
        let outcome = overlapping(&world, disable, take(&world, "handle", ada(&world))).await.unwrap();
        assert_eq!(outcome.refusal, Some(Refusal::ConnectionInactive), "{}", world.engine());
        assert!(world.entries("identity.linked").await.is_empty(), "{}", world.engine());
    }
}

#[tokio::test]
async fn nobody_is_linked_whose_membership_ends_at_that_moment() {
    for world in world().await {
        waiting(&world, "handle").await;
        let (op, organization, account) = (world.operator(), world.organization, world.ada);
        let end = move |tx: &mut Tx<'_>| accounts::end_membership(tx, &op, organization, account).unwrap();
        let outcome = overlapping(&world, end, take(&world, "handle", ada(&world))).await.unwrap();
        assert!(outcome.refusal.is_some(), "{}", world.engine());
        assert!(world.entries("identity.linked").await.is_empty(), "{}", world.engine());
    }
}

#[tokio::test]
async fn two_first_sign_ins_of_one_person_at_once_both_succeed() {
    for world in world().await {
        waiting(&world, "first").await;
        waiting(&world, "second").await;
        let (op, asserted) = (world.op(), ada(&world));
        let first = move |tx: &mut Tx<'_>| assert_eq!(accept(tx, &op, "first", &asserted).unwrap().refusal, None);
        let second = overlapping(&world, first, take(&world, "second", ada(&world))).await.unwrap();
        assert_eq!(second.refusal, None, "{}", world.engine());
        assert_eq!(world.entries("identity.linked").await.len(), 1, "{}", world.engine());
    }
}

/// What an administrator makes with their token.
fn minted(tx: &mut Tx<'_>, op: &Operation, by: &Secret, ttl_seconds: i64) -> Result<Secret, AdminTokenError> {
    let (actor, _) = admin_tokens::authenticate(tx, by.expose(), op.at)?.expect("live");
    let Actor::Admin { organization, .. } = actor else { panic!("not an administrator") };
    let new = NewToken { name: "child".to_owned(), role: Role::Admin, ttl_seconds, account: None };
    Ok(admin_tokens::create(tx, &op.by(actor), organization, &new, &Quota::default())?.1)
}

#[tokio::test]
async fn a_token_ends_with_the_one_it_was_made_with() {
    for world in world().await {
        let (op, organization, ada) = (world.operator(), world.organization, world.ada);
        let opened = world.store().write(move |tx| {
            let new = NewToken { name: "t".to_owned(), role: Role::Admin, ttl_seconds: 60, account: Some(ada) };
            let (first, token) = admin_tokens::create(tx, &op, organization, &new, &Quota::default())?;
            let child = minted(tx, &op, &token, 3_600)?;
            let grandchild = minted(tx, &op, &child, 3_600)?;
            let is_open = |tx: &mut Tx<'_>, at| {
                let found = admin_tokens::authenticate(tx, grandchild.expose(), at)?;
                Ok::<_, AdminTokenError>(found.is_some())
            };
            let in_time = is_open(tx, op.at.plus_seconds(59))?;
            let outlived = is_open(tx, op.at.plus_seconds(60))?;
            admin_tokens::revoke(tx, &op, organization, first.id)?;
            Ok::<_, AdminTokenError>([in_time, outlived, is_open(tx, op.at)?])
        });
        assert_eq!(opened.await.unwrap(), [true, false, false], "{}", world.engine());
    }
}

#[tokio::test]
async fn tokens_are_made_with_each_other_only_so_many_deep() {
    for world in world().await {
        let (op, organization) = (world.operator(), world.organization);
        let made = world.store().write(move |tx| {
            let new = NewToken { name: "t".to_owned(), role: Role::Admin, ttl_seconds: 60, account: None };
            let mut token = admin_tokens::create(tx, &op, organization, &new, &Quota::default())?.1;
            for _ in 0..admin_tokens::MAX_GENERATIONS {
                token = minted(tx, &op, &token, 60)?;
            }
            assert!(admin_tokens::authenticate(tx, token.expose(), op.at)?.is_some());
            minted(tx, &op, &token, 60)
        });
        assert!(matches!(made.await, Err(AdminTokenError::TooManyGenerations)), "{}", world.engine());
    }
}

#[tokio::test]
async fn the_token_of_an_administrator_opens_nothing_while_they_are_switched_off_or_gone() {
    for world in world().await {
        let (op, organization, ada) = (world.operator(), world.organization, world.ada);
        let opened = world.store().write(move |tx| {
            let of = |account| NewToken { name: "t".to_owned(), role: Role::Admin, ttl_seconds: 60, account };
            let (_, own) = admin_tokens::create(tx, &op, organization, &of(Some(ada)), &Quota::default())?;
            let (_, nobodys) = admin_tokens::create(tx, &op, organization, &of(None), &Quota::default())?;
            let child = minted(tx, &op, &own, 60)?;
            let mut opened = Vec::new();
            let mut look = |tx: &mut Tx<'_>, token: &Secret| {
                opened.push(admin_tokens::authenticate(tx, token.expose(), op.at)?.is_some());
                Ok::<_, AdminTokenError>(())
            };
            look(tx, &own)?;
            look(tx, &child)?;
            accounts::deactivate(tx, &op, organization, ada).unwrap();
            look(tx, &own)?;
            look(tx, &child)?;
            accounts::reactivate(tx, &op, organization, ada).unwrap();
            look(tx, &own)?;
            look(tx, &child)?;
            accounts::end_membership(tx, &op, organization, ada).unwrap();
            look(tx, &own)?;
            look(tx, &child)?;
            look(tx, &nobodys)?;
            Ok::<_, AdminTokenError>(opened)
        });
        let expected = [true, true, false, false, true, true, false, false, true];
        assert_eq!(opened.await.unwrap(), expected, "{}", world.engine());
    }
}

fn oidc_settings(issuer: &str, client_id: &str) -> Settings {
    Settings::oidc(issuer, client_id, Preset::Generic, None)
}

#[tokio::test]
async fn another_provider_does_not_inherit_a_connection_and_a_new_secret_of_the_same_is_taken() {
    for world in world().await {
        let (op, organization, id) = (world.operator(), world.organization, world.connection);
        let replace = |settings: Settings| {
            let op = op.clone();
            world.store().write(move |tx| {
                connections::provider::replace_settings(tx, &op, organization, id, &settings, Some(vec![1]))
                    .map(|done| done.sealed_secret)
            })
        };
        for other in [oidc_settings("https://evil.test", "causeway"), oidc_settings("https://idp.acme.test", "other")] {
            assert!(
                matches!(replace(other).await, Err(connections::ConnectionError::OtherProvider)),
                "{}",
                world.engine()
            );
        }
        let before = world.store().read(move |tx| connections::find(tx, id)).await.unwrap().unwrap();
        assert_eq!((before.version, before.sealed_secret), (1, None), "{}", world.engine());
        let same = replace(oidc_settings("https://idp.acme.test", "causeway")).await.unwrap();
        assert_eq!(same, Some(vec![1]), "{}", world.engine());
    }
}

/// A person whom Acme's directory has pushed, under these names.
async fn pushed(world: &World, user_name: &'static str, external_id: &'static str) -> AccountId {
    let (op, organization) = (world.operator(), world.organization);
    let push = world.store().write(move |tx| {
        let body = json!({ "userName": user_name, "externalId": external_id });
        let rules = Rules::new(Tolerance::Standard.tolerance(), Limits::default());
        let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules);
        let draft = users::draft(read.unwrap().document, resource_type::user()).unwrap();
        let id = users::create(tx, &op, organization, &draft).unwrap().id;
        Ok::<_, StoreError>(resources::find(tx, organization, ResourceKind::User, id)?.unwrap().account_id.unwrap())
    });
    push.await.unwrap()
}

async fn rule(world: &World, by: MatchRule) -> Matching {
    let (op, organization, connection) = (world.operator(), world.organization, world.connection);
    let matching = Matching::new(by, None).unwrap();
    let put = matching.clone();
    let replaced = world
        .store()
        .write(move |tx| connections::provider::replace_matching(tx, &op, organization, connection, put.clone()));
    replaced.await.unwrap();
    matching
}

/// What a provider says that sends no address: a subject, and what the rule compares.
fn known_as(world: &World, subject: &str, matched: Option<&str>, matching: &Matching) -> AssertedIdentity {
    AssertedIdentity {
        subject: subject.to_owned(),
        email: None,
        email_verified: false,
        matched: matched.map(str::to_owned),
        matching: matching.clone(),
        ..ada(world)
    }
}

/// A person who was pushed by SCIM and signs in is one account, whichever of their names the provider says.
#[tokio::test]
async fn a_pushed_person_is_found_by_the_connections_linking_rule_and_by_no_other() {
    for world in world().await {
        let grace = pushed(&world, "Grace.Hopper", "e-1").await;
        for (by, own, others) in [
            (MatchRule::UserName, "grace.hopper", ["e-1", "ada@acme.test"]),
            (MatchRule::ExternalId, "e-1", ["E-1", "grace.hopper"]),
        ] {
            let matching = rule(&world, by).await;
            for other in others {
                waiting(&world, "handle").await;
                let outcome = take(&world, "handle", known_as(&world, "s", Some(other), &matching)).await.unwrap();
                assert_eq!(outcome.refusal, Some(Refusal::Unknown), "{by:?} {other}");
            }
            waiting(&world, "handle").await;
            let outcome = take(&world, "handle", known_as(&world, "s", None, &matching)).await.unwrap();
            assert_eq!(outcome.refusal, Some(Refusal::NothingToMatch));
            let attempt = waiting(&world, "handle").await;
            take(&world, "handle", known_as(&world, "grace", Some(own), &matching)).await.unwrap();
            let State::Identified(identified) = world.state_of(attempt).await else { panic!("{by:?}: not identified") };
            assert_eq!(identified.account, grace, "{}", world.engine());
            // Known from now on by (connection, subject), whatever else is said.
            let attempt = waiting(&world, "handle").await;
            take(&world, "handle", known_as(&world, "grace", Some("nobody"), &matching)).await.unwrap();
            assert!(matches!(world.state_of(attempt).await, State::Identified(found) if found.account == grace));
        }
        assert_eq!(world.entries("identity.linked").await.len(), 1, "one account, one link");
    }
}

/// Invariant 13: whatever the rule, an asserted address lies in the organization's own domains.
#[tokio::test]
async fn a_linking_rule_lets_no_foreign_address_through_and_no_id_of_the_gateways_own() {
    for world in world().await {
        let grace = pushed(&world, "grace", "e-1").await;
        let matching = rule(&world, MatchRule::ExternalId).await;
        waiting(&world, "handle").await;
        let foreign = AssertedIdentity {
            email: Some("grace@other.test".parse().unwrap()),
            ..known_as(&world, "s", Some("e-1"), &matching)
        };
        assert_eq!(take(&world, "handle", foreign).await.unwrap().refusal, Some(Refusal::ForeignAddress));
        // CVE-2025-41115.
        for own_id in [grace.to_string(), world.ada.to_string()] {
            waiting(&world, "handle").await;
            let outcome = take(&world, "handle", known_as(&world, "s", Some(&own_id), &matching)).await.unwrap();
            assert_eq!(outcome.refusal, Some(Refusal::Unknown));
        }
        pushed(&world, "other", "e-1").await;
        waiting(&world, "handle").await;
        let outcome = take(&world, "handle", known_as(&world, "s", Some("e-1"), &matching)).await.unwrap();
        assert_eq!(outcome.refusal, Some(Refusal::Ambiguous), "an external id is one client's, not the organization's");
    }
}

#[tokio::test]
async fn an_answer_that_was_read_by_another_rule_is_refused() {
    for world in world().await {
        pushed(&world, "grace", "e-1").await;
        let before = rule(&world, MatchRule::ExternalId).await;
        rule(&world, MatchRule::UserName).await;
        waiting(&world, "handle").await;
        let outcome = take(&world, "handle", known_as(&world, "s", Some("grace"), &before)).await.unwrap();
        assert_eq!(outcome.refusal, Some(Refusal::ConnectionChanged), "{}", world.engine());
    }
}
