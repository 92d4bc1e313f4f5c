//! How each engine spells the value that a resource is sorted by, the order of a list, and what comes behind a
//! position in it.

use super::dynamic::{DynamicQuery, Engine};
use super::order::{Direction, Position, SortKey, SortValue, Sorting};

/// Of the rows `v` of an array, the one of the primary element, else the first.
const FIRST: &str = " ORDER BY CASE WHEN v.element_primary THEN 0 ELSE 1 END, v.element LIMIT 1)";

/// Writes the value of the resource `r`, as a list of this sorting has it. A value is sorted by its indexed beginning.
pub(in crate::store) fn value(query: &mut DynamicQuery, engine: Engine, key: &SortKey, sorting: Sorting) {
    let absent = match sorting {
        Sorting::None | Sorting::Texts => "CAST(NULL AS TEXT)",
        Sorting::Numbers => "CAST(NULL AS BIGINT)",
    };
    let text = match key {
        // Two schemas that give one name to values of two types do not make one list of them.
        key if key.sorting() != sorting => absent,
        SortKey::Absent => absent,
        SortKey::UserName => "r.user_name_folded",
        SortKey::ExternalId => "r.external_id",
        SortKey::Display => "r.display_folded",
        SortKey::Active => "CASE WHEN r.active IS NULL THEN NULL WHEN r.active THEN 1 ELSE 0 END",
        SortKey::Created => "r.created_at",
        SortKey::Updated => "r.updated_at",
        SortKey::Version => "r.version",
        SortKey::Id => {
            query.composed(id_text(engine, "r"));
            return;
        }
        SortKey::Constant(text) => {
            query.sql("CAST(").text(text.as_str()).sql(" AS TEXT)");
            return;
        }
        SortKey::Value(path) => {
            query.sql("(SELECT v.value FROM resource_values v WHERE v.k = r.k AND v.path = ").text(path.as_str());
            FIRST
        }
        SortKey::ElementType(path) => {
            query.sql("(SELECT v.element_type FROM resource_values v WHERE v.element_type IS NOT NULL AND v.k = r.k");
            below(query, path);
            FIRST
        }
        SortKey::ElementPrimary(path) => {
            query.sql(
                "(SELECT CASE WHEN v.element_primary THEN 1 ELSE 0 END FROM resource_values v \
                 WHERE v.element_primary IS NOT NULL AND v.k = r.k",
            );
            below(query, path);
            FIRST
        }
    };
    query.sql(text);
}

/// The rows of the array with this path: a slash follows the dot in ASCII.
fn below(query: &mut DynamicQuery, path: &str) {
    query.sql(" AND v.path >= ").text(format!("{path}.")).sql(" AND v.path < ").text(format!("{path}/"));
}

/// The text form of an id.
pub(in crate::store) fn id_text(engine: Engine, alias: &str) -> String {
    match engine {
        Engine::Postgres => format!("(encode({alias}.id, 'hex')::uuid::text COLLATE \"C\")"),
        Engine::Sqlite => {
            let piece = |from: usize, length: usize| format!("substr(hex({alias}.id), {from}, {length})");
            let pieces = [piece(1, 8), piece(9, 4), piece(13, 4), piece(17, 4), piece(21, 12)];
            format!("lower({})", pieces.join(" || '-' || "))
        }
    }
}

/// Writes `ORDER BY` for rows `k, s` of this alias.
pub(in crate::store) fn order(query: &mut DynamicQuery, alias: &str, sorting: Sorting, direction: Direction) {
    let way = direction.sql();
    query.sql(" ORDER BY ");
    if sorting != Sorting::None {
        query.composed(format!("({alias}.s IS NULL){way}, {alias}.s{way}, "));
    }
    query.composed(format!("{alias}.k{way}"));
}

/// Writes the condition that a row comes behind a position.
pub(in crate::store) fn behind(
    query: &mut DynamicQuery,
    k: &'static str,
    value: Option<&'static str>,
    direction: Direction,
    after: Option<&Position>,
) {
    let Some(after) = after else {
        query.sql("1 = 1");
        return;
    };
    let later = direction.later();
    match (value, &after.value) {
        (None, _) => {
            query.composed(format!("{k}{later}")).integer(after.k);
        }
        (Some(s), Some(value)) => {
            query.composed(format!("({s}{later}"));
            bind(query, value);
            query.composed(format!(" OR ({s} = "));
            bind(query, value);
            query.composed(format!(" AND {k}{later}")).integer(after.k).sql(")");
            if direction == Direction::Ascending {
                query.composed(format!(" OR {s} IS NULL"));
            }
            query.sql(")");
        }
        (Some(s), None) => {
            query.composed(format!("(({s} IS NULL AND {k}{later}")).integer(after.k).sql(")");
            if direction == Direction::Descending {
                query.composed(format!(" OR {s} IS NOT NULL"));
            }
            query.sql(")");
        }
    }
}

/// Binds a value.
pub(in crate::store) fn bind(query: &mut DynamicQuery, value: &SortValue) {
    match value {
        SortValue::Text(text) => query.text(text.as_str()),
        SortValue::Number(number) => query.integer(*number),
    };
}
