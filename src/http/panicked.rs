//! The answer for a request whose handler panicked, in the dialect of its surface.

use actix_web::HttpResponse;
use serde_json::json;

use super::context::Context;
use super::page_answer::PageHeaders;
use super::problem::Problem;
use super::sign_in::failure;
use crate::protocol::oidc::discovery::path::{AUTHORIZE, END_SESSION};
use crate::values::ids::RequestId;
use crate::values::operation::Actor;

/// 500, and nothing about why. People get a page, for which `context` has what it needs: everywhere but where programs ask, so at
/// the provider's two addresses for browsers as well.
pub fn answer((surface, path): (&str, &str), request: RequestId, context: Option<&Context>) -> HttpResponse {
    let is_for_browsers = match surface {
        "sign_in" | "federation" | "account" | "other" => true,
        _ => path == AUTHORIZE || path == END_SESSION,
    };
    match (surface, context) {
        (_, Some(context)) if is_for_browsers => {
            let pages = PageHeaders::new(&context.config.public_url);
            let failure = failure::Failure::Internal("the handler panicked".to_owned());
            failure::answer(pages, &context.operation(Actor::Anonymous, request), failure)
        }
        ("scim", _) => HttpResponse::InternalServerError().content_type("application/scim+json").body(
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                "status": "500",
                "detail": format!("something went wrong here; request {request}"),
            })
            .to_string(),
        ),
        ("provider", _) => HttpResponse::InternalServerError()
            .content_type("application/json")
            .body(json!({ "error": "server_error" }).to_string()),
        _ => Problem::internal().answer(request),
    }
}
