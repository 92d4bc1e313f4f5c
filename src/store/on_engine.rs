//! Queries on the engine's own connection. What diesel derives for several engines knows no query by its type, and makes the text
//! of each anew for every use, only to find out that it is prepared already; the engine's own connection finds it by the type.

/// Runs a query on the connection of the engine that is there: `on_engine!(tx, |connection| query.first(connection))`. For what
/// is asked with every sign-in and every token; it is compiled for each engine.
macro_rules! on_engine {
    ($tx:expr, |$connection:ident| $query:expr) => {
        match $tx.connection() {
            $crate::store::connection::AnyConnection::Sqlite($connection) => $query,
            $crate::store::connection::AnyConnection::Postgres($connection) => $query,
        }
    };
}
