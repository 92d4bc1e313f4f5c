//! SimpleSAMLphp as an identity provider, on PHP's own server. The program is Debian's (`../setup/system.sh`); its
//! configuration is `../counterparties/simplesamlphp`, in a folder of its own.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::http::client;
use super::process::{Process, conformance, free_port, run};

/// Where Debian puts it.
const PROGRAM: &str = "/usr/share/simplesamlphp/www";

/// A running identity provider with one person.
pub struct SimpleSamlPhp {
    url: String,
    folder: TempDir,
    _process: Process,
}

impl SimpleSamlPhp {
    pub fn start(login: &str, password: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        for name in ["cert", "log", "data", "tmp", "metadata", "config"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let values = [
            ("@URL@", url.clone()),
            ("@FOLDER@", folder.path().display().to_string()),
            ("@LOGIN@", login.to_owned()),
            ("@PASSWORD@", password.to_owned()),
        ];
        let places = [("config.php", "config"), ("authsources.php", "config"), ("saml20-idp-hosted.php", "metadata")];
        for (file, place) in places {
            let source = conformance("counterparties/simplesamlphp").join(file);
            let mut text = fs::read_to_string(source).expect("a template");
            for (name, value) in &values {
                text = text.replace(name, value);
            }
            fs::write(folder.path().join(place).join(file), text).expect("configuration");
        }
        for name in ["first", "second"] {
            make_certificate(&folder.path().join("cert"), name);
        }
        fs::write(folder.path().join("how"), "both").expect("a mark");
        fs::write(folder.path().join("keys"), "first").expect("a mark");
        write_metadata(folder.path(), "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\"/>");
        let mut php = Command::new("php");
        php.env("SIMPLESAMLPHP_CONFIG_DIR", folder.path().join("config"))
            .args(["-d", &format!("session.save_path={}", folder.path().join("tmp").display())])
            .args(["-S", &format!("127.0.0.1:{port}"), "-t", PROGRAM]);
        let mut process = Process::start("simplesamlphp", php);
        process.wait_until(|| TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { url, folder, _process: process }
    }

    pub fn metadata_url(&self) -> String {
        format!("{}/saml2/idp/metadata.php?output=xml", self.url)
    }

    /// Reads the metadata of a service provider, and serves it from now on.
    pub async fn trust(&self, metadata_url: &str) {
        let answer = client().get(metadata_url).send().await.expect("an answer");
        write_metadata(self.folder.path(), &answer.text().await.expect("text"));
    }

    /// Signs the "assertion", the "response" or "both" from now on; "encrypted" signs both and encrypts the assertion.
    pub fn answer(&self, how: &str) {
        fs::write(self.folder.path().join("how"), how).expect("a mark");
    }

    /// From now on the first of these keys ("first", "second") signs, and the metadata shows all of them.
    pub fn sign_with(&self, keys: &str) {
        fs::write(self.folder.path().join("keys"), keys).expect("a mark");
    }

    /// What it logged, for the message of a test that fails.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log/idp.log")).unwrap_or_default()
    }
}

fn write_metadata(folder: &Path, text: &str) {
    fs::write(folder.join("gateway.xml"), text).expect("metadata");
}

fn make_certificate(folder: &Path, name: &str) {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=idp", "-days", "30", "-keyout"]);
    openssl.arg(folder.join(name).with_extension("pem")).arg("-out").arg(folder.join(name).with_extension("crt"));
    run("openssl", openssl);
}
