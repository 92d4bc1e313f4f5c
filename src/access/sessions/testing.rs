//! Somebody who is a guest of another organization, for unit tests.

use super::{Limits, Session};
use crate::access::attempts::state::Identified;
use crate::access::testing::World;
use crate::directory::accounts;
use crate::directory::connections::{self, NewConnection, Settings};
use crate::directory::organizations::{self, NewOrganization};
use crate::protocol::oidc::relying_party::preset::Preset;
use crate::store::failure::StoreError;
use crate::store::memberships::MembershipRow;
use crate::store::{Tx, scratch};
use crate::values::ids::{AccountId, ConnectionId, OrganizationId};
use crate::values::operation::Operation;
use crate::values::quota::Quota;
use crate::values::secret::Secret;

/// How long sessions last here.
pub const LIMITS: Limits = Limits { idle_seconds: 3_600, absolute_seconds: 36_000 };

/// Somebody of the world as an external of "Globex", whose connection has signed them in.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Globex.
    pub globex: OrganizationId,
    /// Its connection.
    pub connection: ConnectionId,
    /// Who.
    pub account: AccountId,
    /// The session that the connection has opened.
    pub session: Session,
    /// Its token.
    pub token: Secret,
}

/// Makes Globex, and `account` its guest.
pub async fn guest_of_globex(world: &World, account: AccountId) -> Guest {
    let op = world.operator();
    let write = world.store().write(move |tx| {
        let new = NewOrganization {
            slug: "globex".parse().unwrap(),
            name: "Globex".to_owned(),
            support_name: None,
            support_email: None,
            owner: "owner@globex.test".parse().unwrap(),
        };
        let globex = organizations::create(tx, &op, &new).unwrap().0.id;
        let settings = Settings::oidc("https://idp.globex.test", "causeway", Preset::Generic, None);
        let new = NewConnection { id: op.new_id(), name: "Globex SSO".to_owned(), settings, sealed_secret: None };
        let connection = connections::create(tx, &op, globex, &new, &Quota::default()).unwrap().id;
        put_membership(tx, &op, (account, globex), ("external", "joined"))?;
        let identified = brought(tx, &op, account, (globex, connection))?;
        let (session, token) = super::start(tx, &op, &identified, LIMITS)?;
        Ok::<_, StoreError>(Guest { globex, connection, account, session, token })
    });
    write.await.unwrap()
}

/// What is known of somebody whom a connection has brought.
pub fn brought(
    tx: &mut Tx<'_>,
    op: &Operation,
    account: AccountId,
    (organization, connection): (OrganizationId, ConnectionId),
) -> Result<Identified, StoreError> {
    let found = accounts::find(tx, account)?.unwrap();
    Ok(Identified {
        account,
        organization,
        connection: Some(connection),
        session_epoch: found.session_epoch,
        amr: vec!["pwd".to_owned(), "mfa".to_owned()],
        acr: "urn:globex:two".to_owned(),
        auth_time: Some(op.at),
        session_expires_at: None,
        upstream_session: None,
    })
}

fn put_membership(
    tx: &mut Tx<'_>,
    op: &Operation,
    (account, organization): (AccountId, OrganizationId),
    (kind, invite_state): (&str, &str),
) -> Result<(), StoreError> {
    scratch::put_membership(
        tx,
        &MembershipRow {
            account_id: account,
            org_id: organization,
            kind: kind.to_owned(),
            role: "member".to_owned(),
            invite_state: invite_state.to_owned(),
            status: "active".to_owned(),
            created_at: op.at,
            updated_at: op.at,
            direct_role: None,
        },
    )
}

impl Guest {
    /// The guest becomes something else to Globex.
    pub async fn becomes(&self, world: &World, kind: &'static str, invite_state: &'static str) {
        let (op, who) = (world.op(), (self.account, self.globex));
        let write = world.store().write(move |tx| put_membership(tx, &op, who, (kind, invite_state)));
        write.await.unwrap();
    }

    /// Globex's connection signs them in once more.
    pub async fn signs_in_again(&self, world: &World) -> (Session, Secret) {
        let (op, account, on) = (world.op(), self.account, (self.globex, self.connection));
        let write = world.store().write(move |tx| {
            let identified = brought(tx, &op, account, on)?;
            super::start(tx, &op, &identified, LIMITS)
        });
        write.await.unwrap()
    }
}
