use super::{Outcome, PAUSE_SECONDS, TAKEN_SECONDS, begin, finish, take_due};
use crate::access::testing::{World, world};
use crate::directory::domains::claim::{self, Domain, DomainError};
use crate::directory::domains::proof::{Answer, record_value};
use crate::directory::domains::state::{DomainState, GRACE_SECONDS};
use crate::directory::organizations::{self, NewOrganization};
use crate::directory::sso_policy::SsoPolicy;
use crate::record::event::Event;
use crate::store::domains::{self, Owned};
use crate::store::failure::StoreError;
use crate::store::{Tx, jobs, outbox, scratch, sso_policies};
use crate::values::ids::OrganizationId;
use crate::values::operation::{Actor, Operation};
use crate::values::quota::Quota;

const DAY: i64 = 24 * 3600;

/// The record that Acme has published.
fn published() -> Answer {
    Answer::Records(vec!["v=spf1 -all".to_owned(), record_value("")])
}

/// What was announced so far about domains.
async fn announced(world: &World) -> Vec<Event> {
    let rows = world.store().write(|tx| outbox::oldest_for_update(tx, 100)).await.unwrap();
    let of_domains = rows.iter().filter(|row| row.event.starts_with("domain_"));
    of_domains.map(|row| serde_json::from_str(&row.payload).unwrap()).collect()
}

async fn names(world: &World) -> Vec<&'static str> {
    announced(world).await.iter().map(Event::name).collect()
}

fn take(tx: &mut Tx<'_>, op: &Operation) -> Vec<Domain> {
    take_due(tx, op, 100).unwrap()
}

#[tokio::test]
async fn q15_a_domain_whose_record_is_gone_is_at_risk_told_of_three_times_and_lapses_after_fourteen_days() {
    for world in world().await {
        let engine = world.engine();
        let begun = world.op().at;
        let steps = [
            (0, "at_risk", 1),
            (3 * DAY - 1, "at_risk", 1),
            (3 * DAY, "at_risk", 2),
            (3 * DAY + 1, "at_risk", 2),
            (7 * DAY, "at_risk", 3),
            (GRACE_SECONDS - 1, "at_risk", 3),
            (GRACE_SECONDS, "lapsed", 4),
            (GRACE_SECONDS + DAY, "lapsed", 4),
        ];
        let mut passed = 0;
        for (seconds, state, told) in steps {
            world.advance(seconds - passed);
            passed = seconds;
            let (domain, outcome) = world.look_up_again(Answer::Absent).await;
            assert_eq!((domain.state.as_str(), outcome), (state, Outcome::Missing), "{engine}: after {seconds}");
            assert_eq!(names(&world).await.len(), told, "{engine}: after {seconds}");
        }
        assert_eq!(names(&world).await, ["domain_at_risk", "domain_at_risk", "domain_at_risk", "domain_lapsed"]);
        let first = Event::DomainAtRisk {
            domain: "acme.test".parse().unwrap(),
            record: record_value(""),
            lapses_at: begun.plus_seconds(GRACE_SECONDS),
        };
        assert_eq!(announced(&world).await[0], first, "{engine}: what to publish, and until when");
        for (action, count) in [("domain.at_risk", 1), ("domain.risk_warned", 2), ("domain.lapsed", 1)] {
            assert_eq!(world.entries(action).await.len(), count, "{engine}: {action}");
        }
    }
}

#[tokio::test]
async fn another_value_and_an_alias_are_a_missing_record() {
    for world in world().await {
        for answer in [Answer::Records(vec![record_value("another")]), Answer::Aliased, Answer::Records(vec![])] {
            assert_eq!(world.look_up_again(answer.clone()).await.0.state.as_str(), "at_risk", "{answer:?}");
            assert_eq!(world.look_up_again(published()).await.0.state.as_str(), "verified", "{}", world.engine());
        }
        assert_eq!(world.entries("domain.recovered").await.len(), 3, "{}", world.engine());
    }
}

#[tokio::test]
async fn q15_a_record_that_is_found_again_mends_a_domain_at_risk_and_one_that_has_lapsed() {
    for world in world().await {
        let engine = world.engine();
        let joining = async || world.store().read(|tx| jobs::payloads(tx, "join_domain")).await.unwrap().len();
        let proved_at = world.op().at;
        world.look_up_again(Answer::Absent).await;
        world.advance(13 * DAY);
        let (mended, outcome) = world.look_up_again(published()).await;
        assert_eq!((mended.state, outcome), (DomainState::Verified { at: proved_at }, Outcome::Found), "{engine}");
        assert_eq!(joining().await, 0, "{engine}: nobody had been kept out");
        // A risk begins anew, with all its days.
        world.lapse().await;
        let (mended, _) = world.look_up_again(published()).await;
        assert_eq!(mended.state, DomainState::Verified { at: world.op().at }, "{engine}");
        assert_eq!(joining().await, 1, "{engine}: whoever was kept out joins now");
        let told = names(&world).await;
        assert_eq!(told.iter().filter(|name| **name == "domain_recovered").count(), 2, "{engine}: {told:?}");
        world.look_up_again(published()).await;
        assert_eq!(names(&world).await, told, "{engine}: all is well, and nobody is told each day");
    }
}

/// F-15. A domain is never lost by the DNS being away, however long that is.
#[tokio::test]
async fn a_failure_of_the_dns_moves_nothing_and_is_tried_again_sooner() {
    for world in world().await {
        let engine = world.engine();
        let failed = || Answer::Failed("SERVFAIL".to_owned());
        let mut pauses = Vec::new();
        for before in ["verified", "at_risk", "lapsed"] {
            for _ in 0..3 {
                world.advance(2 * GRACE_SECONDS);
                let (domain, outcome) = world.look_up_again(failed()).await;
                assert_eq!((domain.state.as_str(), outcome), (before, Outcome::Failed), "{engine}");
                assert_eq!(domain.last_failure.as_deref(), Some("lookup_failed"), "{engine}");
                pauses.push((domain.check_at.seconds() - world.op().at.seconds()) / 60);
            }
            world.look_up_again(Answer::Absent).await;
        }
        assert_eq!(pauses, [10, 20, 40].repeat(3), "{engine}: an answer begins the count anew");
        assert_eq!(names(&world).await, ["domain_at_risk", "domain_lapsed"], "{engine}");
    }
}

#[tokio::test]
async fn a_proved_domain_is_taken_once_when_its_time_has_come_and_no_other_ever() {
    for world in world().await {
        let (op, acme) = (world.operator(), world.organization);
        let done = world.store().write(move |tx| {
            let later = |seconds| Operation { at: op.at.plus_seconds(seconds), ..op.clone() };
            let pending = claim::create(tx, &op, acme, &"pending.test".parse().unwrap(), &Quota::default()).unwrap();
            let released = claim::create(tx, &op, acme, &"released.test".parse().unwrap(), &Quota::default()).unwrap();
            claim::release(tx, &op, acme, released.id).unwrap();
            assert!(take(tx, &later(DAY - 1)).is_empty(), "it is not due");
            let taken = take(tx, &later(DAY));
            assert_eq!(taken.iter().map(|domain| domain.name.as_str()).collect::<Vec<_>>(), ["acme.test"]);
            assert!(take(tx, &later(DAY + TAKEN_SECONDS - 1)).is_empty(), "somebody looks it up");
            let seen = take(tx, &later(DAY + TAKEN_SECONDS));
            assert_eq!(seen.len(), 1, "whoever took it is gone");
            let (checked, _) = finish(tx, &later(DAY + TAKEN_SECONDS), &seen[0], &Answer::Absent).unwrap();
            let hours = (checked.check_at.seconds() - op.at.seconds() - DAY - TAKEN_SECONDS) / 3_600;
            assert!((22..26).contains(&hours), "{hours}");
            for (n, until) in [(4, "at_risk"), (15, "lapsed"), (17, "lapsed")] {
                let due = take(tx, &later(n * DAY + DAY));
                assert_eq!(due.len(), 1, "{until} is looked up as well");
                assert_eq!(
                    finish(tx, &later(n * DAY + DAY), &due[0], &Answer::Absent).unwrap().0.state.as_str(),
                    until
                );
            }
            let proved = Answer::Records(vec![record_value(&pending.challenge)]);
            let (proved, _) = claim::finish_check(tx, &op, acme, pending.id, &proved).unwrap();
            assert!(take(tx, &later(22 * 3_600 - 1)).is_empty(), "what was proved a moment ago is not due");
            assert!(proved.next_check_at() > Some(op.at.plus_seconds(22 * 3_600 - 1)));
            Ok::<_, StoreError>(())
        });
        done.await.unwrap();
    }
}

/// What the program before this one has proved while the new one ran has no time in its row.
#[tokio::test]
async fn a_domain_whose_look_up_nobody_has_planned_is_due_at_once() {
    for world in world().await {
        let (op, acme) = (world.operator(), world.organization);
        let taken = world.store().write(move |tx| {
            let id = domains::owner_of(tx, "acme.test", Owned::Trusted)?.unwrap().1;
            let mut row = domains::find(tx, acme, id)?.unwrap();
            row.check_at = crate::values::clock::Timestamp::from_micros(0);
            assert!(domains::update(tx, &row, "verified")?);
            Ok::<_, StoreError>(take(tx, &op).len())
        });
        assert_eq!(taken.await.unwrap(), 1, "{}", world.engine());
    }
}

#[tokio::test]
async fn an_answer_that_another_has_overtaken_changes_nothing() {
    for world in world().await {
        let (op, acme) = (world.operator(), world.organization);
        let done = world.store().write(move |tx| {
            let later = |seconds| Operation { at: op.at.plus_seconds(seconds), ..op.clone() };
            let (_, id) = domains::owner_of(tx, "acme.test", Owned::Trusted)?.unwrap();
            let seen = claim::find(tx, &op, acme, id).unwrap();
            finish(tx, &later(1), &seen, &published()).unwrap();
            let (domain, outcome) = finish(tx, &later(2), &seen, &Answer::Absent).unwrap();
            assert_eq!((domain.state.as_str(), outcome), ("verified", Outcome::Overtaken));
            let seen = claim::find(tx, &op, acme, id).unwrap();
            claim::release(tx, &later(3), acme, id).unwrap();
            let (domain, outcome) = finish(tx, &later(4), &seen, &Answer::Absent).unwrap();
            assert_eq!((domain.state.as_str(), outcome), ("released", Outcome::Overtaken));
            Ok::<_, StoreError>(())
        });
        done.await.unwrap();
        assert_eq!(names(&world).await, Vec::<&str>::new(), "{}", world.engine());
    }
}

#[tokio::test]
async fn an_administrator_asks_for_a_look_up_of_what_was_proved_and_not_all_the_time() {
    for world in world().await {
        world.advance(DAY);
        let (op, acme) = (world.operator(), world.organization);
        let done = world.store().write(move |tx| {
            let later = |seconds| Operation { at: op.at.plus_seconds(seconds), ..op.clone() };
            let (_, id) = domains::owner_of(tx, "acme.test", Owned::Trusted)?.unwrap();
            let seen = begin(tx, &op, acme, id).unwrap();
            finish(tx, &op, &seen, &Answer::Absent).unwrap();
            let soon = begin(tx, &later(PAUSE_SECONDS - 1), acme, id);
            assert!(matches!(soon, Err(DomainError::TooSoon { retry_after_seconds: 1..=PAUSE_SECONDS })), "{soon:?}");
            assert_eq!(begin(tx, &later(PAUSE_SECONDS), acme, id).unwrap().state.as_str(), "at_risk");
            let claimed = claim::create(tx, &op, acme, &"pending.test".parse().unwrap(), &Quota::default()).unwrap();
            let pending = begin(tx, &op, acme, claimed.id);
            assert!(matches!(pending, Err(DomainError::WrongState(_))), "{pending:?}");
            Ok::<_, StoreError>(())
        });
        done.await.unwrap();
    }
}

fn globex(tx: &mut Tx<'_>, op: &Operation, slug: &str) -> OrganizationId {
    let new = NewOrganization {
        slug: slug.parse().unwrap(),
        name: slug.to_owned(),
        support_name: None,
        support_email: None,
        owner: format!("owner@{slug}.test").parse().unwrap(),
    };
    organizations::create(tx, op, &new).unwrap().0.id
}

/// Another organization proves acme.test.
fn prove(tx: &mut Tx<'_>, op: &Operation, slug: &str) -> Result<OrganizationId, DomainError> {
    let organization = globex(tx, op, slug);
    let domain = claim::create(tx, op, organization, &"acme.test".parse().unwrap(), &Quota::default())?;
    let answer = Answer::Records(vec![record_value(&domain.challenge)]);
    claim::finish_check(tx, op, organization, domain.id, &answer).map(|_| organization)
}

#[tokio::test]
async fn q14_a_domain_is_lost_to_another_proof_when_it_has_lapsed_and_not_before() {
    for world in world().await {
        let engine = world.engine();
        world.set_policy(SsoPolicy::Required).await;
        world.look_up_again(Answer::Absent).await;
        let op = world.operator();
        let refused = world.store().write(move |tx| prove(tx, &op, "early")).await;
        assert!(matches!(refused, Err(DomainError::OwnedElsewhere)), "{engine}: {refused:?}");
        world.advance(GRACE_SECONDS);
        world.look_up_again(Answer::Absent).await;
        let op = world.operator();
        let globex = world.store().write(move |tx| prove(tx, &op, "globex")).await.unwrap();
        let acme = world.organization;
        let left = world.store().read(move |tx| {
            let owner = domains::owner_of(tx, "acme.test", Owned::OrLapsed)?.unwrap().0;
            let policies = sso_policies::is_any_in(tx, acme, &["required"])?;
            Ok::<_, StoreError>((owner, policies, domains::is_owner(tx, acme, "acme.test", Owned::OrLapsed)?))
        });
        assert_eq!(left.await.unwrap(), (globex, false, false), "{engine}: the policy goes with the domain");
        let lost = world.entries("domain.lost").await;
        assert_eq!(lost, [serde_json::json!({ "name": "acme.test" })], "{engine}: not to whom");
        assert_eq!(names(&world).await.last(), Some(&"domain_verified"), "{engine}");
        assert!(names(&world).await.contains(&"domain_lost"), "{engine}");
    }
}

/// The index is the judge, also between somebody who comes back and somebody who comes.
#[tokio::test]
async fn a_record_that_is_found_again_and_another_proof_at_that_moment_leave_one_owner() {
    for world in world().await {
        let engine = world.engine();
        world.lapse().await;
        let (op, acme) = (world.operator(), world.organization);
        let find = move |tx: &mut Tx<'_>| {
            let (_, id) = domains::owner_of(tx, "acme.test", Owned::OrLapsed)?.unwrap();
            let seen = claim::find(tx, &op, acme, id).unwrap();
            Ok(finish(tx, &op.by(Actor::System), &seen, &published()).unwrap().1)
        };
        let op = world.operator();
        let proof = world.store().write(move |tx| prove(tx, &op, "globex"));
        let (found, proof) = scratch::overlap(world.store(), find, proof).await;
        let is_refused = matches!(proof, Err(DomainError::Changed | DomainError::OwnedElsewhere));
        assert!(found == Outcome::Found && is_refused, "{engine}: {proof:?}");
        let owner = world.store().read(|tx| domains::owner(tx, "acme.test", Owned::Trusted)).await.unwrap();
        assert_eq!(owner, Some(acme), "{engine}");
        assert!(world.entries("domain.lost").await.is_empty(), "{engine}");
    }
}

#[tokio::test]
async fn two_organizations_that_prove_a_lapsed_domain_at_once_leave_one_owner() {
    for world in world().await {
        let engine = world.engine();
        world.lapse().await;
        let (op, later) = (world.operator(), world.operator());
        let first = move |tx: &mut Tx<'_>| Ok(prove(tx, &op, "globex").unwrap());
        let second = world.store().write(move |tx| prove(tx, &later, "initech"));
        let (globex, second) = scratch::overlap(world.store(), first, second).await;
        let is_refused = matches!(second, Err(DomainError::Changed | DomainError::OwnedElsewhere));
        assert!(is_refused, "{engine}: {second:?}");
        let owner = world.store().read(|tx| domains::owner(tx, "acme.test", Owned::OrLapsed)).await.unwrap();
        assert_eq!(owner, Some(globex), "{engine}");
        assert_eq!(world.entries("domain.lost").await.len(), 1, "{engine}");
    }
}

#[tokio::test]
async fn a_domain_that_is_at_risk_or_has_lapsed_can_be_given_back() {
    for world in world().await {
        for lapses in [false, true] {
            if lapses {
                world.lapse().await;
            } else {
                world.look_up_again(Answer::Absent).await;
            }
            let (op, acme) = (world.operator(), world.organization);
            let done = world.store().write(move |tx| {
                let (_, id) = domains::owner_of(tx, "acme.test", Owned::OrLapsed)?.unwrap();
                let released = claim::release(tx, &op, acme, id).unwrap();
                assert_eq!(released.state, DomainState::Released);
                let again = claim::create(tx, &op, acme, &"acme.test".parse().unwrap(), &Quota::default()).unwrap();
                let answer = Answer::Records(vec![record_value("")]);
                assert!(claim::finish_check(tx, &op, acme, again.id, &answer).unwrap().1.is_some(), "another attempt");
                let mut row = domains::find(tx, acme, again.id)?.unwrap();
                row.challenge = String::new();
                assert!(domains::update(tx, &row, "pending")?);
                assert_eq!(claim::finish_check(tx, &op, acme, again.id, &answer).unwrap().1, None);
                Ok::<_, StoreError>(())
            });
            done.await.unwrap();
        }
    }
}
