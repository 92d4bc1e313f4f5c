//! The OpenID Connect relying party against a real provider (oidc-provider), in the ways in which such providers differ.

mod genuine;
