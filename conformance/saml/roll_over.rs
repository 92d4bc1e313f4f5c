//! The identity provider changes its signing key, and nobody is kept out.

use serde_json::json;

use crate::saml::{OWNER, Stage, claims};
use crate::support::browser::Browser;
use crate::support::engine::Engine;

async fn sign_in(stage: &Stage) {
    let browser = Browser::asking_for_json();
    let page = stage.answered(&browser, None).await;
    assert_eq!(claims(&browser.submit(&page, &[]).await)["email"], OWNER);
}

/// That the gateway reads the metadata again by itself is shown in `flows::refresh_metadata`; here it is told to.
async fn read_again(stage: &Stage, certificates: usize) {
    let provider = json!({ "protocol": "saml", "metadata_url": stage.idp.metadata_url() });
    let read = stage.acme.api.put(&stage.path("/provider"), provider).await.expect(200);
    assert_eq!(read["idp_certificates"].as_array().map(Vec::len), Some(certificates), "{read:#}");
    assert_eq!(read["metadata"]["url"], stage.idp.metadata_url(), "{read:#}");
    assert!(read["metadata"]["failure"].is_null(), "{read:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_providers_key_keeps_nobody_out() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "both").await;
        sign_in(&stage).await;
        stage.idp.roll_over("announce").await;
        read_again(&stage, 2).await;
        sign_in(&stage).await;
        stage.idp.roll_over("change").await;
        sign_in(&stage).await;
        read_again(&stage, 2).await;
        stage.idp.roll_over("retire").await;
        read_again(&stage, 1).await;
        sign_in(&stage).await;
        assert!(stage.refusals().await.is_empty());
    }
}
