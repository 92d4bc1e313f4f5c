use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use super::ours::{Ours, Outgoing, Subject, request_xml, response_xml, send};
use super::request::{self, LogoutRequest};
use super::response::{self, Answer, LogoutResponse};
use super::{Expected, LogoutRejected, posted, redirected};
use crate::protocol::saml::assertion::{NameId, Qualifiers};
use crate::protocol::saml::document::reader::{Comments, Limits, Malformed, parse};
use crate::protocol::saml::gate::refusal::Refusal;
use crate::protocol::saml::idp_metadata::Binding;
use crate::protocol::saml::names::{FORMAT_EMAIL, FORMAT_ENTITY, FORMAT_UNSPECIFIED, SAML, SAMLP};
use crate::protocol::saml::redirect_binding::{self, Kind};
use crate::protocol::saml::testing::{IDP, NOW, Signer, instant, signer, stranger};
use crate::values::clock::Timestamp;

const SLO: &str = "https://sp.test/federation/saml/c1/slo";

fn expected() -> Expected<'static> {
    Expected {
        idp_entity_id: IDP,
        certificates: std::slice::from_ref(&signer().certificate),
        slo_url: SLO,
        now: Timestamp::from_seconds(NOW),
        skew_seconds: 60,
        limits: Limits::RESPONSE,
    }
}

fn ada() -> NameId {
    NameId { value: "ada@acme.test".to_owned(), format: FORMAT_EMAIL.to_owned() }
}

/// What a provider asks: the same XML as ours, since both sides speak the same.
fn asked() -> String {
    let (name_id, qualifiers) = (ada(), Qualifiers::default());
    let subject = Subject { name_id: &name_id, qualifiers: &qualifiers, session_index: Some("s1") };
    request_xml(&by_the_provider(&Url::parse(SLO).unwrap()), &subject)
}

/// What a provider answers.
fn answered() -> String {
    response_xml(&by_the_provider(&Url::parse(SLO).unwrap()), "_q1")
}

fn by_the_provider(destination: &Url) -> Ours<'_> {
    Ours { id: "_l1", issued_at: Timestamp::from_seconds(NOW), destination, sp_entity_id: IDP }
}

fn signed_by(by: &Signer, xml: &str) -> String {
    by.sign(&xml.replacen("</saml:Issuer>", &format!("</saml:Issuer>{}", by.template("_l1")), 1))
}

fn by_post(xml: &str) -> Result<LogoutRequest, LogoutRejected> {
    let root = posted(&STANDARD.encode(xml), "LogoutRequest", &expected())?;
    request::read(&root, &expected())
}

fn by_redirect(by: &Signer, xml: &str) -> Result<LogoutRequest, LogoutRejected> {
    let destination = Url::parse(SLO).unwrap();
    let key = by.signing_key();
    let url = redirect_binding::url(&destination, Kind::Request, xml, None, Some(&key)).unwrap();
    let received = redirect_binding::read(url.split_once('?').unwrap().1, 10_000).unwrap();
    request::read(&redirected(&received, "LogoutRequest", &expected())?, &expected())
}

#[test]
fn a_signed_request_says_whom_to_sign_out_by_either_binding() {
    let whom = LogoutRequest {
        id: "_l1".to_owned(),
        name_id: ada(),
        session_indexes: vec!["s1".to_owned()],
        // Five minutes, and the skew both ways.
        replay_until: Timestamp::from_seconds(NOW + 420),
    };
    assert_eq!(by_post(&signed_by(signer(), &asked())), Ok(whom.clone()));
    assert_eq!(by_redirect(signer(), &asked()), Ok(whom));
    let all = asked().replace(&index("s1"), "");
    assert_eq!(by_redirect(signer(), &all).unwrap().session_indexes, Vec::<String>::new());
    let many = asked().replace(&index("s1"), &index("s1").repeat(64));
    assert_eq!(by_redirect(signer(), &many).unwrap().session_indexes, vec!["s1"; 64]);
    let named = asked().replace("<saml:Issuer>", &format!("<saml:Issuer Format=\"{FORMAT_ENTITY}\">"));
    assert_eq!(by_redirect(signer(), &named).map(|request| request.id), Ok("_l1".to_owned()));
}

/// The form field is a browser's.
#[test]
fn a_posted_message_may_be_wrapped_into_lines_and_is_not_decoded_when_it_cannot_be_within_the_bound() {
    let text = STANDARD.encode(signed_by(signer(), &asked()));
    assert!(posted(&text.replace('A', "A\r\n"), "LogoutRequest", &expected()).is_ok());
    let refused = |length| posted(&"=".repeat(length), "LogoutRequest", &expected());
    let bytes = expected().limits.bytes;
    assert_eq!(refused(2 * bytes), Err(LogoutRejected::Document(Malformed::Encoding)));
    assert_eq!(refused(2 * bytes + 2), Err(LogoutRejected::Document(Malformed::TooLarge)));
}

/// Whatever a reader may take for a signature, or for a part of one.
#[test]
fn nothing_of_a_signature_stands_in_a_message_whose_query_is_signed() {
    for stray in [
        "<d:Signature xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\"/>",
        "<d:KeyInfo xmlns:d=\"http://www.w3.org/2000/09/xmldsig#\"/>",
        "<x:Signature xmlns:x=\"urn:x\"/>",
    ] {
        for stray in [stray.to_owned(), format!("<samlp:Extensions>{stray}</samlp:Extensions>")] {
            let xml = asked().replacen("</saml:Issuer>", &format!("</saml:Issuer>{stray}"), 1);
            let outcome = by_redirect(signer(), &xml);
            assert_eq!(outcome, Err(LogoutRejected::Gate(Refusal::SignaturePlace)), "{xml}");
        }
    }
}

#[test]
fn nobody_is_signed_out_by_a_request_that_the_provider_has_not_signed() {
    let code = |outcome: Result<LogoutRequest, LogoutRejected>| outcome.err().map(|rejected| rejected.code());
    assert_eq!(code(by_post(&asked())), Some("saml_logout_gate"));
    assert_eq!(code(by_post(&signed_by(stranger(), &asked()))), Some("saml_logout_signature"));
    assert_eq!(code(by_redirect(stranger(), &asked())), Some("saml_logout_signature"));
    let genuine = signed_by(signer(), &asked());
    assert_eq!(code(by_post(&genuine.replace("ada@", "eve@"))), Some("saml_logout_signature"));
    assert_eq!(code(by_post(&genuine.replace("ada@", "a<!-- -->da@"))), Some("saml_logout_document"));
    assert_eq!(code(by_post(&genuine.replace("rsa-sha256", "rsa-sha1"))), Some("saml_logout_gate"));
    assert_eq!(code(by_post(&format!("<!DOCTYPE r>{genuine}"))), Some("saml_logout_document"));
    // A signature inside a message whose query is signed, and one around another element.
    assert_eq!(code(by_redirect(signer(), genuine.split_once("?>").unwrap().1.trim())), Some("saml_logout_gate"));
    let wrapped = genuine.replacen("ID=\"_l1\"", "ID=\"_evil\"", 1);
    assert_eq!(code(by_post(&wrapped)), Some("saml_logout_gate"));
}

fn index(text: &str) -> String {
    format!("<samlp:SessionIndex>{text}</samlp:SessionIndex>")
}

#[test]
fn each_check_of_a_request_refuses() {
    let cases = [
        ("version", "Version=\"2.0\"", "Version=\"1.1\""),
        ("destination", "Destination=\"https://sp.test", "Destination=\"https://other.test"),
        ("issuer", IDP, "https://evil.test"),
        ("issue instant", &instant(0), &instant(61)),
        ("issue instant", &instant(0), &instant(-361)),
        ("issue instant", &instant(0), "now"),
        ("end of validity", "Version=", &format!("NotOnOrAfter=\"{}\" Version=", instant(-60))),
        ("end of validity", "Version=", "NotOnOrAfter=\"never\" Version="),
        ("name id", ">ada@acme.test<", "><"),
        ("name id", "saml:NameID", "saml:EncryptedID"),
        ("name id", "<samlp:SessionIndex>", "<saml:NameID>eve</saml:NameID><samlp:SessionIndex>"),
        ("session index", ">s1<", "> <"),
        ("session index", &index("s1"), &index("s1").repeat(65)),
        ("issuer", "<saml:Issuer>", &format!("<saml:Issuer Format=\"{FORMAT_EMAIL}\">")),
        ("id", "ID=\"_l1\"", ""),
        ("id", "_l1", &"_".repeat(257)),
    ];
    for (what, from, to) in cases {
        let changed = asked().replace(from, to);
        assert_ne!(changed, asked(), "{what}");
        assert_eq!(by_redirect(signer(), &changed), Err(LogoutRejected::Check(what)), "{from} -> {to}");
    }
    let other = asked().replace("LogoutRequest", "ArtifactResolve");
    assert_eq!(by_redirect(signer(), &other).err().map(|rejected| rejected.code()), Some("saml_logout_gate"));
}

/// Whatever a signature refers to is there once.
#[test]
fn an_id_that_stands_twice_is_refused_by_either_binding() {
    let twice = asked().replacen("<saml:NameID", "<saml:NameID ID=\"_l1\"", 1);
    assert_ne!(twice, asked());
    assert!(matches!(by_redirect(signer(), &twice), Err(LogoutRejected::Gate(Refusal::IdRepeated))));
    assert!(matches!(by_post(&signed_by(signer(), &twice)), Err(LogoutRejected::Gate(Refusal::IdRepeated))));
}

fn read_answer(xml: &str) -> Result<LogoutResponse, LogoutRejected> {
    let root = posted(&STANDARD.encode(signed_by(signer(), xml)), "LogoutResponse", &expected())?;
    response::read(&root, &expected())
}

#[test]
fn an_answer_says_how_far_the_provider_came() {
    let complete = LogoutResponse { in_response_to: "_q1".to_owned(), answer: Answer::Complete };
    assert_eq!(read_answer(&answered()), Ok(complete));
    let status = |first: &str, second: &str| {
        let codes = format!(
            "status:{first}\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:{second}\"/></samlp:StatusCode>"
        );
        read_answer(&answered().replace("status:Success\"/>", &codes)).unwrap().answer
    };
    assert_eq!(status("Success", "PartialLogout"), Answer::Partial);
    assert_eq!(status("Responder", "PartialLogout"), Answer::Partial);
    assert_eq!(status("Responder", "RequestDenied"), Answer::Failed);
    for answer in [Answer::Complete, Answer::Partial, Answer::Failed] {
        assert_eq!(Answer::parse(answer.as_str()), Some(answer));
    }
}

#[test]
fn each_check_of_an_answer_refuses() {
    let cases = [
        ("version", "Version=\"2.0\"", "Version=\"1.1\""),
        ("destination", "Destination=\"https://sp.test", "Destination=\"https://other.test"),
        ("issuer", IDP, "https://evil.test"),
        ("issue instant", &instant(0), &instant(-361)),
        ("request that it answers", "InResponseTo=\"_q1\"", ""),
        ("request that it answers", "InResponseTo=\"_q1\"", "InResponseTo=\"\""),
        ("status", "samlp:Status>", "samlp:Other>"),
    ];
    for (what, from, to) in cases {
        let changed = answered().replace(from, to);
        assert_ne!(changed, answered(), "{what}");
        assert_eq!(read_answer(&changed), Err(LogoutRejected::Check(what)), "{from} -> {to}");
    }
    let code = |outcome: Result<LogoutResponse, LogoutRejected>| outcome.err().map(|rejected| rejected.code());
    assert_eq!(code(read_answer(&asked())), Some("saml_logout_gate"), "a request is no answer");
}

#[test]
fn our_messages_are_signed_for_either_binding() {
    let destination = Url::parse("https://idp.test/slo?a&b").unwrap();
    let ours =
        Ours { id: "_o1", issued_at: Timestamp::from_seconds(NOW), destination: &destination, sp_entity_id: IDP };
    let theirs = Expected { slo_url: destination.as_str(), ..expected() };
    let key = signer().signing_key();
    let name_id = NameId { value: "a&b".to_owned(), format: FORMAT_UNSPECIFIED.to_owned() };
    let qualifiers = Qualifiers { name: Some("q\"1".to_owned()), sp_name: Some("q2".to_owned()) };
    let xml = request_xml(&ours, &Subject { name_id: &name_id, qualifiers: &qualifiers, session_index: Some("<1>") });
    let form = send(Binding::Post, Kind::Request, &ours, &xml, Some("back"), &key).unwrap();
    let Outgoing::Form { action, field, message, relay_state } = form else { panic!("{form:?}") };
    assert_eq!((action.as_str(), field, relay_state.as_deref()), (destination.as_str(), "SAMLRequest", Some("back")));
    let by_form = posted(&message, "LogoutRequest", &theirs).unwrap();
    let redirect = send(Binding::Redirect, Kind::Request, &ours, &xml, Some("back"), &key).unwrap();
    let Outgoing::Redirect(url) = redirect else { panic!("{redirect:?}") };
    let received = redirect_binding::read(url.split_once("a&b&").unwrap().1, 10_000).unwrap();
    assert_eq!(redirected(&received, "LogoutRequest", &theirs).unwrap(), by_form);
    let sent = by_form.only(SAML, "NameID").unwrap();
    let said = ["Format", "NameQualifier", "SPNameQualifier"].map(|name| sent.attribute(name));
    assert_eq!((sent.text(), said), (Some("a&b"), [None, Some("q\"1"), Some("q2")]));
    assert_eq!(by_form.only(SAMLP, "SessionIndex").unwrap().text(), Some("<1>"));
}

#[test]
fn our_answer_names_the_request() {
    let destination = Url::parse("https://idp.test/slo?a&b").unwrap();
    let ours =
        Ours { id: "_o1", issued_at: Timestamp::from_seconds(NOW), destination: &destination, sp_entity_id: "sp" };
    let root = parse(&response_xml(&ours, "_l1"), &Limits::RESPONSE, Comments::Refused).unwrap();
    assert!(root.is(SAMLP, "LogoutResponse"));
    assert_eq!(root.attribute("InResponseTo"), Some("_l1"));
    assert_eq!(root.attribute("Destination"), Some("https://idp.test/slo?a&b"));
    assert_eq!(root.only(SAML, "Issuer").unwrap().text(), Some("sp"));
    let code = root.only(SAMLP, "Status").unwrap().only(SAMLP, "StatusCode").unwrap();
    assert_eq!(code.attribute("Value"), Some("urn:oasis:names:tc:SAML:2.0:status:Success"));
}
