//! `causeway demo`: a gateway with everything around it on this machine: a DNS server, two identity providers, an app
//! and a mail box. It starts from scratch each time, pushes sample people by SCIM, says what to open, and ends with
//! Ctrl-C. `demo.json` in its folder describes it for scripts.

mod manifest;
mod name_server;
mod part;
mod people;
mod places;
mod setup;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use part::Part;
use places::Places;

use crate::cli::output;

/// Where and how the demo runs.
#[derive(Debug, Args)]
pub struct Options {
    /// The first of the ports; the gateway takes it, the other parts the ones behind it.
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1024..=65_000))]
    port_base: u16,
    /// The folder for its files. What an earlier demo left in it is removed.
    #[arg(long, default_value = "demo", value_name = "DIR")]
    dir: PathBuf,
    /// Where the scripts of the identity providers and the app are.
    #[arg(long, default_value = "conformance/counterparties", hide = true)]
    scripts: PathBuf,
    /// Where their packages are; `make demo` installs them and says it.
    #[arg(long, env = "DEMO_PACKAGES", hide = true)]
    packages: Option<PathBuf>,
}

/// How long a part may take to get ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the demo until Ctrl-C, or until one of its parts ends by itself.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let places = Places::prepare(&options)?;
    let mut parts = Vec::new();
    let outcome = tokio::select! {
        ready = start(&places, &mut parts) => match ready {
            Ok(manifest) => {
                manifest.print(&places, started.elapsed());
                tokio::select! {
                    ended = part::first_to_end(&mut parts) => Err(ended),
                    _ = terminate.recv() => Ok(()),
                    _ = interrupt.recv() => Ok(()),
                }
            }
            Err(error) => Err(error),
        },
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    output::progress(format_args!("\nstopping"));
    let forgotten = places.forget();
    for part in parts.into_iter().rev() {
        part.stop().await;
    }
    outcome.and(forgotten.map_err(Into::into))
}

async fn start(places: &Places, parts: &mut Vec<Part>) -> anyhow::Result<manifest::Manifest> {
    output::progress(format_args!("starting the DNS server, the identity providers and the app"));
    name_server::write(places, None)?;
    parts.push(Part::start("DNS server", places.knotd(), &places.log("dns"))?);
    parts.push(Part::start("SAML identity provider", places.saml_idp()?, &places.log("saml-idp"))?);
    parts.push(Part::start("OpenID provider", places.openid_provider()?, &places.log("openid-provider"))?);
    parts.push(Part::start("sample app", places.sample_app()?, &places.log("sample-app"))?);
    output::progress(format_args!("preparing the gateway's database"));
    let setup = setup::Setup::begin(places).await?;
    name_server::wait(places, PATIENCE).await?;
    setup.prove_domain(places).await?;
    for part in parts.iter_mut().skip(1) {
        part.ready(PATIENCE).await?;
    }
    output::progress(format_args!("connecting the identity providers"));
    let manifest = setup.finish(places).await?;
    output::progress(format_args!("starting the gateway"));
    parts.push(Part::start("gateway", places.gateway()?, &places.log("gateway"))?);
    let client = places::http_client()?;
    let ready = format!("{}/health/ready", places.gateway_url());
    tokio::select! {
        is_ready = places::wait_for(&client, &ready, PATIENCE) => is_ready?,
        ended = part::first_to_end(parts) => return Err(ended),
    }
    output::progress(format_args!("pushing sample people by SCIM"));
    manifest.introduce(&client, places).await?;
    people::push(places, &manifest).await?;
    manifest.write(places).context("demo.json cannot be written")?;
    Ok(manifest)
}
