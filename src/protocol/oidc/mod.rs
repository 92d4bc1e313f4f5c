//! OpenID Connect and OAuth 2.0 as wire formats and pure rules: the gateway as OpenID provider here, the gateway as
//! relying party of customers' providers in `relying_party`. Instants, random values and keys come in as arguments;
//! nothing here reads a store or a network.

pub mod access_token;
pub mod acr;
pub mod authorization;
pub mod claims;
pub mod class_map;
pub mod client_assertion;
pub mod client_authentication;
pub mod client_keys;
pub mod discovery;
pub mod error;
pub mod id_token;
pub mod jwks;
pub mod logout;
pub mod parameters;
pub mod pkce;
pub mod redirect_uri;
pub mod relying_party;
pub mod scope;
pub mod signing;
pub mod token;
pub mod userinfo;
pub mod verification;
