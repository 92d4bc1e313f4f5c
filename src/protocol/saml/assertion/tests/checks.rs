//! Each check of ours, on documents whose signature is right.

use crate::protocol::saml::assertion::rejected::Rejected;
use crate::protocol::saml::assertion::{Authentication, Expected, Request};
use crate::protocol::saml::names::FORMAT_EMAIL;
use crate::protocol::saml::testing::{ACS, IDP, Place, REQUEST, SP, expected, instant, outcome, response, signer};

/// Signs the changed response as a whole, so that the change is the identity provider's own.
fn signed_outcome(change: impl Fn(String) -> String) -> &'static str {
    let changed = change(response());
    assert_ne!(changed, response(), "the change has to change something");
    outcome(&signer().sign_response(Place::Both, &changed), &expected())
}

fn case(code: &'static str, from: impl Into<String>, to: impl Into<String>) -> (&'static str, String, String) {
    (code, from.into(), to.into())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table, a line per case")]
fn each_check_refuses_by_its_own_code() {
    let bearer = format!(
        "<saml:SubjectConfirmationData Recipient=\"{ACS}\" NotOnOrAfter=\"{}\" InResponseTo=\"{REQUEST}\"/>",
        instant(120)
    );
    let audience = format!("<saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction>");
    let other_audience = audience.replace(SP, "https://other.test");
    let success = "urn:oasis:names:tc:SAML:2.0:status:Success";
    let cases = [
        case("saml_status", success, "urn:oasis:names:tc:SAML:2.0:status:Responder"),
        case("saml_version", "ID=\"_r1\" Version=\"2.0\"", "ID=\"_r1\" Version=\"1.1\""),
        case("saml_version", "ID=\"_a1\" Version=\"2.0\"", "ID=\"_a1\" Version=\"1.1\""),
        case("saml_destination", "Destination=\"https://sp.test", "Destination=\"https://evil.test"),
        case("saml_destination", format!("Destination=\"{ACS}\""), ""),
        case("saml_issuer", format!("<saml:Issuer>{IDP}<"), "<saml:Issuer>https://evil.test<"),
        case("saml_issuer", "<saml:Issuer>", "<saml:Issuer Format=\"urn:other\">"),
        case("saml_in_response_to", format!("InResponseTo=\"{REQUEST}\""), "InResponseTo=\"_other\""),
        case("saml_in_response_to", format!("InResponseTo=\"{REQUEST}\""), ""),
        case("saml_issue_instant", format!("IssueInstant=\"{}\"", instant(0)), ""),
        case(
            "saml_issue_instant",
            format!("IssueInstant=\"{}\"", instant(0)),
            format!("IssueInstant=\"{}\"", instant(86_400)),
        ),
        case(
            "saml_issue_instant",
            format!("IssueInstant=\"{}\"", instant(0)),
            format!("IssueInstant=\"{}\"", instant(-91)),
        ),
        case("saml_issue_instant", format!("IssueInstant=\"{}\"", instant(0)), "IssueInstant=\"2023-11-14T22:13:20\""),
        case("saml_name_id_text", ">ada@acme.test</saml:NameID>", "></saml:NameID>"),
        case("saml_name_id_text", ">ada@acme.test</saml:NameID>", "> ada@acme.test</saml:NameID>"),
        case("saml_name_id_text", ">ada@acme.test</saml:NameID>", ">ada@acme.test\n</saml:NameID>"),
        case("saml_name_id_text", ">ada@acme.test</saml:NameID>", format!(">{}</saml:NameID>", "x".repeat(513))),
        case("saml_name_id_text", ">ada@acme.test</saml:NameID>", ">ada<x/>@acme.test</saml:NameID>"),
        case("saml_name_id_text", FORMAT_EMAIL, format!("urn:{}", "x".repeat(509))),
        case("saml_name_id_transient", "1.1:nameid-format:emailAddress", "2.0:nameid-format:transient"),
        case("saml_name_id", "</saml:NameID>", "</saml:NameID><saml:NameID>eve</saml:NameID>"),
        case("saml_name_id", "saml:NameID", "saml:EncryptedID"),
        case("saml_name_id", "saml:Subject>", "saml:Advice>"),
        case("saml_no_bearer", "cm:bearer", "cm:sender-vouches"),
        case("saml_recipient", bearer.clone(), ""),
        case("saml_recipient", format!("Recipient=\"{ACS}\""), "Recipient=\"https://evil.test/acs\""),
        case("saml_recipient", format!("Recipient=\"{ACS}\""), ""),
        case("saml_confirmation_expired", format!("NotOnOrAfter=\"{}\"", instant(120)), ""),
        case("saml_confirmation_expired", instant(120), instant(-56)),
        case(
            "saml_confirmation_not_before",
            "<saml:SubjectConfirmationData",
            format!("<saml:SubjectConfirmationData NotBefore=\"{}\"", instant(0)),
        ),
        case("saml_no_conditions", "saml:Conditions", "saml:Advice"),
        case("saml_not_yet_valid", format!("NotBefore=\"{}\"", instant(0)), format!("NotBefore=\"{}\"", instant(66))),
        case("saml_expired", instant(300), instant(-55)),
        case("saml_expired", instant(300), "never"),
        case("saml_unknown_condition", audience.clone(), format!("{audience}<saml:Condition/>")),
        case("saml_unknown_condition", audience.clone(), format!("{audience}<x:Condition xmlns:x=\"urn:x\"/>")),
        case("saml_audience", audience.clone(), ""),
        case("saml_audience", audience.clone(), "<saml:AudienceRestriction/>"),
        case("saml_audience", audience.clone(), other_audience.clone()),
        case("saml_audience", audience.clone(), format!("{audience}{other_audience}")),
        case("saml_audience", audience.clone(), format!("{other_audience}{audience}")),
        case("saml_no_authn_statement", "saml:AuthnStatement", "saml:AuthzDecisionStatement"),
        case("saml_authn_instant", format!("AuthnInstant=\"{}\"", instant(0)), ""),
        case(
            "saml_authn_instant",
            format!("AuthnInstant=\"{}\"", instant(0)),
            format!("AuthnInstant=\"{}\"", instant(66)),
        ),
        case("saml_session_expired", instant(3_600), instant(-55)),
        case("saml_attribute_statement", "<saml:Attribute Name=\"mail\">", "<saml:Attribute>"),
    ];
    for (code, from, to) in &cases {
        assert_eq!(signed_outcome(|xml| xml.replace(from, to)), *code, "{from} -> {to}");
    }
}

#[test]
fn what_is_allowed_beside_the_expected_is_accepted() {
    let audience = format!("<saml:Audience>{SP}</saml:Audience>");
    let other = "<saml:Audience>https://other.test</saml:Audience>";
    let bearer_end = "</saml:SubjectConfirmation>";
    let expired = format!(
        "{bearer_end}<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
         <saml:SubjectConfirmationData Recipient=\"https://other.test\" NotOnOrAfter=\"{}\"/>{bearer_end}",
        instant(-500)
    );
    let cases = [
        (audience.clone(), format!("{other}{audience}")),
        (audience.clone(), format!("<saml:Audience>\n {SP} </saml:Audience>")),
        ("</saml:Conditions>".to_owned(), "<saml:OneTimeUse/></saml:Conditions>".to_owned()),
        (bearer_end.to_owned(), expired),
        (instant(120), instant(-54)),
        (format!("NotBefore=\"{}\"", instant(0)), format!("NotBefore=\"{}\"", instant(65))),
        (format!("<saml:Conditions NotBefore=\"{}\"", instant(0)), "<saml:Conditions".to_owned()),
        (
            format!(" NotOnOrAfter=\"{}\"><saml:AudienceRestriction>", instant(300)),
            "><saml:AudienceRestriction>".to_owned(),
        ),
        (format!(" SessionNotOnOrAfter=\"{}\"", instant(3_600)), String::new()),
        (">ada@acme.test</saml:NameID>".to_owned(), format!(">{}</saml:NameID>", "x".repeat(512))),
        (FORMAT_EMAIL.to_owned(), format!("urn:{}", "x".repeat(508))),
    ];
    for (from, to) in &cases {
        assert_eq!(signed_outcome(|xml| xml.replace(from, to)), "accepted", "{from} -> {to}");
    }
}

#[test]
fn an_id_too_long_to_be_kept_is_refused() {
    let long = "_".repeat(257);
    let xml = signer().sign(
        &response()
            .replace("\"_a1\"", &format!("\"{long}\""))
            .replace(crate::protocol::saml::testing::ASSERTION_MARK, &signer().template(&long))
            .replace(crate::protocol::saml::testing::RESPONSE_MARK, ""),
    );
    assert_eq!(outcome(&xml, &expected()), "saml_assertion_id");
}

#[test]
fn the_issuer_of_the_assertion_and_of_the_response_are_both_checked() {
    let issuer = format!("<saml:Issuer>{IDP}</saml:Issuer>");
    let evil = "<saml:Issuer>https://evil.test</saml:Issuer>";
    assert_eq!(signed_outcome(|xml| xml.replacen(&issuer, evil, 1)), "saml_issuer");
    assert_eq!(
        signed_outcome(|xml| xml.replace(&format!("{IDP}</saml:Issuer>@a"), "https://evil.test</saml:Issuer>@a")),
        "saml_issuer"
    );
    assert_eq!(signed_outcome(|xml| xml.replacen(&issuer, "", 1)), "saml_issuer", "a signed response needs one");
}

#[test]
fn an_unsigned_response_around_a_signed_assertion_is_still_checked() {
    let sign = |xml: &str| signer().sign_response(Place::Assertion, xml);
    let success = "urn:oasis:names:tc:SAML:2.0:status:Success";
    let cases = [
        ("saml_status", success, "urn:oasis:names:tc:SAML:2.0:status:Responder"),
        ("saml_destination", "Destination=\"https://sp.test", "Destination=\"https://evil.test"),
        (
            "saml_issue_instant",
            " IssueInstant=\"2023-11-14T22:13:20.000Z\" D",
            " IssueInstant=\"2023-11-15T22:13:20Z\" D",
        ),
        ("saml_in_response_to", " InResponseTo=\"_request1\"><saml:I", "><saml:I"),
        ("saml_no_status", "samlp:Status>", "samlp:Extensions>"),
    ];
    for (code, from, to) in cases {
        let xml = sign(&response());
        assert!(xml.contains(from), "{from}");
        assert_eq!(outcome(&xml.replacen(from, to, 2), &expected()), code, "{from} -> {to}");
    }
}

#[test]
fn a_refusal_of_the_identity_provider_is_told_with_its_inner_code() {
    let xml = format!(
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_r1\" Version=\"2.0\" \
         IssueInstant=\"{}\"><samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Responder\">\
         <samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:AuthnFailed\"/></samlp:StatusCode></samlp:Status>\
         </samlp:Response>",
        instant(0)
    );
    let rejected = crate::protocol::saml::testing::verify_xml(&xml, &expected()).unwrap_err();
    assert_eq!(rejected, Rejected::Status("AuthnFailed"));
    // It is not signed, so what anybody may have written goes no further.
    for text in ["the owner deleted it", "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed#", "urn:x:AuthnFailed"] {
        let forged = xml.replace("urn:oasis:names:tc:SAML:2.0:status:AuthnFailed", text);
        let rejected = crate::protocol::saml::testing::verify_xml(&forged, &expected()).unwrap_err();
        assert_eq!(rejected, Rejected::Status("other"), "{text}");
    }
}

#[test]
fn a_fresh_authentication_is_one_after_the_request() {
    let xml = signer().sign_response(
        Place::Both,
        &response().replace(&format!("AuthnInstant=\"{}\"", instant(0)), &format!("AuthnInstant=\"{}\"", instant(-91))),
    );
    assert_eq!(outcome(&xml, &expected()), "accepted");
    let request = Request { authentication: Authentication::Fresh, ..expected().request };
    let fresh = Expected { request, ..expected() };
    assert_eq!(outcome(&xml, &fresh), "saml_authn_instant");
    assert_eq!(outcome(&signer().sign_response(Place::Both, &response()), &fresh), "accepted");
}

#[test]
fn the_assertion_is_checked_where_the_response_says_nothing_wrong() {
    let now = instant(0);
    let data = "<saml:SubjectConfirmationData";
    let cases = [
        (
            "saml_issue_instant",
            format!("ID=\"_a1\" Version=\"2.0\" IssueInstant=\"{now}\""),
            format!("ID=\"_a1\" Version=\"2.0\" IssueInstant=\"{}\"", instant(86_400)),
        ),
        (
            "saml_in_response_to",
            format!("{data} Recipient=\"{ACS}\" NotOnOrAfter=\"{}\" InResponseTo=\"{REQUEST}\"", instant(120)),
            format!("{data} Recipient=\"{ACS}\" NotOnOrAfter=\"{}\" InResponseTo=\"_other\"", instant(120)),
        ),
        ("saml_name_id", "</saml:NameID>".to_owned(), "</saml:NameID><saml:BaseID/>".to_owned()),
        (
            "saml_name_id_text",
            "Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\"".to_owned(),
            format!("Format=\"urn:{}\"", "x".repeat(513)),
        ),
    ];
    for (code, from, to) in &cases {
        assert_eq!(signed_outcome(|xml| xml.replace(from, to)), *code, "{from} -> {to}");
    }
}

#[test]
fn the_authentication_context_is_one_of_those_that_were_asked_for() {
    let xml = signer().sign_response(Place::Both, &response());
    let asking = |contexts: &[&str]| -> &'static str {
        let contexts: Vec<String> = contexts.iter().map(|class| (*class).to_owned()).collect();
        let request = Request { contexts: &contexts, ..expected().request };
        outcome(&xml, &Expected { request, ..expected() })
    };
    let password = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password";
    assert_eq!(asking(&["https://refeds.org/profile/mfa", password]), "accepted");
    assert_eq!(asking(&["https://refeds.org/profile/mfa"]), "saml_authn_context");
    assert_eq!(asking(&["urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"]), "saml_authn_context");
    let silent = response().replace("AuthnContextClassRef", "AuthnContextDeclRef");
    let contexts = [password.to_owned()];
    let request = Request { contexts: &contexts, ..expected().request };
    let silent = signer().sign_response(Place::Both, &silent);
    assert_eq!(outcome(&silent, &Expected { request, ..expected() }), "saml_authn_context");
}
