//! Single logout with a real identity provider, from either side, by redirect and by form, signed both ways.

use serde_json::json;

use crate::saml::{OWNER, Stage, claims};
use crate::support::browser::{Browser, Page};
use crate::support::engine::Engine;

/// Somebody who is signed in at the app, and so at the gateway and at the identity provider.
async fn signed_in(stage: &Stage) -> Browser {
    let browser = Browser::asking_for_json();
    let page = stage.answered(&browser, None).await;
    assert_eq!(claims(&browser.submit(&page, &[]).await)["email"], OWNER);
    browser
}

/// Whether the gateway knows who sits at this browser.
async fn is_signed_in(stage: &Stage, browser: &Browser) -> bool {
    browser.open(&stage.gateway.url).await.body.contains("You are signed in")
}

/// Signs out at the gateway, and follows where that leads.
async fn sign_out(stage: &Stage, browser: &Browser) -> Page {
    let page = browser.open(&format!("{}/sign-out", stage.gateway.url)).await;
    browser.submit(&page, &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_provider_signs_out_is_signed_out_here_and_nobody_else() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "both").await;
        for binding in ["redirect", "post"] {
            let (other, browser) = (signed_in(&stage).await, signed_in(&stage).await);
            assert!(is_signed_in(&stage, &browser).await, "{binding}");
            let mut page = browser.open(&stage.idp.sign_out(OWNER, binding).await).await;
            while page.body.contains("<form") {
                page = browser.submit(&page, &[]).await;
            }
            // The provider has verified our answer.
            assert!(page.body.contains("status:Success their-state"), "{binding}: {}", page.body);
            assert!(!is_signed_in(&stage, &browser).await, "{binding}");
            assert!(is_signed_in(&stage, &other).await, "{binding}: another session of the same person");
        }
        let ended = stage.acme.audit("session.ended").await;
        assert_eq!(ended.len(), 2, "{ended:#?}");
        assert!(ended[0].to_string().contains("connection"), "{ended:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_out_here_is_signed_out_at_the_provider_and_told_how_far_that_came() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine, "both").await;
        let stages = [(false, "you are signed out there too"), (true, "You may still be signed in elsewhere")];
        for (is_partial, told) in stages {
            stage.idp.logs_out(is_partial, &["redirect", "post"]).await;
            let browser = signed_in(&stage).await;
            let page = sign_out(&stage, &browser).await;
            assert!(page.url.path().ends_with("/sign-out/done"), "{}: {}", page.url, page.body);
            assert!(page.body.contains(told), "{}", page.body);
            assert!(page.visited.iter().any(|url| url.as_str().starts_with(&stage.idp.0.url)), "{:#?}", page.visited);
            assert!(!is_signed_in(&stage, &browser).await);
            // What the provider said is for this browser.
            let stranger = Browser::new().open(page.url.as_str()).await;
            assert!(stranger.status.is_client_error(), "{}", stranger.body);
        }
        // A provider that takes forms alone.
        stage.idp.logs_out(false, &["post"]).await;
        let provider = json!({ "protocol": "saml", "metadata_url": stage.idp.metadata_url() });
        stage.acme.api.put(&stage.path("/provider"), provider).await.expect(200);
        let browser = signed_in(&stage).await;
        let page = sign_out(&stage, &browser).await;
        assert!(page.body.contains("One step is left"), "{}", page.body);
        let page = browser.submit(&page, &[]).await;
        let page = browser.submit(&page, &[]).await;
        assert!(page.body.contains("you are signed out there too"), "{}: {}", page.url, page.body);
    }
}
