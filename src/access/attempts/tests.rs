use futures_util::future::join_all;

use super::refusal::Refusal;
use super::state::{Identified, Sent, State, Upstream};
use super::{Attempt, AttemptError, NewAttempt};
use crate::access::attempts;
use crate::access::testing::{World, world};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, ConnectionId};
use crate::values::secret::Secret;

const TTL_SECONDS: i64 = 900;

fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}

async fn started(world: &World) -> Attempt {
    let (op, application) = (world.op(), world.application);
    let request = world.request();
    let write = world.store().write(move |tx| {
        let binding = secret("browser");
        let (id, ttl_seconds) = (op.new_id(), TTL_SECONDS);
        let new = NewAttempt { id, application, request: &request, binding: &binding, ttl_seconds, landing: None };
        attempts::start(tx, &op, &new).map(|()| id)
    });
    let id = write.await.unwrap();
    found(world, id).await
}

async fn found(world: &World, id: crate::values::ids::AttemptId) -> Attempt {
    world.store().read(move |tx| attempts::find(tx, id)).await.unwrap().unwrap()
}

fn sent(connection: ConnectionId) -> Sent {
    Sent {
        connection,
        upstream: Upstream::Saml {
            request_id: "_request".to_owned(),
            issued_at: Timestamp::from_seconds(1),
            entity_id: "e".to_owned(),
        },
    }
}

async fn send(world: &World, attempt: &Attempt, connection: ConnectionId, handle: &str) -> Result<(), AttemptError> {
    let (op, id, handle) = (world.op(), attempt.id, secret(handle));
    let address = "ada@acme.test".parse().unwrap();
    world.store().write(move |tx| attempts::send(tx, &op, id, Some(&address), &sent(connection), &handle)).await
}

fn outcome(world: &World) -> State {
    State::Identified(Identified {
        account: AccountId::from_bytes(&[9; 16]).unwrap(),
        organization: world.organization,
        connection: Some(world.connection),
        session_epoch: 1,
        amr: vec!["pwd".to_owned()],
        acr: "1".to_owned(),
        auth_time: Some(world.op().at),
        session_expires_at: None,
        upstream_session: None,
    })
}

async fn settle(world: &World, connection: ConnectionId, handle: &str) -> Result<(), AttemptError> {
    let (op, handle, outcome) = (world.op(), handle.to_owned(), outcome(world));
    world.store().write(move |tx| attempts::settle(tx, &op, connection, &handle, &outcome)).await.map(drop)
}

#[tokio::test]
async fn an_attempt_comes_back_as_it_was_begun_and_only_in_its_own_browser() {
    for world in world().await {
        let attempt = started(&world).await;
        assert_eq!((attempt.request.clone(), attempt.state.clone()), (world.request(), State::Started));
        assert!(attempt.is_bound_to(&secret("browser")));
        for other in ["another browser", "browse", "Browser", ""] {
            assert!(!attempt.is_bound_to(&secret(other)), "{other}");
        }
    }
}

#[tokio::test]
async fn a_handle_works_once_even_when_many_use_it_at_the_same_time() {
    for world in world().await {
        let attempt = started(&world).await;
        send(&world, &attempt, world.connection, "handle").await.unwrap();
        let uses = join_all((0..20).map(|_| settle(&world, world.connection, "handle"))).await;
        assert_eq!(uses.iter().filter(|used| used.is_ok()).count(), 1, "{}", world.engine());
        assert_eq!(found(&world, attempt.id).await.state, outcome(&world));
    }
}

#[tokio::test]
async fn a_handle_does_not_work_for_another_connection_nor_in_another_spelling() {
    for world in world().await {
        let attempt = started(&world).await;
        send(&world, &attempt, world.connection, "handle").await.unwrap();
        let other = settle(&world, world.other_connection, "handle").await;
        assert!(matches!(other, Err(AttemptError::NotAllowed)), "{}", world.engine());
        for wrong in ["handl", "handle ", "HANDLE", ""] {
            assert!(settle(&world, world.connection, wrong).await.is_err(), "{wrong}");
        }
        settle(&world, world.connection, "handle").await.unwrap();
    }
}

#[tokio::test]
async fn leaving_again_makes_the_earlier_handle_worthless() {
    for world in world().await {
        let attempt = started(&world).await;
        send(&world, &attempt, world.connection, "first").await.unwrap();
        send(&world, &attempt, world.connection, "second").await.unwrap();
        assert!(settle(&world, world.connection, "first").await.is_err());
        settle(&world, world.connection, "second").await.unwrap();
    }
}

#[tokio::test]
async fn nothing_happens_to_an_expired_attempt() {
    for world in world().await {
        let attempt = started(&world).await;
        send(&world, &attempt, world.connection, "handle").await.unwrap();
        world.advance(TTL_SECONDS);
        assert!(found(&world, attempt.id).await.is_expired(world.op().at));
        assert!(settle(&world, world.connection, "handle").await.is_err());
        assert!(send(&world, &attempt, world.connection, "late").await.is_err());
    }
}

#[tokio::test]
async fn an_attempt_is_concluded_once() {
    for world in world().await {
        let attempt = started(&world).await;
        send(&world, &attempt, world.connection, "handle").await.unwrap();
        settle(&world, world.connection, "handle").await.unwrap();
        let conclude = || {
            let (op, id) = (world.op(), attempt.id);
            world.store().write(move |tx| attempts::conclude(tx, &op, id, &State::Finished))
        };
        let outcomes = join_all((0..20).map(|_| conclude())).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{}", world.engine());
        assert_eq!(found(&world, attempt.id).await.state, State::Finished);
        assert!(send(&world, &attempt, world.connection, "again").await.is_err());
    }
}

#[tokio::test]
async fn starting_again_repeats_the_request_in_the_same_browser_only() {
    for world in world().await {
        let attempt = started(&world).await;
        world.advance(TTL_SECONDS);
        let again = |binding: &'static str| {
            let (op, attempt) = (world.op(), attempt.clone());
            world.store().write(move |tx| attempts::start_again(tx, &op, &attempt, &secret(binding), TTL_SECONDS))
        };
        assert!(matches!(again("another browser").await, Err(AttemptError::NotAllowed)));
        let fresh = found(&world, again("browser").await.unwrap()).await;
        assert_ne!(fresh.id, attempt.id);
        assert_eq!((fresh.request.clone(), fresh.state.clone()), (attempt.request.clone(), State::Started));
        assert!(!fresh.is_expired(world.op().at));
    }
}

#[tokio::test]
async fn a_refusal_is_kept_with_its_reason() {
    for world in world().await {
        let attempt = started(&world).await;
        send(&world, &attempt, world.connection, "handle").await.unwrap();
        let refusal = State::Refused(Refusal::Declined { code: "access_denied".to_owned() });
        let (op, connection, stored) = (world.op(), world.connection, refusal.clone());
        let settled = world.store().write(move |tx| attempts::settle(tx, &op, connection, "handle", &stored)).await;
        settled.unwrap();
        assert_eq!(found(&world, attempt.id).await.state, refusal);
    }
}

#[tokio::test]
async fn expired_attempts_go_at_once_and_no_live_one_does() {
    for world in world().await {
        let attempt = started(&world).await;
        let start = world.op().at;
        let long_ago = start.plus_seconds(-3_600);
        let sweep = async |seconds: i64| {
            let now = start.plus_seconds(seconds);
            let swept = world.store().write(move |tx| crate::store::expiry::delete_expired(tx, now, long_ago, 10));
            swept.await.unwrap()
        };
        assert_eq!(sweep(TTL_SECONDS).await, 0, "{}", world.engine());
        assert_eq!(sweep(TTL_SECONDS + 1).await, 1, "{}", world.engine());
        let id = attempt.id;
        assert!(world.store().read(move |tx| attempts::find(tx, id)).await.unwrap().is_none());
    }
}
