//! Memberships: what an account is in an organization, in three separate dimensions (rule D15), each with the transitions
//! that section 5 of the product rules lists. What is not listed is refused.
//!
//! Refuses to know the account's own life (`accounts`) and how people are invited (`activation`).

use crate::store::domains::Owned;
use crate::store::failure::StoreError;
use crate::store::memberships::{self as rows, MembershipRow};
use crate::store::{Tx, domains};
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::Role;

/// What a membership is (rules B8 and B9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembershipKind {
    /// Belongs to the organization; at most one per person.
    Member,
    /// Belongs elsewhere and is here with limited access.
    External,
}

/// Whether the person has joined (rules D1, D3, D10 and D11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InviteState {
    /// Added, and no invitation is on its way.
    NotInvited,
    /// Invited, and the invitation is not accepted.
    NotJoined,
    /// Has joined.
    Joined,
}

/// Whether the organization gives access (rule D13). Of somebody who has not joined it says what they will have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembershipStatus {
    /// Has access.
    Active,
    /// Has none, until it is given back.
    Inactive,
}

/// The transition is not in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a membership that is {0} cannot do this")]
pub struct WrongMembershipState(pub &'static str);

/// An account's membership in an organization.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct Membership {
    pub account: AccountId,
    pub organization: OrganizationId,
    pub kind: MembershipKind,
    /// The role that counts.
    pub role: Role,
    /// The role that the person was given, while something carries one for them (`carried_roles`).
    pub direct_role: Option<Role>,
    pub invite_state: InviteState,
    pub status: MembershipStatus,
}

impl MembershipKind {
    /// The name in the store and in the `membership` claim.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::External => "external",
        }
    }
}

impl InviteState {
    /// The name in the store and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotInvited => "not_invited",
            Self::NotJoined => "not_joined",
            Self::Joined => "joined",
        }
    }

    /// An invitation is on its way.
    pub const fn invite(self) -> Result<Self, WrongMembershipState> {
        match self {
            Self::NotInvited => Ok(Self::NotJoined),
            Self::NotJoined | Self::Joined => Err(WrongMembershipState(self.as_str())),
        }
    }

    /// The invitation was accepted, or the address lies in the organization's own verified domain.
    pub const fn join(self) -> Result<Self, WrongMembershipState> {
        match self {
            Self::NotInvited | Self::NotJoined => Ok(Self::Joined),
            Self::Joined => Err(WrongMembershipState(self.as_str())),
        }
    }

    /// The invitation expired, was revoked or was declined.
    pub const fn withdraw(self) -> Result<Self, WrongMembershipState> {
        match self {
            Self::NotJoined => Ok(Self::NotInvited),
            Self::NotInvited | Self::Joined => Err(WrongMembershipState(self.as_str())),
        }
    }
}

impl MembershipStatus {
    /// The name in the store and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }

    /// The status of somebody who is to have access, or not.
    pub const fn of(is_active: bool) -> Self {
        if is_active { Self::Active } else { Self::Inactive }
    }

    /// Access is taken away.
    pub const fn deactivate(self) -> Result<Self, WrongMembershipState> {
        match self {
            Self::Active => Ok(Self::Inactive),
            Self::Inactive => Err(WrongMembershipState(self.as_str())),
        }
    }

    /// Access is given back.
    pub const fn reactivate(self) -> Result<Self, WrongMembershipState> {
        match self {
            Self::Inactive => Ok(Self::Active),
            Self::Active => Err(WrongMembershipState(self.as_str())),
        }
    }
}

impl Membership {
    /// True when the organization gives access.
    pub fn is_active(&self) -> bool {
        self.status == MembershipStatus::Active
    }

    /// True when the person has joined; otherwise they are pending (rule D3).
    pub fn is_joined(&self) -> bool {
        self.invite_state == InviteState::Joined
    }
}

/// The membership of an account in an organization.
pub fn find(
    tx: &mut Tx<'_>,
    account: AccountId,
    organization: OrganizationId,
) -> Result<Option<Membership>, StoreError> {
    rows::find(tx, account, organization)?.map(from_row).transpose()
}

/// The same, and whether single sign-on is required or tested for the domain of their primary address, whoever owns it.
pub fn find_with_policy(
    tx: &mut Tx<'_>,
    account: AccountId,
    organization: OrganizationId,
) -> Result<Option<(Membership, bool)>, StoreError> {
    let Some((row, is_asked)) = rows::find_with_policy(tx, account, organization)? else { return Ok(None) };
    Ok(Some((from_row(row)?, is_asked)))
}

/// The memberships of an account, the oldest first.
pub fn of_account(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Membership>, StoreError> {
    rows::of_account(tx, account)?.into_iter().map(from_row).collect()
}

/// Where the primary address of somebody who comes into an organization lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// In the organization's own verified domain.
    OwnDomain,
    /// In another's domain, or in nobody's.
    Elsewhere,
    /// They have none.
    NoAddress,
}

/// How somebody with this primary address comes into an organization: in its own verified domain they have joined at once
/// (rules D2 and E29), unless it has lapsed, and so has somebody without any address, whose mailbox there is none to confirm; everybody else
/// is to be invited (rule E30).
pub fn on_arrival(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    address: Option<&EmailAddress>,
) -> Result<InviteState, StoreError> {
    let Some(address) = address else { return Ok(arriving(Origin::NoAddress)) };
    let is_own = domains::is_owner(tx, organization, address.domain().as_str(), Owned::Trusted)?;
    Ok(arriving(if is_own { Origin::OwnDomain } else { Origin::Elsewhere }))
}

/// As [`on_arrival`], where it is known whose the domain of the address is.
pub const fn arriving(origin: Origin) -> InviteState {
    match origin {
        Origin::OwnDomain | Origin::NoAddress => InviteState::Joined,
        Origin::Elsewhere => InviteState::NotInvited,
    }
}

/// A row as what it stands for.
pub(super) fn from_row(row: MembershipRow) -> Result<Membership, StoreError> {
    Ok(Membership {
        account: row.account_id,
        organization: row.org_id,
        kind: match row.kind.as_str() {
            "member" => MembershipKind::Member,
            "external" => MembershipKind::External,
            _ => return Err(StoreError::Inconsistent("memberships.kind")),
        },
        role: Role::parse(&row.role).ok_or(StoreError::Inconsistent("memberships.role"))?,
        direct_role: match row.direct_role {
            Some(role) => Some(Role::parse(&role).ok_or(StoreError::Inconsistent("memberships.direct_role"))?),
            None => None,
        },
        invite_state: match row.invite_state.as_str() {
            "not_invited" => InviteState::NotInvited,
            "not_joined" => InviteState::NotJoined,
            "joined" => InviteState::Joined,
            _ => return Err(StoreError::Inconsistent("memberships.invite_state")),
        },
        status: match row.status.as_str() {
            "active" => MembershipStatus::Active,
            "inactive" => MembershipStatus::Inactive,
            _ => return Err(StoreError::Inconsistent("memberships.status")),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{InviteState, MembershipStatus};

    /// Product rules, section 5.
    #[test]
    fn d15_only_the_listed_transitions_are_possible() {
        use InviteState::{Joined, NotInvited, NotJoined};
        for (from, invite, join, withdraw) in [
            (NotInvited, Some(NotJoined), Some(Joined), None),
            (NotJoined, None, Some(Joined), Some(NotInvited)),
            (Joined, None, None, None),
        ] {
            assert_eq!(
                (from.invite().ok(), from.join().ok(), from.withdraw().ok()),
                (invite, join, withdraw),
                "{from:?}"
            );
        }
        use MembershipStatus::{Active, Inactive};
        assert_eq!((Active.deactivate(), Active.reactivate().ok()), (Ok(Inactive), None));
        assert_eq!((Inactive.deactivate().ok(), Inactive.reactivate()), (None, Ok(Active)));
    }
}
