//! Values that are unique in an organization, one row each. The primary key decides; nobody looks first.

use diesel::prelude::*;

use super::Tx;
use super::dynamic::DynamicQuery;
use super::failure::StoreError;
use super::schema_scim::scim_unique_values as table;
use crate::values::ids::OrganizationId;

/// A unique value: the path of its attribute, and its comparison key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueValue {
    /// Such as `x7:badge`.
    pub path: String,
    /// The comparison key.
    pub key: String,
}

/// Gives up what the resource no longer has and takes what is new. `Err` with the first value that another resource has:
/// then nothing of the transaction may stay.
pub fn replace(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    k: i64,
    before: &[UniqueValue],
    after: &[UniqueValue],
) -> Result<Result<(), UniqueValue>, StoreError> {
    for gone in before.iter().filter(|value| !after.contains(value)) {
        let one = table::table
            .filter(table::org_id.eq(organization))
            .filter(table::path.eq(&gone.path))
            .filter(table::value.eq(&gone.key))
            .filter(table::k.eq(k));
        diesel::delete(one).execute(tx.connection())?;
    }
    for new in after.iter().filter(|value| !before.contains(value)) {
        let mut query = DynamicQuery::recurring();
        query.sql("INSERT INTO scim_unique_values (org_id, path, value, k) VALUES (");
        query.bytes(organization.as_bytes()).sql(", ").text(new.path.as_str()).sql(", ").text(new.key.as_str());
        query.sql(", ").integer(k).sql(") ON CONFLICT DO NOTHING");
        if query.execute(tx.connection())? == 0 {
            return Ok(Err(new.clone()));
        }
    }
    Ok(Ok(()))
}

/// Removes a resource's unique values under these paths, which are whole ones or end with `:`.
pub fn delete_below(tx: &mut Tx<'_>, k: i64, paths: &[String]) -> Result<(), StoreError> {
    let held: Vec<String> = table::table.filter(table::k.eq(k)).select(table::path).load(tx.connection())?;
    let is_below =
        |held: &&String| paths.iter().any(|path| *held == path || path.ends_with(':') && held.starts_with(path));
    for path in held.iter().filter(is_below) {
        diesel::delete(table::table.filter(table::k.eq(k)).filter(table::path.eq(path))).execute(tx.connection())?;
    }
    Ok(())
}
