//! The sealed values of every table, for who seals them anew: which encryption keys they are under, a page of those that are under
//! another one than the newest, and the replacement of one. What a sealed value looks like is `keys::sealing`'s; all that is known
//! here is that its bytes 2 to 9 name the key.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use super::Tx;
use super::connection::Backend;
use super::dynamic::DynamicQuery;
use super::failure::StoreError;
use crate::values::ids::{AccountId, ConnectionId, Id, InvalidId, OrganizationId, RequestId, SigningKeyId};

/// A column of sealed values. One that is added to the schema belongs in here, or lives for minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names of tables
pub enum SealedColumn {
    SigningKeys,
    Connections,
    Passwords,
    TotpFactors,
    AsynchronousRequests,
    AsynchronousOutcomes,
    ScimExchanges,
}

/// Which row of which column.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the keys of tables
pub enum SealedAt {
    SigningKey { id: SigningKeyId, purpose: String },
    Connection(ConnectionId),
    Password(AccountId),
    TotpFactor(AccountId),
    AsynchronousRequest(RequestId),
    AsynchronousOutcome { request: RequestId, position: i64 },
    ScimExchange { organization: OrganizationId, id: RequestId },
}

/// One value.
#[derive(Debug, Clone)]
pub struct SealedValue {
    /// Where it stands.
    pub at: SealedAt,
    /// As it is stored.
    pub sealed: Vec<u8>,
}

/// Where a page ends.
#[derive(Debug, Clone)]
pub struct PageEnd {
    id: Vec<u8>,
    position: i64,
}

/// Some rows of a column.
#[derive(Debug)]
pub struct SealedPage {
    /// Those of them that are under another key than the newest.
    pub values: Vec<SealedValue>,
    /// Where the next page begins; `None` after the last row.
    pub end: Option<PageEnd>,
}

impl SealedColumn {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::SigningKeys,
        Self::Connections,
        Self::Passwords,
        Self::TotpFactors,
        Self::AsynchronousRequests,
        Self::AsynchronousOutcomes,
        Self::ScimExchanges,
    ];

    /// Those whose values last for as long as somebody wants them, beside the signing keys, which replace each other. An index
    /// answers which keys they are under.
    pub const LASTING: [Self; 3] = [Self::Connections, Self::Passwords, Self::TotpFactors];

    /// `table.column`.
    pub fn name(self) -> String {
        let shape = self.shape();
        format!("{}.{}", shape.table, shape.sealed)
    }

    const fn shape(self) -> Shape {
        let usual = Shape {
            table: "",
            id: "id",
            sealed: "sealed_secret",
            position: None,
            purpose: "''",
            organization: None,
            rows_at_once: 500,
        };
        match self {
            Self::SigningKeys => Shape { table: "signing_keys", sealed: "sealed_private", purpose: "purpose", ..usual },
            Self::Connections => Shape { table: "connections", ..usual },
            Self::Passwords => Shape { table: "passwords", id: "account_id", sealed: "sealed_hash", ..usual },
            Self::TotpFactors => Shape { table: "totp_factors", id: "account_id", ..usual },
            // A whole bulk request each.
            Self::AsynchronousRequests => {
                Shape { table: "asynchronous_requests", sealed: "sealed_body", rows_at_once: 4, ..usual }
            }
            Self::AsynchronousOutcomes => Shape {
                table: "asynchronous_outcomes",
                id: "request_id",
                sealed: "sealed_outcome",
                position: Some("position"),
                rows_at_once: 100,
                ..usual
            },
            Self::ScimExchanges => Shape {
                table: "scim_exchanges",
                sealed: "original",
                organization: Some("org_id"),
                rows_at_once: 100,
                ..usual
            },
        }
    }
}

/// How a column is read: the names of columns, or what stands in their place.
struct Shape {
    table: &'static str,
    id: &'static str,
    sealed: &'static str,
    position: Option<&'static str>,
    purpose: &'static str,
    organization: Option<&'static str>,
    rows_at_once: i64,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct Row {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Text)]
    purpose: String,
    #[diesel(sql_type = Binary)]
    organization: Vec<u8>,
    #[diesel(sql_type = Nullable<Binary>)]
    sealed: Option<Vec<u8>>,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct Named {
    #[diesel(sql_type = Binary)]
    key: Vec<u8>,
}

/// The name of the key, of those that values of a column are under, that comes next after `after`. One look into the index.
pub fn next_key(tx: &mut Tx<'_>, column: SealedColumn, after: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let Shape { table, sealed, .. } = column.shape();
    let mut query = DynamicQuery::recurring();
    query.composed(format!("SELECT substr({sealed}, 2, 8) AS key FROM {table} WHERE substr({sealed}, 2, 8) > "));
    query.bytes(after).composed(format!(" AND {sealed} IS NOT NULL ORDER BY substr({sealed}, 2, 8) LIMIT 1"));
    let found: Vec<Named> = query.load(tx.connection())?;
    Ok(found.into_iter().next().map(|named| named.key))
}

/// The next rows of a column, in the order of their keys; those of their values that are not under `newest`. Each statement looks
/// at a bounded number of rows, whatever they are under.
pub fn page(
    tx: &mut Tx<'_>,
    column: SealedColumn,
    newest: &[u8],
    after: Option<&PageEnd>,
) -> Result<SealedPage, StoreError> {
    let shape = column.shape();
    let Shape { table, id, sealed, purpose, .. } = shape;
    let position = shape.position.unwrap_or("CAST(0 AS BIGINT)");
    let organization = shape.organization.unwrap_or(id);
    let mut query = DynamicQuery::recurring();
    query.composed(format!(
        "SELECT {id} AS id, {position} AS position, {purpose} AS purpose, {organization} AS organization, \
         CASE WHEN substr({sealed}, 2, 8) = "
    ));
    query.bytes(newest).composed(format!(" THEN NULL ELSE {sealed} END AS sealed FROM {table}"));
    if let Some(after) = after {
        match shape.position {
            None => query.composed(format!(" WHERE {id} > ")).bytes(&after.id),
            Some(position) => {
                let query = query.composed(format!(" WHERE ({id}, {position}) > (")).bytes(&after.id);
                query.sql(", ").integer(after.position).sql(")")
            }
        };
    }
    let order = shape.position.map_or_else(|| id.to_owned(), |position| format!("{id}, {position}"));
    query.composed(format!(" ORDER BY {order} LIMIT ")).integer(shape.rows_at_once);
    let rows: Vec<Row> = query.load(tx.connection())?;
    let is_last = i64::try_from(rows.len()).is_ok_and(|count| count < shape.rows_at_once);
    let end = rows.last().filter(|_| !is_last);
    let end = end.map(|row| PageEnd { id: row.id.clone(), position: row.position });
    let values = rows.into_iter().filter_map(|row| row.value(column).transpose()).collect::<Result<_, _>>()?;
    Ok(SealedPage { values, end })
}

/// Puts `anew` in the place of a value, unless that is not what it was any more; tells whether it was.
pub fn replace(tx: &mut Tx<'_>, before: &SealedValue, anew: &[u8]) -> Result<bool, StoreError> {
    let Shape { table, id, sealed, .. } = before.at.column().shape();
    let (key, position) = before.at.key();
    let mut query = DynamicQuery::recurring();
    query.composed(format!("UPDATE {table} SET {sealed} = ")).bytes(anew);
    query.composed(format!(" WHERE {id} = ")).bytes(key);
    if let Some(position) = position {
        query.sql(" AND position = ").integer(position);
    }
    query.composed(format!(" AND {sealed} = ")).bytes(&before.sealed);
    Ok(query.execute(tx.connection())? == 1)
}

impl SealedAt {
    /// The column that it is in.
    pub const fn column(&self) -> SealedColumn {
        match self {
            Self::SigningKey { .. } => SealedColumn::SigningKeys,
            Self::Connection(_) => SealedColumn::Connections,
            Self::Password(_) => SealedColumn::Passwords,
            Self::TotpFactor(_) => SealedColumn::TotpFactors,
            Self::AsynchronousRequest(_) => SealedColumn::AsynchronousRequests,
            Self::AsynchronousOutcome { .. } => SealedColumn::AsynchronousOutcomes,
            Self::ScimExchange { .. } => SealedColumn::ScimExchanges,
        }
    }

    const fn key(&self) -> (&[u8], Option<i64>) {
        match self {
            Self::SigningKey { id, .. } => (id.as_bytes(), None),
            Self::Connection(id) => (id.as_bytes(), None),
            Self::Password(id) | Self::TotpFactor(id) => (id.as_bytes(), None),
            Self::AsynchronousRequest(id) | Self::ScimExchange { id, .. } => (id.as_bytes(), None),
            Self::AsynchronousOutcome { request, position } => (request.as_bytes(), Some(*position)),
        }
    }
}

impl Row {
    fn value(self, column: SealedColumn) -> Result<Option<SealedValue>, StoreError> {
        let Some(sealed) = self.sealed else { return Ok(None) };
        let at = match column {
            SealedColumn::SigningKeys => SealedAt::SigningKey { id: id(&self.id)?, purpose: self.purpose },
            SealedColumn::Connections => SealedAt::Connection(id(&self.id)?),
            SealedColumn::Passwords => SealedAt::Password(id(&self.id)?),
            SealedColumn::TotpFactors => SealedAt::TotpFactor(id(&self.id)?),
            SealedColumn::AsynchronousRequests => SealedAt::AsynchronousRequest(id(&self.id)?),
            SealedColumn::AsynchronousOutcomes => {
                SealedAt::AsynchronousOutcome { request: id(&self.id)?, position: self.position }
            }
            SealedColumn::ScimExchanges => {
                SealedAt::ScimExchange { organization: id(&self.organization)?, id: id(&self.id)? }
            }
        };
        Ok(Some(SealedValue { at, sealed }))
    }
}

fn id<K>(bytes: &[u8]) -> Result<Id<K>, StoreError> {
    Id::from_bytes(bytes).map_err(|InvalidId| StoreError::Inconsistent("the id of a sealed value"))
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;
    use diesel::sql_types::Text;

    use super::{Backend, SealedColumn};
    use crate::store::failure::StoreError;
    use crate::store::scratch;

    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Backend))]
    struct Named {
        #[diesel(sql_type = Text)]
        name: String,
    }

    async fn names(text: &'static str) -> Vec<String> {
        let scratch = scratch::sqlite();
        let read = scratch.store.read(move |tx| {
            let found: Vec<Named> = diesel::sql_query(text).load(tx.connection())?;
            Ok::<_, StoreError>(found.into_iter().map(|named| named.name).collect())
        });
        read.await.unwrap()
    }

    #[tokio::test]
    async fn every_sealed_column_of_the_schema_is_sealed_anew() {
        let found = names(
            "SELECT t.name || '.' || c.name AS name FROM sqlite_master t, pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND (c.name LIKE '%sealed%' OR c.name = 'original')",
        );
        let (mut found, mut known) = (found.await, SealedColumn::ALL.map(SealedColumn::name));
        found.sort();
        known.sort();
        assert_eq!(found, known);
    }
}
