//! The lifecycle of signing keys: made before the first start, then next -> active -> retired -> deleted.
//! A key is prepared outside of the transaction that installs it.

use super::generation::{self, GenerationFailed};
use super::purpose::{KeyState, Purpose};
use super::sealing::{Sealer, SealingError};
use super::under::KeyMissing;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::signing_keys::{self, SigningKeyRow};
use crate::values::clock::Timestamp;
use crate::values::ids::SigningKeyId;
use crate::values::operation::Operation;

/// How long a retired key stays published: longer than anything it signed is used.
pub const OVERLAP_SECONDS: i64 = 48 * 3600;

/// What can go wrong with keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key could not be sealed or opened: most likely the configured encryption key is another one.
    #[error("a signing key cannot be opened")]
    Sealing(#[from] SealingError),
    /// No key could be made.
    #[error(transparent)]
    Generation(#[from] GenerationFailed),
    /// The purpose has no key that could take over, or somebody else rotated at the same moment.
    #[error("there is no next key to put into use")]
    NoNextKey,
    /// Stored values are sealed under a key that is not configured here.
    #[error(transparent)]
    Missing(#[from] KeyMissing),
    /// A purpose has no active key: the gateway was not started with this store yet.
    #[error("there is no active key")]
    NoActiveKey,
}

impl From<KeyError> for StoreError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error,
            KeyError::Sealing(error) => Self::Internal(format!("a signing key cannot be opened: {error}")),
            other => Self::Internal(other.to_string()),
        }
    }
}

/// A key that is not in the store yet.
pub struct PreparedKey {
    id: SigningKeyId,
    purpose: Purpose,
    sealed_private: Vec<u8>,
    public: String,
}

/// The place that a key's private half is sealed for.
pub fn place(purpose: &str, id: SigningKeyId) -> String {
    format!("signing_keys.sealed_private/{purpose}/{id}")
}

/// Makes and seals a key. Slow for RSA: call it outside of a transaction.
pub fn prepare(op: &Operation, sealer: &Sealer, purpose: Purpose) -> Result<PreparedKey, KeyError> {
    let id = op.new_id();
    let pair = generation::generate(purpose)?;
    let sealed_private = sealer.seal(&pair.pkcs8, &place(purpose.as_str(), id))?;
    Ok(PreparedKey { id, purpose, sealed_private, public: pair.public })
}

impl PreparedKey {
    /// Its id, which is its `kid` as well.
    pub const fn id(&self) -> SigningKeyId {
        self.id
    }

    /// What the key is for.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    fn row(&self, state: KeyState, at: Timestamp) -> SigningKeyRow {
        SigningKeyRow {
            id: self.id,
            purpose: self.purpose.as_str().to_owned(),
            state: state.as_str().to_owned(),
            sealed_private: self.sealed_private.clone(),
            public: self.public.clone(),
            created_at: at,
            activated_at: (state == KeyState::Active).then_some(at),
            retired_at: None,
        }
    }
}

/// The purposes that have no active key: all of them before the first start.
pub fn missing(tx: &mut Tx<'_>) -> Result<Vec<Purpose>, KeyError> {
    let known = signing_keys::outlines(tx)?;
    let has_active =
        |purpose: &Purpose| known.iter().any(|key| key.purpose == purpose.as_str() && key.state == "active");
    Ok(Purpose::ALL.into_iter().filter(|purpose| !has_active(purpose)).collect())
}

/// Installs the first keys of a purpose. `Conflict(ActiveSigningKey)` when another node was faster, which is as good.
pub fn establish(tx: &mut Tx<'_>, op: &Operation, active: &PreparedKey, next: &PreparedKey) -> Result<(), KeyError> {
    signing_keys::insert(tx, &active.row(KeyState::Active, op.at))?;
    signing_keys::insert(tx, &next.row(KeyState::Next, op.at))?;
    Ok(())
}

/// What a rotation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Signs from now on; it was published before.
    pub active: SigningKeyId,
    /// Will sign after the next rotation.
    pub next: SigningKeyId,
}

/// Retires the active key of `next`'s purpose, puts the waiting one into use, lets `next` wait, and deletes what was
/// retired longer than the overlap ago. Everybody who runs two rotations at once but one gets [`KeyError::NoNextKey`].
pub fn rotate(tx: &mut Tx<'_>, op: &Operation, next: &PreparedKey) -> Result<Rotation, KeyError> {
    let purpose = next.purpose.as_str();
    let waiting = signing_keys::outlines(tx)?
        .into_iter()
        .find(|key| key.purpose == purpose && key.state == KeyState::Next.as_str())
        .ok_or(KeyError::NoNextKey)?;
    signing_keys::retire_active(tx, purpose, op.at)?;
    if !signing_keys::activate(tx, waiting.id, op.at)? {
        return Err(KeyError::NoNextKey);
    }
    signing_keys::insert(tx, &next.row(KeyState::Next, op.at))?;
    signing_keys::delete_retired(tx, op.at.plus_seconds(-OVERLAP_SECONDS))?;
    Ok(Rotation { active: waiting.id, next: next.id })
}
