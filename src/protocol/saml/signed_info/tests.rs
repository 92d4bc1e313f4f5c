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

/// Two implementations of one standard: the library signs, and this module finds what it signed.
#[test]
fn whatever_the_form_of_a_signature_its_signer_is_found() {
    let bare = format!("<ds:CanonicalizationMethod Algorithm=\"{C14N}\"/>");
    let listed = |list: &'static str| {
        let bare = bare.clone();
        move |template: String| template.replace(&bare, &with_list(list))
    };
    let changes: Vec<(&str, Box<dyn Fn(String) -> String>)> = vec![
        ("as it is", Box::new(|template| template)),
        ("without a prefix", Box::new(|t| t.replace("ds:", "").replace("xmlns:ds=", "xmlns="))),
        ("on lines", Box::new(|t| t.replace("><", ">\r\n\t <"))),
        ("with references to white space", Box::new(|t| t.replace("><ds:Ref", ">&#13;&#10;&#x9;<ds:Ref"))),
        (
            "other quotes and spaces",
            Box::new(|t| t.replace("Algorithm=\"http", "Algorithm = \"http").replace('"', "'")),
        ),
        ("with an id", Box::new(|t| t.replace("<ds:SignedInfo>", "<ds:SignedInfo xmlns:a='urn:a' Id='_i'>"))),
        (
            "declared again",
            Box::new(|t| t.replace("<ds:Reference ", "<ds:Reference xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" ")),
        ),
        ("with a default around", Box::new(|t| t.replace("<ds:Signature ", "<ds:Signature xmlns=\"urn:d\" "))),
        (
            "another prefix inside",
            Box::new(|t| {
                let t = t.replace(
                    "<ds:SignatureMethod ",
                    "<q:SignatureMethod xmlns:q=\"http://www.w3.org/2000/09/xmldsig#\" ",
                );
                t.replace("<ds:DigestValue>", "<ds:DigestValue xmlns=\"urn:z\" xmlns:a=\"urn:a\">")
            }),
        ),
        ("a list of what is around", Box::new(listed("saml samlp xs"))),
        ("a list with the default", Box::new(listed("#default ds saml"))),
        ("a default that a list keeps and an element takes away", {
            let listed = listed("#default saml");
            Box::new(move |t| {
                let t = listed(t).replace("<ds:Signature ", "<ds:Signature xmlns=\"urn:d\" ");
                t.replace("<ds:Reference ", "<ds:Reference xmlns=\"\" ")
                    .replace("<ds:Transforms>", "<ds:Transforms xmlns=\"urn:e\">")
            })
        }),
        ("a list that an inner declaration changes", {
            let listed = listed("a saml");
            Box::new(move |t| {
                let t = listed(t).replace(
                    "<ds:Signature ",
                    "<ds:Signature xmlns:a=\"urn:1?x&amp;y\" ".replace("&amp;y", "").as_str(),
                );
                t.replace("<ds:Reference ", "<ds:Reference xmlns:a=\"urn:2\" ")
            })
        }),
        ("an empty list", Box::new(listed(""))),
        (
            "a list of the transform alone",
            Box::new(|t| {
                let list = format!("<ec:InclusiveNamespaces xmlns:ec=\"{C14N}\" PrefixList=\"saml xs\"/>");
                let transform = format!("<ds:Transform Algorithm=\"{C14N}\"");
                t.replace(&format!("{transform}/>"), &format!("{transform}>{list}</ds:Transform>"))
            }),
        ),
    ];
    let ecdsa = Signer::ecdsa();
    for (name, change) in &changes {
        for by in [signer(), &ecdsa] {
            let xml = signed(by, change);
            let found = claims(&xml).unwrap();
            let [claim] = found.as_slice() else { panic!("{name}: {found:?}") };
            assert!(claim.algorithm.ends_with(by.algorithm), "{name}");
            assert!(is_by(by, claim), "{name}: {}", String::from_utf8_lossy(&claim.signed_info));
            assert!(!is_by(stranger(), claim), "{name}");
        }
        // What is found is what the library verifies, too.
        let outcome = verify_xml(&signed(signer(), change), &expected());
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
