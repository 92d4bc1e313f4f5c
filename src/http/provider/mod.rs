//! The OpenID provider's door.
//!
//! | Route | |
//! | --- | --- |
//! | `GET /.well-known/openid-configuration` | the metadata |
//! | `GET /oauth2/jwks` | the keys |
//! | `GET, POST /oauth2/authorize` | a browser asks for a code |
//! | `POST /oauth2/token` | an application redeems a code or a refresh token; a SCIM client gets a token |
//! | `GET, POST /oauth2/userinfo` | an application asks who somebody is |
//! | `POST /oauth2/revoke` | an application gives a token back |
//! | `GET, POST /oauth2/end-session` | an application signs a person out |
//!
//! No route here allows another origin's scripts (CORS); the authorization endpoint never may.

pub mod authorize;
pub mod client;
pub mod client_credentials;
pub mod discovery;
pub mod end_session;
pub mod failure;
pub mod form;
pub mod jwks;
pub mod revoke;
pub mod token;
pub mod userinfo;

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::error::ErrorInternalServerError;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{Error, FromRequest, HttpRequest};

use crate::access::grants::Lifetimes;
use crate::access::sessions::Limits;
use crate::access::signing_keys::SigningKeys;
use crate::http::context::Context;
use crate::http::cookies::Cookies;
use crate::http::methods::at;
use crate::http::observe::request_id;
use crate::http::page_answer::PageHeaders;
use crate::http::throttle::OverLimit;
use crate::protocol::oidc::discovery::path;
use crate::store::Store;
use crate::values::ids::RequestId;
use crate::values::operation::{Actor, Operation};

/// Mounts the routes.
pub fn mount(services: &mut ServiceConfig) {
    let documents = [
        at(path::METADATA).get(discovery::get),
        at(path::JWKS).get(jwks::get),
        at(path::TOKEN).post(token::post),
        at(path::USERINFO).get(userinfo::get).post(userinfo::post),
        at(path::REVOKE).post(revoke::post),
    ];
    for document in documents {
        services.service(document.otherwise(failure::other_method));
    }
    let pages = [
        at(path::AUTHORIZE).get(authorize::get).post(authorize::post),
        at(path::END_SESSION).get(end_session::get).post(end_session::post),
    ];
    for page in pages {
        services.service(page.otherwise(failure::other_method_of_page));
    }
    // Behind all of them, because the first that fits is taken.
    services.service(web::scope("/oauth2").default_service(web::to(failure::unknown)));
}

/// What a handler of this door holds: the gateway's state, seen as an OpenID provider, and the id of the request.
#[derive(Clone)]
pub struct Provider {
    context: Data<Context>,
    request: RequestId,
}

impl FromRequest for Provider {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let context = request.app_data::<Data<Context>>().cloned();
        let provider = context.map(|context| Self { context, request: request_id(request) });
        ready(provider.ok_or_else(|| ErrorInternalServerError("the door is not connected")))
    }
}

impl Provider {
    /// The operation of this request, of somebody who is not known yet.
    pub fn operation(&self) -> Operation {
        self.context.operation(Actor::Anonymous, self.request)
    }

    /// What every door holds.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.context.store
    }

    /// What signs.
    pub fn keys(&self) -> &SigningKeys {
        &self.context.signing_keys
    }

    /// The gateway's name in every token.
    pub fn issuer(&self) -> &str {
        self.context.issuer()
    }

    /// How cookies are named.
    pub fn cookies(&self) -> Cookies {
        Cookies::new(self.context.config.data_center.clone(), &self.context.config.public_url)
    }

    /// How pages are sent.
    pub fn pages(&self) -> PageHeaders {
        PageHeaders::new(&self.context.config.public_url)
    }

    /// The longest form or query, in bytes.
    pub fn form_bytes(&self) -> usize {
        self.context.config.limits.form_bytes
    }

    /// Lets a network begin one more sign-in, or says when it may.
    pub fn admit(&self, request: &HttpRequest, op: &Operation) -> Result<(), OverLimit> {
        self.context.admit(&self.context.throttles.authorize, request, op)
    }

    /// Lets a network sign out once more, or says when it may.
    pub fn admit_sign_out(&self, request: &HttpRequest, op: &Operation) -> Result<(), OverLimit> {
        self.context.admit(&self.context.throttles.answers, request, op)
    }

    /// Lets a network ask for one more token of a SCIM client, or says when it may.
    pub fn admit_token_request(&self, request: &HttpRequest, op: &Operation) -> Result<(), OverLimit> {
        self.context.admit(&self.context.throttles.token, request, op)
    }

    /// How long a sign-in attempt lives.
    pub fn attempt_seconds(&self) -> i64 {
        self.context.config.lifetimes.attempt_seconds
    }

    /// How long sessions last.
    pub fn session_limits(&self) -> Limits {
        self.context.session_limits()
    }

    /// How long codes and tokens last.
    pub fn lifetimes(&self) -> Lifetimes {
        self.context.lifetimes()
    }
}

#[cfg(test)]
mod tests;
