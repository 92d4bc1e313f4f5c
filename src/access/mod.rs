//! Who may sign in, how, and to what: the route of an address, the attempt to sign in and its steps, what an identity
//! provider asserted, and the session that stands at the end.
//!
//! Owns the rules of signing in as pure functions over loaded facts, and the writers that obey them. Refuses to speak
//! HTTP or a protocol of federation. Depends on `placement`, `directory`, `record`, `keys`, `protocol`, `store`.

pub mod arrival;
pub mod attempts;
pub mod clients;
pub mod devices;
pub mod enforcement;
pub mod grants;
pub mod identity;
pub mod link_answers;
pub mod mail_proofs;
pub mod mfa_policy;
pub mod own_address;
pub mod own_password;
pub mod own_sessions;
pub mod passkeys;
pub mod passwords;
pub mod realm;
pub mod saml_sessions;
pub mod second_factors;
pub mod sessions;
pub mod sign_in;
pub mod sign_outs;
pub mod signing_keys;
pub mod step_up;
#[cfg(test)]
pub mod testing;
pub mod tokens;
pub mod traces;
pub mod upstream_answers;
pub mod upstream_logout;
