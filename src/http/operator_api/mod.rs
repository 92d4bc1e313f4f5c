//! The operator API.
use actix_web::web;

/// Mounts the routes.
pub fn mount(_services: &mut web::ServiceConfig) {}
