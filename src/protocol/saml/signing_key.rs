//! Our own RSA key as a service provider: it signs authentication requests, and its certificate stands in our metadata.
//!
//! Owns the conversion of a stored key to OpenSSL's. Where keys live and rotate is the `keys` ring's matter.

use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;
use samael::crypto::{Crypto, CryptoProvider};
use zeroize::Zeroizing;

use crate::protocol::saml::certificate::{Certificate, Holder, MIN_RSA_BITS, self_signed};

/// A private RSA key. Cheap to clone.
#[derive(Clone)]
pub struct SigningKey {
    key: PKey<Private>,
}

/// The key cannot be used, or OpenSSL failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("signing key cannot be used: {0}")]
pub struct UnusableKey(String);

impl From<openssl::error::ErrorStack> for UnusableKey {
    fn from(error: openssl::error::ErrorStack) -> Self {
        Self(error.to_string())
    }
}

impl UnusableKey {
    /// It is of another kind, or too short.
    pub(super) fn unfit() -> Self {
        Self("not an rsa key of sufficient length".to_owned())
    }
}

impl SigningKey {
    /// From the PKCS#8 DER form of an RSA key of at least 2048 bits.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, UnusableKey> {
        let key = PKey::private_key_from_pkcs8(der)?;
        if key.id() != Id::RSA || key.bits() < MIN_RSA_BITS {
            return Err(UnusableKey::unfit());
        }
        Ok(Self { key })
    }

    /// The certificate that identity providers verify our signatures with. The same key and holder give the same
    /// certificate to the byte, so it is made when it is needed and never stored.
    pub fn certificate(&self, holder: &Holder<'_>) -> Result<Certificate, UnusableKey> {
        Ok(self_signed(&self.key, holder)?)
    }

    /// An RSA-SHA256 signature (PKCS#1 v1.5).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, UnusableKey> {
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key)?;
        Ok(signer.sign_oneshot_to_vec(message)?)
    }

    /// Fills in the one signature template of a document of our own.
    pub fn sign_document(&self, xml: &str) -> Result<String, UnusableKey> {
        let der = Zeroizing::new(self.key.rsa()?.private_key_to_der()?);
        Crypto::sign_xml(xml, &der).map_err(|error| UnusableKey(error.to_string()))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(...)")
    }
}

#[cfg(test)]
mod tests {
    use openssl::hash::MessageDigest;
    use openssl::pkey::PKey;
    use openssl::rsa::Rsa;
    use openssl::sign::Verifier;
    use openssl::x509::X509;

    use super::SigningKey;
    use crate::protocol::saml::certificate::Holder;
    use crate::values::clock::Timestamp;

    fn holder() -> Holder<'static> {
        Holder { common_name: "id.acme.test", valid_from: Timestamp::from_seconds(1_700_000_000), serial: &[7; 16] }
    }

    #[test]
    fn the_certificate_verifies_the_signature() {
        let rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let key = SigningKey::from_pkcs8(&rsa.private_key_to_pkcs8().unwrap()).unwrap();
        let signature = key.sign(b"message").unwrap();
        let public = X509::from_der(key.certificate(&holder()).unwrap().der()).unwrap().public_key().unwrap();
        let mut verifier = Verifier::new(MessageDigest::sha256(), &public).unwrap();
        assert!(verifier.verify_oneshot(&signature, b"message").unwrap());
    }

    #[test]
    fn a_key_of_another_kind_or_too_short_is_unusable() {
        let short = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap().private_key_to_pkcs8().unwrap();
        assert!(SigningKey::from_pkcs8(&short).is_err());
        let other = PKey::generate_ed25519().unwrap().private_key_to_pkcs8().unwrap();
        assert!(SigningKey::from_pkcs8(&other).is_err());
        assert!(SigningKey::from_pkcs8(b"x").is_err());
    }
}
