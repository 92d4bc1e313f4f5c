//! The OpenID provider's door.
//!
//! | Route | |
//! | --- | --- |
//! | `GET /.well-known/openid-configuration` | the metadata |
//! | `GET /oauth2/jwks` | the keys |
//! | `GET, POST /oauth2/authorize` | a browser asks for a code |
//! | `POST /oauth2/token` | an application redeems a code or a refresh token |
//! | `GET, POST /oauth2/userinfo` | an application asks who somebody is |
//! | `POST /oauth2/revoke` | an application gives a token back |
//! | `GET, POST /oauth2/end-session` | an application signs a person out |
//!
//! No route here allows another origin's scripts (CORS); the authorization endpoint never may.

pub mod authorize;
pub mod client;
pub mod discovery;
pub mod end_session;
pub mod failure;
pub mod form;
pub mod jwks;
pub mod revoke;
pub mod token;
pub mod userinfo;

use actix_web::web::{self, Bytes, Data, PayloadConfig, ServiceConfig};

use crate::access::grants::Lifetimes;
use crate::access::sessions::Limits;
use crate::access::signing_keys::SigningKeys;
use crate::http::cookies::Cookies;
use crate::http::page_answer::PageHeaders;
use crate::protocol::oidc::discovery::{ProviderMetadata, path};
use crate::protocol::oidc::parameters::MAX_BYTES;
use crate::store::Store;
use crate::values::clock::Clock;
use crate::values::data_center::DataCenter;
use crate::values::entropy::Entropy;
use crate::values::operation::{Actor, Operation};

/// What the provider's handlers need.
#[derive(Clone)]
pub struct Provider {
    /// Where the gateway is reached, without a slash at its end.
    pub issuer: String,
    /// The data center that speaks.
    pub data_center: DataCenter,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// The database.
    pub store: Store,
    /// What signs.
    pub keys: SigningKeys,
    /// How long sessions last.
    pub session_limits: Limits,
    /// How long a sign-in attempt lives.
    pub attempt_seconds: i64,
    /// How long codes and tokens last.
    pub lifetimes: Lifetimes,
    /// How cookies are named.
    pub cookies: Cookies,
    /// How pages are sent.
    pub pages: PageHeaders,
}

impl Provider {
    /// An operation of somebody who is not known yet.
    pub fn operation(&self) -> Operation {
        let at = self.clock.now();
        let request = crate::values::ids::RequestId::mint(at, &self.entropy);
        let data_center = self.data_center.clone();
        Operation { actor: Actor::Anonymous, request, at, entropy: self.entropy, data_center }
    }

    /// Mounts the routes.
    pub fn mount(self, config: &mut ServiceConfig) {
        let metadata = serde_json::to_vec(&ProviderMetadata::of(&self.issuer)).unwrap_or_default();
        let document = Data::new(discovery::Document(Bytes::from(metadata)));
        let provider = Data::new(self);
        let resource = |path: &str| {
            web::resource(path.to_owned()).app_data(provider.clone()).app_data(PayloadConfig::new(MAX_BYTES))
        };
        config
            .service(resource(path::METADATA).app_data(document).route(web::get().to(discovery::get)))
            .service(resource(path::JWKS).route(web::get().to(jwks::get)))
            .service(
                resource(path::AUTHORIZE).route(web::get().to(authorize::get)).route(web::post().to(authorize::post)),
            )
            .service(resource(path::TOKEN).route(web::post().to(token::post)))
            .service(resource(path::USERINFO).route(web::get().to(userinfo::get)).route(web::post().to(userinfo::post)))
            .service(resource(path::REVOKE).route(web::post().to(revoke::post)))
            .service(
                resource(path::END_SESSION)
                    .route(web::get().to(end_session::get))
                    .route(web::post().to(end_session::post)),
            );
    }
}
