//! Wire formats and pure rules of the standards. No I/O, no clock, no randomness; depends on `values` alone.

pub mod compared;
pub mod event;
pub mod form;
pub mod oidc;
pub mod saml;
pub mod scim;
pub mod totp;
