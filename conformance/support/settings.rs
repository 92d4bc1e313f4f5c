//! The configuration of a gateway under test: loopback only, a database of its own, mail into a folder.

use std::net::SocketAddr;
use std::path::Path;

use super::engine::Engine;
use super::{postgres, prepared};

/// What a test chooses; the rest is the same for all.
pub struct Settings {
    pub database_url: String,
    pub dns: Option<SocketAddr>,
    /// `http`, or `https` as behind a proxy that terminates TLS.
    pub scheme: &'static str,
    /// Whether connections may point at this machine, where all counterparties are.
    pub allows_loopback: bool,
    /// Where mail goes instead of a folder.
    pub smtp_url: Option<String>,
    /// How long a stop waits.
    pub shutdown_grace_seconds: u32,
    /// Further lines of TOML tables, for the test that is about one setting.
    pub more: String,
}

impl Settings {
    /// A new database of `engine` with no data in it; SQLite's file lies in `folder`.
    pub fn new(engine: Engine, folder: &Path) -> Self {
        Self::on(prepared::new_database(engine, folder))
    }

    /// The database at `database_url`, whatever is in it.
    pub const fn on(database_url: String) -> Self {
        Self {
            database_url,
            dns: None,
            scheme: "http",
            allows_loopback: true,
            smtp_url: None,
            shutdown_grace_seconds: 5,
            more: String::new(),
        }
    }

    /// Takes an empty database instead, so that the gateway's start is its first.
    pub fn start_on_nothing(&mut self) {
        match self.database_url.strip_prefix("sqlite:") {
            Some(file) => std::fs::remove_file(file).expect("the file was there"),
            None => self.database_url = postgres::new_database(),
        }
    }

    /// The configuration file of a gateway on `port`. The host is `localhost`, the counterparties' `127.0.0.1`, so
    /// that they are different sites to a browser.
    pub fn to_toml(&self, port: u16, folder: &Path) -> String {
        let mail = match &self.smtp_url {
            Some(url) => format!("smtp_url = \"{url}\""),
            None => format!("directory = \"{}\"", folder.join("mail").display()),
        };
        let servers = self.dns.map(|address| format!("\"{address}\"")).unwrap_or_default();
        format!(
            "public_url = \"{}://localhost:{port}\"\n\
             listen = \"127.0.0.1:{port}\"\n\
             data_center = \"us\"\n\
             database_url = \"{}\"\n\
             encryption_keys = [\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"]\n\
             workers = 2\n\
             shutdown_grace_seconds = {}\n\
             [dns]\nservers = [{servers}]\n\
             [outbound]\nallow_loopback = {}\n\
             [mail]\nfrom = \"gateway@causeway.test\"\n{mail}\n\
             [log]\nformat = \"json\"\nfilter = \"info\"\n{}",
            self.scheme, self.database_url, self.shutdown_grace_seconds, self.allows_loopback, self.more,
        )
    }
}
