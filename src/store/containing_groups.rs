//! The groups that a resource is a direct member of, when the resource is about to go: its memberships are deleted with it,
//! and each of these groups is another one afterwards.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use super::Tx;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::StoreError;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ResourceId};

/// A group with its version after the change.
#[derive(Debug, Clone, QueryableByName)]
#[diesel(check_for_backend(Backend))]
#[allow(missing_docs)] // columns
pub struct ContainingGroupRow {
    #[diesel(sql_type = Binary)]
    pub id: ResourceId,
    #[diesel(sql_type = Nullable<Text>)]
    pub external_id: Option<String>,
    #[diesel(sql_type = BigInt)]
    pub version: i64,
}

/// Keeps other transactions from changing the groups that hold these resources directly, and those of the resources that
/// are groups themselves, before this one ends: all in the order of their keys, so that two who lock groups do not wait for
/// each other. SQLite has one writer and needs none.
pub fn lock(tx: &mut Tx<'_>, organization: OrganizationId, members: &[ResourceId]) -> Result<(), StoreError> {
    if tx.engine() == Engine::Sqlite || members.is_empty() {
        return Ok(());
    }
    let checked = Engine::Postgres.checked();
    let mut query = DynamicQuery::recurring();
    query.sql("WITH leaving AS (SELECT k, kind FROM resources WHERE org_id").sql(checked);
    query.bytes(organization.as_bytes()).sql(" AND id IN ").list(members, |query, id| {
        query.bytes(id.as_bytes());
    });
    query.sql(
        "), held AS (SELECT m.group_k AS k FROM leaving l JOIN members m ON m.member_k = l.k \
           UNION SELECT k FROM leaving WHERE kind = 'group') \
         SELECT r.k FROM held h JOIN resources r ON r.k = h.k ORDER BY r.k FOR NO KEY UPDATE OF r",
    );
    if members.len() > 1 {
        query.forget();
    }
    query.execute(tx.connection())?;
    Ok(())
}

/// Moves the version of the groups that hold a resource directly on, in one statement, and answers them.
pub fn touch(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    member: i64,
    at: Timestamp,
) -> Result<Vec<ContainingGroupRow>, StoreError> {
    let checked = tx.engine().checked();
    let mut query = DynamicQuery::recurring();
    query.sql("UPDATE resources SET version = version + 1, updated_at = ").integer(at.micros());
    query.sql(" WHERE k IN (SELECT group_k FROM members WHERE member_k = ").integer(member);
    query.sql(") AND org_id").sql(checked).bytes(organization.as_bytes());
    query.sql(" RETURNING id, external_id, version");
    let statement = tx.carrying(query);
    Ok(statement.load(tx.connection())?)
}
