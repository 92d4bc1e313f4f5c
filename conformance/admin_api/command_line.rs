//! The command line: what an operator types, and what it says when it cannot.

use std::process::Command;

use serde_json::Value;

use crate::support::database;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::Api;
use crate::support::organization::text;
use crate::support::settings::Settings;

const ENCRYPTION_KEYS: &str = "CAUSEWAY_ENCRYPTION_KEYS";
/// 32 bytes, of which no gateway of these tests knows.
const ANOTHER_KEY: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

fn causeway(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_causeway")).args(arguments).output().expect("the program runs");
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
}

async fn an_organization_is_created(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let printed = gateway.command(&["org", "create", "--slug", "acme", "--name", "Acme", "--owner", "owner@acme.test"]);
    let created: Value = serde_json::from_str(&printed).expect("JSON");
    let api = Api::new(&format!("{}/api/v1/orgs/acme", gateway.url), &text(&created, "admin_token"));
    assert_eq!(api.get("").await.expect(200)["id"], created["id"]);
    let log = api.get("/audit").await.expect(200);
    let actors = log["items"].as_array().expect("entries").iter().map(|entry| text(entry, "actor"));
    assert_eq!(actors.collect::<Vec<_>>(), ["operator"; 3], "organization, owner and token: {log:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_is_created_beside_a_running_gateway_on_sqlite() {
    an_organization_is_created(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_is_created_beside_a_running_gateway_on_postgres() {
    an_organization_is_created(Engine::Postgres).await;
}

async fn an_operators_token_is_revoked(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let (first, second) = (gateway.operator(), gateway.operator());
    let listed = second.get("/api/v1/operator/tokens").await.expect(200);
    let ids: Vec<String> = listed["items"].as_array().expect("tokens").iter().map(|token| text(token, "id")).collect();
    assert_eq!(ids.len(), 2, "{listed:#}");
    first.get("/api/v1/operator/orgs").await.expect(200);
    second.delete(&format!("/api/v1/operator/tokens/{}", ids[0])).await.expect(204);
    first.get("/api/v1/operator/orgs").await.expect(401);
    second.delete(&format!("/api/v1/operator/tokens/{}", ids[0])).await.expect(404);
    let printed = gateway.command(&["operator", "token", "list"]);
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines[0].contains(&ids[0]) && lines[0].contains("revoked"), "{printed}");
    assert!(lines[1].contains(&ids[1]) && !lines[1].contains("revoked"), "{printed}");
    gateway.command(&["operator", "token", "revoke", &ids[1]]);
    second.get("/api/v1/operator/orgs").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_token_that_was_revoked_opens_nothing() {
    for engine in Engine::ALL {
        an_operators_token_is_revoked(engine).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_is_published_by_the_running_gateway_within_seconds() {
    for engine in Engine::ALL {
        rotation(engine).await;
    }
}

async fn rotation(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let api = Api::new(&gateway.url, "");
    let before = kids(&api.get("/oauth2/jwks").await.expect(200));
    let printed = gateway.command(&["keys", "rotate", "--purpose", "oidc-es256"]);
    assert!(printed.contains("signs now"), "{printed}");
    published(&api, before.len() + 1).await;
    let (is_good, complaint) = gateway.command_with(&["keys", "rotate"], ENCRYPTION_KEYS, ANOTHER_KEY);
    assert!(!is_good && complaint.contains("sealed under a key that is not configured"), "{complaint}");
    assert_eq!(kids(&api.get("/oauth2/jwks").await.expect(200)).len(), before.len() + 1, "nothing was made");
    let (is_good, complaint) = gateway.unheard_command(&["keys", "rotate"]);
    assert!(!is_good && !complaint.contains("panicked"), "{complaint}");
    let after = published(&api, before.len() + 5).await;
    assert!(before.iter().all(|kid| after.contains(kid)), "a key was withdrawn: {before:?} {after:?}");
}

/// The names of the published keys, once they are so many.
async fn published(api: &Api, wanted: usize) -> Vec<String> {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let now = kids(&api.get("/oauth2/jwks").await.expect(200));
        if now.len() == wanted {
            return now;
        }
        assert!(std::time::Instant::now() < deadline, "not {wanted} keys: {now:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn kids(jwks: &Value) -> Vec<String> {
    jwks["keys"].as_array().expect("keys").iter().map(|key| text(key, "kid")).collect()
}

const WRONG: &str = "public_url = \"http://id.acme.test\"\ndatabase_url = \"mysql://x\"\ncolour = \"red\"\n\
                     [outbound]\nallow_loopback = true\n[log]\nfilter = \"causeway=loud\"\n\
                     [mail]\nsmtp_url = \"smtp://mail.b.test?tls=bogus\"\n\
                     [passwords]\nbreached_list = \"/etc/passwd\"\n";

#[test]
fn all_faults_of_a_configuration_are_said_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("causeway.toml");
    std::fs::write(&file, WRONG).expect("written");
    let file = file.to_str().expect("text");
    let (is_good, said) = causeway(&["--config", file, "check-config"]);
    assert!(!is_good);
    for part in [
        "public_url: is http",
        "outbound.allow_loopback: is for demo",
        "database_url: is neither",
        "data_center: is missing",
        "encryption_keys:",
        "mail.from: is missing",
        "mail.smtp_url: cannot be used",
        "passwords.breached_list: cannot be used",
        "log.filter: is not a filter",
        "colour: is not a setting",
    ] {
        assert!(said.contains(part), "{part} is not said in: {said}");
    }
    assert_eq!(said.matches("not a list of lines").count(), 1, "each cause is said once: {said}");
    let (is_good, said) = causeway(&["--config", "/nowhere/causeway.toml", "serve"]);
    assert!(!is_good && said.contains("/nowhere/causeway.toml"), "{said}");
}

#[test]
fn a_strangers_variable_is_said_and_stops_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("causeway.toml");
    let text = "public_url = \"https://id.acme.test\"\ndata_center = \"us\"\n\
                encryption_keys = [\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"]\n\
                [mail]\nfrom = \"a@b.test\"\nsmtp_url = \"smtps://mail.b.test\"\n";
    std::fs::write(&file, text).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
    command.arg("--config").arg(&file).arg("check-config").env("CAUSEWAY_SERVICE_HOST", "10.0.0.1");
    let output = command.output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("warning: CAUSEWAY_SERVICE_HOST"), "{said}");
}

#[test]
fn a_database_of_another_program_is_refused_whoever_migrates() {
    for engine in Engine::ALL {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
        let mut settings = Settings::new(engine, folder.path());
        settings.start_on_nothing();
        std::fs::write(file("causeway.toml"), settings.to_toml(1, folder.path())).expect("written");
        settings.more = "[database]\nmigrate_on_start = false\n".to_owned();
        std::fs::write(file("by_hand.toml"), settings.to_toml(1, folder.path())).expect("written");
        let run = |configuration: &str, command: &str| causeway(&["--config", &file(configuration), command]);
        let (is_good, said) = run("by_hand.toml", "serve");
        assert!(!is_good && said.contains("lacks migration"), "{said}");
        let (is_good, said) = run("causeway.toml", "migrate");
        assert!(is_good && said.contains("ran "), "{said}");
        let (is_good, said) = run("causeway.toml", "migrate");
        assert!(is_good && said.contains("up to date"), "{said}");
        database::execute(&settings.database_url, "INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')");
        for configuration in ["causeway.toml", "by_hand.toml"] {
            let (is_good, said) = run(configuration, "serve");
            assert!(!is_good && said.contains("newer version"), "{said}");
        }
    }
}
