use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Claim, claims};
use crate::protocol::saml::assertion::rejected::Rejected;
use crate::protocol::saml::testing::{
    ASSERTION_MARK, Place, RESPONSE_MARK, Signer, expected, response, signer, stranger, verify_xml,
};

const C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

fn is_by(signer: &Signer, claim: &Claim) -> bool {
    let value: String = claim.value.split_whitespace().collect();
    signer.certificate.verifies(&claim.algorithm, &claim.signed_info, &STANDARD.decode(value).unwrap())
}

/// A signed assertion whose signature was written otherwise before the library signed it.
fn signed(by: &Signer, change: &dyn Fn(String) -> String) -> String {
    let template = change(by.template("_a1"));
    by.sign(&response().replace(ASSERTION_MARK, &template).replace(RESPONSE_MARK, ""))
}

fn with_list(list: &str) -> String {
    format!(
        "<ds:CanonicalizationMethod Algorithm=\"{C14N}\"><ec:InclusiveNamespaces xmlns:ec=\"{C14N}\" \
         PrefixList=\"{list}\"/></ds:CanonicalizationMethod>"
    )
}

/// How a signature may be written otherwise: what is replaced by what in the template.
fn forms() -> Vec<(&'static str, Vec<(String, String)>)> {
    const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
    let bare = format!("<ds:CanonicalizationMethod Algorithm=\"{C14N}\"/>");
    let transform = format!("<ds:Transform Algorithm=\"{C14N}\"");
    let parameter = format!("<ec:InclusiveNamespaces xmlns:ec=\"{C14N}\" PrefixList=\"saml xs\"/>");
    let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let listed = |list: &str| pair(&bare, &with_list(list));
    let around = |declaration: &str| pair("<ds:Signature ", &format!("<ds:Signature {declaration} "));
    let again = |declaration: &str| pair("<ds:Reference ", &format!("<ds:Reference {declaration} "));
    vec![
        ("as it is", vec![]),
        ("without a prefix", vec![pair("ds:", ""), pair("xmlns:ds=", "xmlns=")]),
        ("on lines", vec![pair("><", ">\r\n\t <")]),
        ("references to white space", vec![pair("><ds:Ref", ">&#13;&#10;&#x9;<ds:Ref")]),
        ("other quotes and spaces", vec![pair("Algorithm=\"http", "Algorithm = \"http"), pair("\"", "'")]),
        ("an id", vec![pair("<ds:SignedInfo>", "<ds:SignedInfo xmlns:a='urn:a' Id='_i'>")]),
        ("declared again", vec![again(&format!("xmlns:ds=\"{DS}\""))]),
        ("a default around", vec![around("xmlns=\"urn:d\"")]),
        (
            "another prefix inside",
            vec![
                pair("<ds:SignatureMethod ", &format!("<q:SignatureMethod xmlns:q=\"{DS}\" ")),
                pair("<ds:DigestValue>", "<ds:DigestValue xmlns=\"urn:z\" xmlns:a=\"urn:a\">"),
            ],
        ),
        ("a list of what is around", vec![listed("saml samlp xs")]),
        ("a list with the default", vec![listed("#default ds saml")]),
        (
            "a default that a list keeps and an element takes away",
            vec![
                listed("#default saml"),
                around("xmlns=\"urn:d\""),
                again("xmlns=\"\""),
                pair("<ds:Transforms>", "<ds:Transforms xmlns=\"urn:e\">"),
            ],
        ),
        (
            "a list of what changes inside",
            vec![listed("a saml"), around("xmlns:a=\"urn:1\""), again("xmlns:a=\"urn:2\"")],
        ),
        ("an empty list", vec![listed("")]),
        (
            "a list of the transform alone",
            vec![pair(&format!("{transform}/>"), &format!("{transform}>{parameter}</ds:Transform>"))],
        ),
    ]
}

/// Two implementations of one standard: the library signs, and this module finds what it signed.
#[test]
fn whatever_the_form_of_a_signature_its_signer_is_found() {
    let ecdsa = Signer::ecdsa();
    for (name, changes) in forms() {
        let change = |template: String| changes.iter().fold(template, |text, (from, to)| text.replace(from, to));
        for by in [signer(), &ecdsa] {
            let xml = signed(by, &change);
            let found = claims(&xml).unwrap();
            let [claim] = found.as_slice() else { panic!("{name}: {found:?}") };
            assert!(claim.algorithm.ends_with(by.algorithm), "{name}");
            assert!(is_by(by, claim), "{name}: {}", String::from_utf8_lossy(&claim.signed_info));
            assert!(!is_by(stranger(), claim), "{name}");
        }
        // What is found is what the library verifies, too.
        let outcome = verify_xml(&signed(signer(), &change), &expected());
        assert!(!matches!(outcome, Err(Rejected::Signature | Rejected::Disagreement)), "{name}: {outcome:?}");
    }
}

#[test]
fn each_signature_is_found_with_its_own_value() {
    let xml = signer().sign_response(Place::Both, &response());
    let found = claims(&xml).unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|claim| is_by(signer(), claim)));
    assert_ne!(found[0], found[1]);
    let swapped = Claim { value: found[1].value.clone(), ..found[0].clone() };
    assert!(!is_by(signer(), &swapped));
    assert_eq!(claims(&response()), Some(Vec::new()));
}

#[test]
fn what_is_signed_may_be_as_long_as_its_bound() {
    let xml = signed(signer(), &|template| template);
    let with_id = |length| {
        claims(&xml.replace("<ds:SignedInfo>", &format!("<ds:SignedInfo Id='{}'>", "i".repeat(length))))
            .map(|found| found[0].signed_info.len())
    };
    let longest = 16 * 1024 - (with_id(1).unwrap() - 1);
    assert_eq!(with_id(longest), Some(16 * 1024));
    assert_eq!(with_id(longest + 1), None);
}

#[test]
fn what_no_gate_lets_through_has_no_signer() {
    let xml = signed(signer(), &|template| template);
    let long = "x".repeat(16 * 1024);
    let cases = [
        xml.replace("<ds:SignedInfo>", "<ds:SignedInfo ds:Id='a'>"),
        xml.replace("<ds:SignedInfo>", &format!("<ds:SignedInfo Id='{long}'>")),
        xml.replace("<ds:SignedInfo>", &format!("<ds:SignedInfo>{long}")),
        xml.replace("<ds:SignedInfo>", "<ds:SignedInfo><![CDATA[x]]>"),
        xml.replace("<ds:SignedInfo>", "<ds:SignedInfo><?x y?>"),
        xml.replace("<ds:SignedInfo>", "<ds:SignedInfo>&x;"),
        xml.replace("</ds:SignedInfo>", ""),
        format!("{xml}</x>"),
    ];
    for case in cases {
        assert_ne!(case, xml);
        assert_eq!(claims(&case), None, "{}", &case[..case.len().min(3_000)]);
    }
}
