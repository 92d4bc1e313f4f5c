//! Somebody who has no account signs in through their organization's OpenID provider: nobody at first, then with an account
//! that the sign-in makes (E32), which the directory finds when it comes (E33). The administrators read each step, see how
//! the person may sign in, and cannot require single sign-on before all is ready (E26, E34, Q18). Pre-hijacking on the way: a
//! provider that does not vouch for the address, and an account that was there before, which is linked by its own mailbox only.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::scenarios::sign_in::{arrive, at_the_identity_provider};
use crate::support::browser::Browser;
use crate::support::counterparties::{OidcOp, SampleApp, person};
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::Api;
use crate::support::organization::{Organization, text};

const EVE: &str = "eve@acme.test";
const OWNER: &str = "owner@acme.test";
const UNVERIFIED: &str = "mallory@acme.test";

#[tokio::test(flavor = "multi_thread")]
async fn e32_a_sign_in_makes_the_account_that_the_directory_finds_later() {
    for engine in Engine::ALL {
        let dns = Dns::start(&["acme.test"]);
        let gateway = Gateway::start(engine, |settings| settings.dns = Some(dns.address));
        let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
        acme.own_domain(&dns, "acme.test").await;
        let mut eve = person(EVE, "Eve");
        eve["email_verified"] = json!(true);
        let mut mallory = person(UNVERIFIED, "Mallory");
        mallory["email_verified"] = json!(false);
        let people = [eve, mallory, person(OWNER, "Olive")];
        let (op, app) = (OidcOp::start(&people), SampleApp::start());
        let connection = text(&acme.connect_oidc(&op).await, "id");
        let client = acme.register_app(&app.redirect_uri(), "ES256").await;
        app.learn(&gateway.url, &client.id, &client.secret).await;

        assert!(!is_let_in(&app, EVE).await, "{engine:?}: nobody is made before the policy says so");
        let policy = json!({ "linking": "never", "provisions": true, "default_role": "member" });
        let path = format!("/connections/{connection}/policy");
        acme.api.call(Method::PUT, &path, Some(policy.clone())).await.expect(200);
        assert_eq!(acme.api.get(&path).await.expect(200), policy);
        assert!(!is_let_in(&app, UNVERIFIED).await, "{engine:?}: the provider does not vouch for the address");
        assert!(is_let_in(&app, EVE).await, "{engine:?}");
        the_steps_can_be_read(&acme, &connection).await;
        the_directory_finds_the_account(&gateway, &acme).await;
        assert!(is_let_in(&app, EVE).await, "{engine:?}: still the same person");
        an_account_is_linked_by_its_own_yes(&gateway, &acme, &app, &connection).await;
        single_sign_on_cannot_be_required_yet(&acme, &connection).await;
    }
}

async fn is_let_in(app: &SampleApp, address: &str) -> bool {
    let browser = Browser::asking_for_json();
    let page = arrive(&browser, &app.sign_in_url(), address, None).await;
    let page = at_the_identity_provider(&browser, page, address).await;
    page.body.contains(r#""signed_in":true"#)
}

async fn the_steps_can_be_read(acme: &Organization, connection: &str) {
    let found = acme.api.get(&format!("/traces?connection={connection}")).await.expect(200);
    let traces = found["items"].as_array().expect("a list of traces");
    let ends: Vec<_> = traces.iter().map(|trace| (text(trace, "outcome"), trace["code"].clone())).collect();
    let refused = |code: &str| ("refused".to_owned(), json!(code));
    let expected = [("signed_in".to_owned(), Value::Null), refused("no_verified_address"), refused("unknown_person")];
    assert_eq!(ends, expected, "{found:#}");
    let steps: Vec<_> = traces[0]["steps"].as_array().expect("steps").iter().map(|step| text(step, "step")).collect();
    assert_eq!(steps, ["sent", "answered", "identified", "signed_in"]);
    let whole = found.to_string();
    assert!(!whole.contains(EVE) && !whole.contains("Example"), "nobody is named: {whole}");
    let one = acme.api.get(&format!("/traces/{}", text(&traces[0], "id"))).await.expect(200);
    assert_eq!(one, traces[0]);
    let refusals = acme.api.get("/traces?outcome=refused").await.expect(200);
    assert_eq!(refusals["items"].as_array().expect("a list").len(), 2);
    assert_eq!(acme.api.get("/traces?outcome=lost").await.expect(400)["code"], "invalid_query");
}

/// No 409, and no second account.
async fn the_directory_finds_the_account(gateway: &Gateway, acme: &Organization) {
    let before = gateway.count_rows(&["accounts", "identities"]);
    let scim = acme.scim_access().await;
    let api = Api::scim(&scim.base, &scim.token);
    let unknown = api.get("/Users?filter=userName%20eq%20%22eve%40acme.test%22").await.expect(200);
    assert_eq!(unknown["totalResults"], 0);
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": EVE, "active": true,
        "emails": [{ "value": EVE, "primary": true }],
    });
    assert_eq!(api.post("/Users", user).await.expect(201)["active"], true);
    assert_eq!(gateway.count_rows(&["accounts", "identities"]), before, "one person, one account");
}

/// The owner was there before the connection, so their mailbox is asked before anything is linked.
async fn an_account_is_linked_by_its_own_yes(
    gateway: &Gateway,
    acme: &Organization,
    app: &SampleApp,
    connection: &str,
) {
    let policy = json!({ "linking": "ask", "provisions": true, "default_role": "member" });
    acme.api.call(Method::PUT, &format!("/connections/{connection}/policy"), Some(policy)).await.expect(200);
    let before = gateway.count_rows(&["accounts", "identities"]);
    assert!(!is_let_in(app, OWNER).await);
    assert_eq!(gateway.count_rows(&["accounts", "identities"]), before, "nothing is linked before the yes");
    let link = link_in_the_mail(gateway).await;
    let browser = Browser::new();
    let page = browser.open(&link).await;
    assert!(page.status == 200 && page.body.contains("Acme OpenID") && page.body.contains(OWNER), "{}", page.body);
    assert!(!is_let_in(app, OWNER).await, "a mail scanner that follows the link links nothing");
    let page = browser.submit(&page, &[]).await;
    assert!(page.status == 200 && page.body.contains("It is linked"), "{}", page.body);
    assert!(is_let_in(app, OWNER).await);
    assert_eq!(browser.open(&link).await.status, 410, "a link works once");
    assert!(!gateway.log().contains("cw_link_"), "no token is logged");
}

/// The link of the mail to the owner, put together again where the mail breaks its line.
async fn link_in_the_mail(gateway: &Gateway) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        for mail in gateway.mail() {
            let mail = mail.replace("=\r\n", "").replace("=3D", "=");
            if let Some(link) = mail.split_whitespace().find(|word| word.contains("/link?token=")) {
                return link.to_owned();
            }
        }
        assert!(Instant::now() < deadline, "no mail: {:#?}\n{}", gateway.mail(), gateway.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn single_sign_on_cannot_be_required_yet(acme: &Organization, connection: &str) {
    let domains = acme.api.get("/domains").await.expect(200);
    let path = format!("/domains/{}/sso-policy", text(&domains["items"][0], "id"));
    let put = async |body: Value| acme.api.call(Method::PUT, &path, Some(body)).await;
    assert_eq!(put(json!({ "policy": "required" })).await.expect(409)["code"], "sso_policy_wrong_state");
    put(json!({ "policy": "optional" })).await.expect(200);
    let shown = acme.api.get(&path).await.expect(200);
    assert_eq!((&shown["policy"], &shown["missing"]), (&json!("optional"), &json!(["break_glass"])));
    let readiness = &shown["readiness"];
    assert_eq!((&readiness["people"], &readiness["members"]), (&json!(2), &json!(2)), "the owner and Eve");
    let created = acme.audit("user.created").await;
    let (eve, owner) = (text(&created[0], "subject_id"), text(&created[1], "subject_id"));
    let how = acme.api.get(&format!("/accounts/{eve}/sign-in")).await.expect(200);
    assert_eq!((&how["verdict"], &how["policy"]), (&json!("identity_provider"), &json!("optional")), "{how:#}");
    let refused = acme.api.call(Method::PUT, &format!("/break-glass/{eve}"), None).await.expect(409);
    assert_eq!(refused["code"], "not_administrator");
    acme.api.call(Method::PUT, &format!("/break-glass/{owner}"), None).await.expect(204);
    let listed = acme.api.get("/break-glass").await.expect(200);
    assert_eq!(listed["items"][0]["account"], json!(owner));
    acme.api.delete(&format!("/break-glass/{owner}")).await.expect(204);
    assert_eq!(acme.api.get(&path).await.expect(200)["break_glass"], 0, "nobody has a second factor here");
    // Nothing is enforced, so the last connection may still be switched off.
    acme.api.post(&format!("/connections/{connection}/disable"), json!({})).await.expect(200);
}
