//! All network that leaves the process. Owns the one HTTP client and what is fetched with it; refuses addresses that
//! are not on the public internet, plain text, redirects and answers without bound. Nothing else opens a connection.

pub mod address;
pub mod dns;
mod fetched;
pub mod http_client;
pub mod idp;
pub mod key_sets;
pub mod mail;
