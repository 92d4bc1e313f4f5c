//! The operator API: what concerns more than one organization. JSON in and out, problems as in the admin API, which
//! also reads its bearer token. To everybody but the operator nothing is here.
//!
//! * `/api/v1/operator/orgs` [`organizations`] and their [`organization_kinds`]
//! * `/api/v1/operator/applications` [`applications`]
//! * `/api/v1/operator/tokens` [`tokens`]
//! * `/api/v1/operator/audit` [`audit`]

pub mod applications;
pub mod audit;
pub mod failure;
pub mod organization_kinds;
pub mod organizations;
pub mod tokens;

use actix_web::web;
use utoipa::OpenApi as _;

/// Mounts the routes.
pub fn mount(services: &mut web::ServiceConfig) {
    services
        .service(organizations::create_organization)
        .service(organizations::list_organizations)
        .service(organization_kinds::set_organization_kind)
        .service(applications::operator_register_application)
        .service(applications::operator_list_applications)
        .service(applications::operator_show_application)
        .service(applications::operator_update_application)
        .service(applications::operator_rotate_application_secret)
        .service(applications::operator_delete_application)
        .service(tokens::operator_list_tokens)
        .service(tokens::operator_revoke_token)
        .service(audit::operator_list_audit_entries);
}

/// The operations, for the document.
pub fn documents() -> Vec<utoipa::openapi::OpenApi> {
    vec![
        organizations::Document::openapi(),
        organization_kinds::Document::openapi(),
        applications::Document::openapi(),
        tokens::Document::openapi(),
        audit::Document::openapi(),
    ]
}
