//! Everything that looks at the program from outside, as one test binary: the house rules, the stories of `scenarios/`
//! on both engines with real counterparties, and the faults. `support/` starts what they need.

#![expect(clippy::indexing_slicing, clippy::panic, reason = "the whole binary is a test, where these are how to fail")]

mod admin_api;
mod architecture;
mod demo;
mod documents;
mod faults;
mod oidc;
mod saml;
mod scenarios;
mod scim;
mod support;
