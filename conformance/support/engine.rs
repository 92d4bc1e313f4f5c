//! The two database engines. Every story runs on both.

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

/// Makes two tests of each story: one on each engine.
#[macro_export]
macro_rules! on_both_engines {
    ($($name:ident => $sqlite:ident, $postgres:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $sqlite() {
            $name($crate::support::engine::Engine::Sqlite).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn $postgres() {
            $name($crate::support::engine::Engine::Postgres).await;
        }
    )*};
}
