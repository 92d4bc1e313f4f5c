//! How many accounts the connections of an organization have made as people signed in.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use super::Tx;
use super::failure::StoreError;
use crate::store::connection::Backend;
use crate::values::ids::OrganizationId;

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct Count {
    #[diesel(sql_type = BigInt)]
    accounts: i64,
}

/// How many so far.
pub fn total(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<i64, StoreError> {
    let query = diesel::sql_query("SELECT accounts FROM newcomer_counts WHERE org_id = $1");
    let found: Option<Count> = query.bind::<Binary, _>(organization).get_result(tx.connection()).optional()?;
    Ok(found.map_or(0, |found| found.accounts))
}

/// Counts one more.
pub fn count(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<(), StoreError> {
    let text = "INSERT INTO newcomer_counts (org_id, accounts) VALUES ($1, 1) \
                ON CONFLICT (org_id) DO UPDATE SET accounts = newcomer_counts.accounts + 1";
    diesel::sql_query(text).bind::<Binary, _>(organization).execute(tx.connection())?;
    Ok(())
}
