//! `causeway keys`: `rotate` puts the waiting key of a purpose into use, `reseal` seals everything anew under the newest encryption
//! key.

use anyhow::bail;
use clap::{Subcommand, ValueEnum};

use super::{as_operator, output};
use crate::access::signing_keys;
use crate::config::Config;
use crate::flows;
use crate::keys::purpose::Purpose;
use crate::keys::rotation;
use crate::keys::sealing::Sealer;
use crate::store::sealed_values::SealedColumn;

/// What can be done with the gateway's own keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign with the next key from now on. Every node follows within a second or two; what the old key signed stays
    /// valid, because the old key stays published until everything it signed has expired.
    Rotate {
        /// Which key; all of them when left out.
        #[arg(long)]
        purpose: Option<PurposeName>,
    },
    /// Seal everything that is stored under an older encryption key anew, under the first one of the configuration. It works
    /// beside running nodes, which must have that key already, can be interrupted and begun again, and says when the older
    /// keys may be taken away.
    Reseal,
}

/// A purpose on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum PurposeName {
    /// ID and access tokens with ES256.
    OidcEs256,
    /// ID tokens with RS256.
    OidcRs256,
    /// ID tokens with PS256.
    OidcPs256,
    /// ID tokens with EdDSA (Ed25519).
    #[value(name = "oidc-eddsa")]
    OidcEdDsa,
    /// Proofs that the gateway is the client of an OpenID provider.
    OidcClient,
    /// SAML requests.
    Saml,
    /// Assertions that SAML providers encrypt.
    SamlEncryption,
}

impl From<PurposeName> for Purpose {
    fn from(name: PurposeName) -> Self {
        match name {
            PurposeName::OidcEs256 => Self::OidcEs256,
            PurposeName::OidcRs256 => Self::OidcRs256,
            PurposeName::OidcPs256 => Self::OidcPs256,
            PurposeName::OidcEdDsa => Self::OidcEdDsa,
            PurposeName::OidcClient => Self::OidcClient,
            PurposeName::Saml => Self::Saml,
            PurposeName::SamlEncryption => Self::SamlEncryption,
        }
    }
}

/// Runs one command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<()> {
    match command {
        Command::Rotate { purpose } => rotate(purpose, &config).await,
        Command::Reseal => reseal(&config).await,
    }
}

async fn rotate(purpose: Option<PurposeName>, config: &Config) -> anyhow::Result<()> {
    let (store, op) = as_operator(config).await?;
    let sealer = Sealer::new(&config.encryption_keys)?;
    crate::app::establish_keys(&store, &sealer, &op).await?;
    let purposes = purpose.map_or_else(|| Purpose::ALL.to_vec(), |name| vec![name.into()]);
    // A closed output keeps no key from being rotated.
    let mut said = Ok(());
    for purpose in purposes {
        let (at, sealer) = (op.clone(), sealer.clone());
        let next = tokio::task::spawn_blocking(move || rotation::prepare(&at, &sealer, purpose)).await??;
        let at = op.clone();
        let rotation = store.write(move |tx| signing_keys::rotate(tx, &at, &next)).await?;
        let (purpose, active, next) = (purpose.as_str(), rotation.active, rotation.next);
        said = said.and(output::line(format_args!("{purpose}: {active} signs now, {next} is next")));
    }
    Ok(said?)
}

async fn reseal(config: &Config) -> anyhow::Result<()> {
    /// Values after which a line tells how far it is.
    const TOLD_EVERY: u64 = 10_000;
    let (store, _) = as_operator(config).await?;
    let sealer = Sealer::new(&config.encryption_keys)?;
    let mut unopened = 0_u64;
    let mut left = 0_u64;
    for column in SealedColumn::ALL {
        let name = column.name();
        let mut told = 0;
        let heard = |anew: u64| {
            if anew.saturating_sub(told) >= TOLD_EVERY {
                told = anew;
                output::progress(format_args!("{name}: {anew} sealed anew so far"));
            }
        };
        let done = flows::reseal::column(&store, &sealer, column, heard).await?;
        output::progress(format_args!("{name}: {} sealed anew, {} left", done.anew, done.left));
        unopened = unopened.saturating_add(done.unopened);
        left = left.saturating_add(done.left);
    }
    if unopened > 0 {
        bail!("{unopened} values are damaged, or sealed under a key that is not configured: they stay as they are");
    }
    if left > 0 {
        bail!(
            "{left} values were sealed under an older key meanwhile: give the new key to every node, and begin again"
        );
    }
    let minutes = config.lifetimes.attempt_seconds.saturating_add(59) / 60;
    output::progress(format_args!(
        "everything is sealed under the first key; the others may be taken away in {minutes} minutes, when the sign-ins \
         under way are over"
    ));
    Ok(())
}
