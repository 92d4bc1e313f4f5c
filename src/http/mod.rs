//! The doors. Each folder mounts its own routes and turns a request into values, calls one core function or one flow,
//! and renders the result in its own dialect. Depends on everything but `jobs` and `cli`.

pub mod cookies;
pub mod page_answer;
