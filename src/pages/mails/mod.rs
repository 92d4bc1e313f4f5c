//! Mails: one typed struct and one .txt per mail.

pub mod activation;
pub mod administrator_notice;
pub mod certificate_notice;
pub mod expiry_notice;
pub mod link_request;
pub mod mail_proof;
pub mod person_notice;
