//! Metadata that is read again on a schedule, so that a provider's roll-over needs nobody.
//!
//! Owns where it comes from, when it is due, and what a reading changes. A reading that fails changes nothing but the
//! account of it: the last good one stays. Another provider is never read into a connection.

use url::Url;

use super::decision::is_continued;
use super::{Connection, ConnectionError, ConnectionState, Settings, find, store_announcing};
use crate::protocol::saml::certificate::Certificate;
use crate::protocol::saml::idp_metadata::IdpMetadata;
use crate::record::audit::Action;
use crate::record::event::Event;
use crate::store::Tx;
use crate::store::connections as connection_rows;
use crate::store::failure::StoreError;
use crate::store::metadata_sources::{self as rows, SourceRow};
use crate::values::clock::Timestamp;
use crate::values::ids::{ConnectionId, OrganizationId};
use crate::values::operation::Operation;

const HOUR_SECONDS: i64 = 3_600;
/// The longest time between two readings.
const DAY_SECONDS: i64 = 24 * HOUR_SECONDS;
/// The pause after a first failure; it doubles with each further one up to six hours.
const RETRY_SECONDS: i64 = 600;
const LONGEST_RETRY_SECONDS: i64 = 6 * HOUR_SECONDS;
/// The code of a reading that described somebody else.
const OTHER_PROVIDER: &str = "other_provider";

/// Where an administrator says that metadata is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The document.
    pub url: Url,
    /// Whose signature it has to carry, if it has to.
    pub signer: Option<Certificate>,
}

/// The source of one connection's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataSource {
    /// The connection.
    pub connection: ConnectionId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Where it is read.
    pub address: Address,
    /// What the server called the version that was read last.
    pub etag: Option<String>,
    /// When it was last read, or heard of that it has not changed.
    pub read_at: Timestamp,
    /// When it is due again.
    pub refresh_at: Timestamp,
    /// The failure since then, if the last reading failed.
    pub failure: Option<Failure>,
}

/// A reading that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// The stable code.
    pub code: String,
    /// How many there were in a row.
    pub count: i32,
}

/// What a reading brought.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// The server says that nothing has changed.
    Unchanged,
    /// A document.
    Read {
        /// What it says.
        idp: Box<IdpMetadata>,
        /// What the server calls this version.
        etag: Option<String>,
    },
    /// Nothing that can be used, by a stable code.
    Failed(&'static str),
}

/// Remembers where the metadata of a new or replaced provider was read, or that an administrator has brought it.
pub fn remember(
    tx: &mut Tx<'_>,
    op: &Operation,
    connection: &Connection,
    address: Option<&Address>,
) -> Result<(), StoreError> {
    let (Some(address), Settings::Saml { idp, .. }) = (address, &connection.settings) else {
        return rows::delete(tx, connection.organization, connection.id);
    };
    let source = MetadataSource {
        connection: connection.id,
        organization: connection.organization,
        address: address.clone(),
        etag: None,
        read_at: op.at,
        refresh_at: op.at.plus_seconds(pause(idp, op.at)),
        failure: None,
    };
    rows::put(tx, &to_row(&source))
}

/// The sources of these connections of an organization.
pub fn sources(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connections: &[ConnectionId],
) -> Result<Vec<MetadataSource>, StoreError> {
    rows::of(tx, organization, connections)?.into_iter().map(from_row).collect()
}

/// At most `limit` sources of active connections that are due, over all organizations.
pub fn due(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<MetadataSource>, StoreError> {
    rows::due(tx, now, limit)?.into_iter().map(from_row).collect()
}

/// Takes a reading of `source`, unless an administrator has replaced it meanwhile.
pub fn note(
    tx: &mut Tx<'_>,
    op: &Operation,
    source: &MetadataSource,
    reading: &Reading,
) -> Result<(), ConnectionError> {
    let known = sources(tx, source.organization, &[source.connection])?.into_iter().next();
    let found = find(tx, source.connection)?.filter(|found| found.state == ConnectionState::Active);
    let (Some(mut known), Some(connection)) = (known, found) else { return Ok(()) };
    let Settings::Saml { idp: before, .. } = &connection.settings else { return Ok(()) };
    if known.address != source.address {
        return Ok(());
    }
    let before = before.clone();
    match reading {
        Reading::Unchanged => known.succeed(op.at, &before),
        Reading::Read { idp, .. } if idp.entity_id != before.entity_id => known.fail(op.at, OTHER_PROVIDER),
        Reading::Read { idp, etag } => {
            if **idp != before {
                replace_read(tx, op, connection, idp)?;
            }
            known.etag.clone_from(etag);
            known.succeed(op.at, idp);
        }
        Reading::Failed(code) => known.fail(op.at, code),
    }
    Ok(rows::put(tx, &to_row(&known))?)
}

/// Takes what was read again of a SAML provider. Certificates that come or go are announced, because whoever has their
/// keys says who signs in; so is any other change but that of how long the document is good.
fn replace_read(
    tx: &mut Tx<'_>,
    op: &Operation,
    mut connection: Connection,
    read: &IdpMetadata,
) -> Result<Connection, ConnectionError> {
    let known = connection.settings.clone();
    let Settings::Saml { idp, .. } = &mut connection.settings else { return Err(ConnectionError::OtherProtocol) };
    let before = std::mem::replace(idp, read.clone());
    if !is_continued(&known, &connection.settings, op.at) {
        connection_rows::note_decision(tx, connection.organization, connection.id, op.at)?;
    }
    let fingerprints = |one: &IdpMetadata, other: &IdpMetadata| -> Vec<String> {
        let gone = one.certificates.iter().filter(|certificate| !other.certificates.contains(certificate));
        gone.map(Certificate::fingerprint).collect()
    };
    let (added, removed) = (fingerprints(read, &before), fingerprints(&before, read));
    let is_longer = IdpMetadata { valid_until: read.valid_until, cache_seconds: read.cache_seconds, ..before } == *read;
    let (id, name) = (connection.id, connection.name.clone());
    let change = if !added.is_empty() || !removed.is_empty() {
        Some(Event::ConnectionCertificatesChanged { connection: id, name, added, removed })
    } else {
        (!is_longer).then_some(Event::ConnectionChanged { connection: id, name })
    };
    store_announcing(tx, op, connection, Action::ConnectionUpdated, change.as_ref())
}

impl MetadataSource {
    fn succeed(&mut self, now: Timestamp, idp: &IdpMetadata) {
        self.read_at = now;
        self.refresh_at = now.plus_seconds(pause(idp, now));
        self.failure = None;
    }

    fn fail(&mut self, now: Timestamp, code: &str) {
        let count = self.failure.as_ref().map_or(0, |failure| failure.count).saturating_add(1);
        let doublings = u32::try_from(count.clamp(1, 8) - 1).unwrap_or_default();
        let pause = RETRY_SECONDS.saturating_mul(2_i64.saturating_pow(doublings)).min(LONGEST_RETRY_SECONDS);
        self.refresh_at = now.plus_seconds(pause);
        self.failure = Some(Failure { at: now, code: code.to_owned(), count });
    }
}

/// How long until the next reading: what the document says of itself, an hour to a day; sooner when it ends before.
fn pause(idp: &IdpMetadata, now: Timestamp) -> i64 {
    let wanted = idp.cache_seconds.unwrap_or(DAY_SECONDS).clamp(HOUR_SECONDS, DAY_SECONDS);
    let left = idp.valid_until.map(|until| until.seconds().saturating_sub(now.seconds()) / 2);
    left.map_or(wanted, |left| wanted.min(left).max(RETRY_SECONDS))
}

fn to_row(source: &MetadataSource) -> SourceRow {
    SourceRow {
        connection_id: source.connection,
        org_id: source.organization,
        url: source.address.url.to_string(),
        signer: source.address.signer.as_ref().map(Certificate::to_base64),
        etag: source.etag.clone(),
        read_at: source.read_at,
        refresh_at: source.refresh_at,
        failed_at: source.failure.as_ref().map(|failure| failure.at),
        failure: source.failure.as_ref().map(|failure| failure.code.clone()),
        failures: source.failure.as_ref().map_or(0, |failure| failure.count),
    }
}

fn from_row(row: SourceRow) -> Result<MetadataSource, StoreError> {
    let signer = row.signer.map(|text| Certificate::from_base64(&text)).transpose();
    let failure = row.failed_at.zip(row.failure).map(|(at, code)| Failure { at, code, count: row.failures });
    Ok(MetadataSource {
        connection: row.connection_id,
        organization: row.org_id,
        address: Address {
            url: Url::parse(&row.url).map_err(|_| StoreError::Inconsistent("metadata_sources.url"))?,
            signer: signer.map_err(|_| StoreError::Inconsistent("metadata_sources.signer"))?,
        },
        etag: row.etag,
        read_at: row.read_at,
        refresh_at: row.refresh_at,
        failure,
    })
}
