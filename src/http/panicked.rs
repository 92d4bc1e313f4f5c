//! The answer for a request whose handler panicked, in the dialect of its surface.

use actix_web::HttpResponse;
use serde_json::json;

use super::problem::Problem;
use crate::values::ids::RequestId;

/// 500, and nothing about why. People get a page, for which `context` has what it needs.
pub fn answer(surface: &str, request: RequestId, context: Option<&Context>) -> HttpResponse {
    match surface {
        "sign_in" | "federation" if context.is_some() => match context {
            Some(context) => page(context, request),
            None => Problem::internal().answer(request),
        },
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
