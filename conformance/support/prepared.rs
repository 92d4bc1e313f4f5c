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
            static FILES: OnceLock<Vec<(&str, Vec<u8>)>> = OnceLock::new();
            let files = FILES.get_or_init(|| {
                let first = tempfile::tempdir().expect("a temporary folder");
                start_once(&sqlite_url(first.path()), first.path());
                // What was not moved from the log into the file when the program ended is a part of the database.
                let there = |name| Some((name, fs::read(first.path().join(name)).ok()?));
                ["causeway.db", "causeway.db-wal"].into_iter().filter_map(there).collect()
            });
            for (name, bytes) in files {
                fs::write(folder.join(name), bytes).expect("a copy of the database");
            }
            sqlite_url(folder)
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
