//! The opened keys, in memory. What the store says is looked at again every second, so that a rotation by another
//! process takes effect here within that time; a key is opened once. A key that cannot be opened, because it is sealed under an
//! encryption key that is not configured here, is left out with an error in the log, unless it is the one that signs.

use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

use super::purpose::{KeyState, Purpose};
use super::rotation::{KeyError, OVERLAP_SECONDS, place};
use super::sealing::Sealer;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::signing_keys::{self, SigningKeyOutline, SigningKeyRow};
use crate::values::clock::Timestamp;
use crate::values::ids::SigningKeyId;

/// How old the view of the keys may be.
pub const FRESH_FOR_MICROS: i64 = 1_000_000;

/// One opened key.
pub struct OpenedKey {
    /// Its id, which is its `kid` as well.
    pub id: SigningKeyId,
    /// What it is for.
    pub purpose: Purpose,
    /// Where it stands.
    pub state: KeyState,
    /// PKCS#8, DER.
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl std::fmt::Debug for OpenedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenedKey").field("id", &self.id).field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

/// The published keys at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Active, next, and retired within the overlap; oldest first.
    pub keys: Vec<Arc<OpenedKey>>,
    outlines: Vec<SigningKeyOutline>,
}

impl Snapshot {
    /// The key that signs for `purpose`.
    pub fn active(&self, purpose: Purpose) -> Result<&Arc<OpenedKey>, KeyError> {
        self.of(purpose).find(|key| key.state == KeyState::Active).ok_or(KeyError::NoActiveKey)
    }

    /// Every published key for `purpose`.
    pub fn of(&self, purpose: Purpose) -> impl Iterator<Item = &Arc<OpenedKey>> {
        self.keys.iter().filter(move |key| key.purpose == purpose)
    }
}

struct Checked {
    at: Timestamp,
    snapshot: Arc<Snapshot>,
}

/// The keys of this process. Cheap to clone.
#[derive(Clone)]
pub struct KeyRing {
    sealer: Sealer,
    checked: Arc<RwLock<Option<Checked>>>,
}

impl KeyRing {
    /// A ring that opens keys with `sealer`. Nothing is loaded yet.
    pub fn new(sealer: Sealer) -> Self {
        Self { sealer, checked: Arc::new(RwLock::new(None)) }
    }

    /// The sealer, for keys that are about to be made.
    pub const fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// The keys as of at most a second before `now`. The same `Arc` comes back for as long as nothing changed.
    pub fn snapshot(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Arc<Snapshot>, KeyError> {
        let known = self.known();
        if let Some((at, snapshot)) = &known {
            let age = now.micros().saturating_sub(at.micros());
            if (0..FRESH_FOR_MICROS).contains(&age) {
                return Ok(Arc::clone(snapshot));
            }
        }
        let mut outlines = signing_keys::outlines(tx)?;
        outlines.retain(|key| is_published(key.retired_at, now));
        let snapshot = match known {
            Some((_, snapshot)) if snapshot.outlines == outlines => snapshot,
            _ => Arc::new(self.load(tx, now)?),
        };
        let mut checked = self.checked.write().unwrap_or_else(PoisonError::into_inner);
        *checked = Some(Checked { at: now, snapshot: Arc::clone(&snapshot) });
        Ok(snapshot)
    }

    /// Refuses where a published key cannot be opened with what is configured here. Whoever made a key beside such a one would put
    /// something into use that those who serve cannot open.
    pub fn require_openable(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<(), KeyError> {
        for row in signing_keys::all(tx)?.iter().filter(|row| is_published(row.retired_at, now)) {
            if Purpose::parse(&row.purpose).is_some() {
                self.sealer.open(&row.sealed_private, &place(&row.purpose, row.id))?;
            }
        }
        Ok(())
    }

    fn known(&self) -> Option<(Timestamp, Arc<Snapshot>)> {
        let checked = self.checked.read().unwrap_or_else(PoisonError::into_inner);
        checked.as_ref().map(|checked| (checked.at, Arc::clone(&checked.snapshot)))
    }

    fn load(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Snapshot, KeyError> {
        let rows = signing_keys::all(tx)?;
        let mut snapshot = Snapshot { keys: Vec::new(), outlines: Vec::new() };
        for row in rows.iter().filter(|row| is_published(row.retired_at, now)) {
            // A purpose of a newer node, which runs beside this one during an upgrade.
            if let Some(purpose) = Purpose::parse(&row.purpose)
                && let Some(key) = self.open(row, purpose)?
            {
                snapshot.keys.push(Arc::new(key));
            }
            snapshot.outlines.push(SigningKeyOutline {
                id: row.id,
                purpose: row.purpose.clone(),
                state: row.state.clone(),
                retired_at: row.retired_at,
            });
        }
        Ok(snapshot)
    }

    /// `None` for one that is not in use now and cannot be opened.
    fn open(&self, row: &SigningKeyRow, purpose: Purpose) -> Result<Option<OpenedKey>, KeyError> {
        let state = KeyState::parse(&row.state).ok_or(StoreError::Inconsistent("signing_keys.state"))?;
        match self.sealer.open(&row.sealed_private, &place(&row.purpose, row.id)) {
            Ok(pkcs8) => Ok(Some(OpenedKey { id: row.id, purpose, state, pkcs8, created_at: row.created_at })),
            Err(error) if state == KeyState::Active => Err(error.into()),
            Err(error) => {
                let (key, purpose, state) = (row.id, &row.purpose, &row.state);
                tracing::error!(%key, purpose, state, %error, "a signing key cannot be opened, and is left out");
                Ok(None)
            }
        }
    }
}

fn is_published(retired_at: Option<Timestamp>, now: Timestamp) -> bool {
    retired_at.is_none_or(|at| now < at.plus_seconds(OVERLAP_SECONDS))
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyRing(...)")
    }
}

#[cfg(test)]
mod tests;
