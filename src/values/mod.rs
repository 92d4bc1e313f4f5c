//! Plain values that every ring speaks in: ids, instants, addresses, secrets, the operation under way.
//!
//! Owns parsing and canonical forms; refuses what is not well formed. Depends on no other ring.

pub mod clock;
pub mod data_center;
pub mod domain_name;
pub mod email;
pub mod entropy;
pub mod folding;
pub mod ids;
pub mod loopback;
pub mod operation;
pub mod page;
pub mod passkey_name;
pub mod password;
pub mod quota;
pub mod recovery_code;
pub mod scim_scope;
pub mod secret;
pub mod slug;
