//! TXT look-ups through the configured resolver, and the addresses of hosts through the system's. What an answer proves
//! is judged elsewhere. No look-up takes a thread, so a name server that does not answer costs nobody but who asked.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record};

/// More TXT records at one name than anybody has reason to publish; the rest is not read.
const MAX_RECORDS: usize = 100;
const ATTEMPTS: usize = 2;
/// Hosts whose addresses are kept as long as they say.
const REMEMBERED_HOSTS: u64 = 1_000;

/// What a look-up gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxtAnswer {
    /// The records, each with its strings joined.
    Records(Vec<String>),
    /// The name is an alias (CNAME), so that whatever was found stands at a name of somebody's choice.
    Aliased,
    /// The name or the record type does not exist.
    Absent,
    /// Nobody answered, or the answer was an error or led elsewhere. Nothing is said of the record.
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
    /// A resolver that asks `servers`, or the system's when there are none, and waits `timeout` for each answer. Nothing
    /// is cached, so that an administrator who mends a record and asks again is answered by the record as it is now.
    pub fn new(servers: &[SocketAddr], timeout: Duration) -> Result<Self, SetUpFailure> {
        Ok(Self { resolver: resolver(servers, timeout, 0)? })
    }

    /// The TXT records at `name` itself.
    pub async fn txt(&self, name: &str) -> TxtAnswer {
        // A name that ends in a dot is looked up as it stands, without the system's search list.
        let at = match Name::from_ascii(format!("{name}.")) {
            Ok(at) => at,
            Err(error) => return TxtAnswer::Failed(error.to_string()),
        };
        match self.resolver.txt_lookup(at.clone()).await {
            Ok(found) => records_at(&at, found.answers()),
            Err(error) if says_no(&error) => TxtAnswer::Absent,
            Err(error) => TxtAnswer::Failed(error.to_string()),
        }
    }
}

/// True when the answer is that there is no such record, and not that somebody else would have to be asked (RFC 2308, section 2.2:
/// "NS records and no SOA record" are a referral).
fn says_no(error: &NetError) -> bool {
    let NetError::Dns(DnsError::NoRecordsFound(answer)) = error else { return false };
    answer.response_code == ResponseCode::NXDomain || answer.soa.is_some() || answer.ns.is_none()
}

/// What of the answers stands at the very name. The resolver follows an alias to whatever it leads to.
fn records_at(at: &Name, answers: &[Record]) -> TxtAnswer {
    if answers.iter().any(|record| record.name != *at) {
        return TxtAnswer::Aliased;
    }
    let texts = answers.iter().filter_map(|record| match &record.data {
        RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        _ => None,
    });
    TxtAnswer::Records(texts.take(MAX_RECORDS).collect())
}

/// Finds the addresses of hosts, as the system's configuration and its hosts file say. Clones share the resolver and its
/// memory of what is still valid.
#[derive(Clone)]
pub struct Hosts {
    resolver: TokioResolver,
    timeout: Duration,
}

/// The addresses of a host are not known.
#[derive(Debug, thiserror::Error)]
#[error("the host's address cannot be found")]
pub struct LookUpFailure;

impl Hosts {
    /// Asks `servers`, or the system's when there are none. A whole look-up takes `timeout` at most.
    pub fn new(servers: &[SocketAddr], timeout: Duration) -> Result<Self, SetUpFailure> {
        Ok(Self { resolver: resolver(servers, timeout, REMEMBERED_HOSTS)?, timeout })
    }

    /// All addresses of the host.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookUpFailure> {
        let found = tokio::time::timeout(self.timeout, self.resolver.lookup_ip(host)).await;
        Ok(found.map_err(|_| LookUpFailure)?.map_err(|_| LookUpFailure)?.iter().collect())
    }
}

fn resolver(servers: &[SocketAddr], timeout: Duration, remembered: u64) -> Result<TokioResolver, SetUpFailure> {
    let failed = |error: NetError| SetUpFailure(error.to_string());
    let mut builder = if servers.is_empty() {
        TokioResolver::builder_tokio().map_err(failed)?
    } else {
        let config = ResolverConfig::from_name_servers(servers.iter().map(name_server).collect());
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    let options = builder.options_mut();
    options.timeout = timeout;
    options.attempts = ATTEMPTS;
    options.cache_size = remembered;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    builder.build().map_err(failed)
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![at_port(ConnectionConfig::udp()), at_port(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Dns, Hosts, TxtAnswer};

    fn encoded(name: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for label in name.split('.') {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend(label.as_bytes());
        }
        bytes.push(0);
        bytes
    }

    fn record(name: &[u8], kind: u8, data: &[u8]) -> Vec<u8> {
        let length = u8::try_from(data.len()).unwrap();
        [name, &[0, kind, 0, 1, 0, 0, 0, 1, 0, length], data].concat()
    }

    /// Answers any question with the text "proof", at the name that was asked for or, below `alias.test`, at another one that
    /// it is an alias of.
    async fn answer_texts(socket: tokio::net::UdpSocket) {
        const CNAME: u8 = 5;
        const TXT: u8 = 16;
        let mut query = [0; 512];
        loop {
            let (_, from) = socket.recv_from(&mut query).await.unwrap();
            let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
            let asked = query[12..end].to_vec();
            let text = |name: &[u8]| record(name, TXT, b"\x05proof");
            let elsewhere = encoded("elsewhere.test");
            let answers = match asked.ends_with(&encoded("alias.test")) {
                true => vec![record(&asked, CNAME, &elsewhere), text(&elsewhere)],
                false => vec![text(&asked)],
            };
            let header = [query[0], query[1], 0x81, 0x80, 0, 1, 0, u8::try_from(answers.len()).unwrap(), 0, 0, 0, 0];
            let reply = [&header[..], &query[12..end + 4], &answers.concat()].concat();
            socket.send_to(&reply, from).await.unwrap();
        }
    }

    /// An alias that outlives what it leads to would let whoever gets that name prove the domain.
    #[tokio::test]
    async fn what_stands_behind_an_alias_is_no_record_of_the_name() {
        let socket = tokio::net::UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let dns = Dns::new(&[socket.local_addr().unwrap()], Duration::from_secs(3)).unwrap();
        let server = tokio::spawn(answer_texts(socket));
        assert_eq!(dns.txt("_x.direct.test").await, TxtAnswer::Records(vec!["proof".to_owned()]));
        assert_eq!(dns.txt("_x.alias.test").await, TxtAnswer::Aliased);
        server.abort();
    }

    /// Answers what the first label of the name asks for: a response code, and what stands in the authority section.
    async fn answer_no_records(socket: tokio::net::UdpSocket) {
        const NS: u8 = 2;
        const SOA: u8 = 6;
        let mut query = [0; 512];
        loop {
            let (_, from) = socket.recv_from(&mut query).await.unwrap();
            let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
            let label = String::from_utf8_lossy(&query[13..end - 6]).into_owned();
            let zone = encoded("test");
            let soa = || record(&zone, SOA, &[&encoded("ns.test")[..], &encoded("host.test"), &[0; 20]].concat());
            let (code, authorities) = match label.as_str() {
                "nodata" => (0, vec![soa()]),
                "bare" => (0, vec![]),
                "nothing" => (3, vec![soa()]),
                "referral" => (0, vec![record(&zone, NS, &encoded("ns.elsewhere.test"))]),
                "servfail" => (2, vec![]),
                "refused" => (5, vec![]),
                other => panic!("{other}"),
            };
            let header =
                [query[0], query[1], 0x81, 0x80 | code, 0, 1, 0, 0, 0, u8::try_from(authorities.len()).unwrap()];
            let reply = [&header[..], &[0, 0], &query[12..end + 4], &authorities.concat()].concat();
            socket.send_to(&reply, from).await.unwrap();
        }
    }

    /// Decision Q15: what is no answer about the record is no missing record.
    #[tokio::test]
    async fn only_a_no_is_an_absence_and_neither_an_error_nor_a_referral() {
        let socket = tokio::net::UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let dns = Dns::new(&[socket.local_addr().unwrap()], Duration::from_secs(3)).unwrap();
        let server = tokio::spawn(answer_no_records(socket));
        for name in ["nodata.test", "bare.test", "nothing.test"] {
            assert_eq!(dns.txt(name).await, TxtAnswer::Absent, "{name}");
        }
        for name in ["referral.test", "servfail.test", "refused.test"] {
            let answer = dns.txt(name).await;
            assert!(matches!(answer, TxtAnswer::Failed(_)), "{name}: {answer:?}");
        }
        server.abort();
        let silent = tokio::net::UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let dns = Dns::new(&[silent.local_addr().unwrap()], Duration::from_millis(50)).unwrap();
        assert!(matches!(dns.txt("nobody.test").await, TxtAnswer::Failed(_)));
    }

    #[tokio::test]
    async fn a_name_server_that_says_nothing_holds_nobody_longer_than_the_deadline_and_no_thread() {
        let silent = tokio::net::UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let hosts = Hosts::new(&[silent.local_addr().unwrap()], Duration::from_secs(1)).unwrap();
        let begun = Instant::now();
        let names: Vec<String> = (0..1_000).map(|n| format!("idp{n}.acme.test.")).collect();
        let all = futures_util::future::join_all(names.iter().map(|name| hosts.addresses(name)));
        let (found, blocking) = tokio::join!(all, tokio::task::spawn_blocking(move || begun.elapsed()));
        assert!(found.iter().all(Result::is_err));
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert!(blocking.unwrap() < Duration::from_secs(1), "the look-ups took the threads of others");
    }

    #[tokio::test]
    async fn this_machine_is_found_without_asking_anybody() {
        let hosts = Hosts::new(&[], Duration::from_secs(3)).unwrap();
        let found = hosts.addresses("localhost").await.unwrap();
        assert!(!found.is_empty() && found.iter().all(std::net::IpAddr::is_loopback), "{found:?}");
    }
}
