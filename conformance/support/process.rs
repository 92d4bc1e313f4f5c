//! Programs that tests start: captured output, a line `READY <url>` when they are up, and an end when they go out of scope.

use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running program. Dropping it ends it.
pub struct Process {
    name: String,
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Process {
    /// Starts `command` and collects what it writes. Its standard input stays open as long as this value lives.
    pub fn start(name: &str, command: Command) -> Self {
        Self::start_with_lines(name, command).0
    }

    /// Starts `command` and waits until it prints `READY <url>`; answers the URL without a slash at its end.
    pub fn start_ready(name: &str, command: Command) -> (Self, String) {
        let (process, lines) = Self::start_with_lines(name, command);
        let deadline = Instant::now() + PATIENCE;
        while let Ok(line) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if let Some(url) = line.strip_prefix("READY ") {
                return (process, url.trim_end_matches('/').to_owned());
            }
        }
        panic!("{name} did not become ready:\n{}", process.log());
    }

    fn start_with_lines(name: &str, mut command: Command) -> (Self, mpsc::Receiver<String>) {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {command:?}: {error}"));
        let log = Arc::new(Mutex::new(String::new()));
        let (sender, lines) = mpsc::channel();
        collect(child.stdout.take().expect("piped"), Arc::clone(&log), Some(sender));
        collect(child.stderr.take().expect("piped"), Arc::clone(&log), None);
        (Self { name: name.to_owned(), child, log }, lines)
    }

    /// Waits until `is_up` says yes, and fails with the program's output when that takes too long or it ended.
    pub fn wait_until(&mut self, is_up: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_up() {
            let ended = self.ended();
            assert!(ended.is_none(), "{} ended with {ended:?}:\n{}", self.name, self.log());
            assert!(Instant::now() < deadline, "{} did not come up:\n{}", self.name, self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the program has written `text`.
    pub fn wait_for_text(&mut self, text: &str) {
        let log = Arc::clone(&self.log);
        self.wait_until(|| log.lock().expect("no reader panicked").contains(text));
    }

    /// Waits until the program ends.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < deadline, "{} did not end:\n{}", self.name, self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks the program to end (SIGTERM) and does not wait.
    pub fn ask_to_stop(&mut self) {
        self.signal("TERM");
    }

    /// The same by SIGINT, as Ctrl-C does.
    pub fn interrupt(&mut self) {
        self.signal("INT");
    }

    /// Does nothing to a program that has ended: its number may be another one's by now.
    fn signal(&mut self, name: &str) {
        if self.ended().is_some() {
            return;
        }
        let _ = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
    }

    /// Ends it at once, without a word to it.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The status it ended with, once it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Everything that it wrote so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("no reader panicked").clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Asked first, so that it can end its own children.
        self.ask_to_stop();
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.ended().is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(output: impl Read + Send + 'static, log: Arc<Mutex<String>>, lines: Option<mpsc::Sender<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let mut log = log.lock().expect("no reader panicked");
            log.push_str(&line);
            log.push('\n');
            if let Some(lines) = &lines {
                let _ = lines.send(line);
            }
        }
    });
}

/// Runs `command` to its end and answers its standard output; fails with everything it wrote when it ended badly.
pub fn run(name: &str, mut command: Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{name} does not start: {command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{name} ended with {}:\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// A port that is free and that nobody else asks for: none that the system hands out for outgoing connections (they
/// begin at 32768), that the demo and PostgreSQL take, or that browsers refuse. Each once in this process, and beginning
/// elsewhere in another one.
pub fn free_port() -> u16 {
    const FIRST: u32 = 7_000;
    const PORTS: u32 = 3_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(619);
    let candidates = (0..PORTS).map(|_| FIRST + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS);
    let mut ports = candidates.filter_map(|port| u16::try_from(port).ok());
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("loopback has free ports")
}

/// A path inside `conformance/`.
pub fn conformance(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conformance").join(path)
}
