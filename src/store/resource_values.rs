//! One row per searchable value of a SCIM resource.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::json;

use super::Tx;
use super::connection::AnyConnection;
use super::dynamic::DynamicQuery;
use super::failure::StoreError;
use super::schema::resource_values as table;
use crate::store::connection::Backend;
use crate::values::ids::OrganizationId;

/// How many characters of a value stand in the indexed column; the rest stands beside it.
pub const HEAD_CHARS: usize = 400;

/// A value as it is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SearchValue {
    /// Such as `emails.value`.
    pub path: String,
    /// The position in the array; 0 for a singular attribute.
    pub element: i32,
    /// The comparison key.
    pub key: String,
    /// The key of the element's type.
    pub element_type: Option<String>,
    /// The element's primary flag.
    pub element_primary: Option<bool>,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct HolderRow {
    #[diesel(sql_type = BigInt)]
    k: i64,
}

#[derive(Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
struct ValueRow<'v> {
    k: i64,
    path: &'v str,
    element: i32,
    org_id: OrganizationId,
    value: &'v str,
    tail: Option<&'v str>,
    element_type: Option<&'v str>,
    element_primary: Option<bool>,
}

/// A key cut into what is indexed and the rest.
pub fn split(key: &str) -> (&str, Option<&str>) {
    match key.char_indices().nth(HEAD_CHARS) {
        Some((at, _)) => {
            let (head, tail) = key.split_at(at);
            (head, Some(tail))
        }
        None => (key, None),
    }
}

/// Inserts values of a resource. On SQLite row by row with one prepared statement, on PostgreSQL in one round trip.
pub fn insert(tx: &mut Tx<'_>, organization: OrganizationId, k: i64, values: &[SearchValue]) -> Result<(), StoreError> {
    match tx.connection() {
        AnyConnection::Sqlite(sqlite) => {
            for value in values {
                diesel::insert_into(table::table).values(row(organization, k, value)).execute(sqlite)?;
            }
        }
        AnyConnection::Postgres(_) if values.is_empty() => {}
        AnyConnection::Postgres(_) => {
            let mut query = DynamicQuery::recurring();
            query.sql("WITH made AS (SELECT CAST(").integer(k).sql(" AS BIGINT) AS k, CAST(");
            query.bytes(organization.as_bytes()).sql(" AS BYTEA) AS org_id) ");
            insertion(&mut query, values);
            query.execute(tx.connection())?;
        }
    }
    Ok(())
}

/// Appends the statement that inserts values for the one row (k, org_id) of `made`, on PostgreSQL. The values are one
/// bound text, so that the statement is the same for any number of them.
pub(in crate::store) fn insertion(query: &mut DynamicQuery, values: &[SearchValue]) {
    let values: Vec<serde_json::Value> = values
        .iter()
        .map(|value| {
            let (head, tail) = split(&value.key);
            json!({
                "path": value.path, "element": value.element, "value": head, "tail": tail,
                "element_type": value.element_type, "element_primary": value.element_primary,
            })
        })
        .collect();
    query.sql(
        "INSERT INTO resource_values (k, path, element, org_id, value, tail, element_type, element_primary) \
         SELECT made.k, v.path, v.element, made.org_id, v.value, v.tail, v.element_type, v.element_primary \
         FROM made, json_to_recordset(CAST(",
    );
    query.text(serde_json::Value::from(values).to_string()).sql(
        " AS JSON)) AS v (path TEXT, element INTEGER, value TEXT, tail TEXT, element_type TEXT, element_primary BOOLEAN)",
    );
}

fn row(organization: OrganizationId, k: i64, value: &SearchValue) -> ValueRow<'_> {
    let (head, tail) = split(&value.key);
    ValueRow {
        k,
        path: &value.path,
        element: value.element,
        org_id: organization,
        value: head,
        tail,
        element_type: value.element_type.as_deref(),
        element_primary: value.element_primary,
    }
}

/// Turns the values that were into the values that are, and writes the difference only.
pub fn replace(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    k: i64,
    before: &[SearchValue],
    after: &[SearchValue],
) -> Result<(), StoreError> {
    let (were, are): (HashSet<&SearchValue>, HashSet<&SearchValue>) = (before.iter().collect(), after.iter().collect());
    for gone in before.iter().filter(|value| !are.contains(value)) {
        let one = table::table
            .filter(table::k.eq(k))
            .filter(table::path.eq(&gone.path))
            .filter(table::element.eq(gone.element));
        diesel::delete(one).execute(tx.connection())?;
    }
    let new: Vec<SearchValue> = after.iter().filter(|value| !were.contains(value)).cloned().collect();
    insert(tx, organization, k, &new)
}

/// The resources of an organization that have a value under one of `paths` (a whole path, or a beginning that ends with
/// `:` or `.`), at most `limit` of them.
pub fn holders(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    paths: &[String],
    limit: i64,
) -> Result<Vec<i64>, StoreError> {
    let mut query = DynamicQuery::recurring();
    query.sql("SELECT DISTINCT k FROM resource_values WHERE org_id = ").bytes(organization.as_bytes()).sql(" AND ");
    below(&mut query, paths);
    query.sql(" LIMIT ").integer(limit);
    Ok(query.load::<HolderRow>(tx.connection())?.into_iter().map(|row| row.k).collect())
}

/// Removes a resource's values under these paths (as in [`holders`]).
pub fn delete_below(tx: &mut Tx<'_>, k: i64, paths: &[String]) -> Result<(), StoreError> {
    let mut query = DynamicQuery::recurring();
    query.sql("DELETE FROM resource_values WHERE k = ").integer(k).sql(" AND ");
    below(&mut query, paths);
    query.execute(tx.connection())?;
    Ok(())
}

fn below(query: &mut DynamicQuery, paths: &[String]) {
    for (index, path) in paths.iter().enumerate() {
        query.sql(if index == 0 { "(" } else { " OR " });
        match path.char_indices().next_back() {
            // The byte behind ':' or '.' ends the range of everything that begins so.
            Some((at, last @ (':' | '.'))) => {
                let end = format!("{}{}", path.get(..at).unwrap_or_default(), if last == ':' { ';' } else { '/' });
                query.sql("(path >= ").text(path.as_str()).sql(" AND path < ").text(end).sql(")");
            }
            _ => {
                query.sql("path = ").text(path.as_str());
            }
        }
    }
    query.sql(")");
}

#[cfg(test)]
mod tests {
    use super::{HEAD_CHARS, SearchValue, replace, split};
    use crate::store::scratch;
    use crate::values::ids::OrganizationId;

    #[test]
    fn a_key_is_cut_between_characters() {
        let long = "\u{e9}".repeat(HEAD_CHARS + 1);
        let (head, tail) = split(&long);
        assert_eq!((head.chars().count(), tail), (HEAD_CHARS, Some("\u{e9}")));
        assert_eq!(split("abc"), ("abc", None));
    }

    #[tokio::test]
    async fn very_many_values_are_not_compared_each_with_each() {
        let value = |element: i32| SearchValue {
            path: "emails.value".to_owned(),
            element,
            key: format!("{element}@acme.test"),
            element_type: None,
            element_primary: None,
        };
        let before: Vec<SearchValue> = (0..30_000).map(value).collect();
        let after: Vec<SearchValue> = before.iter().rev().cloned().collect();
        let organization = OrganizationId::from_bytes(&[7; 16]).unwrap();
        let begun = std::time::Instant::now();
        let done = scratch::sqlite().store.write(move |tx| replace(tx, organization, 1, &before, &after)).await;
        assert!(done.is_ok() && begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}
