//! The house rules of `docs/architecture.md`, read from the source text: which ring may import which, which ring may
//! name which crate, how files are named and how long they may grow. Every rule is tried on bad snippets first.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::rust_source::{SourcePath, Token, paths, tokens, without_tests};

const CORE: &[&str] = &["record", "directory", "placement", "access", "provisioning"];

/// Ring -> what it may import beside itself and `values`. A ring that is not listed does not exist.
const RINGS: &[(&str, &str)] = &[
    ("values", ""),
    ("protocol", ""),
    ("store", ""),
    ("keys", "store"),
    ("record", "keys protocol store"),
    ("directory", "record keys protocol store"),
    ("placement", "directory record keys protocol store"),
    ("access", "placement directory record keys protocol store"),
    ("provisioning", "placement directory record keys protocol store"),
    ("outbound", "protocol"),
    ("pages", ""),
    ("flows", "access provisioning placement directory record outbound pages keys protocol store"),
    ("http", "flows access provisioning placement directory record pages keys protocol store config telemetry"),
    ("jobs", "flows access provisioning placement directory record outbound store telemetry"),
    ("config", ""),
    ("telemetry", "config"),
];

/// The composition root and what it is started from: these may import every ring.
const ROOTS: &[&str] = &["app", "cli", "lib", "main"];

/// Crate -> the only places that may name it outside tests.
const FENCE: &[(&str, &[&str])] = &[
    ("diesel", &["store"]),
    ("diesel_migrations", &["store"]),
    ("r2d2", &["store"]),
    ("libsqlite3_sys", &["store"]),
    ("samael", &["protocol/saml"]),
    ("openssl", &["protocol/saml"]),
    ("quick_xml", &["protocol/saml"]),
    ("flate2", &["protocol/saml"]),
    ("openidconnect", &["protocol/oidc"]),
    ("jsonwebtoken", &["protocol/oidc", "keys"]),
    ("argon2", &["access/passwords"]),
    ("x509_parser", &["protocol/saml/certificate.rs"]),
    ("webauthn_rs", &["access/passkeys/ceremony.rs"]),
    // pages/assets names a style sheet by its hash; the command line hands in the system's randomness.
    ("aws_lc_rs", &["values", "keys", "protocol/oidc", "protocol/totp.rs", "pages/assets", "cli/mod.rs"]),
    ("qrcode", &["pages/qr_code.rs"]),
    ("data_encoding", &["values", "protocol/totp.rs", "store/resource_grams.rs"]),
    ("reqwest", &["outbound", "cli/demo"]),
    ("hickory_resolver", &["outbound/dns"]),
    ("lettre", &["outbound/mail"]),
    // One function of the doors renders every page.
    ("askama", &["pages", "http/page_answer", "http/sign_in/visit.rs"]),
    ("actix_web", &["http", "app.rs"]),
    ("utoipa", &["http"]),
    ("clap", &["cli", "main.rs"]),
    ("anyhow", &["cli", "main.rs"]),
    ("tracing_subscriber", &["telemetry"]),
    ("metrics_exporter_prometheus", &["telemetry"]),
    ("psl", &["values"]),
    ("idna", &["values"]),
    ("tokio", &["store", "outbound", "flows", "jobs", "http", "cli", "app.rs", "main.rs", "telemetry"]),
];

/// Compiled for tests only.
const DOORS_OF_TESTS: &[&str] = &["http/admin_api/strangers.rs"];

const BANNED_FILE_NAMES: &[&str] =
    &["util", "utils", "helper", "helpers", "common", "misc", "manager", "service", "types", "impl"];
/// Files that hold tests, or a world for them, and nothing else.
const TEST_FILES: &[&str] = &["tests", "testing", "scratch"];
const MOST_LINES: usize = 400;

/// One broken rule, as `file:line: what is wrong`.
type Violation = String;

/// Checks one file, `path` relative to `src`.
fn violations(path: &str, text: &str) -> Vec<Violation> {
    let all = tokens(text);
    let is_test = TEST_FILES.contains(&stem_of(path));
    let outside_tests = if is_test { Vec::new() } else { without_tests(&all) };
    // What makes a world for tests may put parts together that the program keeps apart.
    let mut found = if is_test { Vec::new() } else { ring_violations(path, &paths(&all)) };
    found.extend(fence_violations(path, &paths(&outside_tests)));
    found.extend(door_violations(path, &paths(&outside_tests)));
    found.extend(form_violations(path, text, &all, &outside_tests));
    found
}

fn ring_of(path: &str) -> &str {
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

fn allowed_for(ring: &str) -> impl Iterator<Item = &'static str> {
    RINGS.iter().filter(move |(name, _)| *name == ring).flat_map(|(_, allowed)| allowed.split_whitespace())
}

fn may_import(ring: &str, other: &str) -> bool {
    let is_free = ROOTS.contains(&ring) || ring == other || other == "values";
    is_free || allowed_for(ring).any(|allowed| allowed == other)
}

fn ring_violations(path: &str, paths: &[SourcePath]) -> Vec<Violation> {
    let ring = ring_of(path);
    let known = |name: &str| ROOTS.contains(&name) || RINGS.iter().any(|(listed, _)| *listed == name);
    if !known(ring) {
        return vec![format!("{path}:1: no such ring: {ring}")];
    }
    // `super` in a ring's root module is the crate, so that `super::store` reaches another ring.
    let is_ring_root = path.ends_with(".rs") && path.matches('/').count() == usize::from(path.ends_with("/mod.rs"));
    let reached = paths.iter().filter_map(|path| match path.segments.as_slice() {
        [first, other, ..] if first == "crate" => Some((path.line, other.as_str())),
        [first, other, ..] if first == "super" && is_ring_root && known(other) => Some((path.line, other.as_str())),
        _ => None,
    });
    reached
        .filter(|(_, other)| !may_import(ring, other))
        .map(|(line, other)| format!("{path}:{line}: {ring} may not import {other}"))
        .collect()
}

fn fence_violations(path: &str, paths: &[SourcePath]) -> Vec<Violation> {
    let is_inside =
        |place: &&str| path == *place || path.strip_prefix(place).is_some_and(|rest| rest.starts_with(['/', '.']));
    let fenced = paths.iter().filter(|path| path.segments.len() > 1).filter_map(|path| {
        FENCE.iter().find(|(name, _)| *name == path.segments[0]).map(|(name, places)| (path.line, name, places))
    });
    fenced
        .filter(|(_, _, places)| !places.iter().any(is_inside))
        .map(|(line, name, places)| format!("{path}:{line}: {name} may be named only in {}", places.join(", ")))
        .collect()
}

/// A door names types of the store, a transaction or a kind; what it does there it asks of the core.
fn door_violations(path: &str, paths: &[SourcePath]) -> Vec<Violation> {
    if ring_of(path) != "http" || DOORS_OF_TESTS.contains(&path) {
        return Vec::new();
    }
    let is_named = |name: &String| name.starts_with(|first: char| first.is_ascii_lowercase());
    let reads = paths.iter().filter_map(|found| match found.segments.as_slice() {
        [first, store, .., last] if first == "crate" && store == "store" && is_named(last) => Some((found.line, last)),
        _ => None,
    });
    reads.map(|(line, name)| format!("{path}:{line}: a door calls the core, not store::{name}")).collect()
}

fn form_violations(path: &str, text: &str, all: &[Token], outside_tests: &[Token]) -> Vec<Violation> {
    let mut found = Vec::new();
    let stem = stem_of(path);
    if BANNED_FILE_NAMES.contains(&stem) {
        found.push(format!("{path}:1: a file is not named {stem}"));
    }
    if !text.starts_with("//!") && path != "main.rs" && !TEST_FILES.contains(&stem) {
        found.push(format!("{path}:1: a module opens with a paragraph that says what it owns"));
    }
    for pair in all.windows(2) {
        if pair[0].text == "pub" && pair[1].text == "use" {
            found.push(format!("{path}:{}: no pub use", pair[0].line));
        }
    }
    for path_found in paths(all).iter().filter(|found| found.segments.windows(2).any(|pair| pair == ["super", "super"]))
    {
        found.push(format!("{path}:{}: no super::super", path_found.line));
    }
    let lines = code_lines(outside_tests);
    if lines > MOST_LINES {
        found.push(format!("{path}:1: {lines} lines outside tests, {MOST_LINES} at most"));
    }
    found
}

/// Lines up to the last token outside test modules, which stand at the foot of their file.
fn code_lines(outside_tests: &[Token]) -> usize {
    outside_tests.last().map_or(0, |token| token.line)
}

/// A folder module is `noun/mod.rs`, never `noun.rs` beside `noun/`.
fn twin_violations(files: &[String]) -> Vec<Violation> {
    let has_twin = |path: &&String| {
        let folder = format!("{}/", path.trim_end_matches(".rs"));
        files.iter().any(|other| other.starts_with(&folder))
    };
    files.iter().filter(has_twin).map(|path| format!("{path}:1: belongs into its folder as mod.rs")).collect()
}

/// A file with the freedom of a test is compiled for tests only: some file says `#[cfg(test)] mod name;`.
fn freedom_violations(files: &[(String, String)]) -> Vec<Violation> {
    let is_declared = |stem: &str, text: &str| {
        let words: Vec<String> = tokens(text).into_iter().map(|token| token.text).collect();
        let plain = ["#", "[", "cfg", "(", "test", ")", "]", "mod", stem, ";"];
        let public = ["#", "[", "cfg", "(", "test", ")", "]", "pub", "mod", stem, ";"];
        words.windows(plain.len()).any(|window| window == plain)
            || words.windows(public.len()).any(|window| window == public)
    };
    let free = files.iter().filter(|(path, _)| TEST_FILES.contains(&stem_of(path)));
    let undeclared = free.filter(|(path, _)| {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let near =
            |other: &str| other.starts_with(folder) || folder.strip_prefix(other.trim_end_matches(".rs")).is_some();
        !files.iter().any(|(other, text)| near(other) && is_declared(stem_of(path), text))
    });
    undeclared.map(|(path, _)| format!("{path}:1: is not declared under #[cfg(test)]")).collect()
}

fn stem_of(path: &str) -> &str {
    Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_source_keeps_the_house_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |file: PathBuf| {
        let name = file.strip_prefix(&root).expect("below src").to_string_lossy().into_owned();
        (name, fs::read_to_string(&file).expect("readable source"))
    };
    let files: Vec<(String, String)> = rust_files(&root).into_iter().map(read).collect();
    let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    let mut found: Vec<Violation> = files.iter().flat_map(|(name, text)| violations(name, text)).collect();
    found.extend(twin_violations(&names));
    found.extend(freedom_violations(&files));
    assert!(names.len() > 10, "the sources were not found under {}", root.display());
    assert!(found.is_empty(), "{} broken house rules:\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_top_level_holds_nothing_unexpected() {
    let expected = ["Cargo.toml", "Cargo.lock", "README.md", "LICENSE", "Makefile"];
    let folders = ["src", "migrations", "conformance", "docs", "target", "demo"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = fs::read_dir(root).expect("the repository").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_expected =
        |name: &String| name.starts_with('.') || expected.contains(&name.as_str()) || folders.contains(&name.as_str());
    assert_eq!(names.filter(|name| !is_expected(name)).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn no_core_ring_knows_a_door_and_the_two_halves_do_not_know_each_other() {
    for ring in CORE {
        assert!(may_import(ring, "store"), "{ring} is in the table");
        for door in ["http", "flows", "outbound", "pages", "jobs", "cli", "app", "config"] {
            assert!(!may_import(ring, door), "{ring} may import {door}");
        }
    }
    assert!(!may_import("access", "provisioning") && !may_import("provisioning", "access"));
}

#[test]
fn the_table_has_no_cycle() {
    fn reaches(from: &str, to: &str) -> bool {
        allowed_for(from).any(|next| next == to || reaches(next, to))
    }
    for (ring, _) in RINGS {
        assert!(!reaches(ring, ring), "{ring} reaches itself");
    }
}

/// What the checker says about a file that is sound but for `line`.
fn complaints(path: &str, line: &str) -> Vec<Violation> {
    violations(path, &format!("//! Owns one thing.\n{line}\n"))
}

#[test]
fn an_import_against_the_table_is_found() {
    let bad = [
        ("store/users.rs", "use crate::directory::accounts;"),
        ("values/mod.rs", "use crate::{values::ids, store::Tx};"),
        ("values/mod.rs", "fn f() { super::store::open() }"),
        ("access/realm.rs", "fn f() { crate::provisioning::users::count() }"),
        ("directory/accounts.rs", "use crate::http::failure;"),
        ("pages/mod.rs", "use crate::store::Store;"),
        ("http/scim/mod.rs", "use crate::app::Context;"),
        ("protocol/scim/mod.rs", "#[cfg(test)]\nmod tests { use crate::store::Store; }"),
        ("toolbox/mod.rs", ""),
    ];
    for (path, line) in bad {
        assert_eq!(complaints(path, line).len(), 1, "{path}: {line}");
    }
}

#[test]
fn an_import_along_the_table_is_accepted() {
    let good = [
        ("store/users.rs", "use crate::values::ids::AccountId; use crate::store::Tx;"),
        ("directory/mod.rs", "use crate::{record::audit, store::{Store, Tx}, values};"),
        ("http/scim/users.rs", "use super::failure; use crate::provisioning::users;"),
        ("app.rs", "use crate::{http, jobs, store};"),
    ];
    for (path, line) in good {
        assert_eq!(complaints(path, line), Vec::<String>::new(), "{path}: {line}");
    }
}

#[test]
fn a_crate_outside_its_fence_is_found() {
    let bad = [
        ("directory/accounts.rs", "use diesel::prelude::*;"),
        ("protocol/oidc/mod.rs", "fn f() { openssl::rand::rand_bytes() }"),
        ("http/scim/mod.rs", "use reqwest::{Client, Url};"),
        ("outbound/http_client.rs", "use hickory_resolver::Resolver;"),
        ("access/sessions.rs", "async fn f() { tokio::time::sleep(x).await }"),
    ];
    for (path, line) in bad {
        assert!(!complaints(path, line).is_empty(), "{path}: {line}");
    }
    assert_eq!(complaints("outbound/dns.rs", "use hickory_resolver::Resolver;"), Vec::<String>::new());
    assert_eq!(complaints("keys/mod.rs", "#[cfg(test)]\nmod tests { use tokio::time; }"), Vec::<String>::new());
}

#[test]
fn a_door_that_reads_the_store_by_itself_is_found() {
    for bad in ["use crate::store::{Tx, passwords};", "fn f() { crate::store::devices::is_known() }"] {
        assert_eq!(complaints("http/account/security.rs", bad).len(), 1, "{bad}");
    }
    let good = "use crate::store::{Store, Tx}; use crate::store::resources::ResourceKind;";
    assert_eq!(complaints("http/account/security.rs", good), Vec::<String>::new());
    assert_eq!(complaints("access/devices.rs", "use crate::store::devices;"), Vec::<String>::new());
}

#[test]
fn forbidden_forms_are_found() {
    assert_eq!(complaints("store/util.rs", "").len(), 1);
    assert_eq!(complaints("store/users.rs", "pub use self::rows::UserRow;").len(), 1);
    assert_eq!(complaints("store/users.rs", "use super::super::values;").len(), 1);
    assert_eq!(violations("store/users.rs", "pub struct User;\n").len(), 1, "the opening paragraph is missing");
    assert_eq!(twin_violations(&["store/users.rs".into(), "store/users/tests.rs".into()]).len(), 1);
}

#[test]
fn only_what_is_compiled_for_tests_has_the_freedom_of_a_test() {
    let world = ("http/testing.rs".to_owned(), "use crate::app::start;".to_owned());
    let declares = |text: &str| vec![world.clone(), ("http/mod.rs".to_owned(), text.to_owned())];
    assert_eq!(complaints("http/testing.rs", "use crate::app::start;"), Vec::<String>::new());
    assert_eq!(freedom_violations(&declares("#[cfg(test)]\npub mod testing;")), Vec::<String>::new());
    assert_eq!(freedom_violations(&declares("pub mod testing;")).len(), 1);
}

#[test]
fn a_long_file_is_found_and_its_tests_do_not_count() {
    let code = "fn f() {}\n".repeat(MOST_LINES);
    assert_eq!(complaints("store/users.rs", &code).len(), 1);
    let tested = format!("#[cfg(test)]\nmod tests {{\n{code}}}");
    assert_eq!(complaints("store/users.rs", &tested), Vec::<String>::new());
}
