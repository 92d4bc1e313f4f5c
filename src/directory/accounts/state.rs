//! The life of an account: pending_verification -> active; active <-> inactive; any -> closed (product rules, section 5).
//! What is not listed is refused.

use crate::directory::memberships::MembershipStatus;

/// Where an account is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// Waits for the person to confirm the mailbox (rule E30). May not sign in.
    PendingVerification,
    /// May sign in.
    Active,
    /// May not sign in, until it is reactivated.
    Inactive,
    /// Gone for good; its id never returns.
    Closed,
}

/// The transition is not in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an account that is {0} cannot do this")]
pub struct WrongAccountState(pub &'static str);

impl AccountState {
    /// The name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingVerification => "pending_verification",
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Closed => "closed",
        }
    }

    /// The state with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::PendingVerification, Self::Active, Self::Inactive, Self::Closed]
            .into_iter()
            .find(|state| state.as_str() == name)
    }

    /// The state of an account that its organization has given this access.
    pub const fn of(status: MembershipStatus) -> Self {
        match status {
            MembershipStatus::Active => Self::Active,
            MembershipStatus::Inactive => Self::Inactive,
        }
    }

    /// The mailbox was confirmed, or the organization vouches for it.
    pub const fn verify(self, status: MembershipStatus) -> Result<Self, WrongAccountState> {
        match self {
            Self::PendingVerification => Ok(Self::of(status)),
            Self::Active | Self::Inactive | Self::Closed => Err(WrongAccountState(self.as_str())),
        }
    }

    /// The organization that owns the account gives access or takes it away. Who is pending stays pending.
    pub const fn with_access(self, status: MembershipStatus) -> Result<Self, WrongAccountState> {
        match self {
            Self::PendingVerification => Ok(self),
            Self::Active | Self::Inactive => Ok(Self::of(status)),
            Self::Closed => Err(WrongAccountState(self.as_str())),
        }
    }

    /// The end.
    pub const fn close(self) -> Result<Self, WrongAccountState> {
        match self {
            Self::PendingVerification | Self::Active | Self::Inactive => Ok(Self::Closed),
            Self::Closed => Err(WrongAccountState(self.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AccountState::{self, Active, Closed, Inactive, PendingVerification};
    use crate::directory::memberships::MembershipStatus;

    #[test]
    fn only_the_listed_transitions_are_possible() {
        let given = MembershipStatus::Active;
        for (from, verified, with_access, closed) in [
            (PendingVerification, Some(Active), Some(PendingVerification), Some(Closed)),
            (Active, None, Some(Active), Some(Closed)),
            (Inactive, None, Some(Active), Some(Closed)),
            (Closed, None, None, None),
        ] {
            let outcome = (from.verify(given).ok(), from.with_access(given).ok(), from.close().ok());
            assert_eq!(outcome, (verified, with_access, closed), "{from:?}");
            assert_eq!(AccountState::parse(from.as_str()), Some(from));
        }
        assert_eq!(PendingVerification.verify(MembershipStatus::Inactive), Ok(Inactive));
        assert_eq!(Active.with_access(MembershipStatus::Inactive), Ok(Inactive));
    }
}
