//! An organization goes from nothing to required single sign-on, through HTTP alone: rules E18, E26, E27, E28, E31 and E34,
//! decision Q18. What would lock it out is refused on the way, passwords end where they have to, the glass is broken once, and
//! there is a way back.

use std::time::{Duration, Instant};

use causeway::protocol::totp;
use data_encoding::BASE32_NOPAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::scenarios::mail;
use crate::scenarios::sign_in::{arrive, at_the_identity_provider};
use crate::support::browser::{Browser, Page};
use crate::support::clock::MovableClock;
use crate::support::counterparties::{OidcOp, SampleApp, person};
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::Api;
use crate::support::organization::{Organization, text};

const OWNER: &str = "owner@acme.test";
const SECOND: &str = "second@acme.test";
const MIA: &str = "mia@acme.test";
const OWN: &str = "a password of my own";

#[tokio::test(flavor = "multi_thread")]
async fn e34_single_sign_on_is_required_step_by_step_on_sqlite() {
    required_step_by_step(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e34_single_sign_on_is_required_step_by_step_on_postgres() {
    required_step_by_step(Engine::Postgres).await;
}

/// Acme on its way.
struct Stage {
    gateway: Gateway,
    acme: Organization,
    scim: Api,
    app: SampleApp,
    /// The claimed domain.
    domain: String,
}

async fn required_step_by_step(engine: Engine) {
    let dns = Dns::start(&["acme.test"]);
    let gateway = Gateway::start(engine, |settings| {
        settings.dns = Some(dns.address);
        settings.more = "[passwords]\nmemory_kib = 7168\npasses = 1\n".to_owned();
    });
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    let app = SampleApp::start();
    let client = acme.register_app(&app.redirect_uri(), "ES256").await;
    app.learn(&gateway.url, &client.id, &client.secret).await;
    let access = acme.scim_access().await;
    let scim = Api::scim(&access.base, &access.token);
    let claim = acme.api.post("/domains", json!({ "name": "acme.test" })).await.expect(201);
    let stage = Stage { gateway, acme, scim, app, domain: text(&claim, "id") };

    // E28: nothing is enforced, and people have passwords of their own.
    let people = stage.join_with_passwords().await;
    let key = stage.add_second_factors().await;
    let mias = Browser::asking_for_json();
    stage.is_let_in_by_password(&mias).await;
    stage.outsiders().await;

    // E26: a proved domain comes first, and then a way in.
    stage.is_refused("optional", &["domain_verified", "active_connection"]).await;
    dns.publish("acme.test", 2, &[("_causeway-challenge", &text(&claim["record"], "value"))]);
    let checked = stage.acme.api.post(&format!("/domains/{}/verify", stage.domain), json!({})).await.expect(200);
    assert_eq!(checked["state"], "verified", "{checked:#}");
    // E18: who joined through the domain keeps their way of signing in.
    stage.is_let_in_by_password(&Browser::asking_for_json()).await;
    stage.is_refused("optional", &["active_connection"]).await;
    let vouched_for = [OWNER, SECOND, MIA].map(|email| {
        let mut person = person(email, "Somebody");
        person["email_verified"] = json!(true);
        person
    });
    let op = OidcOp::start(&vouched_for);
    let connection = text(&stage.acme.connect_oidc(&op).await, "id");
    // E28: that there is an identity provider takes nothing away, and it is where the address leads.
    stage.is_let_in(&stage.own(&Browser::asking_for_json(), MIA).await);
    stage.sign_in_at_the_provider(MIA, None).await;

    let put = stage.put(json!({ "policy": "required" })).await.expect(409);
    assert_eq!(put["code"], "sso_policy_wrong_state", "one step after the other");
    stage.put(json!({ "policy": "optional" })).await.expect(200);
    // E18: the choice is theirs.
    stage.is_let_in(&stage.choose_the_password(&Browser::asking_for_json(), MIA).await);
    stage.test_and_require(&people, &connection).await;
    stage.required(&key, &mias, &connection).await;
    stage.and_back(&connection).await;
}

/// The ids of the users of Mia and of the second administrator.
struct People {
    mia: String,
    second: String,
}

impl Stage {
    async fn put(&self, body: Value) -> crate::support::http::Answer {
        self.acme.api.call(Method::PUT, &format!("/domains/{}/sso-policy", self.domain), Some(body)).await
    }

    /// The policy is refused, and exactly this is missing for it.
    async fn is_refused(&self, policy: &str, missing: &[&str]) {
        let refused = self.put(json!({ "policy": policy })).await.expect(409);
        assert_eq!(refused["code"], "sso_policy_not_ready", "{refused:#}");
        let detail = text(&refused, "detail");
        for one in ["domain_verified", "active_connection", "recent_sign_in", "break_glass", "readiness"] {
            assert_eq!(detail.contains(one), missing.contains(&one), "{policy}: {one} in {detail}");
        }
    }

    async fn push(&self, address: &str) -> String {
        let user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": address, "active": true,
            "emails": [{ "value": address, "primary": true }],
        });
        text(&self.scim.post("/Users", user).await.expect(201), "id")
    }

    async fn push_group(&self, name: &str, member: &str) -> String {
        let group = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name,
            "members": [{ "value": member }],
        });
        text(&self.scim.post("/Groups", group).await.expect(201), "id")
    }

    /// Mia and the second administrator join by mail, since the domain is nobody's yet, and all three choose passwords.
    async fn join_with_passwords(&self) -> People {
        let people = People { mia: self.push(MIA).await, second: self.push(SECOND).await };
        for address in [MIA, SECOND] {
            let browser = Browser::new();
            let page = browser.open(&mail::link(&self.gateway, address, "/activation?token=").await).await;
            let page = browser.submit(&page, &[]).await;
            let path = format!("/password/choose{}", between(&page, "href=\"/password/choose"));
            self.choose(&browser, &format!("{}{path}", self.gateway.url)).await;
        }
        let browser = Browser::new();
        let page = browser.open(&format!("{}/password/forgotten", self.gateway.url)).await;
        browser.submit(&page, &[("email", OWNER)]).await;
        self.choose(&browser, &mail::link(&self.gateway, OWNER, "/password/choose?token=").await).await;
        people
    }

    async fn choose(&self, browser: &Browser, link: &str) {
        let page = browser.open(link).await;
        let done = browser.submit(&page, &[("password", OWN)]).await;
        assert!(done.status == 200 && done.body.contains("Your password is set"), "{}", done.body);
    }

    async fn type_password(&self, browser: &Browser, address: &str) -> Page {
        let page = arrive(browser, &self.app.sign_in_url(), address, None).await;
        assert!(page.url.path().ends_with("/password"), "{}: {}", page.url, page.body);
        browser.submit(&page, &[("password", OWN)]).await
    }

    async fn is_let_in_by_password(&self, browser: &Browser) {
        self.is_let_in(&self.type_password(browser, MIA).await);
    }

    /// The app shows Mia, by her password.
    fn is_let_in(&self, page: &Page) {
        let shown = in_the_app(page);
        let claims = &shown["claims"];
        assert_eq!((&claims["email"], &claims["amr"]), (&json!(MIA), &json!(["pwd"])), "{shown:#}");
    }

    /// The two administrators set second factors up, while the organization asks for them. The owner's key, and the step of the
    /// code that was typed.
    async fn add_second_factors(&self) -> (Vec<u8>, i64) {
        self.acme.api.put("/mfa-policy", json!({ "policy": "required" })).await.expect(200);
        let mut key = None;
        for address in [SECOND, OWNER] {
            let browser = Browser::asking_for_json();
            let page = self.type_password(&browser, address).await;
            let spelled = between(&page, "Key: <span class=\"written-down\">").replace(' ', "");
            let secret = BASE32_NOPAD.decode(spelled.as_bytes()).expect("base32");
            let step = totp::step_at(MovableClock::default().clock().now());
            let page = browser.submit(&page, &[("code", &totp::code(&secret, step))]).await;
            assert!(page.body.contains("Keep your recovery codes"), "{}", page.body);
            key = Some((secret, step));
        }
        self.acme.api.put("/mfa-policy", json!({ "policy": "off" })).await.expect(200);
        key.expect("the owner's")
    }

    /// Two people of the domain whom another organization has, and who have not come over.
    async fn outsiders(&self) {
        let globex = Organization::create(&self.gateway.operator(), "globex", "Globex").await;
        let access = globex.scim_access().await;
        let scim = Api::scim(&access.base, &access.token);
        for address in ["one@acme.test", "two@acme.test"] {
            let user = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": address,
                "emails": [{ "value": address, "primary": true }],
            });
            scim.post("/Users", user).await.expect(201);
        }
    }

    async fn account_of(&self, address: &str) -> String {
        let created = self.acme.audit("user.created").await;
        let order = [OWNER, MIA, SECOND].iter().position(|one| *one == address).expect("one of the three");
        text(&created[created.len() - 1 - order], "subject_id")
    }

    async fn verdict(&self, account: &str) -> Value {
        self.acme.api.get(&format!("/accounts/{account}/sign-in")).await.expect(200)
    }

    /// Chooses the connection where there is a choice.
    async fn sign_in_at_the_provider(&self, address: &str, choice: Option<&str>) -> Value {
        let browser = Browser::asking_for_json();
        let page = arrive(&browser, &self.app.sign_in_url(), address, choice).await;
        self.signs_in_there(&browser, page, address).await
    }

    async fn signs_in_there(&self, browser: &Browser, page: Page, address: &str) -> Value {
        let shown = in_the_app(&at_the_identity_provider(browser, page, address).await);
        assert_eq!(shown["claims"]["email"], address, "{shown:#}");
        shown
    }

    /// Types the password on the page behind the choice.
    async fn choose_the_password(&self, browser: &Browser, address: &str) -> Page {
        let page = arrive(browser, &self.app.sign_in_url(), address, None).await;
        let path = between(&page, "<a class=\"way\" href=\"");
        let page = browser.open(&format!("{}{path}", self.gateway.url)).await;
        browser.submit(&page, &[("password", OWN)]).await
    }

    /// The password was right, and the page says who signs its person in.
    fn is_led_to_the_provider(&self, page: &Page) {
        assert_eq!(page.status, 403, "{}", page.body);
        assert!(page.body.contains("Acme wants you to use its own sign-in"), "{}", page.body);
    }

    /// From optional to a group, and to everybody: each step when what it rests on is there, and not before.
    async fn test_and_require(&self, people: &People, connection: &str) {
        let (mia, second, owner) =
            (self.account_of(MIA).await, self.account_of(SECOND).await, self.account_of(OWNER).await);
        let others = self.push_group("others", &people.second).await;
        self.put(json!({ "policy": "test", "test_group": others })).await.expect(200);
        self.is_let_in(&self.choose_the_password(&Browser::asking_for_json(), MIA).await);
        let pilots = self.push_group("pilots", &people.mia).await;
        self.put(json!({ "policy": "test", "test_group": pilots })).await.expect(200);
        let tested = self.verdict(&mia).await;
        assert_eq!((&tested["verdict"], &tested["is_in_test_group"]), (&json!("identity_provider"), &json!(true)));
        self.is_led_to_the_provider(&self.own(&Browser::new(), MIA).await);
        let browser = Browser::asking_for_json();
        let refused = self.choose_the_password(&browser, MIA).await;
        self.is_led_to_the_provider(&refused);
        let page = browser.submit(&refused, &[]).await;
        let page = browser.submit(&page, &[("connection", connection)]).await;
        self.signs_in_there(&browser, page, MIA).await;
        assert_eq!(self.acme.audit("sign_in.refused").await[0]["detail"]["code"], "single_sign_on_asked");
        self.is_refused("required", &["recent_sign_in", "break_glass", "readiness"]).await;

        let administrators = self.push_group("administrators", &people.second).await;
        self.acme.api.put(&format!("/group-roles/{administrators}"), json!({ "role": "admin" })).await.expect(200);
        for account in [&owner, &second] {
            self.add_to_break_glass(account).await;
        }
        self.is_refused("required", &["recent_sign_in", "readiness"]).await;
        self.sign_in_at_the_provider(SECOND, Some(connection)).await;
        // E31: three of five, then five of seven have joined; six of eight are 75 %.
        self.is_refused("required", &["readiness"]).await;
        for address in ["three@acme.test", "four@acme.test"] {
            self.push(address).await;
        }
        self.is_refused("required", &["readiness"]).await;
        self.push("five@acme.test").await;
        let required = self.put(json!({ "policy": "required" })).await.expect(200);
        assert_eq!((&required["readiness"]["percent"], &required["missing"]), (&json!(75), &json!([])), "{required:#}");
        assert_eq!(self.verdict(&owner).await["verdict"], "break_glass");
        assert_eq!(self.verdict(&mia).await["verdict"], "identity_provider");
    }

    /// The role comes by the group, in a job.
    async fn add_to_break_glass(&self, account: &str) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let put = self.acme.api.call(Method::PUT, &format!("/break-glass/{account}"), None).await;
            if put.status == 204 {
                return;
            }
            assert!(Instant::now() < deadline, "{:#}", put.body);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Types address and password at once, whatever the address leads to.
    async fn own(&self, browser: &Browser, address: &str) -> Page {
        let page = browser.open(&self.app.sign_in_url()).await;
        let own = browser.open(&format!("{}/own", page.url)).await;
        browser.submit(&own, &[("email", address), ("password", OWN)]).await
    }

    async fn required(&self, key: &(Vec<u8>, i64), mias: &Browser, connection: &str) {
        // E27: everybody of the domain is sent to the provider, and no password gets through.
        self.is_led_to_the_provider(&self.own(&Browser::new(), MIA).await);
        let shown = self.sign_in_at_the_provider(MIA, None).await;
        assert_ne!(shown["claims"]["acr"], "urn:causeway:acr:password", "{shown:#}");
        // And what a password had opened before ends (decision 0031).
        let userinfo = mias.open(&format!("{}/userinfo", self.app.0.url)).await;
        assert_eq!(userinfo.status, 401, "{}", userinfo.body);

        let browser = Browser::asking_for_json();
        let page = self.own(&browser, OWNER).await;
        assert!(page.url.path().ends_with("/second-step"), "{}: {}", page.url, page.body);
        let step = totp::step_at(MovableClock::default().clock().now()).max(key.1 + 1);
        let shown = in_the_app(&browser.submit(&page, &[("code", &totp::code(&key.0, step))]).await);
        assert_eq!(shown["claims"]["amr"], json!(["pwd", "otp", "mfa"]), "{shown:#}");
        assert_eq!(self.acme.audit("break_glass.used").await.len(), 1);
        mail::says(&self.gateway, SECOND, "reak-glass").await;

        // Nothing is taken away that the requirement rests on.
        let owner = self.account_of(OWNER).await;
        for (method, path) in [
            (Method::POST, format!("/connections/{connection}/disable")),
            (Method::DELETE, format!("/break-glass/{owner}")),
            (Method::DELETE, format!("/domains/{}", self.domain)),
        ] {
            let body = (method == Method::POST).then(|| json!({}));
            let refused = self.acme.api.call(method.clone(), &path, body).await.expect(409);
            assert_eq!(refused["code"], "would_lock_out", "{method} {path}: {refused:#}");
        }
    }

    /// Q18: the way back asks for nothing.
    async fn and_back(&self, connection: &str) {
        let back = self.put(json!({ "policy": "off" })).await.expect(200);
        assert_eq!(back["policy"], "off");
        self.acme.api.post(&format!("/connections/{connection}/disable"), json!({})).await.expect(200);
        let changes = self.acme.audit("sso_policy.changed").await;
        let steps: Vec<_> = changes.iter().map(|entry| text(&entry["detail"], "to")).collect();
        assert_eq!(steps, ["off", "required", "test", "test", "optional"]);
        // E28: a connection that is switched off is no part of it.
        self.is_let_in_by_password(&Browser::asking_for_json()).await;
    }
}

fn in_the_app(page: &Page) -> Value {
    serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("not the app but {}:\n{}", page.url, page.body))
}

/// What follows `before` on a page, up to the end of the text or the attribute.
fn between(page: &Page, before: &str) -> String {
    let (_, rest) = page.body.split_once(before).unwrap_or_else(|| panic!("no {before} in {}", page.body));
    rest.split(['<', '"']).next().unwrap_or_default().to_owned()
}
