//! `causeway operator token`: a token for the operator API.

use clap::Subcommand;

use super::as_operator;
use crate::config::Config;
use crate::directory::admin_tokens;

const SECONDS_PER_DAY: i64 = 24 * 3600;

/// What can be done for the operator.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a token for the operator API. It is printed this once.
    Token {
        /// A name that tells tokens apart in the audit log.
        #[arg(long, default_value = "operator")]
        name: String,
        /// How many days it lives.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=366))]
        days: i64,
    },
}

/// Runs one command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<()> {
    let Command::Token { name, days } = command;
    let (store, op) = as_operator(&config).await?;
    let ttl_seconds = days * SECONDS_PER_DAY;
    let token = store.write(move |tx| admin_tokens::create_for_operator(tx, &op, &name, ttl_seconds)).await?;
    println!("{}", token.expose());
    Ok(())
}
