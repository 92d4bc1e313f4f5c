//! Where the parts of the demo are: folder, ports, commands.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{Options, people};

const CONFIGURATION: &str = "causeway.toml";
/// What the demo makes anew each time.
const OWN_FOLDERS: [&str; 3] = ["data", "log", "mail"];
/// How the configuration begins, which says that a folder is the demo's.
const MARK: &str = "# The demo's gateway, on this machine only.";

/// Every path and port of one demo.
pub struct Places {
    folder: PathBuf,
    scripts: PathBuf,
    packages: PathBuf,
    port_base: u16,
}

impl Places {
    /// Empties the folder of what an earlier demo left there, and writes the gateway's configuration. Nothing is touched
    /// while another demo may run there, nor in a folder that no demo has made its own.
    pub fn prepare(options: &Options) -> anyhow::Result<Self> {
        let Some(packages) = options.packages.clone() else {
            bail!(
                "the packages of the identity providers and the app are missing: run `make demo`, which installs them"
            );
        };
        check_ports(options.port_base)?;
        check_folder(&options.dir)?;
        fs::create_dir_all(&options.dir).with_context(|| format!("{} cannot be made", options.dir.display()))?;
        let scripts = options.scripts.canonicalize().with_context(|| {
            format!("{} is not here: run the demo in the repository's folder", options.scripts.display())
        })?;
        let places = Self { folder: options.dir.canonicalize()?, scripts, packages, port_base: options.port_base };
        // First, because it says whose the folder is.
        places.write_configuration()?;
        places.forget()?;
        for name in OWN_FOLDERS {
            let path = places.folder.join(name);
            if path.exists() {
                fs::remove_dir_all(&path)?;
            }
            fs::create_dir_all(&path)?;
        }
        Ok(places)
    }

    /// Removes the description, which holds while the demo runs and no longer.
    pub fn forget(&self) -> std::io::Result<()> {
        match fs::remove_file(self.manifest()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn write_configuration(&self) -> anyhow::Result<()> {
        use base64::Engine as _;
        let key = base64::engine::general_purpose::STANDARD.encode(crate::cli::system_entropy().bytes::<32>());
        let text = format!(
            "{MARK}\n\
             public_url = \"{}\"\nlisten = \"127.0.0.1:{}\"\ndata_center = \"us\"\n\
             database_url = \"sqlite:{}\"\nencryption_keys = [\"{key}\"]\n\n\
             [dns]\nservers = [\"{}\"]\n\n[outbound]\nallow_loopback = true\n\n\
             [mail]\nfrom = \"gateway@causeway.test\"\ndirectory = \"{}\"\n\n[log]\nformat = \"text\"\n",
            self.gateway_url(),
            self.port_base,
            self.data("causeway.db").display(),
            self.dns(),
            self.mail().display(),
        );
        fs::write(self.configuration(), text)?;
        Ok(())
    }

    /// The gateway's configuration file.
    pub fn configuration(&self) -> PathBuf {
        self.folder.join(CONFIGURATION)
    }

    /// A file of the demo's data.
    pub fn data(&self, name: &str) -> PathBuf {
        self.folder.join("data").join(name)
    }

    /// Where mails go.
    pub fn mail(&self) -> PathBuf {
        self.folder.join("mail")
    }

    /// A part's log.
    pub fn log(&self, part: &str) -> PathBuf {
        self.folder.join("log").join(format!("{part}.log"))
    }

    /// The description for scripts.
    pub fn manifest(&self) -> PathBuf {
        self.folder.join("demo.json")
    }

    /// The gateway's public URL.
    pub fn gateway_url(&self) -> String {
        format!("http://localhost:{}", self.port_base)
    }

    /// The DNS server's address.
    pub fn dns(&self) -> String {
        format!("127.0.0.1:{}", self.port(1))
    }

    /// The SAML identity provider's base URL.
    pub fn saml_idp_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port(2))
    }

    /// The OpenID provider's base URL, which is its issuer.
    pub fn openid_provider_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port(3))
    }

    /// The sample app's base URL.
    pub fn sample_app_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port(4))
    }

    /// The port of the part at this place.
    pub fn port(&self, place: u16) -> u16 {
        self.port_base + place
    }

    /// The DNS server.
    pub fn knotd(&self) -> Command {
        let mut command = Command::new("/usr/sbin/knotd");
        command.arg("-c").arg(self.data("knot.conf"));
        command
    }

    /// Tells the DNS server that its zone changed.
    pub fn knotc_reload(&self) -> Command {
        let mut command = Command::new("/usr/sbin/knotc");
        command.args(["-b", "-c"]).arg(self.data("knot.conf")).arg("zone-reload");
        command
    }

    /// The SAML identity provider.
    pub fn saml_idp(&self) -> anyhow::Result<Command> {
        let settings = json!({ "state_dir": self.data("saml-idp"), "title": "Acme SAML", "people": people::all() });
        let mut command = self.python("saml_idp.py");
        self.with_settings(&mut command, 2, "saml-idp", &settings)?;
        Ok(command)
    }

    /// The OpenID provider.
    pub fn openid_provider(&self) -> anyhow::Result<Command> {
        let settings = json!({ "title": "Acme OpenID", "people": people::all(), "clients": [] });
        let mut command = self.node("oidc_op.mjs");
        self.with_settings(&mut command, 3, "openid-provider", &settings)?;
        Ok(command)
    }

    /// The sample app.
    pub fn sample_app(&self) -> anyhow::Result<Command> {
        let mut command = self.node("sample_app.mjs");
        self.with_settings(&mut command, 4, "sample-app", &json!({ "title": "Sample app" }))?;
        Ok(command)
    }

    /// The SCIM client.
    pub fn scim_client(&self) -> Command {
        self.python("scim_push.py")
    }

    /// This very program, serving.
    pub fn gateway(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--config").arg(self.configuration()).arg("serve");
        Ok(command)
    }

    fn python(&self, script: &str) -> Command {
        let mut command = Command::new(self.packages.join("venv/bin/python"));
        command.arg(self.scripts.join(script));
        command
    }

    fn node(&self, script: &str) -> Command {
        let mut command = Command::new("node");
        command.arg(self.scripts.join(script));
        command
    }

    fn with_settings(&self, command: &mut Command, place: u16, name: &str, settings: &Value) -> anyhow::Result<()> {
        let file = self.data(&format!("{name}.json"));
        fs::write(&file, settings.to_string())?;
        command.arg("--port").arg(self.port(place).to_string()).arg("--config").arg(file);
        Ok(())
    }

    /// The folder, for what is printed.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

fn check_ports(base: u16) -> anyhow::Result<()> {
    for port in base..base.saturating_add(5) {
        std::net::TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("port {port} is taken; try another --port-base"))?;
    }
    Ok(())
}

/// What stands in a folder of somebody else is not the demo's to remove.
fn check_folder(folder: &Path) -> anyhow::Result<()> {
    let is_ours = fs::read_to_string(folder.join(CONFIGURATION)).is_ok_and(|text| text.starts_with(MARK));
    match OWN_FOLDERS.iter().find(|name| folder.join(name).exists()) {
        Some(name) if !is_ours => {
            bail!("{} has a folder {name} that no demo made; name another one with --dir", folder.display())
        }
        _ => Ok(()),
    }
}

/// A plain HTTP client towards the demo's own parts.
#[expect(clippy::disallowed_methods, reason = "these calls go to the demo's own parts, which live on loopback")]
pub fn http_client() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?)
}

/// Waits until `url` answers 200.
pub async fn wait_for(client: &reqwest::Client, url: &str, patience: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if client.get(url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("{url} did not answer in time")
}
