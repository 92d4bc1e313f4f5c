//! Databases for unit tests: an SQLite file and a database of a temporary PostgreSQL cluster, both migrated.
//! The cluster belongs to the test process: it ends, and its directory goes, when the process does.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection as _;

use super::connection::{self, Location, Mode};
use super::{Settings, Store, migration};

/// A store and what keeps it alive.
pub struct Scratch {
    /// The migrated, empty store.
    pub store: Store,
    /// "sqlite" or "postgres", for messages of failed tests.
    pub engine: &'static str,
    _directory: Option<tempfile::TempDir>,
}

const SETTINGS: Settings = Settings { pool_size: 4, wait: Duration::from_secs(10) };

/// One fresh store per engine. Every test of a query runs over all of them.
pub fn all() -> Vec<Scratch> {
    vec![sqlite(), postgres()]
}

/// A fresh SQLite store.
pub fn sqlite() -> Scratch {
    let directory = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(directory.path().join("causeway.db").to_str().unwrap().to_owned());
    migration::run(&location).unwrap();
    Scratch { store: Store::open(location, &SETTINGS).unwrap(), engine: "sqlite", _directory: Some(directory) }
}

/// A fresh PostgreSQL store.
pub fn postgres() -> Scratch {
    static CLUSTER: OnceLock<(Child, String)> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let (_, base) = CLUSTER.get_or_init(start_cluster);
    let name = format!("scratch_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let admin = Location::Postgres(format!("{base}&dbname=postgres"));
    let mut connection = connection::open(&admin, Mode::Write).unwrap();
    connection.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
    let location = Location::Postgres(format!("{base}&dbname={name}"));
    migration::run(&location).unwrap();
    Scratch { store: Store::open(location, &SETTINGS).unwrap(), engine: "postgres", _directory: None }
}

/// Starts a cluster that listens on a socket in its own directory only. The shell that holds it waits for the end of
/// its standard input, which comes when this process ends, however it ends.
fn start_cluster() -> (Child, String) {
    let script = r#"
        set -e
        dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
        bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1); PATH="${bin:-}:$PATH"
        as=""; if [ "$(id -u)" = 0 ]; then chown postgres "$dir"; as="setpriv --reuid=postgres --regid=postgres --clear-groups"; fi
        $as initdb -D "$dir/data" -A trust -U postgres --no-sync -E UTF8 --locale=C.UTF-8 >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
        $as postgres -D "$dir/data" -c listen_addresses= -c unix_socket_directories="$dir" -c fsync=off -c max_connections=200 >>"$dir/log" 2>&1 &
        pid=$!
        for _ in $(seq 300); do [ -S "$dir/.s.PGSQL.5432" ] && psql -h "$dir" -U postgres -c 'select 1' postgres >/dev/null 2>&1 && break; sleep 0.1; done
        echo "$dir"
        cat >/dev/null
        kill -INT $pid; wait $pid || true
    "#;
    let mut child = Command::new("sh")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell starts the PostgreSQL cluster");
    let mut directory = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut directory).unwrap();
    let directory = directory.trim();
    assert!(!directory.is_empty(), "the PostgreSQL cluster of the tests did not start");
    let base = format!("postgres:///?host={directory}&user=postgres");
    (child, base)
}
