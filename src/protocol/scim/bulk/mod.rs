//! Bulk requests (RFC 7644, section 3.7): what a body asks for, in which order it can be done, and what is answered.
//!
//! Owns the operations, the references between them (`bulkId:…`) and the plan; refuses to change anything. A request is
//! read once and whole; what is wrong with one operation stays with that operation.

pub mod answer;
pub mod plan;
pub mod references;
pub mod request;

#[cfg(test)]
mod tests;
