//! Finds SCIM resources by a tree of conditions, in an order, a slice at a time. The tree knows columns and paths of
//! values, no attributes. `condition_text` and `order_text` spell conditions and orders; this file puts them together
//! so that the engine starts from an index where one serves: the keys first, then the rows of the slice alone.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::Tx;
use super::condition::{Condition, Service};
use super::condition_text::{Place, Writer};
use super::dynamic::{DynamicQuery, Engine};
use super::failure::StoreError;
use super::order::{Direction, Position, Slice, SortKey, SortValue, Sorting};
use super::order_text;
use super::resource_standings::ResourceStandingRow;
use super::resources::{ResourceKind, ResourceRow};
use super::surroundings::{self, SurroundedRow, Surroundings, SurroundingsRow};
use crate::store::connection::Backend;
use crate::values::ids::OrganizationId;

/// A query that has more conditions than this is not worth keeping prepared.
const RECURRING_CONDITIONS: usize = 2;

/// What is looked for among the resources of one kind.
#[derive(Debug, Clone)]
pub struct Part {
    /// The kind.
    pub kind: ResourceKind,
    /// What they satisfy.
    pub condition: Condition,
    /// What they are sorted by; `None`: the order in which they were made.
    pub key: Option<SortKey>,
    /// How much of them is read.
    pub breadth: Breadth,
}

/// How much is read of what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breadth {
    /// The row and the document.
    Row,
    /// Of users, their standing too, where that costs no round trip more: for very many, whose groups are cheaper to read
    /// together.
    Standing,
    /// Of users, what stands around them too, where that costs no round trip more: for a few.
    Surroundings,
}

/// A resource that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Its kind.
    pub kind: ResourceKind,
    /// The resource.
    pub found: SurroundedRow,
    /// Where it stands in the list.
    pub position: Position,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct HitRow {
    #[diesel(embed)]
    resource: ResourceRow,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    sort_text: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    sort_number: Option<i64>,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct StandingHitRow {
    #[diesel(embed)]
    hit: HitRow,
    #[diesel(embed)]
    standing: ResourceStandingRow,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct SurroundedHitRow {
    #[diesel(embed)]
    hit: HitRow,
    #[diesel(embed)]
    around: SurroundingsRow,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct Count {
    #[diesel(sql_type = BigInt)]
    found: i64,
}

/// A slice of the list of what satisfies the parts. Several parts make one list when they are sorted.
pub fn page(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    parts: &[Part],
    direction: Direction,
    slice: &Slice,
) -> Result<Vec<Hit>, StoreError> {
    let engine = tx.engine();
    let breadth = breadth(engine, parts);
    if let [Part { kind, condition: Condition::Always(true), key: Some(key), .. }] = parts
        && let Some(column) = key.column()
    {
        return along_index(tx, organization, (*kind, key, column, breadth), direction, slice);
    }
    let mut query = DynamicQuery::recurring();
    let sorting = parts.iter().find_map(|part| part.key.as_ref()).map_or(Sorting::None, SortKey::sorting);
    query.sql("WITH found AS ");
    // An unsorted list that no condition leads to is read along its order, and only as far as the slice goes.
    let is_streamed = matches!(parts, [Part { condition, key: None, .. }] if condition.service() == Service::Scan);
    query.sql(if is_streamed { "NOT MATERIALIZED (" } else { "MATERIALIZED (" });
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            query.sql(" UNION ALL ");
        }
        query.sql("SELECT r.k AS k, ");
        order_text::value(&mut query, engine, part.key.as_ref().unwrap_or(&SortKey::Absent), sorting);
        query.sql(" AS s FROM resources r WHERE ");
        restrict(&mut query, engine, organization, part.kind, &part.condition);
    }
    query.sql("), page AS MATERIALIZED (SELECT f.k, f.s FROM found f WHERE ");
    let value = (sorting != Sorting::None).then_some("f.s");
    order_text::behind(&mut query, "f.k", value, direction, slice.after.as_ref());
    order_text::order(&mut query, "f", sorting, direction);
    query.sql(" LIMIT ").integer(slice.limit).sql(" OFFSET ").integer(slice.offset).sql(")");
    complete(&mut query, sorting, direction, breadth);
    hits(tx, query, sorting, breadth)
}

/// How much is read of all parts.
fn breadth(engine: Engine, parts: &[Part]) -> Breadth {
    let are_all =
        |wanted: &[Breadth]| parts.iter().all(|part| part.kind == ResourceKind::User && wanted.contains(&part.breadth));
    match engine {
        Engine::Postgres if are_all(&[Breadth::Surroundings]) => Breadth::Surroundings,
        Engine::Postgres if are_all(&[Breadth::Surroundings, Breadth::Standing]) => Breadth::Standing,
        Engine::Postgres | Engine::Sqlite => Breadth::Row,
    }
}

/// The list of all resources of a kind by a column: those that have a value along its index, and those that have none
/// behind them (or before them, on the way down).
fn along_index(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    (kind, key, column, breadth): (ResourceKind, &SortKey, &'static str, Breadth),
    direction: Direction,
    slice: &Slice,
) -> Result<Vec<Hit>, StoreError> {
    let engine = tx.engine();
    let mut halves = [true, false];
    if direction == Direction::Descending {
        halves.reverse();
    }
    let mut found: Vec<Hit> = Vec::new();
    let mut offset = slice.offset;
    for (index, has_value) in halves.into_iter().enumerate() {
        let after = slice.after.as_ref();
        let is_behind = after.is_some_and(|after| after.value.is_some() != has_value);
        if is_behind && index == 0 {
            continue;
        }
        let missing = slice.limit.saturating_sub(i64::try_from(found.len()).unwrap_or(i64::MAX));
        if missing <= 0 {
            break;
        }
        let half = Half { kind, column, has_value, after: after.filter(|_| !is_behind), engine, breadth };
        let rows = half.read(tx, organization, direction, key.sorting(), (missing, offset))?;
        if offset > 0 {
            let read = i64::try_from(rows.len()).unwrap_or(i64::MAX);
            offset = if read > 0 { 0 } else { offset.saturating_sub(half.count(tx, organization)?).max(0) };
        }
        found.extend(rows);
    }
    Ok(found)
}

/// The resources that have a value in a column, or those that have none.
struct Half<'a> {
    kind: ResourceKind,
    column: &'static str,
    has_value: bool,
    after: Option<&'a Position>,
    engine: Engine,
    breadth: Breadth,
}

impl Half<'_> {
    fn read(
        &self,
        tx: &mut Tx<'_>,
        organization: OrganizationId,
        direction: Direction,
        sorting: Sorting,
        (limit, offset): (i64, i64),
    ) -> Result<Vec<Hit>, StoreError> {
        let mut query = DynamicQuery::recurring();
        let (column, way) = (self.column, direction.sql());
        query.composed(format!("WITH page AS MATERIALIZED (SELECT r.k AS k, r.{column} AS s FROM resources r WHERE "));
        self.restrict(&mut query, organization);
        if let Some(after) = self.after {
            match &after.value {
                Some(value) => {
                    query.composed(format!(" AND (r.{column}, r.k){}(", direction.later()));
                    order_text::bind(&mut query, value);
                    query.sql(", ").integer(after.k).sql(")");
                }
                None => {
                    query.composed(format!(" AND r.k{}", direction.later())).integer(after.k);
                }
            }
        }
        query.sql(" ORDER BY ");
        if self.has_value {
            query.composed(format!("r.{column}{way}, "));
        }
        query.composed(format!("r.k{way}"));
        query.sql(" LIMIT ").integer(limit).sql(" OFFSET ").integer(offset).sql(")");
        complete(&mut query, sorting, direction, self.breadth);
        hits(tx, query, sorting, self.breadth)
    }

    fn count(&self, tx: &mut Tx<'_>, organization: OrganizationId) -> Result<i64, StoreError> {
        let mut query = DynamicQuery::recurring();
        query.sql("SELECT count(*) AS found FROM resources r WHERE ");
        self.restrict(&mut query, organization);
        let counted: Count = query.get_result(tx.connection())?;
        Ok(counted.found)
    }

    fn restrict(&self, query: &mut DynamicQuery, organization: OrganizationId) {
        query.sql("r.org_id = ").bytes(organization.as_bytes()).sql(" AND r.kind = ").text(self.kind.as_str());
        query.composed(format!(" AND r.{} IS {}NULL", self.column, if self.has_value { "NOT " } else { "" }));
        if self.engine == Engine::Sqlite {
            query.sql(" AND is_in_time()");
        }
    }
}

/// Reads the rows of the keys in `page`.
fn complete(query: &mut DynamicQuery, sorting: Sorting, direction: Direction, breadth: Breadth) {
    query.sql(" SELECT r.k, r.id, r.kind, r.account_id, r.active, r.version, r.created_at, r.updated_at, d.document, ");
    query.sql(match sorting {
        Sorting::Numbers => "CAST(NULL AS TEXT) AS sort_text, CAST(p.s AS BIGINT) AS sort_number",
        Sorting::None | Sorting::Texts => "p.s AS sort_text, CAST(NULL AS BIGINT) AS sort_number",
    });
    let (columns, joins) = match breadth {
        Breadth::Row | Breadth::Standing => ("", ""),
        Breadth::Surroundings => (surroundings::COLUMNS, surroundings::JOINS),
    };
    let (standing, standing_joins) = match breadth {
        Breadth::Row => ("", ""),
        Breadth::Standing | Breadth::Surroundings => (surroundings::STANDING_COLUMNS, surroundings::STANDING_JOINS),
    };
    query
        .sql(standing)
        .sql(columns)
        .sql(" FROM page p JOIN resources r ON r.k = p.k JOIN resource_docs d ON d.k = p.k");
    query.sql(standing_joins).sql(joins);
    order_text::order(query, "p", sorting, direction);
}

fn hits(tx: &mut Tx<'_>, query: DynamicQuery, sorting: Sorting, breadth: Breadth) -> Result<Vec<Hit>, StoreError> {
    match breadth {
        Breadth::Row => {
            let rows: Vec<HitRow> = query.load(tx.connection())?;
            rows.into_iter().map(|row| hit(row, sorting)).collect()
        }
        Breadth::Standing => {
            let rows: Vec<StandingHitRow> = query.load(tx.connection())?;
            rows.into_iter().map(|row| with_standing(row, sorting)).collect()
        }
        Breadth::Surroundings => surrounded(tx, query, sorting),
    }
}

fn with_standing(row: StandingHitRow, sorting: Sorting) -> Result<Hit, StoreError> {
    let mut hit = hit(row.hit, sorting)?;
    hit.found.around = Some(Surroundings { standing: row.standing, groups: None });
    Ok(hit)
}

fn surrounded(tx: &mut Tx<'_>, query: DynamicQuery, sorting: Sorting) -> Result<Vec<Hit>, StoreError> {
    let (mut found, mut around) = (Vec::<Hit>::new(), Vec::new());
    for row in query.load::<SurroundedHitRow>(tx.connection())? {
        // The rows of one user stand together.
        if found.last().is_none_or(|last| last.found.row.k != row.hit.resource.k) {
            surround(&mut found, &mut around);
            found.push(hit(row.hit, sorting)?);
        }
        around.push(row.around);
    }
    surround(&mut found, &mut around);
    Ok(found)
}

fn surround(found: &mut [Hit], around: &mut Vec<SurroundingsRow>) {
    if let Some(last) = found.last_mut() {
        last.found.around = surroundings::gather(std::mem::take(around));
    }
}

fn hit(row: HitRow, sorting: Sorting) -> Result<Hit, StoreError> {
    let value = row.sort_text.map(SortValue::Text).or(row.sort_number.map(SortValue::Number));
    let position = Position { value: value.filter(|_| sorting != Sorting::None), k: row.resource.k };
    Ok(Hit { kind: ResourceKind::parse(&row.kind)?, found: row.resource.into(), position })
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
    restrict(&mut query, tx.engine(), organization, kind, condition);
    let counted: Count = query.get_result(tx.connection())?;
    Ok(counted.found)
}

/// Where an index leads to the resources, an engine that has no statistics (SQLite keeps none, PostgreSQL takes them some
/// time after the first rows) is kept from starting anywhere else: on SQLite a column behind a plus sign is looked at and
/// not searched by, for PostgreSQL see [`Engine::checked`].
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
    let leads = condition.service() > Service::Scan;
    let plus = if leads && engine == Engine::Sqlite { "+" } else { "" };
    let is = if leads { engine.checked() } else { " = " };
    query.composed(format!("{plus}r.org_id{is}")).bytes(organization.as_bytes());
    query.composed(format!(" AND {plus}r.kind{is}")).text(kind.as_str()).sql(" AND ");
    if engine == Engine::Sqlite {
        query.sql("is_in_time() AND ");
    }
    let sought = Place::sought(kind);
    Writer { query, engine, organization }.write(condition, if leads { sought } else { sought.beside() });
}
