//! One process of the demo. It is held by a shell that ends it when this program ends, however that happens.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::process::{Child, Command};

/// Runs its arguments as a process that does not outlive the shell's standard input. The input is kept under another
/// number, because a shell gives what it runs in the background an empty one.
const HOLDER: &str =
    r#"exec 3<&0; "$@" </dev/null 3<&- & child=$!; { cat <&3 >/dev/null; kill "$child" 2>/dev/null; } & wait "$child""#;

/// A running process and its log.
pub struct Part {
    name: &'static str,
    holder: Child,
    log: PathBuf,
}

impl Part {
    /// Starts `command`; what it prints goes to `log`.
    pub fn start(name: &'static str, command: Command, log: &Path) -> anyhow::Result<Self> {
        let output = File::create(log)?;
        let command = command.as_std();
        let mut holder = Command::new("sh");
        holder
            .args(["-c", HOLDER, "demo"])
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0);
        let holder = holder.spawn().with_context(|| format!("the {name} cannot be started"))?;
        Ok(Self { name, holder, log: log.to_owned() })
    }

    /// Waits for the line that says that the process is ready.
    pub async fn ready(&mut self, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            let text = std::fs::read_to_string(&self.log).unwrap_or_default();
            if text.lines().any(|line| line.starts_with("READY ")) {
                return Ok(());
            }
            if self.holder.try_wait()?.is_some() {
                bail!("the {} ended: see {}", self.name, self.log.display());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the {} is not ready in time: see {}", self.name, self.log.display())
    }

    /// Ends the process and waits until it is gone.
    pub async fn stop(mut self) {
        drop(self.holder.stdin.take());
        if tokio::time::timeout(Duration::from_secs(35), self.holder.wait()).await.is_err() {
            eprintln!("the {} does not end", self.name);
        }
    }
}

/// Runs `command` to its end.
pub async fn run(mut command: Command) -> anyhow::Result<()> {
    let output = command.output().await?;
    if !output.status.success() {
        bail!("{:?} failed: {}", command.as_std().get_program(), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Waits until one of the parts ends by itself, and says which.
pub async fn first_to_end(parts: &mut [Part]) -> anyhow::Error {
    loop {
        for part in parts.iter_mut() {
            if let Ok(Some(status)) = part.holder.try_wait() {
                return anyhow::anyhow!("the {} ended ({status}): see {}", part.name, part.log.display());
            }
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
