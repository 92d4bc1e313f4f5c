//! Domains: claimed by an organization, proved by a DNS record, owned by one organization at a time.
//!
//! `claim` holds what is asked for and stored, `proof` judges what the DNS answered, `state` names the life cycle. What was proved
//! is looked up again by `recheck`, when `schedule` says so; `loss` ends a claim that has lapsed and that somebody else proves.

pub mod claim;
mod loss;
pub mod proof;
pub mod recheck;
mod schedule;
pub mod state;
#[cfg(test)]
mod tests;
