//! The schemas that an organization brings along: registered, changed and removed by its administrators, and what they make
//! of its users and groups. `catalog` keeps the outcome for the requests that need it; `change` decides what a change
//! means for the values that are there; `clearing` takes away values whose attribute is gone.

pub mod catalog;
pub mod change;
pub mod clearing;
pub mod registry;

#[cfg(test)]
mod tests;
