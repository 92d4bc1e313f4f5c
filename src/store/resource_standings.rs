//! What accounts and memberships say about the users of an organization, for a page of them in one query.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::Tx;
use super::dynamic::DynamicQuery;
use super::failure::StoreError;
use crate::store::connection::Backend;
use crate::values::ids::OrganizationId;

/// A user's account and membership. What there is not is `None`.
#[derive(Debug, Clone, QueryableByName)]
#[diesel(check_for_backend(Backend))]
#[allow(missing_docs)] // columns
pub struct ResourceStandingRow {
    #[diesel(sql_type = BigInt)]
    pub k: i64,
    #[diesel(sql_type = Nullable<Text>)]
    pub account_kind: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub account_state: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub home_dc: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub membership_kind: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub invite_state: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub status: Option<String>,
}

/// The standings of these users.
pub fn of(tx: &mut Tx<'_>, organization: OrganizationId, keys: &[i64]) -> Result<Vec<ResourceStandingRow>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let engine = tx.engine();
    let mut query = DynamicQuery::recurring();
    query.sql(
        "SELECT r.k, a.kind AS account_kind, a.state AS account_state, a.home_dc, m.kind AS membership_kind, \
         m.invite_state, m.status FROM resources r \
         LEFT JOIN accounts a ON a.id = r.account_id \
         LEFT JOIN memberships m ON m.account_id = r.account_id AND m.org_id = r.org_id WHERE r.org_id = ",
    );
    query.bytes(organization.as_bytes()).sql(" AND r.k").among(engine, keys);
    Ok(query.load(tx.connection())?)
}
