//! What a browser was asked to answer by a passkey, kept here for as long as it may take. Each belongs to one attempt or one
//! session and to one purpose, is good once, and is never told to the browser beyond what it has to sign.

use super::ceremony::{Asked, TTL_SECONDS};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::passkey_challenges::{self as rows, PasskeyChallengeRow};
use crate::values::ids::{AccountId, AttemptId, SessionId};
use crate::values::operation::Operation;
use crate::values::passkey_name::PasskeyName;

/// Where and for what a browser is asked, which is where and for what its answer counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    id: Vec<u8>,
    purpose: &'static str,
    is_sign_in: bool,
}

impl Place {
    /// To sign in by a passkey alone, in this attempt.
    pub fn sign_in(attempt: AttemptId) -> Self {
        Self { id: attempt.as_bytes().to_vec(), purpose: "sign_in", is_sign_in: true }
    }

    /// After a right password, in this attempt.
    pub fn second_step(attempt: AttemptId) -> Self {
        Self { id: attempt.as_bytes().to_vec(), purpose: "second_step", is_sign_in: false }
    }

    /// To make a passkey where a second factor has to be set up, in this attempt.
    pub fn set_up(attempt: AttemptId) -> Self {
        Self { id: attempt.as_bytes().to_vec(), purpose: "set_up", is_sign_in: false }
    }

    /// To change something about the own account, in this session.
    pub fn proof(session: SessionId) -> Self {
        Self { id: session.as_bytes().to_vec(), purpose: "proof", is_sign_in: false }
    }

    /// To make a passkey, in this session.
    pub fn new_passkey(session: SessionId) -> Self {
        Self { id: session.as_bytes().to_vec(), purpose: "new_passkey", is_sign_in: false }
    }

    /// True where nobody is known yet, so that the authenticator has to say who it is.
    pub(super) const fn is_sign_in(&self) -> bool {
        self.is_sign_in
    }
}

/// Keeps what a browser is asked. What it was asked before, for the same purpose in the same place, does not count any more.
pub fn keep(
    tx: &mut Tx<'_>,
    op: &Operation,
    place: &Place,
    account: Option<AccountId>,
    asked: &Asked,
    name: Option<&PasskeyName>,
) -> Result<(), StoreError> {
    let row = PasskeyChallengeRow {
        place_id: place.id.clone(),
        purpose: place.purpose.to_owned(),
        account_id: account,
        state: asked.state.clone(),
        name: name.map(|name| name.as_str().to_owned()),
        expires_at: op.at.plus_seconds(TTL_SECONDS),
    };
    rows::put(tx, &row)
}

/// What is waited for there. Consumes nothing.
pub fn find(tx: &mut Tx<'_>, op: &Operation, place: &Place) -> Result<Option<PasskeyChallengeRow>, StoreError> {
    rows::find(tx, &place.id, place.purpose, op.at)
}

/// Uses it up. False when it was used before, another one came in its place, or its time is over.
pub fn consume(tx: &mut Tx<'_>, op: &Operation, place: &Place, state: &str) -> Result<bool, StoreError> {
    rows::consume(tx, &place.id, place.purpose, state, op.at)
}
