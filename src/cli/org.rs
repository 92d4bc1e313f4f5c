//! `causeway org create`: an organization, its first owner and a token for them.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{as_operator, output};
use crate::config::Config;
use crate::directory::admin_tokens::{self, AdminTokenError, NewToken};
use crate::directory::organizations::{self, NewOrganization, OrganizationError};
use crate::store::failure::StoreError;
use crate::values::email::EmailAddress;
use crate::values::operation::Role;
use crate::values::slug::Slug;

const SECONDS_PER_DAY: i64 = 24 * 3600;

/// What can be done with organizations.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create an organization. Prints its id and an admin token, which is shown this once.
    Create(Create),
}

/// The organization to create.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name in URLs, such as acme.
    #[arg(long)]
    slug: Slug,
    /// Its name as its people know it.
    #[arg(long)]
    name: String,
    /// The address of its first owner.
    #[arg(long, value_name = "EMAIL")]
    owner: EmailAddress,
    /// Whom its people are told to ask.
    #[arg(long, value_name = "NAME")]
    support_name: Option<String>,
    /// How to reach them; the owner's address when left out.
    #[arg(long, value_name = "EMAIL")]
    support_email: Option<EmailAddress>,
    /// How many days the admin token lives.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=366))]
    token_days: i64,
}

#[derive(Debug, thiserror::Error)]
enum CreateError {
    #[error(transparent)]
    Organization(#[from] OrganizationError),
    #[error(transparent)]
    Token(#[from] AdminTokenError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs one command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<()> {
    let Command::Create(create) = command;
    let (store, op) = as_operator(&config).await?;
    let (ttl_seconds, quota) = (create.token_days * SECONDS_PER_DAY, config.limits.quota);
    let new = NewOrganization {
        slug: create.slug,
        name: create.name,
        support_name: create.support_name,
        support_email: create.support_email,
        owner: create.owner,
    };
    let created = store.write(move |tx| {
        let (organization, owner) = organizations::create(tx, &op, &new)?;
        let name = "first owner".to_owned();
        let token = NewToken { name, role: Role::Owner, ttl_seconds, account: Some(owner) };
        let (_, secret) = admin_tokens::create(tx, &op, organization.id, &token, &quota)?;
        Ok::<_, CreateError>((organization, secret))
    });
    let (organization, token) = created.await?;
    let text = json!({
        "id": organization.id,
        "slug": organization.slug,
        "name": organization.name,
        "dc": config.data_center,
        "admin_token": token.expose(),
    });
    Ok(output::line(format_args!("{text:#}"))?)
}
