//! What a person sees: one typed struct and one `.html` file for each page.
//!
//! Owns words, markup and looks. A page is built from typed values only, so it cannot read a request or the store; all
//! text is escaped by the template engine. Pages load nothing but the stylesheet and the mark of [`assets`], run no
//! script but the one that speaks to the browser about passkeys, and carry no inline script or style. Each struct has `sample()`, and one test renders and inspects them all.
//! Depends on `values` only.

pub mod account_passkeys;
pub mod account_second_step;
pub mod account_security;
pub mod account_sessions;
pub mod activated;
pub mod activation;
pub mod assets;
pub mod choose;
pub mod confirm_address;
pub mod create_passkey;
pub mod email;
pub mod error;
pub mod forgotten;
pub mod home;
pub mod link;
pub mod linked;
pub mod mail_sent;
pub mod mails;
pub mod new_password;
pub mod not_found;
pub mod onward;
pub mod own_credentials;
pub mod passkey;
pub mod password;
pub mod password_set;
pub mod qr_code;
pub mod recovery_codes;
pub mod saml_message;
pub mod second_step;
pub mod set_up_second_step;
pub mod sign_out;
pub mod signed_out;

#[cfg(test)]
mod tests;
