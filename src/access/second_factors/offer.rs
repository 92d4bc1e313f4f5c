//! A secret for an authenticator app that was shown to somebody, and counts only when they have typed a code that it makes.
//!
//! Until then nothing is stored: the page carries the secret under the gateway's seal, bound to the account, to the session or
//! the attempt that it was shown in, and for a quarter of an hour. So nobody but who was shown it can go on with it, and a page
//! that is left open leaves nothing behind.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::keys::sealing::{Sealer, SealingError};
use crate::protocol::totp::SECRET_BYTES;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, Id};
use crate::values::operation::Operation;

/// How long one is good.
const TTL_SECONDS: i64 = 15 * 60;
/// The longest sealed text that is looked at.
const MAX_SEALED: usize = 256;

/// An offered secret.
#[derive(Clone)]
pub struct Offer {
    secret: Zeroizing<Vec<u8>>,
    sealed: String,
}

/// Where an offer was shown, which is where it can be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(String);

impl Place {
    /// For `account`, in this session or attempt.
    pub fn new<K>(account: AccountId, shown_in: Id<K>) -> Self {
        Self(format!("an offer of a second factor to {account} in {shown_in}"))
    }
}

impl Offer {
    /// A fresh one.
    pub fn new(op: &Operation, sealer: &Sealer, place: &Place) -> Result<Self, SealingError> {
        let secret = Zeroizing::new(op.entropy.bytes::<SECRET_BYTES>().to_vec());
        let expires_at = op.at.plus_seconds(TTL_SECONDS).micros().to_be_bytes();
        let plain = Zeroizing::new([expires_at.as_slice(), secret.as_slice()].concat());
        let sealed = URL_SAFE_NO_PAD.encode(sealer.seal(&plain, &place.0)?);
        Ok(Self { secret, sealed })
    }

    /// The one that a page of this place carried. `None` when it was shown elsewhere, or too long ago.
    pub fn reopen(op: &Operation, sealer: &Sealer, place: &Place, sealed: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed.get(..MAX_SEALED).map_or(sealed, |_| "")).ok()?;
        let plain = sealer.open(&bytes, &place.0).ok()?;
        let (expires_at, secret) = plain.split_first_chunk::<8>()?;
        let is_live = op.at < Timestamp::from_micros(i64::from_be_bytes(*expires_at));
        let secret = Zeroizing::new(secret.to_vec());
        (is_live && secret.len() == SECRET_BYTES).then(|| Self { secret, sealed: sealed.to_owned() })
    }

    /// The secret itself.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// What the page carries.
    pub fn sealed(&self) -> &str {
        &self.sealed
    }
}

impl std::fmt::Debug for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Offer(...)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Offer, Place};
    use crate::keys::sealing::Sealer;
    use crate::values::clock::Timestamp;
    use crate::values::entropy::Entropy;
    use crate::values::ids::{AccountId, AttemptId, RequestId, Sequence, SessionId};
    use crate::values::operation::{Actor, Operation};
    use crate::values::secret::Secret;

    fn op(at: i64) -> Operation {
        Operation {
            actor: Actor::Anonymous,
            request: RequestId::from_bytes(&[5; 16]).unwrap(),
            at: Timestamp::from_seconds(at),
            entropy: Entropy::new(|buffer| buffer.fill(9)),
            sequence: Sequence::default(),
            data_center: "us".parse().unwrap(),
        }
    }

    #[test]
    fn an_offer_is_taken_where_it_was_shown_and_within_a_quarter_of_an_hour() {
        let sealer = Sealer::new(&[Secret::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned())]).unwrap();
        let account = |n: u8| AccountId::from_bytes(&[n; 16]).unwrap();
        let session = |n: u8| SessionId::from_bytes(&[n; 16]).unwrap();
        let place = Place::new(account(1), session(2));
        let offer = Offer::new(&op(1_000), &sealer, &place).unwrap();
        let again = |at, place: &Place, sealed: &str| Offer::reopen(&op(at), &sealer, place, sealed);
        assert_eq!(again(1_899, &place, offer.sealed()).unwrap().secret(), offer.secret());
        assert!(again(1_900, &place, offer.sealed()).is_none(), "too late");
        let elsewhere = [
            Place::new(account(3), session(2)),
            Place::new(account(1), session(3)),
            Place::new(account(1), AttemptId::from_bytes(&[4; 16]).unwrap()),
        ];
        for other in elsewhere {
            assert!(again(1_000, &other, offer.sealed()).is_none(), "{other:?}");
        }
        for nonsense in ["", "x", &offer.sealed()[1..], &"A".repeat(10_000), "é"] {
            assert!(again(1_000, &place, nonsense).is_none(), "{nonsense}");
        }
        assert_eq!(format!("{offer:?}"), "Offer(...)");
    }
}
