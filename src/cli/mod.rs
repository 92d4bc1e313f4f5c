//! The command line: one file per command. Commands that change data go through the same core functions as the API,
//! as the operator.

pub mod check_config;
pub mod demo;
pub mod keys;
pub mod migrate;
pub mod operator;
pub mod org;
pub mod output;
pub mod serve;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};

use crate::app;
use crate::config::{self, Checked, Config};
use crate::store::Store;
use crate::values::clock::{Clock, Timestamp};
use crate::values::entropy::Entropy;
use crate::values::operation::{Actor, Operation};

/// A standards-based identity gateway.
#[derive(Debug, Parser)]
#[command(name = "causeway", version, about, propagate_version = true)]
pub struct Arguments {
    /// The configuration file.
    #[arg(long, global = true, env = "CAUSEWAY_CONFIG_FILE", default_value = "causeway.toml", value_name = "FILE")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve, until SIGTERM or Ctrl-C.
    Serve,
    /// Bring the database to this program's schema.
    Migrate,
    /// Report all faults of the configuration, and what is worth a warning.
    CheckConfig,
    /// Manage organizations.
    #[command(subcommand)]
    Org(org::Command),
    /// Manage the gateway's own keys.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Manage the operator's access to the API.
    #[command(subcommand)]
    Operator(operator::Command),
    /// Start a gateway with a DNS server, identity providers and an app on this machine, to try everything out.
    Demo(demo::Options),
}

/// Runs one command.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let file = arguments.config.as_path();
    match arguments.command {
        Command::Serve => serve::run(load(file)?).await,
        Command::Migrate => migrate::run(&load(file)?.config).await,
        Command::CheckConfig => check_config::run(file),
        Command::Org(command) => org::run(command, load(file)?.config).await,
        Command::Keys(command) => keys::run(command, load(file)?.config).await,
        Command::Operator(command) => operator::run(command, load(file)?.config).await,
        Command::Demo(options) => demo::run(options).await,
    }
}

/// Reads the configuration file with the environment's overrides.
fn load(file: &Path) -> anyhow::Result<Checked> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the configuration file {} cannot be read", file.display()))?;
    match config::read(&text, overrides(), app::CHECKS) {
        Ok(checked) => Ok(checked),
        Err(faults) => {
            let list: String = faults.iter().map(|fault| format!("\n  {fault}")).collect();
            bail!("the configuration {} has {} fault(s):{list}", file.display(), faults.len())
        }
    }
}

/// The environment, without the variable that names the file itself.
fn overrides() -> impl Iterator<Item = (String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(move |(name, value)| (text(name), text(value)));
    variables.filter(|(name, _)| name != "CAUSEWAY_CONFIG_FILE")
}

/// The machine's clock.
#[expect(clippy::disallowed_methods, reason = "the composition root is where the time comes from")]
fn system_clock() -> Clock {
    Clock::new(|| Timestamp::from_micros(chrono::Utc::now().timestamp_micros()))
}

/// The machine's randomness.
#[expect(clippy::disallowed_methods, reason = "the composition root is where randomness comes from")]
fn system_entropy() -> Entropy {
    Entropy::new(|buffer| aws_lc_rs::rand::fill(buffer).expect("the operating system provides randomness"))
}

/// The store and an operation of the operator, for a command that changes data.
async fn as_operator(config: &Config) -> anyhow::Result<(Store, Operation)> {
    let store = app::open_store(config).await?;
    let actor = Actor::Operator { token: None };
    Ok((store, app::operation(config, &system_clock(), system_entropy(), actor)))
}
