//! The signature library and what is made of its answer.
//!
//! Owns the call into samael (libxmlsec1) and the proof that it verified the very document that the gate inspected.
//! Only [`verified_assertion`] makes the element that the rest of `assertion` reads.

use samael::crypto::{AllowedSignatureAlgorithm, CertificateDer, Crypto, CryptoProvider, ReduceMode};

use crate::protocol::saml::assertion::rejected::Rejected;
use crate::protocol::saml::certificate::{Certificate, KeyFamily};
use crate::protocol::saml::document::Element;
use crate::protocol::saml::document::reader::{Comments, Limits, check_bytes, parse};
use crate::protocol::saml::gate::{Carriers, Gated, Sealed};
use crate::protocol::saml::names::{DSIG, SAML};

/// The same list as `gate::signature_shape`. Without a list samael accepts SHA-1.
const ALGORITHMS: [AllowedSignatureAlgorithm; 6] = [
    AllowedSignatureAlgorithm::RsaSha256,
    AllowedSignatureAlgorithm::RsaSha384,
    AllowedSignatureAlgorithm::RsaSha512,
    AllowedSignatureAlgorithm::EcdsaSha256,
    AllowedSignatureAlgorithm::EcdsaSha384,
    AllowedSignatureAlgorithm::EcdsaSha512,
];

/// The assertion as the signature covers it. Runs in C libraries and takes up to some tens of milliseconds: call it on
/// a thread of its own.
///
/// samael verifies every signature of the document; a response with two is accepted only if both are right.
pub fn verified_assertion(
    gated: &Gated<'_>,
    certificates: &[Certificate],
    limits: &Limits,
) -> Result<Element, Rejected> {
    let expected = gated.signed_content().ok_or(Rejected::Disagreement)?;
    let verified = verified(gated.text(), gated.unverified(), &expected, certificates, limits)?;
    match gated.carriers() {
        Carriers::Assertion => Ok(verified),
        Carriers::Response | Carriers::Both => {
            let assertion = verified.only(SAML, "Assertion").ok_or(Rejected::Disagreement)?;
            Ok(assertion.without(DSIG, "Signature"))
        }
    }
}

/// Verifies the signature of a response over the encrypted assertion in it. As costly as [`verified_assertion`].
pub fn verify_sealed(sealed: &Sealed<'_>, certificates: &[Certificate], limits: &Limits) -> Result<(), Rejected> {
    verified(sealed.text(), sealed.unverified(), &sealed.signed_content(), certificates, limits).map(drop)
}

/// What the library verified, if that is the very content that the gate expects.
fn verified(
    text: &str,
    response: &Element,
    expected: &Element,
    certificates: &[Certificate],
    limits: &Limits,
) -> Result<Element, Rejected> {
    let candidates = candidates(response, certificates);
    // samael takes an unsigned document for a good one when it has no certificate at all.
    if candidates.is_empty() {
        return Err(Rejected::NoCertificate);
    }
    let mode = ReduceMode::PreDigest;
    let reduced = Crypto::reduce_xml_to_signed_with_allowed_algorithms(text, &candidates, mode, Some(&ALGORITHMS))
        .map_err(|_| Rejected::Signature)?;
    let bytes = check_bytes(reduced.as_bytes(), limits, Comments::Refused).map_err(|_| Rejected::Disagreement)?;
    let verified = parse(bytes, limits, Comments::Refused).map_err(|_| Rejected::Disagreement)?;
    if *expected == verified { Ok(verified) } else { Err(Rejected::Disagreement) }
}

/// The certificates whose key fits the signature's algorithm. libxmlsec1 fails as a whole on one that does not fit,
/// which would keep an identity provider from changing from RSA to ECDSA with both certificates published.
fn candidates(response: &Element, certificates: &[Certificate]) -> Vec<CertificateDer> {
    let carriers = [Some(response), response.only(SAML, "Assertion")];
    let methods: Vec<&str> = carriers
        .into_iter()
        .flatten()
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
