//! `causeway demo`: what it starts, what it tells, and that nothing of it is left when it ends.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::scenarios::sign_in::{arrive, at_the_identity_provider};
use crate::support::browser::Browser;
use crate::support::counterparties;
use crate::support::dns;
use crate::support::http::Api;
use crate::support::organization::text;
use crate::support::process::{Process, conformance};

const PORTS: u16 = 5;

/// The form of `demo.json`, which scripts rely on. Later work adds to it.
fn form() -> Value {
    json!({
        "dcs": { "us": { "url": "", "operator_token": "" } },
        "orgs": { "acme": {
            "id": "", "slug": "", "dc": "", "admin_token": "",
            "scim": { "base": "", "token": "" },
            "connections": {
                "saml": {
                    "id": "", "acs_url": "", "sp_metadata_url": "", "idp_metadata_url": "", "idp_entity_id": "",
                },
                "oidc": { "id": "", "callback_url": "", "issuer": "" },
            },
        } },
        "apps": { "sample": { "url": "", "client_id": "", "client_secret": "", "redirect_uris": [""] } },
        "people": [{ "email": "", "password": "", "org": "", "idp": "" }],
        "dns": "", "mail": "", "log": "",
    })
}

/// `value` with every text made empty, every list cut to the forms that its items have, and the names in order.
fn form_of(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            Value::Object(names.into_iter().map(|name| (name.clone(), form_of(&fields[name]))).collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            let mut forms: Vec<Value> = items.iter().map(form_of).collect();
            forms.dedup();
            Value::Array(forms)
        }
        Value::String(text) if !text.is_empty() => json!(""),
        other => other.clone(),
    }
}

#[test]
fn the_form_of_a_value_shows_what_is_missing_and_what_is_of_another_kind() {
    assert_eq!(form_of(&json!({ "b": ["x", "y"], "a": "z" })), json!({ "a": "", "b": [""] }));
    assert_ne!(form_of(&json!({ "a": null })), json!({ "a": "" }));
    assert_ne!(form_of(&json!([{ "a": "x" }, { "b": "x" }])), json!([{ "a": "" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_tells_what_it_started_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let base = free_block();
    let mut demo = start(base, folder.path());
    let first = told(&mut demo, folder.path());
    assert_eq!(form_of(&first), form_of(&filled(form())), "{first:#}");
    every_part_answers(&first).await;
    for (at, protocol) in [(0, "saml"), (1, "oidc")] {
        somebody_signs_in(&first, &first["people"][at], protocol).await;
    }
    ends_with_all_its_parts(&mut demo, base, folder.path());

    // What an earlier demo left there, when it could not clean up, is not taken for this one's.
    fs::write(folder.path().join("demo.json"), first.to_string()).expect("demo.json");
    let mut demo = start(base, folder.path());
    demo.wait_for_text("starting the DNS server");
    assert!(!folder.path().join("demo.json").exists(), "a script would take the demo for ready");
    let second = told(&mut demo, folder.path());
    assert_ne!(second["orgs"]["acme"]["id"], first["orgs"]["acme"]["id"], "it starts from scratch");
    every_part_answers(&second).await;
    ends_with_all_its_parts(&mut demo, base, folder.path());
}

#[test]
fn the_demo_removes_nothing_that_is_not_its_own_and_says_what_is_missing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let theirs = folder.path().join("data/thesis.txt");
    fs::create_dir(folder.path().join("data")).expect("a folder");
    fs::write(&theirs, "years of work").expect("a file");
    let run = |base: u16, with: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
        command.args(["demo", "--port-base", &base.to_string(), "--dir"]).arg(folder.path());
        command.arg("--scripts").arg(conformance("counterparties")).args(with).env_remove("DEMO_PACKAGES");
        let output = command.output().expect("the demo ends by itself");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = run(free_block(), &["--packages", "/nowhere"]);
    assert!(said.contains("no demo made") && theirs.exists(), "{said}");
    let said = run(free_block(), &[]);
    assert!(said.contains("make demo"), "{said}");
    // A demo that runs already must not lose its files to a second one.
    let configuration = "# The demo's gateway, on this machine only.\n";
    fs::write(folder.path().join("causeway.toml"), configuration).expect("a file");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let said = run(taken.local_addr().expect("an address").port(), &["--packages", "/nowhere"]);
    assert!(said.contains("is taken") && theirs.exists(), "{said}");
}

/// A text in place of each empty one, so that the form itself goes through [`form_of`].
fn filled(form: Value) -> Value {
    match form {
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(name, field)| (name, filled(field))).collect()),
        Value::Array(items) => Value::Array(items.into_iter().map(filled).collect()),
        _ => json!("text"),
    }
}

/// The first of as many free ports in a row as the demo needs.
fn free_block() -> u16 {
    let is_free = |base: u16| (base..base + PORTS).all(is_free);
    // Below the ports that the system and `setup/postgres.sh` give to others, and not where another run of the tests
    // looks first.
    let first = u16::try_from(std::process::id() % 1_000).expect("a small number");
    (first..first + 500)
        .map(|block| 10_000 + block * PORTS)
        .find(|base| is_free(*base))
        .expect("loopback has free ports")
}

fn is_free(port: u16) -> bool {
    let address = (Ipv4Addr::LOCALHOST, port);
    TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
}

fn start(base: u16, folder: &Path) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
    command.args(["demo", "--port-base", &base.to_string(), "--dir"]).arg(folder);
    command.arg("--scripts").arg(conformance("counterparties")).arg("--packages").arg(counterparties::home());
    Process::start("causeway demo", command)
}

/// What `demo.json` says as soon as it is there, which it is as a whole.
fn told(demo: &mut Process, folder: &Path) -> Value {
    let file = folder.join("demo.json");
    demo.wait_until(|| file.exists());
    let text = fs::read_to_string(&file).expect("demo.json");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

async fn every_part_answers(told: &Value) {
    let gateway = text(&told["dcs"]["us"], "url");
    let open = Api::new("", "");
    open.get(&format!("{gateway}/health/ready")).await.expect(200);
    Api::new(&gateway, &text(&told["dcs"]["us"], "operator_token")).get("/api/v1/operator/orgs").await.expect(200);
    let acme = &told["orgs"]["acme"];
    let api = Api::new(&format!("{gateway}/api/v1/orgs/{}", text(acme, "slug")), &text(acme, "admin_token"));
    assert_eq!(api.get("").await.expect(200)["id"], acme["id"]);
    let scim = Api::scim(&text(&acme["scim"], "base"), &text(&acme["scim"], "token"));
    let people = told["people"].as_array().expect("a list of people");
    assert_eq!(scim.get("/Users?count=0").await.expect(200)["totalResults"], people.len());
    let saml = &acme["connections"]["saml"];
    for (address, part) in [("sp_metadata_url", "acs_url"), ("idp_metadata_url", "idp_entity_id")] {
        let metadata = open.get(&text(saml, address)).await.expect(200).to_string();
        assert!(metadata.contains(&text(saml, part)), "no {part} in {metadata}");
    }
    let issuer = text(&acme["connections"]["oidc"], "issuer");
    let described = open.get(&format!("{issuer}/.well-known/openid-configuration")).await.expect(200);
    assert_eq!(described["issuer"], issuer);
    assert!(dns::answers(text(told, "dns").parse().expect("an address"), "acme.test"));
    assert!(Path::new(&text(told, "mail")).is_dir());
    let log = fs::read_to_string(text(told, "log")).expect("the gateway's log");
    assert!(log.contains("serving"), "{log}");
}

async fn somebody_signs_in(told: &Value, person: &Value, protocol: &str) {
    let email = text(person, "email");
    assert_eq!((person["idp"].as_str(), &person["org"]), (Some(protocol), &json!("acme")));
    assert_eq!(person["password"], counterparties::PASSWORD);
    let connection = text(&told["orgs"]["acme"]["connections"][protocol], "id");
    let app = &told["apps"]["sample"];
    let browser = Browser::asking_for_json();
    let page = arrive(&browser, &format!("{}/sign-in", text(app, "url")), &email, Some(&connection)).await;
    let page = at_the_identity_provider(&browser, page, &email).await;
    let shown: Value = serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("{}:\n{}", page.url, page.body));
    assert_eq!((&shown["claims"]["email"], &shown["claims"]["aud"]), (&json!(email), &app["client_id"]), "{shown:#}");
}

/// Ctrl-C.
fn ends_with_all_its_parts(demo: &mut Process, base: u16, folder: &Path) {
    demo.interrupt();
    let status = demo.wait_for_end();
    assert!(status.success(), "{status}:\n{}", demo.log());
    let taken: Vec<u16> = (base..base + PORTS).filter(|port| !is_free(*port)).collect();
    assert!(taken.is_empty(), "somebody still listens on {taken:?}:\n{}", demo.log());
    assert!(!folder.join("demo.json").exists(), "a script would take the demo for running");
}
