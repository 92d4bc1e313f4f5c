//! Whether the database takes changes, for whoever asks if the gateway is ready.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::Tx;
use super::connection::{AnyConnection, Backend};
use super::failure::{StoreError, require_one};

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct Setting {
    #[diesel(sql_type = Text)]
    transaction_read_only: String,
}

/// Refuses where PostgreSQL answers and takes no changes, as a server does that stands by for another one.
pub(super) fn require_writable(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    if let AnyConnection::Postgres(postgres) = tx.connection() {
        let found = diesel::sql_query("SHOW transaction_read_only").get_result::<Setting>(postgres)?;
        if found.transaction_read_only == "on" {
            return Err(StoreError::Unavailable("it takes no changes".to_owned()));
        }
    }
    Ok(())
}

/// Writes what is there already, in a table that every database has rows of; it needs room on the disk like any other change.
pub(super) fn write(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let text = "UPDATE __diesel_schema_migrations SET version = version \
                WHERE version = (SELECT min(version) FROM __diesel_schema_migrations)";
    require_one(diesel::sql_query(text).execute(tx.connection())?, "__diesel_schema_migrations")
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection as _;
    use diesel::prelude::*;

    use super::require_writable;
    use crate::store::failure::StoreError;
    use crate::store::scratch;

    #[tokio::test]
    async fn where_a_change_could_not_be_stored_being_ready_takes_one_that_can() {
        let scratch = scratch::sqlite();
        let run = async |text: &'static str| {
            let running = scratch.store.write(move |tx| Ok::<_, StoreError>(tx.connection().batch_execute(text)?));
            running.await
        };
        // Nothing can be written where the probe writes.
        run("ALTER TABLE __diesel_schema_migrations RENAME TO elsewhere").await.unwrap();
        scratch.store.ping().await.unwrap();
        // What SQLite does by itself when a write fails.
        run("ROLLBACK").await.unwrap_err();
        for _ in 0..2 {
            assert!(scratch.store.ping().await.is_err());
        }
        run("ALTER TABLE elsewhere RENAME TO __diesel_schema_migrations").await.unwrap();
        scratch.store.ping().await.unwrap();
        run("ALTER TABLE __diesel_schema_migrations RENAME TO elsewhere").await.unwrap();
        scratch.store.ping().await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_takes_no_changes_is_not_ready() {
        let scratch = scratch::postgres();
        for (text, is_ready) in [("SELECT 1", true), ("SET TRANSACTION READ ONLY", false)] {
            let asked = scratch.store.write(move |tx| {
                diesel::sql_query(text).execute(tx.connection())?;
                require_writable(tx)
            });
            assert_eq!(!matches!(asked.await, Err(StoreError::Unavailable(_))), is_ready, "{text}");
        }
    }
}
