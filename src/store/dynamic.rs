//! Queries whose text is put together at run time, because their shape comes from a client's filter. Values are
//! always bound, never written into the text. Text of a shape that recurs is prepared once per connection.

use std::borrow::Cow;

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::methods::LoadQuery;
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, Bool, HasSqlType, Nullable, Text, Untyped};
use diesel::{PgConnection, RunQueryDsl, SqliteConnection};

use super::connection::AnyConnection;

/// Which dialect the text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Engine {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Engine {
    /// The engine of a connection.
    pub(in crate::store) fn of(connection: &AnyConnection) -> Self {
        match connection {
            AnyConnection::Sqlite(_) => Self::Sqlite,
            AnyConnection::Postgres(_) => Self::Postgres,
        }
    }

    /// An equality that a row is checked by and not searched by. A planner that knows nothing of a table yet takes any
    /// index for as good as the one that leads to a single row. SQLite's planner prefers a unique index by itself.
    pub(in crate::store) const fn checked(self) -> &'static str {
        match self {
            Self::Sqlite => " = ",
            Self::Postgres => " IS NOT DISTINCT FROM ",
        }
    }
}

#[derive(Debug, Clone)]
enum Part {
    Sql(Cow<'static, str>),
    Text(String),
    Integer(i64),
    Bytes(Vec<u8>),
    Boolean(bool),
    OptionalText(Option<String>),
    OptionalBytes(Option<Vec<u8>>),
    OptionalBoolean(Option<bool>),
}

/// A statement under construction.
#[derive(Debug, Clone)]
pub(in crate::store) struct DynamicQuery {
    parts: Vec<Part>,
    is_recurring: bool,
}

impl DynamicQuery {
    /// A statement whose text recurs, so that it is worth keeping prepared.
    pub(in crate::store) fn recurring() -> Self {
        Self { parts: Vec::new(), is_recurring: true }
    }

    /// Says that the text is one of very many, so that it is not kept.
    pub(in crate::store) fn forget(&mut self) {
        self.is_recurring = false;
    }

    /// Appends text of the statement. Never a value.
    pub(in crate::store) fn sql(&mut self, sql: &'static str) -> &mut Self {
        self.parts.push(Part::Sql(Cow::Borrowed(sql)));
        self
    }

    /// Appends text of the statement that was made of fixed pieces. Never a value.
    pub(in crate::store) fn composed(&mut self, sql: String) -> &mut Self {
        self.parts.push(Part::Sql(Cow::Owned(sql)));
        self
    }

    /// Appends a bound text.
    pub(in crate::store) fn text(&mut self, value: impl Into<String>) -> &mut Self {
        self.parts.push(Part::Text(value.into()));
        self
    }

    /// Appends a bound whole number.
    pub(in crate::store) fn integer(&mut self, value: i64) -> &mut Self {
        self.parts.push(Part::Integer(value));
        self
    }

    /// Appends bound bytes.
    pub(in crate::store) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.parts.push(Part::Bytes(value.to_vec()));
        self
    }

    /// Appends a bound truth value.
    pub(in crate::store) fn boolean(&mut self, value: bool) -> &mut Self {
        self.parts.push(Part::Boolean(value));
        self
    }

    /// Appends a bound text, or NULL.
    pub(in crate::store) fn optional_text(&mut self, value: Option<&str>) -> &mut Self {
        self.parts.push(Part::OptionalText(value.map(str::to_owned)));
        self
    }

    /// Appends bound bytes, or NULL.
    pub(in crate::store) fn optional_bytes(&mut self, value: Option<&[u8]>) -> &mut Self {
        self.parts.push(Part::OptionalBytes(value.map(<[u8]>::to_vec)));
        self
    }

    /// Appends a bound truth value, or NULL.
    pub(in crate::store) fn optional_boolean(&mut self, value: Option<bool>) -> &mut Self {
        self.parts.push(Part::OptionalBoolean(value));
        self
    }

    /// Appends ` IN (key, key, ...)`. On PostgreSQL the keys are one bound value, so that the text recurs whatever their
    /// number is; on SQLite, where preparing costs little, a text with several keys is not kept.
    pub(in crate::store) fn among(&mut self, engine: Engine, keys: &[i64]) -> &mut Self {
        match engine {
            Engine::Postgres => {
                let keys: Vec<String> = keys.iter().map(i64::to_string).collect();
                self.sql(" = ANY (CAST(string_to_array(").text(keys.join(",")).sql(", ',') AS BIGINT[]))")
            }
            Engine::Sqlite => {
                if keys.len() > 1 {
                    self.forget();
                }
                self.sql(" IN ").list(keys, |query, key| {
                    query.integer(*key);
                })
            }
        }
    }

    /// The same statement with these writes in front of it, as parts of it. They and it do not see each other.
    pub(in crate::store) fn carrying(mut self, writes: Vec<Self>) -> Self {
        if writes.is_empty() {
            return self;
        }
        let mut whole = Self::recurring();
        for (index, mut write) in writes.into_iter().enumerate() {
            whole.composed(format!("{}along_{index} AS (", if index == 0 { "WITH " } else { ", " }));
            whole.parts.append(&mut write.parts);
            whole.is_recurring &= write.is_recurring;
            whole.sql(")");
        }
        // A statement that begins with parts of its own has them behind these.
        match self.parts.first_mut() {
            Some(Part::Sql(Cow::Borrowed(first))) if first.starts_with("WITH ") => {
                *first = first.trim_start_matches("WITH");
                whole.sql(",");
            }
            _ => {
                whole.sql(" ");
            }
        }
        whole.parts.append(&mut self.parts);
        whole.is_recurring &= self.is_recurring;
        whole
    }

    /// Appends `(item, item, ...)`, each written by `write`.
    pub(in crate::store) fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.sql("(");
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.sql(", ");
            }
            write(self, item);
        }
        self.sql(")")
    }
}

/// The engine's own connection is asked: what diesel derives for several engines collects the bound values in a form of its own
/// first, and then turns each into what the engine takes.
impl DynamicQuery {
    /// Executes it and tells how many rows it changed.
    pub(in crate::store) fn execute(self, connection: &mut AnyConnection) -> QueryResult<usize> {
        match connection {
            AnyConnection::Sqlite(sqlite) => RunQueryDsl::execute(self, sqlite),
            AnyConnection::Postgres(postgres) => RunQueryDsl::execute(self, postgres),
        }
    }

    /// The rows that it finds.
    pub(in crate::store) fn load<R>(self, connection: &mut AnyConnection) -> QueryResult<Vec<R>>
    where
        Self: LoadQuery<'static, SqliteConnection, R> + LoadQuery<'static, PgConnection, R>,
    {
        match connection {
            AnyConnection::Sqlite(sqlite) => RunQueryDsl::load(self, sqlite),
            AnyConnection::Postgres(postgres) => RunQueryDsl::load(self, postgres),
        }
    }

    /// The first row that it finds; [`diesel::NotFound`] when there is none.
    pub(in crate::store) fn get_result<R>(self, connection: &mut AnyConnection) -> QueryResult<R>
    where
        Self: LoadQuery<'static, SqliteConnection, R> + LoadQuery<'static, PgConnection, R>,
    {
        match connection {
            AnyConnection::Sqlite(sqlite) => RunQueryDsl::get_result(self, sqlite),
            AnyConnection::Postgres(postgres) => RunQueryDsl::get_result(self, postgres),
        }
    }
}

impl<DB> QueryFragment<DB> for DynamicQuery
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt> + HasSqlType<Binary> + HasSqlType<Bool>,
    str: ToSql<Text, DB>,
    String: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
    [u8]: ToSql<Binary, DB>,
    Vec<u8>: ToSql<Binary, DB>,
    bool: ToSql<Bool, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if !self.is_recurring {
            out.unsafe_to_cache_prepared();
        }
        for part in &self.parts {
            match part {
                Part::Sql(sql) => out.push_sql(sql),
                Part::Text(value) => out.push_bind_param::<Text, str>(value)?,
                Part::Integer(value) => out.push_bind_param::<BigInt, i64>(value)?,
                Part::Bytes(value) => out.push_bind_param::<Binary, [u8]>(value)?,
                Part::Boolean(value) => out.push_bind_param::<Bool, bool>(value)?,
                Part::OptionalText(value) => out.push_bind_param::<Nullable<Text>, Option<String>>(value)?,
                Part::OptionalBytes(value) => out.push_bind_param::<Nullable<Binary>, Option<Vec<u8>>>(value)?,
                Part::OptionalBoolean(value) => out.push_bind_param::<Nullable<Bool>, Option<bool>>(value)?,
            }
        }
        Ok(())
    }
}

impl QueryId for DynamicQuery {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for DynamicQuery {
    type SqlType = Untyped;
}

impl<Connection> RunQueryDsl<Connection> for DynamicQuery {}
