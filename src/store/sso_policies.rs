//! How the people of a domain sign in, and what is counted before that is changed.

use std::marker::PhantomData;

use diesel::backend::Backend as AnyBackend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Binary, Bool, Text};

use super::Tx;
use super::connections::came_later;
use super::domains::Owned;
use super::failure::StoreError;
use super::kept::KeptRead;
use super::policy_schema::{organization_kinds as kinds, sso_policies as table};
use super::schema::{connections, identities, memberships};
use crate::store::connection::{AnyConnection, Backend};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, ConnectionId, DomainId, OrganizationId, ResourceId};

/// The policy of one domain.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct SsoPolicyRow {
    pub domain_id: DomainId,
    pub org_id: OrganizationId,
    pub state: String,
    pub test_group: Option<ResourceId>,
    pub updated_at: Timestamp,
}

/// How many people have an address in a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, QueryableByName)]
#[diesel(check_for_backend(Backend))]
pub struct DomainCounts {
    /// All of this data center.
    #[diesel(sql_type = BigInt)]
    pub people: i64,
    /// Those who have joined the organization as members.
    #[diesel(sql_type = BigInt)]
    pub members: i64,
    /// Those of them whom a connection of the organization knows.
    #[diesel(sql_type = BigInt)]
    pub signed_in: i64,
}

/// Part of a query: true when single sign-on is required or tested for a domain in which somebody has an address, whoever owns it.
/// Constant text, so that it costs no query of its own, and the statement that it is in is known by its type.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct IsAskedOf<P>(PhantomData<P>);

/// Of whom it is asked.
pub(in crate::store) trait Person: 'static {
    /// What has to hold besides, with an AND behind it.
    const CONDITION: &'static str;
    /// Their account.
    const ACCOUNT: &'static str;
}

/// The person of a row of `memberships`.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct PersonOfMembership;

/// The person of a row of `grants`, if they opened its session by credentials of their own.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct PersonOfGrant;

impl Person for PersonOfMembership {
    const CONDITION: &'static str = "";
    const ACCOUNT: &'static str = "memberships.account_id";
}

impl Person for PersonOfGrant {
    const CONDITION: &'static str = "sessions.connection_id IS NULL AND ";
    const ACCOUNT: &'static str = "grants.account_id";
}

impl<P: Person> IsAskedOf<P> {
    /// The part for this person.
    pub(in crate::store) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<P> Expression for IsAskedOf<P> {
    type SqlType = Bool;
}

impl<P, Table> AppearsOnTable<Table> for IsAskedOf<P> {}

impl<P, Table> SelectableExpression<Table> for IsAskedOf<P> {}

impl<P> ValidGrouping<()> for IsAskedOf<P> {
    type IsAggregate = is_aggregate::Never;
}

impl<P: Person> QueryId for IsAskedOf<P> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

/// The characters of an address but its one `@` are trimmed from its left, which both engines understand alike, and leaves the
/// domain.
impl<DB: AnyBackend, P: Person> QueryFragment<DB> for IsAskedOf<P> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("(");
        out.push_sql(P::CONDITION);
        out.push_sql(
            "EXISTS (SELECT 1 FROM addresses own \
             JOIN domains owned ON owned.name = substr(ltrim(own.address, replace(own.address, '@', '')), 2) \
                  AND owned.state IN ",
        );
        // Who had to come by the identity provider has to when the domain has lapsed: it fails closed.
        out.push_sql(Owned::OrLapsed.sql());
        out.push_sql(
            " JOIN sso_policies asked ON asked.domain_id = owned.id AND asked.state IN ('test', 'required') \
             WHERE own.account_id = ",
        );
        out.push_sql(P::ACCOUNT);
        out.push_sql("))");
        Ok(())
    }
}

/// Keeps other transactions from changing how the people of an organization sign in before this one ends. On SQLite there
/// is one writer.
pub fn lock(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<(), StoreError> {
    if let AnyConnection::Postgres(_) = tx.connection() {
        diesel::sql_query("SELECT 1 FROM sso_policies WHERE org_id = $1 ORDER BY domain_id FOR UPDATE")
            .bind::<Binary, _>(organization)
            .execute(tx.connection())?;
    }
    Ok(())
}

/// The policy of a domain; a domain without one has none.
pub fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    domain: DomainId,
) -> Result<Option<SsoPolicyRow>, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).filter(table::domain_id.eq(domain));
    Ok(on_engine!(tx, |connection| query.select(SsoPolicyRow::as_select()).first(connection)).optional()?)
}

/// True when the policy of one of the organization's domains is in one of these states.
pub fn is_any_in(tx: &mut Tx<'_>, organization: OrganizationId, states: &[&str]) -> Result<bool, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).filter(table::state.eq_any(states)).limit(1);
    Ok(on_engine!(tx, |connection| KeptRead(query.count()).get_result::<i64>(connection))? > 0)
}

/// The policies of the organization's domains that are in one of these states.
pub fn in_states(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    states: &[&str],
) -> Result<Vec<SsoPolicyRow>, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).filter(table::state.eq_any(states));
    let query = query.order(table::domain_id);
    Ok(on_engine!(tx, |connection| KeptRead(query.select(SsoPolicyRow::as_select())).load(connection))?)
}

/// Writes a policy in place of the one that is there.
pub fn put(tx: &mut Tx<'_>, row: &SsoPolicyRow) -> Result<(), StoreError> {
    // In its row, so that whoever waits in [`lock`] holds it then.
    let one = table::table.filter(table::org_id.eq(row.org_id)).filter(table::domain_id.eq(row.domain_id));
    let change =
        (table::state.eq(&row.state), table::test_group.eq(row.test_group), table::updated_at.eq(row.updated_at));
    if diesel::update(one).set(change).execute(tx.connection())? == 0 {
        diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    }
    Ok(())
}

/// Forgets the policy of a domain.
pub fn delete(tx: &mut Tx<'_>, organization: OrganizationId, domain: DomainId) -> Result<(), StoreError> {
    let one = table::table.filter(table::org_id.eq(organization)).filter(table::domain_id.eq(domain));
    diesel::delete(one).execute(tx.connection())?;
    Ok(())
}

/// When an owner or administrator last came in through one of these connections, if what decides there has not changed since.
pub fn last_sign_in_of_administrator(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    through: &[ConnectionId],
) -> Result<Option<Timestamp>, StoreError> {
    let query = memberships::table
        .inner_join(identities::table.on(identities::account_id.eq(memberships::account_id)))
        .inner_join(connections::table.on(connections::id.eq(identities::connection_id)))
        .filter(memberships::org_id.eq(organization))
        .filter(memberships::role.ne("member"))
        .filter(memberships::role.eq_any(["owner", "admin"]))
        .filter(memberships::status.eq("active"))
        .filter(identities::org_id.eq(organization))
        .filter(identities::connection_id.eq_any(through.to_vec()))
        .filter(came_later())
        .order(identities::last_sign_in_at.desc())
        .select(identities::last_sign_in_at);
    Ok(query.first(tx.connection()).optional()?)
}

/// True when a connection of the organization knows this account.
pub fn is_known_to_connection(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: AccountId,
) -> Result<bool, StoreError> {
    let query =
        identities::table.filter(identities::account_id.eq(account)).filter(identities::org_id.eq(organization));
    Ok(query.count().get_result::<i64>(tx.connection())? > 0)
}

/// Counts the people whose primary address lies in exactly this domain.
pub fn count_people(tx: &mut Tx<'_>, organization: OrganizationId, domain: &str) -> Result<DomainCounts, StoreError> {
    let of_address = match tx.connection() {
        AnyConnection::Sqlite(_) => "substr(address, instr(address, '@') + 1)",
        AnyConnection::Postgres(_) => "split_part(address, '@', 2)",
    };
    let text = format!(
        "SELECT CAST(COUNT(*) AS BIGINT) AS people, \
                CAST(COALESCE(SUM(CASE WHEN m.account_id IS NOT NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS members, \
                CAST(COALESCE(SUM(CASE WHEN m.account_id IS NOT NULL AND EXISTS ( \
                    SELECT 1 FROM identities i WHERE i.account_id = a.account_id AND i.org_id = $1) \
                    THEN 1 ELSE 0 END), 0) AS BIGINT) AS signed_in \
         FROM addresses a LEFT JOIN memberships m ON m.account_id = a.account_id AND m.org_id = $1 \
              AND m.kind = 'member' AND m.invite_state = 'joined' \
         WHERE {of_address} = $2 AND a.is_primary"
    );
    let query = diesel::sql_query(text).bind::<Binary, _>(organization).bind::<Text, _>(domain);
    Ok(query.get_result(tx.connection())?)
}

/// What kind of organization it is, if that was ever said.
pub fn kind(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Option<String>, StoreError> {
    let query = kinds::table.filter(kinds::org_id.eq(organization)).select(kinds::kind);
    Ok(query.first(tx.connection()).optional()?)
}

/// Says what kind of organization it is.
pub fn put_kind(tx: &mut Tx<'_>, organization: OrganizationId, kind: &str, at: Timestamp) -> Result<(), StoreError> {
    diesel::delete(kinds::table.filter(kinds::org_id.eq(organization))).execute(tx.connection())?;
    let row = (kinds::org_id.eq(organization), kinds::kind.eq(kind), kinds::updated_at.eq(at));
    diesel::insert_into(kinds::table).values(row).execute(tx.connection())?;
    Ok(())
}
