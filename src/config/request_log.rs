//! `[request_log]`: how much of what SCIM clients send and hear is kept, and for how long.

use super::reader::Reader;

/// The table.
#[derive(Debug, Clone)]
pub struct RequestLog {
    /// How long an exchange is kept.
    pub days: i64,
    /// Exchanges of one client; the oldest go first.
    pub rows_per_client: i64,
    /// A redacted body, and the sealed original, in bytes.
    pub body_bytes: usize,
    /// Successful reads of one client within a minute that are recorded one by one.
    pub reads_per_minute: u32,
    /// The same for changes.
    pub changes_per_minute: u32,
    /// The same for what was refused or failed.
    pub refusals_per_minute: u32,
    /// Exchanges that wait in memory to be stored.
    pub buffer_entries: usize,
    /// Bytes that they take.
    pub buffer_bytes: usize,
}

/// Reads the table.
pub(super) fn read(reader: &mut Reader) -> RequestLog {
    const KIB: i64 = 1024;
    let days = reader.number("request_log.days", 1..=90, 7);
    let rows_per_client = reader.number("request_log.rows_per_client", 100..=1_000_000, 10_000);
    let mut count = |key, bounds, default| usize::try_from(reader.number(key, bounds, default)).unwrap_or(0);
    let body_bytes = count("request_log.body_bytes", KIB..=KIB * KIB, 32 * KIB);
    let buffer_entries = count("request_log.buffer_entries", 16..=1_000_000, 4_096);
    let buffer_bytes = count("request_log.buffer_bytes", 64 * KIB..=KIB * KIB * KIB, 16 * KIB * KIB);
    let mut rate = |key, default| u32::try_from(reader.number(key, 0..=1_000_000, default)).unwrap_or(0);
    RequestLog {
        days,
        rows_per_client,
        body_bytes,
        reads_per_minute: rate("request_log.reads_per_minute", 60),
        changes_per_minute: rate("request_log.changes_per_minute", 600),
        refusals_per_minute: rate("request_log.refusals_per_minute", 300),
        buffer_entries,
        buffer_bytes,
    }
}
