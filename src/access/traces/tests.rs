use serde_json::Value;

use super::{MOST_STEPS, Outcome, Trace, TraceError, find, is_stray_new, note_stray, page};
use crate::access::arrival::{self, Presented, Terms};
use crate::access::attempts::state::{Sent, Upstream};
use crate::access::attempts::{self, Attempt};
use crate::access::grants::Lifetimes;
use crate::access::sessions::Limits;
use crate::access::testing::{World, world};
use crate::store::failure::StoreError;
use crate::store::traces::Wanted;
use crate::store::{Tx, traces as rows};
use crate::values::ids::TraceId;
use crate::values::operation::{Actor, Role};
use crate::values::page::PageRequest;
use crate::values::secret::Secret;

fn binding() -> Secret {
    Secret::from("browser".to_owned())
}

async fn traces(world: &World, wanted: Wanted) -> Vec<Trace> {
    let (op, organization) = (world.operator(), world.organization);
    let request = PageRequest::new(None, Some(200)).unwrap();
    world.store().read(move |tx| page(tx, &op, organization, &wanted, &request)).await.unwrap().items
}

fn steps(trace: &Trace) -> Vec<&str> {
    trace.steps.iter().map(|step| step["step"].as_str().unwrap()).collect()
}

async fn come_back(world: &World, attempt: &Attempt, token: Secret) {
    let (op, id) = (world.op(), attempt.id);
    let presented = Presented { binding: binding(), session: None, arrival: Some(token), device: None };
    let terms = Terms {
        session: Limits { idle_seconds: 600, absolute_seconds: 600 },
        lifetimes: Lifetimes { code_seconds: 60, access_token_seconds: 60, refresh_token_seconds: 60 },
    };
    world.store().write(move |tx| arrival::arrive(tx, &op, id, &presented, terms)).await.unwrap();
}

#[tokio::test]
async fn a_sign_in_can_be_read_step_by_step_without_who_it_was() {
    for world in world().await {
        let attempt = world.start_attempt(&binding()).await;
        let token = world.answer(&attempt, "ada@acme.test").await;
        let [trace] = &traces(&world, Wanted::default()).await[..] else { panic!("not one trace") };
        assert_eq!((trace.outcome.as_str(), steps(trace)), ("identified", vec!["sent", "answered", "identified"]));
        come_back(&world, &attempt, token).await;
        let [trace] = &traces(&world, Wanted::default()).await[..] else { panic!("not one trace") };
        assert_eq!((trace.outcome.as_str(), trace.attempt), ("signed_in", Some(attempt.id)), "{}", world.engine());
        assert_eq!(trace.steps[1]["address"], "a***@acme.test");
        let text = format!("{:?}", trace.steps);
        assert!(!text.contains("ada@") && !text.contains("subject of"), "{text}");
    }
}

#[tokio::test]
async fn a_refusal_says_which_check_failed() {
    for world in world().await {
        let attempt = world.start_attempt(&binding()).await;
        world.answer(&attempt, "ada@other.test").await;
        world.answer(&attempt, "nobody@acme.test").await;
        let [trace] = &traces(&world, Wanted::default()).await[..] else { panic!("not one trace") };
        assert_eq!(steps(trace), ["sent", "answered", "refused", "sent", "answered", "refused"], "{}", world.engine());
        assert_eq!((trace.outcome.as_str(), trace.code.as_deref()), ("refused", Some("unknown_person")));
        assert_eq!(trace.steps[2]["code"], "foreign_address");
    }
}

/// However often a browser leaves and comes back, a trace stays short and still says how it ended.
#[tokio::test]
async fn a_trace_is_bounded_and_keeps_its_outcome() {
    for world in world().await {
        let attempt = world.start_attempt(&binding()).await;
        let (op, connection) = (world.op(), world.connection);
        let write = world.store().write(move |tx| {
            let address = "ada@acme.test".parse().unwrap();
            for _ in 0..100 {
                let issuer = "https://idp.test/".to_owned() + &"x".repeat(5_000);
                let upstream = Upstream::Oidc { sealed: "s3aled".to_owned(), issuer, client_id: "c".to_owned() };
                let handle = attempts::new_handle(&op);
                attempts::send(tx, &op, attempt.id, Some(&address), &Sent { connection, upstream }, &handle)?;
            }
            Ok::<_, attempts::AttemptError>(())
        });
        write.await.unwrap();
        let [trace] = &traces(&world, Wanted::default()).await[..] else { panic!("not one trace") };
        assert_eq!(trace.steps.len(), usize::try_from(MOST_STEPS).unwrap(), "{}", world.engine());
        let text = Value::from(trace.steps.clone()).to_string();
        assert!(text.len() < 16_000 && !text.contains("s3aled"), "{} bytes", text.len());
        world.answer(&attempt, "nobody@acme.test").await;
        assert_eq!(traces(&world, Wanted::default()).await[0].outcome, "refused");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_is_kept_once_an_hour() {
    for world in world().await {
        let note = async || {
            let (op, connection) = (world.op(), world.connection);
            let write = world.store().write(move |tx| {
                let is_new = is_stray_new(tx, &op, connection, "not_expected")?;
                note_stray(tx, &op, connection, "not_expected")?;
                Ok::<_, StoreError>(is_new)
            });
            write.await.unwrap()
        };
        assert_eq!([note().await, note().await, note().await], [true, false, false], "{}", world.engine());
        world.advance(3_600);
        assert!(note().await);
        let found = traces(&world, Wanted::default()).await;
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].attempt, found[0].code.as_deref()), (None, Some("not_expected")));
    }
}

#[tokio::test]
async fn traces_are_found_by_connection_outcome_and_time_by_their_own_administrators() {
    for world in world().await {
        for address in ["ada@acme.test", "nobody@acme.test"] {
            let attempt = world.start_attempt(&binding()).await;
            world.answer(&attempt, address).await;
            world.advance(10);
        }
        let now = world.op().at;
        let count = async |wanted: Wanted| traces(&world, wanted).await.len();
        let refused = Some(Outcome::Refused.as_str());
        assert_eq!(count(Wanted { connection: Some(world.connection), ..Wanted::default() }).await, 2);
        assert_eq!(count(Wanted { connection: Some(world.other_connection), ..Wanted::default() }).await, 0);
        assert_eq!(count(Wanted { outcome: refused, ..Wanted::default() }).await, 1, "{}", world.engine());
        assert_eq!(count(Wanted { since: Some(now.plus_seconds(-15)), ..Wanted::default() }).await, 1);
        assert_eq!(count(Wanted { until: Some(now.plus_seconds(-15)), ..Wanted::default() }).await, 1);
        let (op, organization) = (world.operator(), world.organization);
        let first = PageRequest::new(None, Some(1)).unwrap();
        let paged =
            world.store().read(move |tx| page(tx, &op, organization, &Wanted::default(), &first)).await.unwrap();
        let next = PageRequest::new(paged.next, Some(1)).unwrap();
        let op = world.operator();
        let rest = world.store().read(move |tx| page(tx, &op, organization, &Wanted::default(), &next)).await.unwrap();
        assert!(rest.items[0].id < paged.items[0].id && rest.next.is_none());
        let id = rest.items[0].id;
        let token = crate::values::ids::AdminTokenId::from_bytes(&[1; 16]).unwrap();
        let of = |organization, role| world.op().by(Actor::Admin { organization, role, token });
        let other = crate::values::ids::OrganizationId::from_bytes(&[7; 16]).unwrap();
        for (op, organization, is_found) in [
            (of(organization, Role::Auditor), organization, true),
            (of(organization, Role::UserAdmin), organization, false),
            (of(other, Role::Owner), organization, false),
            (of(other, Role::Owner), other, false),
        ] {
            let found = world.store().read(move |tx| find(tx, &op, organization, id)).await;
            assert_eq!(found.is_ok(), is_found, "{}", world.engine());
            assert!(is_found || matches!(found, Err(TraceError::Denied(_) | TraceError::NotFound)));
        }
    }
}

#[tokio::test]
async fn old_traces_go_and_so_do_those_that_are_too_many() {
    for world in world().await {
        for _ in 0..5 {
            world.answer(&world.start_attempt(&binding()).await, "ada@acme.test").await;
            world.advance(60);
        }
        let (organization, oldest) = (world.organization, TraceId::lowest_at(world.op().at.plus_seconds(-250)));
        let write = world.store().write(move |tx: &mut Tx<'_>| {
            let old = rows::delete_before(tx, oldest, 10)?;
            let crowded = rows::crowded(tx, 3)?;
            let beyond = rows::delete_beyond(tx, organization, 3, 10)?;
            Ok::<_, StoreError>((old, crowded, beyond, rows::crowded(tx, 3)?))
        });
        assert_eq!(write.await.unwrap(), (1, Some(organization), 1, None), "{}", world.engine());
        assert_eq!(traces(&world, Wanted::default()).await.len(), 3);
    }
}
