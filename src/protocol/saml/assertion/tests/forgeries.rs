//! Documents that are not what an honest identity provider signed. Every row of `docs/saml-conformance.md`, and the
//! failures of its section 2 that a signature test can show.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::protocol::saml::assertion::{Expected, verify};
use crate::protocol::saml::testing::{
    ASSERTION_MARK, Place, RESPONSE_MARK, expected, outcome, response, signer, stranger, verify_xml,
};

/// A genuine response with a signed assertion, in parts.
struct Parts {
    before: String,
    signature: String,
    /// The assertion without its signature.
    bare: String,
    /// The assertion with it.
    signed: String,
}

impl Parts {
    fn genuine() -> Self {
        let xml = signer().sign_response(Place::Assertion, &response());
        let start = xml.find("<saml:Assertion ").unwrap();
        let end = xml.find("</samlp:Response>").unwrap();
        let signed = xml[start..end].to_owned();
        let signature_start = signed.find("<ds:Signature").unwrap();
        let signature_end = signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
        let signature = signed[signature_start..signature_end].to_owned();
        Self { before: xml[..start].to_owned(), bare: signed.replace(&signature, ""), signature, signed }
    }

    fn evil(&self) -> String {
        self.bare.replace("_a1", "_evil").replace("ada@acme.test", "admin@acme.test")
    }

    /// The evil assertion with this in the place of a signature.
    fn evil_with(&self, content: &str) -> String {
        self.evil().replacen("</saml:Issuer>", &format!("</saml:Issuer>{content}"), 1)
    }

    fn document(&self, content: &str) -> String {
        format!("{}{content}</samlp:Response>", self.before)
    }
}

#[test]
fn signature_wrapping_around_a_signed_assertion_is_refused() {
    let parts = Parts::genuine();
    assert_eq!(outcome(&parts.document(&parts.signed), &expected()), "accepted", "the genuine one");
    let Parts { signature, bare, signed, .. } = &parts;
    let inside_signature = |content: &str| signature.replace("</ds:Signature>", &format!("{content}</ds:Signature>"));
    let object = |content: &str| inside_signature(&format!("<ds:Object>{content}</ds:Object>"));
    let evil = parts.evil();
    let status_detail = parts
        .document(&evil)
        .replace("</samlp:Status>", &format!("<samlp:StatusDetail>{signed}</samlp:StatusDetail></samlp:Status>"));
    let extensions = parts
        .document(&evil)
        .replace("<samlp:Status>", &format!("<samlp:Extensions>{signed}</samlp:Extensions><samlp:Status>"));
    let evil_in_extensions = parts
        .document(signed)
        .replace("<samlp:Status>", &format!("<samlp:Extensions>{evil}</samlp:Extensions><samlp:Status>"));
    let other_namespace = evil.replacen("<saml:Assertion ", "<x:Assertion xmlns:x=\"urn:x\" ", 1);
    let other_namespace = other_namespace.replace("</saml:Assertion>", "</x:Assertion>");
    let several = "saml_gate_several_assertions";
    let cases = [
        ("XSW3: evil before signed", parts.document(&format!("{evil}{signed}")), several),
        ("XSW3b: signed before evil", parts.document(&format!("{signed}{evil}")), several),
        ("XSW4: signed inside evil", parts.document(&parts.evil_with(signed)), several),
        ("XSW5: signature moved to evil", parts.document(&format!("{}{bare}", parts.evil_with(signature))), several),
        ("XSW6: signed inside the signature", parts.document(&parts.evil_with(&inside_signature(bare))), several),
        ("XSW7: evil in extensions", evil_in_extensions, several),
        ("XSW7: signed in extensions", extensions, several),
        ("XSW8: signed in an object", parts.document(&parts.evil_with(&object(bare))), several),
        ("CVE-2024-45409: signed in status detail", status_detail, several),
        ("other namespace", parts.document(&format!("{other_namespace}{signed}")), several),
        ("evil alone with the signature", parts.document(&parts.evil_with(signature)), "saml_gate_reference_target"),
        (
            "evil alone with the id of the signed",
            parts.document(&parts.evil_with(signature).replace("_evil", "_a1")),
            "saml_signature",
        ),
    ];
    for (name, xml, code) in cases {
        assert_eq!(outcome(&xml, &expected()), code, "{name}");
    }
}

#[test]
fn signature_wrapping_around_a_signed_response_is_refused() {
    let xml = signer().sign_response(Place::Response, &response());
    let xml = xml.trim_start_matches("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").trim();
    assert_eq!(outcome(xml, &expected()), "accepted", "the genuine one");
    let start = xml.find("<ds:Signature").unwrap();
    let end = xml.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let signature = &xml[start..end];
    let bare = xml.replace(signature, "");
    let evil = bare.replace("\"_r1\"", "\"_evil\"").replace("_a1", "_evil_a1").replace("ada@", "admin@");
    let with = |content: &str| evil.replacen("</saml:Issuer>", &format!("</saml:Issuer>{content}"), 1);
    let cases = [
        ("XSW1", with(&signature.replace("</ds:Signature>", &format!("{bare}</ds:Signature>")))),
        (
            "XSW1 in an object",
            with(&signature.replace("</ds:Signature>", &format!("<ds:Object>{bare}</ds:Object></ds:Signature>"))),
        ),
        ("XSW2", with(&format!("{signature}{bare}"))),
        ("XSW2 in extensions", with(&format!("{signature}<samlp:Extensions>{bare}</samlp:Extensions>"))),
        ("whole signed response in extensions", with(&format!("<samlp:Extensions>{xml}</samlp:Extensions>"))),
    ];
    for (name, xml) in cases {
        assert_eq!(outcome(&xml, &expected()), "saml_gate_several_assertions", "{name}");
    }
}

#[test]
fn a_signature_by_anybody_else_or_over_anything_else_is_refused() {
    let genuine = signer().sign_response(Place::Both, &response());
    let foreign = stranger().sign_response(Place::Both, &response());
    // The attacker's own certificate is in the KeyInfo: it is not looked at.
    assert_eq!(outcome(&foreign, &expected()), "saml_signature");
    let mixed = stranger().sign(&signer().sign_response(Place::Assertion, &response()).replacen(
        "</saml:Issuer><samlp:Status>",
        &format!("</saml:Issuer>{}<samlp:Status>", stranger().template("_r1")),
        1,
    ));
    assert_eq!(outcome(&mixed, &expected()), "saml_signature", "a foreign response around a genuine assertion");
    assert_eq!(outcome(&genuine.replace(">ada@", ">eve@"), &expected()), "saml_signature");
    assert_eq!(outcome(&genuine.replace(">eng<", ">root<"), &expected()), "saml_signature");
    let unsigned = response().replace(ASSERTION_MARK, "").replace(RESPONSE_MARK, "");
    assert_eq!(outcome(&unsigned, &expected()), "saml_gate_unsigned");
    let keyless = Expected { certificates: &[], ..expected() };
    assert_eq!(outcome(&unsigned, &keyless), "saml_gate_unsigned");
    assert_eq!(outcome(&genuine, &keyless), "saml_no_certificate");
    // CVE-2024-8698: a signature of the response that refers to the assertion.
    let crossed = response().replace(RESPONSE_MARK, &signer().template("_a1")).replace(ASSERTION_MARK, "");
    assert_eq!(outcome(&signer().sign(&crossed), &expected()), "saml_gate_reference_target");
}

#[test]
fn a_signature_of_published_metadata_does_not_sign_a_response() {
    // CVE-2024-6800: the same key signs metadata that anybody can fetch.
    let metadata = format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_m1\" entityID=\"x\">{}\
         </md:EntityDescriptor>",
        signer().template("_m1")
    );
    let signed = signer().sign(&metadata);
    let start = signed.find("<ds:Signature").unwrap();
    let end = signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let stolen = response().replace(ASSERTION_MARK, "").replace(RESPONSE_MARK, &signed[start..end]);
    assert_eq!(outcome(&stolen, &expected()), "saml_gate_reference_target");
    assert_eq!(outcome(&stolen.replace("_r1", "_m1"), &expected()), "saml_signature");
    assert_eq!(outcome(&signed, &expected()), "saml_gate_root");
}

#[test]
fn comments_do_not_split_a_name() {
    // VU#475445: canonicalization drops the comment, so the signature would still be right.
    let xml = response().replace(">ada@acme.test</saml:NameID>", ">admin@corp.test.evil.test</saml:NameID>");
    let signed = signer().sign_response(Place::Both, &xml);
    assert_eq!(verify_xml(&signed, &expected()).unwrap().name_id().value, "admin@corp.test.evil.test");
    let cut = signed.replace("admin@corp.test.evil.test", "admin@corp.test<!-- -->.evil.test");
    assert_eq!(outcome(&cut, &expected()), "saml_gate_doctype");
    for (insert, code) in [
        ("<![CDATA[]]>", "saml_gate_doctype"),
        ("<?x?>", "saml_gate_processing_instruction"),
        ("&e;", "saml_gate_reference"),
    ] {
        let changed = signed.replace("admin@corp.test.evil.test", &format!("admin@corp.test{insert}.evil.test"));
        assert_eq!(outcome(&changed, &expected()), code, "{insert}");
    }
    // SAMLStorm: a comment in the digest.
    let digest = signed.replacen("<ds:DigestValue>", "<ds:DigestValue><!-- x -->", 1);
    assert_eq!(outcome(&digest, &expected()), "saml_gate_doctype");
}

#[test]
fn only_one_shape_of_signature_reaches_the_library() {
    let xml = signer().sign_response(Place::Assertion, &response());
    let c14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let info_start = xml.find("<ds:SignedInfo>").unwrap();
    let info_end = xml.find("</ds:SignedInfo>").unwrap() + "</ds:SignedInfo>".len();
    let info = &xml[info_start..info_end];
    let reference_start = xml.find("<ds:Reference").unwrap();
    let reference_end = xml.find("</ds:Reference>").unwrap() + "</ds:Reference>".len();
    let reference = &xml[reference_start..reference_end];
    let transform = format!("<ds:Transform Algorithm=\"{c14n}\"/>");
    let with_transform = |algorithm: &str, content: &str| {
        xml.replace(&transform, &format!("{transform}<ds:Transform Algorithm=\"{algorithm}\">{content}</ds:Transform>"))
    };
    let rsa256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
    let sha256 = "http://www.w3.org/2001/04/xmlenc#sha256";
    let cases = [
        ("two signed infos", xml.replace(info, &format!("{info}{info}")), "saml_gate_signed_info"),
        ("two references", xml.replace(reference, &format!("{reference}{reference}")), "saml_gate_references"),
        ("no reference", xml.replace(reference, ""), "saml_gate_references"),
        ("reference by http", xml.replace("URI=\"#_a1\"", "URI=\"http://127.0.0.1:9/x\""), "saml_gate_reference_target"),
        ("reference to the whole document", xml.replace("URI=\"#_a1\"", "URI=\"\""), "saml_gate_reference_target"),
        ("reference by xpointer", xml.replace("URI=\"#_a1\"", "URI=\"#xpointer(id('_a1'))\""), "saml_gate_reference_target"),
        ("no uri", xml.replace(" URI=\"#_a1\"", ""), "saml_gate_reference_target"),
        ("xpath", with_transform("http://www.w3.org/TR/1999/REC-xpath-19991116", "<ds:XPath>not(ancestor-or-self::NameID)</ds:XPath>"), "saml_gate_transforms"),
        ("xslt", with_transform("http://www.w3.org/TR/1999/REC-xslt-19991116", "<x:stylesheet xmlns:x=\"http://www.w3.org/1999/XSL/Transform\"/>"), "saml_gate_transforms"),
        ("base64 transform", with_transform("http://www.w3.org/2000/09/xmldsig#base64", ""), "saml_gate_transforms"),
        ("one transform", xml.replace(&transform, ""), "saml_gate_transforms"),
        ("c14n with comments in a transform", xml.replace(&transform, &transform.replace("c14n#", "c14n#WithComments")), "saml_gate_transforms"),
        ("c14n with comments", xml.replace(&format!("CanonicalizationMethod Algorithm=\"{c14n}"), &format!("CanonicalizationMethod Algorithm=\"{c14n}WithComments")), "saml_gate_canonicalization"),
        ("inclusive c14n", xml.replace(&format!("CanonicalizationMethod Algorithm=\"{c14n}"), "CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315"), "saml_gate_canonicalization"),
        ("rsa-sha1", xml.replace(rsa256, "http://www.w3.org/2000/09/xmldsig#rsa-sha1"), "saml_gate_signature_algorithm"),
        ("hmac", xml.replace(rsa256, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"), "saml_gate_signature_algorithm"),
        ("hmac output length", xml.replace(&format!("{rsa256}\"/>"), &format!("{rsa256}\"><ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>")), "saml_gate_algorithm_parameter"),
        ("sha1 digest", xml.replace(sha256, "http://www.w3.org/2000/09/xmldsig#sha1"), "saml_gate_digest_algorithm"),
        ("object", xml.replace("</ds:Signature>", "<ds:Object/></ds:Signature>"), "saml_gate_object"),
        ("retrieval method", xml.replace("<ds:X509Data>", "<ds:RetrievalMethod URI=\"http://127.0.0.1:9/\"/><ds:X509Data>"), "saml_gate_key_info"),
        ("signed info after the value", move_info_behind_value(&xml, info), "saml_gate_signature_shape"),
        ("digest elsewhere", xml.replace("<samlp:StatusCode ", "<ds:DigestValue xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">AA==</ds:DigestValue><samlp:StatusCode "), "saml_gate_signature_place"),
        ("signature elsewhere", xml.replace("<saml:Subject>", "<saml:Subject><ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>"), "saml_gate_signature_place"),
        ("signature of another namespace", xml.replace("<saml:Subject>", "<x:Signature xmlns:x=\"urn:x\"/><saml:Subject>"), "saml_gate_content"),
        ("two signatures", xml.replace("<saml:Subject>", &format!("{}<saml:Subject>", signer().template("_a1").replace("></ds:DigestValue>", ">AA==</ds:DigestValue>").replace("></ds:SignatureValue>", ">AA==</ds:SignatureValue>"))), "saml_gate_several_signatures"),
        ("something else than a key info", xml.replace("ds:KeyInfo>", "ds:KeyHint>"), "saml_gate_signature_shape"),
        ("signed info with an attribute", xml.replace("<ds:SignedInfo>", "<ds:SignedInfo xml:base=\"http://127.0.0.1:9/\">"), "saml_gate_signature_shape"),
        ("signed info with text", xml.replace("<ds:SignedInfo>", "<ds:SignedInfo>text"), "saml_gate_signature_shape"),
        ("signature with an attribute", xml.replace("<ds:Signature ", "<ds:Signature a=\"b\" "), "saml_gate_signature_shape"),
        ("reference with a type", xml.replace("URI=\"#_a1\"", "URI=\"#_a1\" Type=\"urn:x\""), "saml_gate_signature_shape"),
        ("digest with a parameter", xml.replace(&format!("{sha256}\"/>"), &format!("{sha256}\"><ds:X/></ds:DigestMethod>")), "saml_gate_digest_algorithm"),
        ("transforms with an attribute", xml.replace("<ds:Transforms>", "<ds:Transforms a=\"b\">"), "saml_gate_transforms"),
        ("transform with text", xml.replace(&transform, &transform.replace("/>", ">x</ds:Transform>")), "saml_gate_transforms"),
        ("parameter with another attribute", xml.replace(&transform, &transform.replace("/>", &format!("><e:InclusiveNamespaces xmlns:e=\"{c14n}\" PrefixList=\"xs\" a=\"b\"/></ds:Transform>"))), "saml_gate_transforms"),
        ("digest that is not base64", xml.replace("<ds:DigestValue>", "<ds:DigestValue>*"), "saml_gate_signature_shape"),
        ("empty digest", empty(&xml, "ds:DigestValue"), "saml_gate_signature_shape"),
        ("empty signature value", empty(&xml, "ds:SignatureValue"), "saml_gate_signature_shape"),
    ];
    for (name, changed, code) in cases {
        assert_ne!(changed, xml, "{name}");
        assert_eq!(outcome(&changed, &expected()), code, "{name}");
    }
}

fn move_info_behind_value(xml: &str, info: &str) -> String {
    xml.replace(info, "").replace("</ds:SignatureValue>", &format!("</ds:SignatureValue>{info}"))
}

fn empty(xml: &str, element: &str) -> String {
    let start = xml.find(&format!("<{element}>")).unwrap() + element.len() + 2;
    let end = xml.find(&format!("</{element}>")).unwrap();
    format!("{}{}", &xml[..start], &xml[end..])
}

#[test]
fn what_libxml_would_forgive_or_read_differently_is_refused() {
    let xml = signer().sign_response(Place::Assertion, &response());
    let body = xml.trim_start_matches("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").trim();
    let cases = [
        ("trailing junk", format!("{body}junk"), "saml_gate_several_roots"),
        ("two roots", format!("{body}<x/>"), "saml_gate_several_roots"),
        ("unclosed root", body.replace("</samlp:Response>", ""), "saml_gate_not_well_formed"),
        ("utf-16 declared", format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{body}"), "saml_gate_encoding"),
        ("doctype with attlist", format!("<!DOCTYPE r [<!ATTLIST x Id ID #IMPLIED>]>{body}"), "saml_gate_doctype"),
        ("entities", format!("<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>{body}"), "saml_gate_doctype"),
        ("duplicate id", body.replace("<saml:Subject>", "<saml:Subject ID=\"_a1\">"), "saml_gate_id_repeated"),
        ("decoy id", body.replace("<saml:Subject>", "<saml:Subject id=\"_a1\">"), "saml_gate_id_repeated"),
        ("decoy Id", body.replace("<saml:Subject>", "<saml:Subject Id=\"_a1\">"), "saml_gate_id_repeated"),
        ("decoy iD", body.replace("<saml:Subject>", "<saml:Subject iD=\"_a1\">"), "saml_gate_id_repeated"),
        ("wsu:Id", body.replace("<saml:Subject>", "<saml:Subject xmlns:w=\"urn:w\" w:Id=\"_x\">"), "saml_gate_id_namespace"),
        (
            "xinclude",
            body.replace(
                "<samlp:Status>",
                "<samlp:Extensions><x:include xmlns:x=\"http://www.w3.org/2001/XInclude\" href=\"http://127.0.0.1:1/\"/>\
                 </samlp:Extensions><samlp:Status>",
            ),
            "saml_gate_content",
        ),
        ("xml:id", body.replace("<saml:Subject>", "<saml:Subject xml:id=\"_x\">"), "saml_gate_id_namespace"),
        (
            "id with a pointer in it",
            body.replace("<saml:Subject>", "<saml:Subject ID=\"element(/1)\">"),
            "saml_gate_id_syntax",
        ),
        ("relative namespace", body.replace("<saml:Subject>", "<saml:Subject xmlns:x=\"1\">"), "saml_gate_namespace"),
        ("attribute twice", body.replacen("ID=\"_r1\"", "ID=\"_r1\" ID=\"_r2\"", 1), "saml_gate_duplicate_attribute"),
        ("text in the response", body.replace("<samlp:Status>", "x<samlp:Status>"), "saml_gate_content"),
        ("unknown child", body.replace("<samlp:Status>", "<x xmlns=\"urn:x\"/><samlp:Status>"), "saml_gate_content"),
        (
            "nested response",
            body.replace("<samlp:Status>", "<samlp:Extensions><samlp:Response/></samlp:Extensions><samlp:Status>"),
            "saml_gate_assertion_place",
        ),
    ];
    for (name, changed, code) in cases {
        assert_ne!(changed, body, "{name}");
        assert_eq!(outcome(&changed, &expected()), code, "{name}");
    }
}

#[test]
fn a_response_over_the_bounds_is_refused() {
    let xml = signer().sign_response(Place::Assertion, &response());
    let body = xml.trim_start_matches("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").trim();
    let cases = [
        (
            "deep",
            body.replace(
                "<samlp:Status>",
                &format!(
                    "<samlp:Extensions>{}{}</samlp:Extensions><samlp:Status>",
                    "<x>".repeat(40),
                    "</x>".repeat(40)
                ),
            ),
            "saml_gate_too_deep",
        ),
        (
            "many elements",
            body.replace(
                "<samlp:Status>",
                &format!("<samlp:Extensions>{}</samlp:Extensions><samlp:Status>", "<x/>".repeat(5_001)),
            ),
            "saml_gate_too_many_elements",
        ),
        (
            "large",
            body.replace(
                "<samlp:Status>",
                &format!("<samlp:Extensions>{}</samlp:Extensions><samlp:Status>", "x".repeat(300_000)),
            ),
            "saml_gate_too_large",
        ),
    ];
    for (name, changed, code) in cases {
        assert_ne!(changed, body, "{name}");
        assert_eq!(outcome(&changed, &expected()), code, "{name}");
    }
}

#[test]
fn bombs_are_refused_before_they_cost_anything() {
    let xml = signer().sign_response(Place::Assertion, &response());
    let transform = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
    let count = (0..6).fold("1".to_owned(), |inner, _| format!("count(//*[{inner}])"));
    let xpath = format!(
        "{transform}<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>{count}\
         </ds:XPath></ds:Transform>"
    );
    let nodes = format!("<samlp:Extensions>{}</samlp:Extensions><samlp:Status>", "<x/>".repeat(300));
    let laughs: String = (1..40).map(|n| format!("<!ENTITY l{n} \"&l{};&l{};\">", n - 1, n - 1)).collect();
    let cases = [
        xml.replace(transform, &xpath).replace("<samlp:Status>", &nodes),
        format!("<!DOCTYPE r [{laughs}]>{xml}"),
        "<a>".repeat(80_000),
        format!("<a {}/>", "b='' ".repeat(50_000)),
        format!("<a {}/>", (0..20_000).map(|n| format!("xmlns:a{n}='u:{n}' ")).collect::<String>()),
    ];
    let start = Instant::now();
    for bomb in &cases {
        assert!(verify_xml(bomb, &expected()).is_err());
    }
    assert!(start.elapsed() < Duration::from_secs(1), "took {:?}", start.elapsed());
}

#[test]
fn what_is_not_base64_of_a_document_is_refused() {
    for (text, code) in [
        ("", "saml_encoding"),
        (" \r\n", "saml_encoding"),
        ("PHI+", "saml_gate_not_well_formed"),
        ("PHIvPg==", "saml_gate_root"),
        ("PHIvPg", "saml_encoding"),
        ("%3Cr%2F%3E", "saml_encoding"),
        ("\u{e9}", "saml_encoding"),
        ("/w==", "saml_gate_encoding"),
    ] {
        assert_eq!(verify(text, &expected()).unwrap_err().code(), code, "{text:?}");
    }
    let long = STANDARD.encode(vec![b'a'; 600_000]);
    assert_eq!(verify(&long, &expected()).unwrap_err().code(), "saml_encoding");
}
