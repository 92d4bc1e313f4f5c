//! The gateway as an operator runs it: the built program, its configuration file and its command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::database;
use super::engine::Engine;
use super::http::Api;
use super::process::{Process, free_port, run};
use super::settings::Settings;

/// A running `causeway serve` in a folder of its own.
pub struct Gateway {
    pub url: String,
    pub folder: TempDir,
    pub database_url: String,
    process: Process,
}

impl Gateway {
    /// Starts on a new database of `engine`; `choose` changes the settings before.
    pub fn start(engine: Engine, choose: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut settings = Settings::new(engine, folder.path());
        choose(&mut settings);
        let (process, url) = serve(&settings, folder.path());
        Self { url, folder, database_url: settings.database_url, process }
    }

    /// Runs one command of the command line against the same configuration and answers what it printed.
    pub fn command(&self, arguments: &[&str]) -> String {
        run("causeway", command(self.folder.path(), arguments))
    }

    /// Runs a command that is to fail: whether it succeeded, and what it complained of.
    pub fn fails(&self, arguments: &[&str]) -> (bool, String) {
        let output = command(self.folder.path(), arguments).output().expect("causeway starts");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Runs a command with one more variable in its environment: whether it succeeded, and what it complained of.
    pub fn command_with(&self, arguments: &[&str], name: &str, value: &str) -> (bool, String) {
        let output = command(self.folder.path(), arguments).env(name, value).output().expect("causeway starts");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Runs a command whose standard output is closed before it can write: whether it succeeded, and what it complained of.
    pub fn unheard_command(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = command(self.folder.path(), arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("causeway starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("causeway ends");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Stops the program and starts it again where it was, with this line of its configuration in the place of the one of the same
    /// name.
    pub fn restart_with(&mut self, line: &str) {
        self.start_anew(line);
        let port = self.port();
        self.process.wait_until(|| is_live(port));
    }

    /// Does the same where the program is to refuse to start: what it said.
    pub fn refuses_with(&mut self, line: &str) -> String {
        self.start_anew(line);
        let status = self.process.wait_for_end();
        assert!(!status.success(), "{}", self.log());
        self.log()
    }

    fn start_anew(&mut self, line: &str) {
        self.ask_to_stop();
        self.process.wait_for_end();
        let file = self.folder.path().join("causeway.toml");
        let name = line.split(' ').next().unwrap_or_default();
        let before = fs::read_to_string(&file).expect("configuration");
        let after: Vec<&str> =
            before.lines().map(|one| if one.split(' ').next() == Some(name) { line } else { one }).collect();
        fs::write(&file, after.join("\n")).expect("configuration");
        self.process = Process::start("causeway serve", command(self.folder.path(), &["serve"]));
    }

    fn port(&self) -> u16 {
        let (_, port) = self.url.rsplit_once(':').expect("a port");
        port.parse().expect("a port")
    }

    /// The operator's access to the API, with a token from the command line.
    pub fn operator(&self) -> Api {
        let token = self.command(&["operator", "token", "--name", "tests"]);
        Api::new(&self.url, token.trim())
    }

    /// How many rows each of these tables has, for the test that nothing was created.
    pub fn count_rows(&self, tables: &[&str]) -> Vec<(String, u64)> {
        let count = |table: &&str| ((*table).to_owned(), database::count_rows(&self.database_url, table));
        tables.iter().map(count).collect()
    }

    /// The log so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The files of mail that was sent so far.
    pub fn mail(&self) -> Vec<String> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.folder.path().join("mail"))
            .expect("a folder for mail")
            .flatten()
            .map(|entry| entry.path())
            .collect();
        files.sort();
        files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect()
    }

    /// Asks the program to stop, as a service manager does.
    pub fn ask_to_stop(&mut self) {
        self.process.ask_to_stop();
    }

    /// Kills the program as it is (`kill -9`) and starts it again with the same configuration, where it was.
    pub fn kill_and_restart(&mut self) {
        self.process.kill();
        let port = self.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        self.process = start(self.folder.path(), port);
    }

    /// The status it ended with, once it has ended.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.process.ended()
    }
}

/// Writes the configuration into `folder` and starts `causeway serve` with it; answers when it serves, and where.
pub fn serve(settings: &Settings, folder: &Path) -> (Process, String) {
    fs::create_dir(folder.join("mail")).expect("a folder for mail");
    let port = free_port();
    fs::write(folder.join("causeway.toml"), settings.to_toml(port, folder)).expect("configuration");
    (start(folder, port), format!("http://localhost:{port}"))
}

fn start(folder: &Path, port: u16) -> Process {
    let mut process = Process::start("causeway serve", command(folder, &["serve"]));
    process.wait_until(|| is_live(port));
    process
}

/// A command of the built program with the configuration in `folder`.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
    command.current_dir(folder).args(arguments).arg("--config").arg(folder.join("causeway.toml"));
    command
}

/// True when a TCP connection to the gateway is accepted.
fn is_live(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}
