//! The composition root: makes every part from the configuration, starts the server and the jobs, and stops them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::access::passkeys::ceremony::Ceremonies;
use crate::access::passwords::Cost;
use crate::access::signing_keys::{self, SigningKeys};
use crate::config::mail::MailTransport;
use crate::config::{Check, Config};
use crate::directory::relying_party::RelyingParty;
use crate::directory::service_provider::ServiceProvider;
use crate::flows::bulk::asynchronous::AsynchronousBulk;
use crate::flows::keep_request_log::Keeper;
use crate::flows::outside::Outside;
use crate::flows::passwords::{self, Passwords};
use crate::flows::sign_in_by_saml::verifier::{self, Verifier};
use crate::http::context::{Context, Throttles};
use crate::http::guesses::Guesses;
use crate::http::scim::exchange;
use crate::http::{self, observe};
use crate::jobs::{Runner, TraceRetention, request_log};
use crate::keys::purpose::Purpose;
use crate::keys::ring::KeyRing;
use crate::keys::rotation::{self, KeyError};
use crate::keys::sealing::{InvalidEncryptionKey, Sealer};
use crate::keys::under;
use crate::outbound::address::Reach;
use crate::outbound::dns::{self, Dns};
use crate::outbound::http_client::{self, HttpClient};
use crate::outbound::idp::IdpClient;
use crate::outbound::key_sets::KeySets;
use crate::outbound::mail::{self, Mailer};
use crate::protocol::oidc::client_keys::ClientKeySet;
use crate::protocol::saml::document::reader;
use crate::provisioning::request_log::Retention;
use crate::provisioning::request_log::buffer::{Bounds, Buffer};
use crate::provisioning::schemas::catalog::Catalog;
use crate::store::connection::{Location, UnknownLocation};
use crate::store::constraint::Constraint;
use crate::store::failure::StoreError;
use crate::store::{self, Store, Tx, migration};
use crate::telemetry::{logs, metrics};
use crate::values::clock::Clock;
use crate::values::entropy::Entropy;
use crate::values::ids::{Id, Sequence};
use crate::values::operation::{Actor, Operation};

/// Why the gateway could not be started.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum StartError {
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    #[error("the gateway's keys cannot be used")]
    Keys(#[from] KeyError),
    #[error(transparent)]
    Location(#[from] UnknownLocation),
    #[error(transparent)]
    EncryptionKey(#[from] InvalidEncryptionKey),
    #[error(transparent)]
    Dns(#[from] dns::SetUpFailure),
    #[error(transparent)]
    Mail(#[from] mail::SetUpFailure),
    #[error(transparent)]
    Passwords(#[from] passwords::SetUpFailure),
    #[error(transparent)]
    HttpClient(#[from] http_client::SetUpFailure),
    #[error("cannot listen on {address}: {error}")]
    Listen { address: SocketAddr, error: std::io::Error },
    #[error("a step of the start was interrupted")]
    Interrupted,
}

/// Settings that a part of the program makes something of, with that part's word on them: what would not start is a fault of the
/// configuration like any other.
pub const CHECKS: &[(&str, Check)] = &[
    ("log.filter", logs::check),
    ("mail.from", mail::check_sender),
    ("mail.smtp_url", mail::check_server),
    ("passwords.breached_list", passwords::check_list),
];

/// A gateway that serves.
pub struct Running {
    /// Where it listens; the port is the real one when 0 was configured.
    pub address: SocketAddr,
    server: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    stop_jobs: watch::Sender<bool>,
    jobs: JoinHandle<()>,
    stop_log: watch::Sender<bool>,
    log: JoinHandle<()>,
    grace: Duration,
}

impl Running {
    /// Stops: no new connections and no new jobs; requests and jobs under way are finished within the grace period. A job that is
    /// not is left to its lease, after which some node claims it again.
    pub async fn stop(mut self) {
        let until = Instant::now() + self.grace;
        let _ = self.stop_jobs.send(true);
        self.server.stop(true).await;
        let _ = self.serving.await;
        if timeout_at(until, &mut self.jobs).await.is_err() {
            tracing::warn!("jobs under way are not waited for any longer, and are left to their leases");
            self.jobs.abort();
            let _ = self.jobs.await;
        }
        // The last requests are over, so that nothing more is recorded.
        let _ = self.stop_log.send(true);
        let _ = self.log.await;
    }

    /// Waits until the server ends by itself, which it does only when it fails.
    pub async fn ended(&mut self) {
        let _ = (&mut self.serving).await;
    }
}

/// The store's location and size, from the configuration.
pub fn store_settings(config: &Config) -> Result<(Location, store::Settings), UnknownLocation> {
    let settings = store::Settings {
        pool_size: config.database_pool_size,
        wait: config.database_wait,
        statement_time: config.database_statement_time,
    };
    Ok((Location::parse(config.database_url.expose())?, settings))
}

/// An operation that the gateway or the command line does by itself.
pub fn operation(config: &Config, clock: &Clock, entropy: Entropy, actor: Actor) -> Operation {
    let at = clock.now();
    Operation {
        actor,
        request: Id::mint(at, &entropy),
        at,
        entropy,
        sequence: Sequence::default(),
        data_center: config.data_center.clone(),
    }
}

/// Opens the store, bringing it to this program's schema first where the configuration says so. Where it does not, another
/// schema is refused.
pub async fn open_store(config: &Config) -> Result<Store, StartError> {
    let (location, settings) = store_settings(config)?;
    if config.migrates_on_start {
        let location = location.clone();
        let migrated = tokio::task::spawn_blocking(move || migration::run(&location)).await;
        for name in migrated.map_err(|_| StartError::Interrupted)?? {
            tracing::info!(name, "a migration was run");
        }
    } else {
        let (location, settings) = (location.clone(), settings.clone());
        let checked = tokio::task::spawn_blocking(move || migration::check(&location, &settings)).await;
        match checked.map_err(|_| StartError::Interrupted)? {
            // It may come up later; requests are answered 503 until it does.
            Err(StoreError::Unavailable(error)) => tracing::warn!(error, "the schema could not be checked"),
            outcome => outcome?,
        }
    }
    Ok(Store::open(location, &settings)?)
}

/// Makes the keys that are missing: all of them at the first start. Of two nodes that start at once, one makes them. Refuses
/// where published keys cannot be opened, or other values that last are sealed under a key that is not configured.
pub async fn establish_keys(store: &Store, sealer: &Sealer, op: &Operation) -> Result<(), StartError> {
    let (ring, now, known) = (KeyRing::new(sealer.clone()), op.at, sealer.clone());
    let look = move |tx: &mut Tx<'_>| {
        ring.require_openable(tx, now)?;
        under::require_known(tx, &known)?;
        rotation::missing(tx)
    };
    for purpose in store.read(look).await? {
        let (sealer, at) = (sealer.clone(), op.clone());
        let made = tokio::task::spawn_blocking(move || {
            Ok::<_, KeyError>((rotation::prepare(&at, &sealer, purpose)?, rotation::prepare(&at, &sealer, purpose)?))
        });
        let (active, next) = made.await.map_err(|_| StartError::Interrupted)??;
        let at = op.clone();
        match store.write(move |tx| signing_keys::establish(tx, &at, &active, &next)).await {
            Ok(()) => tracing::info!(purpose = Purpose::as_str(purpose), "keys were made"),
            Err(KeyError::Store(StoreError::Conflict(Constraint::ActiveSigningKey))) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let (ring, now) = (KeyRing::new(sealer.clone()), op.at);
    store.read(move |tx| ring.snapshot(tx, now)).await?;
    Ok(())
}

/// The way out for mail, from the configuration.
fn mailer(config: &Config) -> Result<Mailer, mail::SetUpFailure> {
    let transport = match &config.mail.transport {
        MailTransport::Directory(directory) => mail::Transport::Directory(directory.clone()),
        MailTransport::Smtp(url) => mail::Transport::Smtp(url.clone()),
    };
    Mailer::new(&mail::Settings { from: config.mail.from.clone(), transport })
}

/// What hashes passwords, from the configuration.
pub fn passwords(config: &Config, entropy: Entropy) -> Result<Passwords, passwords::SetUpFailure> {
    let configured = &config.passwords;
    let cost = Cost { memory_kib: configured.memory_kib, passes: configured.passes, lanes: configured.lanes };
    let settings = passwords::Settings {
        cost,
        at_once: configured.at_once,
        waiting: configured.waiting,
        patience: configured.wait,
        breached_list: configured.breached_list.clone(),
    };
    Passwords::new(settings, entropy)
}

/// The verifier of SAML responses, from the configuration.
fn verifier(config: &Config) -> Verifier {
    Verifier::new(verifier::Settings {
        clock_skew_seconds: config.lifetimes.clock_skew_seconds,
        deadline: config.limits.saml_verify_timeout,
        limits: reader::Limits {
            bytes: config.limits.saml_response_bytes,
            depth: config.limits.saml_depth,
            elements: config.limits.saml_elements,
            attributes_per_element: config.limits.saml_attributes,
            ..reader::Limits::RESPONSE
        },
        ..verifier::Settings::default()
    })
}

/// The way outside, from the configuration.
pub fn outside(config: &Config, sealer: Sealer) -> Result<Outside, StartError> {
    let reach = if config.allows_loopback { Reach::PublicAndLoopback } else { Reach::Public };
    let client = HttpClient::new(http_client::Settings {
        reach,
        connect_timeout: config.outbound_connect_timeout,
        total_timeout: config.outbound_timeout,
        ..http_client::Settings::default()
    })?;
    let keys = KeyRing::new(sealer.clone());
    Ok(Outside {
        dns: Dns::new(&config.dns_servers, config.dns_timeout)?,
        idp: IdpClient::new(client.clone()),
        client_keys: KeySets::new(client, ClientKeySet::parse),
        relying_party: RelyingParty::new(config.public_url.clone(), keys.clone()),
        service_provider: ServiceProvider::new(config.public_url.clone(), keys.clone()),
        verifier: verifier(config),
        keys,
        sealer,
    })
}

/// Where the SCIM door puts what it records, from the configuration.
pub fn request_log_buffer(config: &Config) -> Buffer {
    let configured = &config.request_log;
    Buffer::new(Bounds {
        reads_per_minute: configured.reads_per_minute,
        changes_per_minute: configured.changes_per_minute,
        refusals_per_minute: configured.refusals_per_minute,
        entries: configured.buffer_entries,
        bytes: configured.buffer_bytes,
    })
}

/// What it takes to keep the request log, from the configuration.
fn keeper(config: &Config, store: &Store, outside: &Outside, entropy: Entropy) -> Keeper {
    let configured = &config.request_log;
    Keeper {
        buffer: request_log_buffer(config),
        store: store.clone(),
        sealer: outside.sealer.clone(),
        retention: Retention {
            rows_per_client: configured.rows_per_client,
            days: configured.days,
            body_bytes: configured.body_bytes,
        },
        entropy,
    }
}

/// What does the jobs.
fn runner(
    config: &Config,
    bulk: AsynchronousBulk,
    outside: &Outside,
    retention: Retention,
) -> Result<Runner, StartError> {
    Ok(Runner {
        store: bulk.store.clone(),
        clock: bulk.clock.clone(),
        entropy: bulk.entropy,
        bulk,
        scim_event_seconds: config.lifetimes.scim_event_seconds,
        traces: TraceRetention {
            seconds: config.sign_in.trace_seconds,
            per_organization: i64::from(config.sign_in.traces_per_organization),
        },
        data_center: config.data_center.clone(),
        mailer: mailer(config)?,
        dns: outside.dns.clone(),
        idp: outside.idp.clone(),
        verifier: outside.verifier.clone(),
        gateway: config.public_url.as_str().trim_end_matches('/').to_owned(),
        activation_mails_per_hour: config.limits.activation_mails_per_hour,
        retention,
    })
}

/// Starts the gateway; it serves when this returns.
pub async fn start(config: Config, clock: Clock, entropy: Entropy) -> Result<Running, StartError> {
    metrics::install();
    let store = open_store(&config).await?;
    let sealer = Sealer::new(&config.encryption_keys)?;
    establish_keys(&store, &sealer, &operation(&config, &clock, entropy, Actor::System)).await?;
    let outside = outside(&config, sealer)?;
    let signing_keys = SigningKeys::new(outside.keys.clone());
    let keeper = keeper(&config, &store, &outside, entropy);
    let bulk = AsynchronousBulk {
        store: store.clone(),
        clock: clock.clone(),
        entropy,
        data_center: config.data_center.clone(),
        sealer: outside.sealer.clone(),
        catalog: Catalog::default(),
        limits: exchange::limits(&config.limits),
        kept_seconds: config.lifetimes.scim_answer_seconds,
    };
    let scim_catalog = bulk.catalog.clone();
    let runner = runner(&config, bulk, &outside, keeper.retention)?;
    let context = Context {
        scim_catalog,
        request_log: keeper.buffer.clone(),
        passwords: passwords(&config, entropy)?,
        ceremonies: Ceremonies::new(&config.public_url),
        guesses: Guesses::new(config.passwords.free_guesses, config.passwords.guesses_per_hour),
        codes: Guesses::new(config.passwords.free_guesses, config.passwords.codes_per_hour),
        throttles: Throttles::new(&config.limits),
        config: Arc::new(config),
        store,
        clock,
        entropy,
        outside,
        signing_keys,
    };
    serve(context, runner, keeper)
}

fn serve(context: Context, runner: Runner, keeper: Keeper) -> Result<Running, StartError> {
    let (config, clock) = (Arc::clone(&context.config), context.clock.clone());
    let data = web::Data::new(context);
    let listen_error = |error| StartError::Listen { address: config.listen, error };
    let server = HttpServer::new(move || {
        App::new().app_data(data.clone()).wrap(from_fn(observe::observe)).configure(http::mount)
    })
    .workers(config.workers)
    .max_connections(config.limits.connections)
    .client_request_timeout(config.limits.request_timeout)
    .client_disconnect_timeout(Duration::from_secs(2))
    .shutdown_timeout(config.shutdown_grace.as_secs())
    .disable_signals()
    .bind(config.listen)
    .map_err(listen_error)?;
    let address = server.addrs().first().copied().unwrap_or(config.listen);
    let server = server.run();
    let handle = server.handle();
    let (stop_jobs, stopped) = watch::channel(false);
    let jobs = tokio::spawn(runner.supervise(stopped));
    let (stop_log, log_stopped) = watch::channel(false);
    let log = tokio::spawn(request_log::run(keeper, clock, log_stopped));
    let serving = tokio::spawn(server);
    tracing::info!(%address, public_url = %config.public_url, "serving");
    let grace = config.shutdown_grace;
    Ok(Running { address, server: handle, serving, stop_jobs, jobs, stop_log, log, grace })
}

#[cfg(test)]
mod tests {
    use super::verifier;
    use crate::config;

    #[test]
    fn the_bounds_of_a_saml_response_reach_the_verifier() {
        let text = "public_url = \"https://id.acme.test\"\ndata_center = \"us\"\n\
                    encryption_keys = [\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"]\n\
                    [mail]\nfrom = \"a@b.test\"\ndirectory = \"/nowhere\"\n\
                    [limits]\nsaml_response_bytes = 1048576\nsaml_depth = 40\nsaml_elements = 9000\nsaml_attributes = 80\n";
        let config = config::read(text, [], &[]).unwrap().config;
        let limits = verifier(&config).settings().limits;
        let bounds = (limits.bytes, limits.depth, limits.elements, limits.attributes_per_element);
        assert_eq!(bounds, (1_048_576, 40, 9_000, 80));
    }
}
