//! The gateway as relying party of a customer's OpenID provider. A customer configures that provider, so everything
//! it sends is hostile until checked. Pure: `outbound` does the calls, `flows` keeps the transaction.

pub mod authentication;
pub mod authorization;
pub mod claim_map;
pub mod discovery;
pub mod id_token;
pub mod initiation;
pub mod jwks;
pub mod jws;
pub mod logout_token;
pub mod preset;
pub mod strictness;
pub mod token;
pub mod userinfo;

#[cfg(test)]
pub mod dishonest;
