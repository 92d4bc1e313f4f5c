use super::{Refusal, open};
use crate::protocol::saml::document::reader::Limits;

const OPEN: &str = "<p:Response xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol' \
                    xmlns:a='urn:oasis:names:tc:SAML:2.0:assertion' ID='_r'>";

fn refusal(content: &str) -> Option<Refusal> {
    let xml = format!("{OPEN}{content}</p:Response>");
    match open(xml.as_bytes(), &Limits::RESPONSE) {
        Ok(envelope) => envelope.inspect().err(),
        Err(refusal) => Some(refusal),
    }
}

#[test]
fn the_root_is_a_response_of_the_protocol_namespace() {
    for text in ["<Response/>", "<Response xmlns='urn:oasis:names:tc:SAML:2.0:assertion'/>", "<r/>"] {
        assert_eq!(open(text.as_bytes(), &Limits::RESPONSE).err(), Some(Refusal::Root), "{text}");
    }
}

#[test]
fn there_is_one_assertion_and_it_is_a_child_of_the_response() {
    let cases = [
        ("", Refusal::NoAssertion),
        ("<a:Assertion/><a:Assertion/>", Refusal::SeveralAssertions),
        ("<a:Assertion/><a:EncryptedAssertion/>", Refusal::SeveralAssertions),
        ("<a:Assertion><a:Advice><a:Assertion/></a:Advice></a:Assertion>", Refusal::SeveralAssertions),
        ("<p:Extensions><a:Assertion/></p:Extensions>", Refusal::AssertionPlace),
        ("<Assertion xmlns='urn:x'/>", Refusal::AssertionPlace),
        ("<p:Response/>", Refusal::AssertionPlace),
        ("<a:EncryptedAssertion/>", Refusal::EncryptionShape),
        ("<p:Extensions><a:EncryptedAssertion/></p:Extensions>", Refusal::AssertionPlace),
        ("<a:Assertion/>", Refusal::Unsigned),
    ];
    for (content, expected) in cases {
        assert_eq!(refusal(content), Some(expected), "{content}");
    }
}

/// CVE-2024-45409: whatever a reader may take for a signature, or for a part of one.
#[test]
fn a_signature_stands_nowhere_but_in_the_two_elements_that_carry_one() {
    for signature in [
        "<d:Signature xmlns:d='http://www.w3.org/2000/09/xmldsig#'/>",
        "<d:DigestValue xmlns:d='http://www.w3.org/2000/09/xmldsig#'/>",
        "<x:Signature xmlns:x='urn:x'/>",
    ] {
        for content in [
            format!("<p:Extensions>{signature}</p:Extensions><a:Assertion/>"),
            format!("<p:Extensions>{signature}</p:Extensions><a:EncryptedAssertion/>"),
            format!("<p:Status><p:StatusDetail>{signature}</p:StatusDetail></p:Status><a:Assertion/>"),
            format!("<a:Assertion><a:Advice>{signature}</a:Advice></a:Assertion>"),
        ] {
            assert_eq!(refusal(&content), Some(Refusal::SignaturePlace), "{content}");
        }
    }
}
