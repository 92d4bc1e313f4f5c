//! Cursors (RFC 9865): the place where a page ended, sealed so that only this gateway can have written it, and only for
//! this client and this query. A cursor says nothing to whoever holds it, and its characters need no escaping in a URL.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::page::{Place, Walk};
use crate::keys::sealing::Sealer;
use crate::protocol::scim::error::{ScimError, ScimType};
use crate::store::failure::StoreError;
use crate::store::order::{Position, SortValue};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ScimClientId};

/// The longest text that is looked at. A sorted value is 400 characters at most.
const MAX_LENGTH: usize = 4_096;

/// What cursors of one query are sealed with.
pub struct Seal<'s> {
    sealer: &'s Sealer,
    place: String,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    is_backward: bool,
    list: usize,
    text: Option<String>,
    number: Option<i64>,
    k: i64,
    expires_at: i64,
}

impl<'s> Seal<'s> {
    /// The seal of a query: of what is looked for, and by whom. `query` is different for different queries.
    pub fn new(sealer: &'s Sealer, organization: OrganizationId, client: ScimClientId, query: &str) -> Self {
        Self { sealer, place: format!("scim cursor/{organization}/{client}/{query}") }
    }

    /// The cursor of a place.
    pub fn write(&self, place: &Place, expires_at: Timestamp) -> Result<String, StoreError> {
        let (text, number) = match &place.position.value {
            Some(SortValue::Text(text)) => (Some(text.clone()), None),
            Some(SortValue::Number(number)) => (None, Some(*number)),
            None => (None, None),
        };
        let sealed = Sealed {
            is_backward: place.walk == Walk::Backward,
            list: place.list,
            text,
            number,
            k: place.position.k,
            expires_at: expires_at.micros(),
        };
        let internal = |error: String| StoreError::Internal(error);
        let plain = serde_json::to_vec(&sealed).map_err(|error| internal(error.to_string()))?;
        let sealed = self.sealer.seal(&plain, &self.place).map_err(|error| internal(error.to_string()))?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The place that a cursor names.
    pub fn read(&self, cursor: &str, now: Timestamp) -> Result<Place, ScimError> {
        let invalid = || {
            let detail =
                "the cursor is not one of this query: begin with an empty one, and change nothing but the cursor";
            ScimError::new(ScimType::InvalidCursor, detail)
        };
        if cursor.len() > MAX_LENGTH {
            return Err(invalid());
        }
        let sealed = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
        let plain = self.sealer.open(&sealed, &self.place).map_err(|_| invalid())?;
        let opened: Sealed = serde_json::from_slice(&plain).map_err(|_| invalid())?;
        if Timestamp::from_micros(opened.expires_at) <= now {
            return Err(ScimError::new(ScimType::ExpiredCursor, "the cursor has expired: begin with an empty one"));
        }
        Ok(Place {
            walk: if opened.is_backward { Walk::Backward } else { Walk::Forward },
            list: opened.list,
            position: Position {
                value: opened.text.map(SortValue::Text).or(opened.number.map(SortValue::Number)),
                k: opened.k,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::{MAX_LENGTH, Seal};
    use crate::keys::sealing::Sealer;
    use crate::protocol::scim::error::ScimType;
    use crate::provisioning::search::page::{Place, Walk};
    use crate::store::order::{Position, SortValue};
    use crate::values::clock::Timestamp;
    use crate::values::ids::Id;
    use crate::values::secret::Secret;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    /// RFC 9865, sections 2 and 2.1: opaque, in unreserved characters, of one query, for a time.
    #[test]
    fn a_cursor_is_good_for_its_query_its_client_and_its_time() {
        let sealer = Sealer::new(&[Secret::from(STANDARD.encode([1; 32]))]).unwrap();
        let id = |byte| [byte; 16];
        let seal = |org: u8, client: u8, query: &str| {
            let (org, client) = (Id::from_bytes(&id(org)).unwrap(), Id::from_bytes(&id(client)).unwrap());
            Seal::new(&sealer, org, client, query)
        };
        let values = [None, Some(SortValue::Text("\u{e9}\"".repeat(200))), Some(SortValue::Number(i64::MIN))];
        for (value, walk) in values.into_iter().zip([Walk::Forward, Walk::Backward, Walk::Forward]) {
            let place = Place { walk, list: 1, position: Position { value, k: 7 } };
            let cursor = seal(1, 2, "q").write(&place, at(100)).unwrap();
            assert!(cursor.len() < MAX_LENGTH);
            assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)), "{cursor}");
            assert_eq!(seal(1, 2, "q").read(&cursor, at(99)), Ok(place.clone()));
            assert_ne!(seal(1, 2, "q").write(&place, at(100)).unwrap(), cursor);
            let refusal = |seal: Seal<'_>, cursor: &str, now| seal.read(cursor, now).unwrap_err().scim_type;
            assert_eq!(refusal(seal(1, 2, "q"), &cursor, at(100)), ScimType::ExpiredCursor);
            for other in [seal(3, 2, "q"), seal(1, 3, "q"), seal(1, 2, "r"), seal(1, 2, "")] {
                assert_eq!(refusal(other, &cursor, at(99)), ScimType::InvalidCursor);
            }
            let damaged = cursor.replace(cursor.chars().last().unwrap(), "!");
            for wrong in [&damaged, &cursor[1..], &cursor[..cursor.len() - 1], "x", "", &"A".repeat(MAX_LENGTH + 1)] {
                assert_eq!(refusal(seal(1, 2, "q"), wrong, at(99)), ScimType::InvalidCursor, "{wrong}");
            }
        }
    }
}
