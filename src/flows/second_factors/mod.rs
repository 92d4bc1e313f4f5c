//! Somebody who is signed in adds an authenticator app or a passkey, removes one, or gets other recovery codes: compare what they
//! show to prove that it is them, and change what is kept. A session alone changes nothing, so that a stolen one does not.

pub mod passkeys;
pub mod proof;

use super::passwords::{Passwords, PasswordsError};
use crate::access::passkeys::ceremony::Ceremonies;
use crate::access::passkeys::is_there as has_passkey;
use crate::access::passwords::KeepingError;
use crate::access::second_factors::enrolment::{self, EnrolmentError};
use crate::access::second_factors::offer::Offer;
use crate::access::second_factors::{ONE_TIME_CODE_AMR, raised};
use crate::access::sessions::reach::ReachError;
use crate::access::sessions::{self, Limits, Session};
use crate::keys::sealing::Sealer;
use crate::store::Store;
use crate::store::failure::StoreError;
use crate::values::operation::Operation;
use crate::values::recovery_code::RecoveryCode;
use crate::values::secret::Secret;
use proof::{Evidence, Proof};

/// The story of one change.
#[derive(Clone)]
pub struct SecondFactors {
    /// The store.
    pub store: Store,
    /// The seal of what is kept.
    pub sealer: Sealer,
    /// Who hashes.
    pub passwords: Passwords,
    /// What asks for passkeys, where the gateway can have any.
    pub ceremonies: Option<Ceremonies>,
    /// How many passkeys an account may have.
    pub most_passkeys: u32,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SecondFactorsError {
    /// The password is wrong.
    #[error("the password is wrong")]
    WrongPassword,
    /// The code is wrong, or was used before.
    #[error("the code is wrong")]
    WrongCode,
    /// The passkey is not one of theirs, or is not enough.
    #[error("the passkey is wrong")]
    WrongPasskey,
    /// The account has as many passkeys as it may.
    #[error("the account has as many passkeys as it may")]
    TooManyPasskeys,
    /// The account has what was to be added, or has not what was to be changed, or everything changed meanwhile.
    #[error("there is nothing to change, or no longer")]
    Dead,
    /// The session does not reach the account.
    #[error("the session does not reach the account")]
    OutOfReach,
    /// Too many passwords are being hashed.
    #[error("too many passwords are being hashed")]
    Busy,
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Anything else, for the log.
    #[error("{0}")]
    Internal(String),
}

impl From<ReachError> for SecondFactorsError {
    fn from(error: ReachError) -> Self {
        match error {
            ReachError::OutOfReach => Self::OutOfReach,
            ReachError::Store(error) => Self::Store(error),
        }
    }
}

impl From<KeepingError> for SecondFactorsError {
    fn from(error: KeepingError) -> Self {
        match error {
            KeepingError::Store(error) => Self::Store(error),
            KeepingError::Sealing(error) => Self::Internal(error.to_string()),
        }
    }
}

impl From<EnrolmentError> for SecondFactorsError {
    fn from(error: EnrolmentError) -> Self {
        match error {
            EnrolmentError::WrongCode => Self::WrongCode,
            EnrolmentError::TooMany => Self::TooManyPasskeys,
            EnrolmentError::AlreadyThere | EnrolmentError::NotAllowed => Self::Dead,
            EnrolmentError::Keeping(error) => error.into(),
        }
    }
}

impl From<PasswordsError> for SecondFactorsError {
    fn from(error: PasswordsError) -> Self {
        match error {
            PasswordsError::Busy => Self::Busy,
            PasswordsError::Failed(text) => Self::Internal(text),
        }
    }
}

impl SecondFactors {
    /// Adds the app that was offered, by a code of it. Every session and token of the account ends; the one in hand goes on as
    /// another one, whose token this is, beside recovery codes where they are the first. Who has a passkey proves themselves by it.
    pub async fn add(
        &self,
        op: &Operation,
        session: &Session,
        limits: Limits,
        (offer, code): (Offer, Secret),
        proof: Proof,
    ) -> Result<(Secret, Vec<RecoveryCode>), SecondFactorsError> {
        let evidence = self.evidence(op, session, proof).await?;
        let wrong = evidence.wrong();
        let (op, sealer, session) = (op.clone(), self.sealer.clone(), session.clone());
        let write = self.store.write(move |tx| {
            if !evidence.hold(tx, &op, &sealer, &session)? {
                return Ok(None);
            }
            if matches!(evidence, Evidence::Typed { .. }) && has_passkey(tx, session.account)? {
                return Err(SecondFactorsError::Dead);
            }
            let enrolled = enrolment::enrol(tx, &op, &sealer, session.account, &offer, code.expose())?;
            let proved = match session.connection {
                // By a password and a code, just now.
                None => {
                    let (amr, acr) = raised(session.amr.clone(), &[ONE_TIME_CODE_AMR]);
                    Session { amr, acr, ..session.clone() }
                }
                Some(_) => session.clone(),
            };
            let token = sessions::go_on(tx, &op, &proved, enrolled.session_epoch, limits)?;
            Ok(Some((token.ok_or(SecondFactorsError::Dead)?, enrolled.codes)))
        });
        write.await?.ok_or(wrong)
    }

    /// Removes the app. Every session and token of the account ends; the one in hand goes on as another one, whose token this is.
    pub async fn remove(
        &self,
        op: &Operation,
        session: &Session,
        limits: Limits,
        proof: Proof,
    ) -> Result<Secret, SecondFactorsError> {
        let evidence = self.evidence(op, session, proof).await?;
        let wrong = evidence.wrong();
        let (op, sealer, session) = (op.clone(), self.sealer.clone(), session.clone());
        let write = self.store.write(move |tx| {
            if !evidence.hold_with_factor(tx, &op, &sealer, &session)? {
                return Ok(None);
            }
            let epoch = enrolment::remove(tx, &op, session.account)?;
            sessions::go_on(tx, &op, &session, epoch, limits)?.map(Some).ok_or(SecondFactorsError::Dead)
        });
        write.await?.ok_or(wrong)
    }

    /// Makes recovery codes anew.
    pub async fn renew_codes(
        &self,
        op: &Operation,
        session: &Session,
        proof: Proof,
    ) -> Result<Vec<RecoveryCode>, SecondFactorsError> {
        let evidence = self.evidence(op, session, proof).await?;
        let wrong = evidence.wrong();
        let (op, sealer, session) = (op.clone(), self.sealer.clone(), session.clone());
        let write = self.store.write(move |tx| {
            if !evidence.hold_with_factor(tx, &op, &sealer, &session)? {
                return Ok(None);
            }
            Ok::<_, SecondFactorsError>(Some(enrolment::renew_codes(tx, &op, session.account)?))
        });
        write.await?.ok_or(wrong)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::proof::{Proof, Typed, require_open};
    use super::{SecondFactors, SecondFactorsError};
    use crate::access::passkeys::testing::ceremonies;
    use crate::access::passwords::{self, Cost, PasswordHash};
    use crate::access::second_factors::offer::{Offer, Place};
    use crate::access::second_factors::{self, enrolment};
    use crate::access::sessions::testing::{LIMITS, guest_of_globex};
    use crate::access::sessions::{self, Limits, Session};
    use crate::access::testing::{World, by_password, world};
    use crate::directory::accounts;
    use crate::directory::profile::Profile;
    use crate::directory::sso_policy::SsoPolicy;
    use crate::flows::choose_password::{ChooseError, ChoosePassword};
    use crate::flows::passwords::{Passwords, Settings};
    use crate::keys::sealing::Sealer;
    use crate::protocol::totp;
    use crate::store::accounts::{self as account_rows, AddressRow};
    use crate::store::failure::StoreError;
    use crate::store::{Tx, scratch};
    use crate::values::entropy::Entropy;
    use crate::values::operation::Role;
    use crate::values::password::Password;
    use crate::values::secret::Secret;

    const COST: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn sealer() -> Sealer {
        Sealer::new(&[Secret::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned())]).unwrap()
    }

    fn flow(world: &World) -> SecondFactors {
        let settings =
            Settings { cost: COST, at_once: 1, waiting: 1, patience: Duration::from_secs(10), breached_list: None };
        let passwords = Passwords::new(settings, Entropy::new(|buffer| buffer.fill(7))).unwrap();
        SecondFactors { store: world.store().clone(), sealer: sealer(), passwords, ceremonies: None, most_passkeys: 1 }
    }

    fn by_a_password(text: &str) -> Proof {
        Proof::Typed(Typed { password: Password::typed(text), code: Secret::from(String::new()) })
    }

    /// Somebody with a password and an app, who is signed in, and what they type now.
    async fn signed_in(world: &World) -> (Session, Proof) {
        let (op, organization) = (world.op(), world.organization);
        let write = world.store().write(move |tx| {
            let profile = Profile { addresses: vec!["bea@freelance.test".parse().unwrap()], ..Profile::default() };
            let account = accounts::create(tx, &op, organization, &profile, Role::Member)?;
            let hash = PasswordHash::of(&Password::typed("correct horse"), [7; 16], COST).unwrap();
            passwords::set(tx, &op, &sealer(), account, &hash).unwrap();
            let offer = Offer::new(&op, &sealer(), &Place::new(account, op.request)).unwrap();
            let code = totp::code(offer.secret(), totp::step_at(op.at));
            enrolment::enrol(tx, &op, &sealer(), account, &offer, &code).unwrap();
            let identified = by_password(tx, &op, organization, account)?;
            let limits = Limits { idle_seconds: 3_600, absolute_seconds: 36_000 };
            let session = sessions::start(tx, &op, &identified, limits)?.0;
            Ok::<_, StoreError>((session, offer))
        });
        let (session, offer) = write.await.unwrap();
        world.advance(30);
        let code = Secret::from(totp::code(offer.secret(), totp::step_at(world.op().at)));
        (session, Proof::Typed(Typed { password: Password::typed("correct horse"), code }))
    }

    #[tokio::test]
    async fn a_session_that_is_ended_makes_no_recovery_codes() {
        for world in world().await {
            let (session, typed) = signed_in(&world).await;
            let made = flow(&world).renew_codes(&world.op(), &session, typed.clone()).await;
            assert_eq!(made.unwrap().len(), enrolment::CODES, "{}", world.engine());
            let (op, id, organization) = (world.op(), session.id, world.organization);
            let ended = world.store().write(move |tx| sessions::end(tx, &op, id, organization, &json!({}))).await;
            assert!(ended.unwrap());
            let made = flow(&world).renew_codes(&world.op(), &session, typed).await;
            assert!(matches!(made, Err(SecondFactorsError::Dead)), "{}: {made:?}", world.engine());
        }
    }

    #[tokio::test]
    async fn a_session_of_an_account_whose_sessions_were_ended_adds_and_removes_nothing() {
        for world in world().await {
            let (session, typed) = signed_in(&world).await;
            let (at, account, limits) =
                (world.op().at, session.account, Limits { idle_seconds: 3_600, absolute_seconds: 36_000 });
            world.store().write(move |tx| account_rows::end_sessions(tx, account, at)).await.unwrap();
            let removed = flow(&world).remove(&world.op(), &session, limits, typed.clone()).await;
            assert!(matches!(removed, Err(SecondFactorsError::Dead)), "{}: {removed:?}", world.engine());
            let op = world.op();
            let without =
                world.store().write(move |tx| Ok::<_, StoreError>(enrolment::remove(tx, &op, account).unwrap()));
            without.await.unwrap();
            let offer = Offer::new(&world.op(), &sealer(), &Place::new(account, session.id)).unwrap();
            let code = Secret::from(totp::code(offer.secret(), totp::step_at(world.op().at)));
            let proof = by_a_password("correct horse");
            let added = flow(&world).add(&world.op(), &session, limits, (offer, code), proof).await;
            assert!(matches!(added, Err(SecondFactorsError::Dead)), "{}: {added:?}", world.engine());
            let left = world.store().read(move |tx| second_factors::overview(tx, account)).await.unwrap();
            assert!(left.is_none(), "{}", world.engine());
        }
    }

    /// Whether a password is right is not told of one that is good for nothing.
    #[tokio::test]
    async fn a_password_that_is_no_longer_good_is_not_compared() {
        for world in world().await {
            let (session, _) = signed_in(&world).await;
            world.set_policy(SsoPolicy::Required).await;
            let account = session.account;
            let moved = world.store().write(move |tx| {
                let address = "bea@acme.test".to_owned();
                account_rows::delete_address(tx, account, "bea@freelance.test")?;
                let row = AddressRow { account_id: account, address, is_primary: true, verified_at: None };
                account_rows::insert_address(tx, &row)
            });
            moved.await.unwrap();
            let made = flow(&world).renew_codes(&world.op(), &session, by_a_password("wrong")).await;
            assert!(matches!(made, Err(SecondFactorsError::Dead)), "{}: {made:?}", world.engine());
            let choosing = flow(&world);
            let SecondFactors { store, sealer, passwords, .. } = choosing;
            let choosing = ChoosePassword { store, sealer, passwords };
            let limits = Limits { idle_seconds: 3_600, absolute_seconds: 36_000 };
            let chosen = choosing.by_person(&world.op(), &session, limits, ("wrong", "another horse battery")).await;
            assert!(matches!(chosen, Err(ChooseError::Dead)), "{}: {chosen:?}", world.engine());
        }
    }

    /// Nor is anything compared: whoever can make such sessions would find out the password, or that there is one.
    #[tokio::test]
    async fn d7_a_guest_neither_changes_how_the_person_signs_in_nor_guesses_their_password() {
        for world in world().await {
            let (session, typed) = signed_in(&world).await;
            let guest = guest_of_globex(&world, session.account).await.session;
            let flow = flow(&world);
            for proof in [by_a_password("wrong"), typed] {
                let made = flow.renew_codes(&world.op(), &guest, proof).await;
                assert!(matches!(made, Err(SecondFactorsError::OutOfReach)), "{}: {made:?}", world.engine());
            }
            let asking = SecondFactors { ceremonies: Some(ceremonies()), ..flow.clone() };
            let asked = asking.ask_proof(&world.op(), &guest).await;
            assert!(matches!(asked, Err(SecondFactorsError::OutOfReach)), "{}: {asked:?}", world.engine());
            let held = world.store().write({
                let (op, guest) = (world.op(), guest.clone());
                move |tx| require_open(tx, &op, &guest)
            });
            assert!(matches!(held.await, Err(SecondFactorsError::OutOfReach)), "{}", world.engine());
            let SecondFactors { store, sealer, passwords, .. } = flow;
            let choosing = ChoosePassword { store, sealer, passwords };
            let chosen = choosing.by_person(&world.op(), &guest, LIMITS, ("wrong", "another horse battery")).await;
            assert!(matches!(chosen, Err(ChooseError::OutOfReach)), "{}: {chosen:?}", world.engine());
        }
    }

    /// Whoever takes the account back at this very moment keeps it.
    #[tokio::test]
    async fn nothing_is_changed_while_everything_is_ended() {
        for world in world().await {
            let (session, typed) = signed_in(&world).await;
            let (flow, op, at, account) = (flow(&world), world.op(), world.op().at, session.account);
            let ended = move |tx: &mut Tx<'_>| account_rows::end_sessions(tx, account, at);
            let made = flow.renew_codes(&op, &session, typed);
            let (_, made) = scratch::overlap(world.store(), ended, made).await;
            assert!(matches!(made, Err(SecondFactorsError::Dead)), "{}: {made:?}", world.engine());
        }
    }
}
