//! Every way in which a SCIM request fails, as the answer that RFC 7644, section 3.12, asks for.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use super::answer::MEDIA_TYPE;
use crate::directory::room::TooMany;
use crate::http::bearer::Malformed;
use crate::http::gate::Busy;
use crate::http::problem::RETRY_AFTER_SECONDS;
use crate::http::request_body::BodyFailure;
use crate::http::throttle::OverLimit;
use crate::protocol::scim::bulk::request::Refused;
use crate::protocol::scim::error::{self, Refusal, ScimError, ScimType};
use crate::provisioning::asynchronous::AsynchronousError;
use crate::provisioning::brake;
use crate::provisioning::failure::{self, ProvisioningError};
use crate::store::failure::StoreError;
use crate::values::ids::RequestId;

/// A request that failed.
#[derive(Debug)]
pub enum Failure {
    /// No credential, or one that is not live.
    Unauthenticated,
    /// The credential cannot be read.
    MalformedCredential(Malformed),
    /// A person's token that was not given for this.
    ScopeMissing,
    /// Nothing of this name in the client's organization; also for every name in another's.
    NotFound,
    /// The path has other methods: the value of `Allow`.
    MethodNotAllowed(&'static str),
    /// The client takes no JSON.
    NotAcceptable,
    /// The body is not JSON by its media type.
    UnsupportedMediaType,
    /// The body is compressed, or encoded in another way.
    UnsupportedEncoding,
    /// The body is longer than this many bytes.
    TooLarge(usize),
    /// The body of a bulk request is longer than this many bytes.
    BulkTooLarge(usize),
    /// A bulk request has more operations than this.
    TooManyOperations(usize),
    /// The client has as many requests under way as it may have.
    TooManyWaiting(u32),
    /// The body did not arrive in time.
    TooSlow,
    /// The body did not arrive.
    Unreadable,
    /// A filter on what cannot be filtered (RFC 7644, section 4).
    FilterForbidden,
    /// The client, or its organization, asks for more than it may: again after this many seconds.
    TooManyRequests(i64),
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

impl From<OverLimit> for Failure {
    fn from(over: OverLimit) -> Self {
        Self::TooManyRequests(over.retry_after_seconds)
    }
}

impl From<Busy> for Failure {
    fn from(_: Busy) -> Self {
        Self::TooManyRequests(1)
    }
}

impl From<BodyFailure> for Failure {
    fn from(error: BodyFailure) -> Self {
        match error {
            BodyFailure::MediaType => Self::UnsupportedMediaType,
            BodyFailure::Encoding => Self::UnsupportedEncoding,
            BodyFailure::TooLong(limit) => Self::TooLarge(limit),
            BodyFailure::TooSlow => Self::TooSlow,
            BodyFailure::Unreadable => Self::Unreadable,
        }
    }
}

impl From<Refused> for Failure {
    fn from(error: Refused) -> Self {
        match error {
            Refused::Protocol(error) => Self::Protocol(error),
            Refused::TooManyOperations(limit) => Self::TooManyOperations(limit),
        }
    }
}

impl From<AsynchronousError> for Failure {
    fn from(error: AsynchronousError) -> Self {
        match error {
            AsynchronousError::NotFound => Self::NotFound,
            AsynchronousError::TooMany(TooMany(most)) => Self::TooManyWaiting(most),
            AsynchronousError::Denied(denied) => Self::Provisioning(denied.into()),
            AsynchronousError::Sealing(error) => StoreError::Internal(error.to_string()).into(),
            AsynchronousError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Provisioning(error.into())
    }
}

impl Failure {
    /// What refuses the request, by its stable name: a section, a deviation, a limit, or a word for what failed here.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Unauthenticated | Self::MalformedCredential(_) => "rfc7644:2",
            Self::ScopeMissing => "scope",
            Self::NotFound => "rfc7644:3.12",
            Self::MethodNotAllowed(_) | Self::NotImplemented => "rfc7644:3.2",
            Self::NotAcceptable | Self::UnsupportedMediaType | Self::UnsupportedEncoding | Self::Unreadable => {
                "rfc7644:3.8"
            }
            Self::TooLarge(_) => "limits.scim_body_bytes",
            Self::BulkTooLarge(_) => "limits.scim_bulk_bytes",
            Self::TooManyOperations(_) => "limits.scim_bulk_operations",
            Self::TooSlow => "limits.body_timeout_ms",
            Self::FilterForbidden => "rfc7644:4",
            Self::TooManyRequests(_) => "limits.scim_requests_per_second",
            Self::TooManyWaiting(_) => "limits.scim_asynchronous_requests_per_client",
            Self::Protocol(error) => error.rule,
            Self::Provisioning(error) => error.rule(),
        }
    }

    /// The answer. What failed inside is logged here, once, and not told.
    pub fn answer(self, request: RequestId) -> HttpResponse {
        let header = self.header();
        let mut response = match self {
            Self::Unauthenticated => refused(&failure::unauthenticated()),
            Self::MalformedCredential(malformed) => plain(StatusCode::BAD_REQUEST, malformed.text()),
            Self::NotFound => refused(&failure::not_found()),
            Self::Protocol(error) => refused(&error.into()),
            Self::Provisioning(error) => provisioning(error, request),
            Self::ScopeMissing => plain(StatusCode::FORBIDDEN, "the token lacks the scope profile"),
            Self::MethodNotAllowed(_) => {
                plain(StatusCode::METHOD_NOT_ALLOWED, "the resource does not have this method")
            }
            Self::NotAcceptable => {
                plain(StatusCode::NOT_ACCEPTABLE, "answers are application/scim+json, which Accept leaves out")
            }
            Self::UnsupportedMediaType => plain(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be application/scim+json or application/json, in UTF-8",
            ),
            Self::UnsupportedEncoding => {
                plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body has a content encoding, and only identity is read")
            }
            Self::TooSlow => plain(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
            Self::Unreadable => body(StatusCode::BAD_REQUEST, Some(ScimType::InvalidSyntax), "the body cannot be read"),
            Self::FilterForbidden => plain(StatusCode::FORBIDDEN, "this endpoint takes no filter"),
            Self::TooManyRequests(_) => plain(StatusCode::TOO_MANY_REQUESTS, "too many requests; come back later"),
            Self::NotImplemented => plain(StatusCode::NOT_IMPLEMENTED, "this endpoint is not supported"),
            Self::TooManyWaiting(most) => {
                let detail = format!("{most} asynchronous requests of this client are under way already");
                plain(StatusCode::TOO_MANY_REQUESTS, &detail)
            }
            Self::TooLarge(limit) => too_large(&format!("the body is longer than {limit} bytes")),
            // RFC 7644, section 3.7.4: 413, and the detail names the limit.
            Self::TooManyOperations(limit) => {
                too_large(&format!("more than {limit} operations: the limit is bulk.maxOperations"))
            }
            Self::BulkTooLarge(limit) => {
                too_large(&format!("the body is longer than {limit} bytes: the limit is bulk.maxPayloadSize"))
            }
        };
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, value);
        }
        response
    }

    /// What the answer has beside its body.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            // RFC 7644, section 2: the server "SHALL indicate supported HTTP authentication schemes".
            Self::Unauthenticated => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"scim\""))),
            Self::MethodNotAllowed(allowed) => Some((ALLOW, HeaderValue::from_static(allowed))),
            Self::TooManyWaiting(_) => Some((RETRY_AFTER, RETRY_AFTER_SECONDS.into())),
            Self::TooManyRequests(seconds) => Some((RETRY_AFTER, (*seconds).into())),
            // RFC 6750, section 3.1: the challenge says that the request is malformed.
            Self::MalformedCredential(_) => {
                Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"scim\", error=\"invalid_request\"")))
            }
            Self::ScopeMissing
            | Self::NotFound
            | Self::NotAcceptable
            | Self::UnsupportedMediaType
            | Self::UnsupportedEncoding
            | Self::TooLarge(_)
            | Self::BulkTooLarge(_)
            | Self::TooManyOperations(_)
            | Self::TooSlow
            | Self::Unreadable
            | Self::FilterForbidden
            | Self::NotImplemented
            | Self::Protocol(_)
            | Self::Provisioning(_) => None,
        }
    }
}

fn provisioning(error: ProvisioningError, request: RequestId) -> HttpResponse {
    let wait = note(&error);
    let mut response = refused(&error.refusal(request));
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

/// Logs what failed inside; answers when it is worth trying again.
fn note(error: &ProvisioningError) -> Option<HeaderValue> {
    match error {
        ProvisioningError::Store(error @ StoreError::Unavailable(_)) => {
            tracing::warn!(%error, "the store is away");
            Some(HeaderValue::from(RETRY_AFTER_SECONDS))
        }
        ProvisioningError::Store(error @ StoreError::Conflict(_)) => {
            tracing::warn!(%error, "a write met a unique index");
            None
        }
        ProvisioningError::Store(error @ (StoreError::Inconsistent(_) | StoreError::Internal(_))) => {
            tracing::error!(%error, "a request failed");
            None
        }
        ProvisioningError::Protocol(_)
        | ProvisioningError::NotFound
        | ProvisioningError::VersionMismatch
        | ProvisioningError::UserNameTaken
        | ProvisioningError::ValueTaken(_)
        | ProvisioningError::Full { .. }
        | ProvisioningError::RemovalRejected
        | ProvisioningError::Denied(_) => None,
        ProvisioningError::RemovalHeld { .. } => Some(HeaderValue::from(brake::RETRY_SECONDS)),
    }
}

/// A refusal as an answer of its own.
fn refused(refusal: &Refusal) -> HttpResponse {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    body(status, refusal.scim_type, &refusal.detail)
}

fn plain(status: StatusCode, detail: &str) -> HttpResponse {
    body(status, None, detail)
}

fn too_large(detail: &str) -> HttpResponse {
    plain(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

fn body(status: StatusCode, scim_type: Option<ScimType>, detail: &str) -> HttpResponse {
    HttpResponse::build(status)
        .content_type(MEDIA_TYPE)
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(error::body(status.as_u16(), scim_type, detail).to_string())
}
