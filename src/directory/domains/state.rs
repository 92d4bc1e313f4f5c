//! The life of a claim: pending -> verified; verified <-> at_risk -> lapsed -> verified; any of them -> released. What is not
//! listed is refused.

use crate::values::clock::Timestamp;

/// How long a record may be gone before the domain lapses (decision Q15).
pub const GRACE_SECONDS: i64 = 14 * 24 * 3600;

/// Where a claim is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainState {
    /// Waiting for its record, until the challenge expires.
    Pending {
        /// When a new challenge has to be made.
        challenge_expires_at: Timestamp,
    },
    /// The organization proved that it owns the domain, and its record was there when it was last looked for.
    Verified {
        /// When it did.
        at: Timestamp,
    },
    /// The record is gone. Nothing else has changed yet.
    AtRisk {
        /// When the organization proved that it owns the domain.
        verified_at: Timestamp,
        /// Since when it is known to be gone.
        since: Timestamp,
    },
    /// The record was gone for [`GRACE_SECONDS`]. The domain brings nobody new; what its people have goes on.
    Lapsed {
        /// When the organization proved that it owns the domain.
        verified_at: Timestamp,
        /// Since when.
        at: Timestamp,
    },
    /// Given back, or lapsed and proved by somebody else.
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
            Self::AtRisk { .. } => "at_risk",
            Self::Lapsed { .. } => "lapsed",
            Self::Released => "released",
        }
    }

    /// True while the organization brings people in by the domain.
    pub const fn is_trusted(self) -> bool {
        match self {
            Self::Verified { .. } | Self::AtRisk { .. } => true,
            Self::Pending { .. } | Self::Lapsed { .. } | Self::Released => false,
        }
    }

    /// When the domain was proved, for as long as it is the organization's.
    pub const fn verified_at(self) -> Option<Timestamp> {
        match self {
            Self::Verified { at: verified_at }
            | Self::AtRisk { verified_at, .. }
            | Self::Lapsed { verified_at, .. } => Some(verified_at),
            Self::Pending { .. } | Self::Released => None,
        }
    }

    /// When a domain at risk lapses, if its record stays away.
    pub const fn lapses_at(self) -> Option<Timestamp> {
        match self {
            Self::AtRisk { since, .. } => Some(since.plus_seconds(GRACE_SECONDS)),
            Self::Pending { .. } | Self::Verified { .. } | Self::Lapsed { .. } | Self::Released => None,
        }
    }

    /// The record was found for the first time.
    pub fn verify(self, at: Timestamp) -> Result<Self, WrongState> {
        match self {
            Self::Pending { .. } => Ok(Self::Verified { at }),
            Self::Verified { .. } | Self::AtRisk { .. } | Self::Lapsed { .. } | Self::Released => Err(self.wrong()),
        }
    }

    /// The record of a proved domain is there.
    pub fn find(self, at: Timestamp) -> Result<Self, WrongState> {
        match self {
            Self::Verified { .. } => Ok(self),
            Self::AtRisk { verified_at, .. } => Ok(Self::Verified { at: verified_at }),
            Self::Lapsed { .. } => Ok(Self::Verified { at }),
            Self::Pending { .. } | Self::Released => Err(self.wrong()),
        }
    }

    /// The record of a proved domain is not there, as the DNS itself says.
    pub fn miss(self, at: Timestamp) -> Result<Self, WrongState> {
        match self {
            Self::Verified { at: verified_at } => Ok(Self::AtRisk { verified_at, since: at }),
            Self::AtRisk { verified_at, since } if at >= since.plus_seconds(GRACE_SECONDS) => {
                Ok(Self::Lapsed { verified_at, at })
            }
            Self::AtRisk { .. } | Self::Lapsed { .. } => Ok(self),
            Self::Pending { .. } | Self::Released => Err(self.wrong()),
        }
    }

    /// The claim is given back.
    pub fn release(self) -> Result<Self, WrongState> {
        match self {
            Self::Pending { .. } | Self::Verified { .. } | Self::AtRisk { .. } | Self::Lapsed { .. } => {
                Ok(Self::Released)
            }
            Self::Released => Err(self.wrong()),
        }
    }

    /// Another organization has proved the domain. One that is looked after cannot be lost so (decision Q14).
    pub fn lose(self) -> Result<Self, WrongState> {
        match self {
            Self::Lapsed { .. } => Ok(Self::Released),
            Self::Pending { .. } | Self::Verified { .. } | Self::AtRisk { .. } | Self::Released => Err(self.wrong()),
        }
    }

    const fn wrong(self) -> WrongState {
        WrongState(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{DomainState, GRACE_SECONDS};
    use crate::values::clock::Timestamp;

    const PROVED: Timestamp = Timestamp::from_seconds(1);
    const GONE: Timestamp = Timestamp::from_seconds(1_000);
    const NOW: Timestamp = Timestamp::from_seconds(2_000);
    const PENDING: DomainState = DomainState::Pending { challenge_expires_at: PROVED };
    const VERIFIED: DomainState = DomainState::Verified { at: PROVED };
    const AT_RISK: DomainState = DomainState::AtRisk { verified_at: PROVED, since: GONE };
    const LAPSED: DomainState = DomainState::Lapsed { verified_at: PROVED, at: GONE };
    const RELEASED: DomainState = DomainState::Released;

    #[test]
    fn only_the_listed_transitions_are_possible() {
        let [proved, again] = [PROVED, NOW].map(|at| Some(DomainState::Verified { at }));
        let (at_risk, gone) = (Some(DomainState::AtRisk { verified_at: PROVED, since: NOW }), Some(RELEASED));
        let cases = [
            // From, and what it becomes: proved, found, missed, given back, proved by somebody else.
            (PENDING, [again, None, None, gone, None]),
            (VERIFIED, [None, proved, at_risk, gone, None]),
            (AT_RISK, [None, proved, Some(AT_RISK), gone, None]),
            (LAPSED, [None, again, Some(LAPSED), gone, gone]),
            (RELEASED, [None, None, None, None, None]),
        ];
        for (from, expected) in cases {
            let outcomes = [from.verify(NOW), from.find(NOW), from.miss(NOW), from.release(), from.lose()];
            assert_eq!(outcomes.map(Result::ok), expected, "{from:?}");
        }
    }

    #[test]
    fn q15_a_domain_lapses_when_its_record_is_gone_for_fourteen_days_and_not_before() {
        let end = GONE.plus_seconds(GRACE_SECONDS);
        assert_eq!(AT_RISK.lapses_at(), Some(end));
        assert_eq!(AT_RISK.miss(end.plus_seconds(-1)), Ok(AT_RISK));
        assert_eq!(AT_RISK.miss(end), Ok(DomainState::Lapsed { verified_at: PROVED, at: end }));
        assert_eq!(AT_RISK.find(end.plus_seconds(1)), Ok(VERIFIED), "found late, and nobody has looked between");
    }

    #[test]
    fn a_domain_is_trusted_until_it_lapses() {
        let trusted = [PENDING, VERIFIED, AT_RISK, LAPSED, RELEASED].map(DomainState::is_trusted);
        assert_eq!(trusted, [false, true, true, false, false]);
        let held = [PENDING, VERIFIED, AT_RISK, LAPSED, RELEASED].map(|state| state.verified_at().is_some());
        assert_eq!(held, [false, true, true, true, false]);
    }
}
