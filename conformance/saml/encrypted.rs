//! Assertions that a real identity provider signs and encrypts.

use serde_json::json;

use crate::saml::{OWNER, Stage, claims};
use crate::support::browser::Browser;
use crate::support::engine::Engine;

async fn sign_in(stage: &Stage, choices: &[(&str, &str)]) {
    let browser = Browser::asking_for_json();
    let page = stage.answered_with(&browser, choices).await;
    assert_eq!(claims(&browser.submit(&page, &[]).await)["email"], OWNER, "{choices:?}");
}

async fn is_refused(stage: &Stage, choices: &[(&str, &str)], check: &str) {
    let browser = Browser::asking_for_json();
    let page = stage.answered_with(&browser, choices).await;
    let refused = browser.submit(&page, &[]).await;
    assert!(refused.status.is_client_error() && refused.body.contains("Whom to ask"), "{}", refused.body);
    assert_eq!(stage.refusals().await[0].1, check, "{choices:?}");
}

/// Signed then encrypted under an unsigned response, signed around it, and both; our key rolled over in between.
#[tokio::test(flavor = "multi_thread")]
async fn encrypted_assertions_sign_in_and_may_be_demanded() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "assertion").await;
        for (sign, cipher) in [("assertion", "aes256-gcm"), ("response", "aes128-gcm"), ("both", "aes256-gcm")] {
            sign_in(&stage, &[("sign", sign), ("encrypt", cipher)]).await;
        }
        is_refused(&stage, &[("encrypt", "tripledes-cbc")], "saml_undecryptable").await;

        let options = json!({ "ipsie_level": 1 });
        let changed = stage.acme.api.put(&stage.path("/options"), options).await.expect(200);
        assert_eq!(changed["options"]["ipsie_level"], 1);
        is_refused(&stage, &[("sign", "both")], "saml_not_encrypted").await;
        sign_in(&stage, &[("encrypt", "aes256-gcm")]).await;

        // The provider has not read our metadata again, then it has.
        stage.gateway.command(&["keys", "rotate", "--purpose", "saml-encryption"]);
        sign_in(&stage, &[("encrypt", "aes256-gcm")]).await;
        stage.idp.trust(stage.connection["sp_metadata_url"].as_str().expect("an address")).await;
        sign_in(&stage, &[("encrypt", "aes256-gcm")]).await;
    }
}
