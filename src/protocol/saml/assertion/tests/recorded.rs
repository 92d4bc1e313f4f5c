//! Responses that real identity providers sent, as they were recorded (`protocol/saml/fixtures/<product>/`).

use crate::protocol::saml::assertion::{Authentication, Encryption, Expected, Request};
use crate::protocol::saml::attribute_map::{AttributeMap, Person};
use crate::protocol::saml::document::reader::Limits;
use crate::protocol::saml::idp_metadata;
use crate::protocol::saml::testing::verify_xml;
use crate::values::clock::Timestamp;

struct Recording {
    metadata: &'static str,
    recorded_at: &'static str,
    sp_entity_id: &'static str,
    acs_url: &'static str,
    request_id: &'static str,
}

/// Verifies a recorded response at the time of the recording.
fn person_of(recording: &Recording, response: &str) -> (String, Person) {
    let at = Timestamp::parse_rfc3339(recording.recorded_at).unwrap();
    let idp = idp_metadata::import(recording.metadata.as_bytes(), at, &Limits::METADATA).unwrap();
    let request =
        Request { id: recording.request_id, issued_at: at, authentication: Authentication::Any, contexts: &[] };
    let expected = Expected {
        idp_entity_id: &idp.entity_id,
        certificates: &idp.certificates,
        decryption_keys: &[],
        encryption: Encryption::Optional,
        sp_entity_id: recording.sp_entity_id,
        acs_url: recording.acs_url,
        request,
        now: at,
        skew_seconds: 60,
        limits: Limits::RESPONSE,
    };
    let assertion = verify_xml(response, &expected).unwrap();
    (assertion.name_id().value.clone(), AttributeMap::default().read(&assertion))
}

#[test]
fn pysaml2_signing_the_assertion_the_response_or_both() {
    let recording = Recording {
        metadata: include_str!("../../fixtures/pysaml2/metadata.xml"),
        recorded_at: "2026-11-21T19:43:09Z",
        sp_entity_id: "https://id.test/federation/saml/c1/metadata",
        acs_url: "https://id.test/federation/saml/c1/acs",
        request_id: "_request1",
    };
    for response in [
        include_str!("../../fixtures/pysaml2/assertion.xml"),
        include_str!("../../fixtures/pysaml2/response.xml"),
        include_str!("../../fixtures/pysaml2/both.xml"),
    ] {
        let (subject, person) = person_of(&recording, response);
        assert_eq!(subject, "ada@acme.test");
        assert_eq!(person.email.as_deref(), Some("ada@acme.test"));
        assert_eq!(person.given_name.as_deref(), Some("Ada"));
        assert_eq!(person.family_name.as_deref(), Some("Lovelace"));
        assert_eq!(person.display_name.as_deref(), Some("Ada Lovelace"));
    }
}

#[test]
fn simplesamlphp_signing_both() {
    let recording = Recording {
        metadata: include_str!("../../fixtures/simplesamlphp/metadata.xml"),
        recorded_at: "2026-11-21T19:54:46Z",
        sp_entity_id: "https://id.test/federation/saml/c1/metadata",
        acs_url: "https://id.test/federation/saml/c1/acs",
        request_id: "_request1",
    };
    let (subject, person) = person_of(&recording, include_str!("../../fixtures/simplesamlphp/response.xml"));
    assert_eq!(subject, "ada@acme.test");
    assert_eq!(person.email.as_deref(), Some("ada@acme.test"));
    assert_eq!(person.display_name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(person.groups, ["eng", "admins"]);
}
