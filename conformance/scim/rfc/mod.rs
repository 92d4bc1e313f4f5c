//! RFC 7643 and RFC 7644, requirement by requirement, against a served gateway on both engines. Each check names the
//! line of the RFC's text that it proves; `docs/scim-conformance.md` lists them, and a test compares.

mod changing;
mod creating;
mod deleting;
mod discovering;
mod patching;
mod reading;
mod resources;
mod schemas;

use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::client::{Scim, USER};
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::organization::{Organization, text};
use crate::support::server::TestServer;

/// Acme's directory, once as most clients are and once held to the letter.
pub struct World {
    pub scim: Scim,
    pub strict: Scim,
}

/// A requirement, and the name of the check that proves it.
pub type Line = (&'static str, &'static str);

/// Names the checks of a file, and runs them one after the other; `run` answers those that failed, whose words stand in
/// the output behind their names.
macro_rules! lines {
    ($($line:literal => $check:ident,)*) => {
        pub const LINES: &[super::Line] = &[$(($line, stringify!($check)),)*];

        pub async fn run(world: &super::World) -> Vec<super::Line> {
            let mut failed = Vec::new();
            $(
                println!("{}: {}", $line, stringify!($check));
                if super::fails($check(world)).await {
                    failed.push(($line, stringify!($check)));
                }
            )*
            failed
        }
    };
}
use lines;

/// Every requirement of every file.
fn all() -> Vec<Line> {
    [
        resources::LINES,
        schemas::LINES,
        creating::LINES,
        reading::LINES,
        changing::LINES,
        patching::LINES,
        deleting::LINES,
        discovering::LINES,
    ]
    .concat()
}

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A name that nobody has yet.
fn fresh(what: &str) -> String {
    format!("{what}{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A new user with a name and an address of its own, and `more`.
fn user(more: Value) -> Value {
    let name = format!("{}@acme.test", fresh("user"));
    let mut user = json!({ "schemas": [USER], "userName": name });
    for (key, value) in more.as_object().cloned().unwrap_or_default() {
        user[key] = value;
    }
    user
}

/// A filter as it stands in a query.
fn query(filter: &str) -> String {
    filter.bytes().fold(String::new(), |mut text, byte| {
        let _ = if byte.is_ascii_alphanumeric() {
            write!(text, "{}", char::from(byte))
        } else {
            write!(text, "%{byte:02X}")
        };
        text
    })
}

impl World {
    /// A user who was created, as the answer shows it.
    async fn created(&self, more: Value) -> Value {
        self.scim.call(reqwest::Method::POST, "/Users", Some(user(more))).await.expect(201)
    }

    /// What a GET answers.
    async fn get(&self, path: &str) -> Value {
        self.scim.call(reqwest::Method::GET, path, None).await.expect(200)
    }

    /// The ids of the users that a filter finds.
    async fn found(&self, filter: &str) -> Vec<String> {
        let list = self.get(&format!("/Users?count=200&filter={}", query(filter))).await;
        let resources = list["Resources"].as_array().cloned().unwrap_or_default();
        resources.iter().map(|resource| text(resource, "id")).collect()
    }
}

/// `/Users/{id}` of a user as an answer shows it.
fn path(user: &Value) -> String {
    format!("/Users/{}", text(user, "id"))
}

/// True when the check panics.
async fn fails(check: impl Future<Output = ()>) -> bool {
    AssertUnwindSafe(check).catch_unwind().await.is_err()
}

async fn every_requirement_holds(engine: Engine) {
    let dns = Dns::start(&["acme.test"]);
    let address = dns.address;
    let server = TestServer::start(engine, move |settings| settings.dns = Some(address)).await;
    let acme = Organization::create(&server.operator(), "acme", "Acme").await;
    acme.own_domain(&dns, "acme.test").await;
    let (lax, strict) = (acme.scim_access().await, acme.scim_access_as("strict").await);
    let world = World { scim: Scim::new(&lax.base, &lax.token), strict: Scim::new(&strict.base, &strict.token) };
    let failed = [
        resources::run(&world).await,
        schemas::run(&world).await,
        creating::run(&world).await,
        reading::run(&world).await,
        changing::run(&world).await,
        patching::run(&world).await,
        deleting::run(&world).await,
        discovering::run(&world).await,
    ]
    .concat();
    assert_eq!(failed, Vec::<Line>::new(), "on {engine:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_requirement_holds_on_sqlite() {
    every_requirement_holds(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_requirement_holds_on_postgres() {
    every_requirement_holds(Engine::Postgres).await;
}

#[test]
fn the_document_lists_every_requirement_and_its_check() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scim-conformance.md");
    let document = std::fs::read_to_string(file).expect("docs/scim-conformance.md");
    let rows: Vec<(&str, &str)> = document
        .lines()
        .filter(|line| line.starts_with("| 764"))
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            Some((*cells.get(1)?, cells.get(3)?.trim_matches('`')))
        })
        .collect();
    let lines = all();
    let missing: Vec<_> = lines.iter().filter(|line| !rows.contains(line)).collect();
    let gone: Vec<_> = rows.iter().filter(|row| !lines.contains(row)).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not in the document: {missing:?}; without a check: {gone:?}");
    assert!(lines.len() >= 139, "only {} of 139 requirements", lines.len());
}
