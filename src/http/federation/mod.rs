//! Where customers' identity providers send people back to, and what they are told about us.
//!
//! | Route | |
//! | --- | --- |
//! | `GET /federation/saml/{connection}/metadata` | our metadata for that connection |
//! | `POST /federation/saml/{connection}/acs` | the assertion consumer service |
//! | `GET /federation/oidc/{connection}/callback` | the redirect URI at that connection's OpenID provider |
//!
//! They take the answer for the attempt that waits for it and send the browser on, by a redirect on our own site, to
//! where its cookie is looked at, with a token that nobody else gets. A form that is posted from another site brings no cookie along; a callback does, and
//! there it is looked at as well.

pub mod failure;
pub mod oidc;
pub mod saml;

use actix_web::web::{self, ServiceConfig};

/// Mounts the routes.
pub fn mount(services: &mut ServiceConfig) {
    services
        .route("/federation/saml/{connection}/metadata", web::get().to(saml::metadata))
        .route("/federation/saml/{connection}/acs", web::post().to(saml::acs))
        .route("/federation/oidc/{connection}/callback", web::get().to(oidc::callback));
}
