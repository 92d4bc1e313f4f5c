//! The gateway inside the test's own process, for what depends on the time: its clock can be moved.

use causeway::app::{self, Running};
use causeway::values::entropy::Entropy;
use tempfile::TempDir;

use super::clock::MovableClock;
use super::engine::Engine;
use super::gateway::command;
use super::http::Api;
use super::process::{free_port, run};
use super::settings::Settings;

/// A running gateway and the clock it looks at.
pub struct TestServer {
    pub url: String,
    pub clock: MovableClock,
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
        let checked =
            causeway::config::read(&text, [], causeway::telemetry::logs::check).expect("a sound configuration");
        let clock = MovableClock::default();
        let running = app::start(checked.config, clock.clock(), entropy()).await.expect("the gateway starts");
        Self { url: format!("http://localhost:{port}"), clock, folder, running }
    }

    /// The operator's access to the API, with a token from the command line.
    pub fn operator(&self) -> Api {
        Api::new(
            &self.url,
            run("causeway", command(self.folder.path(), &["operator", "token", "--name", "tests"])).trim(),
        )
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
