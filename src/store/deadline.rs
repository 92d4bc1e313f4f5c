//! How long a search may run whose shape comes from a client. PostgreSQL ends a statement by itself
//! (`statement_timeout`). SQLite asks a function of ours at each resource that such a search looks at, and the function
//! fails when the time of the thread's transaction is over, which ends the statement.

use std::cell::Cell;
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::serialize::{IsNull, Output, Result, ToSql};
use diesel::sql_types::Bool;
use diesel::sqlite::{Sqlite, SqliteConnection};

/// What a statement that ran out of time says; `failure` knows it.
pub(super) const OUT_OF_TIME: &str = "the statement ran out of time";

thread_local! {
    /// When the transaction that this thread runs is out of time.
    static ENDS_AT: Cell<Option<Instant>> = const { Cell::new(None) };
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// True until the time is over, and an error from then on.
    fn is_in_time() -> Bool;
}

/// The answer of `is_in_time`.
#[derive(Debug)]
struct InTime;

impl ToSql<Bool, Sqlite> for InTime {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> Result {
        if ENDS_AT.get().is_some_and(|end| Instant::now() >= end) {
            return Err(OUT_OF_TIME.into());
        }
        out.set_value(1_i32);
        Ok(IsNull::No)
    }
}

/// Makes the function known to a connection.
pub(super) fn register(connection: &SqliteConnection) -> QueryResult<()> {
    is_in_time_utils::register_nondeterministic_impl(connection, || InTime)
}

/// Gives what this thread does next so much time.
pub(super) fn start(time: Duration) {
    ENDS_AT.set(Instant::now().checked_add(time));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::store::condition::Condition;
    use crate::store::connection::Location;
    use crate::store::failure::StoreError;
    use crate::store::organizations::{self, OrganizationRow};
    use crate::store::resources::{self, NewResourceRow, ResourceKind};
    use crate::store::{Settings, Store, Tx, migration, resource_search};
    use crate::values::clock::Timestamp;
    use crate::values::ids::{OrganizationId, ResourceId};

    fn group(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<(), StoreError> {
        let at = Timestamp::from_micros(0);
        let row = OrganizationRow {
            id: organization,
            slug: "acme".to_owned(),
            name: "Acme".to_owned(),
            support_name: "Help".to_owned(),
            support_email: "help@acme.test".to_owned(),
            version: 1,
            created_at: at,
            updated_at: at,
        };
        organizations::insert(tx, &row)?;
        let row = NewResourceRow {
            id: ResourceId::from_bytes(&[8; 16]).unwrap(),
            org_id: organization,
            client_id: None,
            kind: ResourceKind::Group.as_str().to_owned(),
            account_id: None,
            user_name_folded: None,
            external_id: None,
            display: None,
            display_folded: None,
            active: None,
            version: 1,
            created_at: at,
            updated_at: at,
        };
        resources::insert(tx, &row, "{}", &[]).map(|_| ())
    }

    #[tokio::test]
    async fn a_search_on_sqlite_ends_when_its_time_is_over() {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(directory.path().join("causeway.db").to_str().unwrap().to_owned());
        migration::run(&location).unwrap();
        let organization = OrganizationId::from_bytes(&[7; 16]).unwrap();
        for (statement_time, is_answered) in [(Duration::from_secs(60), true), (Duration::ZERO, false)] {
            let settings = Settings { statement_time, ..Settings::default() };
            let store = Store::open(location.clone(), &settings).unwrap();
            if is_answered {
                store.write(move |tx| group(tx, organization)).await.unwrap();
            }
            let all = Condition::Always(true);
            let found = store.read(move |tx| resource_search::count(tx, organization, ResourceKind::Group, &all)).await;
            match found {
                Ok(found) => assert!(is_answered && found == 1, "{found}"),
                Err(error) => assert!(!is_answered && matches!(error, StoreError::Unavailable(_)), "{error:?}"),
            }
        }
    }
}
