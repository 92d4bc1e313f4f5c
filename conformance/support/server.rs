//! The gateway inside the test's own process, for what depends on the time: its clock can be moved.

use std::time::{Duration, Instant};

use causeway::app::{self, Running};
use causeway::values::entropy::Entropy;
use tempfile::TempDir;

use super::clock::MovableClock;
use super::database;
use super::engine::Engine;
use super::gateway::command;
use super::http::Api;
use super::process::{free_port, run};
use super::settings::Settings;

/// A running gateway and the clock it looks at.
pub struct TestServer {
    pub url: String,
    pub clock: MovableClock,
    database_url: String,
    folder: TempDir,
    running: Running,
}

impl TestServer {
    /// Starts on a new database of `engine`; `choose` changes the settings before.
    pub async fn start(engine: Engine, choose: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("mail")).expect("a folder for mail");
        let mut settings = Settings::new(engine, folder.path());
        choose(&mut settings);
        let port = free_port();
        let text = settings.to_toml(port, folder.path());
        std::fs::write(folder.path().join("causeway.toml"), &text).expect("configuration");
        let checked = causeway::config::read(&text, [], app::CHECKS).expect("a sound configuration");
        let clock = MovableClock::default();
        let running = app::start(checked.config, clock.clock(), entropy()).await.expect("the gateway starts");
        Self { url: format!("http://localhost:{port}"), clock, database_url: settings.database_url, folder, running }
    }

    /// The operator's access to the API, with a token from the command line.
    pub fn operator(&self) -> Api {
        Api::new(
            &self.url,
            run("causeway", command(self.folder.path(), &["operator", "token", "--name", "tests"])).trim(),
        )
    }

    /// Moves the clock back, when no job is at work or about to be: one that has begun would go on as if it were that late.
    pub async fn turn_back(&self, seconds: i64) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let soon = self.clock.clock().now().plus_seconds(5).micros();
            let busy = format!("jobs WHERE state = 'running' OR (state = 'waiting' AND run_at <= {soon})");
            if database::count_rows(&self.database_url, &busy) == 0 {
                return self.clock.advance_seconds(-seconds);
            }
            assert!(Instant::now() < deadline, "the jobs do not come to rest");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The files of mail that was sent so far.
    pub fn mail(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.path().join("mail")).expect("a folder for mail");
        files.flatten().filter_map(|entry| std::fs::read_to_string(entry.path()).ok()).collect()
    }

    /// Stops it as a service manager would.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

/// The randomness of the machine.
#[expect(clippy::disallowed_methods, reason = "the composition root of the tests is where randomness comes from")]
pub fn entropy() -> Entropy {
    Entropy::new(|buffer| aws_lc_rs::rand::fill(buffer).expect("the system has randomness"))
}
