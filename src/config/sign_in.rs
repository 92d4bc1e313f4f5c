//! `[enforcement]` and `[traces]`: when requiring single sign-on is recommended, and what is kept of attempts to sign in.

use super::reader::Reader;

/// Policies of sign-in and what is kept of it.
#[derive(Debug, Clone, Copy)]
pub struct SignIn {
    /// From which share of a domain's people on, in percent, a corporate organization may require single sign-on without
    /// somebody typing the domain's name.
    pub corporate_percent: u32,
    /// The same for education.
    pub education_percent: u32,
    /// How long the trace of an attempt is kept.
    pub trace_seconds: i64,
    /// How many traces of an organization are kept.
    pub traces_per_organization: u32,
}

/// Reads the tables.
pub(super) fn read(reader: &mut Reader) -> SignIn {
    const DAY_SECONDS: i64 = 24 * 3600;
    let mut count = |key, bounds, default| u32::try_from(reader.number(key, bounds, default)).unwrap_or(u32::MAX);
    let corporate_percent = count("enforcement.corporate_percent", 1..=100, 75);
    let education_percent = count("enforcement.education_percent", 1..=100, 40);
    let traces_per_organization = count("traces.per_organization", 100..=10_000_000, 20_000);
    let trace_seconds = reader.number("traces.keep_days", 1..=90, 7).saturating_mul(DAY_SECONDS);
    SignIn { corporate_percent, education_percent, trace_seconds, traces_per_organization }
}
