//! `[enforcement]`: when requiring single sign-on is recommended.

use super::reader::Reader;

/// Policies of sign-in.
#[derive(Debug, Clone, Copy)]
pub struct SignIn {
    /// From which share of a domain's people on, in percent, a corporate organization may require single sign-on without
    /// somebody typing the domain's name.
    pub corporate_percent: u32,
    /// The same for education.
    pub education_percent: u32,
}

/// Reads the tables.
pub(super) fn read(reader: &mut Reader) -> SignIn {
    let mut count = |key, bounds, default| u32::try_from(reader.number(key, bounds, default)).unwrap_or(u32::MAX);
    let corporate_percent = count("enforcement.corporate_percent", 1..=100, 75);
    let education_percent = count("enforcement.education_percent", 1..=100, 40);
    SignIn { corporate_percent, education_percent }
}
