//! Our own RSA key that identity providers encrypt assertions to.
//!
//! Owns the private operation and nothing else: what is encrypted, and by what, is for `encryption`. A key is opened when
//! it is needed, because most answers are not encrypted.

use openssl::md::{Md, MdRef};
use openssl::pkey::{Id, PKey, Private};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use zeroize::Zeroizing;

use crate::protocol::saml::certificate::{Certificate, Holder, MIN_RSA_BITS, self_signed};
use crate::protocol::saml::signing_key::UnusableKey;

/// A private RSA key.
pub struct DecryptionKey {
    pkcs8: Zeroizing<Vec<u8>>,
}

/// A hash function, as OAEP uses two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// RSA-OAEP without a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oaep {
    /// The hash of the encoding.
    pub digest: Hash,
    /// The hash of the mask generation function.
    pub mask: Hash,
}

impl Hash {
    fn md(self) -> &'static MdRef {
        match self {
            Self::Sha1 => Md::sha1(),
            Self::Sha256 => Md::sha256(),
            Self::Sha384 => Md::sha384(),
            Self::Sha512 => Md::sha512(),
        }
    }
}

impl DecryptionKey {
    /// From the PKCS#8 DER form of an RSA key of at least 2048 bits.
    pub fn from_pkcs8(der: &[u8]) -> Self {
        Self { pkcs8: Zeroizing::new(der.to_vec()) }
    }

    /// The certificate that identity providers find the public key in; the same to the byte each time.
    pub fn certificate(&self, holder: &Holder<'_>) -> Result<Certificate, UnusableKey> {
        let key = self.opened()?;
        Ok(self_signed(&key, holder)?)
    }

    /// The content of an OAEP ciphertext. `None` for whatever reason: there is nothing to be learnt from why.
    pub fn decrypt(&self, oaep: Oaep, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.opened().ok()?;
        let mut context = PkeyCtx::new(&key).ok()?;
        context.decrypt_init().ok()?;
        context.set_rsa_padding(Padding::PKCS1_OAEP).ok()?;
        context.set_rsa_oaep_md(oaep.digest.md()).ok()?;
        context.set_rsa_mgf1_md(oaep.mask.md()).ok()?;
        let mut plaintext = Zeroizing::new(Vec::new());
        context.decrypt_to_vec(ciphertext, &mut plaintext).ok()?;
        Some(plaintext)
    }

    fn opened(&self) -> Result<PKey<Private>, UnusableKey> {
        let key = PKey::private_key_from_pkcs8(&self.pkcs8)?;
        if key.id() == Id::RSA && key.bits() >= MIN_RSA_BITS { Ok(key) } else { Err(UnusableKey::unfit()) }
    }
}

impl std::fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DecryptionKey(...)")
    }
}
