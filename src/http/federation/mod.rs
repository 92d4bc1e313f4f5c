//! Where customers' identity providers send people back to, and what they are told about us.
//!
//! | Route | |
//! | --- | --- |
//! | `GET /federation/saml/{connection}/metadata` | our metadata for that connection |
//! | `POST /federation/saml/{connection}/acs` | the assertion consumer service |
//!
//! These doors see no cookie: the browser arrives from another site. They take the answer for the attempt that waits
//! for it and send the browser on, by a redirect on our own site, to where its cookie is looked at.

pub mod failure;
pub mod saml;

use actix_web::web::{self, ServiceConfig};

/// Mounts the routes.
pub fn mount(services: &mut ServiceConfig) {
    services
        .route("/federation/saml/{connection}/metadata", web::get().to(saml::metadata))
        .route("/federation/saml/{connection}/acs", web::post().to(saml::acs));
}
