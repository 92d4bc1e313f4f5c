//! Resources that are about to be changed or deleted: read, and kept from other transactions until this one ends. SQLite has one
//! writer, and needs no locks.

use super::Tx;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::StoreError;
use super::resources::{ResourceKind, ResourceRow, find};
use crate::values::ids::{OrganizationId, ResourceId};

/// As [`find`], and no other transaction changes the resource before this one ends. To a group others may still refer, so that two
/// groups that take each other in at once do not wait for each other; to a user they may not.
pub fn find_for_update(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    kind: ResourceKind,
    id: ResourceId,
) -> Result<Option<ResourceRow>, StoreError> {
    let lock = match kind {
        ResourceKind::User => " FOR UPDATE OF r, d",
        ResourceKind::Group => " FOR NO KEY UPDATE OF r, d",
    };
    find_locked(tx, organization, kind, id, lock)
}

/// As [`find_for_update`], and no other transaction makes a member of the resource either: it is about to go.
pub fn find_for_deletion(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    kind: ResourceKind,
    id: ResourceId,
) -> Result<Option<ResourceRow>, StoreError> {
    find_locked(tx, organization, kind, id, " FOR UPDATE OF r, d")
}

fn find_locked(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    kind: ResourceKind,
    id: ResourceId,
    postgres_lock: &'static str,
) -> Result<Option<ResourceRow>, StoreError> {
    if tx.engine() == Engine::Sqlite {
        return find(tx, organization, kind, id);
    }
    // Both rows are locked: of one that is only joined, PostgreSQL would show what it was before the wait.
    let mut query = DynamicQuery::recurring();
    query.sql(
        "SELECT r.k, r.id, r.account_id, r.active, r.version, r.created_at, r.updated_at, d.document \
         FROM resources r JOIN resource_docs d ON d.k = r.k WHERE r.id = ",
    );
    query.bytes(id.as_bytes()).sql(" AND r.org_id").sql(Engine::Postgres.checked()).bytes(organization.as_bytes());
    query.sql(" AND r.kind").sql(Engine::Postgres.checked()).text(kind.as_str()).sql(postgres_lock);
    Ok(query.load::<ResourceRow>(tx.connection())?.pop())
}

/// Keeps other transactions from changing a resource before this one ends.
pub fn lock(tx: &mut Tx<'_>, organization: OrganizationId, id: ResourceId) -> Result<(), StoreError> {
    if tx.engine() == Engine::Sqlite {
        return Ok(());
    }
    let mut query = DynamicQuery::recurring();
    query.sql("SELECT k FROM resources WHERE id = ").bytes(id.as_bytes());
    query.sql(" AND org_id").sql(Engine::Postgres.checked()).bytes(organization.as_bytes()).sql(" FOR UPDATE");
    query.execute(tx.connection())?;
    Ok(())
}

/// Waits until everybody who changes the members of a group below one that carries a role has done so.
pub fn settle_carrying(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<(), StoreError> {
    if tx.engine() == Engine::Sqlite {
        return Ok(());
    }
    let mut query = DynamicQuery::recurring();
    query.sql("WITH RECURSIVE below (k) AS (SELECT group_k FROM group_roles WHERE org_id = ");
    query.bytes(organization.as_bytes()).sql(
        " UNION SELECT m.member_k FROM members m JOIN below b ON m.group_k = b.k \
         JOIN resources g ON g.k = m.member_k AND g.kind = 'group') \
         SELECT r.k FROM below b JOIN resources r ON r.k = b.k ORDER BY r.k FOR SHARE OF r",
    );
    query.execute(tx.connection())?;
    Ok(())
}
