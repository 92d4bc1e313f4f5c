//! The signature library and what is made of its answer.
//!
//! Owns the call into samael (libxmlsec1), which documents reach it and with which certificates, and the proof that it verified the very document that a gate inspected. Whatever
//! is signed comes through here: responses, assertions, metadata, messages about sign-out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use samael::crypto::{AllowedSignatureAlgorithm, CertificateDer, Crypto, CryptoProvider, ReduceMode};

use crate::protocol::saml::certificate::{Certificate, KeyFamily};
use crate::protocol::saml::document::Element;
use crate::protocol::saml::document::reader::{Comments, Limits, check_bytes, parse};
use crate::protocol::saml::names::DSIG;
use crate::protocol::saml::signed_info::claims;

/// The same list as `gate::signature_shape`. Without a list samael accepts SHA-1.
const ALGORITHMS: [AllowedSignatureAlgorithm; 6] = [
    AllowedSignatureAlgorithm::RsaSha256,
    AllowedSignatureAlgorithm::RsaSha384,
    AllowedSignatureAlgorithm::RsaSha512,
    AllowedSignatureAlgorithm::EcdsaSha256,
    AllowedSignatureAlgorithm::EcdsaSha384,
    AllowedSignatureAlgorithm::EcdsaSha512,
];

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// No certificate fits, so nothing could be verified.
    #[error("no configured certificate can verify the signature's algorithm")]
    NoCertificate,
    /// The signature, or a digest, is not right for any of the certificates.
    #[error("the signature is not by a configured certificate, or the content was changed")]
    Signature,
    /// The library verified something else than what the gate had seen.
    #[error("the verified bytes are not the document that was inspected")]
    Disagreement,
}

/// What is to be verified.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The document as it came, which has passed a gate.
    pub text: &'a str,
    /// The elements of it that carry a signature.
    pub carriers: &'a [&'a Element],
    /// What the library has to hand back: the outermost signed element without its own signature.
    pub content: &'a Element,
}

/// The element as the signature covers it. Runs in C libraries and takes up to some tens of milliseconds: call it on a
/// thread of its own.
///
/// samael verifies every signature of the document; one with two is accepted only if both are right. It sees a document
/// only when each of its signatures is by one of the certificates, and then those certificates alone, because it
/// canonicalizes the content once for each that it tries: [`signers`].
pub fn verified(signed: &Signed<'_>, certificates: &[Certificate], limits: &Limits) -> Result<Element, Unverified> {
    let reduced = reduced(signed.text, &signers(signed, certificates)?)?;
    let bytes = check_bytes(reduced.as_bytes(), limits, Comments::Refused).map_err(|_| Unverified::Disagreement)?;
    let verified = parse(bytes, limits, Comments::Refused).map_err(|_| Unverified::Disagreement)?;
    if *signed.content == verified { Ok(verified) } else { Err(Unverified::Disagreement) }
}

/// The certificates whose keys have signed the `SignedInfo`s of a document: one, or at most one for each signature. Only
/// [`signers`] makes it.
#[derive(Debug, PartialEq, Eq)]
struct Signers<'c>(Vec<&'c Certificate>);

/// Who has signed what the document says of its content. What the content is has not been looked at: each certificate costs
/// one operation with a public key.
fn signers<'c>(signed: &Signed<'_>, certificates: &'c [Certificate]) -> Result<Signers<'c>, Unverified> {
    let candidates = candidates(signed.carriers, certificates);
    // samael takes an unsigned document for a good one when it has no certificate at all.
    if candidates.is_empty() {
        return Err(Unverified::NoCertificate);
    }
    let claims = claims(signed.text).filter(|claims| !claims.is_empty()).ok_or(Unverified::Signature)?;
    let mut signers: Vec<&Certificate> = Vec::new();
    for claim in &claims {
        let value: Vec<u8> = claim.value.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let value = STANDARD.decode(value).map_err(|_| Unverified::Signature)?;
        let is_by = |certificate: &&&Certificate| certificate.verifies(&claim.algorithm, &claim.signed_info, &value);
        let signer = candidates.iter().find(is_by).ok_or(Unverified::Signature)?;
        if !signers.contains(signer) {
            signers.push(signer);
        }
    }
    Ok(Signers(signers))
}

/// The library's work: the content is canonicalized for each signature and each signer until one fits.
fn reduced(text: &str, Signers(signers): &Signers<'_>) -> Result<String, Unverified> {
    let keys: Vec<_> = signers.iter().map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect();
    let mode = ReduceMode::PreDigest;
    Crypto::reduce_xml_to_signed_with_allowed_algorithms(text, &keys, mode, Some(&ALGORITHMS))
        .map_err(|_| Unverified::Signature)
}

/// The certificates whose key fits the signature's algorithm. libxmlsec1 fails as a whole on one that does not fit,
/// which would keep an identity provider from changing from RSA to ECDSA with both certificates published.
fn candidates<'c>(carriers: &[&Element], certificates: &'c [Certificate]) -> Vec<&'c Certificate> {
    let methods: Vec<&str> = carriers
        .iter()
        .filter_map(|carrier| carrier.only(DSIG, "Signature")?.only(DSIG, "SignedInfo"))
        .filter_map(|info| info.only(DSIG, "SignatureMethod")?.attribute("Algorithm"))
        .collect();
    let fits = |certificate: &&Certificate| {
        let mark = match certificate.family() {
            KeyFamily::Rsa => "#rsa-",
            KeyFamily::Ecdsa => "#ecdsa-",
        };
        methods.iter().any(|method| method.contains(mark))
    };
    certificates.iter().filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::{Signed, Signers, Unverified, signers, verified};
    use crate::protocol::saml::certificate::Certificate;
    use crate::protocol::saml::document::reader::{Comments, Limits, parse};
    use crate::protocol::saml::names::{DSIG, SAML};
    use crate::protocol::saml::testing::{Place, Signer, response, signer, stranger};

    /// Who signed the document, and whether it is verified.
    fn found(xml: &str, certificates: &[Certificate]) -> (Result<usize, Unverified>, bool) {
        let root = parse(xml, &Limits::RESPONSE, Comments::Refused).unwrap();
        let assertion = root.only(SAML, "Assertion").unwrap();
        let outer = if root.only(DSIG, "Signature").is_some() { &root } else { assertion };
        let content = outer.without(DSIG, "Signature");
        let signed = Signed { text: xml, carriers: &[&root, assertion], content: &content };
        let signers = signers(&signed, certificates).map(|Signers(found)| found.len());
        (signers, verified(&signed, certificates, &Limits::RESPONSE).is_ok())
    }

    /// What the library does is as much as there are signers and signatures.
    #[test]
    fn the_library_tries_no_certificate_but_the_signers() {
        let strangers = vec![stranger().certificate.clone(); 16];
        let one_of_many = [&strangers[..], &[signer().certificate.clone()][..]].concat();
        for place in [Place::Assertion, Place::Response, Place::Both] {
            let xml = signer().sign_response(place, &response());
            assert_eq!(found(&xml, &strangers), (Err(Unverified::Signature), false), "{place:?}");
            assert_eq!(found(&xml, &one_of_many), (Ok(1), true), "{place:?}");
            let changed = xml.replace("ada@", "eve@");
            assert_eq!(found(&changed, &one_of_many), (Ok(1), false), "{place:?}");
        }
    }

    #[test]
    fn each_of_two_signatures_needs_a_signer_of_its_own() {
        let inner = response().replace("@assertion-signature@", &stranger().template("_a1"));
        let inner = stranger().sign(&inner);
        let xml = signer().sign(&inner.replace("@response-signature@", &signer().template("_r1")));
        let both = [signer().certificate.clone(), stranger().certificate.clone()];
        assert_eq!(found(&xml, &both), (Ok(2), true));
        for certificate in &both {
            assert_eq!(found(&xml, std::slice::from_ref(certificate)), (Err(Unverified::Signature), false));
        }
    }

    #[test]
    fn a_key_of_another_kind_verifies_nothing() {
        let xml = signer().sign_response(Place::Assertion, &response());
        let other = Signer::ecdsa().certificate;
        assert_eq!(found(&xml, std::slice::from_ref(&other)), (Err(Unverified::NoCertificate), false));
        assert_eq!(found(&xml, &[other, signer().certificate.clone()]), (Ok(1), true));
        assert_eq!(found(&xml, &[]), (Err(Unverified::NoCertificate), false));
    }
}
