//! One file per story, named for it. Each runs on both engines, through HTTP only.

mod cookies_on_https;
mod main_job;
pub mod sign_in;
mod time_passes;
mod watched;
