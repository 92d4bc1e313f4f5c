//! Typed identifiers. Every id is a UUID version 7 (RFC 9562): ordered by time, unique without coordination.
#![allow(missing_docs)] // the kinds and their aliases say all there is to say by their names

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{Builder, Uuid};

use super::clock::Timestamp;
use super::entropy::Entropy;

/// The id of one `K`. Ids of different kinds do not mix.
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

/// The order in which one operation makes its ids. Copies go on counting together.
#[derive(Debug, Clone, Default)]
pub struct Sequence(Arc<AtomicU32>);

impl Sequence {
    fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// The text is not a UUID in its 36-character form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct InvalidId;

impl<K> Id<K> {
    /// A fresh id made at `at`. Ids of one instant are in no order.
    pub fn mint(at: Timestamp, entropy: &Entropy) -> Self {
        Self::of_parts(at, entropy.bytes())
    }

    /// The fresh id that comes after all that `sequence` has numbered at `at`: a counter stands between the instant and what is
    /// random (RFC 9562, section 6.2, method 1). It has room for 4,194,304 before it begins anew.
    pub fn mint_next(at: Timestamp, sequence: &Sequence, entropy: &Entropy) -> Self {
        let [_, number @ ..] = sequence.next().to_be_bytes();
        let mut rest = entropy.bytes::<10>();
        let [_, _, counter @ .., _, _, _, _, _] = &mut rest;
        *counter = number;
        Self::of_parts(at, rest)
    }

    /// The instant, down to the microsecond (RFC 9562, section 6.2, method 3), and the rest, whose first 14 bits give way to it.
    fn of_parts(at: Timestamp, mut rest: [u8; 10]) -> Self {
        let millis = u64::try_from(at.micros() / 1_000).unwrap_or(0);
        let micros = u16::try_from(at.micros().rem_euclid(1_000)).unwrap_or(0);
        let [high, low, ..] = &mut rest;
        [*high, *low] = (micros << 2).to_be_bytes();
        Self::from_uuid(Builder::from_unix_timestamp_millis(millis, &rest).into_uuid())
    }

    /// The lowest id that can be made at `at` or later: ids are ordered by the instant they were made.
    pub fn lowest_at(at: Timestamp) -> Self {
        let millis = u64::try_from(at.micros() / 1_000).unwrap_or(0);
        Self::from_uuid(Uuid::from_u128(u128::from(millis) << 80))
    }

    /// Wraps a UUID that is known to be an id of this kind.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }

    /// The 16 bytes that the store keeps.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.uuid.as_bytes()
    }

    /// From the 16 bytes that the store keeps.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidId> {
        Uuid::from_slice(bytes).map(Self::from_uuid).map_err(|_| InvalidId)
    }
}

impl<K> FromStr for Id<K> {
    type Err = InvalidId;

    /// Accepts only the hyphenated lower-case form that the gateway itself writes, so an id has one spelling.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let uuid = Uuid::try_parse(text).map_err(|_| InvalidId)?;
        let mut buffer = Uuid::encode_buffer();
        if uuid.hyphenated().encode_lower(&mut buffer) == text { Ok(Self::from_uuid(uuid)) } else { Err(InvalidId) }
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}
impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.hyphenated().fmt(f)
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.hyphenated().fmt(f)
    }
}
impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What an [`Id`] can be the id of. Each is a word of the product's vocabulary.
pub mod kind {
    #[derive(Debug)]
    pub enum Organization {}
    #[derive(Debug)]
    pub enum Account {}
    #[derive(Debug)]
    pub enum Activation {}
    #[derive(Debug)]
    pub enum MailProof {}
    #[derive(Debug)]
    pub enum Passkey {}
    #[derive(Debug)]
    pub enum FormerAddress {}
    #[derive(Debug)]
    pub enum Case {}
    #[derive(Debug)]
    pub enum Identity {}
    #[derive(Debug)]
    pub enum Connection {}
    #[derive(Debug)]
    pub enum Domain {}
    #[derive(Debug)]
    pub enum ScimClient {}
    #[derive(Debug)]
    pub enum ScimCredential {}
    #[derive(Debug)]
    pub enum ScimSchema {}
    #[derive(Debug)]
    pub enum ScimClearing {}
    #[derive(Debug)]
    pub enum Resource {}
    #[derive(Debug)]
    pub enum Application {}
    #[derive(Debug)]
    pub enum Grant {}
    #[derive(Debug)]
    pub enum Session {}
    #[derive(Debug)]
    pub enum Attempt {}
    #[derive(Debug)]
    pub enum AdminToken {}
    #[derive(Debug)]
    pub enum Entry {}
    #[derive(Debug)]
    pub enum Event {}
    #[derive(Debug)]
    pub enum Job {}
    #[derive(Debug)]
    pub enum SigningKey {}
    #[derive(Debug)]
    pub enum Request {}
    #[derive(Debug)]
    pub enum Trace {}
    #[derive(Debug)]
    pub enum LinkRequest {}
}

pub type OrganizationId = Id<kind::Organization>;
pub type AccountId = Id<kind::Account>;
pub type ActivationId = Id<kind::Activation>;
pub type MailProofId = Id<kind::MailProof>;
pub type PasskeyId = Id<kind::Passkey>;
pub type FormerAddressId = Id<kind::FormerAddress>;
pub type CaseId = Id<kind::Case>;
pub type IdentityId = Id<kind::Identity>;
pub type ConnectionId = Id<kind::Connection>;
pub type DomainId = Id<kind::Domain>;
pub type ScimClientId = Id<kind::ScimClient>;
pub type ScimCredentialId = Id<kind::ScimCredential>;
pub type ScimSchemaId = Id<kind::ScimSchema>;
pub type ScimClearingId = Id<kind::ScimClearing>;
/// The id of a SCIM resource (a user or a group as one organization sees it).
pub type ResourceId = Id<kind::Resource>;
pub type ApplicationId = Id<kind::Application>;
pub type GrantId = Id<kind::Grant>;
pub type SessionId = Id<kind::Session>;
pub type AttemptId = Id<kind::Attempt>;
pub type AdminTokenId = Id<kind::AdminToken>;
pub type EntryId = Id<kind::Entry>;
pub type EventId = Id<kind::Event>;
pub type JobId = Id<kind::Job>;
pub type SigningKeyId = Id<kind::SigningKey>;
pub type RequestId = Id<kind::Request>;
/// The trace of an attempt to sign in through a connection.
pub type TraceId = Id<kind::Trace>;
/// The question by mail whether a subject is somebody.
pub type LinkRequestId = Id<kind::LinkRequest>;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{AccountId, InvalidId, Sequence};
    use crate::values::clock::Timestamp;
    use crate::values::entropy::Entropy;

    fn minted(micros: i64) -> AccountId {
        AccountId::mint(Timestamp::from_micros(micros), &Entropy::new(|buffer| buffer.fill(7)))
    }

    #[test]
    fn ids_are_ordered_by_the_instant_they_were_made() {
        assert!(minted(1_000_000) < minted(2_000_000));
        assert!(minted(2_000_000) < minted(2_000_001) && minted(2_000_998) < minted(2_000_999));
    }

    #[test]
    fn ids_of_one_operation_are_in_the_order_in_which_it_made_them() {
        let (at, entropy) = (Timestamp::from_micros(2_000_000), Entropy::new(falling));
        let sequence = Sequence::default();
        let ids: Vec<_> = (0..70_000).map(|_| AccountId::mint_next(at, &sequence.clone(), &entropy)).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        assert!(ids.last().unwrap() < &minted(2_000_001));
    }

    /// Each number is lower than the one before.
    fn falling(buffer: &mut [u8]) {
        static NEXT: AtomicU32 = AtomicU32::new(u32::MAX);
        let number = NEXT.fetch_sub(1 << 12, Ordering::Relaxed).to_be_bytes();
        for (byte, value) in buffer.iter_mut().zip(number.into_iter().cycle()) {
            *byte = value;
        }
    }

    #[test]
    fn the_lowest_id_of_an_instant_lies_between_those_before_and_those_of_it() {
        let lowest = AccountId::lowest_at(Timestamp::from_micros(2_000_000));
        assert!(minted(1_999_000) < lowest && lowest < minted(2_000_000));
    }

    #[test]
    fn an_id_has_exactly_one_spelling() {
        let id = minted(1_700_000_000_000_000);
        let text = id.to_string();
        assert_eq!(text.parse::<AccountId>(), Ok(id));
        for other in [text.to_uppercase(), text.replace('-', ""), format!("{{{text}}}"), format!("urn:uuid:{text}")] {
            assert_eq!(other.parse::<AccountId>(), Err(InvalidId), "{other}");
        }
    }
}
