//! The seal under which secrets are stored: AES-256-GCM with a key from the configuration. A sealed value names the
//! key it is under, so that the configured key can be changed while older values stay readable, and is bound to the
//! place it stands in, so that it cannot be moved to another row or column.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::values::secret::Secret;

const FORMAT: u8 = 1;
const KEY_ID_LENGTH: usize = 8;
const HEADER_LENGTH: usize = 1 + KEY_ID_LENGTH + NONCE_LEN;

/// The configured key is not the base64 form of 32 bytes, or none is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an encryption key is 32 bytes in base64")]
pub struct InvalidEncryptionKey;

/// Why a value was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealingError {
    /// It is under a key that is not configured (any more).
    #[error("the value is sealed under a key that is not configured")]
    UnknownKey,
    /// It was damaged, or it was sealed for another place.
    #[error("the sealed value is damaged or stands in the wrong place")]
    Damaged,
}

struct Key {
    id: [u8; KEY_ID_LENGTH],
    aead: RandomizedNonceKey,
}

/// Seals under the first configured key, opens under each of them. Cheap to clone.
#[derive(Clone)]
pub struct Sealer {
    keys: Arc<Vec<Key>>,
}

impl Sealer {
    /// From the configured keys, newest first.
    pub fn new(encryption_keys: &[Secret]) -> Result<Self, InvalidEncryptionKey> {
        let keys = encryption_keys.iter().map(Key::parse).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(InvalidEncryptionKey) } else { Ok(Self { keys: Arc::new(keys) }) }
    }

    /// The name of the key that it seals under, which the sealed values carry in their bytes 2 to 9.
    pub fn newest_key(&self) -> &[u8] {
        self.keys.first().map_or(&[], |key| key.id.as_slice())
    }

    /// True when it has the key of this name.
    pub fn knows(&self, key_id: &[u8]) -> bool {
        self.keys.iter().any(|key| key.id == key_id)
    }

    /// Seals `plaintext` for `place`, the name of the column and the id of the row.
    pub fn seal(&self, plaintext: &[u8], place: &str) -> Result<Vec<u8>, SealingError> {
        let key = self.keys.first().ok_or(SealingError::UnknownKey)?;
        let mut body = plaintext.to_vec();
        let aad = Aad::from(key.associated_data(place));
        let nonce = key.aead.seal_in_place_append_tag(aad, &mut body).map_err(|_| SealingError::Damaged)?;
        let mut sealed = Vec::with_capacity(HEADER_LENGTH + body.len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&key.id);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// Opens what was sealed for `place`.
    pub fn open(&self, sealed: &[u8], place: &str) -> Result<Zeroizing<Vec<u8>>, SealingError> {
        let (header, body) = sealed.split_at_checked(HEADER_LENGTH).ok_or(SealingError::Damaged)?;
        let (format, rest) = header.split_first().ok_or(SealingError::Damaged)?;
        let (key_id, nonce) = rest.split_at_checked(KEY_ID_LENGTH).ok_or(SealingError::Damaged)?;
        if *format != FORMAT {
            return Err(SealingError::Damaged);
        }
        let key = self.keys.iter().find(|key| key.id == key_id).ok_or(SealingError::UnknownKey)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealingError::Damaged)?;
        let mut body = Zeroizing::new(body.to_vec());
        let aad = Aad::from(key.associated_data(place));
        let length = key.aead.open_in_place(nonce, aad, &mut body).map_err(|_| SealingError::Damaged)?.len();
        body.truncate(length);
        Ok(body)
    }

    /// Seals a secret text.
    pub fn seal_secret(&self, secret: &Secret, place: &str) -> Result<Vec<u8>, SealingError> {
        self.seal(secret.expose().as_bytes(), place)
    }

    /// Opens a secret text.
    pub fn open_secret(&self, sealed: &[u8], place: &str) -> Result<Secret, SealingError> {
        let bytes = self.open(sealed, place)?;
        std::str::from_utf8(&bytes).map(|text| Secret::from(text.to_owned())).map_err(|_| SealingError::Damaged)
    }
}

impl Key {
    fn parse(text: &Secret) -> Result<Self, InvalidEncryptionKey> {
        let bytes = Zeroizing::new(STANDARD.decode(text.expose()).map_err(|_| InvalidEncryptionKey)?);
        let aead = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| InvalidEncryptionKey)?;
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"causeway encryption key id");
        context.update(&bytes);
        let mut id = [0; KEY_ID_LENGTH];
        for (byte, hashed) in id.iter_mut().zip(context.finish().as_ref()) {
            *byte = *hashed;
        }
        Ok(Self { id, aead })
    }

    fn associated_data(&self, place: &str) -> Vec<u8> {
        [&[FORMAT], self.id.as_slice(), place.as_bytes()].concat()
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(...)")
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::{Sealer, SealingError};
    use crate::values::secret::Secret;

    fn key(byte: u8) -> Secret {
        Secret::from(STANDARD.encode([byte; 32]))
    }

    #[test]
    fn a_sealed_value_opens_in_its_place_only() {
        let sealer = Sealer::new(&[key(1)]).unwrap();
        let sealed = sealer.seal_secret(&Secret::from("hunter2".to_owned()), "a/1").unwrap();
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
        assert_eq!(sealer.open_secret(&sealed, "a/1").unwrap().expose(), "hunter2");
        assert_eq!(sealer.open(&sealed, "a/2").unwrap_err(), SealingError::Damaged);
    }

    #[test]
    fn the_same_value_is_never_sealed_the_same_way_twice() {
        let sealer = Sealer::new(&[key(1)]).unwrap();
        assert_ne!(sealer.seal(b"x", "a").unwrap(), sealer.seal(b"x", "a").unwrap());
    }

    #[test]
    fn an_older_key_still_opens_and_a_removed_one_does_not() {
        let sealed = Sealer::new(&[key(1)]).unwrap().seal(b"x", "a").unwrap();
        let changed = Sealer::new(&[key(2), key(1)]).unwrap();
        assert_eq!(changed.open(&sealed, "a").unwrap().as_slice(), b"x");
        assert_eq!(Sealer::new(&[key(2)]).unwrap().open(&sealed, "a").unwrap_err(), SealingError::UnknownKey);
        let resealed = changed.seal(b"x", "a").unwrap();
        assert!(Sealer::new(&[key(2)]).unwrap().open(&resealed, "a").is_ok());
    }

    #[test]
    fn every_damage_is_noticed() {
        let sealer = Sealer::new(&[key(1)]).unwrap();
        let sealed = sealer.seal(b"value", "a").unwrap();
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(sealer.open(&damaged, "a").is_err(), "byte {at}");
            assert!(sealer.open(&sealed[..at], "a").is_err(), "cut at {at}");
        }
    }

    #[test]
    fn only_32_bytes_in_base64_are_a_key() {
        for bad in ["", "x", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33]), &"0".repeat(64)] {
            assert!(Sealer::new(&[Secret::from((*bad).to_owned())]).is_err(), "{bad}");
        }
        assert!(Sealer::new(&[]).is_err());
    }
}
