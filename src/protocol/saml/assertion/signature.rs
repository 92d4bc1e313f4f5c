//! The signature of a response or of its assertion: what it covers, and nothing else.
//!
//! Only [`verified_assertion`] makes the element that the rest of `assertion` reads.

use crate::protocol::saml::assertion::rejected::Rejected;
use crate::protocol::saml::certificate::Certificate;
use crate::protocol::saml::document::Element;
use crate::protocol::saml::document::reader::Limits;
use crate::protocol::saml::gate::{Carriers, Gated, Sealed};
use crate::protocol::saml::names::{DSIG, SAML};
use crate::protocol::saml::verification::{Signed, verified};

/// The assertion as the signature covers it. Takes up to some tens of milliseconds: call it on a thread of its own.
pub fn verified_assertion(
    gated: &Gated<'_>,
    certificates: &[Certificate],
    limits: &Limits,
) -> Result<Element, Rejected> {
    let response = gated.unverified();
    let content = gated.signed_content().ok_or(Rejected::Disagreement)?;
    let assertion = response.only(SAML, "Assertion").ok_or(Rejected::Disagreement)?;
    let signed = Signed { text: gated.text(), carriers: &[response, assertion], content: &content };
    let verified = verified(&signed, certificates, limits)?;
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
    let signed = Signed { text: sealed.text(), carriers: &[sealed.unverified()], content: &sealed.signed_content() };
    Ok(verified(&signed, certificates, limits).map(drop)?)
}
