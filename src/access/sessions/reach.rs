//! How far a session reaches: what its person sees and changes on the pages of their account (decision 0031).
//!
//! Whoever runs the identity provider of an organization can make a session for each person that its connection knows, whenever
//! they like. So a session that a connection has opened reaches the account only where the organization is the one that the
//! person has joined as a member. To any other it is a guest's session: it reaches what the person does on behalf of that
//! organization, and nothing that belongs to them elsewhere (rules B9, C13, D6 and D7). What somebody has proved here by
//! credentials of their own reaches the account.

use super::Session;
use crate::directory::memberships::{self, MembershipKind};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::ids::{AccountId, ConnectionId, OrganizationId};

/// How far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The account with all that belongs to it.
    Account,
    /// What the person does on behalf of this organization.
    Organization(OrganizationId),
}

/// What decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// On whose behalf they signed in.
    pub organization: OrganizationId,
    /// The connection of that organization that identified them; none when they signed in with credentials of their own.
    pub connection: Option<ConnectionId>,
    /// They have joined that organization as a member.
    pub is_member: bool,
}

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// The session was opened by an organization that the person is no member of.
    #[error("the session was opened by an organization that the person is no member of")]
    OutOfReach,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reach {
    /// The organization that it does not reach beyond, if there is one.
    pub const fn bound(self) -> Option<OrganizationId> {
        match self {
            Self::Account => None,
            Self::Organization(organization) => Some(organization),
        }
    }
}

/// How far a session reaches.
pub const fn reach(facts: &Facts) -> Reach {
    match (facts.connection, facts.is_member) {
        (None, _) | (Some(_), true) => Reach::Account,
        (Some(_), false) => Reach::Organization(facts.organization),
    }
}

/// How far a session reaches now. No query for one that was opened by credentials of the person's own.
pub fn of(tx: &mut Tx<'_>, session: &Session) -> Result<Reach, StoreError> {
    let Session { account, organization, connection, .. } = session;
    let is_member = connection.is_some() && is_joined_member(tx, *account, *organization)?;
    Ok(reach(&Facts { organization: *organization, connection: *connection, is_member }))
}

fn is_joined_member(tx: &mut Tx<'_>, account: AccountId, organization: OrganizationId) -> Result<bool, StoreError> {
    let membership = memberships::find(tx, account, organization)?;
    Ok(membership.is_some_and(|found| found.kind == MembershipKind::Member && found.is_joined()))
}

/// Refuses a session that does not reach the account. Everything that shows or changes how its person signs in asks for this.
pub fn require_account(tx: &mut Tx<'_>, session: &Session) -> Result<(), ReachError> {
    match of(tx, session)? {
        Reach::Account => Ok(()),
        Reach::Organization(_) => Err(ReachError::OutOfReach),
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, Reach, of, reach};
    use crate::access::sessions::testing::guest_of_globex;
    use crate::access::testing::world;
    use crate::values::ids::{ConnectionId, OrganizationId};

    #[test]
    fn b9_d6_a_connection_reaches_the_accounts_of_its_own_organizations_members_alone() {
        let organization = OrganizationId::from_bytes(&[1; 16]).unwrap();
        let connection = ConnectionId::from_bytes(&[2; 16]).ok();
        for (connection, is_member, expected) in [
            (None, true, Reach::Account),
            (None, false, Reach::Account),
            (connection, true, Reach::Account),
            (connection, false, Reach::Organization(organization)),
        ] {
            let facts = Facts { organization, connection, is_member };
            assert_eq!(reach(&facts), expected, "{facts:?}");
        }
        assert_eq!((Reach::Account.bound(), Reach::Organization(organization).bound()), (None, Some(organization)));
    }

    /// Asked at each use: whoever becomes a member reaches more from then on, and whoever stops being one less.
    #[tokio::test]
    async fn b9_what_the_person_is_to_the_organization_counts_as_it_is_now() {
        for world in world().await {
            let visitor = world.visitor().await;
            let guest = guest_of_globex(&world, visitor).await;
            for (kind, invite_state, is_account) in [
                ("external", "joined", false),
                ("member", "not_joined", false),
                ("member", "joined", true),
                ("external", "joined", false),
            ] {
                guest.becomes(&world, kind, invite_state).await;
                let session = guest.session.clone();
                let found = world.store().read(move |tx| of(tx, &session)).await.unwrap();
                let expected = if is_account { Reach::Account } else { Reach::Organization(guest.globex) };
                assert_eq!(found, expected, "{}: {kind} {invite_state}", world.engine());
            }
        }
    }
}
