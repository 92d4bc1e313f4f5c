//! `causeway keys rotate`: puts the waiting key of a purpose into use.

use clap::{Subcommand, ValueEnum};

use super::{as_operator, output};
use crate::access::signing_keys;
use crate::config::Config;
use crate::keys::purpose::Purpose;
use crate::keys::ring::KeyRing;
use crate::keys::rotation;
use crate::keys::sealing::Sealer;

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
}

/// A purpose on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum PurposeName {
    /// ID and access tokens with ES256.
    OidcEs256,
    /// ID tokens with RS256.
    OidcRs256,
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
            PurposeName::OidcClient => Self::OidcClient,
            PurposeName::Saml => Self::Saml,
            PurposeName::SamlEncryption => Self::SamlEncryption,
        }
    }
}

/// Runs one command.
pub async fn run(command: Command, config: Config) -> anyhow::Result<()> {
    let Command::Rotate { purpose } = command;
    let (store, op) = as_operator(&config).await?;
    let sealer = Sealer::new(&config.encryption_keys)?;
    crate::app::establish_keys(&store, &sealer, &op).await?;
    let (ring, now) = (KeyRing::new(sealer.clone()), op.at);
    store.read(move |tx| ring.require_openable(tx, now)).await?;
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
