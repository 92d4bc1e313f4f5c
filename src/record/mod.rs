//! What is written beside a change, in the transaction of that change: the audit entry, the event, the job.
//!
//! Owns the vocabulary of actions, events and jobs; refuses to run anything. Depends on `keys`, `protocol`, `store`.

pub mod audit;
pub mod event;
pub mod jobs;
pub mod notice;
pub mod scim_events;
