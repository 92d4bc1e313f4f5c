//! The HTTP-Redirect binding: a message in a query, deflated, with a signature over the query as it was sent.
//!
//! Owns reading and writing such queries. The signature is over the very characters that came (SAML bindings 3.4.4.1), so
//! nothing is decoded before it is verified, and a parameter that comes twice is refused: two readers could take
//! different ones.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::protocol::form;
use crate::protocol::saml::certificate::Certificate;
use crate::protocol::saml::names::RSA_SHA256;
use crate::protocol::saml::signing_key::{SigningKey, UnusableKey};
use crate::protocol::saml::verification::Unverified;

/// SAML bindings 3.4.3: "MUST NOT exceed 80 bytes in length". Senders do, a little.
pub const MAX_RELAY_STATE_BYTES: usize = 512;

/// Whether a message asks or answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `SAMLRequest`
    Request,
    /// `SAMLResponse`
    Response,
}

impl Kind {
    /// The name of its parameter.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Request => "SAMLRequest",
            Self::Response => "SAMLResponse",
        }
    }
}

/// A query that holds no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the query holds no saml message, or one of its parameters twice")]
pub struct Malformed;

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Whether it asks or answers.
    pub kind: Kind,
    /// The document, inflated. Nothing in it is verified.
    pub document: Vec<u8>,
    /// What the sender wants back.
    pub relay_state: Option<String>,
    signature: Option<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    algorithm: String,
    value: Vec<u8>,
    /// What it is over.
    input: String,
}

/// The parameters of the binding, each at most once, as they came.
#[derive(Default)]
struct Raw<'a> {
    request: Option<&'a str>,
    response: Option<&'a str>,
    relay_state: Option<&'a str>,
    algorithm: Option<&'a str>,
    signature: Option<&'a str>,
}

impl<'a> Raw<'a> {
    fn read(query: &'a str) -> Result<Self, Malformed> {
        let mut raw = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // A name in disguise is another reader's parameter.
            let decoded = decoded(name)?;
            let place = match decoded.as_str() {
                "SAMLRequest" => &mut raw.request,
                "SAMLResponse" => &mut raw.response,
                "RelayState" => &mut raw.relay_state,
                "SigAlg" => &mut raw.algorithm,
                "Signature" => &mut raw.signature,
                _ => continue,
            };
            if decoded != name || place.replace(value).is_some() {
                return Err(Malformed);
            }
        }
        Ok(raw)
    }
}

/// Reads a query. The document is inflated up to `max_bytes`.
pub fn read(query: &str, max_bytes: usize) -> Result<Received, Malformed> {
    let raw = Raw::read(query)?;
    let (kind, message) = match (raw.request, raw.response) {
        (Some(message), None) => (Kind::Request, message),
        (None, Some(message)) => (Kind::Response, message),
        _ => return Err(Malformed),
    };
    let relay_state = raw.relay_state.map(decoded).transpose()?;
    if relay_state.as_ref().is_some_and(|state| state.len() > MAX_RELAY_STATE_BYTES) {
        return Err(Malformed);
    }
    let signature = match (raw.algorithm, raw.signature) {
        (None, None) => None,
        (Some(algorithm), Some(signature)) => {
            let state = raw.relay_state.map(|state| format!("&RelayState={state}")).unwrap_or_default();
            Some(Signature {
                algorithm: decoded(algorithm)?,
                value: base64(&decoded(signature)?)?,
                input: format!("{}={message}{state}&SigAlg={algorithm}", kind.parameter()),
            })
        }
        _ => return Err(Malformed),
    };
    Ok(Received { kind, document: inflated(&base64(&decoded(message)?)?, max_bytes)?, relay_state, signature })
}

impl Received {
    /// Whether the signature holds under any of the certificates. A message without one does not.
    pub fn verify(&self, certificates: &[Certificate]) -> Result<(), Unverified> {
        let signature = self.signature.as_ref().ok_or(Unverified::Signature)?;
        let holds = |certificate: &Certificate| {
            certificate.verifies(&signature.algorithm, signature.input.as_bytes(), &signature.value)
        };
        if certificates.is_empty() {
            return Err(Unverified::NoCertificate);
        }
        if certificates.iter().any(holds) { Ok(()) } else { Err(Unverified::Signature) }
    }
}

/// The address that carries a message, signed where there is a key to sign with.
pub fn url(
    destination: &Url,
    kind: Kind,
    xml: &str,
    relay_state: Option<&str>,
    key: Option<&SigningKey>,
) -> Result<String, UnusableKey> {
    let mut query = format!("{}={}", kind.parameter(), encode(&STANDARD.encode(deflate(xml.as_bytes()))));
    // Writing to a string cannot fail.
    if let Some(state) = relay_state {
        let _ = write!(query, "&RelayState={}", encode(state));
    }
    if let Some(key) = key {
        let _ = write!(query, "&SigAlg={}", encode(RSA_SHA256));
        let signature = STANDARD.encode(key.sign(query.as_bytes())?);
        let _ = write!(query, "&Signature={}", encode(&signature));
    }
    let mut base = destination.clone();
    base.set_fragment(None);
    // An identity provider's address may have a query of its own.
    let joint = match base.query() {
        None => "?",
        Some("") => "",
        Some(_) => "&",
    };
    Ok(format!("{base}{joint}{query}"))
}

fn encode(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

fn decoded(raw: &str) -> Result<String, Malformed> {
    form::decode(raw).map_err(|_| Malformed)
}

fn base64(text: &str) -> Result<Vec<u8>, Malformed> {
    let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).map_err(|_| Malformed)
}

/// RFC 1951 without a header, as the binding asks.
fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("writing to a vector cannot fail");
    encoder.finish().expect("writing to a vector cannot fail")
}

/// A few bytes can inflate to any size.
fn inflated(bytes: &[u8], max_bytes: usize) -> Result<Vec<u8>, Malformed> {
    let limit = u64::try_from(max_bytes).map_err(|_| Malformed)?.saturating_add(1);
    let mut document = Vec::new();
    DeflateDecoder::new(bytes).take(limit).read_to_end(&mut document).map_err(|_| Malformed)?;
    if document.len() > max_bytes { Err(Malformed) } else { Ok(document) }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use url::Url;

    use super::{Kind, Malformed, deflate, encode, read, url};
    use crate::protocol::saml::names::RSA_SHA256;
    use crate::protocol::saml::testing::{Signer, signer, stranger};
    use crate::protocol::saml::verification::Unverified;

    fn sent(by: &Signer, state: Option<&str>) -> String {
        let key = by.signing_key();
        let destination = Url::parse("https://sp.test/slo").unwrap();
        let url = url(&destination, Kind::Request, "<r/>", state, Some(&key)).unwrap();
        url.split_once('?').unwrap().1.to_owned()
    }

    #[test]
    fn what_is_sent_can_be_read_and_verified() {
        for state in [None, Some("handle+/=&")] {
            let received = read(&sent(signer(), state), 100).unwrap();
            assert_eq!((received.kind, received.document.as_slice()), (Kind::Request, b"<r/>".as_slice()));
            assert_eq!(received.relay_state.as_deref(), state);
            let certificates = [stranger().certificate.clone(), signer().certificate.clone()];
            assert_eq!(received.verify(&certificates), Ok(()));
            assert_eq!(received.verify(&certificates[..1]), Err(Unverified::Signature));
            assert_eq!(received.verify(&[]), Err(Unverified::NoCertificate));
        }
    }

    #[test]
    fn an_answer_is_told_from_a_request() {
        let url = url(&Url::parse("https://sp.test/slo").unwrap(), Kind::Response, "<r/>", None, None).unwrap();
        let received = read(url.split_once('?').unwrap().1, 100).unwrap();
        assert_eq!((received.kind, received.document.as_slice()), (Kind::Response, b"<r/>".as_slice()));
    }

    #[test]
    fn the_signature_is_over_what_came() {
        let query = sent(signer(), Some("handle"));
        let certificates = [signer().certificate.clone()];
        let changes = [
            query.replace("RelayState=handle", "RelayState=other"),
            query.replace("&RelayState=handle", ""),
            query.replace("RelayState=handle", "RelayState=%68andle"),
            query.replace("rsa-sha256", "rsa-sha512"),
            query.replace(&encode(RSA_SHA256), &encode("http://www.w3.org/2000/09/xmldsig#rsa-sha1")),
            query.split("&SigAlg").next().unwrap().to_owned(),
        ];
        for changed in changes {
            assert_ne!(changed, query);
            assert_eq!(read(&changed, 100).unwrap().verify(&certificates), Err(Unverified::Signature), "{changed}");
        }
        // Their order in the query does not count.
        let (message, rest) = query.split_once('&').unwrap();
        assert_eq!(read(&format!("{rest}&{message}&x=y"), 100).unwrap().verify(&certificates), Ok(()));
    }

    #[test]
    fn a_parameter_that_comes_twice_or_in_disguise_is_refused() {
        let query = sent(signer(), Some("handle"));
        let message = query.split('&').next().unwrap();
        let bomb = format!("SAMLRequest={}", encode(&STANDARD.encode(deflate(&[b'x'; 101]))));
        let cases = [
            format!("{query}&{message}"),
            format!("{query}&SAMLResponse=x"),
            format!("{query}&RelayState=x"),
            format!("{query}&SigAlg=x"),
            format!("{query}&Signature=x"),
            query.replace("SAMLRequest=", "SAML%52equest="),
            format!("{query}&Relay%53tate=x"),
            query.replace("&SigAlg=", "&Other="),
            message.replace("SAMLRequest=", "SAMLRequest=%"),
            "SAMLRequest=PHIvPg%3D%3D".to_owned(),
            bomb,
            format!("{message}&RelayState={}", "x".repeat(513)),
            String::new(),
        ];
        for case in cases {
            assert_eq!(read(&case, 100).err(), Some(Malformed), "{case}");
        }
    }

    fn unsigned(bytes: usize, state: &str) -> String {
        let message = encode(&STANDARD.encode(deflate(&vec![b'x'; bytes])));
        format!("SAMLRequest={message}&RelayState={state}")
    }

    #[test]
    fn a_message_and_what_is_wanted_back_may_be_as_long_as_their_bounds() {
        let is_read = |bytes, state| read(&unsigned(bytes, &"x".repeat(state)), 100).is_ok();
        assert!(is_read(100, 512));
        assert!(!is_read(101, 512));
        assert!(!is_read(100, 513));
    }

    #[test]
    fn what_is_wanted_back_may_be_empty_or_hold_what_parts_names_from_values() {
        for state in ["", "a", "a=", "a==", "a=b"] {
            let received = read(&unsigned(1, state), 100).unwrap();
            assert_eq!(received.relay_state.as_deref(), Some(state), "{state}");
        }
    }
}
