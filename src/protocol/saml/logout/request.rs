//! What a provider's request to sign somebody out says.

use crate::protocol::saml::assertion::NameId;
use crate::protocol::saml::assertion::statements::name_id;
use crate::protocol::saml::assertion::window::{Instant, instant};
use crate::protocol::saml::document::{Element, is_ncname};
use crate::protocol::saml::logout::{Expected, LogoutRejected, MAX_AGE_SECONDS, check, check_message};
use crate::protocol::saml::names::{SAML, SAMLP};
use crate::values::clock::Timestamp;

/// More sessions than one person has at one application.
const MAX_INDEXES: usize = 64;
const MAX_ID_BYTES: usize = 256;

/// Whom to sign out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// Its id, which the answer names.
    pub id: String,
    /// Who.
    pub name_id: NameId,
    /// Of which sessions at the provider; of all when empty.
    pub session_indexes: Vec<String>,
    /// Until when it would be accepted again, so its id has to be kept.
    pub replay_until: Timestamp,
}

/// Reads a request whose signature was verified.
pub fn read(root: &Element, expected: &Expected<'_>) -> Result<LogoutRequest, LogoutRejected> {
    check_message(root, expected)?;
    let is_good = match instant(root, "NotOnOrAfter") {
        Instant::Absent => true,
        Instant::At(end) => !expected.window().is_over(end),
        Instant::Unreadable => false,
    };
    check(is_good, "end of validity")?;
    let is_id = |id: &&str| is_ncname(id) && id.len() <= MAX_ID_BYTES;
    let id = root.attribute("ID").filter(is_id).ok_or(LogoutRejected::Check("id"))?;
    let name = root.only(SAML, "NameID").ok_or(LogoutRejected::Check("name id"))?;
    let indexes = root.named(SAMLP, "SessionIndex").map(Element::trimmed_text).take(MAX_INDEXES + 1);
    let indexes: Option<Vec<&str>> = indexes.collect();
    let indexes = indexes.filter(|indexes| indexes.len() <= MAX_INDEXES && indexes.iter().all(|one| !one.is_empty()));
    let indexes = indexes.ok_or(LogoutRejected::Check("session index"))?;
    // Made at the latest so long after now, and accepted for so long after that.
    let last_use = expected.now.plus_seconds(2 * expected.skew_seconds + MAX_AGE_SECONDS);
    Ok(LogoutRequest {
        id: id.to_owned(),
        name_id: name_id(name).map_err(|_| LogoutRejected::Check("name id"))?,
        session_indexes: indexes.into_iter().map(str::to_owned).collect(),
        replay_until: last_use,
    })
}
