use super::choosing::{self, ChoosingError};
use super::ground::{Ground, may_have_password};
use super::standing::{self, Standing};
use super::{Candidate, OwnPasswordError, Proved, Weighed, Worth, find_candidate, identify, weighed};
use crate::access::attempts::state::State;
use crate::access::devices;
use crate::access::enforcement::Verdict;
use crate::access::enforcement::local::LocalCredentials;
use crate::access::mail_proofs;
use crate::access::passwords::{self, Cost, PasswordHash};
use crate::access::sessions::testing::guest_of_globex;
use crate::access::sessions::{self, Limits, Session};
use crate::access::testing::{World, by_password, only_letter, world};
use crate::directory::accounts::state::AccountState;
use crate::directory::accounts::{self, Account, ProfileChange};
use crate::directory::connections;
use crate::directory::organizations::{self, NewOrganization};
use crate::directory::profile::Profile;
use crate::directory::sso_policy::{self, SsoPolicy};
use crate::keys::sealing::Sealer;
use crate::store::accounts as account_rows;
use crate::store::devices as device_rows;
use crate::store::domains::{self, DomainRow};
use crate::store::failure::StoreError;
use crate::store::{Tx, scratch};
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, DomainId, OrganizationId};
use crate::values::operation::{Operation, Role};
use crate::values::password::Password;
use crate::values::secret::{Secret, new_token};

const COST: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
const BEA: &str = "bea@freelance.test";
const ADA: &str = "ada@acme.test";

fn sealer() -> Sealer {
    Sealer::new(&[Secret::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned())]).unwrap()
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::of(&Password::typed(text), [7; 16], COST).unwrap()
}

/// Bea, a member of Acme whose verified address is in nobody's domain, with a password.
async fn bea(world: &World) -> AccountId {
    let (op, organization) = (world.op(), world.organization);
    let write = world.store().write(move |tx| {
        let profile = Profile { addresses: vec![BEA.parse().unwrap()], ..Profile::default() };
        let bea = accounts::create(tx, &op, organization, &profile, Role::Member)?;
        account_rows::mark_verified(tx, bea, BEA, op.at)?;
        passwords::set(tx, &op, &sealer(), bea, &hash("correct horse")).unwrap();
        Ok::<_, StoreError>(bea)
    });
    write.await.unwrap()
}

/// Another organization, whose people those of Bea's address are from now on; its domain.
fn freelance_owns_its_domain(tx: &mut Tx<'_>, op: &Operation) -> Result<(OrganizationId, DomainId), StoreError> {
    let new = NewOrganization {
        slug: "freelance".parse().unwrap(),
        name: "Freelance".to_owned(),
        support_name: None,
        support_email: None,
        owner: "owner@freelance.test".parse().unwrap(),
    };
    let freelance = organizations::create(tx, op, &new).unwrap().0.id;
    let row = DomainRow {
        id: op.new_id(),
        org_id: freelance,
        name: "freelance.test".to_owned(),
        state: "verified".to_owned(),
        challenge: String::new(),
        challenge_expires_at: op.at,
        verified_at: Some(op.at),
        last_checked_at: Some(op.at),
        last_failure: None,
        created_at: op.at,
        updated_at: op.at,
        at_risk_at: None,
        lapsed_at: None,
        risk_notices: 0,
        check_at: op.at.plus_seconds(86_400),
        check_failures: 0,
    };
    domains::insert(tx, &row)?;
    Ok((freelance, row.id))
}

async fn session_of(world: &World, account: AccountId) -> Session {
    let (op, organization) = (world.op(), world.organization);
    let write = world.store().write(move |tx| {
        let identified = by_password(tx, &op, organization, account)?;
        sessions::start(tx, &op, &identified, Limits { idle_seconds: 3_600, absolute_seconds: 36_000 })
    });
    write.await.unwrap().0
}

async fn candidate(world: &World, address: &str) -> Option<Candidate> {
    let (op, address) = (world.op(), address.parse::<EmailAddress>().unwrap());
    world.store().read(move |tx| find_candidate(tx, &op, &sealer(), &address, None)).await.unwrap()
}

/// True when the right password for `address` lets somebody in.
async fn is_let_in(world: &World, address: &str) -> bool {
    match candidate(world, address).await {
        Some(candidate) => matches!(sign_in(world, candidate).await, Ok(State::Identified(_))),
        None => false,
    }
}

/// The whole sign-in of a right password; the state of the attempt after it.
async fn sign_in(world: &World, candidate: Candidate) -> Result<State, OwnPasswordError> {
    let attempt = world.start_attempt(&Secret::from("browser".to_owned())).await;
    let (op, id) = (world.op(), attempt.id);
    let write = world.store().write(move |tx| identify(tx, &op, &sealer(), &attempt, &candidate, None, None));
    let proved = write.await?;
    let state = world.state_of(id).await;
    assert_eq!(matches!(proved, Proved::SingleSignOn { .. }), state == State::Started, "the attempt goes on");
    Ok(state)
}

/// By which organization single sign-on is asked of whoever knows the right password for `address`.
async fn asked_by(world: &World, address: &str) -> Option<OrganizationId> {
    let (op, candidate) = (world.op(), candidate(world, address).await.unwrap());
    let attempt = world.start_attempt(&Secret::from("browser".to_owned())).await;
    let write = world.store().write(move |tx| identify(tx, &op, &sealer(), &attempt, &candidate, None, None));
    match write.await.unwrap() {
        Proved::SingleSignOn { asked_by } => Some(asked_by),
        Proved::Whole(_) | Proved::Half => None,
    }
}

/// Ada, whose address lies in Acme's domain, with a password from before.
async fn ada_with_a_password(world: &World) -> AccountId {
    let (op, ada) = (world.op(), world.ada);
    let write = world.store().write(move |tx| {
        account_rows::mark_verified(tx, ada, ADA, op.at)?;
        passwords::set(tx, &op, &sealer(), ada, &hash("correct horse")).unwrap();
        Ok::<_, StoreError>(())
    });
    write.await.unwrap();
    ada
}

#[test]
fn what_a_right_password_leads_to_rests_on_every_domain_and_the_second_factor() {
    let asked_by = OrganizationId::from_bytes(&[1; 16]).unwrap();
    let (open, listed, none) = (Ground::Open, Ground::Listed { asked_by }, Ground::SingleSignOn { asked_by });
    let (alone, with_factor) = (Weighed::Good(Worth::Alone), Weighed::Good(Worth::WithFactor));
    let elsewhere = Weighed::SingleSignOn { asked_by };
    for (verdict, ground, has_mfa, expected) in [
        (Verdict::OwnFirst, open, false, alone),
        (Verdict::IdentityProviderFirst, open, true, alone),
        (Verdict::IdentityProvider, open, false, Weighed::Nothing),
        // Another address than the primary one is asked for single sign-on.
        (Verdict::OwnFirst, listed, true, with_factor),
        (Verdict::OwnFirst, listed, false, elsewhere),
        (Verdict::IdentityProviderFirst, listed, false, elsewhere),
        (Verdict::OwnFirst, none, true, elsewhere),
        // The primary address is.
        (Verdict::BreakGlass, listed, true, with_factor),
        (Verdict::IdentityProvider, listed, false, elsewhere),
        (Verdict::IdentityProvider, none, true, elsewhere),
        (Verdict::BreakGlass, none, true, elsewhere),
        // Whoever gets no access hears nothing.
        (Verdict::Nothing, open, false, Weighed::Nothing),
        (Verdict::Nothing, listed, true, Weighed::Nothing),
        (Verdict::Nothing, none, true, Weighed::Nothing),
        (Verdict::OwnFirst, Ground::Inactive, true, Weighed::Nothing),
    ] {
        let local = LocalCredentials { has_password: true, has_mfa };
        assert_eq!(weighed(ground, verdict, local), expected, "{verdict:?} {ground:?} {has_mfa}");
    }
}

#[tokio::test]
async fn a_person_of_no_identity_provider_signs_in_with_their_password() {
    for world in world().await {
        let bea = bea(&world).await;
        let State::Identified(who) = sign_in(&world, candidate(&world, BEA).await.unwrap()).await.unwrap() else {
            panic!("{}", world.engine())
        };
        assert_eq!((who.account, who.organization, who.connection), (bea, world.organization, None));
        assert_eq!((who.amr, who.acr.as_str()), (vec!["pwd".to_owned()], "urn:causeway:acr:password"));
    }
}

/// The policy of the domain decides, whatever connections there are, for a password that is typed and for the letter by which one
/// is chosen.
#[tokio::test]
async fn e18_e28_a_password_is_good_where_the_policy_asks_for_nothing_else() {
    for world in world().await {
        ada_with_a_password(&world).await;
        let user = world.push_user(ADA).await;
        let (hers, others) = (world.push_group("pilots", &[user]).await, world.push_group("others", &[]).await);
        let policies = [
            (SsoPolicy::Off, true),
            (SsoPolicy::Optional, true),
            (SsoPolicy::Test { group: others }, true),
            (SsoPolicy::Test { group: hers }, false),
            (SsoPolicy::Required, false),
        ];
        for connection in [None, Some(world.connection), Some(world.other_connection)] {
            world.set_policy(SsoPolicy::Off).await;
            if let Some(id) = connection {
                let (op, organization) = (world.operator(), world.organization);
                let disable = world.store().write(move |tx| connections::disable(tx, &op, organization, id));
                disable.await.unwrap();
            }
            for (policy, is_good) in policies {
                world.set_policy(policy).await;
                let case = format!("{}: {policy:?}, without {connection:?}", world.engine());
                assert_eq!(is_let_in(&world, ADA).await, is_good, "{case}");
                let asked = (!is_good).then_some(world.organization);
                assert_eq!(asked_by(&world, ADA).await, asked, "{case}");
                let op = world.op();
                let letter = world.store().write(move |tx| {
                    mail_proofs::ask_for_password(tx, &op, &ADA.parse().unwrap())?;
                    Ok::<_, StoreError>(only_letter(tx, &op).is_some())
                });
                assert_eq!(letter.await.unwrap(), is_good, "{case}");
            }
        }
    }
}

/// Who knows the password is told who signs the person in, and that stands in the log: somebody else may know it.
#[tokio::test]
async fn e27_a_right_password_that_opens_nothing_is_written_down() {
    for world in world().await {
        let ada = ada_with_a_password(&world).await;
        world.set_policy(SsoPolicy::Required).await;
        let old = candidate(&world, ADA).await.unwrap();
        assert_eq!(asked_by(&world, ADA).await, Some(world.organization), "{}", world.engine());
        let entries = world.entries("sign_in.refused").await;
        assert_eq!((entries.len(), &entries[0]["code"]), (1, &"single_sign_on_asked".into()), "{}", world.engine());
        // One that was right a moment ago is wrong like any other, and so is that of a membership that gives no access.
        let op = world.op();
        world.store().write(move |tx| passwords::set(tx, &op, &sealer(), ada, &hash("another horse"))).await.unwrap();
        assert!(matches!(sign_in(&world, old).await, Err(OwnPasswordError::Changed)), "{}", world.engine());
        let now = candidate(&world, ADA).await.unwrap();
        let (op, organization) = (world.operator(), world.organization);
        world.store().write(move |tx| accounts::deactivate(tx, &op, organization, ada)).await.unwrap();
        assert!(matches!(sign_in(&world, now).await, Err(OwnPasswordError::Changed)), "{}", world.engine());
        assert_eq!(world.entries("sign_in.refused").await.len(), 1);
    }
}

#[tokio::test]
async fn e27_who_is_asked_for_single_sign_on_under_one_address_has_no_password_under_any_other() {
    for world in world().await {
        let bea = bea(&world).await;
        world.set_policy(SsoPolicy::Required).await;
        assert!(is_let_in(&world, BEA).await);
        let before = candidate(&world, BEA).await.unwrap();
        let (op, organization) = (world.op(), world.organization);
        let write = world.store().write(move |tx| {
            let addresses = vec![BEA.parse().unwrap(), "bea@acme.test".parse().unwrap()];
            let profile = Profile { addresses, ..Profile::default() };
            Ok::<_, StoreError>(accounts::update_profile(tx, &op, organization, bea, &profile).unwrap())
        });
        assert_eq!(write.await.unwrap(), ProfileChange::Written);
        assert_eq!(asked_by(&world, BEA).await, Some(world.organization), "{}", world.engine());
        assert_eq!(sign_in(&world, before).await.unwrap(), State::Started, "not while it is compared either");
        world.set_policy(SsoPolicy::Optional).await;
        assert!(is_let_in(&world, BEA).await, "{}: both domains allow it", world.engine());
        let operator = world.operator();
        let freelance = world.store().write(move |tx| {
            let (freelance, domain) = freelance_owns_its_domain(tx, &operator)?;
            sso_policy::write(tx, freelance, domain, SsoPolicy::Required, operator.at)?;
            Ok::<_, StoreError>(freelance)
        });
        let freelance = freelance.await.unwrap();
        assert_eq!(asked_by(&world, BEA).await, Some(freelance), "{}: and now the other one asks", world.engine());
    }
}

/// The policy decides, whatever else is so: here as if the last connection had gone from under it.
#[tokio::test]
async fn e27_where_single_sign_on_is_required_a_password_lets_nobody_in() {
    for world in world().await {
        bea(&world).await;
        let before = candidate(&world, BEA).await.unwrap();
        let operator = world.operator();
        let write = world.store().write(move |tx| {
            let (freelance, domain) = freelance_owns_its_domain(tx, &operator)?;
            sso_policy::write(tx, freelance, domain, SsoPolicy::Required, operator.at)
        });
        write.await.unwrap();
        assert!(!is_let_in(&world, BEA).await, "{}", world.engine());
        assert_eq!(sign_in(&world, before).await.unwrap(), State::Started, "{}", world.engine());
    }
}

#[tokio::test]
async fn an_unverified_address_and_an_inactive_account_have_no_password() {
    for world in world().await {
        let bea = bea(&world).await;
        let old = candidate(&world, BEA).await.unwrap();
        let (op, organization) = (world.operator(), world.organization);
        world.store().write(move |tx| accounts::deactivate(tx, &op, organization, bea)).await.unwrap();
        assert!(!is_let_in(&world, BEA).await);
        assert!(matches!(sign_in(&world, old).await, Err(OwnPasswordError::Changed)));
        let op = world.operator();
        world.store().write(move |tx| accounts::reactivate(tx, &op, organization, bea)).await.unwrap();
        assert!(is_let_in(&world, BEA).await);
        world.store().write(|tx| account_rows::unverify_domain(tx, "freelance.test", None)).await.unwrap();
        assert!(!is_let_in(&world, BEA).await, "{}", world.engine());
    }
}

/// Whoever has a password from before, in an organization that asks for single sign-on since.
#[tokio::test]
async fn who_may_have_no_password_chooses_none_and_neither_does_whoever_is_inactive() {
    for world in world().await {
        let ada = ada_with_a_password(&world).await;
        world.set_policy(SsoPolicy::Required).await;
        let (op, session) = (world.op(), session_of(&world, ada).await);
        let chosen = world.store().write(move |tx| {
            choosing::by_person(tx, &op, &sealer(), &session, &hash("correct horse"), &hash("another"))
        });
        assert!(matches!(chosen.await, Err(ChoosingError::Dead)), "{}", world.engine());
        let bea = bea(&world).await;
        let (op, session) = (world.op(), guest_of_globex(&world, bea).await.session);
        let chosen = world.store().write(move |tx| {
            choosing::by_person(tx, &op, &sealer(), &session, &hash("correct horse"), &hash("another"))
        });
        let chosen = chosen.await;
        assert!(matches!(chosen, Err(ChoosingError::OutOfReach)), "{}: D7: {chosen:?}", world.engine());
        let found = world.store().read(move |tx| accounts::find(tx, bea)).await.unwrap().unwrap();
        for (state, may) in [(AccountState::Active, true), (AccountState::Inactive, false)] {
            let account = Account { state, ..found.clone() };
            let told = world
                .store()
                .read(move |tx| Ok::<_, StoreError>((may_have_password(tx, &account)?, standing::find(tx, &account)?)));
            let (is_theirs, standing) = told.await.unwrap();
            let has_one = matches!(standing, Standing::Has { .. });
            assert_eq!((is_theirs, has_one), (may, may), "{}: {state:?}", world.engine());
            assert!(may || standing == Standing::MayNot, "{}: what is kept does not count", world.engine());
        }
    }
}

#[tokio::test]
async fn a_password_that_changes_while_it_is_compared_identifies_nobody() {
    for world in world().await {
        let bea = bea(&world).await;
        let old = candidate(&world, BEA).await.unwrap();
        let op = world.op();
        world.store().write(move |tx| passwords::set(tx, &op, &sealer(), bea, &hash("another horse"))).await.unwrap();
        assert!(matches!(sign_in(&world, old).await, Err(OwnPasswordError::Changed)));
        let gone = candidate(&world, BEA).await.unwrap();
        let (op, organization) = (world.operator(), world.organization);
        world.store().write(move |tx| accounts::end_membership(tx, &op, organization, bea)).await.unwrap();
        assert!(matches!(sign_in(&world, gone).await, Err(OwnPasswordError::Changed)), "{}", world.engine());
        let op = world.op();
        let kept = world.store().read(move |tx| passwords::find(tx, &sealer(), bea)).await.unwrap();
        assert!(kept.is_none(), "a closed account keeps no password: {op:?}");
    }
}

#[tokio::test]
async fn a_link_sets_a_password_once_and_ends_everything_that_is_signed_in() {
    for world in world().await {
        let bea = bea(&world).await;
        let op = world.op();
        let write = world.store().write(move |tx| {
            let address = BEA.parse().unwrap();
            mail_proofs::ask_for_password(tx, &op, &address)?;
            Ok::<_, StoreError>(only_letter(tx, &op).unwrap().token)
        });
        let token = write.await.unwrap();
        let epoch =
            async || world.store().read(move |tx| accounts::find(tx, bea)).await.unwrap().unwrap().session_epoch;
        let before = epoch().await;
        let choose = async |token: Secret, text: &'static str| {
            let op = world.op();
            let write =
                world.store().write(move |tx| choosing::by_link(tx, &op, &sealer(), token.expose(), &hash(text)));
            write.await
        };
        choose(token.clone(), "a new password").await.unwrap();
        assert_eq!(epoch().await, before + 1, "{}", world.engine());
        assert!(candidate(&world, BEA).await.unwrap().kept.hash.is_of(&Password::typed("a new password")));
        assert!(matches!(choose(token, "a third password").await, Err(ChoosingError::Dead)), "a second use");
        let wrong = new_token("cw_password_", &world.op().entropy);
        assert!(matches!(choose(wrong, "a third password").await, Err(ChoosingError::Dead)));
        assert_eq!(world.entries("password.set").await.len(), 1);
    }
}

#[tokio::test]
async fn choosing_by_one_link_takes_the_others_back() {
    for world in world().await {
        let (op, organization) = (world.op(), world.organization);
        let write = world.store().write(move |tx| {
            let profile = Profile { addresses: vec![BEA.parse().unwrap()], ..Profile::default() };
            let bea = accounts::create(tx, &op, organization, &profile, Role::Member)?;
            account_rows::mark_verified(tx, bea, BEA, op.at)?;
            let address = BEA.parse().unwrap();
            let granted = [1, 2].map(|_| mail_proofs::grant_password(tx, &op, bea, &address).unwrap().unwrap());
            choosing::by_link(tx, &op, &sealer(), granted[0].expose(), &hash("correct horse")).unwrap();
            let again = mail_proofs::grant_password(tx, &op, bea, &address)?;
            assert!(again.is_none(), "an activation gives no link to who has a password");
            let second = choosing::by_link(tx, &op, &sealer(), granted[1].expose(), &hash("another horse"));
            Ok::<_, StoreError>(matches!(second, Err(ChoosingError::Dead)))
        });
        assert!(write.await.unwrap(), "{}", world.engine());
    }
}

#[tokio::test]
async fn a_link_forgets_browsers_and_another_password_leaves_links_alone() {
    for world in world().await {
        let bea = bea(&world).await;
        let session = session_of(&world, bea).await;
        let op = world.op();
        let write = world.store().write(move |tx| {
            let address = BEA.parse().unwrap();
            devices::note(tx, &op, bea, None)?;
            mail_proofs::ask_for_password(tx, &op, &address)?;
            let token = only_letter(tx, &op).unwrap().token;
            let (old, new) = (hash("correct horse"), hash("another horse"));
            choosing::by_person(tx, &op, &sealer(), &session, &old, &new).unwrap();
            // The session's epoch is over: whoever changed the password meanwhile wins.
            let late = choosing::by_person(tx, &op, &sealer(), &session, &new, &hash("a third horse"));
            assert!(matches!(late, Err(ChoosingError::Dead)), "{late:?}");
            assert_eq!(device_rows::count(tx, bea, op.at)?, 1);
            choosing::by_link(tx, &op, &sealer(), token.expose(), &hash("the mailbox's")).unwrap();
            device_rows::count(tx, bea, op.at)
        });
        assert_eq!(write.await.unwrap(), 0, "{}", world.engine());
    }
}

#[tokio::test]
async fn a_link_verifies_no_address_in_the_domain_of_another_organization() {
    for world in world().await {
        let (op, organization) = (world.operator(), world.organization);
        let write = world.store().write(move |tx| {
            let profile = Profile { addresses: vec![BEA.parse().unwrap()], ..Profile::default() };
            let bea = accounts::create(tx, &op, organization, &profile, Role::Member)?;
            let token = mail_proofs::grant_password(tx, &op, bea, &BEA.parse().unwrap())?.unwrap();
            freelance_owns_its_domain(tx, &op)?;
            let refused = choosing::by_link(tx, &op, &sealer(), token.expose(), &hash("a new password"));
            Ok::<_, StoreError>(matches!(refused, Err(ChoosingError::Dead)))
        });
        assert!(write.await.unwrap(), "{}", world.engine());
    }
}

#[tokio::test]
async fn of_two_who_change_a_password_at_once_the_second_changes_nothing() {
    for world in world().await {
        let bea = bea(&world).await;
        let session = session_of(&world, bea).await;
        let change = |to: &'static str| {
            let (op, session) = (world.op(), session.clone());
            let (old, new) = (hash("correct horse"), hash(to));
            move |tx: &mut Tx<'_>| choosing::by_person(tx, &op, &sealer(), &session, &old, &new)
        };
        let first = change("another horse");
        let first = move |tx: &mut Tx<'_>| {
            first(tx).unwrap();
            Ok(())
        };
        let second = world.store().write(change("a third horse"));
        let (_, second) = scratch::overlap(world.store(), first, second).await;
        assert!(matches!(second, Err(ChoosingError::Dead)), "{}: {second:?}", world.engine());
    }
}

/// Whoever changes the account holds it before its addresses; in another order the two would wait for each other.
#[tokio::test]
async fn a_link_to_a_mailbox_that_is_the_accounts_no_more_from_that_moment_sets_no_password() {
    for world in world().await {
        let (op, organization) = (world.op(), world.organization);
        let write = world.store().write(move |tx| {
            let address: EmailAddress = BEA.parse().unwrap();
            let profile = Profile { addresses: vec![address.clone()], ..Profile::default() };
            let bea = accounts::create(tx, &op, organization, &profile, Role::Member)?;
            Ok::<_, StoreError>((bea, mail_proofs::grant_password(tx, &op, bea, &address)?.unwrap()))
        });
        let (bea, token) = write.await.unwrap();
        let (op, now) = (world.operator(), world.op());
        let chosen = world
            .store()
            .write(move |tx| choosing::by_link(tx, &now, &sealer(), token.expose(), &hash("a new password")));
        let moves = move |tx: &mut Tx<'_>, ()| {
            let profile = Profile { addresses: vec!["bea@elsewhere.test".parse().unwrap()], ..Profile::default() };
            Ok(accounts::update_profile(tx, &op, organization, bea, &profile).unwrap())
        };
        let held = move |tx: &mut Tx<'_>| account_rows::lock(tx, bea);
        let (_, chosen) = scratch::interleave(world.store(), held, moves, chosen).await;
        assert!(matches!(chosen, Err(ChoosingError::Dead)), "{}: {chosen:?}", world.engine());
    }
}
