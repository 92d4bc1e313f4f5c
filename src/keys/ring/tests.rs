use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::KeyRing;
use crate::keys::purpose::{KeyState, Purpose};
use crate::keys::rotation::{self, KeyError, OVERLAP_SECONDS};
use crate::keys::sealing::{Sealer, SealingError};
use crate::store::Store;
use crate::store::constraint::Constraint;
use crate::store::failure::StoreError;
use crate::store::scratch;
use crate::values::clock::Timestamp;
use crate::values::entropy::Entropy;
use crate::values::ids::{RequestId, Sequence};
use crate::values::operation::{Actor, Operation};
use crate::values::secret::Secret;

const START: i64 = 1_800_000_000;

fn sealer(byte: u8) -> Sealer {
    Sealer::new(&[Secret::from(STANDARD.encode([byte; 32]))]).unwrap()
}

fn op(seconds: i64) -> Operation {
    let at = Timestamp::from_seconds(seconds);
    let entropy = Entropy::new(|buffer| {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(1);
        for chunk in buffer.chunks_mut(8) {
            let fresh = NEXT.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed).to_be_bytes();
            chunk.copy_from_slice(&fresh[..chunk.len()]);
        }
    });
    let data_center = "us".parse().unwrap();
    Operation {
        actor: Actor::System,
        request: RequestId::mint(at, &entropy),
        at,
        entropy,
        sequence: Sequence::default(),
        data_center,
    }
}

async fn establish(store: &Store) -> Result<(), KeyError> {
    for purpose in store.read(rotation::missing).await? {
        let active = rotation::prepare(&op(START), &sealer(1), purpose)?;
        let next = rotation::prepare(&op(START), &sealer(1), purpose)?;
        store.write(move |tx| rotation::establish(tx, &op(START), &active, &next)).await?;
    }
    Ok(())
}

async fn rotate(store: &Store, seconds: i64) -> Result<rotation::Rotation, KeyError> {
    let next = rotation::prepare(&op(seconds), &sealer(1), Purpose::OidcEs256)?;
    store.write(move |tx| rotation::rotate(tx, &op(seconds), &next)).await
}

async fn view(store: &Store, ring: &KeyRing, seconds: i64) -> Vec<(String, KeyState)> {
    let ring = ring.clone();
    let snapshot = store.read(move |tx| ring.snapshot(tx, Timestamp::from_seconds(seconds))).await.unwrap();
    snapshot.of(Purpose::OidcEs256).map(|key| (key.id.to_string(), key.state)).collect()
}

#[tokio::test]
async fn the_first_start_makes_an_active_and_a_next_key_for_every_purpose() {
    for scratch in scratch::all() {
        establish(&scratch.store).await.unwrap();
        assert!(scratch.store.read(rotation::missing).await.unwrap().is_empty(), "{}", scratch.engine);
        let ring = KeyRing::new(sealer(1));
        let snapshot = scratch.store.read(move |tx| ring.snapshot(tx, Timestamp::from_seconds(START))).await.unwrap();
        for purpose in Purpose::ALL {
            let states: Vec<KeyState> = snapshot.of(purpose).map(|key| key.state).collect();
            assert_eq!(states.len(), 2, "{purpose:?}");
            assert!(states.contains(&KeyState::Next));
            assert!(snapshot.active(purpose).is_ok());
        }
    }
}

#[tokio::test]
async fn a_second_node_that_starts_at_the_same_time_loses_without_a_trace() {
    for scratch in scratch::all() {
        establish(&scratch.store).await.unwrap();
        let active = rotation::prepare(&op(START), &sealer(1), Purpose::OidcEs256).unwrap();
        let next = rotation::prepare(&op(START), &sealer(1), Purpose::OidcEs256).unwrap();
        let late = scratch.store.write(move |tx| rotation::establish(tx, &op(START), &active, &next)).await;
        let conflict = matches!(late, Err(KeyError::Store(StoreError::Conflict(Constraint::ActiveSigningKey))));
        assert!(conflict, "{}: {late:?}", scratch.engine);
        assert_eq!(view(&scratch.store, &KeyRing::new(sealer(1)), START).await.len(), 2);
    }
}

#[tokio::test]
async fn a_rotation_is_seen_by_another_process_within_a_second_and_signs_with_a_key_published_before() {
    for scratch in scratch::all() {
        establish(&scratch.store).await.unwrap();
        let other_process = KeyRing::new(sealer(1));
        let before = view(&scratch.store, &other_process, START).await;
        let published: HashSet<String> = before.iter().map(|(id, _)| id.clone()).collect();
        rotate(&scratch.store, START).await.unwrap();
        let after = view(&scratch.store, &other_process, START + 1).await;
        let active = after.iter().find(|(_, state)| *state == KeyState::Active).unwrap();
        assert!(published.contains(&active.0), "{}", scratch.engine);
        assert_ne!(before.iter().find(|(_, state)| *state == KeyState::Active), Some(active));
        assert_eq!(after.len(), 3);
    }
}

#[tokio::test]
async fn a_retired_key_stays_published_for_the_overlap_and_is_then_deleted() {
    for scratch in scratch::all() {
        establish(&scratch.store).await.unwrap();
        let ring = KeyRing::new(sealer(1));
        rotate(&scratch.store, START).await.unwrap();
        assert_eq!(view(&scratch.store, &ring, START + OVERLAP_SECONDS - 1).await.len(), 3, "{}", scratch.engine);
        assert_eq!(view(&scratch.store, &ring, START + OVERLAP_SECONDS).await.len(), 2, "{}", scratch.engine);
        rotate(&scratch.store, START + OVERLAP_SECONDS + 1).await.unwrap();
        let rows = scratch.store.read(crate::store::signing_keys::all).await.unwrap();
        assert_eq!(rows.iter().filter(|row| row.purpose == "oidc_es256").count(), 3);
    }
}

#[tokio::test]
async fn nothing_opens_under_another_encryption_key() {
    for scratch in scratch::all() {
        establish(&scratch.store).await.unwrap();
        let ring = KeyRing::new(sealer(2));
        let answer = scratch.store.read(move |tx| ring.snapshot(tx, Timestamp::from_seconds(START))).await;
        assert!(matches!(answer, Err(KeyError::Sealing(SealingError::UnknownKey))), "{}", scratch.engine);
    }
}

/// Whoever changes the encryption key puts the new one first and leaves the old one behind it, on every node, before anything is made
/// under it. Here one node does not have the new one yet.
#[tokio::test]
async fn a_key_of_another_node_that_cannot_be_opened_is_left_out_until_it_signs() {
    for scratch in scratch::all() {
        let store = &scratch.store;
        establish(store).await.unwrap();
        let ahead = Sealer::new(&[2, 1].map(|byte| Secret::from(STANDARD.encode([byte; 32])))).unwrap();
        let rotate_ahead = async |seconds| {
            let next = rotation::prepare(&op(seconds), &ahead, Purpose::OidcEs256).unwrap();
            store.write(move |tx| rotation::rotate(tx, &op(seconds), &next)).await.unwrap();
        };
        rotate_ahead(START).await;
        let behind = KeyRing::new(sealer(1));
        let seen = view(store, &behind, START).await;
        let is_seen = |wanted| seen.iter().any(|(_, state)| *state == wanted);
        assert!(is_seen(KeyState::Retired) && is_seen(KeyState::Active) && seen.len() == 2, "{seen:?}");
        rotate_ahead(START + 1).await;
        let ring = behind.clone();
        let signs = store.read(move |tx| ring.snapshot(tx, Timestamp::from_seconds(START + 2))).await;
        assert!(matches!(signs, Err(KeyError::Sealing(SealingError::UnknownKey))), "{}", scratch.engine);
    }
}

#[tokio::test]
async fn whoever_cannot_open_what_is_published_makes_nothing() {
    for scratch in scratch::all() {
        let store = &scratch.store;
        establish(store).await.unwrap();
        let check = async |byte, seconds| {
            let ring = KeyRing::new(sealer(byte));
            store.read(move |tx| ring.require_openable(tx, Timestamp::from_seconds(seconds))).await
        };
        assert!(
            matches!(check(2, START).await, Err(KeyError::Sealing(SealingError::UnknownKey))),
            "{}",
            scratch.engine
        );
        check(1, START).await.unwrap();
        // What was retired long ago is published no more, and may have been sealed under a key that is gone.
        for _ in 0..2 {
            for purpose in Purpose::ALL {
                let next = rotation::prepare(&op(START), &sealer(2), purpose).unwrap();
                store.write(move |tx| rotation::rotate(tx, &op(START), &next)).await.unwrap();
            }
        }
        assert!(check(2, START + OVERLAP_SECONDS - 1).await.is_err(), "{}", scratch.engine);
        check(2, START + OVERLAP_SECONDS).await.unwrap();
    }
}
