//! Who the gateway is towards the SAML identity provider of one connection: its addresses there, its entity id and keys.
//!
//! Each connection has an entity id and an assertion consumer service of its own, so that a response made for one can
//! never be meant for another, even if two organizations use the same identity provider. The keys are shared.

use std::sync::{Arc, PoisonError, RwLock};

use url::Url;

use crate::keys::purpose::{KeyState, Purpose};
use crate::keys::ring::{KeyRing, OpenedKey};
use crate::keys::rotation::KeyError;
use crate::protocol::saml::authn_request::RequestSignature;
use crate::protocol::saml::certificate::{Certificate, Holder};
use crate::protocol::saml::decryption_key::DecryptionKey;
use crate::protocol::saml::signing_key::{SigningKey, UnusableKey};
use crate::protocol::saml::sp_metadata;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::email::EmailAddress;
use crate::values::ids::{ConnectionId, SigningKeyId};

/// The gateway as a SAML service provider. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ServiceProvider {
    public_url: Url,
    keys: KeyRing,
    /// The key that signed last, as OpenSSL has it: to make it ready takes as long as a signature.
    signing: Arc<RwLock<Option<(SigningKeyId, SigningKey)>>>,
}

/// A key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ServiceProviderError {
    /// No key, or one that does not open.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key that OpenSSL does not take.
    #[error(transparent)]
    UnusableKey(#[from] UnusableKey),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ServiceProvider {
    /// The gateway that people reach at `public_url`.
    pub fn new(public_url: Url, keys: KeyRing) -> Self {
        Self { public_url, keys, signing: Arc::default() }
    }

    /// The entity id, which is the address of the metadata.
    pub fn entity_id(&self, connection: ConnectionId) -> String {
        self.address(connection, "metadata")
    }

    /// The assertion consumer service.
    pub fn acs_url(&self, connection: ConnectionId) -> String {
        self.address(connection, "acs")
    }

    /// Where messages about signing out go.
    pub fn slo_url(&self, connection: ConnectionId) -> String {
        self.address(connection, "slo")
    }

    fn address(&self, connection: ConnectionId, door: &str) -> String {
        format!("{}/federation/saml/{connection}/{door}", self.public_url.as_str().trim_end_matches('/'))
    }

    /// The key that signs requests now.
    pub fn signing_key(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<SigningKey, ServiceProviderError> {
        let snapshot = self.keys.snapshot(tx, now)?;
        let active = snapshot.active(Purpose::Saml)?;
        let known = self.signing.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((id, key)) = known
            && id == active.id
        {
            return Ok(key);
        }
        let key = SigningKey::from_pkcs8(&active.pkcs8)?;
        *self.signing.write().unwrap_or_else(PoisonError::into_inner) = Some((active.id, key.clone()));
        Ok(key)
    }

    /// The keys that an assertion may be encrypted to: those that are published now, and the one that was until lately.
    pub fn decryption_keys(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<DecryptionKey>, ServiceProviderError> {
        let snapshot = self.keys.snapshot(tx, now)?;
        Ok(snapshot.of(Purpose::SamlEncryption).map(|key| DecryptionKey::from_pkcs8(&key.pkcs8)).collect())
    }

    /// The metadata for one connection, with the keys that sign and are encrypted to now and those that will be next, and whom to
    /// write to about the gateway.
    pub fn metadata(
        &self,
        tx: &mut Tx<'_>,
        now: Timestamp,
        connection: ConnectionId,
        (requests, contact): (RequestSignature, &EmailAddress),
    ) -> Result<String, ServiceProviderError> {
        let snapshot = self.keys.snapshot(tx, now)?;
        let certificates = |purpose: Purpose| {
            let in_state = |state| snapshot.of(purpose).filter(move |key| key.state == state);
            let published = in_state(KeyState::Active).chain(in_state(KeyState::Next));
            published.map(|key| self.certificate(key)).collect::<Result<Vec<_>, _>>()
        };
        Ok(sp_metadata::render(&sp_metadata::ServiceProvider {
            requests,
            display_name: self.public_url.host_str().unwrap_or_default(),
            contact,
            entity_id: &self.entity_id(connection),
            acs_url: &self.acs_url(connection),
            slo_url: &self.slo_url(connection),
            signing_certificates: &certificates(Purpose::Saml)?,
            encryption_certificates: &certificates(Purpose::SamlEncryption)?,
        }))
    }

    fn certificate(&self, key: &OpenedKey) -> Result<Certificate, UnusableKey> {
        let holder = Holder {
            common_name: self.public_url.host_str().unwrap_or_default(),
            valid_from: key.created_at,
            serial: key.id.as_bytes(),
        };
        match key.purpose {
            Purpose::SamlEncryption => DecryptionKey::from_pkcs8(&key.pkcs8).certificate(&holder),
            Purpose::Saml
            | Purpose::OidcEs256
            | Purpose::OidcRs256
            | Purpose::OidcPs256
            | Purpose::OidcEdDsa
            | Purpose::OidcClient => SigningKey::from_pkcs8(&key.pkcs8)?.certificate(&holder),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::ServiceProvider;
    use crate::keys::purpose::Purpose;
    use crate::keys::ring::KeyRing;
    use crate::keys::rotation::{self, KeyError, OVERLAP_SECONDS};
    use crate::keys::sealing::Sealer;
    use crate::protocol::saml::authn_request::RequestSignature;
    use crate::store::scratch;
    use crate::values::clock::Timestamp;
    use crate::values::entropy::Entropy;
    use crate::values::ids::{ConnectionId, RequestId, Sequence};
    use crate::values::operation::{Actor, Operation};
    use crate::values::secret::Secret;

    fn operation() -> Operation {
        let at = Timestamp::from_seconds(1_700_000_000);
        let entropy = Entropy::new(|buffer| {
            static NEXT: AtomicU8 = AtomicU8::new(1);
            buffer.fill(NEXT.fetch_add(1, Ordering::Relaxed));
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

    #[tokio::test]
    async fn metadata_announces_the_next_key_and_a_rotation_drops_the_old_one() {
        for scratch in scratch::all() {
            let sealer = Sealer::new(&[Secret::from(STANDARD.encode([1; 32]))]).unwrap();
            let provider = ServiceProvider::new("https://id.test/".parse().unwrap(), KeyRing::new(sealer.clone()));
            let op = operation();
            let prepare =
                |purpose| (0..3).map(|_| rotation::prepare(&op, &sealer, purpose).unwrap()).collect::<Vec<_>>();
            let (keys, encryption) = (prepare(Purpose::Saml), prepare(Purpose::SamlEncryption));
            let connection = ConnectionId::from_bytes(&[7; 16]).unwrap();
            let write = scratch.store.write(move |tx| {
                rotation::establish(tx, &op, &keys[0], &keys[1])?;
                rotation::establish(tx, &op, &encryption[0], &encryption[1])?;
                let contact = "gateway@sp.test".parse().unwrap();
                let before = provider.metadata(tx, op.at, connection, (RequestSignature::Signed, &contact)).unwrap();
                rotation::rotate(tx, &op, &keys[2])?;
                rotation::rotate(tx, &op, &encryption[2])?;
                let later = op.at.plus_seconds(2);
                let after = provider.metadata(tx, later, connection, (RequestSignature::Signed, &contact)).unwrap();
                assert!(provider.signing_key(tx, later).is_ok());
                // What was encrypted to the old key before the rotation is still on its way.
                assert_eq!(provider.decryption_keys(tx, later).unwrap().len(), 3);
                let after_overlap = op.at.plus_seconds(OVERLAP_SECONDS + 1);
                assert_eq!(provider.decryption_keys(tx, after_overlap).unwrap().len(), 2);
                Ok::<_, KeyError>((before, after, provider))
            });
            let (before, after, provider) = write.await.unwrap();
            for purpose in ["signing", "encryption"] {
                let certificates = |metadata: &str| -> Vec<String> {
                    let mark = format!("use=\"{purpose}\"");
                    let parts = metadata.split(&mark).skip(1);
                    let parts = parts.map(|part| part.split("<ds:X509Certificate>").nth(1).unwrap());
                    parts.map(|part| part.split('<').next().unwrap().to_owned()).collect()
                };
                let (before_keys, after_keys) = (certificates(&before), certificates(&after));
                assert_eq!((before_keys.len(), after_keys.len()), (2, 2), "{purpose}");
                assert_eq!(before_keys[1], after_keys[0], "the next key is the one that was announced");
                assert!(!after_keys.contains(&before_keys[0]));
            }
            assert_eq!(provider.acs_url(connection), format!("https://id.test/federation/saml/{connection}/acs"));
            assert!(before.contains(&format!("entityID=\"{}\"", provider.entity_id(connection))));
        }
    }
}
