//! Finds SCIM resources by a tree of conditions. The tree knows columns and paths of values, no attributes; this file
//! alone knows how each engine spells a condition, and which form of it an index can serve.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::Tx;
use super::condition::Condition;
use super::condition_text::Writer;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::StoreError;
use super::resources::{ResourceKind, ResourceRow};
use crate::store::connection::Backend;
use crate::values::ids::OrganizationId;

/// A query that has more conditions than this is not worth keeping prepared.
const RECURRING_CONDITIONS: usize = 2;

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct Count {
    #[diesel(sql_type = BigInt)]
    found: i64,
}

/// The resources of a kind that satisfy the condition, in the order they were made.
pub fn page(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    kind: ResourceKind,
    condition: &Condition,
    offset: i64,
    limit: i64,
) -> Result<Vec<ResourceRow>, StoreError> {
    let mut query = DynamicQuery::recurring();
    query.sql(
        "SELECT p.k, p.id, p.account_id, p.active, p.version, p.created_at, p.updated_at, d.document FROM (\
         SELECT r.k, r.id, r.account_id, r.active, r.version, r.created_at, r.updated_at FROM resources r WHERE ",
    );
    restrict(&mut query, Engine::of(tx.connection()), organization, kind, condition);
    query.sql(" ORDER BY r.k LIMIT ").integer(limit).sql(" OFFSET ").integer(offset);
    query.sql(") p JOIN resource_docs d ON d.k = p.k ORDER BY p.k");
    Ok(query.load(tx.connection())?)
}

/// How many resources of a kind satisfy the condition.
pub fn count(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    kind: ResourceKind,
    condition: &Condition,
) -> Result<i64, StoreError> {
    let mut query = DynamicQuery::recurring();
    query.sql("SELECT count(*) AS found FROM resources r WHERE ");
    restrict(&mut query, Engine::of(tx.connection()), organization, kind, condition);
    let counted: Count = query.get_result(tx.connection())?;
    Ok(counted.found)
}

fn restrict(
    query: &mut DynamicQuery,
    engine: Engine,
    organization: OrganizationId,
    kind: ResourceKind,
    condition: &Condition,
) {
    if condition.size() > RECURRING_CONDITIONS {
        query.forget();
    }
    query.sql("r.org_id = ").bytes(organization.as_bytes()).sql(" AND r.kind = ").text(kind.as_str()).sql(" AND ");
    if engine == Engine::Sqlite {
        query.sql("is_in_time() AND ");
    }
    Writer { query, engine, organization }.write(condition, "r");
}
