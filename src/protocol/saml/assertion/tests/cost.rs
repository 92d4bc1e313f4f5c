//! What a forgery may cost. The signature library canonicalizes before it looks at the signature, once for each
//! certificate of the connection, so that anybody who can begin a sign-in can have it done.

use std::time::Duration;

use crate::protocol::saml::assertion::Expected;
use crate::protocol::saml::assertion::signature::verified_assertion;
use crate::protocol::saml::attribute_map::AttributeMap;
use crate::protocol::saml::document::reader::Limits;
use crate::protocol::saml::gate::{self, Inspected};
use crate::protocol::saml::testing::{
    Place, Sealing, expected, outcome, response, sealed_response, signer, stranger, verify_xml,
};

const C14N: &str = "Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"";

/// A signed assertion whose transform, or whose canonicalization method, has this list of prefixes.
fn with_prefixes(list: &str) -> [String; 2] {
    let xml = signer().sign_response(Place::Assertion, &response());
    let parameter =
        format!("<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{list}\"/>");
    ["Transform", "CanonicalizationMethod"].map(|element| {
        let bare = format!("<ds:{element} {C14N}/>");
        assert!(xml.contains(&bare));
        xml.replace(&bare, &format!("<ds:{element} {C14N}>{parameter}</ds:{element}>"))
    })
}

#[test]
fn a_list_of_prefixes_is_short_and_names_each_of_them_once() {
    let numbered = |count: usize| (0..count).map(|n| format!("p{n}")).collect::<Vec<_>>().join(" ");
    let long_names = (0..16).map(|n| format!("p{n}{}", "x".repeat(80))).collect::<Vec<_>>().join(" ");
    for list in
        [numbered(17), "xs xs".to_owned(), "#all".to_owned(), "a:b".to_owned(), long_names, "xs ".repeat(20_000)]
    {
        for xml in with_prefixes(&list) {
            assert_eq!(outcome(&xml, &expected()), "saml_gate_prefix_list", "{}", &list[..list.len().min(80)]);
        }
    }
    // What is not refused goes on to the signature, which is over another list.
    for list in [numbered(16), "#default samlp saml ds xs xsi".to_owned(), String::new()] {
        for xml in with_prefixes(&list) {
            assert_ne!(outcome(&xml, &expected()), "saml_gate_prefix_list", "{list}");
        }
    }
}

/// What the library hands back is read with the same limits as what came, and compared.
#[test]
fn what_the_library_hands_back_counts_only_if_it_is_what_the_gate_saw() {
    let xml = signer().sign_response(Place::Both, &response());
    let inspected = gate::open(xml.as_bytes(), &Limits::RESPONSE).unwrap().inspect().unwrap();
    let Inspected::Plain(gated) = inspected else { panic!("it is not encrypted") };
    let certificates = std::slice::from_ref(&signer().certificate);
    assert!(verified_assertion(&gated, certificates, &Limits::RESPONSE).is_ok());
    for narrow in [Limits { bytes: 100, ..Limits::RESPONSE }, Limits { elements: 3, ..Limits::RESPONSE }] {
        let rejected = verified_assertion(&gated, certificates, &narrow).unwrap_err();
        assert_eq!(rejected.code(), "saml_disagreement", "{narrow:?}");
    }
}

/// Inside an attribute value, as deep as may be: siblings, each with these attributes.
fn deep(declarations: &str, siblings: usize, attributes: &str) -> String {
    let depth = 32 - 7;
    let content = format!(
        "<saml:AttributeValue><d {declarations}>{}{}{}</d></saml:AttributeValue></saml:Attribute>",
        "<d>".repeat(depth),
        format!("<d {attributes}/>").repeat(siblings),
        "</d>".repeat(depth)
    );
    let xml = response().replacen(
        "</saml:Attribute>",
        &format!("{content}</saml:Attribute>").replacen("</saml:Attribute>", "", 1),
        1,
    );
    let xml = signer().sign_response(Place::Assertion, &xml);
    let prefixes = (0..16).map(|n| format!("no{n}")).collect::<Vec<_>>().join(" ");
    let parameter = format!(
        "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{prefixes}\"/>"
    );
    xml.replace(&format!("<ds:Transform {C14N}/>"), &format!("<ds:Transform {C14N}>{parameter}</ds:Transform>"))
}

/// 50 ms of an optimised program. Without optimisation the readers take several times as long.
const QUICK: Duration = if cfg!(debug_assertions) { Duration::from_millis(500) } else { Duration::from_millis(50) };

/// How long this thread has been on a processor, which other tests do not prolong.
fn computed() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

#[test]
fn the_costliest_forgery_that_passes_the_gate_ends_within_a_second() {
    let certificates = vec![stranger().certificate.clone(); 16];
    let expected = Expected { certificates: &certificates, ..expected() };
    let uri = format!("urn:{}", "x".repeat(248));
    let many = (0..24).map(|n| format!("xmlns:p{n}=\"urn:p{n}\"")).collect::<Vec<_>>().join(" ");
    let long = (0..4).map(|n| format!("xmlns:q{n}=\"{uri}{n}\"")).collect::<Vec<_>>().join(" ");
    let sixty = (0..60).map(|n| format!("p{}:a{n}=\"\"", n % 24)).collect::<Vec<_>>().join(" ");
    let documents = [
        ("elements", deep(&many, 4_900, "")),
        ("attributes", deep(&many, 4_900, "p0:a=\"\" p1:a=\"\"")),
        ("long namespaces", deep(&long, 4_900, "q0:a=\"\" q1:a=\"\"")),
        ("many attributes each", deep(&many, 160, &sixty)),
    ];
    for (name, xml) in documents {
        let before = computed();
        assert_eq!(outcome(&xml, &expected), "saml_signature", "{name}");
        let cost = computed() - before;
        println!("{name}: {} bytes {cost:?}", xml.len());
        assert!(cost < Duration::from_secs(1), "{name}: {cost:?}");
    }
}

/// IPSIE and large directories: what an honest provider sends of somebody in very many groups.
#[test]
fn two_thousand_groups_are_taken_quickly() {
    let values: String =
        (0..2_000).map(|n| format!("<saml:AttributeValue>group-{n:05}-of-people</saml:AttributeValue>")).collect();
    let xml = response().replace("<saml:AttributeValue>eng</saml:AttributeValue>", &values);
    let documents = [
        ("assertion", signer().sign_response(Place::Assertion, &xml)),
        ("response", signer().sign_response(Place::Response, &xml)),
        ("encrypted", sealed_response(Place::Assertion, &xml, &Sealing::usual())),
    ];
    for (name, xml) in documents {
        let before = computed();
        let assertion = verify_xml(&xml, &expected()).unwrap();
        let groups = AttributeMap::default().read(&assertion).groups.len();
        let cost = computed() - before;
        println!("{name}: {} bytes {cost:?}", xml.len());
        assert_eq!(groups, 2_001);
        assert!(cost < QUICK, "{name}: {cost:?}");
    }
}
