//! Property: whatever is done to a genuine response, it is rejected or says exactly what was signed.

use std::sync::OnceLock;

use proptest::prelude::*;

use crate::protocol::saml::assertion::VerifiedAssertion;
use crate::protocol::saml::testing::{Place, expected, response, signer, verify_xml};

fn genuine(place: Place) -> &'static str {
    static DOCUMENTS: OnceLock<[String; 3]> = OnceLock::new();
    let documents = DOCUMENTS.get_or_init(|| {
        [Place::Response, Place::Assertion, Place::Both].map(|place| signer().sign_response(place, &response()))
    });
    &documents[place as usize]
}

fn signed_content() -> &'static VerifiedAssertion {
    static CONTENT: OnceLock<VerifiedAssertion> = OnceLock::new();
    CONTENT.get_or_init(|| verify_xml(genuine(Place::Both), &expected()).unwrap())
}

fn check(xml: &[u8]) -> Result<(), TestCaseError> {
    let text = String::from_utf8_lossy(xml);
    if let Ok(assertion) = verify_xml(&text, &expected()) {
        prop_assert_eq!(&assertion, signed_content(), "{}", text);
    }
    Ok(())
}

/// The byte ranges of all elements.
fn elements(xml: &str) -> Vec<std::ops::Range<usize>> {
    let mut open = Vec::new();
    let mut found = Vec::new();
    let mut at = xml.find("<samlp:Response").unwrap();
    while let Some(start) = xml[at..].find('<').map(|offset| at + offset) {
        let end = start + xml[start..].find('>').unwrap() + 1;
        match (&xml[start..start + 2], &xml[end - 2..end]) {
            ("</", _) => found.push(open.pop().unwrap()..end),
            (_, "/>") => found.push(start..end),
            _ => open.push(start),
        }
        at = end;
    }
    found
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![Just(Place::Response), Just(Place::Assertion), Just(Place::Both)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_bytes(place in place(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut xml = genuine(place).as_bytes().to_vec();
        let at = at.index(xml.len());
        xml[at] = byte;
        check(&xml)?;
    }

    #[test]
    fn of_cuts(place in place(), at in any::<prop::sample::Index>(), length in 1_usize..40) {
        let mut xml = genuine(place).as_bytes().to_vec();
        let at = at.index(xml.len());
        xml.drain(at..(at + length).min(genuine(place).len()));
        check(&xml)?;
    }

    #[test]
    fn of_insertions(
        place in place(),
        at in any::<prop::sample::Index>(),
        text in prop_oneof![
            Just("<!-- -->"), Just("&#65;"), Just(" "), Just("\r"), Just("<x/>"), Just("<saml:NameID>eve</saml:NameID>"),
            Just("<saml:Assertion/>"), Just(" xmlns='urn:x'"), Just(" ID='_a1'"), Just(" xml:id='_a1'"), Just("\""),
            Just("<saml:Audience>https://sp.test</saml:Audience>"), Just("&amp;"), Just("]]>"), Just(" xml:base='x'"),
            Just(" xml:space='preserve'"),
        ],
    ) {
        let mut xml = genuine(place).to_owned();
        let at = at.index(xml.len());
        xml.insert_str(at, text);
        check(xml.as_bytes())?;
    }

    #[test]
    fn of_elements(
        place in place(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        is_moved in any::<bool>(),
    ) {
        let xml = genuine(place);
        let spans = elements(xml);
        let (from, to) = (spans[from.index(spans.len())].clone(), spans[to.index(spans.len())].start);
        let element = &xml[from.clone()];
        let mut changed = xml.to_owned();
        if is_moved {
            let rest = format!("{}{}", &xml[..from.start], &xml[from.end..]);
            let to = if to <= from.start { to } else { to.saturating_sub(element.len()).max(from.start) };
            changed = rest;
            if changed.is_char_boundary(to) {
                changed.insert_str(to, element);
            }
        } else {
            changed.insert_str(to, element);
        }
        check(changed.as_bytes())?;
    }
}

#[test]
fn every_element_taken_out_alone_is_rejected_or_changes_nothing() {
    for place in [Place::Response, Place::Assertion, Place::Both] {
        let xml = genuine(place);
        for span in elements(xml) {
            let changed = format!("{}{}", &xml[..span.start], &xml[span.end..]);
            check(changed.as_bytes()).unwrap();
        }
    }
}
