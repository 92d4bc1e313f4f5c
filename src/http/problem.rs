//! Errors as `application/problem+json` (RFC 9457), each with a stable code from `docs/errors.md`.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use utoipa::ToSchema;

use crate::values::ids::RequestId;

/// How long a client or a browser is asked to wait when the database is away or the gateway is busy, in seconds.
pub const RETRY_AFTER_SECONDS: i64 = 2;

/// An error before it has a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable code.
    pub code: &'static str,
    /// What went wrong, in words for a developer.
    pub detail: String,
    /// After how many seconds it is worth trying again.
    pub retry_after_seconds: Option<i64>,
}

/// The body of an error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// A URI reference that names the kind of error; always `about:blank`.
    #[schema(example = "about:blank")]
    r#type: &'static str,
    /// The HTTP status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The stable code.
    #[schema(example = "not_found")]
    code: &'static str,
    /// What went wrong.
    detail: String,
    /// The id of the request, as in the `X-Request-Id` header, the log and the audit entries.
    request_id: String,
}

impl Problem {
    /// An error with a code of its own.
    pub fn new(status: StatusCode, code: &'static str, detail: impl ToString) -> Self {
        Self { status, code, detail: detail.to_string(), retry_after_seconds: None }
    }

    /// 429 with `Retry-After`.
    pub fn too_soon(code: &'static str, detail: impl ToString, retry_after_seconds: i64) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail);
        Self { retry_after_seconds: Some(retry_after_seconds), ..problem }
    }

    /// 404, the same for what does not exist and for what is somebody else's.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here under this name")
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "the path does not have this method")
    }

    /// 500.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong here")
    }

    /// 503 with `Retry-After`.
    pub fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the database is away; try again in a moment")
    }

    /// The answer.
    pub fn answer(self, request: RequestId) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status);
        answer.content_type("application/problem+json").insert_header((CACHE_CONTROL, "no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        if let Some(seconds) = self.retry_after_seconds {
            answer.insert_header((RETRY_AFTER, HeaderValue::from(seconds)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            answer.insert_header((WWW_AUTHENTICATE, "Bearer realm=\"causeway\""));
        }
        let body = ProblemBody {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
            request_id: request.to_string(),
        };
        answer.body(serde_json::to_string(&body).unwrap_or_default())
    }
}
