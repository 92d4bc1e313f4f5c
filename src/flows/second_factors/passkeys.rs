//! Somebody who is signed in adds a passkey or removes one. It is asked for after they have proved that it is them, so that the
//! challenge itself is the leave to add one.

use tokio::task::spawn_blocking;

use super::proof::{Proof, require_open};
use super::{SecondFactors, SecondFactorsError};
use crate::access::passkeys::ceremony::{Ceremonies, CeremonyFailed, Registration};
use crate::access::passkeys::challenges::{self, Place};
use crate::access::passkeys::enrolment::{self, AskError};
use crate::access::passkeys::{self, assertion};
use crate::access::second_factors::raised;
use crate::access::sessions::reach;
use crate::access::sessions::{self, Limits, Session};
use crate::store::failure::StoreError;
use crate::values::ids::PasskeyId;
use crate::values::operation::Operation;
use crate::values::passkey_name::PasskeyName;
use crate::values::recovery_code::RecoveryCode;
use crate::values::secret::Secret;

impl From<AskError> for SecondFactorsError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Enrolment(error) => error.into(),
            AskError::Ceremony(error) => error.into(),
        }
    }
}

impl From<CeremonyFailed> for SecondFactorsError {
    fn from(error: CeremonyFailed) -> Self {
        Self::Internal(error.to_string())
    }
}

impl SecondFactors {
    /// What asks browsers. A gateway that has no name has no passkeys.
    pub(super) fn ceremonies(&self) -> Result<Ceremonies, SecondFactorsError> {
        self.ceremonies.clone().ok_or(SecondFactorsError::Dead)
    }

    /// What the browser of this session is asked that proves by a passkey that it is its person; `None` when they have none.
    pub async fn ask_proof(&self, op: &Operation, session: &Session) -> Result<Option<String>, SecondFactorsError> {
        let Some(ceremonies) = self.ceremonies.clone() else { return Ok(None) };
        let (op, account, place, session) = (op.clone(), session.account, Place::proof(session.id), session.clone());
        let read = self.store.read(move |tx| {
            reach::require_account(tx, &session)?;
            Ok::<_, SecondFactorsError>(passkeys::credentials(tx, account)?)
        });
        let credentials = read.await?;
        if credentials.is_empty() {
            return Ok(None);
        }
        let asked = ceremonies.ask_for_one(&credentials)?;
        let options = asked.options.clone();
        let write = move |tx: &mut crate::store::Tx<'_>| challenges::keep(tx, &op, &place, Some(account), &asked, None);
        self.store.write(write).await?;
        Ok(Some(options))
    }

    /// What the browser of this session is asked that makes a passkey of this name.
    pub async fn ask_passkey(
        &self,
        op: &Operation,
        session: &Session,
        proof: Proof,
        name: PasskeyName,
    ) -> Result<String, SecondFactorsError> {
        let ceremonies = self.ceremonies()?;
        let evidence = self.evidence(op, session, proof).await?;
        let wrong = evidence.wrong();
        let (op, sealer, session, most) = (op.clone(), self.sealer.clone(), session.clone(), self.most_passkeys);
        let write = self.store.write(move |tx| {
            if !evidence.hold_with_factor(tx, &op, &sealer, &session)? {
                return Ok(None);
            }
            let asked = enrolment::ask(tx, &ceremonies, session.account, most)?;
            let place = Place::new_passkey(session.id);
            challenges::keep(tx, &op, &place, Some(session.account), &asked, Some(&name))?;
            Ok::<_, SecondFactorsError>(Some(asked.options))
        });
        write.await?.ok_or(wrong)
    }

    /// Adds the passkey that the browser of this session has made. Every session and token of the account ends; the one in hand goes
    /// on as another one, whose token this is, beside recovery codes where they are the first.
    pub async fn add_passkey(
        &self,
        op: &Operation,
        session: &Session,
        limits: Limits,
        answer: Registration,
    ) -> Result<(Secret, Vec<RecoveryCode>), SecondFactorsError> {
        let ceremonies = self.ceremonies()?;
        let (at, place) = (op.clone(), Place::new_passkey(session.id));
        let found = self.store.read(move |tx| challenges::find(tx, &at, &place)).await?;
        let challenge = found.ok_or(SecondFactorsError::Dead)?;
        let state = challenge.state.clone();
        let made = spawn_blocking(move || ceremonies.read_new(&state, &answer)).await;
        let made = made.map_err(|error| SecondFactorsError::Internal(error.to_string()))?;
        let name = challenge.name.and_then(|name| name.parse::<PasskeyName>().ok());
        let name = name.ok_or(StoreError::Inconsistent("passkey_challenges.name"))?;
        let (op, session, most) = (op.clone(), session.clone(), self.most_passkeys);
        let write = self.store.write(move |tx| {
            require_open(tx, &op, &session)?;
            if !challenges::consume(tx, &op, &Place::new_passkey(session.id), &challenge.state)? {
                return Err(SecondFactorsError::Dead);
            }
            let Ok(made) = made else { return Ok(None) };
            let enrolled = enrolment::add(tx, &op, session.account, &made, &name, most)?;
            let proved = match session.connection {
                // By what they have shown just now, and by the passkey, which has verified them.
                None => {
                    let (amr, acr) = raised(session.amr.clone(), &assertion::methods(made.storage));
                    Session { amr, acr, ..session.clone() }
                }
                Some(_) => session.clone(),
            };
            let token = sessions::go_on(tx, &op, &proved, enrolled.session_epoch, limits)?;
            Ok(Some((token.ok_or(SecondFactorsError::Dead)?, enrolled.codes)))
        });
        write.await?.ok_or(SecondFactorsError::WrongPasskey)
    }

    /// Removes a passkey. Every session and token of the account ends; the one in hand goes on as another one, whose token this is.
    pub async fn remove_passkey(
        &self,
        op: &Operation,
        session: &Session,
        limits: Limits,
        id: PasskeyId,
        proof: Proof,
    ) -> Result<Secret, SecondFactorsError> {
        let evidence = self.evidence(op, session, proof).await?;
        let wrong = evidence.wrong();
        let (op, sealer, session) = (op.clone(), self.sealer.clone(), session.clone());
        let write = self.store.write(move |tx| {
            if !evidence.hold_with_factor(tx, &op, &sealer, &session)? {
                return Ok(None);
            }
            let epoch = enrolment::remove(tx, &op, session.account, id)?;
            sessions::go_on(tx, &op, &session, epoch, limits)?.map(Some).ok_or(SecondFactorsError::Dead)
        });
        write.await?.ok_or(wrong)
    }
}
