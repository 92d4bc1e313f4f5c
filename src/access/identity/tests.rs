use super::{AssertedIdentity, FEDERATED_ACR, FEDERATED_AMR, IdentityError, Outcome, accept, refuse};
use crate::access::attempts::refusal::Refusal;
use crate::access::attempts::state::{Sent, State, Upstream};
use crate::access::attempts::{self, NewAttempt};
use crate::access::testing::{World, world};
use crate::directory::{accounts, connections};
use crate::values::clock::Timestamp;
use crate::values::ids::AttemptId;
use crate::values::secret::Secret;

/// An attempt that waits for an answer of the world's connection under `handle`.
async fn waiting(world: &World, handle: &str) -> AttemptId {
    let (op, application, connection, request) = (world.op(), world.application, world.connection, world.request());
    let handle = Secret::from(handle.to_owned());
    let write = world.store().write(move |tx| {
        let binding = Secret::from("browser".to_owned());
        let new = NewAttempt { application, request: &request, binding: &binding, ttl_seconds: 900 };
        let id = attempts::start(tx, &op, &new)?;
        let upstream = Upstream::Saml { request_id: "_request".to_owned(), issued_at: Timestamp::from_seconds(1) };
        let address = "ada@acme.test".parse().unwrap();
        attempts::send(tx, &op, id, &address, &Sent { connection, upstream }, &handle)?;
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
        groups: vec![],
        authn_instant: world.op().at.plus_seconds(-5),
        amr: vec!["pwd".to_owned(), "otp".to_owned()],
        acr: Some("urn:acme:loa:2".to_owned()),
        session_expires_at: Some(world.op().at.plus_seconds(600)),
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
            assert_eq!(identified.auth_time, world.op().at.plus_seconds(-5));
            assert_eq!(identified.session_expires_at, Some(world.op().at.plus_seconds(600)));
        }
        assert_eq!(world.entries("identity.linked").await.len(), 1, "{}", world.engine());
    }
}

#[tokio::test]
async fn what_the_provider_leaves_out_or_overdoes_gets_a_safe_value() {
    for world in world().await {
        let attempt = waiting(&world, "handle").await;
        let asserted = AssertedIdentity {
            amr: vec!["two words".to_owned(), String::new(), "x".repeat(500)],
            acr: Some("line\nbreak".to_owned()),
            authn_instant: world.op().at.plus_seconds(3_600),
            ..ada(&world)
        };
        take(&world, "handle", asserted).await.unwrap();
        let State::Identified(identified) = world.state_of(attempt).await else { panic!("not identified") };
        assert_eq!((identified.amr, identified.acr.as_str()), (vec![FEDERATED_AMR.to_owned()], FEDERATED_ACR));
        assert_eq!(identified.auth_time, world.op().at);
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
        let entries = world.entries("sign_in.refused").await;
        assert_eq!(entries.len(), 1, "{}", world.engine());
        assert_eq!(
            (entries[0]["code"].as_str(), entries[0]["detail"].as_str()),
            (Some("upstream_declined"), Some("access_denied"))
        );
    }
}
