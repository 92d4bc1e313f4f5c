//! Making a key pair. It takes a tenth of a second and more for RSA, so it is done outside of any transaction.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::purpose::Purpose;

/// The library did not make a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no key could be made")]
pub struct GenerationFailed;

impl From<aws_lc_rs::error::Unspecified> for GenerationFailed {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self
    }
}

/// A fresh key pair.
pub struct KeyPair {
    /// PKCS#8, version 1, DER.
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// SubjectPublicKeyInfo, DER, in base64.
    pub public: String,
}

/// Makes a key pair for `purpose`, with aws-lc's own randomness.
pub fn generate(purpose: Purpose) -> Result<KeyPair, GenerationFailed> {
    match purpose {
        Purpose::OidcEs256 | Purpose::OidcClient => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
            let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())?;
            Ok(KeyPair {
                pkcs8: Zeroizing::new(pair.to_pkcs8v1()?.as_ref().to_vec()),
                public: STANDARD.encode(public.as_ref()),
            })
        }
        Purpose::OidcEdDsa => {
            let pair = Ed25519KeyPair::generate()?;
            let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())?;
            Ok(KeyPair {
                pkcs8: Zeroizing::new(pair.to_pkcs8v1()?.as_ref().to_vec()),
                public: STANDARD.encode(public.as_ref()),
            })
        }
        Purpose::OidcRs256 | Purpose::OidcPs256 | Purpose::Saml | Purpose::SamlEncryption => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
            let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())?;
            let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair)?;
            Ok(KeyPair { pkcs8: Zeroizing::new(pkcs8.as_ref().to_vec()), public: STANDARD.encode(public.as_ref()) })
        }
    }
}
