//! Whom a connection brings for the first time, and who is asked by mail whether it is them.

use super::{LinkRequestError, SaidBy, accept, write_letter};
use crate::access::attempts::refusal::Refusal;
use crate::access::identity::AssertedIdentity;
use crate::access::testing::{LINKING, World, world};
use crate::directory::accounts;
use crate::directory::connection_policy::{self, ConnectionPolicy, LinkingRule};
use crate::directory::connection_route::{self, ConnectionRoute};
use crate::directory::connections::provider;
use crate::directory::domains::proof::{Answer, record_value};
use crate::directory::domains::state::GRACE_SECONDS;
use crate::directory::matching::Matching;
use crate::record::jobs::Job;
use crate::store::identities::{self, IdentityRow};
use crate::store::{Tx, accounts as account_rows, jobs, link_requests as rows, scratch};
use crate::values::ids::LinkRequestId;
use crate::values::secret::{Secret, TokenHash};

async fn set(world: &World, linking: LinkingRule) {
    let (op, organization, connection) = (world.operator(), world.organization, world.connection);
    let policy = ConnectionPolicy { linking, ..LINKING };
    let set = world.store().write(move |tx| connection_policy::set(tx, &op, organization, connection, policy));
    set.await.unwrap();
}

/// What the job of the newest mail would put into its link.
async fn link_of_the_mail(world: &World) -> Option<String> {
    let op = world.op();
    let write = world.store().write(move |tx| {
        let payloads = jobs::payloads(tx, "send_link_request")?;
        let Some(payload) = payloads.last() else { return Ok(None) };
        let Ok(Job::SendLinkRequest { organization, request }) = serde_json::from_str(payload) else {
            panic!("another job: {payload}")
        };
        write_letter(tx, &op, organization, request)
    });
    write.await.unwrap().map(|letter| letter.token.expose().to_owned())
}

async fn say_yes(world: &World, token: &str) -> Result<(), LinkRequestError> {
    let (op, token) = (world.op(), token.to_owned());
    world.store().write(move |tx| accept(tx, &op, &token, SaidBy::Mailbox)).await.map(drop)
}

/// Linking with re-authentication: the mailbox of the account says yes, once, to this very subject.
#[tokio::test]
async fn whoever_is_asked_is_linked_by_their_own_yes_only() {
    for world in world().await {
        set(&world, LinkingRule::Ask).await;
        for _ in 0..2 {
            assert_eq!(world.sign_in(world.asserted()).await, Err(Refusal::LinkAsked), "{}", world.engine());
        }
        assert_eq!(world.entries("identity.link_asked").await.len(), 1, "one mail, however often they try");
        assert!(world.entries("identity.linked").await.is_empty());
        let older = link_of_the_mail(&world).await.unwrap();
        let token = link_of_the_mail(&world).await.unwrap();
        for dead in [&*older, "cw_link_nonsense", &token[..token.len() - 1], ""] {
            assert!(matches!(say_yes(&world, dead).await, Err(LinkRequestError::Dead)), "{dead}");
        }
        say_yes(&world, &token).await.unwrap();
        let linked = world.entries("identity.linked").await;
        assert!(linked.len() == 1 && linked[0]["by"] == "mail", "{}: {linked:?}", world.engine());
        assert!(matches!(say_yes(&world, &token).await, Err(LinkRequestError::Dead)), "{}", world.engine());
        assert_eq!(world.sign_in(world.asserted()).await, Ok(world.ada));
        // CVE-2026-9087: the yes was to that subject, and the account has one at this connection.
        let second = AssertedIdentity { subject: "00u2".to_owned(), ..world.asserted() };
        assert_eq!(world.sign_in(second).await, Err(Refusal::SubjectChanged), "{}", world.engine());
    }
}

#[tokio::test]
async fn a_question_is_dead_once_what_it_asks_about_is_not_so_any_more() {
    for world in world().await {
        let (organization, ada_id) = (world.organization, world.ada);
        let asked = async || {
            set(&world, LinkingRule::Ask).await;
            world.advance(3_600);
            assert_eq!(world.sign_in(world.asserted()).await, Err(Refusal::LinkAsked));
            link_of_the_mail(&world).await.unwrap()
        };
        let dead = async |token: &str, what: &str| {
            let said = say_yes(&world, token).await;
            assert!(matches!(said, Err(LinkRequestError::Dead)), "{} {what}", world.engine());
        };
        let token = asked().await;
        world.advance(3_600);
        dead(&token, "an hour has passed").await;
        let token = asked().await;
        set(&world, LinkingRule::Never).await;
        dead(&token, "the policy asks nobody any more").await;
        let token = asked().await;
        set(&world, LinkingRule::Never).await;
        set(&world, LinkingRule::Ask).await;
        dead(&token, "the policy was another one meanwhile").await;
        let token = asked().await;
        let (op, connection) = (world.operator(), world.connection);
        let write = world.store().write(move |tx| {
            connection_route::set(
                tx,
                &op,
                organization,
                connection,
                &ConnectionRoute { priority: 2, ..Default::default() },
            )
        });
        write.await.unwrap();
        dead(&token, "whom the connection lets through was said anew").await;
        let token = asked().await;
        let (op, email) = (world.operator(), Matching::default());
        let again = world.store().write(move |tx| provider::replace_matching(tx, &op, organization, connection, email));
        again.await.unwrap();
        dead(&token, "what is compared was said anew").await;
        let token = asked().await;
        let op = world.operator();
        world.store().write(move |tx| accounts::deactivate(tx, &op, organization, ada_id)).await.unwrap();
        dead(&token, "the person was deactivated").await;
        assert_eq!(world.sign_in(world.asserted()).await, Err(Refusal::AccountInactive));
        assert!(world.entries("identity.linked").await.is_empty());
    }
}

/// Also of an address that was confirmed before: nobody is linked anew by a domain that has lapsed (decision Q15).
#[tokio::test]
async fn a_question_about_an_address_is_dead_once_its_domain_has_lapsed() {
    for world in world().await {
        set(&world, LinkingRule::Ask).await;
        let (ada, at) = (world.ada, world.op().at);
        world.store().write(move |tx| account_rows::mark_verified(tx, ada, "ada@acme.test", at)).await.unwrap();
        world.look_up_again(Answer::Absent).await;
        world.advance(GRACE_SECONDS);
        assert_eq!(world.sign_in(world.asserted()).await, Err(Refusal::LinkAsked), "{}: at risk", world.engine());
        let token = link_of_the_mail(&world).await.unwrap();
        world.look_up_again(Answer::Absent).await;
        let said = say_yes(&world, &token).await;
        assert!(matches!(said, Err(LinkRequestError::Dead)), "{}: {said:?}", world.engine());
        world.look_up_again(Answer::Records(vec![record_value("")])).await;
        say_yes(&world, &token).await.unwrap();
    }
}

/// The subject is somebody else's by now, such as by a sign-in after the policy was another one for a while.
#[tokio::test]
async fn a_yes_to_a_subject_that_is_somebody_elses_by_now_links_nobody() {
    for world in world().await {
        let (_, token) = asked(&world).await;
        let (other, op, organization, connection) =
            (world.visitor().await, world.op(), world.organization, world.connection);
        let linked = world.store().write(move |tx| {
            let row = IdentityRow {
                id: op.new_id(),
                org_id: organization,
                connection_id: connection,
                subject: "00u1".to_owned(),
                account_id: other,
                created_at: op.at,
                last_sign_in_at: op.at,
            };
            identities::insert_if_new(tx, &row)
        });
        assert!(linked.await.unwrap());
        let said = say_yes(&world, token.expose()).await;
        assert!(matches!(said, Err(LinkRequestError::Dead)), "{}: {said:?}", world.engine());
        assert!(world.entries("identity.linked").await.is_empty());
    }
}

/// Whatever subjects a provider makes up, a person hears of a few within an hour.
#[tokio::test]
async fn a_provider_that_makes_up_subjects_does_not_fill_a_mailbox() {
    for world in world().await {
        set(&world, LinkingRule::Ask).await;
        for n in 0..8 {
            let made_up = AssertedIdentity { subject: format!("made-up-{n}"), ..world.asserted() };
            assert_eq!(world.sign_in(made_up).await, Err(Refusal::LinkAsked));
        }
        assert_eq!(world.entries("identity.link_asked").await.len(), 5, "{}", world.engine());
        world.advance(3_600);
        assert_eq!(world.sign_in(world.asserted()).await, Err(Refusal::LinkAsked));
        assert_eq!(world.entries("identity.link_asked").await.len(), 6, "{}", world.engine());
    }
}

/// Which question the newest mail is about, and a link that works.
async fn asked(world: &World) -> (LinkRequestId, Secret) {
    set(world, LinkingRule::Ask).await;
    assert_eq!(world.sign_in(world.asserted()).await, Err(Refusal::LinkAsked));
    let token = Secret::from(link_of_the_mail(world).await.unwrap());
    let hash = TokenHash::of(token.expose());
    let row = world.store().read(move |tx| rows::find_by_token(tx, &hash)).await.unwrap().unwrap();
    (row.id, token)
}

#[tokio::test]
async fn nobody_is_linked_by_a_yes_whose_membership_ends_at_that_moment() {
    for world in world().await {
        let (_, token) = asked(&world).await;
        let (op, now, organization, ada) = (world.operator(), world.op(), world.organization, world.ada);
        let end = move |tx: &mut Tx<'_>| {
            accounts::end_membership(tx, &op, organization, ada).unwrap();
            Ok(())
        };
        let yes = world.store().write(move |tx| accept(tx, &now, token.expose(), SaidBy::Mailbox).map(drop));
        let (_, yes) = scratch::overlap(world.store(), end, yes).await;
        assert!(matches!(yes, Err(LinkRequestError::Dead)), "{}: {yes:?}", world.engine());
        let connection = world.connection;
        let left = world.store().read(move |tx| identities::find(tx, connection, "00u1")).await.unwrap();
        assert!(left.is_none(), "{}", world.engine());
    }
}

#[tokio::test]
async fn a_link_that_is_replaced_at_that_moment_is_dead_and_a_question_that_is_answered_gets_no_other() {
    for world in world().await {
        let (id, old) = asked(&world).await;
        let organization = world.organization;
        let replacing = || {
            let op = world.op();
            move |tx: &mut Tx<'_>| write_letter(tx, &op, organization, id)
        };
        let saying = |token: &Secret| {
            let (op, token) = (world.op(), token.clone());
            move |tx: &mut Tx<'_>| accept(tx, &op, token.expose(), SaidBy::Mailbox).map(drop)
        };
        let late = world.store().write(saying(&old));
        let (letter, late) = scratch::overlap(world.store(), replacing(), late).await;
        assert!(matches!(late, Err(LinkRequestError::Dead)), "{}: {late:?}", world.engine());
        let yes = saying(&letter.unwrap().token);
        let yes = move |tx: &mut Tx<'_>| {
            yes(tx).unwrap();
            Ok(())
        };
        let (_, another) = scratch::overlap(world.store(), yes, world.store().write(replacing())).await;
        assert!(another.unwrap().is_none(), "{}", world.engine());
    }
}
