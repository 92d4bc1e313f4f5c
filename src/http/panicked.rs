//! The answer for a request whose handler panicked, in the dialect of its surface.

use actix_web::HttpResponse;
use serde_json::json;

use super::problem::Problem;
use crate::values::ids::RequestId;

/// 500, and nothing about why.
pub fn answer(surface: &str, request: RequestId) -> HttpResponse {
    match surface {
        "scim" => HttpResponse::InternalServerError().content_type("application/scim+json").body(
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                "status": "500",
                "detail": format!("something went wrong here; request {request}"),
            })
            .to_string(),
        ),
        "provider" => HttpResponse::InternalServerError()
            .content_type("application/json")
            .body(json!({ "error": "server_error" }).to_string()),
        _ => Problem::internal().answer(request),
    }
}
