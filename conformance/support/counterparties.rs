//! The real programs on the other side: a SAML identity provider (pysaml2), an OpenID provider (oidc-provider), apps
//! (openid-client; Apache with mod_auth_openidc), a SCIM client (scim2-client) and Chromium. `../counterparties` has
//! their scripts, `../setup/counterparties.sh` installs them.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::Api;
use super::organization::Client;
use super::process::{Process, conformance, free_port, run};

/// The folder that holds `venv` and `node_modules`. The first caller installs what is missing.
pub fn home() -> &'static Path {
    static HOME: OnceLock<PathBuf> = OnceLock::new();
    HOME.get_or_init(|| {
        let printed = run("setup/counterparties.sh", Command::new(conformance("setup/counterparties.sh")));
        PathBuf::from(printed.trim())
    })
}

fn python(script: &str) -> Command {
    let mut command = Command::new(home().join("venv/bin/python"));
    command.arg("-W").arg("ignore").arg(conformance("counterparties").join(script));
    command
}

fn node(script: &str) -> Command {
    let _ = home();
    let mut command = Command::new("node");
    command.arg(conformance("counterparties").join(script));
    command
}

/// A program with an address of its own, started from a configuration file.
pub struct Counterparty {
    pub url: String,
    _process: Process,
    _folder: TempDir,
}

impl Counterparty {
    fn start(name: &str, mut command: Command, mut config: Value) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        config["state_dir"] = json!(folder.path().join("state"));
        let file = folder.path().join("config.json");
        fs::write(&file, config.to_string()).expect("configuration");
        command.args(["--port", "0", "--config"]).arg(&file);
        let (process, url) = Process::start_ready(name, command);
        Self { url, _process: process, _folder: folder }
    }

    async fn tell(&self, path: &str, body: Value) {
        Api::new(&self.url, "").post(path, body).await.expect(201);
    }
}

/// Somebody with a password at an identity provider.
pub fn person(email: &str, given_name: &str) -> Value {
    json!({
        "email": email, "password": "correct horse battery", "name": format!("{given_name} Example"),
        "given_name": given_name, "family_name": "Example",
    })
}

/// The password of every [`person`].
pub const PASSWORD: &str = "correct horse battery";

/// A SAML identity provider that knows `people`, and that `fault=...` in its sign-in address makes dishonest.
pub struct SamlIdp(pub Counterparty);

impl SamlIdp {
    pub fn start(people: &[Value]) -> Self {
        Self::signing("assertion", people)
    }

    /// The same, signing the "assertion", the "response" or "both".
    pub fn signing(sign: &str, people: &[Value]) -> Self {
        let mut command = python("saml_idp.py");
        command.arg("--allow-faults");
        let config = json!({ "title": "SAML test IdP", "people": people, "sign": sign });
        Self(Counterparty::start("saml_idp.py", command, config))
    }

    pub fn metadata_url(&self) -> String {
        format!("{}/metadata", self.0.url)
    }

    /// Goes one step on in a change of the signing key: "announce", "change", "retire".
    pub async fn roll_over(&self, step: &str) {
        let told = Api::new(&self.0.url, "").post("/admin/roll-over", json!({})).await.expect(201);
        assert_eq!(told["step"], step);
    }

    /// The address that tells the service provider that somebody has signed out here, by "redirect" or by "post".
    pub async fn sign_out(&self, login: &str, binding: &str) -> String {
        let asked = json!({ "login": login, "binding": binding });
        let told = Api::new(&self.0.url, "").post("/admin/sign-out", asked).await.expect(201);
        told["address"].as_str().expect("an address").to_owned()
    }

    /// From now on a logout comes so far, and messages about it are taken by these bindings.
    pub async fn logs_out(&self, is_partial: bool, bindings: &[&str]) {
        self.0.tell("/admin/slo", json!({ "partial": is_partial, "bindings": bindings })).await;
    }

    /// Reads the metadata of a service provider, and serves it from now on.
    pub async fn trust(&self, metadata_url: &str) {
        self.0.tell("/admin/service-providers", json!({ "url": metadata_url })).await;
    }
}

/// An OpenID provider that knows `people`.
pub struct OidcOp(pub Counterparty);

impl OidcOp {
    pub fn start(people: &[Value]) -> Self {
        let config = json!({ "title": "OpenID test provider", "people": people });
        Self(Counterparty::start("oidc_op.mjs", node("oidc_op.mjs"), config))
    }

    pub fn issuer(&self) -> &str {
        &self.0.url
    }

    /// Registers the gateway as a client.
    pub async fn add_client(&self, client_id: &str, client_secret: &str, redirect_uri: &str) {
        let client = json!({ "client_id": client_id, "client_secret": client_secret, "redirect_uris": [redirect_uri] });
        self.add_client_as(client).await;
    }

    /// Registers a client by its metadata.
    pub async fn add_client_as(&self, metadata: Value) {
        self.0.tell("/admin/clients", metadata).await;
    }

    /// Changes the key that signs, without notice.
    pub async fn roll_over(&self) {
        self.0.tell("/admin/roll-over", json!({})).await;
    }
}

/// An app of the gateway on openid-client. It learns its client after it was registered.
pub struct SampleApp(pub Counterparty);

impl SampleApp {
    pub fn start() -> Self {
        Self(Counterparty::start("sample_app.mjs", node("sample_app.mjs"), json!({ "title": "Sample app" })))
    }

    pub fn redirect_uri(&self) -> String {
        format!("{}/callback", self.0.url)
    }

    /// Where a person begins.
    pub fn sign_in_url(&self) -> String {
        format!("{}/sign-in", self.0.url)
    }

    pub async fn learn(&self, issuer: &str, client_id: &str, client_secret: &str) {
        let client = json!({ "issuer": issuer, "client_id": client_id, "client_secret": client_secret });
        self.0.tell("/admin/client", client).await;
    }

    /// Learns a client, and to take ID tokens in this algorithm alone.
    pub async fn learn_to_insist(&self, issuer: &str, client: &Client, algorithm: &str) {
        let client = json!({
            "issuer": issuer, "client_id": client.id, "client_secret": client.secret,
            "id_token_signed_response_alg": algorithm,
        });
        self.0.tell("/admin/client", client).await;
    }
}

/// An app of the gateway on Apache with mod_auth_openidc.
pub struct ApacheApp {
    pub url: String,
    process: Process,
    _folder: TempDir,
}

impl ApacheApp {
    /// Where the app will listen, so that it can be registered before it starts.
    pub fn reserve() -> (u16, String) {
        let port = free_port();
        (port, format!("http://127.0.0.1:{port}/secure/callback"))
    }

    pub fn start(port: u16, issuer: &str, client_id: &str, client_secret: &str, algorithm: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let secure = folder.path().join("www/secure");
        fs::create_dir_all(&secure).expect("document root");
        fs::copy(conformance("counterparties/apache_page.shtml"), secure.join("index.shtml")).expect("page");
        let mut text = fs::read_to_string(conformance("counterparties/apache_oidc.conf")).expect("template");
        let values = [
            ("@FOLDER@", folder.path().display().to_string()),
            ("@PORT@", port.to_string()),
            ("@ISSUER@", issuer.to_owned()),
            ("@CLIENT_ID@", client_id.to_owned()),
            ("@CLIENT_SECRET@", client_secret.to_owned()),
            ("@ALGORITHM@", algorithm.to_owned()),
        ];
        for (name, value) in values {
            text = text.replace(name, &value);
        }
        let file = folder.path().join("apache.conf");
        fs::write(&file, text).expect("configuration");
        // Its workers run as another user when a root starts it; the folder holds nothing secret.
        run("chmod", command("chmod", &["-R", "a+rwX", &folder.path().display().to_string()]));
        let mut apache = command("/usr/sbin/apache2", &["-DFOREGROUND", "-f"]);
        // When it ends, it ends its whole process group, which must not be that of the tests.
        apache.arg(&file).process_group(0);
        let mut process = Process::start("apache2", apache);
        process.wait_until(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { url: format!("http://127.0.0.1:{port}/secure/"), process, _folder: folder }
    }

    /// What Apache logged, for the message of a test that fails.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Runs the SCIM client with `arguments` and answers what it printed. Fails when an answer was not as it should be.
pub fn scim_push(base: &str, token: &str, arguments: &[&str]) -> Value {
    let mut push = python("scim_push.py");
    push.args(["--base", base, "--token", token]).args(arguments);
    serde_json::from_str(&run("scim_push.py", push)).expect("a line of JSON")
}

/// Runs scim2-tester through scim2-cli and answers its report and how it ended, whatever its verdict.
pub fn scim2_tester(base: &str, token: &str) -> (String, ExitStatus) {
    let mut tester = Command::new(home().join("venv/bin/scim2"));
    tester.env("SCIM_CLI_HEADERS", format!("Authorization: Bearer {token}")).env("COLUMNS", "200");
    tester.args(["--url", base, "test", "--verbose"]);
    let output = tester.output().expect("scim2 starts");
    let report = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (report, output.status)
}

/// Runs scim-sanity against a SCIM base; its report as JSON, and how it ended.
pub fn scim_sanity(base: &str, token: &str, mode: &str) -> (Value, ExitStatus) {
    let mut probe = Command::new(home().join("venv/bin/scim-sanity"));
    probe.args(["probe", base, "--token", token, mode, "--i-accept-side-effects", "--json-output"]);
    let output = probe.output().expect("scim-sanity starts");
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)));
    (report, output.status)
}

/// Signs a person in by clicking in Chromium, through the connection called `choice` where there are several, and
/// answers what the app showed.
pub fn click_through(app: &str, email: &str, choice: Option<&str>) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("task.json");
    let task = json!({ "app": app, "email": email, "password": PASSWORD, "choice": choice });
    fs::write(&file, task.to_string()).expect("task");
    let mut clicks = node("browser_sign_in.mjs");
    clicks.arg(&file);
    serde_json::from_str(&run("browser_sign_in.mjs", clicks)).expect("a line of JSON")
}

/// Does what `task` says with passkeys in Chromium (`browser_passkeys.mjs`), and answers what each step showed.
pub fn passkeys_by_clicking(task: &Value) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("task.json");
    fs::write(&file, task.to_string()).expect("task");
    let mut clicks = node("browser_passkeys.mjs");
    clicks.arg(&file);
    serde_json::from_str(&run("browser_passkeys.mjs", clicks)).expect("a line of JSON")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{OidcOp, PASSWORD, SampleApp, person};
    use crate::support::browser::Browser;

    /// Shows that browser, provider and app are sound by themselves, so that a failed story points at the gateway.
    #[tokio::test(flavor = "multi_thread")]
    async fn the_app_and_the_provider_agree_without_a_gateway() {
        let (op, app) = (OidcOp::start(&[person("ada@acme.test", "Ada")]), SampleApp::start());
        op.add_client("app", "a secret of this test, long enough", &app.redirect_uri()).await;
        app.learn(op.issuer(), "app", "a secret of this test, long enough").await;
        let browser = Browser::asking_for_json();
        let form = browser.open(&format!("{}/sign-in", app.0.url)).await;
        let wrong = browser.submit(&form, &[("login", "ada@acme.test"), ("password", "guess")]).await;
        assert!(wrong.body.contains("is wrong"), "{}", wrong.body);
        let shown = browser.submit(&wrong, &[("login", "ada@acme.test"), ("password", PASSWORD)]).await;
        let shown: Value = serde_json::from_str(&shown.body).expect("the app shows JSON");
        assert_eq!(shown["claims"]["email"], "ada@acme.test");
    }
}
