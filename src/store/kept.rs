//! Statements that are kept prepared although diesel prepares them anew each time, because it cannot know that their text
//! recurs: every UPDATE, a list of values, and text that is a constant. On SQLite that saves reading the text, on PostgreSQL a round trip as well.

use diesel::backend::Backend;
use diesel::connection::Connection as _;
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

/// A SELECT of one integer, such as one that locks rows, under the same terms.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct KeptSelect<Q>(pub(in crate::store) Q);

/// A SELECT under the same terms, for the engine's own connection: [`super::on_engine`].
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct KeptRead<Q>(pub(in crate::store) Q);

impl<Q> Kept<Q> {
    /// Executes it and tells how many rows it changed. What diesel knows by its type it keeps by itself. For the rest the engine is
    /// asked for a row of each: what diesel executes goes through a reference, which forgets that a statement may be kept, and
    /// what it loads does not. What diesel derives for several engines forgets it in either way, so the engine's own connection
    /// is asked.
    pub(in crate::store) fn execute(self, connection: &mut AnyConnection) -> QueryResult<usize>
    where
        Q: QueryFragment<Pg> + QueryFragment<Sqlite> + QueryId,
    {
        if Q::HAS_STATIC_QUERY_ID {
            return match connection {
                AnyConnection::Sqlite(sqlite) => sqlite.execute_returning_count(&self.0),
                AnyConnection::Postgres(postgres) => postgres.execute_returning_count(&self.0),
            };
        }
        let changed: Vec<i32> = match connection {
            AnyConnection::Sqlite(sqlite) => RunQueryDsl::load(self, sqlite)?,
            AnyConnection::Postgres(postgres) => RunQueryDsl::load(self, postgres)?,
        };
        Ok(changed.len())
    }
}

impl<Q: QueryFragment<Pg>> KeptSelect<Q> {
    /// Executes it and tells how many rows there are.
    pub(in crate::store) fn execute(self, connection: &mut PgConnection) -> QueryResult<usize> {
        Ok(RunQueryDsl::load::<i32>(self, connection)?.len())
    }
}

impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for Kept<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" RETURNING 1");
        Ok(())
    }

    fn is_safe_to_cache_prepared(&self, _backend: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for KeptSelect<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for KeptRead<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q: Query> Query for KeptRead<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> QueryId for KeptRead<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q, C> RunQueryDsl<C> for KeptRead<Q> {}

impl<Q> Query for Kept<Q> {
    type SqlType = Integer;
}

impl<Q> Query for KeptSelect<Q> {
    type SqlType = Integer;
}

/// An INSERT of a row is known by its type, and executed as it is; an UPDATE never is, since what it changes may vary.
impl<Q> QueryId for Kept<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> QueryId for KeptSelect<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> RunQueryDsl<SqliteConnection> for Kept<Q> {}
impl<Q> RunQueryDsl<PgConnection> for Kept<Q> {}
impl<Q> RunQueryDsl<PgConnection> for KeptSelect<Q> {}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;
    use diesel::sql_types::{BigInt, Text};

    use crate::store::failure::StoreError;
    use crate::store::{accounts, resources, scratch};
    use crate::values::clock::Timestamp;
    use crate::values::ids::AccountId;

    #[derive(QueryableByName)]
    #[diesel(check_for_backend(crate::store::connection::Backend))]
    struct Count {
        #[diesel(sql_type = BigInt)]
        found: i64,
    }

    #[tokio::test]
    async fn a_statement_stays_prepared_on_its_connection() {
        let scratch = scratch::postgres();
        let done = scratch.store.write(move |tx| {
            for version in 1..=3 {
                // There is no such row, which the statement tells, and it is kept all the same.
                let shown = resources::show(tx, 1, None, version, Timestamp::from_micros(0));
                assert!(matches!(shown, Err(StoreError::Inconsistent("resources"))));
                accounts::lock(tx, AccountId::from_bytes(&[1; 16]).unwrap())?;
            }
            for beginning in ["UPDATE %resources%", "SELECT 1 FROM accounts%"] {
                let text = "SELECT count(*) AS found FROM pg_prepared_statements WHERE statement LIKE $1";
                let query = diesel::sql_query(text).bind::<Text, _>(beginning);
                assert_eq!(query.get_result::<Count>(tx.connection())?.found, 1, "{beginning}");
            }
            Ok::<_, StoreError>(())
        });
        done.await.unwrap();
    }
}
