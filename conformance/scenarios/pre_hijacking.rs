//! The five ways of Sudhodanan and Paverd (2022) to take an account before its owner has it, by the administrators of another
//! organization, Evil, who own a directory, a domain and an identity provider: an account that is made first and merged later,
//! a session that goes on, an identifier of one's own beside that of the victim, a change of address that is finished late, and
//! a provider that does not verify. Invariant 13: an account is its (connection, subject), and nothing else opens it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::scenarios::mail;
use crate::scenarios::sign_in::{arrive, at_the_identity_provider};
use crate::support::browser::{Browser, Page};
use crate::support::counterparties::{OidcOp, SampleApp, person};
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::Api;
use crate::support::organization::{Organization, text};

/// The victims.
const EVE: &str = "eve@acme.test";
const ZOE: &str = "zoe@acme.test";
const GHOST: &str = "ghost@acme.test";
/// The attacker, in both of whose mailboxes mail can be read.
const MALLORY: &str = "mallory@evil.test";
const MALLORY_ELSEWHERE: &str = "mallory@freelance.test";

#[tokio::test(flavor = "multi_thread")]
async fn pre_hijacking_opens_no_account_of_a_person_who_comes_later_on_sqlite() {
    pre_hijacking(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pre_hijacking_opens_no_account_of_a_person_who_comes_later_on_postgres() {
    pre_hijacking(Engine::Postgres).await;
}

fn vouched_for(email: &str, is_verified: bool) -> Value {
    let mut person = person(email, "Somebody");
    person["email_verified"] = json!(is_verified);
    person
}

async fn pre_hijacking(engine: Engine) {
    let dns = Dns::start(&["acme.test", "evil.test"]);
    let gateway = Gateway::start(engine, |settings| settings.dns = Some(dns.address));
    // The attacker's provider says whatever they like, and Acme's has somebody whose address it has never looked at.
    let people =
        [vouched_for(MALLORY, true), vouched_for(EVE, true), vouched_for(ZOE, true), vouched_for(GHOST, false)];
    let op = OidcOp::start(&people);
    let (evil, evil_app) = organization(&gateway, &dns, "evil", &op).await;
    let made = makes_accounts_first(&gateway, &evil).await;
    let attacker = Browser::asking_for_json();
    let attackers = in_the_app(&sign_in(&attacker, &evil_app, MALLORY, MALLORY).await);
    assert_eq!(attackers["claims"]["email"], MALLORY, "{attackers:#}");

    let (acme, acme_app) = organization(&gateway, &dns, "acme", &op).await;
    let connections = acme.api.get("/connections").await.expect(200);
    let policy = json!({ "linking": "verified_address", "provisions": true, "default_role": "member" });
    let path = format!("/connections/{}/policy", text(&connections["items"][0], "id"));
    acme.api.call(Method::PUT, &path, Some(policy)).await.expect(200);

    // A provider that does not verify opens nothing, and makes nothing.
    let before = gateway.count_rows(&["accounts", "identities"]);
    let ghost = sign_in(&Browser::asking_for_json(), &acme_app, GHOST, GHOST).await;
    assert_eq!(ghost.status, 403, "{}", ghost.body);
    assert_eq!(gateway.count_rows(&["accounts", "identities"]), before);

    // What was made first is not merged: the victims get accounts of their own, of their own organization.
    for victim in [EVE, ZOE] {
        let shown = in_the_app(&sign_in(&Browser::asking_for_json(), &acme_app, victim, victim).await);
        let claims = &shown["claims"];
        assert_eq!((&claims["email"], &claims["org"]), (&json!(victim), &json!(acme.id)), "{shown:#}");
        assert!(claims["sub"] != attackers["claims"]["sub"], "{shown:#}");
    }
    the_attacker_has_what_they_had(&gateway, &evil, &evil_app, &attacker, &attackers, &made).await;
}

/// What Evil has made before anybody came.
struct Made {
    scim: Api,
    /// The user with the address of Eve, and the one with that of Zoe, which was another one before.
    users: [String; 2],
    /// The link to the mailbox that the second one had before.
    own_link: String,
    /// The links that the victims got.
    links: [String; 2],
}

async fn organization(gateway: &Gateway, dns: &Dns, slug: &str, op: &OidcOp) -> (Organization, SampleApp) {
    let organization = Organization::create(&gateway.operator(), slug, slug).await;
    organization.own_domain(dns, &format!("{slug}.test")).await;
    organization.connect_oidc(op).await;
    let app = SampleApp::start();
    let client = organization.register_app(&app.redirect_uri(), "ES256").await;
    app.learn(&gateway.url, &client.id, &client.secret).await;
    (organization, app)
}

/// An account with the victim's address, one with it as a further address beside the attacker's own, and one whose address is
/// changed to the victim's while a link to the attacker's mailbox is on its way.
async fn makes_accounts_first(gateway: &Gateway, evil: &Organization) -> Made {
    let access = evil.scim_access().await;
    let scim = Api::scim(&access.base, &access.token);
    let user = |name: &str, addresses: &[&str]| {
        let emails = addresses.iter().enumerate();
        let emails: Vec<_> = emails.map(|(n, address)| json!({ "value": address, "primary": n == 0 })).collect();
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": true, "emails": emails,
        })
    };
    let first = text(&scim.post("/Users", user("eve", &[EVE])).await.expect(201), "id");
    scim.post("/Users", user("mallory", &[MALLORY, EVE])).await.expect(201);
    let changed = text(&scim.post("/Users", user("zoe", &[MALLORY_ELSEWHERE])).await.expect(201), "id");
    let own_link = mail::link(gateway, MALLORY_ELSEWHERE, "/activation?token=").await;
    scim.put(&format!("/Users/{changed}"), user("zoe", &[ZOE])).await.expect(200);
    let links =
        [mail::link(gateway, EVE, "/activation?token=").await, mail::link(gateway, ZOE, "/activation?token=").await];
    Made { scim, users: [first, changed], own_link, links }
}

async fn the_attacker_has_what_they_had(
    gateway: &Gateway,
    evil: &Organization,
    evil_app: &SampleApp,
    attacker: &Browser,
    attackers: &Value,
    made: &Made,
) {
    // The session that goes on is the attacker's own, and shows nobody else.
    let userinfo = in_the_app(&attacker.open(&format!("{}/userinfo", evil_app.0.url)).await);
    assert_eq!((&userinfo["sub"], &userinfo["email"]), (&attackers["claims"]["sub"], &json!(MALLORY)), "{userinfo:#}");
    // A provider that asserts addresses of another organization's domain.
    for victim in [EVE, ZOE] {
        let page = sign_in(&Browser::asking_for_json(), evil_app, MALLORY, victim).await;
        assert_eq!(page.status, 403, "{victim}: {}", page.body);
    }
    let traces = evil.api.get("/traces?outcome=refused").await.expect(200);
    let refused = traces["items"].as_array().expect("a list of traces").iter().map(|trace| trace["code"].clone());
    assert_eq!(refused.collect::<Vec<_>>(), ["foreign_address", "foreign_address"]);
    // The change of address that is finished late, with the link that the attacker got before.
    let browser = Browser::new();
    assert_eq!(browser.open(&made.own_link).await.status, 410, "the link to the address before");
    // Not even the victim's yes gives Evil an account with their address: it belongs to Acme's people by now.
    for link in &made.links {
        let page = browser.open(link).await;
        let answer = browser.submit(&page, &[]).await;
        assert_eq!(answer.status, 409, "{}", answer.body);
    }
    for user in &made.users {
        let shown = made.scim.get(&format!("/Users/{user}")).await.expect(200);
        assert_eq!(shown["active"], false, "{shown:#}");
    }
    let identities = gateway.count_rows(&["identities"]);
    assert_eq!(identities, [("identities".to_owned(), 3)], "Mallory's at Evil, Eve's and Zoe's at Acme");
}

/// Types `address` in the app's sign-in, and signs in at the provider as `login`.
async fn sign_in(browser: &Browser, app: &SampleApp, address: &str, login: &str) -> Page {
    let page = arrive(browser, &app.sign_in_url(), address, None).await;
    at_the_identity_provider(browser, page, login).await
}

fn in_the_app(page: &Page) -> Value {
    serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("not the app but {}:\n{}", page.url, page.body))
}
