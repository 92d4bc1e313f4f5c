//! The gateway's whole job once, with real counterparties: an operator creates an organization; it proves its domain on a
//! real name server; a SCIM client pushes its people; its SAML and OpenID identity providers are connected; apps sign
//! people in; the identity provider deactivates somebody; somebody else's identity provider oversteps.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::scenarios::sign_in::{arrive, at_the_identity_provider};
use crate::support::browser::Browser;
use crate::support::counterparties::{ApacheApp, OidcOp, SamlIdp, SampleApp, click_through, person, scim_push};
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::Api;
use crate::support::organization::{Organization, ScimAccess, text};

/// The actions by which people and groups come to be there.
const NEWCOMERS: [&str; 4] = ["user.created", "user.joined", "group.created", "case.opened"];
const ADA: &str = "user0000@acme.test";
const BOB: &str = "user0001@acme.test";

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_on_sqlite() {
    the_main_job(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_on_postgres() {
    the_main_job(Engine::Postgres).await;
}

async fn the_main_job(engine: Engine) {
    let dns = Dns::start(&["acme.test", "globex.test"]);
    let gateway = Gateway::start(engine, |settings| {
        settings.start_on_nothing();
        settings.dns = Some(dns.address);
    });
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    assert_eq!(text(&acme.api.get("").await.expect(200), "id"), acme.id);
    a_domain_is_proven_by_its_record_only(&acme, &dns).await;
    let scim = acme.scim_access().await;
    a_scim_client_pushes_people(&scim).await;

    let people = [person(ADA, "Ada"), person(BOB, "Bob")];
    let (saml, oidc) = (SamlIdp::start(&people), OidcOp::start(&people));
    let app = SampleApp::start();
    let client = acme.register_app(&app.redirect_uri(), "ES256").await;
    app.learn(&gateway.url, &client.id, &client.secret).await;

    let before = who_there_is(&acme, &scim).await;
    let by_saml = acme.connect_saml(&saml).await;
    the_owner_is_told_of_the_connection(&gateway).await;
    a_person_signs_in(&app, &acme, ADA, None).await;
    clicking_through_signs_in_as_well(&app, &acme, ADA, None);
    let by_oidc = acme.connect_oidc(&oidc).await;
    let ada = a_person_signs_in(&app, &acme, ADA, Some(&text(&by_oidc, "id"))).await;
    a_person_signs_in(&app, &acme, ADA, Some(&text(&by_saml, "id"))).await;
    clicking_through_signs_in_as_well(&app, &acme, ADA, Some("Acme OpenID"));
    apache_signs_in_as_well(&gateway, &acme, BOB, &[&by_saml, &by_oidc]).await;
    assert_eq!(who_there_is(&acme, &scim).await, before, "who was pushed and signs in is nobody new");
    let linked = scim_and_sso_meet_in_one_account(&acme, &[&by_saml, &by_oidc]).await;

    another_organization_cannot_assert_the_person(&gateway, &dns, &app, (&acme, &scim)).await;
    a_deactivated_person_is_out_at_once(&app, &scim, &ada).await;
    for connection in [&by_saml, &by_oidc] {
        a_deactivated_person_is_refused(&app, &text(connection, "id")).await;
    }
    let switched_off = acme.audit("user.deactivated").await;
    assert_eq!(switched_off.len(), 1, "{switched_off:#?}");
    assert!(linked.contains(&text(&switched_off[0], "subject_id")), "SCIM and SSO write one history: {linked:?}");
}

/// Step 2: a missing and a wrong record leave the claim pending, with the reason; the right one verifies it. Nothing
/// that rests on a domain comes before that (rule E10, invariant 9).
async fn a_domain_is_proven_by_its_record_only(acme: &Organization, dns: &Dns) {
    let claim = acme.api.post("/domains", json!({ "name": "acme.test" })).await.expect(201);
    assert_eq!(claim["record"]["name"], "_causeway-challenge.acme.test");
    let verify = format!("/domains/{}/verify", text(&claim, "id"));
    let value = text(&claim["record"], "value");
    let rounds = [
        (None, "pending", "record_missing"),
        (Some("other"), "pending", "record_wrong"),
        (Some(&*value), "verified", ""),
    ];
    for (serial, (record, state, failure)) in (2..).zip(rounds) {
        let records: Vec<_> = record.map(|text| ("_causeway-challenge", text)).into_iter().collect();
        dns.publish("acme.test", serial, &records);
        let checked = acme.api.post(&verify, json!({})).await.expect(200);
        assert_eq!(
            (checked["state"].as_str(), checked["last_failure"].as_str().unwrap_or_default()),
            (Some(state), failure)
        );
    }
    assert_eq!(acme.audit("domain.verified").await.len(), 1);
}

/// Step 3: 200 people and 10 groups, read, filtered, patched and deleted with an unmodified client. Their addresses are
/// in the organization's own verified domain, so they can sign in at once (rules D2 and E29); DELETE follows Q19.
async fn a_scim_client_pushes_people(scim: &ScimAccess) {
    let left =
        scim_push(&scim.base, &scim.token, &["exercise", "--users", "200", "--groups", "10", "--domain", "acme.test"]);
    assert_eq!(left, json!({ "users": 199, "groups": 9 }));
    let api = Api::scim(&scim.base, &scim.token);
    for (path, total) in [("/Users?count=0", 199), ("/Groups?count=0", 9)] {
        assert_eq!(api.get(path).await.expect(200)["totalResults"], total, "{path}");
    }
}

/// How many users and groups the organization's directory sees, and what the log has of how people came to be there: an account
/// and a membership are never made without an entry (invariant 19).
async fn who_there_is(organization: &Organization, scim: &ScimAccess) -> (Vec<Value>, Vec<Value>) {
    let api = Api::scim(&scim.base, &scim.token);
    let mut totals = Vec::new();
    for path in ["/Users?count=0", "/Groups?count=0"] {
        totals.push(api.get(path).await.expect(200)["totalResults"].clone());
    }
    let mut log = whole_log(&organization.api, "/audit").await;
    log.retain(|entry| NEWCOMERS.contains(&&*text(entry, "action")));
    (totals, log)
}

/// Every entry of a log, newest first.
async fn whole_log(api: &Api, path: &str) -> Vec<Value> {
    let (mut entries, mut after) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("{path}?limit=200{after}")).await.expect(200);
        entries.extend(page["items"].as_array().expect("a list of entries").iter().cloned());
        let Some(next) = page["next"].as_str() else { return entries };
        after = format!("&after={next}");
    }
}

/// Step 4: a new way into the organization is never silent.
async fn the_owner_is_told_of_the_connection(gateway: &Gateway) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !gateway.mail().iter().any(|mail| mail.contains("owner@acme.test") && mail.contains("Acme SAML")) {
        assert!(Instant::now() < deadline, "no mail to the owner: {:#?}\n{}", gateway.mail(), gateway.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Step 5: from the app's front page to its verified claims, in a fresh browser: the domain of the address leads to the
/// organization's identity provider (rule E27). Answers that browser.
async fn a_person_signs_in(app: &SampleApp, acme: &Organization, email: &str, choice: Option<&str>) -> Browser {
    let browser = Browser::asking_for_json();
    let page = arrive(&browser, &app.sign_in_url(), email, choice).await;
    let page = at_the_identity_provider(&browser, page, email).await;
    let shown: Value =
        serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("not the app but {}:\n{}", page.url, page.body));
    for told in [&shown["claims"], &shown["userinfo"]] {
        assert_eq!(told["sub"], shown["claims"]["sub"]);
        assert_eq!((&told["org"], &told["membership"]), (&json!(acme.id), &json!("member")), "{told:#}");
        assert_eq!(
            (&told["dc"], &told["home_dc"], &told["email"]),
            (&json!("us"), &json!("us"), &json!(email)),
            "{told:#}"
        );
        assert!(told["amr"].as_array().is_some_and(|methods| !methods.is_empty()), "{told:#}");
    }
    browser
}

/// Step 5, in Chromium: the same by clicking, and no page breaks its own content security policy.
fn clicking_through_signs_in_as_well(app: &SampleApp, acme: &Organization, email: &str, choice: Option<&str>) {
    let shown = click_through(&app.0.url, email, choice);
    for told in ["claims", "userinfo", "refreshed"] {
        let told = &shown[told];
        assert_eq!((&told["email"], &told["sub"]), (&json!(email), &shown["claims"]["sub"]), "{shown:#}");
        assert_eq!((&told["org"], &told["membership"]), (&json!(acme.id), &json!("member")), "{shown:#}");
        // The page shows a list as its JSON.
        assert_eq!(told["amr"], r#"["pwd"]"#, "{shown:#}");
    }
    assert_eq!(shown["complaints"], json!([]), "{shown:#}");
    let cookies = shown["cookies"].as_array().expect("a list of cookies");
    let session = cookies.iter().find(|cookie| cookie["name"] == "causeway-us-session").expect("a session cookie");
    assert_eq!((&session["httpOnly"], &session["sameSite"]), (&json!(true), &json!("Lax")), "{session:#}");
}

/// Step 5, with another certified relying party, once through each connection.
async fn apache_signs_in_as_well(gateway: &Gateway, acme: &Organization, email: &str, connections: &[&Value]) {
    let (port, redirect_uri) = ApacheApp::reserve();
    let client = acme.register_app(&redirect_uri, "RS256").await;
    let apache = ApacheApp::start(port, &gateway.url, &client.id, &client.secret, "RS256");
    for connection in connections {
        let browser = Browser::new();
        let page = arrive(&browser, &apache.url, email, Some(&text(connection, "id"))).await;
        let page = at_the_identity_provider(&browser, page, email).await;
        for source in ["ID_TOKEN ", "USERINFO "] {
            let line = page.body.lines().find_map(|line| line.strip_prefix(source));
            let told: Value = line.and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
            let (about, log) = (&page.body, apache.log());
            assert_eq!(told["email"], email, "{source}on {}:\n{about}\n{log}", page.url);
            assert_eq!((&told["org"], &told["membership"]), (&json!(acme.id), &json!("member")), "{source}{about}");
            assert_eq!(told["amr"], json!(["pwd"]), "{source}{about}");
        }
    }
}

/// Step 5: whom SCIM has pushed and who signs in, by whichever protocol, is one account: the connections' linking rule finds
/// it, and both subjects point at it. Which names the other rules compare is in `access/identity/tests.rs`. Answers the
/// accounts.
async fn scim_and_sso_meet_in_one_account(acme: &Organization, connections: &[&Value]) -> Vec<String> {
    let mut links: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in acme.audit("identity.linked").await {
        let detail = &entry["detail"];
        links.entry(text(detail, "account")).or_default().push(text(detail, "connection"));
    }
    let mut all: Vec<String> = connections.iter().map(|connection| text(connection, "id")).collect();
    all.sort();
    assert_eq!(links.len(), 2, "Ada and Bob: {links:#?}");
    for connections in links.values_mut() {
        connections.sort();
        assert_eq!(connections, &all);
    }
    links.into_keys().collect()
}

/// Step 7: an identity provider of Globex says that it is Bob of Acme, by either protocol. Refused, nothing created, one
/// entry (invariants 13 and 19, decision Q16).
async fn another_organization_cannot_assert_the_person(
    gateway: &Gateway,
    dns: &Dns,
    app: &SampleApp,
    (acme, scim): (&Organization, &ScimAccess),
) {
    let globex = Organization::create(&gateway.operator(), "globex", "Globex").await;
    globex.own_domain(dns, "globex.test").await;
    let mut mallory = person(BOB, "Mallory");
    mallory["email_verified"] = json!(true);
    let (saml, oidc) = (SamlIdp::start(&[mallory.clone()]), OidcOp::start(&[mallory]));
    for connection in [globex.connect_saml(&saml).await, globex.connect_oidc(&oidc).await] {
        let before = who_there_is(acme, scim).await;
        overstepping_is_refused(gateway, app, acme, &globex, &text(&connection, "id")).await;
        assert_eq!(who_there_is(acme, scim).await, before, "nobody was created");
    }
}

async fn overstepping_is_refused(
    gateway: &Gateway,
    app: &SampleApp,
    acme: &Organization,
    globex: &Organization,
    connection: &str,
) {
    let operator = gateway.operator();
    let of_operators = whole_log(&operator, "/api/v1/operator/audit").await;
    let (at_acme, at_globex) = (acme.audit("").await, globex.audit("").await);
    let browser = Browser::asking_for_json();
    let page = arrive(&browser, &app.sign_in_url(), "mallory@globex.test", Some(connection)).await;
    let page = at_the_identity_provider(&browser, page, BOB).await;
    assert!(page.url.path().starts_with("/sign-in/"), "refused by the gateway, not let in to {}", page.url);
    assert!(page.body.contains("Globex"), "the page says whom to ask:\n{}", page.body);
    assert!(!page.body.contains(BOB), "the page does not say whether Bob is known:\n{}", page.body);
    let log = globex.audit("").await;
    assert_eq!(log.len(), at_globex.len() + 1, "{log:#?}");
    assert_eq!((&log[0]["action"], &log[0]["detail"]["code"]), (&json!("sign_in.refused"), &json!("foreign_address")));
    assert_eq!(log[1..], at_globex, "an account, an identity, a session or a grant would have its entry");
    assert_eq!(acme.audit("").await, at_acme, "nothing happened at Acme");
    assert_eq!(whole_log(&operator, "/api/v1/operator/audit").await, of_operators, "nor outside of both");
    assert_eq!(browser.open(&app.0.url).await.body, json!({ "signed_in": false }).to_string());
    let home = browser.open(&gateway.url).await;
    assert!(home.body.contains("The way in to your apps"), "there is no session here either:\n{}", home.body);
}

/// Step 6: the identity provider sets `active` to false. From then on nothing of the session is worth anything.
async fn a_deactivated_person_is_out_at_once(app: &SampleApp, scim: &ScimAccess, ada: &Browser) {
    let url = &app.0.url;
    assert!(ada.open(&format!("{url}/userinfo")).await.body.contains(ADA));
    let silent = ada.open(&format!("{url}/sign-in")).await;
    assert!(
        silent.body.contains(r#""signed_in":true"#),
        "the session signs in without a question: {:?}",
        silent.visited
    );

    scim_push(&scim.base, &scim.token, &["set-active", ADA, "false"]);
    let began = Instant::now();
    let refused: Value = serde_json::from_str(&ada.open(&format!("{url}/userinfo")).await.body).expect("JSON");
    assert_eq!(refused["status"], 401, "UserInfo is refused: {refused:#}");
    let home = ada.open(url).await;
    let refreshed = ada.send_form(&home.url, "post", home.url.join("/refresh").expect("an address"), &[]).await;
    let refused: Value = serde_json::from_str(&refreshed.body).expect("JSON");
    assert_eq!(refused["error"], "invalid_grant", "refresh is refused: {refused:#}");
    let page = ada.open(&format!("{url}/sign-in")).await;
    assert!(page.body.contains(r#"name="email""#), "the session is over, so the address is asked for:\n{}", page.body);
    assert!(began.elapsed() < Duration::from_secs(1), "all of it within a second, not {:?}", began.elapsed());
}

/// Step 6: a new sign-in is refused, by whichever protocol, with a page that says whom to ask.
async fn a_deactivated_person_is_refused(app: &SampleApp, connection: &str) {
    let elsewhere = Browser::new();
    let page = arrive(&elsewhere, &app.sign_in_url(), ADA, Some(connection)).await;
    let page = at_the_identity_provider(&elsewhere, page, ADA).await;
    assert_eq!(page.status, 403, "{}", page.body);
    let policy = page.headers["content-security-policy"].to_str().expect("text");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(page.url.path().starts_with("/sign-in/"), "a new sign-in is refused, not let in to {}", page.url);
    assert!(page.body.contains("Whom to ask") && page.body.contains("owner@acme.test"), "{}", page.body);
}
