//! Mails: one typed struct and one .txt per mail.

pub mod administrator_notice;
pub mod expiry_notice;
