//! Somebody who is signed in adds an authenticator app, removes it, or gets other recovery codes: compare the password that they
//! typed, and change what is kept. A session alone changes nothing, so that a stolen one does not.

use super::passwords::{Compared, Passwords, PasswordsError};
use crate::access::own_password;
use crate::access::passwords::{self, KeepingError, Kept};
use crate::access::second_factors::enrolment::{self, EnrolmentError};
use crate::access::second_factors::offer::Offer;
use crate::access::second_factors::{self, raised};
use crate::access::sessions::{self, Limits, Session};
use crate::directory::accounts;
use crate::keys::sealing::Sealer;
use crate::store::failure::StoreError;
use crate::store::{Store, Tx, accounts as account_rows, sessions as session_rows};
use crate::values::operation::Operation;
use crate::values::password::Password;
use crate::values::recovery_code::RecoveryCode;
use crate::values::secret::Secret;

/// The story of one change.
#[derive(Clone)]
pub struct SecondFactors {
    /// The store.
    pub store: Store,
    /// The seal of what is kept.
    pub sealer: Sealer,
    /// Who hashes.
    pub passwords: Passwords,
}

/// What somebody typed to prove that it is them: their password, and a code.
#[derive(Debug, Clone)]
pub struct Typed {
    /// The password.
    pub password: Password,
    /// The code.
    pub code: Secret,
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
    /// The account has what was to be added, or has not what was to be changed, or everything changed meanwhile.
    #[error("there is nothing to change, or no longer")]
    Dead,
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
    /// Adds the app that was offered. Every session and token of the account ends; the one in hand goes on as another one, whose
    /// token this is, beside the recovery codes.
    pub async fn add(
        &self,
        op: &Operation,
        session: &Session,
        limits: Limits,
        offer: Offer,
        typed: Typed,
    ) -> Result<(Secret, Vec<RecoveryCode>), SecondFactorsError> {
        let kept = self.compared(session, typed.password).await?;
        let (op, sealer, session) = (op.clone(), self.sealer.clone(), session.clone());
        let write = self.store.write(move |tx| {
            require_same(tx, &op, &sealer, (&session, &kept))?;
            let enrolled = enrolment::enrol(tx, &op, &sealer, session.account, &offer, typed.code.expose())?;
            let proved = match session.connection {
                // By a password and a code, just now.
                None => {
                    let (amr, acr) = raised(session.amr.clone());
                    Session { amr, acr, ..session.clone() }
                }
                Some(_) => session.clone(),
            };
            let token = sessions::go_on(tx, &op, &proved, enrolled.session_epoch, limits)?;
            Ok::<_, SecondFactorsError>((token.ok_or(SecondFactorsError::Dead)?, enrolled.codes))
        });
        write.await
    }

    /// Removes it. Every session and token of the account ends; the one in hand goes on as another one, whose token this is.
    pub async fn remove(
        &self,
        op: &Operation,
        session: &Session,
        limits: Limits,
        typed: Typed,
    ) -> Result<Secret, SecondFactorsError> {
        let kept = self.compared(session, typed.password).await?;
        let (op, sealer, session) = (op.clone(), self.sealer.clone(), session.clone());
        let write = self.store.write(move |tx| {
            require_same(tx, &op, &sealer, (&session, &kept))?;
            if !second_factors::prove(tx, &op, &sealer, session.account, typed.code.expose())? {
                return Ok(None);
            }
            let epoch = enrolment::remove(tx, &op, session.account)?;
            sessions::go_on(tx, &op, &session, epoch, limits)?.map(Some).ok_or(SecondFactorsError::Dead)
        });
        write.await?.ok_or(SecondFactorsError::WrongCode)
    }

    /// Makes recovery codes anew.
    pub async fn renew_codes(
        &self,
        op: &Operation,
        session: &Session,
        typed: Typed,
    ) -> Result<Vec<RecoveryCode>, SecondFactorsError> {
        let kept = self.compared(session, typed.password).await?;
        let (op, sealer, session) = (op.clone(), self.sealer.clone(), session.clone());
        let write = self.store.write(move |tx| {
            require_same(tx, &op, &sealer, (&session, &kept))?;
            if !second_factors::prove(tx, &op, &sealer, session.account, typed.code.expose())? {
                return Ok(None);
            }
            Ok::<_, SecondFactorsError>(Some(enrolment::renew_codes(tx, &op, session.account)?))
        });
        write.await?.ok_or(SecondFactorsError::WrongCode)
    }

    /// The password that is kept, if it is the one that was typed. One that is no longer good is not compared: that would tell
    /// whether it was.
    async fn compared(&self, session: &Session, typed: Password) -> Result<Kept, SecondFactorsError> {
        let (sealer, account) = (self.sealer.clone(), session.account);
        let read = self.store.read(move |tx| {
            let found = accounts::find(tx, account)?.ok_or(SecondFactorsError::Dead)?;
            if !own_password::may_have_password(tx, &found)? {
                return Err(SecondFactorsError::Dead);
            }
            Ok(passwords::find(tx, &sealer, account)?)
        });
        let kept = read.await?;
        match (self.passwords.compare(typed, kept.clone()).await?, kept) {
            (Compared::Right { .. }, Some(kept)) => Ok(kept),
            (Compared::Right { .. } | Compared::Wrong, _) => Err(SecondFactorsError::WrongPassword),
        }
    }
}

/// Refuses when the password, or the session, is another one than before the comparison.
fn require_same(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    (session, kept): (&Session, &Kept),
) -> Result<(), SecondFactorsError> {
    // Two who change something at the same moment come one after the other.
    account_rows::lock(tx, session.account)?;
    let standing = sessions::standing(tx, session.account, session.organization, session.connection)?;
    let now = passwords::find(tx, sealer, session.account)?;
    let is_same = now.is_some_and(|now| now.hash == kept.hash);
    let is_open = session_rows::is_open(tx, session.id, op.at)?;
    match is_same && is_open && standing.session_epoch == session.session_epoch {
        true => Ok(()),
        false => Err(SecondFactorsError::Dead),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::{SecondFactors, SecondFactorsError, Typed};
    use crate::access::passwords::{self, Cost, PasswordHash};
    use crate::access::second_factors::enrolment;
    use crate::access::second_factors::offer::{Offer, Place};
    use crate::access::sessions::{self, Limits, Session};
    use crate::access::testing::{World, by_password, world};
    use crate::directory::accounts;
    use crate::directory::profile::Profile;
    use crate::flows::passwords::{Passwords, Settings};
    use crate::keys::sealing::Sealer;
    use crate::protocol::totp;
    use crate::store::failure::StoreError;
    use crate::store::{Tx, accounts as account_rows, scratch};
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
        SecondFactors { store: world.store().clone(), sealer: sealer(), passwords }
    }

    /// Somebody with a password and an app, who is signed in, and what they type now.
    async fn signed_in(world: &World) -> (Session, Typed) {
        let (op, organization) = (world.op(), world.organization);
        let write = world.store().write(move |tx| {
            let profile = Profile { addresses: vec!["bea@freelance.test".parse().unwrap()], ..Profile::default() };
            let account = accounts::create(tx, &op, organization, &profile, Role::Member, true)?;
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
        (session, Typed { password: Password::typed("correct horse"), code })
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
