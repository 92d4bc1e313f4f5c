//! The admin API.
pub mod caller;
pub mod failure;

use actix_web::web;

/// Mounts the routes.
pub fn mount(_services: &mut web::ServiceConfig) {}
