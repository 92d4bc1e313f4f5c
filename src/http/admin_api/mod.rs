//! The admin API: what an organization's administrators and their scripts do. JSON in and out, problems as
//! `application/problem+json`, a bearer token on every route but the document.
//!
//! * `/api/v1/openapi.json` [`document`]
//! * `/api/v1/orgs/{org}` [`organizations`], `.../domains` [`domains`] and their
//!   [`sso_policy`], `.../mfa-policy` [`mfa_policy`], `.../connections` [`connections`], their [`connection_policy`] and
//!   [`connection_route`], `.../applications` [`applications`], `.../admin-tokens` [`admin_tokens`],
//!   `.../scim-clients` [`scim_clients`], their [`scim_credentials`] and [`scim_requests`], `.../scim-schemas`
//!   [`scim_schemas`], `.../claims` [`claims`], `.../scim-roles`, `.../scim-entitlements` [`scim_assignables`],
//!   `.../group-roles` [`group_roles`], `.../activations` [`activations`], `.../cases` [`cases`], `.../removals`
//!   [`removals`], `.../audit` [`audit`], `.../traces` [`traces`]

pub mod activations;
pub mod admin_tokens;
pub mod application_body;
pub mod application_calls;
pub mod applications;
pub mod audit;
pub mod caller;
pub mod cases;
pub mod claims;
pub mod connection_body;
pub mod connection_policy;
pub mod connection_route;
pub mod connections;
pub mod document;
pub mod domains;
pub mod failure;
pub mod group_roles;
pub mod mfa_policy;
pub mod oidc_options;
pub mod organizations;
pub mod removals;
pub mod reply;
pub mod reprovisioning;
pub mod saml_options_body;
pub mod scim_assignables;
pub mod scim_clients;
pub mod scim_credential_body;
pub mod scim_credentials;
pub mod scim_request_body;
pub mod scim_requests;
pub mod scim_schemas;
pub mod sso_policy;
pub mod sso_policy_body;
pub mod traces;

use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::OpenApi as _;

use crate::http::observe::request_id;
use crate::http::problem::Problem;

#[cfg(test)]
mod strangers;

/// Mounts the routes.
pub fn mount(services: &mut web::ServiceConfig) {
    mount_sign_in(services);
    services
        .service(document::show_document)
        .service(organizations::show_organization)
        .service(domains::claim_domain)
        .service(domains::list_domains)
        .service(domains::show_domain)
        .service((domains::check_domain, domains::recheck_domain))
        .service(domains::release_domain)
        .service(connections::create_connection)
        .service(connections::list_connections)
        .service(connections::show_connection)
        .service(connections::replace_provider)
        .service(connections::replace_options)
        .service(connections::enable_connection)
        .service(connections::disable_connection)
        .service(connections::delete_connection)
        .service(applications::register_application)
        .service(applications::list_applications)
        .service(applications::show_application)
        .service(applications::update_application)
        .service(applications::rotate_application_secret)
        .service(applications::delete_application)
        .service(admin_tokens::create_admin_token)
        .service(admin_tokens::list_admin_tokens)
        .service(admin_tokens::revoke_admin_token)
        .service(scim_clients::create_scim_client)
        .service(scim_clients::list_scim_clients)
        .service(scim_clients::show_scim_client)
        .service(scim_clients::update_scim_client)
        .service(scim_clients::delete_scim_client)
        .service(scim_credentials::create_scim_credential)
        .service(scim_credentials::list_scim_credentials)
        .service(scim_credentials::revoke_scim_credential)
        .service(claims::show_claims)
        .service(claims::replace_claims)
        .service(scim_assignables::show_scim_roles)
        .service(scim_assignables::replace_scim_roles)
        .service(scim_assignables::show_scim_entitlements)
        .service(scim_assignables::replace_scim_entitlements)
        .service(scim_schemas::register_scim_schema)
        .service(scim_schemas::list_scim_schemas)
        .service(scim_schemas::show_scim_schema)
        .service(scim_schemas::replace_scim_schema)
        .service(scim_schemas::delete_scim_schema)
        .service(scim_requests::list_scim_requests)
        .service(scim_requests::show_scim_request)
        .service(scim_requests::try_scim_request_again)
        .service(group_roles::list_group_roles)
        .service(group_roles::put_group_role)
        .service(group_roles::remove_group_role)
        .service(reprovisioning::show_reprovisioning)
        .service(reprovisioning::set_reprovisioning)
        .service(cases::list_cases)
        .service(removals::show_removals)
        .service(removals::limit_removals)
        .service(removals::confirm_removals)
        .service(removals::reject_removals)
        .service(activations::list_activations)
        .service(activations::resend_activation);
}

/// Who may sign in, how, and what became of it.
fn mount_sign_in(services: &mut web::ServiceConfig) {
    services
        .service(audit::list_audit_entries)
        .service(sso_policy::show_sso_policy)
        .service(sso_policy::change_sso_policy)
        .service(sso_policy::show_sign_in)
        .service(sso_policy::list_break_glass)
        .service(sso_policy::add_break_glass)
        .service(sso_policy::remove_break_glass)
        .service(mfa_policy::show_mfa_policy)
        .service(mfa_policy::set_mfa_policy)
        .service(mfa_policy::remove_second_factor)
        .service(connection_route::show_connection_route)
        .service(connection_route::set_connection_route)
        .service(oidc_options::replace_oidc_options)
        .service(traces::list_traces)
        .service(traces::show_trace)
        .service(connections::replace_match)
        .service(connection_policy::show_connection_policy)
        .service(connection_policy::show_connection_roles)
        .service(connection_policy::set_connection_policy)
        .service(connection_policy::replace_connection_roles);
}

/// The operations, for the document.
pub fn documents() -> Vec<utoipa::openapi::OpenApi> {
    vec![
        organizations::Document::openapi(),
        domains::Document::openapi(),
        sso_policy::Document::openapi(),
        mfa_policy::Document::openapi(),
        connections::Document::openapi(),
        connection_policy::Document::openapi(),
        connection_route::Document::openapi(),
        oidc_options::Document::openapi(),
        applications::Document::openapi(),
        admin_tokens::Document::openapi(),
        scim_clients::Document::openapi(),
        scim_credentials::Document::openapi(),
        claims::Document::openapi(),
        scim_schemas::Document::openapi(),
        scim_assignables::Document::openapi(),
        scim_requests::Document::openapi(),
        group_roles::Document::openapi(),
        reprovisioning::Document::openapi(),
        activations::Document::openapi(),
        cases::Document::openapi(),
        removals::Document::openapi(),
        traces::Document::openapi(),
        audit::Document::openapi(),
    ]
}

/// The answer under `/api/v1` for a path that no route has, and for a method that a path does not have.
pub async fn unknown_route(request: HttpRequest) -> HttpResponse {
    let id = request_id(&request);
    match request.match_pattern().and_then(|pattern| document::methods(&pattern)) {
        Some(allowed) => {
            let mut answer = Problem::method_not_allowed().answer(id);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
            answer
        }
        None => Problem::not_found().answer(id),
    }
}
