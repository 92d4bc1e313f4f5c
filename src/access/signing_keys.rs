//! The gateway's keys, ready to sign and to check what OpenID Connect is made of. Parsed once, and again only when
//! the set of published keys changed.

use std::sync::{Arc, PoisonError, RwLock};

use serde_json::json;

use crate::keys::purpose::Purpose;
use crate::keys::ring::{KeyRing, OpenedKey, Snapshot};
use crate::keys::rotation::{self, KeyError, PreparedKey, Rotation};
use crate::protocol::oidc::jwks::JwkSet;
use crate::protocol::oidc::signing::{InvalidSigningKey, SigningAlgorithm, SigningKey};
use crate::protocol::oidc::verification::VerificationKeys;
use crate::record::audit::{self, Action, Subject};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::operation::Operation;

/// The OpenID Connect keys at one moment.
#[derive(Debug)]
pub struct OidcKeys {
    es256: SigningKey,
    rs256: SigningKey,
    ps256: SigningKey,
    ed_dsa: SigningKey,
    jwks: JwkSet,
    verification: VerificationKeys,
}

impl OidcKeys {
    /// The key that signs with `algorithm`.
    pub const fn signer(&self, algorithm: SigningAlgorithm) -> &SigningKey {
        match algorithm {
            SigningAlgorithm::Es256 => &self.es256,
            SigningAlgorithm::Rs256 => &self.rs256,
            SigningAlgorithm::Ps256 => &self.ps256,
            SigningAlgorithm::EdDsa => &self.ed_dsa,
        }
    }

    /// Everything that is published.
    pub const fn jwks(&self) -> &JwkSet {
        &self.jwks
    }

    /// What checks our own tokens.
    pub const fn verification(&self) -> &VerificationKeys {
        &self.verification
    }

    fn of(snapshot: &Snapshot) -> Result<Self, KeyError> {
        let mut published = Vec::new();
        let mut verification = Vec::new();
        for algorithm in SigningAlgorithm::ALL {
            for opened in snapshot.of(purpose(algorithm)) {
                let key = parse(opened, algorithm)?;
                published.push(key.public_jwk().map_err(unusable)?);
                verification.push(key.verification_key());
            }
        }
        let signer = |algorithm| parse(snapshot.active(purpose(algorithm))?, algorithm);
        Ok(Self {
            es256: signer(SigningAlgorithm::Es256)?,
            rs256: signer(SigningAlgorithm::Rs256)?,
            ps256: signer(SigningAlgorithm::Ps256)?,
            ed_dsa: signer(SigningAlgorithm::EdDsa)?,
            jwks: JwkSet { keys: published },
            verification: VerificationKeys::new(verification),
        })
    }
}

const fn purpose(algorithm: SigningAlgorithm) -> Purpose {
    match algorithm {
        SigningAlgorithm::Es256 => Purpose::OidcEs256,
        SigningAlgorithm::Rs256 => Purpose::OidcRs256,
        SigningAlgorithm::Ps256 => Purpose::OidcPs256,
        SigningAlgorithm::EdDsa => Purpose::OidcEdDsa,
    }
}

fn parse(opened: &OpenedKey, algorithm: SigningAlgorithm) -> Result<SigningKey, KeyError> {
    SigningKey::from_pkcs8(&opened.id.to_string(), algorithm, &opened.pkcs8).map_err(unusable)
}

fn unusable(_: InvalidSigningKey) -> KeyError {
    KeyError::Store(StoreError::Inconsistent("signing_keys.sealed_private"))
}

type Parsed = Option<(Arc<Snapshot>, Arc<OidcKeys>)>;

/// The keys of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    ring: KeyRing,
    parsed: Arc<RwLock<Parsed>>,
}

impl SigningKeys {
    /// Over the opened keys of `ring`.
    pub fn new(ring: KeyRing) -> Self {
        Self { ring, parsed: Arc::new(RwLock::new(None)) }
    }

    /// The OpenID Connect keys as of at most a second before `now`.
    pub fn oidc(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Arc<OidcKeys>, StoreError> {
        let snapshot = self.ring.snapshot(tx, now)?;
        let known = self.parsed.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((of, keys)) = known
            && Arc::ptr_eq(&of, &snapshot)
        {
            return Ok(keys);
        }
        let keys = Arc::new(OidcKeys::of(&snapshot)?);
        *self.parsed.write().unwrap_or_else(PoisonError::into_inner) = Some((snapshot, Arc::clone(&keys)));
        Ok(keys)
    }
}

/// Installs the first keys of a purpose, with its audit entry. `Conflict(ActiveSigningKey)` when another node was faster.
pub fn establish(tx: &mut Tx<'_>, op: &Operation, active: &PreparedKey, next: &PreparedKey) -> Result<(), KeyError> {
    rotation::establish(tx, op, active, next)?;
    let detail = json!({ "purpose": active.purpose().as_str(), "next": next.id() });
    audit::write(tx, op, None, Action::SigningKeyCreated, &Subject::new("signing_key", active.id()), &detail)?;
    Ok(())
}

/// Puts the waiting key of a purpose into use, with its audit entry. Every node signs with it within a second.
pub fn rotate(tx: &mut Tx<'_>, op: &Operation, next: &PreparedKey) -> Result<Rotation, KeyError> {
    let rotation = rotation::rotate(tx, op, next)?;
    let detail = json!({ "purpose": next.purpose().as_str(), "next": rotation.next });
    audit::write(tx, op, None, Action::SigningKeyRotated, &Subject::new("signing_key", rotation.active), &detail)?;
    Ok(rotation)
}

#[cfg(test)]
mod tests {
    use super::{establish, rotate};
    use crate::access::testing::world;
    use crate::keys::purpose::Purpose;
    use crate::keys::rotation::{self, KeyError};
    use crate::keys::sealing::Sealer;
    use crate::record::audit;
    use crate::store::{Tx, scratch};
    use crate::values::page::PageRequest;
    use crate::values::secret::Secret;

    #[tokio::test]
    async fn of_two_rotations_at_once_one_is_made() {
        for world in world().await {
            let sealer =
                Sealer::new(&[Secret::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned())]).unwrap();
            let (op, now) = (world.operator(), world.operator());
            let [active, next, third, fourth] =
                [(); 4].map(|()| rotation::prepare(&op, &sealer, Purpose::OidcEs256).unwrap());
            let (first, second) = (op.clone(), now);
            let made = world.store().write(move |tx| establish(tx, &op, &active, &next)).await;
            made.unwrap();
            let rotating = move |tx: &mut Tx<'_>| {
                rotate(tx, &first, &third).unwrap();
                Ok(())
            };
            let other = world.store().write(move |tx| rotate(tx, &second, &fourth));
            let (_, other) = scratch::overlap(world.store(), rotating, other).await;
            // On SQLite they come one after the other.
            let is_refused = matches!(other, Err(KeyError::NoNextKey));
            assert_eq!(is_refused, world.engine() == "postgres", "{other:?}");
        }
    }

    #[tokio::test]
    async fn making_keys_and_rotating_them_is_written_down() {
        for world in world().await {
            let sealer =
                Sealer::new(&[Secret::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned())]).unwrap();
            let op = world.operator();
            let keys = [(); 3].map(|()| rotation::prepare(&op, &sealer, Purpose::OidcEs256).unwrap());
            let written = world.store().write(move |tx| {
                let [active, next, third] = &keys;
                establish(tx, &op, active, next).unwrap();
                rotate(tx, &op, third).unwrap();
                audit::page_of_operators(tx, &PageRequest::new(None, None).unwrap())
            });
            let written = written.await.unwrap();
            for action in ["signing_key.created", "signing_key.rotated"] {
                assert!(written.items.iter().any(|entry| entry.action == action), "{}: {action}", world.engine());
            }
        }
    }
}
