//! SCIM as others check it.

mod assignables;
mod asynchronous;
mod bulk;
mod client;
mod conditions;
mod credentials;
mod door;
mod limits;
mod lists;
mod own_schemas;
mod request_log;
mod rfc;
mod root;
mod scim2_tester;
mod scim_sanity;
mod vendors;
