//! A look into the database of a running gateway, for what no API shows: that nothing was created; and a lock on it.

use std::process::Command;

use super::process::{Process, run};

/// How many rows `table` of the database at `url` has.
pub fn count_rows(url: &str, table: &str) -> u64 {
    let query = format!("SELECT count(*) FROM {table}");
    let printed = match url.strip_prefix("sqlite:") {
        Some(file) => {
            const SCRIPT: &str =
                "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchone()[0])";
            let mut python = Command::new("python3");
            python.args(["-c", SCRIPT, file, &query]);
            run("python3", python)
        }
        None => {
            let mut psql = Command::new("psql");
            psql.args([url, "-qAtc", &query]);
            run("psql", psql)
        }
    };
    printed.trim().parse().unwrap_or_else(|error| panic!("{table}: {printed}: {error}"))
}

/// Changes the database at `url` behind the gateway's back.
pub fn execute(url: &str, statement: &str) {
    match url.strip_prefix("sqlite:") {
        Some(file) => {
            const SCRIPT: &str =
                "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(sys.argv[2]); db.commit()";
            let mut python = Command::new("python3");
            python.args(["-c", SCRIPT, file, statement]);
            run("python3", python);
        }
        None => {
            let mut psql = Command::new("psql");
            psql.args([url, "-qAtc", statement]);
            run("psql", psql);
        }
    }
}

/// Starts another program that locks the SQLite file of the database at `url` for itself until it is dropped.
pub fn lock(url: &str) -> Process {
    const SCRIPT: &str = "import sqlite3, sys\n\
        held = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        held.execute('BEGIN EXCLUSIVE')\n\
        print('READY held', flush=True)\n\
        sys.stdin.read()\n";
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT, url.strip_prefix("sqlite:").expect("a file")]);
    Process::start_ready("another program", python).0
}
