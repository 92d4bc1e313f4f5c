//! Answers that are wrong in one way, signed all the same. Each leaves one entry, says whom to ask, and creates nothing.

use serde_json::json;

use crate::saml::{OWNER, Stage, claims, response_fields};
use crate::support::browser::{Browser, Page};
use crate::support::counterparties::{PASSWORD, SamlIdp, person};
use crate::support::engine::Engine;
use crate::support::organization::text;

const FAULTS: [(&str, &str); 8] = [
    ("wrong_audience", "saml_audience"),
    ("no_audience", "saml_audience"),
    ("expired", "saml_confirmation_expired"),
    ("other_recipient", "saml_recipient"),
    ("other_issuer", "saml_issuer"),
    ("unsolicited", "saml_in_response_to"),
    ("unsigned", "saml_gate_unsigned"),
    ("wrong_key", "saml_signature"),
];

/// A page of the gateway that lets nobody in and says whom to ask.
fn assert_explained(page: &Page, what: &str) {
    assert!(page.status.is_client_error(), "{what}: {} {}", page.status, page.body);
    assert!(page.body.contains("Whom to ask") && page.body.contains("owner@acme.test"), "{what}: {}", page.body);
    assert!(!page.body.contains("saml_"), "{what}: the check is not told to the browser: {}", page.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_refused_with_one_entry() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "assertion").await;
        for (number, (fault, check)) in FAULTS.into_iter().enumerate() {
            let browser = Browser::asking_for_json();
            let page = stage.answered(&browser, Some(fault)).await;
            let page = browser.submit(&page, &[]).await;
            assert_explained(&page, fault);
            let refusals = stage.refusals().await;
            assert_eq!(refusals.len(), number + 1, "{engine:?} {fault}: {refusals:#?}");
            assert_eq!(refusals[0].1, check, "{engine:?} {fault}");
        }
        // The person can still sign in.
        let browser = Browser::asking_for_json();
        let page = stage.answered(&browser, None).await;
        assert_eq!(claims(&browser.submit(&page, &[]).await)["email"], OWNER);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_works_once_and_in_its_own_browser() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "both").await;
        let (browser, thief) = (Browser::asking_for_json(), Browser::asking_for_json());
        let page = stage.answered(&browser, None).await;
        let stolen = thief.submit(&page, &[]).await;
        assert!(stolen.status.is_client_error(), "not the browser that began: {}", stolen.body);
        assert!(thief.cookies().iter().all(|cookie| !cookie.name.ends_with("session")));
        let again = browser.submit(&page, &[]).await;
        assert_explained(&again, "the second use");
        assert!(stage.refusals().await.is_empty(), "an answer that nobody waits for fills no log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_at_another_connection_is_refused() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "assertion").await;
        let browser = Browser::asking_for_json();
        let page = stage.answered(&browser, None).await;
        let other = SamlIdp::signing("assertion", &[person(OWNER, "Olive")]);
        let other = stage.acme.connect_saml(&other).await;
        let acs = text(&other, "acs_url").parse().expect("an address");
        let misdirected = browser.send_form(&page.url, "post", acs, &response_fields(&page)).await;
        assert_explained(&misdirected, "another connection");
        // Nothing was consumed: at its own connection the answer still works.
        assert_eq!(claims(&browser.submit(&page, &[]).await)["email"], OWNER);
    }
}

/// CVE-2026-9098.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_switched_off_meanwhile_lets_nobody_in() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "assertion").await;
        let browser = Browser::asking_for_json();
        let page = stage.answered(&browser, None).await;
        let path = format!("/connections/{}/disable", text(&stage.connection, "id"));
        stage.acme.api.post(&path, json!({})).await.expect(200);
        assert_explained(&browser.submit(&page, &[]).await, "switched off");
        assert_eq!(stage.acme.audit("sign_in.refused").await[0]["detail"]["code"], "connection_inactive");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_was_changed_on_the_way_is_refused() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "both").await;
        let changes: [(&str, &str, &str); 4] = [
            ("owner@acme.test</", "admin@acme.test</", "saml_signature"),
            ("owner@acme.test</", "owner@acme.test<!-- -->.evil</", "saml_gate_doctype"),
            ("</ns1:Subject>", "</ns1:Subject><ns1:Subject/>", "saml_signature"),
            ("<ns1:Subject>", "<ns1:Advice><ns1:Assertion/></ns1:Advice><ns1:Subject>", "saml_gate_several_assertions"),
        ];
        for (from, to, check) in changes {
            let browser = Browser::asking_for_json();
            let page = stage.answered(&browser, None).await;
            let fields = response_fields(&page).into_iter().map(|(name, value)| match name.as_str() {
                "SAMLResponse" => (name, changed(&value, from, to)),
                _ => (name, value),
            });
            let fields: Vec<_> = fields.collect();
            let refused = browser.send_form(&page.url, "post", stage.acs(), &fields).await;
            assert_explained(&refused, check);
            assert_eq!(stage.refusals().await[0].1, check);
        }
    }
}

fn changed(base64_text: &str, from: &str, to: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let compact: String = base64_text.split_whitespace().collect();
    let xml = String::from_utf8(STANDARD.decode(compact).expect("base64")).expect("utf-8");
    assert!(xml.contains(from), "no {from} in {xml}");
    STANDARD.encode(xml.replace(from, to))
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_the_password_gets_nowhere() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "assertion").await;
        let browser = Browser::asking_for_json();
        let page = stage.arrive(&browser).await;
        let page = browser.submit(&page, &[("login", OWNER), ("password", &PASSWORD.to_uppercase())]).await;
        assert!(!page.body.contains("SAMLResponse"), "{}", page.body);
        assert!(browser.cookies().iter().all(|cookie| !cookie.name.ends_with("session")));
    }
}
