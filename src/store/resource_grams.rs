//! The trigram index of resources: which resources have which trigrams (`trigrams`). Full text search with tokens of
//! our own on SQLite, an array with a GIN index on PostgreSQL; neither needs an extension.
//!
//! Triggers note each resource whose document comes, changes or goes, in that transaction; [`index`] brings the index
//! up to date a batch at a time, away from the path of the request. A search finds what waits as well, so that it misses
//! nothing meanwhile. Resources from before the index wait like all others.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use serde_json::json;

use super::Tx;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::StoreError;
use super::trigrams::{self, IndexedText, Wanted};
use crate::store::connection::{AnyConnection, Backend};
use crate::values::ids::OrganizationId;

/// Keeps two nodes from indexing at once: the older state of a resource must not overtake the newer one.
const LOCK: &str = "SELECT pg_try_advisory_xact_lock(7161400843562871138) AS is_ours";

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct StaleRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    k: i64,
    #[diesel(sql_type = Binary)]
    org_id: OrganizationId,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct TextRow {
    #[diesel(sql_type = BigInt)]
    k: i64,
    #[diesel(sql_type = Text)]
    path: String,
    #[diesel(sql_type = Nullable<Text>)]
    text: Option<String>,
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Bool)]
    is_ours: bool,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct Count {
    #[diesel(sql_type = BigInt)]
    found: i64,
}

/// How many resources wait to be indexed, of one organization or of all, counted up to `most`.
pub fn count_waiting(tx: &mut Tx<'_>, organization: Option<OrganizationId>, most: i64) -> Result<i64, StoreError> {
    let mut query = DynamicQuery::recurring();
    query.sql("SELECT count(*) AS found FROM (SELECT s.k FROM resource_grams_stale s");
    if let Some(organization) = organization {
        query.sql(" WHERE s.org_id = ").bytes(organization.as_bytes());
    }
    query.sql(" LIMIT ").integer(most).sql(") waiting");
    let counted: Count = query.get_result(tx.connection())?;
    Ok(counted.found)
}

/// Indexes resources that wait, the oldest first, and tells how many notes were worked off. A note that is written
/// while this runs stays for the next time.
pub fn index(tx: &mut Tx<'_>, batch: i64) -> Result<usize, StoreError> {
    if let AnyConnection::Postgres(postgres) = tx.connection() {
        let lock: Locked = diesel::sql_query(LOCK).get_result(postgres)?;
        if !lock.is_ours {
            return Ok(0);
        }
    }
    let mut query = DynamicQuery::recurring();
    query.sql("SELECT s.id, s.k, s.org_id FROM resource_grams_stale s ORDER BY s.id LIMIT ").integer(batch);
    let stale: Vec<StaleRow> = query.load(tx.connection())?;
    if stale.is_empty() {
        return Ok(0);
    }
    let keys: BTreeMap<i64, OrganizationId> = stale.iter().map(|row| (row.k, row.org_id)).collect();
    let keys_alone: Vec<i64> = keys.keys().copied().collect();
    let mut texts = texts(tx, &keys_alone)?;
    let made = keys.into_iter().filter_map(|(k, of)| Some((k, trigrams::of(of, &texts.remove(&k)?)))).collect();
    match tx.engine() {
        Engine::Sqlite => write_each(tx, &keys_alone, made)?,
        Engine::Postgres => write_all(tx, &keys_alone, made)?,
    }
    let notes: Vec<i64> = stale.iter().map(|row| row.id).collect();
    let mut done = DynamicQuery::recurring();
    done.sql("DELETE FROM resource_grams_stale WHERE id").among(tx.engine(), &notes);
    Ok(done.execute(tx.connection())?)
}

/// The texts of these resources; what is no longer there has none.
fn texts(tx: &mut Tx<'_>, keys: &[i64]) -> Result<BTreeMap<i64, Vec<IndexedText>>, StoreError> {
    let (mut query, engine) = (DynamicQuery::recurring(), tx.engine());
    for (column, path) in
        [("user_name_folded", "userName"), ("external_id", "externalId"), ("display_folded", "displayName")]
    {
        query.composed(format!("SELECT r.k, CAST('{path}' AS TEXT) AS path, r.{column} AS text FROM resources r "));
        query.composed(format!("WHERE r.{column} IS NOT NULL AND r.k")).among(engine, keys);
        query.sql(" UNION ALL ");
    }
    query.sql("SELECT v.k, v.path, CASE WHEN v.tail IS NULL THEN v.value END AS text FROM resource_values v WHERE v.k");
    query.among(engine, keys);
    let rows: Vec<TextRow> = query.load(tx.connection())?;
    let mut found: BTreeMap<i64, Vec<IndexedText>> = BTreeMap::new();
    for TextRow { k, path, text } in rows {
        found.entry(k).or_default().push(IndexedText { path, text });
    }
    Ok(found)
}

/// Writes what was made of these resources, and nothing of those that are gone.
fn write_each(tx: &mut Tx<'_>, keys: &[i64], made: Vec<(i64, Vec<i64>)>) -> Result<(), StoreError> {
    for k in keys {
        let mut query = DynamicQuery::recurring();
        query.sql("DELETE FROM resource_grams WHERE rowid = ").integer(*k);
        query.execute(tx.connection())?;
    }
    for (k, numbers) in made {
        let mut query = DynamicQuery::recurring();
        query.sql("INSERT INTO resource_grams (rowid, grams) VALUES (").integer(k).sql(", ");
        query.text(tokens(&numbers)).sql(")");
        query.execute(tx.connection())?;
    }
    Ok(())
}

/// The same in two statements, whose text is the same for any number of resources.
fn write_all(tx: &mut Tx<'_>, keys: &[i64], made: Vec<(i64, Vec<i64>)>) -> Result<(), StoreError> {
    let mut query = DynamicQuery::recurring();
    query.sql("DELETE FROM resource_grams WHERE k").among(Engine::Postgres, keys);
    query.execute(tx.connection())?;
    let made: Vec<serde_json::Value> = made.into_iter().map(|(k, grams)| json!({ "k": k, "grams": grams })).collect();
    let mut query = DynamicQuery::recurring();
    query.sql("INSERT INTO resource_grams (k, grams) SELECT v.k, v.grams FROM json_to_recordset(CAST(");
    query.text(serde_json::Value::from(made).to_string()).sql(" AS JSON)) AS v (k BIGINT, grams BIGINT[])");
    query.execute(tx.connection())?;
    Ok(())
}

/// A number as a word of SQLite's full text index.
fn token(number: i64) -> String {
    HEXLOWER.encode(&number.to_be_bytes())
}

/// Numbers as such words, with a space between two.
fn tokens(numbers: &[i64]) -> String {
    let mut words = String::with_capacity(numbers.len().saturating_mul(17));
    for number in numbers {
        if !words.is_empty() {
            words.push(' ');
        }
        HEXLOWER.encode_append(&number.to_be_bytes(), &mut words);
    }
    words
}

/// Writes the query of the keys of resources that may have the trigrams, with those that wait to be indexed.
pub(in crate::store) fn candidates(
    query: &mut DynamicQuery,
    engine: Engine,
    organization: OrganizationId,
    wanted: &Wanted,
) {
    match engine {
        Engine::Sqlite => {
            let part: Vec<String> = wanted.part.iter().copied().map(token).collect();
            let [path, any] = wanted.instead.map(token);
            query.sql("SELECT rowid FROM resource_grams WHERE resource_grams MATCH ");
            query.text(format!("{} OR {path} OR {any}", part.join(" AND ")));
        }
        Engine::Postgres => {
            query.sql("SELECT g.k FROM resource_grams g WHERE g.grams @> CAST(");
            query.text(array(&wanted.part)).sql(" AS BIGINT[]) OR g.grams && CAST(");
            query.text(array(&wanted.instead)).sql(" AS BIGINT[])");
        }
    }
    query.sql(" UNION ALL SELECT s.k FROM resource_grams_stale s WHERE s.org_id = ").bytes(organization.as_bytes());
}

fn array(numbers: &[i64]) -> String {
    let distinct: BTreeSet<String> = numbers.iter().map(ToString::to_string).collect();
    format!("{{{}}}", distinct.into_iter().collect::<Vec<_>>().join(","))
}
