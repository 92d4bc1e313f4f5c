//! Certificates, as containers of public keys.
//!
//! Owns reading an identity provider's signing certificate and making our own. A certificate is not a proof of
//! anything here: it is trusted because an administrator configured it, so expiry and self-signing do not refuse it
//! (the expiry is shown and warned of). A weak key does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::asn1::{Asn1Integer, Asn1Time, Asn1TimeRef};
use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKeyRef, Private};
use openssl::sign::Verifier;
use openssl::x509::{X509, X509NameBuilder};
use serde::{Deserialize, Serialize};
use x509_parser::oid_registry::{OID_KEY_TYPE_EC_PUBLIC_KEY, OID_PKCS1_RSAENCRYPTION};
use x509_parser::parse_x509_certificate;

use crate::values::clock::Timestamp;

/// The smallest RSA modulus, in bits.
pub const MIN_RSA_BITS: u32 = 2048;
/// The smallest elliptic curve, in bits.
const MIN_CURVE_BITS: u32 = 256;

/// Our own certificate is a container that is rolled over with its key, so it outlives any key.
const OWN_VALIDITY_SECONDS: i64 = 10 * 365 * 24 * 3600;

/// Which signature algorithms a public key can verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFamily {
    /// RSA of 2048 bits or more.
    Rsa,
    /// ECDSA on a curve of 256 bits or more.
    Ecdsa,
}

/// An X.509 certificate with a key that can verify signatures. Serialised as base64 of its DER form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Certificate {
    der: Vec<u8>,
    family: KeyFamily,
    expires_at: Timestamp,
}

/// Why a certificate is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCertificate {
    /// Not base64 of one X.509 certificate.
    #[error("not a certificate")]
    Syntax,
    /// A key that is neither RSA nor on a named curve.
    #[error("the certificate's key is of an unsupported kind")]
    KeyKind,
    /// RSA below 2048 or a curve below 256 bits.
    #[error("the certificate's key is too short")]
    KeyStrength,
}

impl Certificate {
    /// From DER.
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidCertificate> {
        let x509 = X509::from_der(der).map_err(|_| InvalidCertificate::Syntax)?;
        // Exactly one certificate and nothing behind it, so that every reader sees the same key.
        let is_whole = x509.to_der().is_ok_and(|again| again == der);
        if !is_whole {
            return Err(InvalidCertificate::Syntax);
        }
        let key = x509.public_key().map_err(|_| InvalidCertificate::KeyKind)?;
        let (family, minimum) = match key.id() {
            Id::RSA => (KeyFamily::Rsa, MIN_RSA_BITS),
            Id::EC => (KeyFamily::Ecdsa, MIN_CURVE_BITS),
            _ => return Err(InvalidCertificate::KeyKind),
        };
        if key.bits() < minimum {
            return Err(InvalidCertificate::KeyStrength);
        }
        let expires_at = instant(x509.not_after()).map_err(|_| InvalidCertificate::Syntax)?;
        Ok(Self { der: der.to_vec(), family, expires_at })
    }

    /// From what is stored, which [`Self::from_der`] has accepted. OpenSSL makes the key ready for use as it reads a certificate,
    /// which took a quarter of a sign-in's processor time, once for each query of a connection. What the other reader
    /// does not understand is read by OpenSSL again.
    fn from_stored(text: &str) -> Result<Self, InvalidCertificate> {
        let der = STANDARD.decode(text).map_err(|_| InvalidCertificate::Syntax)?;
        match read_quickly(&der) {
            Some((family, expires_at)) => Ok(Self { der, family, expires_at }),
            None => Self::from_der(&der),
        }
    }

    /// From base64, with or without white space, as it stands in metadata.
    pub fn from_base64(text: &str) -> Result<Self, InvalidCertificate> {
        let compact: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
        let der = STANDARD.decode(compact).map_err(|_| InvalidCertificate::Syntax)?;
        Self::from_der(&der)
    }

    /// From what people paste: PEM, or the base64 of it.
    pub fn from_pem(text: &str) -> Result<Self, InvalidCertificate> {
        let body = text
            .trim()
            .strip_prefix("-----BEGIN CERTIFICATE-----")
            .map_or(Some(text), |rest| rest.strip_suffix("-----END CERTIFICATE-----"));
        Self::from_base64(body.ok_or(InvalidCertificate::Syntax)?)
    }

    /// The DER form.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The DER form in base64 on one line.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.der)
    }

    /// Whether the key verifies a signature over `message`, made with one of the listed algorithms.
    pub fn verifies(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        let Some(name) = algorithm.strip_prefix("http://www.w3.org/2001/04/xmldsig-more#") else { return false };
        let (family, digest) = match name {
            "rsa-sha256" => (KeyFamily::Rsa, MessageDigest::sha256()),
            "rsa-sha384" => (KeyFamily::Rsa, MessageDigest::sha384()),
            "rsa-sha512" => (KeyFamily::Rsa, MessageDigest::sha512()),
            "ecdsa-sha256" => (KeyFamily::Ecdsa, MessageDigest::sha256()),
            "ecdsa-sha384" => (KeyFamily::Ecdsa, MessageDigest::sha384()),
            "ecdsa-sha512" => (KeyFamily::Ecdsa, MessageDigest::sha512()),
            _ => return false,
        };
        family == self.family && self.verify(digest, message, signature).unwrap_or(false)
    }

    fn verify(&self, digest: MessageDigest, message: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
        let key = X509::from_der(&self.der)?.public_key()?;
        if self.family == KeyFamily::Ecdsa {
            // XML Signature 6.4.3: the two numbers one behind the other. Some sign a query with ASN.1, as for RSA below.
            let (r, s) = signature.split_at_checked(signature.len() / 2).unwrap_or_default();
            let pair = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
            if Verifier::new(digest, &key)?.verify_oneshot(&pair.to_der()?, message)? {
                return Ok(true);
            }
        }
        Verifier::new(digest, &key)?.verify_oneshot(signature, message)
    }

    /// What the key can verify.
    pub fn family(&self) -> KeyFamily {
        self.family
    }

    /// The end of its validity, which an administrator is told of.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// SHA-256 of the DER form in lower-case hexadecimal, the way people compare certificates.
    pub fn fingerprint(&self) -> String {
        hexadecimal(&self.der)
    }
}

/// The fingerprint of what somebody says is a certificate, in base64, whatever it is: to show it beside others.
pub fn fingerprint_of_base64(text: &str) -> Option<String> {
    let compact: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).ok().map(|der| hexadecimal(&der))
}

fn hexadecimal(der: &[u8]) -> String {
    openssl::sha::sha256(der).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl TryFrom<String> for Certificate {
    type Error = InvalidCertificate;

    fn try_from(text: String) -> Result<Self, InvalidCertificate> {
        Self::from_stored(&text)
    }
}

impl From<Certificate> for String {
    fn from(certificate: Certificate) -> Self {
        certificate.to_base64()
    }
}

/// What our own certificate says about its key.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// The common name: the host of the gateway.
    pub common_name: &'a str,
    /// When the key was made.
    pub valid_from: Timestamp,
    /// The key's id. Made from the same values, the certificate is the same to the byte.
    pub serial: &'a [u8; 16],
}

/// A self-signed certificate for one of our keys.
pub fn self_signed(key: &PKeyRef<Private>, holder: &Holder<'_>) -> Result<Certificate, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    // X.520 bounds a common name at 64 characters.
    let common_name: String = holder.common_name.chars().take(64).collect();
    name.append_entry_by_nid(Nid::COMMONNAME, &common_name)?;
    let name = name.build();
    let until = holder.valid_from.plus_seconds(OWN_VALIDITY_SECONDS);
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    // RFC 5280, 4.1.2.2: a positive integer of at most 20 octets.
    let serial = BigNum::from_slice(holder.serial)?;
    let serial = Asn1Integer::from_bn(&serial)?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(&name)?;
    let not_before = Asn1Time::from_unix(holder.valid_from.seconds())?;
    let not_after = Asn1Time::from_unix(until.seconds())?;
    builder.set_not_before(&not_before)?;
    builder.set_not_after(&not_after)?;
    builder.set_pubkey(key)?;
    builder.sign(key, MessageDigest::sha256())?;
    let der = builder.build().to_der()?;
    // A key that our own rule refuses is a fault of the caller that the error stack cannot name.
    Certificate::from_der(&der).map_err(|_| ErrorStack::get())
}

/// What kind of key there is and when the certificate ends.
fn read_quickly(der: &[u8]) -> Option<(KeyFamily, Timestamp)> {
    let (rest, certificate) = parse_x509_certificate(der).ok()?;
    let kind = &certificate.public_key().algorithm.algorithm;
    let family = match kind {
        _ if !rest.is_empty() => return None,
        kind if *kind == OID_PKCS1_RSAENCRYPTION => KeyFamily::Rsa,
        kind if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY => KeyFamily::Ecdsa,
        _ => return None,
    };
    Some((family, Timestamp::from_seconds(certificate.validity().not_after.timestamp())))
}

fn instant(time: &Asn1TimeRef) -> Result<Timestamp, ErrorStack> {
    let epoch = Asn1Time::from_unix(0)?;
    let since = epoch.diff(time)?;
    Ok(Timestamp::from_seconds(i64::from(since.days) * 86_400 + i64::from(since.secs)))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use openssl::asn1::Asn1Time;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkey::{PKey, Private};
    use openssl::rsa::Rsa;
    use openssl::x509::X509;

    use super::{Certificate, Holder, InvalidCertificate, KeyFamily, fingerprint_of_base64, read_quickly, self_signed};
    use crate::values::clock::Timestamp;

    fn holder() -> Holder<'static> {
        Holder { common_name: "id.acme.test", valid_from: Timestamp::from_seconds(1_700_000_000), serial: &[7; 16] }
    }

    fn on_curve(nid: Nid) -> PKey<Private> {
        let group = EcGroup::from_curve_name(nid).unwrap();
        PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
    }

    #[test]
    fn what_is_stored_is_read_as_what_came() {
        let rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        for key in [rsa, on_curve(Nid::X9_62_PRIME256V1), on_curve(Nid::SECP384R1)] {
            let made = self_signed(&key, &holder()).unwrap();
            let (family, expires_at) = read_quickly(made.der()).unwrap();
            assert_eq!((family, expires_at), (made.family(), made.expires_at()));
            let stored = serde_json::to_string(&made).unwrap();
            assert_eq!(serde_json::from_str::<Certificate>(&stored).unwrap(), made);
        }
        let longer = [self_signed(&on_curve(Nid::X9_62_PRIME256V1), &holder()).unwrap().der(), b"x"].concat();
        assert!(read_quickly(&longer).is_none() && Certificate::from_stored(&STANDARD.encode(longer)).is_err());
        assert!(serde_json::from_str::<Certificate>("\"bm8gY2VydGlmaWNhdGU=\"").is_err());
    }

    #[test]
    fn a_stored_certificate_of_another_kind_of_key_is_not_read() {
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(1).unwrap()).unwrap();
        builder.set_pubkey(&PKey::generate_ed25519().unwrap()).unwrap();
        builder.sign(&on_curve(Nid::X9_62_PRIME256V1), MessageDigest::sha256()).unwrap();
        let der = builder.build().to_der().unwrap();
        assert!(read_quickly(&der).is_none() && Certificate::from_der(&der).is_err());
    }

    #[test]
    fn what_somebody_calls_a_certificate_has_a_fingerprint_too() {
        let made = self_signed(&on_curve(Nid::X9_62_PRIME256V1), &holder()).unwrap();
        let text = made.to_base64();
        let (first, rest) = text.split_at(10);
        let broken = format!("{first}\n  {rest}\n");
        assert_eq!(fingerprint_of_base64(&broken), Some(made.fingerprint()));
        assert_eq!(fingerprint_of_base64("%"), None);
    }

    #[test]
    fn the_same_key_and_holder_give_the_same_certificate() {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let first = self_signed(&key, &holder()).unwrap();
        assert_eq!(first, self_signed(&key, &holder()).unwrap());
        assert_eq!(first.expires_at(), Timestamp::from_seconds(1_700_000_000 + 10 * 365 * 86_400));
        assert_eq!(first.family(), KeyFamily::Rsa);
    }

    /// RFC 5280, 4.1.2: a version 3 certificate with a serial number, and a subject that has issued it.
    #[test]
    fn a_certificate_names_its_holder_and_is_numbered() {
        let made = self_signed(&on_curve(Nid::X9_62_PRIME256V1), &holder()).unwrap();
        let read = openssl::x509::X509::from_der(made.der()).unwrap();
        let name = |name: &openssl::x509::X509NameRef| {
            let entries = name.entries_by_nid(Nid::COMMONNAME);
            entries.map(|entry| entry.data().to_string().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(name(read.subject_name()), ["id.acme.test"]);
        assert_eq!(name(read.issuer_name()), ["id.acme.test"]);
        assert_eq!(read.serial_number().to_bn().unwrap().to_vec(), holder().serial);
        assert_eq!(read.version(), 2, "counted from nought");
    }

    #[test]
    fn a_certificate_survives_its_serialised_form() {
        let made = self_signed(&on_curve(Nid::X9_62_PRIME256V1), &holder()).unwrap();
        let json = serde_json::to_string(&made).unwrap();
        assert_eq!(serde_json::from_str::<Certificate>(&json).unwrap(), made);
        assert_eq!(made.fingerprint().len(), 64);
    }

    #[test]
    fn base64_may_be_wrapped_and_nothing_may_follow_the_certificate() {
        let made = self_signed(&on_curve(Nid::X9_62_PRIME256V1), &holder()).unwrap();
        let wrapped: String = made
            .to_base64()
            .as_bytes()
            .chunks(64)
            .fold(String::new(), |text, line| text + "\n  " + std::str::from_utf8(line).unwrap());
        assert_eq!(Certificate::from_base64(&wrapped), Ok(made.clone()));
        let pem = format!("-----BEGIN CERTIFICATE-----{wrapped}\n-----END CERTIFICATE-----\n");
        assert_eq!(Certificate::from_pem(&pem), Ok(made.clone()));
        assert_eq!(Certificate::from_pem(&wrapped), Ok(made.clone()));
        assert_eq!(Certificate::from_pem(&format!("{pem}{pem}")), Err(InvalidCertificate::Syntax));
        let longer = [made.der(), b"x"].concat();
        assert_eq!(Certificate::from_der(&longer), Err(InvalidCertificate::Syntax));
        assert_eq!(Certificate::from_base64("AAAA"), Err(InvalidCertificate::Syntax));
    }

    #[test]
    fn a_weak_key_is_refused() {
        let weak = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
        let mut builder = openssl::x509::X509::builder().unwrap();
        builder.set_pubkey(&weak).unwrap();
        let start = openssl::asn1::Asn1Time::from_unix(0).unwrap();
        builder.set_not_before(&start).unwrap();
        builder.set_not_after(&start).unwrap();
        builder.sign(&weak, openssl::hash::MessageDigest::sha256()).unwrap();
        let der = builder.build().to_der().unwrap();
        assert_eq!(Certificate::from_der(&der), Err(InvalidCertificate::KeyStrength));
    }
}
