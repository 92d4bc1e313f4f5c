//! What real identity providers send is accepted, and read as it stands.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::protocol::saml::assertion::{Expected, NameId, Qualifiers, Unasked, unasked, verify};
use crate::protocol::saml::attribute_map::AttributeMap;
use crate::protocol::saml::document::reader::Limits;
use crate::protocol::saml::names::{FORMAT_PERSISTENT, FORMAT_UNSPECIFIED};
use crate::protocol::saml::testing::{
    ACS, NOW, Place, REQUEST, Signer, expected, outcome, response, signer, stranger, verify_xml,
};
use crate::values::clock::Timestamp;

#[test]
fn a_signature_on_the_response_the_assertion_or_both_is_enough() {
    for place in [Place::Response, Place::Assertion, Place::Both] {
        let assertion = verify_xml(&signer().sign_response(place, &response()), &expected()).unwrap();
        assert_eq!(assertion.assertion_id(), "_a1", "{place:?}");
        assert_eq!(assertion.name_id().value, "ada@acme.test");
        assert_eq!(assertion.authn_context(), Some("urn:oasis:names:tc:SAML:2.0:ac:classes:Password"));
        assert_eq!(assertion.authn_instant(), Timestamp::from_seconds(NOW));
        assert_eq!(assertion.session_index(), Some("s1"));
        assert_eq!(assertion.session_expires_at(), Some(Timestamp::from_seconds(NOW + 3_600)));
        assert_eq!(assertion.replay_until(), Timestamp::from_seconds(NOW + 120 + 60));
        let person = AttributeMap::default().read(&assertion);
        assert_eq!(person.email.as_deref(), Some("ada@acme.test"));
        assert_eq!(person.groups, ["eng", "ops & more"]);
    }
}

/// SAML core 5.4.5: "<ds:KeyInfo> MAY be absent".
#[test]
fn a_signature_needs_no_key_info() {
    let template = signer().template("_a1");
    let (start, end) = (template.find("<ds:KeyInfo>").unwrap(), template.find("</ds:Signature>").unwrap());
    let bare = format!("{}{}", &template[..start], &template[end..]);
    let xml = response().replace(crate::protocol::saml::testing::ASSERTION_MARK, &bare);
    let xml = signer().sign(&xml.replace(crate::protocol::saml::testing::RESPONSE_MARK, ""));
    assert_eq!(outcome(&xml, &expected()), "accepted");
}

#[test]
fn white_space_is_no_parameter_of_an_algorithm() {
    let blank =
        ["SignatureMethod", "DigestMethod", "Transform"].into_iter().fold(signer().template("_a1"), |text, name| {
            let start = text.find(&format!("<ds:{name} ")).unwrap();
            let (before, rest) = text.split_at(start);
            format!("{before}{}", rest.replacen("/>", &format!(">\n\t </ds:{name}>"), 1))
        });
    let xml = response().replace(crate::protocol::saml::testing::ASSERTION_MARK, &blank);
    let xml = signer().sign(&xml.replace(crate::protocol::saml::testing::RESPONSE_MARK, ""));
    assert_eq!(outcome(&xml, &expected()), "accepted");
}

#[test]
fn every_listed_algorithm_verifies() {
    let (rsa, ecdsa) = (signer(), Signer::ecdsa());
    let cases = [
        (rsa, "rsa-sha256"),
        (rsa, "rsa-sha384"),
        (rsa, "rsa-sha512"),
        (&ecdsa, "ecdsa-sha256"),
        (&ecdsa, "ecdsa-sha384"),
        (&ecdsa, "ecdsa-sha512"),
    ];
    for (signer, algorithm) in cases {
        let digest = match &algorithm[algorithm.len() - 3..] {
            "384" => "http://www.w3.org/2001/04/xmldsig-more#sha384",
            "512" => "http://www.w3.org/2001/04/xmlenc#sha512",
            _ => "http://www.w3.org/2001/04/xmlenc#sha256",
        };
        let template = signer
            .template("_a1")
            .replace(signer.algorithm, algorithm)
            .replace("http://www.w3.org/2001/04/xmlenc#sha256", digest);
        let xml = signer.sign(&response().replace(crate::protocol::saml::testing::ASSERTION_MARK, &template));
        let xml = xml.replace(crate::protocol::saml::testing::RESPONSE_MARK, "");
        let certificates = [signer.certificate.clone()];
        let expected = Expected { certificates: &certificates, ..expected() };
        assert_eq!(outcome(&xml, &expected), "accepted", "{algorithm}");
    }
}

#[test]
fn each_configured_certificate_is_tried_whatever_its_kind_and_size() {
    let new = Signer::rsa(3072);
    let certificates = [
        Signer::ecdsa().certificate,
        stranger().certificate.clone(),
        new.certificate.clone(),
        signer().certificate.clone(),
    ];
    let expected = Expected { certificates: &certificates, ..expected() };
    for signer in [&new, signer()] {
        for place in [Place::Response, Place::Assertion, Place::Both] {
            assert_eq!(outcome(&signer.sign_response(place, &response()), &expected), "accepted", "{place:?}");
        }
    }
}

#[test]
fn base64_may_be_wrapped_into_lines() {
    let text = STANDARD.encode(signer().sign_response(Place::Both, &response()));
    let lines: Vec<&str> = text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    assert!(verify(&lines.join("\r\n"), &expected()).is_ok());
}

#[test]
fn shapes_that_vendors_send_are_accepted() {
    // ADFS and Shibboleth: a list of prefixes; Okta: declarations of xs and xsi for typed values.
    let typed = response().replace(
        "<saml:AttributeValue>eng",
        "<saml:AttributeValue xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"xs:string\">eng",
    );
    let template = signer().template("_a1").replace(
        "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
        "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"><ec:InclusiveNamespaces \
         xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"xs\"/></ds:Transform>",
    );
    let xml = signer().sign(&typed.replace(crate::protocol::saml::testing::ASSERTION_MARK, &template));
    assert_eq!(outcome(&xml.replace(crate::protocol::saml::testing::RESPONSE_MARK, ""), &expected()), "accepted");

    // Signed with line breaks and indentation, names beyond ASCII, characters that canonicalization rewrites.
    let rich = response()
        .replace(
            "<saml:AttributeStatement>",
            "<saml:AttributeStatement>\r\n\t<saml:Attribute Name=\"cn\">\
                  <saml:AttributeValue>Zoë \u{1F600} &lt;&#13;\"&gt;</saml:AttributeValue></saml:Attribute>",
        )
        .replace("Name=\"groups\"", "Name=\"groups\" FriendlyName=\"a&#9;b&#10;&quot;&lt;\"");
    let assertion = verify_xml(&signer().sign_response(Place::Both, &rich), &expected()).unwrap();
    let person = AttributeMap::default().read(&assertion);
    assert_eq!(person.display_name.as_deref(), Some("Zoë \u{1F600} <\r\">"));

    // Nothing but what the profile demands.
    let bare = response()
        .replace(&format!(" Destination=\"{ACS}\""), "")
        .replacen("<saml:Issuer>https://idp.test/saml</saml:Issuer>", "", 1)
        .replace(" SessionIndex=\"s1\"", "");
    assert_eq!(outcome(&signer().sign_response(Place::Assertion, &bare), &expected()), "accepted");
}

#[test]
fn a_response_is_unsolicited_when_it_answers_nothing_anywhere() {
    let look = |xml: &str| unasked(&STANDARD.encode(xml), &Limits::RESPONSE);
    let answer = format!(" InResponseTo=\"{REQUEST}\"");
    assert_eq!(look(&response().replace(&answer, "")), Unasked::Unsolicited);
    assert_eq!(look(&response()), Unasked::Stray);
    assert_eq!(look(&response().replacen(&answer, "", 1)), Unasked::Stray, "its confirmation answers");
    for stray in ["<r/>", "<!DOCTYPE r><r/>"] {
        assert_eq!(look(stray), Unasked::Stray, "{stray}");
    }
    for unreadable in ["%", "", "PHI+", "AAECAw=="] {
        assert_eq!(unasked(unreadable, &Limits::RESPONSE), Unasked::Unreadable, "{unreadable:?}");
    }
}

#[test]
fn an_unsolicited_response_is_refused() {
    let unsolicited = response().replace(&format!(" InResponseTo=\"{REQUEST}\""), "");
    assert_eq!(outcome(&signer().sign_response(Place::Both, &unsolicited), &expected()), "saml_in_response_to");
}

#[test]
fn a_name_id_that_is_meant_as_an_address_stands_in_for_a_missing_attribute() {
    let read = |format: &str, value: &str| {
        let xml = response()
            .replace("Name=\"mail\"", "Name=\"other\"")
            .replace("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", format)
            .replace("\">ada@acme.test</saml:NameID>", &format!("\">{value}</saml:NameID>"));
        let xml = signer().sign_response(Place::Both, &xml);
        AttributeMap::default().read(&verify_xml(&xml, &expected()).unwrap()).email
    };
    let unspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
    assert_eq!(read(unspecified, "ada@acme.test").as_deref(), Some("ada@acme.test"));
    assert_eq!(read(unspecified, "ada"), None);
    assert_eq!(read("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", "ada@acme.test"), None);
}

#[test]
fn many_values_take_no_long() {
    let values = "<saml:AttributeValue>some-group-of-people</saml:AttributeValue>".repeat(4_000);
    let xml = response().replace("<saml:AttributeValue>eng</saml:AttributeValue>", &values);
    let signed = signer().sign_response(Place::Both, &xml);
    let wide = Expected {
        limits: crate::protocol::saml::document::reader::Limits { bytes: 1024 * 1024, ..expected().limits },
        ..expected()
    };
    let start = std::time::Instant::now();
    assert_eq!(verify_xml(&signed, &wide).unwrap().attributes()[1].values.len(), 4_001);
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "took {:?}", start.elapsed());
}

/// SAML core 2.2.2: whoever made the identifier wants it back with them.
#[test]
fn what_a_name_id_is_qualified_with_is_kept_beside_it() {
    let plain = verify_xml(&signer().sign_response(Place::Both, &response()), &expected()).unwrap();
    assert_eq!(plain.qualifiers(), &Qualifiers::default());
    let xml = response().replace("<saml:NameID ", "<saml:NameID NameQualifier=\"idp\" SPNameQualifier=\"sp\" ");
    let qualified = verify_xml(&signer().sign_response(Place::Both, &xml), &expected()).unwrap();
    let named = Qualifiers { name: Some("idp".to_owned()), sp_name: Some("sp".to_owned()) };
    assert_eq!((qualified.qualifiers(), qualified.name_id()), (&named, plain.name_id()));
    let long = format!("NameQualifier=\"{}\" SPNameQualifier=\"s&#9;p\"", "x".repeat(513));
    let xml = xml.replace("NameQualifier=\"idp\" SPNameQualifier=\"sp\"", &long);
    let without = verify_xml(&signer().sign_response(Place::Both, &xml), &expected()).unwrap();
    assert_eq!(without, plain, "what could not be given back is left out");
}

/// SAML core 2.2.2: the format classifies the identifier.
#[test]
fn one_identifier_in_two_formats_is_two_subjects() {
    let subject = |format: &str| NameId { value: "ada".to_owned(), format: format.to_owned() }.subject();
    assert_eq!(subject(FORMAT_UNSPECIFIED), "ada");
    assert_eq!(subject(FORMAT_PERSISTENT), format!("ada\n{FORMAT_PERSISTENT}"));
}
