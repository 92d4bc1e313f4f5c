//! SCIM resources: a narrow row of indexed columns and, beside it, the document as text.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};

use super::Tx;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::{StoreError, require_one};
use super::kept::Kept;
use super::resource_values::{self, SearchValue};
use super::schema::{resource_docs as docs, resources as table};
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, OrganizationId, ResourceId, ScimClientId};

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// A user.
    User,
    /// A group.
    Group,
}

impl ResourceKind {
    /// The name in the column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }

    /// The kind with this name.
    pub fn parse(name: &str) -> Result<Self, StoreError> {
        match name {
            "user" => Ok(Self::User),
            "group" => Ok(Self::Group),
            _ => Err(StoreError::Inconsistent("resources.kind")),
        }
    }
}

/// A resource that is about to be inserted.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct NewResourceRow {
    pub id: ResourceId,
    pub org_id: OrganizationId,
    pub client_id: Option<ScimClientId>,
    pub kind: String,
    pub account_id: Option<AccountId>,
    pub user_name_folded: Option<String>,
    pub external_id: Option<String>,
    pub display: Option<String>,
    pub display_folded: Option<String>,
    pub active: Option<bool>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A resource with its document.
#[derive(Debug, Clone, Queryable, QueryableByName)]
#[diesel(check_for_backend(Backend))]
#[allow(missing_docs)] // columns
pub struct ResourceRow {
    #[diesel(sql_type = BigInt)]
    pub k: i64,
    #[diesel(sql_type = Binary)]
    pub id: ResourceId,
    #[diesel(sql_type = Nullable<Binary>)]
    pub account_id: Option<AccountId>,
    #[diesel(sql_type = Nullable<Bool>)]
    pub active: Option<bool>,
    #[diesel(sql_type = BigInt)]
    pub version: i64,
    #[diesel(sql_type = BigInt)]
    pub created_at: Timestamp,
    #[diesel(sql_type = BigInt)]
    pub updated_at: Timestamp,
    #[diesel(sql_type = Text)]
    pub document: String,
}

/// What a change writes into the columns of a resource.
#[derive(Debug, Clone, AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true)]
#[allow(missing_docs)] // columns
pub struct ResourceChange {
    pub user_name_folded: Option<String>,
    pub external_id: Option<String>,
    pub display: Option<String>,
    pub display_folded: Option<String>,
    pub active: Option<bool>,
    pub version: i64,
    pub updated_at: Timestamp,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct Key {
    #[diesel(sql_type = BigInt)]
    k: i64,
}

/// Inserts a resource with its document and its searchable values and returns its key, on PostgreSQL in one statement.
/// [`super::constraint::Constraint::UserName`] when the organization has the user name.
pub fn insert(
    tx: &mut Tx<'_>,
    row: &NewResourceRow,
    document: &str,
    values: &[SearchValue],
) -> Result<i64, StoreError> {
    if tx.engine() == Engine::Postgres {
        let statement = tx.carrying(whole(row, document, values));
        let inserted: Key = statement.get_result(tx.connection())?;
        return Ok(inserted.k);
    }
    let insertion = diesel::insert_into(table::table).values(row).returning(table::k);
    let k: i64 = on_engine!(tx, |connection| insertion.get_result(connection))?;
    let document = (docs::k.eq(k), docs::document.eq(document));
    Kept(diesel::insert_into(docs::table).values(document)).execute(tx.connection())?;
    resource_values::insert(tx, row.org_id, k, values)?;
    Ok(k)
}

/// The statement that inserts a resource with all that belongs to it.
fn whole(row: &NewResourceRow, document: &str, values: &[SearchValue]) -> DynamicQuery {
    let mut query = DynamicQuery::recurring();
    query.sql(
        "WITH made AS (INSERT INTO resources (id, org_id, client_id, kind, account_id, user_name_folded, external_id, \
           display, display_folded, active, version, created_at, updated_at) VALUES (",
    );
    query.bytes(row.id.as_bytes()).sql(", ").bytes(row.org_id.as_bytes());
    query.sql(", ").optional_bytes(row.client_id.as_ref().map(|id| id.as_bytes().as_slice()));
    query.sql(", ").text(row.kind.as_str());
    query.sql(", ").optional_bytes(row.account_id.as_ref().map(|id| id.as_bytes().as_slice()));
    for text in [&row.user_name_folded, &row.external_id, &row.display, &row.display_folded] {
        query.sql(", ").optional_text(text.as_deref());
    }
    query.sql(", ").optional_boolean(row.active).sql(", ").integer(row.version);
    query.sql(", ").integer(row.created_at.micros()).sql(", ").integer(row.updated_at.micros());
    query.sql(") RETURNING k, org_id), written AS (INSERT INTO resource_docs (k, document) SELECT made.k, ");
    query.text(document).sql(" FROM made), searchable AS (");
    resource_values::insertion(&mut query, values);
    query.sql(") SELECT made.k FROM made");
    query
}

/// The resource with this id and kind.
pub fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    kind: ResourceKind,
    id: ResourceId,
) -> Result<Option<ResourceRow>, StoreError> {
    let query = table::table
        .inner_join(docs::table.on(docs::k.eq(table::k)))
        .filter(table::id.eq(id))
        .filter(table::org_id.eq(organization))
        .filter(table::kind.eq(kind.as_str()))
        .select((
            table::k,
            table::id,
            table::account_id,
            table::active,
            table::version,
            table::created_at,
            table::updated_at,
            docs::document,
        ));
    Ok(on_engine!(tx, |connection| query.first(connection)).optional()?)
}

/// Writes a change, and the document that goes with it where that is another one; on PostgreSQL in one statement.
pub fn update(tx: &mut Tx<'_>, k: i64, change: &ResourceChange, document: Option<&str>) -> Result<(), StoreError> {
    if tx.engine() == Engine::Postgres {
        if let Some(document) = document {
            let mut query = DynamicQuery::recurring();
            query.sql("UPDATE resource_docs SET document = ").text(document).sql(" WHERE k = ").integer(k);
            tx.write_along(query)?;
        }
        let statement = tx.carrying(row_change(k, change));
        return require_one(statement.execute(tx.connection())?, "resources");
    }
    require_one(
        Kept(diesel::update(table::table.filter(table::k.eq(k))).set(change)).execute(tx.connection())?,
        "resources",
    )?;
    if let Some(document) = document {
        update_document(tx, k, document)?;
    }
    Ok(())
}

fn row_change(k: i64, change: &ResourceChange) -> DynamicQuery {
    let mut query = DynamicQuery::recurring();
    query.sql("UPDATE resources SET version = ").integer(change.version);
    query.sql(", updated_at = ").integer(change.updated_at.micros());
    query.sql(", active = ").optional_boolean(change.active);
    for (column, text) in [
        (", user_name_folded = ", &change.user_name_folded),
        (", external_id = ", &change.external_id),
        (", display = ", &change.display),
        (", display_folded = ", &change.display_folded),
    ] {
        query.sql(column).optional_text(text.as_deref());
    }
    query.sql(" WHERE k = ").integer(k);
    query
}

fn update_document(tx: &mut Tx<'_>, k: i64, document: &str) -> Result<(), StoreError> {
    let written = diesel::update(docs::table.filter(docs::k.eq(k))).set(docs::document.eq(document));
    require_one(Kept(written).execute(tx.connection())?, "resource_docs")
}

/// The version and the document of a resource that is about to be rewritten: nobody else changes it before this
/// transaction ends.
pub fn document_for_update(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    k: i64,
) -> Result<Option<(i64, String)>, StoreError> {
    if tx.engine() == Engine::Postgres {
        let mut query = DynamicQuery::recurring();
        query.sql("SELECT k FROM resources WHERE k = ").integer(k).sql(" FOR UPDATE");
        query.execute(tx.connection())?;
    }
    let query = table::table
        .inner_join(docs::table.on(docs::k.eq(table::k)))
        .filter(table::org_id.eq(organization))
        .filter(table::k.eq(k))
        .select((table::version, docs::document));
    Ok(on_engine!(tx, |connection| query.first(connection)).optional()?)
}

/// Writes a document whose columns stay as they are, and moves the version on.
pub fn rewrite(tx: &mut Tx<'_>, k: i64, version: i64, at: Timestamp, document: &str) -> Result<(), StoreError> {
    touch(tx, k, version, at)?;
    update_document(tx, k, document)
}

/// Moves the version on, for a change that is not in the document.
pub fn touch(tx: &mut Tx<'_>, k: i64, version: i64, at: Timestamp) -> Result<(), StoreError> {
    if tx.engine() == Engine::Postgres {
        let mut query = DynamicQuery::recurring();
        query.sql("UPDATE resources SET version = ").integer(version).sql(", updated_at = ").integer(at.micros());
        query.sql(" WHERE k = ").integer(k);
        let statement = tx.carrying(query);
        return require_one(statement.execute(tx.connection())?, "resources");
    }
    let change = (table::version.eq(version), table::updated_at.eq(at));
    let changed = Kept(diesel::update(table::table.filter(table::k.eq(k))).set(change)).execute(tx.connection())?;
    require_one(changed, "resources")
}

/// A user who shows another `active` than before.
#[derive(Debug, Clone, Queryable)]
#[allow(missing_docs)] // columns
pub struct ShownRow {
    pub id: ResourceId,
    pub external_id: Option<String>,
    pub version: i64,
}

/// Shows whether the person of an account may sign in, and moves the version on if that differs from what was shown, which
/// the answer tells. A user whose client removed `active` keeps showing nothing.
pub fn show_active(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: AccountId,
    active: bool,
    at: Timestamp,
) -> Result<Option<ShownRow>, StoreError> {
    let one = table::table
        .filter(table::account_id.eq(account))
        .filter(table::org_id.eq(organization))
        .filter(table::active.eq(!active));
    let change = (table::active.eq(active), table::version.eq(table::version + 1), table::updated_at.eq(at));
    let shown = (table::id, table::external_id, table::version);
    Ok(diesel::update(one).set(change).returning(shown).get_result(tx.connection()).optional()?)
}

/// Writes what a user shows, with its version.
pub fn show(tx: &mut Tx<'_>, k: i64, active: Option<bool>, version: i64, at: Timestamp) -> Result<(), StoreError> {
    let change = (table::active.eq(active), table::version.eq(version), table::updated_at.eq(at));
    let changed = Kept(diesel::update(table::table.filter(table::k.eq(k))).set(change)).execute(tx.connection())?;
    require_one(changed, "resources")
}

/// Gives a user the account of a person.
pub fn set_account(tx: &mut Tx<'_>, k: i64, account: AccountId) -> Result<(), StoreError> {
    let one = table::table.filter(table::k.eq(k));
    require_one(Kept(diesel::update(one).set(table::account_id.eq(account))).execute(tx.connection())?, "resources")
}

/// How many users of an organization may sign in. This looks at all of them.
pub fn count_active(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<i64, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::kind.eq(ResourceKind::User.as_str()))
        .filter(table::active.eq(true));
    Ok(query.count().get_result(tx.connection())?)
}

/// Removes a resource with its document, values and memberships.
pub fn delete(tx: &mut Tx<'_>, organization: OrganizationId, k: i64) -> Result<bool, StoreError> {
    let one = table::table.filter(table::k.eq(k)).filter(table::org_id.eq(organization));
    Ok(diesel::delete(one).execute(tx.connection())? == 1)
}

/// The resource of an account in an organization, if it has one.
pub fn of_account(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: AccountId,
) -> Result<Option<ResourceId>, StoreError> {
    let query =
        table::table.filter(table::account_id.eq(account)).filter(table::org_id.eq(organization)).select(table::id);
    Ok(on_engine!(tx, |connection| query.first(connection)).optional()?)
}

/// Notes which client pushes a resource from now on.
pub fn update_client(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ResourceId,
    client: ScimClientId,
) -> Result<(), StoreError> {
    let one = table::table.filter(table::id.eq(id)).filter(table::org_id.eq(organization));
    require_one(Kept(diesel::update(one).set(table::client_id.eq(client))).execute(tx.connection())?, "resources")
}

/// The document of an account's user in an organization, if it has one.
pub fn document_of_account(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: AccountId,
) -> Result<Option<String>, StoreError> {
    let query = table::table
        .inner_join(docs::table.on(docs::k.eq(table::k)))
        .filter(table::account_id.eq(account))
        .filter(table::org_id.eq(organization))
        .select(docs::document);
    Ok(on_engine!(tx, |connection| query.first(connection)).optional()?)
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;
    use futures_util::future::join_all;

    use super::{NewResourceRow, ResourceChange, ResourceKind, delete, find, insert, update};
    use crate::store::failure::StoreError;
    use crate::store::organizations::{self, OrganizationRow};
    use crate::store::resource_locks::find_for_update;
    use crate::store::resource_values::SearchValue;
    use crate::store::schema::{resource_docs as docs, resource_values};
    use crate::store::{Tx, scratch};
    use crate::values::clock::Timestamp;
    use crate::values::ids::{OrganizationId, ResourceId};

    /// PostgreSQL does it by a trigger, because the check of a foreign key would lock and cost at every insert.
    #[tokio::test]
    async fn the_document_and_the_values_of_a_resource_go_with_it() {
        for scratch in scratch::all() {
            let done = scratch.store.write(move |tx| {
                let organization = organization(tx)?;
                let value = SearchValue {
                    path: "nickName".to_owned(),
                    element: 0,
                    key: "ada".to_owned(),
                    element_type: None,
                    element_primary: None,
                };
                let kept = insert(tx, &row(organization, [8; 16]), "0", std::slice::from_ref(&value))?;
                let gone = insert(tx, &row(organization, [9; 16]), "1", &[value])?;
                assert!(delete(tx, organization, gone)?);
                let documents: Vec<i64> = docs::table.select(docs::k).load(tx.connection())?;
                let values: Vec<i64> = resource_values::table.select(resource_values::k).load(tx.connection())?;
                assert_eq!((documents, values), (vec![kept], vec![kept]));
                Ok::<_, StoreError>(())
            });
            done.await.unwrap();
        }
    }

    fn organization(tx: &mut Tx<'_>) -> Result<OrganizationId, StoreError> {
        let (organization, at) = (OrganizationId::from_bytes(&[7; 16]).unwrap(), Timestamp::from_micros(0));
        let organization_row = OrganizationRow {
            id: organization,
            slug: "acme".to_owned(),
            name: "Acme".to_owned(),
            support_name: "Help".to_owned(),
            support_email: "help@acme.test".to_owned(),
            version: 1,
            created_at: at,
            updated_at: at,
        };
        organizations::insert(tx, &organization_row)?;
        Ok(organization)
    }

    fn row(organization: OrganizationId, id: [u8; 16]) -> NewResourceRow {
        NewResourceRow {
            id: ResourceId::from_bytes(&id).unwrap(),
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
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(0),
        }
    }

    /// Each of them writes one more than it has read. Who waited for the row must see the document that the other wrote.
    #[tokio::test]
    async fn of_many_who_change_a_resource_at_once_none_overwrites_another() {
        for scratch in scratch::all() {
            let at = Timestamp::from_micros(0);
            let id = ResourceId::from_bytes(&[8; 16]).unwrap();
            let made = scratch.store.write(move |tx| {
                let organization = organization(tx)?;
                insert(tx, &row(organization, [8; 16]), "0", &[])?;
                Ok::<_, StoreError>(organization)
            });
            let organization = made.await.unwrap();
            let changes = (0..20).map(|_| {
                scratch.store.write(move |tx| {
                    let row = find_for_update(tx, organization, ResourceKind::Group, id)?.unwrap();
                    let document = (row.document.parse::<i64>().unwrap() + 1).to_string();
                    let change = ResourceChange {
                        user_name_folded: None,
                        external_id: None,
                        display: None,
                        display_folded: None,
                        active: None,
                        version: row.version + 1,
                        updated_at: at,
                    };
                    update(tx, row.k, &change, Some(&document))
                })
            });
            assert!(join_all(changes).await.iter().all(Result::is_ok), "{}", scratch.engine);
            let read = scratch.store.read(move |tx| find(tx, organization, ResourceKind::Group, id));
            let found = read.await.unwrap().unwrap();
            assert_eq!((found.document.as_str(), found.version), ("20", 21), "{}", scratch.engine);
        }
    }
}
