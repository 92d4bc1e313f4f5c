//! Every way in which a SCIM request fails, as the answer that RFC 7644, section 3.12, asks for.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};

use super::answer::MEDIA_TYPE;
use crate::directory::permission::Denied;
use crate::http::problem::RETRY_AFTER_SECONDS;
use crate::http::request_body::BodyFailure;
use crate::protocol::scim::error::{self, ScimError, ScimType};
use crate::provisioning::failure::ProvisioningError;
use crate::store::failure::StoreError;
use crate::values::ids::RequestId;

/// A request that failed.
#[derive(Debug)]
pub enum Failure {
    /// No credential, or one that is not live.
    Unauthenticated,
    /// Nothing of this name in the client's organization; also for every name in another's.
    NotFound,
    /// The path has other methods: the value of `Allow`.
    MethodNotAllowed(&'static str),
    /// The body is not JSON by its media type.
    UnsupportedMediaType,
    /// The body is longer than this many bytes.
    TooLarge(usize),
    /// The body did not arrive in time.
    TooSlow,
    /// The body did not arrive.
    Unreadable,
    /// A filter on what cannot be filtered (RFC 7644, section 4).
    FilterForbidden,
    /// An endpoint that is announced as unsupported.
    NotImplemented,
    /// The request breaks a rule of the protocol.
    Protocol(ScimError),
    /// Provisioning refused or failed.
    Provisioning(ProvisioningError),
}

impl From<ScimError> for Failure {
    fn from(error: ScimError) -> Self {
        Self::Protocol(error)
    }
}

impl From<ProvisioningError> for Failure {
    fn from(error: ProvisioningError) -> Self {
        Self::Provisioning(error)
    }
}

impl From<BodyFailure> for Failure {
    fn from(error: BodyFailure) -> Self {
        match error {
            BodyFailure::MediaType => Self::UnsupportedMediaType,
            BodyFailure::TooLong(limit) => Self::TooLarge(limit),
            BodyFailure::TooSlow => Self::TooSlow,
            BodyFailure::Unreadable => Self::Unreadable,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Provisioning(error.into())
    }
}

impl Failure {
    /// The answer. What failed inside is logged here, once, and not told.
    pub fn answer(self, request: RequestId) -> HttpResponse {
        match self {
            Self::Unauthenticated => {
                let mut response = body(StatusCode::UNAUTHORIZED, None, "a live bearer token is required");
                // RFC 7644, section 2: the server "SHALL indicate supported HTTP authentication schemes".
                let scheme = actix_web::http::header::HeaderValue::from_static("Bearer realm=\"scim\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
                response
            }
            Self::NotFound => body(StatusCode::NOT_FOUND, None, "there is no such resource"),
            Self::MethodNotAllowed(allowed) => {
                let mut response = body(StatusCode::METHOD_NOT_ALLOWED, None, "the resource does not have this method");
                let allowed = actix_web::http::header::HeaderValue::from_static(allowed);
                response.headers_mut().insert(ALLOW, allowed);
                response
            }
            Self::UnsupportedMediaType => {
                let detail = "the body must be application/scim+json or application/json";
                body(StatusCode::UNSUPPORTED_MEDIA_TYPE, None, detail)
            }
            Self::TooLarge(limit) => {
                body(StatusCode::PAYLOAD_TOO_LARGE, None, &format!("the body is longer than {limit} bytes"))
            }
            Self::TooSlow => body(StatusCode::REQUEST_TIMEOUT, None, "the body did not arrive in time"),
            Self::Unreadable => body(StatusCode::BAD_REQUEST, Some(ScimType::InvalidSyntax), "the body cannot be read"),
            Self::FilterForbidden => body(StatusCode::FORBIDDEN, None, "this endpoint takes no filter"),
            Self::NotImplemented => body(StatusCode::NOT_IMPLEMENTED, None, "this endpoint is not supported"),
            Self::Protocol(error) => protocol(&error),
            Self::Provisioning(error) => provisioning(error, request),
        }
    }
}

fn provisioning(error: ProvisioningError, request: RequestId) -> HttpResponse {
    match error {
        ProvisioningError::Protocol(error) => protocol(&error),
        ProvisioningError::NotFound | ProvisioningError::Denied(Denied::OtherOrganization) => {
            Failure::NotFound.answer(request)
        }
        ProvisioningError::Denied(Denied::Role) => body(StatusCode::FORBIDDEN, None, "the client may not do this"),
        ProvisioningError::VersionMismatch => {
            body(StatusCode::PRECONDITION_FAILED, None, "the resource has another version")
        }
        ProvisioningError::UserNameTaken => {
            body(StatusCode::CONFLICT, Some(ScimType::Uniqueness), "another user has this userName")
        }
        ProvisioningError::Store(error) => store(&error, request),
    }
}

fn store(error: &StoreError, request: RequestId) -> HttpResponse {
    match error {
        StoreError::Unavailable(_) => {
            tracing::warn!(%error, "the store is away");
            let mut response = body(StatusCode::SERVICE_UNAVAILABLE, None, "try again in a moment");
            let seconds = actix_web::http::header::HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(RETRY_AFTER, seconds);
            response
        }
        StoreError::Conflict(_) => {
            tracing::warn!(%error, "a write met a unique index");
            body(StatusCode::CONFLICT, Some(ScimType::Uniqueness), "another resource has one of these values")
        }
        StoreError::Inconsistent(_) | StoreError::Internal(_) => {
            tracing::error!(%error, "a request failed");
            let detail = format!("something went wrong here; request {request}");
            body(StatusCode::INTERNAL_SERVER_ERROR, None, &detail)
        }
    }
}

fn protocol(error: &ScimError) -> HttpResponse {
    let status = match error.scim_type {
        ScimType::Uniqueness => StatusCode::CONFLICT,
        ScimType::InvalidFilter
        | ScimType::TooMany
        | ScimType::Mutability
        | ScimType::InvalidSyntax
        | ScimType::InvalidPath
        | ScimType::NoTarget
        | ScimType::InvalidValue => StatusCode::BAD_REQUEST,
    };
    body(status, Some(error.scim_type), &error.detail)
}

fn body(status: StatusCode, scim_type: Option<ScimType>, detail: &str) -> HttpResponse {
    HttpResponse::build(status)
        .content_type(MEDIA_TYPE)
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(error::body(status.as_u16(), scim_type, detail).to_string())
}
