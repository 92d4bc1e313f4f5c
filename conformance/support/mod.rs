//! What the tests stand on. Nothing here knows the gateway from inside but `server`, which starts it.

pub mod rust_source;
