//! What products send (`src/protocol/scim/fixtures/<vendor>/*.json`, one file for each exchange), over HTTP, on both
//! engines: each under the profile of its vendor and under `strict`.
//!
//! A file says what is there `before` (names -> resources, which `{name}` in the rest of the file stands for), the
//! `request`, the `response` under the vendor's profile with the rewrites that the request log shows, and what is there
//! `after` (null for what is gone; `new` is what the request made). `strict` says what a client hears that is held to the
//! letter: when it is refused, nothing has changed. Of bodies and resources what the file says must be there, and null
//! must not be. `{n}` is a number of the run.

use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, Api};
use crate::support::organization::{Organization, ScimAccess, text};
use crate::support::request_log::RequestLog;

const VENDORS: [&str; 8] = ["authentik", "entra", "google", "jumpcloud", "okta", "onelogin", "ping", "sailpoint"];

/// One exchange of the corpus.
struct Exchange {
    name: String,
    text: String,
}

/// A client with a profile, and what its request log has to show of the exchanges so far.
struct Client {
    scim: Api,
    log: RequestLog,
    shown: Vec<Shown>,
}

/// What the request log has to show of one exchange.
struct Shown {
    what: String,
    id: String,
    status: u16,
    rewrites: Vec<String>,
    rule: Option<String>,
}

/// What is there before the exchange: names and the paths of the resources.
type World = Vec<(String, String)>;

fn corpus(vendor: &str) -> Vec<Exchange> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/protocol/scim/fixtures").join(vendor);
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("a vendor's folder").flatten().map(|file| file.path()).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| Exchange {
        name: format!("{vendor}/{}", path.file_stem().expect("a name").to_string_lossy()),
        text: fs::read_to_string(path).expect("an exchange"),
    };
    files.iter().map(read).collect()
}

/// `{name}` stands for the id of the resource of this name.
fn filled_in(value: &Value, world: &World) -> Value {
    let mut text = value.to_string();
    for (name, path) in world {
        text = text.replace(&format!("{{{name}}}"), path.rsplit('/').next().expect("an id"));
    }
    serde_json::from_str(&text).expect("JSON")
}

impl Client {
    async fn create(acme: &Organization, profile: &str) -> Self {
        let ScimAccess { base, token, client } = acme.scim_access_as(profile).await;
        Self { scim: Api::scim(&base, &token), log: RequestLog::new(acme, &client), shown: Vec::new() }
    }

    /// Makes the resources of `before`, in the order of the file.
    async fn build(&self, before: &Map<String, Value>) -> World {
        let mut world = World::new();
        for (name, resource) in before {
            let folder = if resource.get("userName").is_some() { "/Users" } else { "/Groups" };
            let made = self.scim.post(folder, filled_in(resource, &world)).await.expect(201);
            world.push((name.clone(), format!("{folder}/{}", text(&made, "id"))));
        }
        world
    }

    async fn send(&self, request: &Value) -> Answer {
        let method: Method = text(request, "method").parse().expect("a method");
        let path = text(request, "path").replace(' ', "%20").replace('"', "%22");
        self.scim.call(method, &path, request.get("body").cloned()).await
    }

    /// Compares the request log with what every exchange should have left there.
    async fn check_log(&self) {
        for Shown { what, id, status, rewrites, rule } in &self.shown {
            let found = self.log.find(id).await;
            assert_eq!(found["status"], json!(status), "{what}: {found:#}");
            let noted: Vec<&str> =
                found["rewrites"].as_array().into_iter().flatten().filter_map(|one| one["rule"].as_str()).collect();
            assert_eq!(&noted, rewrites, "{what}: {found:#}");
            if let Some(rule) = rule {
                assert_eq!(found["rule"], json!(rule), "{what}: {found:#}");
            }
            let text = found.to_string();
            for personal in ["Lovelace", "@acme.test", "1mz050nq", "Ada King"] {
                assert!(!text.contains(personal), "{what} left {personal} in the log: {found:#}");
            }
        }
    }

    async fn read(&self, world: &World) -> Vec<Option<Value>> {
        let mut found = Vec::new();
        for (_, path) in world {
            let answer = self.scim.get(path).await;
            found.push(if answer.status == 404 { None } else { Some(answer.expect(200)) });
        }
        found
    }
}

/// Why `found` is not what `wanted` says, if so.
fn difference(wanted: &Value, found: &Value, at: &str) -> Option<String> {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted.iter().find_map(|(name, wanted)| {
            difference(wanted, found.get(name).unwrap_or(&Value::Null), &format!("{at}.{name}"))
        }),
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => wanted
            .iter()
            .find(|wanted| !found.iter().any(|found| difference(wanted, found, at).is_none()))
            .map(|missing| format!("{at} has no {missing}")),
        (wanted, found) if wanted == found => None,
        (wanted, found) => Some(format!("{at} is {found}, not {wanted}")),
    }
}

fn expect(wanted: &Value, found: &Value, what: &str) {
    if let Some(difference) = difference(wanted, found, "") {
        panic!("{what}: {difference}\n{found:#}");
    }
}

/// Runs one exchange; `wanted` is its `response` or its `strict`.
async fn run(client: &mut Client, exchange: &Value, wanted: &Value, what: &str) {
    let mut world = client.build(exchange["before"].as_object().expect("before")).await;
    let before = client.read(&world).await;
    let answer = client.send(&filled_in(&exchange["request"], &world)).await;
    let status = answer.status.as_u16();
    assert_eq!(json!(status), wanted["status"], "{what}: {:#}", answer.body);
    // Discovery is for everybody and asks for no credential, so that it is in nobody's log.
    let is_recorded = ["/Users", "/Groups"].iter().any(|folder| text(&exchange["request"], "path").starts_with(folder));
    client.shown.extend(is_recorded.then(|| Shown {
        what: what.to_owned(),
        id: answer.headers["x-request-id"].to_str().expect("an id").to_owned(),
        status,
        rewrites: match wanted.get("rewrites") {
            Some(rewrites) => serde_json::from_value(rewrites.clone()).expect("names of rules"),
            None => Vec::new(),
        },
        rule: wanted.get("rule").and_then(Value::as_str).map(str::to_owned),
    }));
    if status >= 400 {
        let status = json!({ "status": status.to_string(), "scimType": wanted["scimType"] });
        expect(&status, &answer.body, what);
        assert_eq!(client.read(&world).await, before, "{what} was refused and changed something");
    }
    if let Some(body) = wanted.get("body") {
        expect(&filled_in(body, &world), &answer.body, what);
    }
    if status == 201 {
        let folder = text(&exchange["request"], "path");
        world.push(("new".to_owned(), format!("{folder}/{}", text(&answer.body, "id"))));
    }
    if status < 400 {
        let after = wanted.get("after").unwrap_or(&exchange["after"]);
        let found = client.read(&world).await;
        for (name, resource) in after.as_object().expect("after") {
            let at = world.iter().position(|(known, _)| known == name).expect("a resource of the exchange");
            let found = found[at].clone().unwrap_or(Value::Null);
            expect(&filled_in(resource, &world), &found, &format!("{what}, {name} afterwards"));
        }
    }
    // Groups go first: the next exchange has names of its own, but a search of it sees what is left.
    for (_, path) in world.iter().rev() {
        client.scim.delete(path).await;
    }
}

async fn everything(engine: Engine) {
    let dns = Dns::start(&["acme.test"]);
    let gateway = Gateway::start(engine, |settings| {
        settings.dns = Some(dns.address);
        settings.more = "[request_log]\nreads_per_minute = 10000\nchanges_per_minute = 10000\n\
                         [limits]\nscim_requests_per_second = 100000\nscim_burst = 100000\n\
                         scim_organization_requests_per_second = 100000\nscim_organization_burst = 100000\n"
            .to_owned();
    });
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    acme.own_domain(&dns, "acme.test").await;
    let mut strict = Client::create(&acme, "strict").await;
    let mut number = 0;
    for vendor in VENDORS {
        let mut lenient = Client::create(&acme, vendor).await;
        for exchange in corpus(vendor) {
            for (client, key) in [(&mut lenient, "response"), (&mut strict, "strict")] {
                number += 1;
                let text = exchange.text.replace("{n}", &number.to_string());
                let read: Value =
                    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", exchange.name));
                let what = format!("{} ({}) by its {key} on {engine:?}", exchange.name, read["what"]);
                run(client, &read, &read[key], &what).await;
            }
        }
        lenient.check_log().await;
    }
    strict.check_log().await;
    assert!(number > 200, "only {number} exchanges were run");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_products_send_does_what_they_mean_and_strict_refuses_what_deviates_on_sqlite() {
    everything(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_products_send_does_what_they_mean_and_strict_refuses_what_deviates_on_postgres() {
    everything(Engine::Postgres).await;
}
