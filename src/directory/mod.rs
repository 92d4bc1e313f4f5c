//! Who exists and belongs where: organizations, accounts, memberships, identities, domains, connections, applications.
//!
//! Owns the rules of these nouns; refuses to know how a request came in or who is signed in. Depends on `record`,
//! `keys`, `protocol` and `store`.

pub mod accounts;
pub mod activation;
pub mod admin_tokens;
pub mod applications;
pub mod audit;
pub mod break_glass;
pub mod carried_roles;
pub mod cases;
pub mod connection_policy;
pub mod connection_roles;
pub mod connection_route;
pub mod connections;
pub mod domains;
pub mod group_membership;
pub mod link_requests;
pub mod linking;
pub mod matching;
pub mod memberships;
pub mod newcomers;
pub mod organizations;
pub mod owners;
pub mod permission;
pub mod profile;
pub mod released_claims;
pub mod relying_party;
pub mod room;
pub mod service_provider;
pub mod sso_policy;
pub mod ways_in;
