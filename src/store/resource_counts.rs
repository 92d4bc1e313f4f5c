//! How many resources an organization has of each kind, exact at every moment: triggers count each row that comes or
//! goes, in its transaction, whoever writes it. On PostgreSQL each connection counts in a row of its own, so that no
//! transaction waits for another; [`fold`] adds up what ended connections have left.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use super::Tx;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::StoreError;
use super::resources::ResourceKind;
use crate::store::connection::Backend;
use crate::values::ids::OrganizationId;

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct Total {
    #[diesel(sql_type = Nullable<BigInt>)]
    total: Option<i64>,
}

/// How many resources of a kind the organization has.
pub fn total(tx: &mut Tx<'_>, organization: OrganizationId, kind: ResourceKind) -> Result<i64, StoreError> {
    let mut query = DynamicQuery::recurring();
    query.sql("SELECT CAST(sum(delta) AS BIGINT) AS total FROM resource_counts WHERE org_id = ");
    query.bytes(organization.as_bytes()).sql(" AND kind = ").text(kind.as_str());
    let found: Total = query.get_result(tx.connection())?;
    Ok(found.total.unwrap_or(0))
}

/// Adds the rows of ended connections to one, and tells for how many counts. The rows of live connections are left
/// alone: their next transaction would have to wait.
pub fn fold(tx: &mut Tx<'_>) -> Result<usize, StoreError> {
    if tx.engine() == Engine::Sqlite {
        return Ok(0);
    }
    let mut query = DynamicQuery::recurring();
    query.sql(
        "WITH gone AS (DELETE FROM resource_counts \
           WHERE slot <> 0 AND slot NOT IN (SELECT pid FROM pg_stat_activity WHERE pid IS NOT NULL) \
           RETURNING org_id, kind, delta) \
         INSERT INTO resource_counts AS counted (org_id, kind, slot, delta) \
           SELECT org_id, kind, 0, CAST(sum(delta) AS BIGINT) FROM gone GROUP BY org_id, kind \
           ON CONFLICT (org_id, kind, slot) DO UPDATE SET delta = counted.delta + excluded.delta",
    );
    Ok(query.execute(tx.connection())?)
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection as _;
    use diesel::prelude::*;
    use diesel::sql_types::{BigInt, Binary, Text};

    use super::{fold, total};
    use crate::store::connection::AnyConnection;
    use crate::store::failure::StoreError;
    use crate::store::resources::ResourceKind;
    use crate::store::schema_scim::resource_counts as table;
    use crate::store::{Tx, resource_grams, scratch};
    use crate::values::ids::OrganizationId;

    const ORGANIZATION: [u8; 16] = [7; 16];

    fn organization() -> OrganizationId {
        OrganizationId::from_bytes(&ORGANIZATION).unwrap()
    }

    fn insert_organization(tx: &mut Tx<'_>) -> Result<(), StoreError> {
        diesel::sql_query(
            "INSERT INTO organizations (id, slug, name, support_name, support_email, version, created_at, updated_at) \
             VALUES ($1, 'acme', 'Acme', 'Help', 'help@acme.test', 1, 0, 0)",
        )
        .bind::<Binary, _>(ORGANIZATION.as_slice())
        .execute(tx.connection())?;
        Ok(())
    }

    fn insert_resource(tx: &mut Tx<'_>, number: u8, kind: &str) -> Result<(), StoreError> {
        diesel::sql_query(
            "INSERT INTO resources (id, org_id, kind, version, created_at, updated_at) VALUES ($1, $2, $3, 1, 0, 0)",
        )
        .bind::<Binary, _>([number; 16].as_slice())
        .bind::<Binary, _>(ORGANIZATION.as_slice())
        .bind::<Text, _>(kind)
        .execute(tx.connection())?;
        Ok(())
    }

    fn migrate_over_resources(tx: &mut Tx<'_>, first: &str, search: &str) -> Result<(), StoreError> {
        tx.connection().batch_execute(first)?;
        insert_organization(tx)?;
        for (number, kind) in [(1, "user"), (2, "user"), (3, "group")] {
            insert_resource(tx, number, kind)?;
        }
        tx.connection().batch_execute(search)?;
        assert_eq!(total(tx, organization(), ResourceKind::User)?, 2);
        assert_eq!(total(tx, organization(), ResourceKind::Group)?, 1);
        assert_eq!(resource_grams::count_waiting(tx, Some(organization()), 10)?, 3, "the back-fill is noted");
        insert_resource(tx, 4, "user")?;
        assert_eq!(total(tx, organization(), ResourceKind::User)?, 3);
        while resource_grams::index(tx, 2)? > 0 {}
        assert_eq!(resource_grams::count_waiting(tx, None, 10)?, 0);
        Ok(())
    }

    #[tokio::test]
    async fn the_migration_counts_what_is_there_and_notes_it_to_be_indexed() {
        let mut memory = AnyConnection::Sqlite(SqliteConnection::establish(":memory:").unwrap());
        migrate_over_resources(
            &mut Tx::new(&mut memory),
            include_str!("../../migrations/sqlite/0001_first/up.sql"),
            include_str!("../../migrations/sqlite/0002_search/up.sql"),
        )
        .unwrap();
        let scratch = scratch::postgres();
        let done = scratch.store.write(|tx| {
            tx.connection().batch_execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")?;
            migrate_over_resources(
                tx,
                include_str!("../../migrations/postgres/0001_first/up.sql"),
                include_str!("../../migrations/postgres/0002_search/up.sql"),
            )
        });
        done.await.unwrap();
    }

    #[tokio::test]
    async fn what_ended_connections_have_counted_is_added_up_and_stays_the_same() {
        let scratch = scratch::postgres();
        let done = scratch.store.write(|tx| {
            insert_organization(tx)?;
            insert_resource(tx, 1, "user")?;
            // No process of PostgreSQL has the number of the first process of a machine, or a negative one.
            for (slot, delta) in [(0, 4), (1, 5), (-1, -3)] {
                diesel::sql_query(
                    "INSERT INTO resource_counts (org_id, kind, slot, delta) VALUES ($1, 'user', $2, $3)",
                )
                .bind::<Binary, _>(ORGANIZATION.as_slice())
                .bind::<BigInt, _>(i64::from(slot))
                .bind::<BigInt, _>(i64::from(delta))
                .execute(tx.connection())?;
            }
            assert_eq!(fold(tx)?, 1);
            assert_eq!(total(tx, organization(), ResourceKind::User)?, 7);
            let of_live = table::table.filter(table::slot.ne(0)).select(table::delta);
            let folded = table::table.filter(table::slot.eq(0)).select(table::delta);
            assert_eq!(of_live.load::<i64>(tx.connection())?, [1], "a live connection's row is left alone");
            assert_eq!(folded.load::<i64>(tx.connection())?, [6]);
            Ok::<_, StoreError>(())
        });
        done.await.unwrap();
    }
}
