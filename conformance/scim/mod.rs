//! SCIM as others check it.

mod assignables;
mod asynchronous;
mod bulk;
mod credentials;
mod door;
mod limits;
mod own_schemas;
mod lists;
mod request_log;
mod scim2_tester;
mod scim_sanity;
mod vendors;
