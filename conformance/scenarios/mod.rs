//! One file per story, named for it. Each runs on both engines, through HTTP only.

mod activation_by_mail;
mod cookies_on_https;
mod handed_over_sign_in;
mod main_job;
mod mass_removal_waits;
mod own_password;
mod provisioned_at_sign_in;
pub mod sign_in;
mod time_passes;
mod watched;
