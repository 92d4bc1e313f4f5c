//! The assertion consumer service as a door: what is not an answer is refused as such, with no 5xx and no trace.

use serde_json::json;

use crate::saml::{OWNER, Stage, claims, response_fields};
use crate::support::browser::{Browser, Page};
use crate::support::counterparties::PASSWORD;
use crate::support::engine::Engine;
use crate::support::http::client;

async fn post(url: &str, content_type: &str, body: String) -> (u16, String) {
    let answer = client().post(url).header("content-type", content_type).body(body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_an_answer_is_refused_by_its_kind() {
    const FORM: &str = "application/x-www-form-urlencoded";
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "assertion").await;
        let acs = stage.acs().to_string();
        let unknown = format!("{}/federation/saml/01890a5d-ac96-774b-bcce-b302099a8057/acs", stage.gateway.url);
        let cases = [
            (&acs, "text/xml", "<r/>".to_owned(), 400),
            (&acs, "", "SAMLResponse=PHIvPg%3D%3D&RelayState=x".to_owned(), 400),
            (&acs, FORM, String::new(), 400),
            (&acs, FORM, "RelayState=x".to_owned(), 400),
            (&acs, FORM, "SAMLResponse=PHIvPg%3D%3D".to_owned(), 400),
            (&acs, FORM, "SAMLResponse=PHIvPg%3D%3D&RelayState=x".to_owned(), 400),
            (&acs, FORM, "SAMLResponse=a&SAMLResponse=b&RelayState=x".to_owned(), 400),
            (&acs, FORM, "SAMLResponse=a&RelayState=x&RelayState=y".to_owned(), 400),
            (&acs, FORM, "SAMLResponse=%FF%00&RelayState=%FF".to_owned(), 400),
            (&acs, FORM, format!("SAMLResponse={}&RelayState=x", "A".repeat(1_000_000)), 413),
            (&unknown, FORM, "SAMLResponse=PHIvPg%3D%3D&RelayState=x".to_owned(), 404),
        ];
        for (url, content_type, body, status) in cases {
            let shown = body.chars().take(60).collect::<String>();
            let (answered, page) = post(url, content_type, body).await;
            assert_eq!(answered, status, "{content_type} {shown}: {page}");
            assert!(page.contains("<h1>"), "a page for people: {page}");
        }
        assert!(stage.refusals().await.is_empty(), "nothing of it fills the log");
    }
}

/// The redirect binding is none of ours for an answer, and what a link can bring must not count as one.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_the_address_is_no_answer() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "both").await;
        let browser = Browser::asking_for_json();
        let page = stage.answered(&browser, None).await;
        let mut acs = stage.acs();
        acs.query_pairs_mut().extend_pairs(response_fields(&page));
        let answer = client().get(acs).send().await.expect("an answer");
        assert!([404, 405].contains(&answer.status().as_u16()), "{}", answer.status());
        assert!(stage.refusals().await.is_empty());
        claims(&browser.submit(&page, &[]).await);
    }
}

/// Where an answer may leave something behind.
const WRITTEN: [&str; 3] = ["attempts", "audit_entries", "traces"];

fn with_response(page: &Page, response: &str) -> Vec<(String, String)> {
    let mut fields = response_fields(page);
    fields.retain(|(name, _)| name != "SAMLResponse");
    fields.push(("SAMLResponse".to_owned(), response.to_owned()));
    fields
}

/// What is no base64, or no well-formed XML, is no answer: the attempt goes on waiting for the one that is.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_no_answer_to_a_live_attempt() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "assertion").await;
        // No base64, bytes that are no text, and `<r>` that never ends.
        for unreadable in [["%", "AAECAw=="], ["%", "PHI+"]] {
            let browser = Browser::asking_for_json();
            let page = stage.answered(&browser, None).await;
            let before = stage.gateway.count_rows(&WRITTEN);
            for response in unreadable {
                let refused = browser.send_form(&page.url, "post", stage.acs(), &with_response(&page, response)).await;
                assert_eq!(refused.status, 400, "{response}: {}", refused.body);
                assert!(refused.body.contains("We could not read that"), "{response}: {}", refused.body);
            }
            // Nor to one that there never was.
            for response in ["%", "AAECAw==", "PHI+"] {
                let nobody = [("SAMLResponse", response), ("RelayState", "nobody")];
                let fields = nobody.map(|(name, value)| (name.to_owned(), value.to_owned()));
                let refused = browser.send_form(&page.url, "post", stage.acs(), &fields).await;
                assert_eq!(refused.status, 400, "{response}: {}", refused.body);
                assert!(refused.body.contains("We could not read that"), "{response}: {}", refused.body);
            }
            assert_eq!(stage.gateway.count_rows(&WRITTEN), before);
            claims(&browser.submit(&page, &[]).await);
        }
        assert!(stage.refusals().await.is_empty());
        let browser = Browser::asking_for_json();
        let page = stage.answered(&browser, None).await;
        for _ in 0..3 {
            let refused = browser.send_form(&page.url, "post", stage.acs(), &with_response(&page, "%")).await;
            assert!(refused.status == 400 && refused.body.contains("We could not read that"), "{}", refused.body);
        }
        let spent = browser.submit(&page, &[]).await;
        assert!(spent.status == 400 && spent.body.contains("We did not expect this answer"), "{}", spent.body);
    }
}

/// What can be read and is no answer of the provider's ends its own attempt and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_response_to_a_live_attempt_is_refused() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "assertion").await;
        for (response, check) in [("PHIvPg==", "saml_gate_root"), ("PCFET0NUWVBFIHI+PHIvPg==", "saml_gate_doctype")] {
            let browser = Browser::asking_for_json();
            let page = stage.answered(&browser, None).await;
            let refused = browser.send_form(&page.url, "post", stage.acs(), &with_response(&page, response)).await;
            assert_eq!(refused.status, 403, "{check}: {}", refused.body);
            assert_eq!(stage.refusals().await[0].1, check);
        }
        let browser = Browser::asking_for_json();
        let page = stage.answered(&browser, None).await;
        claims(&browser.submit(&page, &[]).await);
    }
}

/// A response that nobody asked for signs nobody in, in whose browser ever it is brought (login CSRF). Where the connection
/// allows it the browser is sent to the identity provider, and lands at the app.
#[tokio::test(flavor = "multi_thread")]
async fn sign_in_that_begins_at_the_identity_provider_is_a_round_trip() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "both").await;
        let page = stage.answered(&Browser::asking_for_json(), Some("unsolicited")).await;
        let mut fields = response_fields(&page);
        fields.retain(|(name, _)| name == "SAMLResponse");
        let browser = Browser::asking_for_json();
        let refused = browser.send_form(&page.url, "post", stage.acs(), &fields).await;
        assert_eq!(refused.status, 400, "{}", refused.body);
        let landing = json!({ "application": stage.client, "url": stage.app.sign_in_url() });
        stage.acme.api.put(&stage.path("/options"), json!({ "landing": landing, "ipsie_level": 2 })).await.expect(400);
        stage.acme.api.put(&stage.path("/options"), json!({ "landing": landing })).await.expect(200);
        let asked = browser.send_form(&page.url, "post", stage.acs(), &fields).await;
        assert!(asked.url.as_str().starts_with(&format!("{}/sso?SAMLRequest=", stage.idp.0.url)), "{}", asked.url);
        assert!(browser.cookies().iter().all(|cookie| !cookie.name.ends_with("session")), "nobody is signed in");
        let page = browser.submit(&asked, &[("login", OWNER), ("password", PASSWORD)]).await;
        let page = browser.submit(&page, &[]).await;
        assert_eq!(claims(&page)["email"], OWNER);
        assert!(stage.refusals().await.is_empty());
    }
}
