//! Opening an encrypted assertion (XML Encryption 1.1): AES-GCM content under a key that RSA-OAEP transports.
//!
//! Owns the list of algorithms. Everything else (RSA 1.5, CBC, triple DES, a reference to content elsewhere) and every
//! failure has the one answer [`Undecryptable`]: who encrypts to a public key must not learn from it why. What comes out
//! is anybody's text until its signature is verified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::symm::{Cipher, decrypt_aead};
use zeroize::Zeroizing;

use crate::protocol::saml::decryption_key::{DecryptionKey, Hash, Oaep};
use crate::protocol::saml::document::Element;
use crate::protocol::saml::names::{DSIG, XENC, XENC11};

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// The ciphertext cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the encrypted assertion cannot be opened: it has to be aes-gcm under rsa-oaep for a published key of ours")]
pub struct Undecryptable;

/// How content is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Aes128Gcm,
    Aes256Gcm,
}

impl Content {
    fn parse(method: &Element) -> Option<Self> {
        match method.attribute("Algorithm")? {
            "http://www.w3.org/2009/xmlenc11#aes128-gcm" => Some(Self::Aes128Gcm),
            "http://www.w3.org/2009/xmlenc11#aes256-gcm" => Some(Self::Aes256Gcm),
            _ => None,
        }
    }

    fn cipher(self) -> Cipher {
        match self {
            Self::Aes128Gcm => Cipher::aes_128_gcm(),
            Self::Aes256Gcm => Cipher::aes_256_gcm(),
        }
    }

    /// XML Encryption 1.1, 5.2.4: a nonce of 96 bits, the ciphertext, a tag of 128 bits.
    fn open(self, key: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_BYTES)?;
        let (ciphertext, tag) = rest.split_at_checked(rest.len().checked_sub(TAG_BYTES)?)?;
        decrypt_aead(self.cipher(), key, Some(nonce), &[], ciphertext, tag).ok().map(Zeroizing::new)
    }
}

/// A content key, encrypted to one of our keys.
struct Transported {
    oaep: Oaep,
    ciphertext: Vec<u8>,
}

/// The plaintext of an `EncryptedAssertion` that passed the gate. Every key to it is tried with every key of ours, so that
/// ours can be rolled over.
pub fn open(encrypted: &Element, keys: &[DecryptionKey]) -> Result<Zeroizing<Vec<u8>>, Undecryptable> {
    let data = encrypted.only(XENC, "EncryptedData").ok_or(Undecryptable)?;
    let content = data.only(XENC, "EncryptionMethod").and_then(Content::parse).ok_or(Undecryptable)?;
    let sealed = cipher_value(data).ok_or(Undecryptable)?;
    let inside = data.named(DSIG, "KeyInfo").flat_map(|info| info.named(XENC, "EncryptedKey"));
    let beside = encrypted.named(XENC, "EncryptedKey");
    let mut opened = Err(Undecryptable);
    for transported in inside.chain(beside).filter_map(transported) {
        for key in keys {
            let plaintext = attempt(key, &transported, content, &sealed);
            opened = opened.or(plaintext.ok_or(Undecryptable));
        }
    }
    opened
}

/// The same work whether or not the content key comes out: a wrong padding is not answered sooner than a wrong tag.
fn attempt(
    key: &DecryptionKey,
    transported: &Transported,
    content: Content,
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let length = content.cipher().key_len();
    let decoy = Zeroizing::new(vec![0; length]);
    let content_key = key.decrypt(transported.oaep, &transported.ciphertext).filter(|key| key.len() == length);
    let plaintext = content.open(content_key.as_ref().unwrap_or(&decoy), sealed);
    plaintext.filter(|_| content_key.is_some())
}

fn transported(encrypted_key: &Element) -> Option<Transported> {
    let oaep = oaep(encrypted_key.only(XENC, "EncryptionMethod")?)?;
    Some(Transported { oaep, ciphertext: cipher_value(encrypted_key)? })
}

/// XML Encryption 1.1, 5.5.2. The mask of the older name is made with SHA-1, which nothing rests on there; its digest, like
/// that of the newer one, is SHA-1 when none is named. A label is not looked for: the gate lets none in.
fn oaep(method: &Element) -> Option<Oaep> {
    let digest = match method.named(DSIG, "DigestMethod").next() {
        None => Hash::Sha1,
        Some(digest) => match digest.attribute("Algorithm")? {
            "http://www.w3.org/2000/09/xmldsig#sha1" => Hash::Sha1,
            "http://www.w3.org/2001/04/xmlenc#sha256" => Hash::Sha256,
            "http://www.w3.org/2001/04/xmldsig-more#sha384" => Hash::Sha384,
            "http://www.w3.org/2001/04/xmlenc#sha512" => Hash::Sha512,
            _ => return None,
        },
    };
    let mask = match method.attribute("Algorithm")? {
        "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p" => Hash::Sha1,
        "http://www.w3.org/2009/xmlenc11#rsa-oaep" => mask(method)?,
        _ => return None,
    };
    Some(Oaep { digest, mask })
}

fn mask(method: &Element) -> Option<Hash> {
    match method.named(XENC11, "MGF").next() {
        None => Some(Hash::Sha1),
        Some(mask) => match mask.attribute("Algorithm")? {
            "http://www.w3.org/2009/xmlenc11#mgf1sha1" => Some(Hash::Sha1),
            "http://www.w3.org/2009/xmlenc11#mgf1sha256" => Some(Hash::Sha256),
            "http://www.w3.org/2009/xmlenc11#mgf1sha384" => Some(Hash::Sha384),
            "http://www.w3.org/2009/xmlenc11#mgf1sha512" => Some(Hash::Sha512),
            _ => None,
        },
    }
}

/// The content of `CipherData`, if it stands there and not elsewhere.
fn cipher_value(element: &Element) -> Option<Vec<u8>> {
    let text = element.only(XENC, "CipherData")?.only(XENC, "CipherValue")?.text()?;
    let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).ok()
}
