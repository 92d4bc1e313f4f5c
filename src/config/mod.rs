//! The configuration: one TOML file, each setting of which an environment variable can override.
//!
//! `CAUSEWAY_DATABASE__POOL_SIZE=8` overrides `pool_size` of `[database]`. Owns the limits and time-outs that an operator
//! may have reason to change; reports all faults at once. `docs/operations.md` lists the settings, and the bounds that
//! are fixed in the program.

pub mod limits;
pub mod mail;
pub mod passwords;
pub mod reader;
pub mod request_log;
pub mod sign_in;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use toml::Table;
use url::Url;

use crate::values::data_center::DataCenter;
use crate::values::loopback::is_loopback;
use crate::values::secret::Secret;
use limits::Limits;
use mail::Mail;
use passwords::Passwords;
use reader::{Fault, Reader};
use request_log::RequestLog;
use sign_in::SignIn;

const ENCRYPTION_KEY_BYTES: usize = 32;

/// A complete, checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where browsers and peers reach this gateway; also the issuer. Has no path, query or trailing slash in use.
    pub public_url: Url,
    /// Where the gateway listens.
    pub listen: SocketAddr,
    /// The data center this gateway stands in.
    pub data_center: DataCenter,
    /// Where the database is: `sqlite:PATH` or `postgres://...`.
    pub database_url: Secret,
    /// Connections for reading (SQLite) or for everything (PostgreSQL).
    pub database_pool_size: u32,
    /// How long a request waits for its turn in the database.
    pub database_wait: Duration,
    /// How long a statement may run: each on PostgreSQL, a search on SQLite.
    pub database_statement_time: Duration,
    /// The keys under which secrets are stored, newest first.
    pub encryption_keys: Vec<Secret>,
    /// DNS servers to ask; the system's when empty.
    pub dns_servers: Vec<SocketAddr>,
    /// How long a DNS server may take to answer.
    pub dns_timeout: Duration,
    /// Proxies whose `X-Forwarded-For` is believed, as networks such as `10.0.0.0/8`.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether calls to this machine are allowed, for demo and tests.
    pub allows_loopback: bool,
    /// How long it may take to find and reach another machine.
    pub outbound_connect_timeout: Duration,
    /// How long a whole call to another machine may take.
    pub outbound_timeout: Duration,
    /// How mail leaves.
    pub mail: Mail,
    /// Bounds on what comes in.
    pub limits: Limits,
    /// What is kept of what SCIM clients send.
    pub request_log: RequestLog,
    /// How passwords are hashed and guessed.
    pub passwords: Passwords,
    /// Policies of sign-in and what is kept of it.
    pub sign_in: SignIn,
    /// How long things last.
    pub lifetimes: Lifetimes,
    /// How the log looks.
    pub log: Log,
    /// Threads that serve requests.
    pub workers: usize,
    /// How long a stop waits for requests under way.
    pub shutdown_grace: Duration,
    /// Whether `serve` brings the database to this program's schema first.
    pub migrates_on_start: bool,
}

/// How long things last.
#[derive(Debug, Clone)]
pub struct Lifetimes {
    /// A session without use.
    pub session_idle_seconds: i64,
    /// A session altogether.
    pub session_seconds: i64,
    /// A sign-in attempt.
    pub attempt_seconds: i64,
    /// An authorization code (at most 60).
    pub code_seconds: i64,
    /// An access token.
    pub access_token_seconds: i64,
    /// An access token of a SCIM client.
    pub scim_access_token_seconds: i64,
    /// A refresh token without use.
    pub refresh_token_seconds: i64,
    /// The answer to a SCIM request whose client did not wait for it.
    pub scim_answer_seconds: i64,
    /// A SCIM event.
    pub scim_event_seconds: i64,
    /// How far a peer's clock may be off.
    pub clock_skew_seconds: i64,
}

/// What is logged where the configuration says nothing. The HTTP library says of each request that it cannot read, as scanners send
/// them by the thousand, that it is an error, with no word on who sent it and none on which request it was.
pub const DEFAULT_FILTER: &str = "info,actix_http::h1::dispatcher=off";

/// How the log looks.
#[derive(Debug, Clone)]
pub struct Log {
    /// One JSON object a line, or text for people.
    pub is_json: bool,
    /// A filter such as `info` or `causeway=debug,info`.
    pub filter: String,
}

/// A configuration and what is worth a warning in it.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The configuration.
    pub config: Config,
    /// What holds on loopback only, and the like.
    pub warnings: Vec<String>,
}

/// Says what is wrong with the text of a setting. Who makes something of it, such as a log filter or a way out for mail, stands
/// in a ring of its own, and is asked before anything is made of anything.
pub type Check = fn(&str) -> Result<(), String>;

/// Reads the file's text with the overrides of `environment`; all faults at once when there are any. `checks` are those of single
/// settings, by their keys; a setting that is left out, or has a fault already, is not asked about.
///
/// A name of the environment that is no setting is a warning only: whoever runs the gateway may put names of their own
/// there, as Kubernetes does (`CAUSEWAY_SERVICE_HOST` for a service named `causeway`).
pub fn read(
    text: &str,
    environment: impl IntoIterator<Item = (String, String)>,
    checks: &[(&str, Check)],
) -> Result<Checked, Vec<Fault>> {
    let table = text
        .parse::<Table>()
        .map_err(|error| vec![Fault { key: "the file".to_owned(), problem: error.to_string().trim().to_owned() }])?;
    let mut reader = Reader::new(table, environment);
    let mut warnings = Vec::new();
    let config = config(&mut reader, &mut warnings);
    for (key, check) in checks {
        reader.check(key, *check);
    }
    let strangers = reader.unknown_overrides();
    warnings.extend(strangers.iter().map(|name| format!("{name} is no setting and is left alone")));
    let faults = reader.finish();
    match config {
        Some(config) if faults.is_empty() => Ok(Checked { config, warnings }),
        _ => Err(faults),
    }
}

/// Reads every setting before it gives up, so that all faults are found.
fn config(reader: &mut Reader, warnings: &mut Vec<String>) -> Option<Config> {
    let written_url: Option<Url> = reader.require("public_url");
    let public_url = written_url.clone().filter(|url| is_bare(reader, url));
    let listen = reader.parse("listen").unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
    let data_center = reader.require("data_center");
    let database_url = database_url(reader);
    let database_pool_size = u32::try_from(reader.number("database.pool_size", 1..=500, 8)).unwrap_or(8);
    let database_wait = milliseconds(reader.number("database.wait_ms", 10..=60_000, 2_000));
    let database_statement_time = milliseconds(reader.number("database.statement_timeout_ms", 100..=600_000, 10_000));
    let encryption_keys = encryption_keys(reader);
    let dns_servers = reader.parse_all("dns.servers", "an address with a port, such as 10.0.0.2:53");
    let dns_timeout = milliseconds(reader.number("dns.timeout_ms", 100..=30_000, 3_000));
    let trusted_proxies = reader.parse_all("trusted_proxies", "a network, such as 10.0.0.0/8");
    let allows_loopback = reader.flag("outbound.allow_loopback", false);
    let outbound_connect_timeout = milliseconds(reader.number("outbound.connect_timeout_ms", 100..=30_000, 3_000));
    let outbound_timeout = milliseconds(reader.number("outbound.timeout_ms", 100..=120_000, 10_000));
    let mail = mail::read(reader);
    let limits = limits::read(reader);
    let request_log = request_log::read(reader);
    let passwords = passwords::read(reader);
    let sign_in = sign_in::read(reader);
    let lifetimes = lifetimes(reader);
    let log = log(reader);
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let workers = reader.number("workers", 1..=256, i64::try_from(cores).unwrap_or(2));
    let shutdown_grace = reader.number("shutdown_grace_seconds", 1..=600, 30);
    let migrates_on_start = reader.flag("database.migrate_on_start", true);
    if let Some(url) = &written_url {
        check_scheme(reader, url, listen, warnings);
    }
    if allows_loopback {
        check_outbound(reader, written_url.as_ref(), warnings);
    }
    warnings.extend(mail.as_ref().and_then(Mail::warning));
    Some(Config {
        public_url: public_url?,
        listen,
        data_center: data_center?,
        database_url: Secret::from(database_url?),
        database_pool_size,
        database_wait,
        database_statement_time,
        encryption_keys: encryption_keys?,
        dns_servers,
        dns_timeout,
        trusted_proxies,
        allows_loopback,
        outbound_connect_timeout,
        outbound_timeout,
        mail: mail?,
        limits,
        request_log,
        passwords,
        sign_in,
        lifetimes,
        log,
        workers: usize::try_from(workers).unwrap_or(2),
        shutdown_grace: Duration::from_secs(u64::try_from(shutdown_grace).unwrap_or(30)),
        migrates_on_start,
    })
}

fn is_bare(reader: &mut Reader, url: &Url) -> bool {
    let is_only_a_place = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_bare =
        matches!(url.scheme(), "https" | "http") && url.has_host() && is_only_a_place && url.username().is_empty();
    if !is_bare {
        reader.fault("public_url", "is not an https url without path, query and user");
    }
    is_bare
}

/// Only the form: whether a database is there is seen by whoever opens it.
fn database_url(reader: &mut Reader) -> Option<String> {
    let url = reader.text("database_url").unwrap_or_else(|| "sqlite:causeway.db".to_owned());
    let is_sqlite = url.strip_prefix("sqlite:").is_some_and(|path| !path.trim_start_matches("//").is_empty());
    let is_postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
    if !is_sqlite && !is_postgres {
        reader.fault("database_url", "is neither sqlite:PATH nor postgres://user:password@host/name");
        return None;
    }
    Some(url)
}

fn log(reader: &mut Reader) -> Log {
    let is_json = match reader.text("log.format").as_deref() {
        None | Some("json") => true,
        Some("text") => false,
        Some(_) => {
            reader.fault("log.format", "is neither \"json\" nor \"text\"");
            true
        }
    };
    let filter = reader.text("log.filter").unwrap_or_else(|| DEFAULT_FILTER.to_owned());
    Log { is_json, filter }
}

fn encryption_keys(reader: &mut Reader) -> Option<Vec<Secret>> {
    let keys: Vec<Secret> = reader.texts("encryption_keys").into_iter().map(Secret::from).collect();
    let is_key = |key: &Secret| STANDARD.decode(key.expose()).is_ok_and(|bytes| bytes.len() == ENCRYPTION_KEY_BYTES);
    if keys.is_empty() || !keys.iter().all(is_key) {
        let problem = "needs 1 or more keys of 32 bytes in base64; make one with: openssl rand -base64 32";
        reader.fault("encryption_keys", problem);
        return None;
    }
    let distinct: BTreeSet<&str> = keys.iter().map(Secret::expose).collect();
    if distinct.len() < keys.len() {
        reader.fault("encryption_keys", "names the same key twice");
        return None;
    }
    Some(keys)
}

fn lifetimes(reader: &mut Reader) -> Lifetimes {
    const HOUR: i64 = 3_600;
    const DAY: i64 = 24 * HOUR;
    Lifetimes {
        session_idle_seconds: reader.number("lifetimes.session_idle_seconds", 60..=30 * DAY, 8 * HOUR),
        session_seconds: reader.number("lifetimes.session_seconds", 60..=90 * DAY, 12 * HOUR),
        attempt_seconds: reader.number("lifetimes.attempt_seconds", 60..=HOUR, 900),
        code_seconds: reader.number("lifetimes.code_seconds", 5..=60, 60),
        access_token_seconds: reader.number("lifetimes.access_token_seconds", 30..=DAY, 600),
        scim_access_token_seconds: reader.number("lifetimes.scim_access_token_seconds", 300..=6 * HOUR, HOUR),
        refresh_token_seconds: reader.number("lifetimes.refresh_token_seconds", 60..=90 * DAY, 30 * DAY),
        scim_answer_seconds: reader.number("lifetimes.scim_answer_seconds", 60..=30 * DAY, DAY),
        scim_event_seconds: reader.number("lifetimes.scim_event_seconds", 60..=90 * DAY, 7 * DAY),
        clock_skew_seconds: reader.number("lifetimes.clock_skew_seconds", 0..=300, 180),
    }
}

/// What is for demo and tests on one machine is warned of there, and refused everywhere else: an address that is called
/// `localhost` and reached from elsewhere would take passwords off the network in the clear.
fn check_scheme(reader: &mut Reader, public_url: &Url, listen: SocketAddr, warnings: &mut Vec<String>) {
    match public_url.scheme() {
        "http" if is_loopback(public_url) => {
            if !listen.ip().is_loopback() {
                reader.fault(
                    "listen",
                    "is reached from other machines, and public_url is http: listen on 127.0.0.1 or [::1]",
                );
            }
            warnings.push("public_url is http: cookies are not Secure. For demo and tests on this machine only".into());
        }
        "http" => reader.fault("public_url", "is http, which is for demo and tests on loopback only"),
        _ => {}
    }
}

/// The same for connections to this machine, where they are allowed.
fn check_outbound(reader: &mut Reader, public_url: Option<&Url>, warnings: &mut Vec<String>) {
    if public_url.is_some_and(is_loopback) {
        let warning = "outbound.allow_loopback is on: connections may point at this machine. For demo and tests only";
        warnings.push(warning.into());
    } else {
        reader.fault("outbound.allow_loopback", "is for demo and tests on loopback only");
    }
}

fn milliseconds(count: i64) -> Duration {
    Duration::from_millis(u64::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests;
