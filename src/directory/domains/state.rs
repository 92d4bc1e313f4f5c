//! The life of a claim: pending -> verified -> released, and pending -> released. What is not listed is refused.

use crate::values::clock::Timestamp;

/// Where a claim is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainState {
    /// Waiting for its record, until the challenge expires.
    Pending {
        /// When a new challenge has to be made.
        challenge_expires_at: Timestamp,
    },
    /// The organization proved that it owns the domain.
    Verified {
        /// When it did.
        at: Timestamp,
    },
    /// Given back.
    Released,
}

/// The transition is not in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a domain that is {0} cannot do this")]
pub struct WrongState(pub &'static str);

impl DomainState {
    /// The name in the store and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Verified { .. } => "verified",
            Self::Released => "released",
        }
    }

    /// The record was found.
    pub fn verify(self, at: Timestamp) -> Result<Self, WrongState> {
        match self {
            Self::Pending { .. } => Ok(Self::Verified { at }),
            Self::Verified { .. } | Self::Released => Err(WrongState(self.as_str())),
        }
    }

    /// The claim is given back.
    pub fn release(self) -> Result<Self, WrongState> {
        match self {
            Self::Pending { .. } | Self::Verified { .. } => Ok(Self::Released),
            Self::Released => Err(WrongState(self.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DomainState;
    use crate::values::clock::Timestamp;

    #[test]
    fn only_the_listed_transitions_are_possible() {
        let at = Timestamp::from_seconds(1);
        let pending = DomainState::Pending { challenge_expires_at: at };
        let verified = DomainState::Verified { at };
        assert_eq!(pending.verify(at), Ok(verified));
        assert_eq!(pending.release(), Ok(DomainState::Released));
        assert_eq!(verified.release(), Ok(DomainState::Released));
        assert!(verified.verify(at).is_err());
        assert!(DomainState::Released.verify(at).is_err());
        assert!(DomainState::Released.release().is_err());
    }
}
