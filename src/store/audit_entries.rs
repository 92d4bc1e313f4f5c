//! Audit entries: appended, read page by page, never changed.

use diesel::prelude::*;

use super::Tx;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::StoreError;
use super::kept::Kept;
use super::schema::audit_entries as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{EntryId, OrganizationId, RequestId};
use crate::values::page::PageRequest;

/// One row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct EntryRow {
    pub id: EntryId,
    pub org_id: Option<OrganizationId>,
    pub at: Timestamp,
    pub actor: String,
    pub action: String,
    pub subject_kind: String,
    pub subject_id: String,
    pub detail: String,
    pub request_id: RequestId,
}

/// Appends one entry. On PostgreSQL it travels with the next statement.
pub fn insert(tx: &mut Tx<'_>, row: &EntryRow) -> Result<(), StoreError> {
    if tx.engine() == Engine::Postgres {
        return tx.write_along(insertion(row));
    }
    Kept(diesel::insert_into(table::table).values(row)).execute(tx.connection())?;
    Ok(())
}

fn insertion(row: &EntryRow) -> DynamicQuery {
    let mut query = DynamicQuery::recurring();
    query.sql(
        "INSERT INTO audit_entries (id, org_id, at, actor, action, subject_kind, subject_id, detail, request_id) VALUES (",
    );
    query.bytes(row.id.as_bytes()).sql(", ");
    query.optional_bytes(row.org_id.as_ref().map(|id| id.as_bytes().as_slice()));
    query.sql(", ").integer(row.at.micros());
    for text in [&row.actor, &row.action, &row.subject_kind, &row.subject_id, &row.detail] {
        query.sql(", ").text(text.as_str());
    }
    query.sql(", ").bytes(row.request_id.as_bytes()).sql(")");
    query
}

/// An organization's entries, or for `None` those that belong to none, newest first; `page.after` is the last id of the page
/// before.
pub fn page(
    tx: &mut Tx<'_>,
    organization: Option<OrganizationId>,
    page: &PageRequest<EntryId>,
) -> Result<Vec<EntryRow>, StoreError> {
    let mut query =
        table::table.order(table::id.desc()).limit(page.fetch_limit()).select(EntryRow::as_select()).into_boxed();
    query = match organization {
        Some(organization) => query.filter(table::org_id.eq(organization)),
        None => query.filter(table::org_id.is_null()),
    };
    if let Some(after) = page.after {
        query = query.filter(table::id.lt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// The entries of one request, in their order. It began at `at`: older entries are not looked at.
pub fn of_request(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    request: RequestId,
    at: Timestamp,
) -> Result<Vec<EntryRow>, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::id.ge(EntryId::lowest_at(at)))
        .filter(table::request_id.eq(request))
        .order(table::id)
        .select(EntryRow::as_select());
    Ok(query.load(tx.connection())?)
}
