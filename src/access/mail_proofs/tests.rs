use super::{ProofError, ProofLetter, Purpose, ask_for_address, ask_for_password, consume, look};
use crate::access::devices;
use crate::access::testing::{World, only_letter, world};
use crate::directory::accounts;
use crate::directory::profile::Profile;
use crate::directory::sso_policy::SsoPolicy;
use crate::record::jobs::Job;
use crate::store::failure::StoreError;
use crate::store::resources::{self, ResourceKind};
use crate::store::{accounts as account_rows, jobs, mail_proofs as rows};
use crate::values::email::EmailAddress;
use crate::values::ids::AccountId;
use crate::values::operation::Role;

const BEA: &str = "bea@freelance.test";

async fn make(world: &World, address: &'static str, is_verified: bool) -> AccountId {
    let (op, organization) = (world.op(), world.organization);
    let write = world.store().write(move |tx| {
        let profile = Profile { addresses: vec![address.parse().unwrap()], ..Profile::default() };
        let account = accounts::create(tx, &op, organization, &profile, Role::Member)?;
        if is_verified {
            account_rows::mark_verified(tx, account, address, op.at)?;
        }
        Ok::<_, StoreError>(account)
    });
    write.await.unwrap()
}

/// Asks for a link to `address`; the letter that goes out, if one does.
async fn ask(world: &World, address: &str) -> Option<ProofLetter> {
    let (op, address) = (world.op(), address.parse::<EmailAddress>().unwrap());
    let write = world.store().write(move |tx| {
        ask_for_password(tx, &op, &address)?;
        Ok::<_, StoreError>(only_letter(tx, &op))
    });
    write.await.unwrap()
}

async fn looks(world: &World, purpose: Purpose, token: &str) -> Result<AccountId, ProofError> {
    let (op, token) = (world.op(), token.to_owned());
    world.store().read(move |tx| look(tx, &op, purpose, &token)).await.map(|opened| opened.account)
}

#[tokio::test]
async fn a_link_is_for_its_account_its_purpose_and_half_an_hour() {
    for world in world().await {
        let bea = make(&world, BEA, true).await;
        let letter = ask(&world, BEA).await.unwrap();
        let token = letter.token.expose();
        assert_eq!(letter.address.as_str(), BEA);
        assert_eq!(looks(&world, Purpose::Password, token).await.unwrap(), bea);
        for wrong in [&token[..token.len() - 1], &token.to_uppercase(), ""] {
            assert!(matches!(looks(&world, Purpose::Password, wrong).await, Err(ProofError::Dead)), "{wrong}");
        }
        assert!(matches!(looks(&world, Purpose::Address, token).await, Err(ProofError::Dead)));
        world.advance(1_799);
        assert!(looks(&world, Purpose::Password, token).await.is_ok());
        world.advance(1);
        assert!(matches!(looks(&world, Purpose::Password, token).await, Err(ProofError::Dead)), "{}", world.engine());
    }
}

#[tokio::test]
async fn a_newer_link_replaces_the_one_before() {
    for world in world().await {
        make(&world, BEA, true).await;
        let (first, second) = (ask(&world, BEA).await.unwrap(), ask(&world, BEA).await.unwrap());
        assert!(looks(&world, Purpose::Password, first.token.expose()).await.is_err());
        assert!(looks(&world, Purpose::Password, second.token.expose()).await.is_ok());
        let (op, token) = (world.op(), second.token.expose().to_owned());
        let twice = world.store().write(move |tx| {
            consume(tx, &op, Purpose::Password, &token)?;
            Ok::<_, ProofError>(consume(tx, &op, Purpose::Password, &token).is_err())
        });
        assert!(twice.await.unwrap(), "{}", world.engine());
    }
}

/// Nobody gets a link into an account of which single sign-on is asked, nor into one of a name that somebody else
/// wrote down.
#[tokio::test]
async fn links_go_to_who_may_have_a_password_and_to_nobody_else() {
    for world in world().await {
        world.set_policy(SsoPolicy::Required).await;
        for address in ["nobody@freelance.test", "ada@acme.test"] {
            assert!(ask(&world, address).await.is_none(), "{address}");
        }
        make(&world, "owner@fresh.test", false).await;
        assert!(ask(&world, "owner@fresh.test").await.is_some(), "made by the operator and never used");
        make(&world, "twice@fresh.test", false).await;
        make(&world, "twice2@fresh.test", true).await;
        let (op, organization) = (world.op(), world.organization);
        let ambiguous = world.store().write(move |tx| {
            let addresses = vec!["twice@fresh.test".parse().unwrap()];
            let profile = Profile { addresses, ..Profile::default() };
            accounts::create(tx, &op, organization, &profile, Role::Member)
        });
        ambiguous.await.unwrap();
        assert!(ask(&world, "twice@fresh.test").await.is_none(), "two accounts: {}", world.engine());
    }
}

/// A directory can give its people anybody's address; that keeps nobody from their own account, and gives it to nobody.
#[tokio::test]
async fn a_directory_that_writes_an_owners_address_down_does_not_keep_them_out() {
    for world in world().await {
        let owner = make(&world, "owner@fresh.test", false).await;
        let user = world.push_user("pushed@acme.test").await;
        let (op, organization) = (world.op(), world.organization);
        let write = world.store().write(move |tx| {
            let row = resources::find(tx, organization, ResourceKind::User, user)?.unwrap();
            let pushed = row.account_id.unwrap();
            let profile = Profile { addresses: vec!["owner@fresh.test".parse().unwrap()], ..Profile::default() };
            accounts::update_profile(tx, &op, organization, pushed, &profile).unwrap();
            Ok::<_, StoreError>(())
        });
        write.await.unwrap();
        let letter = ask(&world, "owner@fresh.test").await.expect("a link");
        assert_eq!(looks(&world, Purpose::Password, letter.token.expose()).await.unwrap(), owner, "{}", world.engine());
    }
}

/// Only what an operator made and nobody has used is given to whoever reads the mailbox.
#[tokio::test]
async fn an_account_that_was_used_or_that_a_directory_wrote_goes_to_nobody_by_an_unverified_address() {
    for world in world().await {
        let used = make(&world, "used@fresh.test", false).await;
        let op = world.op();
        world.store().write(move |tx| devices::note(tx, &op, used, None)).await.unwrap();
        assert!(ask(&world, "used@fresh.test").await.is_none(), "{}", world.engine());
        let user = world.push_user("pushed@fresh.test").await;
        let (op, organization) = (world.op(), world.organization);
        let write = world.store().write(move |tx| {
            let row = resources::find(tx, organization, ResourceKind::User, user)?.unwrap();
            account_rows::update_state_and_end_sessions(tx, row.account_id.unwrap(), "active", op.at).map(drop)
        });
        write.await.unwrap();
        assert!(ask(&world, "pushed@fresh.test").await.is_none(), "{}", world.engine());
    }
}

#[tokio::test]
async fn a_link_that_goes_to_nobody_leaves_nothing_and_another_address_takes_the_one_before_back() {
    for world in world().await {
        let op = world.op();
        let left = world.store().write(move |tx| {
            ask_for_password(tx, &op, &"nobody@freelance.test".parse().unwrap())?;
            let asked = jobs::payloads(tx, "send_mail_proof")?;
            let Ok(Job::SendMailProof { proof }) = serde_json::from_str(&asked[0]) else { panic!("{asked:?}") };
            assert!(only_letter(tx, &op).is_none());
            rows::find(tx, proof)
        });
        assert!(left.await.unwrap().is_none(), "{}", world.engine());
        let bea = make(&world, BEA, false).await;
        let op = world.op();
        let write = world.store().write(move |tx| {
            ask_for_address(tx, &op, bea, &BEA.parse().unwrap())?;
            let token = only_letter(tx, &op).unwrap().token;
            ask_for_address(tx, &op, bea, &"other@freelance.test".parse().unwrap())?;
            Ok::<_, StoreError>(look(tx, &op, Purpose::Address, token.expose()).is_err())
        });
        assert!(write.await.unwrap(), "{}", world.engine());
    }
}

#[tokio::test]
async fn an_address_that_is_no_longer_theirs_is_not_confirmed() {
    for world in world().await {
        let bea = make(&world, BEA, false).await;
        let (op, organization) = (world.op(), world.organization);
        let write = world.store().write(move |tx| {
            ask_for_address(tx, &op, bea, &BEA.parse().unwrap())?;
            let token = only_letter(tx, &op).unwrap().token;
            let is_live = look(tx, &op, Purpose::Address, token.expose()).is_ok();
            let profile = Profile { addresses: vec!["bea@other.test".parse().unwrap()], ..Profile::default() };
            accounts::update_profile(tx, &op, organization, bea, &profile).unwrap();
            Ok::<_, StoreError>((is_live, look(tx, &op, Purpose::Address, token.expose()).is_err()))
        });
        assert_eq!(write.await.unwrap(), (true, true), "{}", world.engine());
    }
}
