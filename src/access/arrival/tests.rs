use futures_util::future::join_all;
use serde_json::json;

use super::{Arrival, ArrivalError, Presented, Terms, arrive};
use crate::access::attempts::refusal::Refusal;
use crate::access::attempts::state::State;
use crate::access::attempts::{self, Attempt, NewAttempt};
use crate::access::grants::Lifetimes;
use crate::access::identity;
use crate::access::identity::AssertedIdentity;
use crate::access::sessions::testing::guest_of_globex;
use crate::access::sessions::{self, Limits};
use crate::access::testing::{World, by_password, world};
use crate::access::traces;
use crate::directory::{accounts, connections};
use crate::protocol::oidc::authorization::AuthorizationRequest;
use crate::protocol::oidc::error::ErrorCode;
use crate::store::failure::StoreError;
use crate::store::identities::{self, IdentityRow};
use crate::store::saml_sessions::{self, SamlSessionRow};
use crate::store::traces::Wanted;
use crate::store::{Tx, devices, scratch};
use crate::values::ids::AccountId;
use crate::values::page::PageRequest;
use crate::values::secret::{Secret, TokenHash};

const TERMS: Terms = Terms {
    session: Limits { idle_seconds: 3_600, absolute_seconds: 36_000 },
    lifetimes: Lifetimes { code_seconds: 60, access_token_seconds: 600, refresh_token_seconds: 3_600 },
};

fn browser() -> Secret {
    Secret::from("browser".to_owned())
}

async fn identified(world: &World) -> (Attempt, Secret) {
    let attempt = world.start_attempt(&browser()).await;
    let arrival = world.answer(&attempt, "ada@acme.test").await;
    (attempt, arrival)
}

async fn come_back(world: &World, attempt: &Attempt, presented: Presented) -> Result<Arrival, ArrivalError> {
    let (op, id) = (world.op(), attempt.id);
    world.store().write(move |tx| arrive(tx, &op, id, &presented, TERMS)).await
}

fn bringing(arrival: &Secret) -> Presented {
    Presented { binding: browser(), session: None, arrival: Some(arrival.clone()), device: None }
}

async fn signed_in(world: &World, session: Option<Secret>) -> Secret {
    let (attempt, arrival) = identified(world).await;
    match come_back(world, &attempt, Presented { session, ..bringing(&arrival) }).await.unwrap() {
        Arrival::SignedIn { session_token, answer: Ok(_), .. } => session_token,
        other => panic!("not signed in: {other:?}"),
    }
}

async fn is_live(world: &World, token: &Secret) -> bool {
    let (op, token) = (world.op(), token.clone());
    world.store().read(move |tx| sessions::find_live(tx, &op, &token, TERMS.session)).await.unwrap().is_some()
}

async fn deactivate(world: &World) {
    let (op, account, organization) = (world.operator(), world.ada, world.organization);
    world.store().write(move |tx| accounts::deactivate(tx, &op, organization, account)).await.unwrap();
}

#[tokio::test]
async fn the_right_browser_gets_a_session_and_a_code_once() {
    for world in world().await {
        let (attempt, arrival) = identified(&world).await;
        let arrived = come_back(&world, &attempt, bringing(&arrival)).await.unwrap();
        let Arrival::SignedIn { session_token, request, answer, .. } = arrived else { panic!("not signed in") };
        assert!(answer.is_ok());
        assert_eq!(*request, world.request());
        assert!(is_live(&world, &session_token).await);
        assert_eq!(world.entries("sign_in.succeeded").await.len(), 1, "{}", world.engine());
        let again = come_back(&world, &attempt, bringing(&arrival)).await.unwrap();
        assert!(matches!(again, Arrival::AlreadyFinished), "{}", world.engine());
    }
}

#[tokio::test]
async fn another_browser_gets_nothing() {
    for world in world().await {
        let (attempt, arrival) = identified(&world).await;
        let other = Presented { binding: Secret::from("another browser".to_owned()), ..bringing(&arrival) };
        assert!(matches!(come_back(&world, &attempt, other).await, Err(ArrivalError::NotFound)));
        assert!(matches!(world.state_of(attempt.id).await, State::Identified(_)), "{}", world.engine());
    }
}

/// Whoever begins a sign-in and lets somebody else answer it gets neither their session nor word of a refusal.
#[tokio::test]
async fn the_browser_that_began_gets_nothing_unless_it_brought_the_answer() {
    for world in world().await {
        let (_, of_another) = identified(&world).await;
        for address in ["ada@acme.test", "eve@acme.test"] {
            let attempt = world.start_attempt(&browser()).await;
            let arrival = world.answer(&attempt, address).await;
            let settled = world.state_of(attempt.id).await;
            for shown in [None, Some(Secret::from(String::new())), Some(of_another.clone())] {
                let presented = Presented { arrival: shown, ..bringing(&arrival) };
                let arrived = come_back(&world, &attempt, presented).await;
                assert!(matches!(arrived, Err(ArrivalError::NotFound)), "{}: {arrived:?}", world.engine());
                assert_eq!(world.state_of(attempt.id).await, settled, "{}", world.engine());
            }
            assert!(come_back(&world, &attempt, bringing(&arrival)).await.is_ok(), "{}", world.engine());
        }
    }
}

#[tokio::test]
async fn the_session_that_the_browser_had_before_ends() {
    for world in world().await {
        let first = signed_in(&world, None).await;
        let second = signed_in(&world, Some(first.clone())).await;
        assert!(!is_live(&world, &first).await, "{}", world.engine());
        assert!(is_live(&world, &second).await, "{}", world.engine());
        assert_eq!(world.entries("session.ended").await.len(), 1, "{}", world.engine());
    }
}

#[tokio::test]
async fn whoever_is_deactivated_on_the_way_is_refused_at_the_door() {
    for world in world().await {
        let (attempt, arrival) = identified(&world).await;
        deactivate(&world).await;
        let arrived = come_back(&world, &attempt, bringing(&arrival)).await.unwrap();
        assert!(matches!(arrived, Arrival::Refused { refusal: Refusal::AccountInactive, .. }), "{}", world.engine());
        let state = world.state_of(attempt.id).await;
        assert!(matches!(state, State::Refused(Refusal::AccountInactive)), "{}: {state:?}", world.engine());
        assert_eq!(world.entries("sign_in.refused").await.len(), 1, "{}", world.engine());
        assert!(world.entries("sign_in.succeeded").await.is_empty());
        let [trace] = &traces_of(&world).await[..] else { panic!("not one trace") };
        assert_eq!((trace.outcome.as_str(), trace.code.as_deref()), ("refused", Some("account_inactive")));
    }
}

async fn traces_of(world: &World) -> Vec<traces::Trace> {
    let (op, organization) = (world.operator(), world.organization);
    let (all, request) = (Wanted::default(), PageRequest::new(None, None).unwrap());
    world.store().read(move |tx| traces::page(tx, &op, organization, &all, &request)).await.unwrap().items
}

/// By credentials of their own: there is no connection to trace, and an entry all the same.
#[tokio::test]
async fn whoever_is_deactivated_after_a_password_leaves_an_entry() {
    for world in world().await {
        let attempt = world.start_attempt(&browser()).await;
        let (op, begun, account, organization) = (world.op(), attempt.clone(), world.ada, world.organization);
        let write = world.store().write(move |tx| {
            let who = by_password(tx, &op, organization, account)?;
            Ok::<_, StoreError>(attempts::identify_here(tx, &op, &begun, who).unwrap())
        });
        let arrival = write.await.unwrap();
        deactivate(&world).await;
        let arrived = come_back(&world, &attempt, bringing(&arrival)).await.unwrap();
        assert!(matches!(arrived, Arrival::Refused { refusal: Refusal::AccountInactive, .. }), "{}", world.engine());
        assert_eq!(world.entries("sign_in.refused").await[0]["code"], "account_inactive");
    }
}

#[tokio::test]
async fn what_one_provider_said_of_an_attempt_is_of_no_session_that_another_one_opens() {
    for world in world().await {
        let (attempt, arrival) = identified(&world).await;
        let (id, org_id, connection_id, at) = (attempt.id, world.organization, world.other_connection, world.op().at);
        let insert = world.store().write(move |tx| {
            let row = SamlSessionRow {
                attempt_id: id,
                org_id,
                connection_id,
                subject: "00u1".to_owned(),
                name: "00u1".to_owned(),
                format: String::new(),
                name_qualifier: None,
                sp_name_qualifier: None,
                session_index: None,
                session_id: None,
                expires_at: at.plus_seconds(3_600),
            };
            saml_sessions::insert(tx, &row)
        });
        insert.await.unwrap();
        let arrived = come_back(&world, &attempt, bringing(&arrival)).await.unwrap();
        let Arrival::SignedIn { session_token, .. } = arrived else { panic!("not signed in") };
        let op = world.op();
        let find = world.store().read(move |tx| {
            let session = sessions::find_live(tx, &op, &session_token, TERMS.session)?.unwrap();
            saml_sessions::of_session(tx, session.id)
        });
        assert!(find.await.unwrap().is_none(), "{}", world.engine());
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Disable,
    Delete,
}

async fn switch_off(world: &World, change: Change) {
    let (op, organization, id) = (world.operator(), world.organization, world.connection);
    let write = world.store().write(move |tx| match change {
        Change::Disable => connections::disable(tx, &op, organization, id).map(drop),
        Change::Delete => connections::delete(tx, &op, organization, id),
    });
    write.await.unwrap();
}

/// CVE-2026-9098: the identity provider has answered, and then the connection is switched off.
#[tokio::test]
async fn an_answer_does_not_outlive_its_connection() {
    for change in [Change::Disable, Change::Delete] {
        for world in world().await {
            let (attempt, arrival) = identified(&world).await;
            switch_off(&world, change).await;
            let arrived = come_back(&world, &attempt, bringing(&arrival)).await.unwrap();
            let is_refused = matches!(arrived, Arrival::Refused { refusal: Refusal::ConnectionInactive, .. });
            assert!(is_refused, "{}: {change:?}: {arrived:?}", world.engine());
            assert_eq!(world.entries("sign_in.refused").await.len(), 1, "{}", world.engine());
            assert!(world.entries("sign_in.succeeded").await.is_empty());
        }
    }
}

#[tokio::test]
async fn a_session_ends_with_its_connection_and_stays_so() {
    for change in [Change::Disable, Change::Delete] {
        for world in world().await {
            let token = signed_in(&world, None).await;
            switch_off(&world, change).await;
            assert!(!is_live(&world, &token).await, "{}: {change:?}", world.engine());
            let action = if change == Change::Disable { "connection.disabled" } else { "connection.deleted" };
            assert_eq!(world.entries(action).await[0]["ended"], json!({ "sessions": 1, "grants": 1 }));
            if change == Change::Disable {
                let (op, organization, id) = (world.operator(), world.organization, world.connection);
                world.store().write(move |tx| connections::enable(tx, &op, organization, id)).await.unwrap();
                assert!(!is_live(&world, &token).await, "{}: enabled again", world.engine());
                assert!(is_live(&world, &signed_in(&world, None).await).await, "{}", world.engine());
            }
        }
    }
}

#[tokio::test]
async fn looking_at_an_attempt_tells_what_there_is_to_say_and_leaves_the_rest_to_the_arrival() {
    for world in world().await {
        let look = async |attempt: &Attempt, presented: Presented| {
            let (op, id) = (world.op(), attempt.id);
            world.store().read(move |tx| super::look(tx, &op, id, &presented)).await
        };
        let (attempt, arrival) = identified(&world).await;
        assert!(look(&attempt, bringing(&arrival)).await.unwrap().is_none(), "{}", world.engine());
        let other = Presented { arrival: None, ..bringing(&arrival) };
        assert!(matches!(look(&attempt, other).await, Err(ArrivalError::NotFound)));
        come_back(&world, &attempt, bringing(&arrival)).await.unwrap();
        assert!(matches!(look(&attempt, bringing(&arrival)).await, Ok(Some(Arrival::AlreadyFinished))));
        let begun = world.start_attempt(&browser()).await;
        assert!(matches!(look(&begun, bringing(&arrival)).await, Ok(Some(Arrival::AskAddress))));
        let refused = world.start_attempt(&browser()).await;
        let arrival = world.answer(&refused, "eve@acme.test").await;
        assert!(matches!(look(&refused, bringing(&arrival)).await, Ok(Some(Arrival::Refused { .. }))));
    }
}

#[tokio::test]
async fn a_deactivation_ends_sessions_and_a_reactivation_does_not_revive_them() {
    for world in world().await {
        let token = signed_in(&world, None).await;
        deactivate(&world).await;
        assert!(!is_live(&world, &token).await, "{}", world.engine());
        let (op, account, organization) = (world.operator(), world.ada, world.organization);
        world.store().write(move |tx| accounts::reactivate(tx, &op, organization, account)).await.unwrap();
        assert!(!is_live(&world, &token).await, "{}", world.engine());
        assert!(is_live(&world, &signed_in(&world, None).await).await, "{}", world.engine());
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_when_its_cookie_is_cut_short() {
    for world in world().await {
        let token = signed_in(&world, None).await;
        let text = token.expose();
        for other in [&text[..text.len() - 1], &text[1..], &text.to_uppercase()] {
            assert!(!is_live(&world, &Secret::from(other.to_owned())).await, "{}", world.engine());
        }
        world.advance(TERMS.session.idle_seconds - 1);
        assert!(is_live(&world, &token).await, "{}", world.engine());
        world.advance(1);
        assert!(!is_live(&world, &token).await, "{}", world.engine());
    }
}

#[tokio::test]
async fn an_attempt_that_took_too_long_can_only_be_begun_again() {
    for world in world().await {
        let (attempt, arrival) = identified(&world).await;
        world.advance(900);
        let arrived = come_back(&world, &attempt, bringing(&arrival)).await.unwrap();
        assert!(matches!(arrived, Arrival::Expired(_)), "{}", world.engine());
    }
}

#[tokio::test]
async fn of_many_requests_at_the_same_time_one_gets_the_session() {
    for world in world().await {
        let (attempt, arrival) = identified(&world).await;
        let arrivals = join_all((0..10).map(|_| come_back(&world, &attempt, bringing(&arrival)))).await;
        let signed_in = arrivals.iter().filter(|arrival| matches!(arrival, Ok(Arrival::SignedIn { .. }))).count();
        assert_eq!(signed_in, 1, "{}", world.engine());
        assert_eq!(world.entries("sign_in.succeeded").await.len(), 1, "{}", world.engine());
    }
}

async fn answer_when_hinted(world: &World, hinted: AccountId) -> Result<Secret, ErrorCode> {
    let (op, application) = (world.op(), world.application);
    let request = AuthorizationRequest { hinted_account: Some(hinted), ..world.request() };
    let write = world.store().write(move |tx| {
        let binding = browser();
        let id = op.new_id();
        let new = NewAttempt { id, application, request: &request, binding: &binding, ttl_seconds: 900, landing: None };
        attempts::start(tx, &op, &new)?;
        Ok::<_, StoreError>(attempts::find(tx, id)?.unwrap())
    });
    let attempt = write.await.unwrap();
    let arrival = world.answer(&attempt, "ada@acme.test").await;
    match come_back(world, &attempt, bringing(&arrival)).await.unwrap() {
        Arrival::SignedIn { answer, .. } => answer.map_err(|error| error.code),
        other => panic!("not signed in: {other:?}"),
    }
}

// OpenID Connect Core 3.1.2.1, id_token_hint
#[tokio::test]
async fn an_application_that_hinted_at_somebody_else_gets_an_error_and_no_code() {
    for world in world().await {
        assert!(answer_when_hinted(&world, world.ada).await.is_ok(), "{}", world.engine());
        let other = AccountId::from_bytes(&[7; 16]).unwrap();
        let refused = answer_when_hinted(&world, other).await;
        assert!(matches!(refused, Err(ErrorCode::LoginRequired)), "{}", world.engine());
    }
}

/// The sessions that a connection has opened end with it, and none comes after.
#[tokio::test]
async fn nobody_arrives_through_a_connection_that_goes_at_that_moment() {
    for change in [Change::Disable, Change::Delete] {
        for world in world().await {
            let (attempt, arrival) = identified(&world).await;
            let (op, organization, id) = (world.operator(), world.organization, world.connection);
            let switch_off = move |tx: &mut Tx<'_>| {
                match change {
                    Change::Disable => drop(connections::disable(tx, &op, organization, id).unwrap()),
                    Change::Delete => connections::delete(tx, &op, organization, id).unwrap(),
                }
                Ok(())
            };
            let arrived = come_back(&world, &attempt, bringing(&arrival));
            let (_, arrived) = scratch::overlap(world.store(), switch_off, arrived).await;
            let is_refused = matches!(arrived, Ok(Arrival::Refused { refusal: Refusal::ConnectionInactive, .. }));
            assert!(is_refused, "{}: {change:?}: {arrived:?}", world.engine());
        }
    }
}

/// Who could make browsers known could guess the password in them unhindered, and push out those that are the person's.
#[tokio::test]
async fn d7_a_browser_becomes_known_by_the_persons_own_organization_and_by_no_other() {
    for world in world().await {
        let guest = guest_of_globex(&world, world.ada).await;
        let asserted = AssertedIdentity {
            connection: guest.connection,
            organization: guest.globex,
            subject: "a guest".to_owned(),
            email: None,
            ..world.asserted()
        };
        let (op, ada) = (world.op(), world.ada);
        let row = IdentityRow {
            id: op.new_id(),
            org_id: guest.globex,
            connection_id: guest.connection,
            subject: asserted.subject.clone(),
            account_id: ada,
            created_at: op.at,
            last_sign_in_at: op.at,
        };
        assert!(world.store().write(move |tx| identities::insert_if_new(tx, &row)).await.unwrap());
        for (asserted, is_known) in [(asserted, false), (world.asserted(), true)] {
            let device = Secret::from(format!("device of {}", asserted.subject));
            let (attempt, handle) = world.depart(asserted.connection).await;
            let op = world.op();
            let accept = world.store().write(move |tx| identity::accept(tx, &op, handle.expose(), &asserted));
            let arrival = accept.await.unwrap().arrival;
            let presented = Presented { device: Some(device.clone()), ..bringing(&arrival) };
            let op = world.op();
            let arrive = world.store().write(move |tx| arrive(tx, &op, attempt, &presented, TERMS)).await.unwrap();
            let Arrival::SignedIn { device_token, .. } = arrive else { panic!("not signed in: {arrive:?}") };
            assert_eq!(device_token.is_some(), is_known, "{}", world.engine());
            let (op, hash) = (world.op(), TokenHash::of(device.expose()));
            let found = world.store().read(move |tx| devices::is_known(tx, ada, &hash, op.at)).await.unwrap();
            assert_eq!(found, is_known, "{}", world.engine());
        }
    }
}
