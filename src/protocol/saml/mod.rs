//! SAML 2.0, as a service provider (Web Browser SSO profile).
//!
//! Owns what goes to and comes from a customer's identity provider: metadata both ways, the signed AuthnRequest, and
//! the one way to a [`assertion::VerifiedAssertion`]. Every document passes `gate` before a library sees it; only the
//! bytes that the signature covers are read. The only module that names samael (libxml2, libxmlsec1) and openssl.
//! Depends on `values`.

pub mod assertion;
pub mod attribute_map;
pub mod authn_context;
pub mod authn_request;
pub mod certificate;
pub mod decryption_key;
pub mod document;
pub mod duration;
pub mod encryption;
pub mod gate;
pub mod idp_metadata;
pub mod logout;
pub mod names;
pub mod redirect_binding;
pub mod signed_info;
pub mod signing_key;
pub mod sp_metadata;
pub mod verification;

#[cfg(test)]
pub mod testing;
