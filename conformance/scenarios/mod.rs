//! One file per story, named for it. Each runs on both engines, through HTTP only.

mod activation_by_mail;
mod cookies_on_https;
mod domain_lapses;
mod encryption_key_changes;
mod handed_over_sign_in;
mod mail;
mod main_job;
mod mass_removal_waits;
mod own_password;
mod passkeys;
mod pre_hijacking;
mod provisioned_at_sign_in;
pub mod sign_in;
mod single_sign_on_required;
mod time_passes;
mod watched;
