//! The signature library and what is made of its answer.
//!
//! Owns the call into samael (libxmlsec1) and the proof that it verified the very document that a gate inspected. Whatever
//! is signed comes through here: responses, assertions, metadata, messages about sign-out.

use samael::crypto::{AllowedSignatureAlgorithm, CertificateDer, Crypto, CryptoProvider, ReduceMode};

use crate::protocol::saml::certificate::{Certificate, KeyFamily};
use crate::protocol::saml::document::Element;
use crate::protocol::saml::document::reader::{Comments, Limits, check_bytes, parse};
use crate::protocol::saml::names::DSIG;

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
/// samael verifies every signature of the document; one with two is accepted only if both are right. Each certificate is
/// tried.
pub fn verified(signed: &Signed<'_>, certificates: &[Certificate], limits: &Limits) -> Result<Element, Unverified> {
    let candidates = candidates(signed.carriers, certificates);
    // samael takes an unsigned document for a good one when it has no certificate at all.
    if candidates.is_empty() {
        return Err(Unverified::NoCertificate);
    }
    let mode = ReduceMode::PreDigest;
    let reduced =
        Crypto::reduce_xml_to_signed_with_allowed_algorithms(signed.text, &candidates, mode, Some(&ALGORITHMS))
            .map_err(|_| Unverified::Signature)?;
    let bytes = check_bytes(reduced.as_bytes(), limits, Comments::Refused).map_err(|_| Unverified::Disagreement)?;
    let verified = parse(bytes, limits, Comments::Refused).map_err(|_| Unverified::Disagreement)?;
    if *signed.content == verified { Ok(verified) } else { Err(Unverified::Disagreement) }
}

/// The certificates whose key fits the signature's algorithm. libxmlsec1 fails as a whole on one that does not fit,
/// which would keep an identity provider from changing from RSA to ECDSA with both certificates published.
fn candidates(carriers: &[&Element], certificates: &[Certificate]) -> Vec<CertificateDer> {
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
    certificates.iter().filter(fits).map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect()
}
