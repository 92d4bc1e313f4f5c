//! Domains: claimed by an organization, proved by a DNS record, owned by one organization at a time.
//!
//! `claim` holds what is asked for and stored, `proof` judges what the DNS answered, `state` names the life cycle.

pub mod claim;
pub mod proof;
pub mod state;
