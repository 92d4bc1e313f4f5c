//! What stands around a user: their standing, and the groups they are in. On PostgreSQL, where each round trip counts, it
//! is read with the user's row; on SQLite it is left to the queries of [`super::resource_standings`] and
//! [`super::members`], which cost no round trip there.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};

use super::Tx;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::StoreError;
use super::members::RelatedRow;
use super::resource_standings::ResourceStandingRow;
use super::resources::{self, ResourceKind, ResourceRow};
use crate::store::connection::Backend;
use crate::values::ids::{OrganizationId, ResourceId};

/// The most groups that are read with a user's row, which comes once for each of them. One more is read, to see that there
/// are more.
const MOST_GROUPS: usize = 20;

/// The columns of a [`ResourceStandingRow`], behind those of the user `r`.
pub(in crate::store) const STANDING_COLUMNS: &str = ", a.kind AS account_kind, a.state AS account_state, a.home_dc, \
     m.kind AS membership_kind, m.invite_state, m.status";

/// What is joined to the user `r` for them. A membership is found by its account and checked for its organization
/// ([`Engine::checked`]).
pub(in crate::store) const STANDING_JOINS: &str = " LEFT JOIN accounts a ON a.id = r.account_id \
     LEFT JOIN memberships m ON m.account_id = r.account_id AND m.org_id IS NOT DISTINCT FROM r.org_id";

/// The columns of a [`SurroundingsRow`], behind those of the standing.
pub(in crate::store) const COLUMNS: &str = ", \
     g.k AS group_k, g.id AS group_id, g.kind AS group_kind, g.display AS group_display, g.is_nested AS group_is_nested";

/// What is joined to each user `r` of several, behind what the standing needs. OFFSET 0 keeps PostgreSQL from answering EXISTS
/// by reading every membership there is.
pub(in crate::store) const JOINS: &str = " \
     LEFT JOIN LATERAL (SELECT o.k, o.id, o.kind, o.display, \
         EXISTS (SELECT 1 FROM members n WHERE n.member_k = s.group_k OFFSET 0) AS is_nested \
       FROM members s JOIN resources o ON o.k = s.group_k WHERE s.member_k = r.k LIMIT 21) g ON 1 = 1";

/// The columns of one user alone. Whether a group is in one itself is asked of the row that names it.
pub(in crate::store) const COLUMNS_OF_ONE: &str = ", \
     g.k AS group_k, g.id AS group_id, g.kind AS group_kind, g.display AS group_display, \
     EXISTS (SELECT 1 FROM members n WHERE n.member_k = s.group_k OFFSET 0) AS group_is_nested";

/// What is joined to one user `r`. Behind the last condition comes [`LIMIT_OF_ONE`], which is cheaper than a limit in a
/// query of its own.
pub(in crate::store) const JOINS_OF_ONE: &str = " \
     LEFT JOIN members s ON s.member_k = r.k LEFT JOIN resources g ON g.k = s.group_k";

/// One more than [`MOST_GROUPS`], to see that there are more.
pub(in crate::store) const LIMIT_OF_ONE: &str = " LIMIT 21";

/// What stands around one user.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Their account and membership.
    pub standing: ResourceStandingRow,
    /// Their groups, in the order the groups were made. `None` where they are very many, or one of them is in a group
    /// itself: then [`super::members::groups_of`] has to be asked.
    pub groups: Option<Vec<RelatedRow>>,
}

/// A resource, with what stands around it where that was read at once.
#[derive(Debug, Clone)]
pub struct SurroundedRow {
    /// The resource.
    pub row: ResourceRow,
    /// What stands around it.
    pub around: Option<Surroundings>,
}

impl From<ResourceRow> for SurroundedRow {
    fn from(row: ResourceRow) -> Self {
        Self { row, around: None }
    }
}

/// One group of a user, or none, with the standing.
#[derive(Debug, QueryableByName)]
#[diesel(check_for_backend(Backend))]
pub(in crate::store) struct SurroundingsRow {
    #[diesel(embed)]
    standing: ResourceStandingRow,
    #[diesel(sql_type = Nullable<BigInt>)]
    group_k: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    group_id: Option<ResourceId>,
    #[diesel(sql_type = Nullable<Text>)]
    group_kind: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    group_display: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    group_is_nested: Option<bool>,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct UserRow {
    #[diesel(embed)]
    user: ResourceRow,
    #[diesel(embed)]
    around: SurroundingsRow,
}

/// Puts the rows of one user together. There is at least one.
pub(in crate::store) fn gather(rows: Vec<SurroundingsRow>) -> Option<Surroundings> {
    let standing = rows.first()?.standing.clone();
    let is_whole = rows.len() <= MOST_GROUPS && rows.iter().all(|row| row.group_is_nested != Some(true));
    let mut groups: Vec<(i64, RelatedRow)> = rows.into_iter().filter_map(related).collect();
    groups.sort_unstable_by_key(|(group, _)| *group);
    let groups = is_whole.then(|| groups.into_iter().map(|(_, group)| group).collect());
    Some(Surroundings { standing, groups })
}

fn related(row: SurroundingsRow) -> Option<(i64, RelatedRow)> {
    let (group, id, kind) = (row.group_k?, row.group_id?, row.group_kind?);
    Some((group, RelatedRow { of_k: row.standing.k, id, kind, display: row.group_display, is_direct: true }))
}

/// The user with this id, with what stands around them where that costs no round trip more.
pub fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ResourceId,
) -> Result<Option<SurroundedRow>, StoreError> {
    if tx.engine() == Engine::Sqlite {
        return Ok(resources::find(tx, organization, ResourceKind::User, id)?.map(SurroundedRow::from));
    }
    let mut query = DynamicQuery::recurring();
    query.sql("SELECT r.k, r.id, r.account_id, r.active, r.version, r.created_at, r.updated_at, d.document");
    query.sql(STANDING_COLUMNS).sql(COLUMNS_OF_ONE).sql(" FROM resources r JOIN resource_docs d ON d.k = r.k");
    query.sql(STANDING_JOINS).sql(JOINS_OF_ONE);
    query.sql(" WHERE r.id = ").bytes(id.as_bytes()).sql(" AND r.org_id").sql(Engine::Postgres.checked());
    query.bytes(organization.as_bytes()).sql(" AND r.kind").sql(Engine::Postgres.checked()).sql("'user'");
    query.sql(LIMIT_OF_ONE);
    let (mut user, mut around) = (None, Vec::new());
    for row in query.load::<UserRow>(tx.connection())? {
        user = Some(row.user);
        around.push(row.around);
    }
    Ok(user.map(|row| SurroundedRow { row, around: gather(around) }))
}

/// What stands around the user with this key, where that is one query.
pub fn of(tx: &mut Tx<'_>, organization: OrganizationId, k: i64) -> Result<Option<Surroundings>, StoreError> {
    if tx.engine() == Engine::Sqlite {
        return Ok(None);
    }
    let mut query = DynamicQuery::recurring();
    query.sql("SELECT r.k").sql(STANDING_COLUMNS).sql(COLUMNS_OF_ONE).sql(" FROM resources r");
    query.sql(STANDING_JOINS).sql(JOINS_OF_ONE);
    query.sql(" WHERE r.k = ").integer(k).sql(" AND r.org_id").sql(Engine::Postgres.checked());
    query.bytes(organization.as_bytes()).sql(LIMIT_OF_ONE);
    Ok(gather(query.load(tx.connection())?))
}
