//! How failures are answered: JSON to applications (RFC 6749, 5.2; RFC 6750, 3), a page to people.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};

use super::Provider;
use crate::access::tokens::issuance::IssuanceError;
use crate::http::page_answer::Forms;
use crate::http::problem::RETRY_AFTER_SECONDS;
use crate::http::session_end::EndError;
use crate::http::throttle::OverLimit;
use crate::pages::error::{ErrorPage, Next};
use crate::protocol::oidc::error::{ErrorCode, OAuthError};
use crate::store::failure::StoreError;
use crate::values::operation::Operation;

/// A failure of a request by an application.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The request or the client is at fault.
    #[error(transparent)]
    OAuth(#[from] OAuthError),
    /// It cannot be told which bearer token was presented.
    #[error("the bearer token is presented in a malformed way: {}", .0.description)]
    MalformedBearer(OAuthError),
    /// There is no such endpoint.
    #[error("no such endpoint")]
    NotFound,
    /// The endpoint is not used that way.
    #[error("the endpoint does not have this method")]
    MethodNotAllowed,
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The bearer token is missing.
    #[error("no bearer token")]
    NoToken,
    /// The bearer token does not hold.
    #[error("the bearer token does not hold")]
    InvalidToken,
    /// Too many sign-ins were begun from this network, or too many tokens asked for.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// The gateway is at fault: what it is, is logged and not told.
    #[error("{0}")]
    Internal(String),
    /// The database cannot be reached.
    #[error("{0}")]
    Unavailable(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(text) => Self::Unavailable(text),
            StoreError::Conflict(_) | StoreError::Inconsistent(_) | StoreError::Internal(_) => {
                Self::Internal(error.to_string())
            }
        }
    }
}

impl From<IssuanceError> for Failure {
    fn from(error: IssuanceError) -> Self {
        match error {
            IssuanceError::Store(error) => error.into(),
            IssuanceError::Signing(error) => Self::Internal(error.to_string()),
        }
    }
}

impl From<EndError> for Failure {
    fn from(error: EndError) -> Self {
        match error {
            EndError::Store(error) => error.into(),
            EndError::Message(_) | EndError::Cookie(_) => Self::Internal(error.to_string()),
        }
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::OAuth(OAuthError { code: ErrorCode::InvalidClient | ErrorCode::InvalidToken, .. })
            | Self::NoToken
            | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::OAuth(OAuthError { code: ErrorCode::InsufficientScope, .. }) => StatusCode::FORBIDDEN,
            Self::OAuth(_) | Self::MalformedBearer(_) => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::OverLimit(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        answer.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
        if let Some((name, value)) = self.challenge() {
            answer.insert_header((name, value));
        }
        match self {
            // RFC 6750, 3.1: without a token "the resource server SHOULD NOT include an error code".
            Self::NoToken => answer.finish(),
            Self::OAuth(_)
            | Self::MalformedBearer(_)
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::TooSlow
            | Self::InvalidToken
            | Self::OverLimit(_)
            | Self::Internal(_)
            | Self::Unavailable(_) => {
                self.note();
                answer.json(self.told().body())
            }
        }
    }
}

impl Failure {
    fn told(&self) -> OAuthError {
        match self {
            Self::OAuth(error) | Self::MalformedBearer(error) => *error,
            Self::NotFound => OAuthError::invalid_request("there is no such endpoint"),
            Self::NoToken | Self::InvalidToken => {
                OAuthError::new(ErrorCode::InvalidToken, "the access token is not valid (any more)")
            }
            Self::MethodNotAllowed => OAuthError::invalid_request("the endpoint does not have this method"),
            Self::TooSlow => OAuthError::invalid_request("the body did not arrive in time"),
            Self::OverLimit(_) => OAuthError::new(ErrorCode::TemporarilyUnavailable, "too many requests of this kind"),
            Self::Internal(_) => OAuthError::new(ErrorCode::ServerError, "the gateway failed"),
            Self::Unavailable(_) => {
                OAuthError::new(ErrorCode::TemporarilyUnavailable, "the gateway cannot answer at the moment")
            }
        }
    }

    /// Logs what the gateway is at fault for.
    fn note(&self) {
        match self {
            Self::Internal(error) => tracing::error!(%error, "a request of an application failed"),
            Self::Unavailable(error) => tracing::warn!(%error, "a request of an application could not be served"),
            Self::OAuth(_)
            | Self::MalformedBearer(_)
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::TooSlow
            | Self::NoToken
            | Self::InvalidToken
            | Self::OverLimit(_) => {}
        }
    }

    fn challenge(&self) -> Option<(HeaderName, HeaderValue)> {
        let challenge = |text| Some((WWW_AUTHENTICATE, HeaderValue::from_static(text)));
        match self {
            Self::OAuth(OAuthError { code: ErrorCode::InvalidClient, .. }) => challenge("Basic realm=\"causeway\""),
            Self::NoToken => challenge("Bearer realm=\"causeway\""),
            Self::InvalidToken | Self::OAuth(OAuthError { code: ErrorCode::InvalidToken, .. }) => {
                challenge("Bearer realm=\"causeway\", error=\"invalid_token\"")
            }
            Self::MalformedBearer(_) => challenge("Bearer realm=\"causeway\", error=\"invalid_request\""),
            Self::OverLimit(limit) => Some((RETRY_AFTER, limit.retry_after_seconds.into())),
            Self::Unavailable(_) => Some((RETRY_AFTER, RETRY_AFTER_SECONDS.into())),
            Self::OAuth(_) | Self::NotFound | Self::MethodNotAllowed | Self::TooSlow | Self::Internal(_) => None,
        }
    }
}

/// Every method that an endpoint for applications does not have.
pub async fn other_method() -> Result<HttpResponse, Failure> {
    Err(Failure::MethodNotAllowed)
}

/// Every address below `/oauth2` that leads nowhere.
pub async fn unknown() -> Result<HttpResponse, Failure> {
    Err(Failure::NotFound)
}

/// Every method that an endpoint for browsers does not have.
pub async fn other_method_of_page(provider: Provider) -> HttpResponse {
    shown(&provider, &provider.operation(), &Failure::MethodNotAllowed)
}

/// The page for a failure of a request that a browser brought.
pub fn shown(provider: &Provider, op: &Operation, failure: &Failure) -> HttpResponse {
    failure.note();
    let (title, text) = match failure {
        Failure::OAuth(error) | Failure::MalformedBearer(error) => return page(provider, op, error),
        Failure::NotFound => ("This page does not exist", "The link that you followed leads nowhere."),
        Failure::MethodNotAllowed => {
            ("This page cannot be opened that way", "Your browser asked in a way that it does not have.")
        }
        Failure::TooSlow => ("That took too long", "What your browser sent did not arrive in time."),
        Failure::OverLimit(_) => ("Please wait a moment", "Too many sign-ins were begun from your network."),
        Failure::Unavailable(_) => ("Something went wrong", "The sign-in service cannot be reached for the moment."),
        Failure::NoToken | Failure::InvalidToken | Failure::Internal(_) => {
            ("Something went wrong", "The sign-in service has failed.")
        }
    };
    let words = (title, text.to_owned(), "Please try again in a moment.");
    let mut answer = answer(provider, op, failure.status_code(), words);
    if let Some((name, value)) = failure.challenge().filter(|(name, _)| *name == RETRY_AFTER) {
        answer.headers_mut().insert(name, value);
    }
    answer
}

/// A page that says that the application's request cannot be followed. Nothing of the request is shown.
pub fn page(provider: &Provider, op: &Operation, error: &OAuthError) -> HttpResponse {
    let text = format!("The app that sent you here asked in a way that cannot be answered: {}.", error.description);
    let advice = "Go back to the app and try again. If it happens again, tell the people who run the app.";
    answer(provider, op, StatusCode::BAD_REQUEST, ("This sign-in link does not work", text, advice))
}

fn answer(
    provider: &Provider,
    op: &Operation,
    status: StatusCode,
    (title, text, advice): (&str, String, &str),
) -> HttpResponse {
    let page = ErrorPage {
        title: title.to_owned(),
        text,
        advice: Some(advice.to_owned()),
        next: Next::Nothing,
        support: None,
        request: op.request,
        at: op.at,
    };
    provider.pages().page(status, &page, Forms::StayHere)
}
