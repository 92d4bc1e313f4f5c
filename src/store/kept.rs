//! Statements that are kept prepared although diesel prepares them anew each time, because it cannot know that their text
//! recurs: every UPDATE, and text that is a constant.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::Integer;
use diesel::sqlite::Sqlite;
use diesel::{PgConnection, RunQueryDsl, SqliteConnection};

use super::connection::AnyConnection;

/// An UPDATE or INSERT that has one text, or one of few, whatever its values are. A connection keeps every such text, so one that
/// a client can vary at will must not be in here. It returns nothing of its own.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Kept<Q>(pub(in crate::store) Q);

impl<Q> Kept<Q> {
    /// Executes it and tells how many rows it changed. PostgreSQL is asked for a row of each: what diesel executes goes
    /// through a reference, which forgets that a statement may be kept, and what it loads does not. What diesel derives for
    /// several engines forgets it in either way, so the engine's own connection is asked.
    pub(in crate::store) fn execute(self, connection: &mut AnyConnection) -> QueryResult<usize>
    where
        Q: QueryFragment<Pg> + QueryFragment<Sqlite> + QueryId + RunQueryDsl<SqliteConnection>,
    {
        match connection {
            AnyConnection::Sqlite(sqlite) => RunQueryDsl::execute(self.0, sqlite),
            AnyConnection::Postgres(postgres) => Ok(RunQueryDsl::load::<i32>(self, postgres)?.len()),
        }
    }
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Kept<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" RETURNING 1");
        Ok(())
    }

    fn is_safe_to_cache_prepared(&self, _backend: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> Query for Kept<Q> {
    type SqlType = Integer;
}

impl<Q> QueryId for Kept<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> RunQueryDsl<PgConnection> for Kept<Q> {}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;
    use diesel::sql_types::BigInt;

    use crate::store::failure::StoreError;
    use crate::store::{resources, scratch};
    use crate::values::clock::Timestamp;

    #[derive(QueryableByName)]
    #[diesel(check_for_backend(crate::store::connection::Backend))]
    struct Count {
        #[diesel(sql_type = BigInt)]
        found: i64,
    }

    #[tokio::test]
    async fn an_update_stays_prepared_on_its_connection() {
        let scratch = scratch::postgres();
        let done = scratch.store.write(move |tx| {
            for version in 1..=3 {
                resources::show(tx, 1, None, version, Timestamp::from_micros(0))?;
            }
            let text = "SELECT count(*) AS found FROM pg_prepared_statements WHERE statement LIKE 'UPDATE %resources%'";
            let kept: Count = diesel::sql_query(text).get_result(tx.connection())?;
            assert_eq!(kept.found, 1);
            Ok::<_, StoreError>(())
        });
        done.await.unwrap();
    }
}
