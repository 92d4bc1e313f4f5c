//! What the tests stand on. Nothing here knows the gateway from inside but `server`, which starts it in this process.

pub mod browser;
pub mod clock;
pub mod counterparties;
pub mod database;
pub mod dns;
pub mod engine;
pub mod form;
pub mod gateway;
pub mod http;
pub mod key_server;
pub mod organization;
pub mod postgres;
pub mod prepared;
pub mod process;
pub mod relay;
pub mod relying_party;
pub mod request_log;
pub mod rust_source;
pub mod server;
pub mod settings;
pub mod simplesamlphp;
