//! The configuration of a gateway under test: loopback only, a database of its own, mail into a folder.

use std::net::SocketAddr;
use std::path::Path;

use super::engine::Engine;
use super::postgres;

/// What a test chooses; the rest is the same for all.
pub struct Settings {
    pub database_url: String,
    pub dns: Option<SocketAddr>,
    /// `http`, or `https` as behind a proxy that terminates TLS.
    pub scheme: &'static str,
    /// Whether connections may point at this machine, where all counterparties are.
    pub allows_loopback: bool,
    /// Further lines of TOML tables, for the test that is about one setting.
    pub more: String,
}

impl Settings {
    /// A new, empty database of `engine`; SQLite's file lies in `folder`.
    pub fn new(engine: Engine, folder: &Path) -> Self {
        let database_url = match engine {
            Engine::Sqlite => format!("sqlite:{}", folder.join("causeway.db").display()),
            Engine::Postgres => postgres::new_database(),
        };
        Self { database_url, dns: None, scheme: "http", allows_loopback: true, more: String::new() }
    }

    /// The configuration file of a gateway on `port`. The host is `localhost`, the counterparties' `127.0.0.1`, so
    /// that they are different sites to a browser.
    pub fn to_toml(&self, port: u16, folder: &Path) -> String {
        let servers = self.dns.map(|address| format!("\"{address}\"")).unwrap_or_default();
        format!(
            "public_url = \"{}://localhost:{port}\"\n\
             listen = \"127.0.0.1:{port}\"\n\
             data_center = \"us\"\n\
             database_url = \"{}\"\n\
             encryption_keys = [\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"]\n\
             workers = 2\n\
             shutdown_grace_seconds = 5\n\
             [dns]\nservers = [{servers}]\n\
             [outbound]\nallow_loopback = {}\n\
             [mail]\nfrom = \"gateway@causeway.test\"\ndirectory = \"{}\"\n\
             [log]\nformat = \"json\"\nfilter = \"info\"\n{}",
            self.scheme,
            self.database_url,
            self.allows_loopback,
            folder.join("mail").display(),
            self.more,
        )
    }
}
