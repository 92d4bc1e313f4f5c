//! On https the gateway's cookies carry `__Host-` and `Secure`, through a whole sign-in; on http they have other names.

use url::form_urlencoded::byte_serialize;

use crate::scenarios::sign_in::{arrive, at_the_identity_provider};
use crate::support::browser::{Browser, Cookie};
use crate::support::counterparties::{OidcOp, person, scim_push};
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::organization::Organization;

const ADA: &str = "user0000@acme.test";

#[tokio::test(flavor = "multi_thread")]
async fn on_https_cookies_are_secure_and_bound_to_the_host() {
    for engine in Engine::ALL {
        for cookie in cookies_of_a_sign_in(engine, "https").await {
            assert!(cookie.name.starts_with("__Host-causeway-us-"), "{cookie:?}");
            assert!(cookie.is_secure, "{cookie:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_http_cookies_have_another_name() {
    for engine in Engine::ALL {
        for cookie in cookies_of_a_sign_in(engine, "http").await {
            assert!(cookie.name.starts_with("causeway-us-"), "{cookie:?}");
            assert!(!cookie.is_secure, "{cookie:?}");
        }
    }
}

/// Signs Ada in at a gateway whose public address has `scheme`; answers the gateway's cookies, the session's among them.
async fn cookies_of_a_sign_in(engine: Engine, scheme: &'static str) -> Vec<Cookie> {
    let dns = Dns::start(&["acme.test"]);
    let gateway = Gateway::start(engine, |settings| {
        settings.dns = Some(dns.address);
        settings.scheme = scheme;
    });
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    acme.own_domain(&dns, "acme.test").await;
    let scim = acme.scim_access().await;
    scim_push(&scim.base, &scim.token, &["exercise", "--users", "10", "--groups", "2", "--domain", "acme.test"]);
    let op = OidcOp::start(&[person(ADA, "Ada")]);
    acme.connect_oidc(&op).await;
    // Any page will do as the app's callback: this is about the cookies on the way there.
    let redirect_uri = format!("{}/app", op.issuer());
    let client = acme.register_app(&redirect_uri, "ES256").await;
    let start = format!(
        "{scheme}://{}/oauth2/authorize?response_type=code&client_id={}&redirect_uri={}&scope=openid&state=s&nonce=n\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
        gateway.url.trim_start_matches("http://"),
        client.id,
        byte_serialize(redirect_uri.as_bytes()).collect::<String>(),
    );
    let browser = Browser::new();
    let page = arrive(&browser, &start, ADA, None).await;
    let page = at_the_identity_provider(&browser, page, ADA).await;
    assert!(
        page.url.as_str().starts_with(&redirect_uri) && page.url.query().is_some_and(|query| query.contains("code=")),
        "{page:?}"
    );
    let cookies: Vec<Cookie> =
        browser.cookies().into_iter().filter(|cookie| cookie.name.contains("causeway")).collect();
    assert!(cookies.iter().any(|cookie| cookie.name.ends_with("-session")), "{cookies:?}");
    for cookie in &cookies {
        assert!(cookie.is_http_only && cookie.same_site == "Lax" && cookie.path == "/", "{cookie:?}");
    }
    cookies
}
