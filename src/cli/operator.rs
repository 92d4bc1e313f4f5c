//! `causeway operator token`: the tokens for the operator API, made, listed and revoked.

use clap::{Args, Subcommand};

use super::{as_operator, output};
use crate::config::Config;
use crate::directory::admin_tokens::{self, OperatorToken};
use crate::store::Store;
use crate::values::clock::Timestamp;
use crate::values::ids::AdminTokenId;
use crate::values::operation::Operation;
use crate::values::page::PageRequest;

const SECONDS_PER_DAY: i64 = 24 * 3600;

/// What can be done for the operator.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a token for the operator API. It is printed this once.
    Token(Token),
}

/// Without a further word a token is created.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Token {
    #[command(subcommand)]
    action: Option<Action>,
    /// A name that tells tokens apart in the audit log.
    #[arg(long, default_value = "operator")]
    name: String,
    /// How many days it lives.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=366))]
    days: i64,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the tokens: id, end or "revoked" or "expired", name.
    List,
    /// Revoke a token. It opens nothing from then on.
    Revoke {
        /// Its id, from the list.
        id: AdminTokenId,
    },
}

/// Runs one command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<()> {
    let Command::Token(Token { action, name, days }) = command;
    let (store, op) = as_operator(&config).await?;
    match action {
        None => {
            let ttl_seconds = days * SECONDS_PER_DAY;
            let create = store.write(move |tx| admin_tokens::create_for_operator(tx, &op, &name, ttl_seconds));
            output::line(format_args!("{}", create.await?.expose()))?;
        }
        Some(Action::List) => list(&store, &op).await?,
        Some(Action::Revoke { id }) => {
            store.write(move |tx| admin_tokens::revoke_of_operators(tx, &op, id)).await?;
            output::line(format_args!("revoked {id}"))?;
        }
    }
    Ok(())
}

async fn list(store: &Store, op: &Operation) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let (reader, request) = (op.clone(), PageRequest::new(after, None)?);
        let page = store.read(move |tx| admin_tokens::page_of_operators(tx, &reader, &request)).await?;
        for token in &page.items {
            if !output::is_wanted(format_args!("{}  {:<24}  {}", token.id, end(token, op.at), token.name))? {
                return Ok(());
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

fn end(token: &OperatorToken, now: Timestamp) -> String {
    match token.revoked_at {
        Some(_) => "revoked".to_owned(),
        None if token.expires_at <= now => "expired".to_owned(),
        None => token.expires_at.to_rfc3339(),
    }
}
