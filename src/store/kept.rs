//! Statements that are kept prepared although diesel prepares them anew each time, because it cannot know that their text
//! recurs: every UPDATE, and text that is a constant.

use diesel::RunQueryDsl;
use diesel::backend::Backend;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sqlite::Sqlite;

use super::connection::AnyConnection;

/// A statement that has one text, or one of few, whatever its values are. A connection keeps every such text, so one that
/// a client can vary at will must not be in here.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Kept<Q>(pub(in crate::store) Q);

impl<Q> Kept<Q> {
    /// Executes it and tells how many rows it changed. What diesel derives for several engines forgets that a statement
    /// may be kept, so the engine's own connection is asked.
    pub(in crate::store) fn execute(self, connection: &mut AnyConnection) -> QueryResult<usize>
    where
        Q: QueryFragment<Pg> + QueryFragment<Sqlite>,
    {
        match connection {
            AnyConnection::Sqlite(sqlite) => RunQueryDsl::execute(self, sqlite),
            AnyConnection::Postgres(postgres) => RunQueryDsl::execute(self, postgres),
        }
    }
}

impl<Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for Kept<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> QueryId for Kept<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q, Connection> RunQueryDsl<Connection> for Kept<Q> {}

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
                resources::touch(tx, 1, version, Timestamp::from_micros(0))?;
            }
            let text = "SELECT count(*) AS found FROM pg_prepared_statements WHERE statement LIKE 'UPDATE %resources%'";
            let kept: Count = diesel::sql_query(text).get_result(tx.connection())?;
            assert_eq!(kept.found, 1);
            Ok::<_, StoreError>(())
        });
        done.await.unwrap();
    }
}
