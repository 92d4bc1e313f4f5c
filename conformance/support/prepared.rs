//! What the first start of the gateway leaves in an empty database: its tables and its keys. Making the keys takes a
//! second of a processor, so it happens once for each engine, and a gateway under test starts on a copy.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use super::engine::Engine;
use super::gateway::serve;
use super::postgres;
use super::settings::Settings;

/// The URL of a new database of `engine` that has seen its first start; SQLite's file lies in `folder`.
pub fn new_database(engine: Engine, folder: &Path) -> String {
    match engine {
        Engine::Sqlite => {
            static FILE: OnceLock<Vec<u8>> = OnceLock::new();
            let bytes = FILE.get_or_init(|| {
                let first = tempfile::tempdir().expect("a temporary folder");
                let url = sqlite_url(first.path());
                start_once(&url, first.path());
                fs::read(url.trim_start_matches("sqlite:")).expect("the database")
            });
            let url = sqlite_url(folder);
            fs::write(url.trim_start_matches("sqlite:"), bytes).expect("a copy of the database");
            url
        }
        Engine::Postgres => {
            static URL: OnceLock<String> = OnceLock::new();
            postgres::copy_of(URL.get_or_init(|| {
                let first = tempfile::tempdir().expect("a temporary folder");
                let url = postgres::new_database();
                start_once(&url, first.path());
                url
            }))
        }
    }
}

/// The URL of the one SQLite file of a test in `folder`.
pub fn sqlite_url(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("causeway.db").display())
}

/// Starts the gateway on the database at `url`, and stops it when it serves.
fn start_once(url: &str, folder: &Path) {
    let (mut process, _) = serve(&Settings::on(url.to_owned()), folder);
    process.ask_to_stop();
    let status = process.wait_for_end();
    assert!(status.success(), "the first start ended with {status}:\n{}", process.log());
}
