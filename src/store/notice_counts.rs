//! How many notices the administrators of an organization are sent in an hour.

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
    notices: i64,
}

/// Counts one more notice in this hour, and tells how many there are now.
pub fn count(tx: &mut Tx<'_>, organization: OrganizationId, hour: i64) -> Result<i64, StoreError> {
    let text = "INSERT INTO notice_counts (org_id, hour, notices) VALUES ($1, $2, 1) \
                ON CONFLICT (org_id) DO UPDATE SET hour = excluded.hour, \
                  notices = CASE WHEN notice_counts.hour = excluded.hour THEN notice_counts.notices + 1 ELSE 1 END \
                RETURNING notices";
    let query = diesel::sql_query(text).bind::<Binary, _>(organization).bind::<BigInt, _>(hour);
    Ok(query.get_result::<Count>(tx.connection())?.notices)
}
