//! Grants, and in one query everything that decides whether a grant still stands and what is said about its person.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::kept::Kept;
use super::schema::{
    accounts, addresses, applications, connections, grants as table, memberships, organizations, sessions,
};
use super::sso_policies::{IsAskedOf, PersonOfGrant};
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, ApplicationId, ConnectionId, GrantId, OrganizationId, SessionId};

/// One grant.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct GrantRow {
    pub id: GrantId,
    pub application_id: ApplicationId,
    pub account_id: AccountId,
    pub org_id: OrganizationId,
    pub session_id: SessionId,
    pub session_epoch: i64,
    pub scope: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// What a grant needs to know of its session.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(Backend))]
#[allow(missing_docs)] // columns
pub struct SessionFacts {
    pub amr: String,
    pub acr: String,
    pub auth_time: Timestamp,
    pub is_auth_time_known: bool,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// What a grant needs to know of the connection that opened its session.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = connections, check_for_backend(Backend))]
#[allow(missing_docs)] // columns
pub struct ConnectionFacts {
    pub state: String,
}

/// What a grant needs to know of its account.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = accounts, check_for_backend(Backend))]
#[allow(missing_docs)] // columns
pub struct AccountFacts {
    pub kind: String,
    pub state: String,
    pub home_dc: String,
    pub session_epoch: i64,
    pub display_name: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub locale: Option<String>,
    pub zoneinfo: Option<String>,
    pub updated_at: Timestamp,
}

/// What a grant needs to know of the membership in its organization.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = memberships, check_for_backend(Backend))]
#[allow(missing_docs)] // columns
pub struct MembershipFacts {
    pub kind: String,
    pub status: String,
}

/// What a grant needs to know of its application.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = applications, check_for_backend(Backend))]
#[allow(missing_docs)] // columns
pub struct ApplicationFacts {
    pub state: String,
    pub id_token_algorithm: String,
}

/// The person's primary address.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = addresses, check_for_backend(Backend))]
#[allow(missing_docs)] // columns
pub struct AddressFacts {
    pub address: String,
    pub verified_at: Option<Timestamp>,
}

/// A grant and what it rests on, as of one moment. No connection: the person signed in with credentials of their own.
#[derive(Debug, Clone, Queryable)]
#[allow(missing_docs)] // the names say it
pub struct StandingRow {
    pub grant: GrantRow,
    pub session: SessionFacts,
    pub connection: Option<ConnectionFacts>,
    pub account: AccountFacts,
    pub organization_name: String,
    pub claim_mappings: Option<String>,
    pub application: ApplicationFacts,
    pub membership: Option<MembershipFacts>,
    pub address: Option<AddressFacts>,
    /// The person opened the session by credentials of their own, and single sign-on is required or tested for their domain.
    pub is_own_way_in_question: bool,
}

/// Inserts one grant.
pub fn insert(tx: &mut Tx<'_>, row: &GrantRow) -> Result<(), StoreError> {
    Kept(diesel::insert_into(table::table).values(row)).execute(tx.connection())?;
    Ok(())
}

/// A grant with everything it rests on.
pub fn find_standing(tx: &mut Tx<'_>, id: GrantId) -> Result<Option<StandingRow>, StoreError> {
    let query = table::table
        .inner_join(sessions::table.on(sessions::id.eq(table::session_id)))
        .left_join(connections::table.on(sessions::connection_id.eq(connections::id.nullable())))
        .inner_join(accounts::table.on(accounts::id.eq(table::account_id)))
        .inner_join(organizations::table.on(organizations::id.eq(table::org_id)))
        .inner_join(applications::table.on(applications::id.eq(table::application_id)))
        .left_join(
            memberships::table
                .on(memberships::account_id.eq(table::account_id).and(memberships::org_id.eq(table::org_id))),
        )
        .left_join(addresses::table.on(addresses::account_id.eq(table::account_id).and(addresses::is_primary.eq(true))))
        .filter(table::id.eq(id));
    let found = on_engine!(tx, |connection| {
        let columns = (
            GrantRow::as_select(),
            SessionFacts::as_select(),
            Option::<ConnectionFacts>::as_select(),
            AccountFacts::as_select(),
            organizations::name,
            organizations::claim_mappings,
            ApplicationFacts::as_select(),
            Option::<MembershipFacts>::as_select(),
            Option::<AddressFacts>::as_select(),
            IsAskedOf::<PersonOfGrant>::new(),
        );
        query.select(columns).first(connection)
    });
    Ok(found.optional()?)
}

/// Revokes every grant of the sessions that a connection opened, ended ones included; tells how many were in force.
pub fn revoke_of_connection(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
    at: Timestamp,
) -> Result<usize, StoreError> {
    let opened = sessions::table.filter(sessions::connection_id.eq(connection)).select(sessions::id);
    let in_force = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::revoked_at.is_null())
        .filter(table::session_id.eq_any(opened));
    Ok(diesel::update(in_force).set(table::revoked_at.eq(Some(at))).execute(tx.connection())?)
}

/// Revokes every grant of a session, those for offline use as well.
pub fn revoke_of_session(tx: &mut Tx<'_>, session: SessionId, at: Timestamp) -> Result<usize, StoreError> {
    let in_force = table::table.filter(table::session_id.eq(session)).filter(table::revoked_at.is_null());
    Ok(diesel::update(in_force).set(table::revoked_at.eq(Some(at))).execute(tx.connection())?)
}

/// Revokes every grant of an account that was not made in the session `kept`, or only those on behalf of `within`, if that is
/// given; tells how many were in force.
pub fn revoke_others(
    tx: &mut Tx<'_>,
    account: AccountId,
    within: Option<OrganizationId>,
    kept: SessionId,
    at: Timestamp,
) -> Result<usize, StoreError> {
    let others = table::table
        .filter(table::account_id.eq(account))
        .filter(table::revoked_at.is_null())
        .filter(table::session_id.ne(kept));
    let revoked = table::revoked_at.eq(Some(at));
    Ok(match within {
        None => diesel::update(others).set(revoked).execute(tx.connection())?,
        Some(within) => {
            diesel::update(others.filter(table::org_id.eq(within))).set(revoked).execute(tx.connection())?
        }
    })
}

/// Revokes a grant, and with it every token made from it; tells whether it was in force.
pub fn revoke(tx: &mut Tx<'_>, id: GrantId, at: Timestamp) -> Result<bool, StoreError> {
    let in_force = table::table.filter(table::id.eq(id)).filter(table::revoked_at.is_null());
    Ok(diesel::update(in_force).set(table::revoked_at.eq(Some(at))).execute(tx.connection())? == 1)
}
