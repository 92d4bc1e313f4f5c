//! What the tests stand on. Nothing here knows the gateway from inside but `server`, which starts it.

pub mod browser;
pub mod counterparties;
pub mod dns;
pub mod form;
pub mod http;
pub mod postgres;
pub mod process;
pub mod relay;
pub mod rust_source;
