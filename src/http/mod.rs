//! The doors. Each folder mounts its own routes and turns a request into values, calls one core function or one flow,
//! and renders the result in its own dialect. Depends on everything but `jobs` and `cli`.

pub mod account;
pub mod admin_api;
pub mod bearer;
pub mod client_address;
pub mod context;
pub mod cookies;
pub mod federation;
pub mod gate;
pub mod guesses;
pub mod head;
pub mod health;
pub mod json_objects;
pub mod methods;
pub mod observe;
pub mod operator_api;
pub mod page_answer;
pub mod panicked;
pub mod problem;
pub mod provider;
pub mod request_body;
pub mod saml_message;
pub mod scim;
pub mod session_end;
pub mod sign_in;
#[cfg(test)]
pub mod testing;
pub mod throttle;

use actix_web::web;

/// Mounts every door. `app` adds what surrounds them. A request is compared with one route after the other, and a route with a
/// place for an id in it takes the longest: what programs ask for all day comes first.
pub fn mount(services: &mut web::ServiceConfig) {
    scim::mount(services);
    provider::mount(services);
    health::mount(services);
    federation::mount(services);
    sign_in::mount(services);
    account::mount(services);
    services.default_service(web::to(sign_in::home::unknown));
    services.service(
        web::scope("/api/v1")
            .configure(admin_api::mount)
            .configure(operator_api::mount)
            .default_service(web::to(admin_api::unknown_route)),
    );
    // Another version of the API than there is.
    services.service(web::scope("/api").default_service(web::to(admin_api::unknown_route)));
}
