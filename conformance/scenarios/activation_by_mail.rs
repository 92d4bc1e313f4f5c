//! Rule E30 from outside: an identity provider pushes somebody whose address lies in no domain of the organization. The
//! person gets a mail, follows its link, says yes, and is in.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::Api;
use crate::support::organization::{Organization, text};

const ADA: &str = "ada@freelance.test";

#[tokio::test(flavor = "multi_thread")]
async fn e30_a_person_of_another_domain_joins_by_mail_on_sqlite() {
    joins_by_mail(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e30_a_person_of_another_domain_joins_by_mail_on_postgres() {
    joins_by_mail(Engine::Postgres).await;
}

async fn joins_by_mail(engine: Engine) {
    let dns = Dns::start(&["acme.test"]);
    let gateway = Gateway::start(engine, |settings| settings.dns = Some(dns.address));
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    acme.own_domain(&dns, "acme.test").await;
    let access = acme.scim_access().await;
    let scim = Api::scim(&access.base, &access.token);
    let trusted = push(&scim, "bob@acme.test").await;
    assert_eq!(trusted["active"], true, "rule E29: {trusted:#}");
    let ada = push(&scim, ADA).await;
    assert_eq!(ada["active"], false, "{ada:#}");
    let waiting = acme.api.get("/activations").await.expect(200);
    assert_eq!((&waiting["items"][0]["user"], &waiting["items"][0]["address"]), (&ada["id"], &json!(ADA)));
    assert_eq!(waiting["items"].as_array().map(Vec::len), Some(1), "{waiting:#}");

    let link = link_in_the_mail(&gateway).await;
    let browser = Browser::new();
    let page = browser.open(&link).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("Acme") && page.body.contains(ADA) && page.body.contains("owner@acme.test"));
    let path = format!("/Users/{}", text(&ada, "id"));
    assert_eq!(scim.get(&path).await.expect(200)["active"], false, "a mail scanner that follows the link joins nobody");
    let page = browser.submit(&page, &[]).await;
    assert!(page.status == 200 && page.body.contains("You have joined Acme"), "{}", page.body);

    let shown = scim.get(&path).await.expect(200);
    assert_eq!(shown["active"], true, "{shown:#}");
    assert_ne!(shown["meta"]["version"], ada["meta"]["version"], "{shown:#}");
    assert_eq!(acme.api.get("/activations").await.expect(200)["items"], json!([]));
    let joined = acme.audit("user.joined").await;
    assert!(joined.len() == 1 && text(&joined[0], "actor").starts_with("account:"), "{joined:#?}");
    let again = browser.open(&link).await;
    assert!(again.status == 200 && again.body.contains("You have joined Acme"), "{}", again.body);
    let wrong = browser.open(&format!("{}/activation?token=cw_activation_nonsense", gateway.url)).await;
    assert_eq!(wrong.status, 410, "{}", wrong.body);
    assert_eq!(mails(&gateway).len(), 1, "one mail, and one only");
    assert!(!gateway.log().contains(ADA) && !gateway.log().contains("cw_activation_"), "{}", gateway.log());
}

async fn push(scim: &Api, address: &str) -> Value {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": address, "active": true,
        "emails": [{ "value": address, "type": "work", "primary": true }],
    });
    scim.post("/Users", user).await.expect(201)
}

fn mails(gateway: &Gateway) -> Vec<String> {
    gateway.mail().into_iter().filter(|mail| mail.contains(&format!("To: {ADA}"))).collect()
}

/// The link of the mail, put together again where the mail breaks its line.
async fn link_in_the_mail(gateway: &Gateway) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(mail) = mails(gateway).first() {
            let mail = mail.replace("=\r\n", "").replace("=3D", "=");
            let link = mail.split_whitespace().find(|word| word.contains("/activation?token="));
            return link.unwrap_or_else(|| panic!("no link in {mail}")).to_owned();
        }
        assert!(Instant::now() < deadline, "no mail to {ADA}: {:#?}\n{}", gateway.mail(), gateway.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
