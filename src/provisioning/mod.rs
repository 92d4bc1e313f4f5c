//! What a SCIM client may do: read, search, create, change and remove the users and groups of one organization.
//!
//! Owns the life of SCIM resources and the credentials of the clients; refuses HTTP and knows no vendor by name. Accounts
//! are changed through `directory`. Depends on `directory`, `record`, `protocol` and `store`.

mod announcement;
pub mod assignables;
pub mod asynchronous;
pub mod brake;
pub mod bulk;
pub mod claim_mappings;
pub mod clients;
pub mod containing_groups;
pub mod failure;
pub mod group_roles;
pub mod groups;
mod members;
pub mod own_resource;
pub mod person;
mod related_text;
mod relations;
pub mod reprovisioning;
pub mod request_log;
pub mod resource;
mod room;
pub mod schemas;
pub mod search;
pub mod search_values;
pub mod standing;
mod user_profile;
pub mod users;

#[cfg(test)]
mod tests;
