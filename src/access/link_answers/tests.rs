use super::{Asks, Compared, FRESH_SECONDS, LinkAnswerError, accept, look};
use crate::access::attempts::refusal::Refusal;
use crate::access::passwords::{self, Cost, PasswordHash};
use crate::access::sessions::Session;
use crate::access::testing::{LINKING, World, world};
use crate::directory::connection_policy::{self, ConnectionPolicy, LinkingRule};
use crate::directory::link_requests;
use crate::directory::sso_policy::SsoPolicy;
use crate::keys::sealing::Sealer;
use crate::protocol::totp;
use crate::record::jobs::Job;
use crate::record::notice::PersonNotice;
use crate::store::failure::StoreError;
use crate::store::totp_factors::{self, TotpFactorRow};
use crate::store::{Tx, jobs};
use crate::values::operation::Operation;
use crate::values::password::Password;
use crate::values::secret::Secret;

const KEY: [u8; 20] = [9; 20];

fn sealer() -> Sealer {
    Sealer::new(&[Secret::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned())]).unwrap()
}

/// The hash of Ada's password. Each is another one.
fn hash(salt: u8) -> PasswordHash {
    let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    PasswordHash::of(&Password::typed("correct horse"), [salt; 16], cost).unwrap()
}

/// Ada is asked, and this is the link of the mail.
async fn asked(world: &World) -> String {
    let (op, organization, connection) = (world.operator(), world.organization, world.connection);
    let policy = ConnectionPolicy { linking: LinkingRule::Ask, ..LINKING };
    let set = world.store().write(move |tx| connection_policy::set(tx, &op, organization, connection, policy));
    set.await.unwrap();
    assert_eq!(world.sign_in(world.asserted()).await, Err(Refusal::LinkAsked));
    let op = world.op();
    let letter = world.store().write(move |tx| {
        let payloads = jobs::payloads(tx, "send_link_request")?;
        let Ok(Job::SendLinkRequest { organization, request }) = serde_json::from_str(payloads.last().unwrap()) else {
            panic!("another job")
        };
        link_requests::write_letter(tx, &op, organization, request)
    });
    letter.await.unwrap().unwrap().token.expose().to_owned()
}

async fn give(world: &World, work: impl FnOnce(&mut Tx<'_>, &Operation) + Send + 'static) {
    let op = world.op();
    let write = world.store().write(move |tx| {
        work(tx, &op);
        Ok::<_, StoreError>(())
    });
    write.await.unwrap();
}

async fn give_password(world: &World) {
    let ada = world.ada;
    give(world, move |tx, op| passwords::set(tx, op, &sealer(), ada, &hash(7)).unwrap()).await;
}

async fn give_factor(world: &World) {
    let ada = world.ada;
    give(world, move |tx, op| {
        let sealed_secret = sealer().seal(&KEY, &crate::access::second_factors::place(ada)).unwrap();
        let row = TotpFactorRow { account_id: ada, sealed_secret, last_step: 0, confirmed_at: op.at };
        totp_factors::insert(tx, &row).unwrap();
    })
    .await;
}

async fn asks(world: &World, token: &str, session: Option<Session>) -> Asks {
    let (op, token) = (world.op(), token.to_owned());
    world.store().read(move |tx| look(tx, &op, &sealer(), &token, session.as_ref())).await.unwrap().1
}

/// Says yes; true when it is linked then, false when the code was wrong.
async fn say_yes(
    world: &World,
    token: &str,
    session: Option<Session>,
    typed: Option<(PasswordHash, String)>,
) -> Result<bool, LinkAnswerError> {
    let (op, token) = (world.op(), token.to_owned());
    let typed = typed.map(|(with, code)| Compared { with, code: Secret::from(code) });
    let answer = world.store().write(move |tx| accept(tx, &op, &sealer(), &token, session.as_ref(), typed.as_ref()));
    answer.await.map(|linked| linked.is_some())
}

/// The session that Ada has opened by her own password now.
fn own_session(world: &World) -> Session {
    let op = world.op();
    Session {
        id: op.new_id(),
        account: world.ada,
        organization: world.organization,
        connection: None,
        session_epoch: 0,
        amr: vec!["pwd".to_owned()],
        acr: String::new(),
        auth_time: Some(op.at),
        created_at: op.at,
        last_seen_at: op.at,
        expires_at: op.at.plus_seconds(3_600),
    }
}

async fn linked_by(world: &World) -> Vec<String> {
    let entries = world.entries("identity.linked").await;
    entries.iter().map(|entry| entry["by"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn the_mailbox_alone_speaks_for_an_account_without_credentials_of_its_own() {
    for world in world().await {
        let token = asked(&world).await;
        assert_eq!(asks(&world, &token, None).await, Asks::Nothing, "{}", world.engine());
        assert!(say_yes(&world, &token, None, None).await.unwrap());
        assert_eq!(linked_by(&world).await, ["mail"], "{}", world.engine());
    }
}

/// Whoever reads the mail of somebody who has a password does not get an identity linked to their account by it.
#[tokio::test]
async fn whoever_has_a_password_says_yes_by_it_and_not_by_their_mailbox() {
    for world in world().await {
        let token = asked(&world).await;
        give_password(&world).await;
        assert_eq!(asks(&world, &token, None).await, Asks::Password, "{}", world.engine());
        for (what, typed) in [("nothing", None), ("the one before", Some((hash(8), String::new())))] {
            let said = say_yes(&world, &token, None, typed).await;
            assert!(matches!(said, Err(LinkAnswerError::NotProved)), "{}: {what}: {said:?}", world.engine());
        }
        assert!(linked_by(&world).await.is_empty(), "{}", world.engine());
        assert!(say_yes(&world, &token, None, Some((hash(7), String::new()))).await.unwrap());
        assert_eq!(linked_by(&world).await, ["own_credentials"], "{}", world.engine());
    }
}

#[tokio::test]
async fn whoever_has_a_second_factor_says_yes_by_a_code_of_it_as_well() {
    for world in world().await {
        let token = asked(&world).await;
        give_password(&world).await;
        give_factor(&world).await;
        assert_eq!(asks(&world, &token, None).await, Asks::PasswordAndCode, "{}", world.engine());
        assert!(!say_yes(&world, &token, None, Some((hash(7), "000000".to_owned()))).await.unwrap());
        assert!(linked_by(&world).await.is_empty(), "{}", world.engine());
        let code = totp::code(&KEY, totp::step_at(world.op().at));
        assert!(say_yes(&world, &token, None, Some((hash(7), code))).await.unwrap(), "{}", world.engine());
        assert_eq!(linked_by(&world).await, ["own_credentials"], "{}", world.engine());
    }
}

#[tokio::test]
async fn a_session_by_own_credentials_says_yes_for_ten_minutes_and_no_other_does() {
    for world in world().await {
        let token = asked(&world).await;
        give_password(&world).await;
        let own = own_session(&world);
        let by_connection = Session { connection: Some(world.other_connection), ..own.clone() };
        let of_somebody_else = Session { account: world.op().new_id(), ..own.clone() };
        let unsaid = Session { auth_time: None, ..own.clone() };
        for session in [by_connection, of_somebody_else, unsaid] {
            assert_eq!(asks(&world, &token, Some(session)).await, Asks::Password, "{}", world.engine());
        }
        world.advance(FRESH_SECONDS);
        assert_eq!(asks(&world, &token, Some(own.clone())).await, Asks::Password, "{}: too old", world.engine());
        world.advance(-1);
        assert_eq!(asks(&world, &token, Some(own.clone())).await, Asks::NothingMore, "{}", world.engine());
        assert!(say_yes(&world, &token, Some(own), None).await.unwrap());
        assert_eq!(linked_by(&world).await, ["own_credentials"], "{}", world.engine());
    }
}

/// A password that they may not use proves nothing, and nobody could type it.
#[tokio::test]
async fn a_password_that_single_sign_on_has_ended_is_not_asked_for() {
    for world in world().await {
        let token = asked(&world).await;
        give_password(&world).await;
        world.set_policy(SsoPolicy::Required).await;
        assert_eq!(asks(&world, &token, None).await, Asks::Nothing, "{}", world.engine());
    }
}

#[tokio::test]
async fn whoever_has_said_yes_is_told_that_there_is_another_way_in() {
    for world in world().await {
        let token = asked(&world).await;
        assert!(say_yes(&world, &token, None, None).await.unwrap());
        let told = world.store().read(|tx| jobs::payloads(tx, "tell_person")).await.unwrap();
        let is_told = |payload: &String| {
            let job = serde_json::from_str(payload).unwrap();
            matches!(job, Job::TellPerson { account, notice: PersonNotice::IdentityLinked, .. } if account == world.ada)
        };
        assert_eq!(told.iter().filter(|payload| is_told(payload)).count(), 1, "{}: {told:?}", world.engine());
    }
}
