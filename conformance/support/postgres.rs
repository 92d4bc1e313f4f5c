//! PostgreSQL for the tests: one temporary cluster for the whole run, one database for each server.

use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::process::{Process, conformance, run};

/// The URL of a new, empty database.
pub fn new_database() -> String {
    create("")
}

/// The URL of a new database with everything that is in the one at `url`, to which nobody may be connected.
pub fn copy_of(url: &str) -> String {
    let (_, name) = url.rsplit_once('/').expect("the URL names a database");
    create(&format!(" TEMPLATE {name}"))
}

fn create(how: &str) -> String {
    // `setup/postgres.sh` ends the cluster when its standard input closes, which the end of this process does, however
    // it comes: a value in a static is never dropped.
    static CLUSTER: OnceLock<(Process, String)> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = || Process::start_ready("PostgreSQL", Command::new(conformance("setup/postgres.sh")));
    let (_, admin_url) = CLUSTER.get_or_init(start);
    let name = format!("causeway_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut create = Command::new("psql");
    create.args([admin_url, "-qc", &format!("CREATE DATABASE {name}{how}")]);
    run("psql", create);
    let (server, _) = admin_url.rsplit_once('/').expect("the URL names a database");
    format!("{server}/{name}")
}
