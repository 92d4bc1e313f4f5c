//! TXT look-ups through the configured resolver. What an answer proves is judged elsewhere.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

/// More TXT records at one name than anybody has reason to publish; the rest is not read.
const MAX_RECORDS: usize = 100;
const TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPTS: usize = 2;

/// What a look-up gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxtAnswer {
    /// The records, each with its strings joined.
    Records(Vec<String>),
    /// The name or the record type does not exist.
    Absent,
    /// Nobody answered, or the answer was an error.
    Failed(String),
}

/// The resolver could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the dns resolver cannot be set up: {0}")]
pub struct SetUpFailure(String);

/// Looks names up. Clones share the resolver.
#[derive(Clone)]
pub struct Dns {
    resolver: TokioResolver,
}

impl Dns {
    /// A resolver that asks `servers`, or the system's when there are none. Nothing is cached, so that an
    /// administrator who mends a record and asks again is answered by the record as it is now.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, SetUpFailure> {
        let failed = |error: hickory_resolver::net::NetError| SetUpFailure(error.to_string());
        let mut builder = if servers.is_empty() {
            TokioResolver::builder_tokio().map_err(failed)?
        } else {
            let config = ResolverConfig::from_name_servers(servers.iter().map(name_server).collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = TIMEOUT;
        options.attempts = ATTEMPTS;
        options.cache_size = 0;
        Ok(Self { resolver: builder.build().map_err(failed)? })
    }

    /// The TXT records at `name`.
    pub async fn txt(&self, name: &str) -> TxtAnswer {
        // A name that ends in a dot is looked up as it stands, without the system's search list.
        match self.resolver.txt_lookup(format!("{name}.")).await {
            Ok(found) => TxtAnswer::Records(
                found
                    .answers()
                    .iter()
                    .filter_map(|record| match &record.data {
                        RData::TXT(txt) => Some(txt.txt_data.concat()),
                        _ => None,
                    })
                    .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                    .take(MAX_RECORDS)
                    .collect(),
            ),
            Err(error) if error.is_nx_domain() || error.is_no_records_found() => TxtAnswer::Absent,
            Err(error) => TxtAnswer::Failed(error.to_string()),
        }
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![at_port(ConnectionConfig::udp()), at_port(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}
