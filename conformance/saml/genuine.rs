//! What an honest identity provider sends signs the person in.

use crate::saml::{OWNER, Stage, claims};
use crate::support::browser::Browser;
use crate::support::engine::Engine;
use crate::support::http::client;
use crate::support::organization::text;

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_assertion_signs_in() {
    signs_in("assertion").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_response_signs_in() {
    signs_in("response").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_signed_sign_in() {
    signs_in("both").await;
}

async fn signs_in(sign: &str) {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, sign).await;
        let browser = Browser::asking_for_json();
        let page = stage.answered(&browser, None).await;
        let page = browser.submit(&page, &[]).await;
        let claims = claims(&page);
        assert_eq!((&claims["email"], &claims["membership"]), (&OWNER.into(), &"member".into()), "{claims:#}");
        assert_eq!(claims["amr"], serde_json::json!(["pwd"]), "{claims:#}");
        // The cookie does not come with the cross-site POST; a request on our own site shows it.
        assert_eq!(page.visited[0], stage.acs());
        assert!(page.visited[1].path().ends_with("/continue"), "{:#?}", page.visited);
        assert!(stage.refusals().await.is_empty(), "{}", stage.gateway.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_of_a_connection_is_what_its_identity_provider_needs() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "assertion").await;
        let url = text(&stage.connection, "sp_metadata_url");
        let answer = client().get(&url).send().await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], "application/samlmetadata+xml");
        let metadata = answer.text().await.expect("text");
        for part in [&format!("entityID=\"{url}\""), "AuthnRequestsSigned=\"true\"", stage.acs().as_str()] {
            assert!(metadata.contains(part), "no {part} in {metadata}");
        }
        let unknown = url.replace(&text(&stage.connection, "id"), "01890a5d-ac96-774b-bcce-b302099a8057");
        let other = stage.gateway.url.clone() + "/federation/saml/x/metadata";
        for url in [unknown, other] {
            assert_eq!(client().get(&url).send().await.expect("an answer").status(), 404, "{url}");
        }
    }
}
