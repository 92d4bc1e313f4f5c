//! Somebody begins a sign-in and gets another person to answer it at their identity provider. Neither browser may end up
//! signed in: the one has the cookie of the attempt and not the answer, the other the answer and not the cookie.

use crate::scenarios::sign_in::{arrive, at_the_identity_provider};
use crate::support::browser::{Browser, Page};
use crate::support::counterparties::{OidcOp, SamlIdp, SampleApp, person};
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::organization::{Organization, text};

/// The owner, whom the organization has from its first day.
const OWNER: &str = "owner@acme.test";

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_cannot_be_handed_over_on_sqlite() {
    a_sign_in_cannot_be_handed_over(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_cannot_be_handed_over_on_postgres() {
    a_sign_in_cannot_be_handed_over(Engine::Postgres).await;
}

async fn a_sign_in_cannot_be_handed_over(engine: Engine) {
    let dns = Dns::start(&["acme.test"]);
    let gateway = Gateway::start(engine, |settings| settings.dns = Some(dns.address));
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    acme.own_domain(&dns, "acme.test").await;
    let people = [person(OWNER, "Olive")];
    let (saml, oidc) = (SamlIdp::start(&people), OidcOp::start(&people));
    let app = SampleApp::start();
    let client = acme.register_app(&app.redirect_uri(), "ES256").await;
    app.learn(&gateway.url, &client.id, &client.secret).await;

    let by_saml = acme.connect_saml(&saml).await;
    let attempt = begin_and_hand_over(&app).await;
    // The answer was verified and stored, so nothing but the proof of the browser stands in the way.
    assert_stopped(&attempt.attacker.open(&attempt.page).await, "the attacker, with the cookie");
    let guessed = format!("{}?answer={}", attempt.page, "A".repeat(43));
    assert_stopped(&attempt.attacker.open(&guessed).await, "the attacker, with a guess");
    assert_stopped(&attempt.end, "the victim, with the answer");
    assert!(attempt.end.visited.iter().any(|url| url.path().ends_with("/continue")), "{:#?}", attempt.end.visited);
    assert_no_session(&[&attempt.attacker, &attempt.victim]);

    acme.connect_oidc(&oidc).await;
    acme.api.post(&format!("/connections/{}/disable", text(&by_saml, "id")), serde_json::json!({})).await.expect(200);
    let attempt = begin_and_hand_over(&app).await;
    let landed = attempt.attacker.open(&attempt.page).await;
    assert!(landed.url.path().starts_with("/sign-in/"), "not let in to {}", landed.url);
    assert_eq!(attempt.end.status, 400, "the victim: {}", attempt.end.body);
    assert_no_session(&[&attempt.attacker, &attempt.victim]);
    assert!(acme.audit("sign_in.succeeded").await.is_empty());
}

/// An attempt that one browser began and another answered.
struct HandedOver {
    attacker: Browser,
    victim: Browser,
    /// Where the victim's browser ended.
    end: Page,
    /// The attempt's page after the identity provider.
    page: String,
}

async fn begin_and_hand_over(app: &SampleApp) -> HandedOver {
    let (attacker, victim) = (Browser::new(), Browser::new());
    let begun = arrive(&attacker, &app.sign_in_url(), OWNER, None).await;
    let email = begun.visited.iter().find(|url| url.path().starts_with("/sign-in/") && url.path().ends_with("/email"));
    let page = email.expect("the e-mail form was posted").as_str().replace("/email", "/continue");
    // The attacker does not go there, but sends the address to the victim.
    let lure = begun.visited.iter().find(|url| url.query().is_some_and(|query| query.contains("tate=")));
    let at_the_provider = victim.open(lure.expect("a redirect to the identity provider").as_str()).await;
    let end = at_the_identity_provider(&victim, at_the_provider, OWNER).await;
    HandedOver { attacker, victim, end, page }
}

fn assert_stopped(page: &Page, whose: &str) {
    assert_eq!(page.status, 400, "{whose}: {}", page.url);
    assert!(page.url.path().starts_with("/sign-in/"), "{whose}: not let in to {}", page.url);
    assert!(page.body.contains("This sign-in belongs to another browser"), "{whose}: {}", page.body);
}

fn assert_no_session(browsers: &[&Browser]) {
    for browser in browsers {
        assert!(
            browser.cookies().iter().all(|cookie| !cookie.name.ends_with("-us-session")),
            "{:#?}",
            browser.cookies()
        );
    }
}
