//! What a forgery may cost. The signature library canonicalizes before it looks at the signature, once for each
//! certificate of the connection, so that anybody who can begin a sign-in can have it done.

use std::time::Duration;

use crate::protocol::saml::assertion::Expected;
use crate::protocol::saml::assertion::signature::verified_assertion;
use crate::protocol::saml::attribute_map::AttributeMap;
use crate::protocol::saml::document::reader::{Comments, Limits, parse};
use crate::protocol::saml::gate::{self, Inspected};
use crate::protocol::saml::names::SAML;
use crate::protocol::saml::testing::{
    ASSERTION_MARK, Place, RESPONSE_MARK, Sealing, Signer, expected, outcome, response, sealed_response, signer,
    stranger, verify_xml,
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

/// The library looks for each of the prefixes at each element.
#[test]
fn the_more_elements_the_fewer_prefixes() {
    let shape = |siblings, prefixes| Shape {
        name: "",
        declarations: String::new(),
        siblings,
        attributes: String::new(),
        prefixes,
    };
    let code = |shape| outcome(&deep(signer(), Place::Assertion, &shape), &expected());
    assert_eq!(code(shape(4_900, 4)), "accepted");
    assert_eq!(code(shape(4_900, 5)), "saml_gate_prefix_list");
    let xml = deep(signer(), Place::Assertion, &shape(0, 16));
    let around = parse(&xml, &Limits::RESPONSE, Comments::Refused).unwrap().only(SAML, "Assertion").unwrap().size();
    assert_eq!(code(shape(1_250 - around, 16)), "accepted");
    assert_eq!(code(shape(1_251 - around, 16)), "saml_gate_prefix_list");
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

/// What is in an attribute value, as deep as may be: declarations, and siblings with these attributes; and how many prefixes
/// the transforms name.
struct Shape {
    name: &'static str,
    declarations: String,
    siblings: usize,
    attributes: String,
    prefixes: usize,
}

/// A response of that shape, signed by `by` at `place`.
fn deep(by: &Signer, place: Place, shape: &Shape) -> String {
    let Shape { declarations, siblings, attributes, .. } = shape;
    let depth = 32 - 7;
    let content = format!(
        "<saml:AttributeValue><d {declarations}>{}{}{}</d></saml:AttributeValue></saml:Attribute>",
        "<d>".repeat(depth),
        format!("<d {attributes}/>").repeat(*siblings),
        "</d>".repeat(depth)
    );
    let prefixes = (0..shape.prefixes).map(|n| format!("no{n}")).collect::<Vec<_>>().join(" ");
    let parameter = format!(
        "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{prefixes}\"/>"
    );
    let template = |id| {
        let transform = format!("<ds:Transform {C14N}>{parameter}</ds:Transform>");
        by.template(id).replace(&format!("<ds:Transform {C14N}/>"), &transform)
    };
    let xml = response().replacen("</saml:Attribute>", &content, 1);
    let inner = if place == Place::Response { String::new() } else { template("_a1") };
    let xml = xml.replace(ASSERTION_MARK, &inner);
    let xml = if inner.is_empty() { xml } else { by.sign(&xml) };
    let outer = if place == Place::Assertion { String::new() } else { template("_r1") };
    let xml = xml.replace(RESPONSE_MARK, &outer);
    if outer.is_empty() { xml } else { by.sign(&xml) }
}

/// 50 ms of an optimised program. Without optimisation the readers take several times as long.
const QUICK: Duration = if cfg!(debug_assertions) { Duration::from_millis(500) } else { Duration::from_millis(50) };

/// How long this thread has been on a processor, which other tests do not prolong.
fn computed() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// What comes out, and the cost when least else was in the way.
fn least_of_three<T>(work: impl Fn() -> T) -> (T, Duration) {
    let measured = || {
        let before = computed();
        let outcome = work();
        (outcome, computed() - before)
    };
    let (first, others) = (measured(), [measured().1, measured().1]);
    (first.0, others.into_iter().fold(first.1, Duration::min))
}

/// By a stranger, and by the provider itself, which is as much of a stranger to other organizations: it signs what costs
/// most, or somebody puts the signature of what it did sign around something else.
#[test]
fn the_costliest_document_that_passes_the_gate_is_cheap() {
    let certificates = [vec![stranger().certificate.clone(); 15], vec![signer().certificate.clone()]].concat();
    let expected = Expected { certificates: &certificates, ..expected() };
    let nobody = Signer::rsa(2048);
    let uri = format!("urn:{}", "x".repeat(120));
    let many = (0..24).map(|n| format!("xmlns:p{n}=\"urn:p{n}\"")).collect::<Vec<_>>().join(" ");
    let long = (0..4).map(|n| format!("xmlns:q{n}=\"{uri}{n}\"")).collect::<Vec<_>>().join(" ");
    let sixty = (0..60).map(|n| format!("p{}:a{n}=\"\"", n % 24)).collect::<Vec<_>>().join(" ");
    let shape = |name, declarations: &str, siblings, attributes: &str, prefixes| Shape {
        name,
        declarations: declarations.to_owned(),
        siblings,
        attributes: attributes.to_owned(),
        prefixes,
    };
    let shapes = [
        shape("elements", &many, 4_900, "", 4),
        shape("prefixes", &many, 1_150, "", 16),
        shape("attributes", &many, 3_450, "p0:a=\"\" p1:a=\"\"", 4),
        shape("long namespaces", &long, 3_450, "q0:a=\"\" q1:a=\"\"", 4),
        shape("many attributes each", &many, 115, &sixty, 16),
    ];
    for shape in &shapes {
        let name = shape.name;
        let forged = deep(&nobody, Place::Both, shape);
        let genuine = deep(signer(), Place::Assertion, shape);
        let twice = deep(signer(), Place::Both, shape);
        let replayed = twice.replace(">eng<", ">all<");
        // Canonicalization declares a prefix wherever it is used, so what is signed may be over the bounds that what came keeps.
        let genuine_outcomes = ["accepted", "saml_disagreement"];
        let cases = [
            ("forged", forged, &["saml_signature"][..]),
            ("genuine", genuine, &genuine_outcomes[..]),
            ("signed twice", twice, &genuine_outcomes[..]),
            ("replayed", replayed, &["saml_signature"][..]),
        ];
        for (whose, xml, outcomes) in cases {
            let (outcome, cost) = least_of_three(|| outcome(&xml, &expected));
            println!("{name}, {whose}: {} bytes, {outcome}, {cost:?}", xml.len());
            assert!(outcomes.contains(&outcome), "{name}, {whose}: {outcome}");
            assert!(cost < QUICK, "{name}, {whose}: {cost:?}");
        }
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
        let read = || AttributeMap::default().read(&verify_xml(&xml, &expected()).unwrap()).groups.len();
        let (groups, cost) = least_of_three(read);
        println!("{name}: {} bytes {cost:?}", xml.len());
        assert_eq!(groups, 2_001);
        assert!(cost < QUICK, "{name}: {cost:?}");
    }
}
