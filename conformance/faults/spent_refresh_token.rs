//! A refresh token that was used up stays so when the program is killed in between (CVE-2026-9802).

use serde_json::Value;

use crate::scenarios::sign_in::{arrive, at_the_identity_provider};
use crate::support::browser::Browser;
use crate::support::counterparties::{OidcOp, person};
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::organization::{Organization, text};
use crate::support::relying_party::RelyingParty;

const OWNER: &str = "owner@acme.test";

fn refresh_token(tokens: &Value) -> String {
    text(tokens, "refresh_token")
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2026_9802_a_refresh_token_that_was_used_stays_used_when_the_gateway_is_killed() {
    for engine in Engine::ALL {
        let dns = Dns::start(&["acme.test"]);
        let mut gateway = Gateway::start(engine, |settings| settings.dns = Some(dns.address));
        let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
        acme.own_domain(&dns, "acme.test").await;
        let op = OidcOp::start(&[person(OWNER, "Olive")]);
        acme.connect_oidc(&op).await;
        let redirect_uri = format!("{}/app", op.issuer());
        let client = acme.register_app(&redirect_uri, "ES256").await;
        let app = RelyingParty { gateway_url: gateway.url.clone(), redirect_uri, client };
        let signed_in = async |browser: &Browser| {
            let page = arrive(browser, &app.authorize_url(), OWNER, None).await;
            let back = at_the_identity_provider(browser, page, OWNER).await;
            app.redeem(&app.code_of(&back)).await.expect(200)
        };
        // Two families: what replaces one is kept, and what replaced the other is ended by the replay.
        let (kept, replayed) = (signed_in(&Browser::new()).await, signed_in(&Browser::new()).await);
        let kept = app.refresh(&refresh_token(&kept)).await.expect(200);
        let next = app.refresh(&refresh_token(&replayed)).await.expect(200);

        gateway.kill_and_restart();
        let refused = app.refresh(&refresh_token(&replayed)).await.expect(400);
        assert_eq!(refused["error"], "invalid_grant", "{engine:?}");
        let ended = app.refresh(&refresh_token(&next)).await.expect(400);
        assert_eq!(ended["error"], "invalid_grant", "{engine:?}: its family has ended");

        gateway.kill_and_restart();
        assert_eq!(app.refresh(&refresh_token(&next)).await.expect(400)["error"], "invalid_grant", "{engine:?}");
        app.refresh(&refresh_token(&kept)).await.expect(200);
    }
}
