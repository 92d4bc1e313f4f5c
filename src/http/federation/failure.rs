//! Everything that stops somebody at these doors, as a page. Nothing of an answer that was sent is shown again.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::access::traces;
use crate::directory::connections::{self, ConnectionState, Settings};
use crate::directory::organizations::{self, Organization};
use crate::directory::service_provider::ServiceProviderError;
use crate::flows::sign_in_by_saml::SamlSignInError;
use crate::http::context::Context;
use crate::http::observe::request_id;
use crate::http::page_answer::{Forms, PageHeaders};
use crate::http::problem::RETRY_AFTER_SECONDS;
use crate::http::request_body::BodyFailure;
use crate::http::throttle::OverLimit;
use crate::keys::rotation::KeyError;
use crate::pages::error::{ErrorPage, Next, Support};
use crate::pages::not_found::NotFoundPage;
use crate::store::failure::StoreError;
use crate::values::ids::ConnectionId;
use crate::values::operation::{Actor, Operation};

/// Why an answer cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no such connection.
    #[error("no such connection")]
    NotFound,
    /// The door is not used that way.
    #[error("the door does not have this method")]
    MethodNotAllowed,
    /// Not a form, or not one with an answer in it.
    #[error("the form is malformed")]
    Malformed,
    /// The form is longer than allowed.
    #[error("the form is too long")]
    TooLong,
    /// The form did not arrive in time.
    #[error("the form did not arrive in time")]
    TooSlow,
    /// No attempt waits for this answer.
    #[error("no attempt waits for this answer")]
    NotExpected,
    /// Somebody else's sign-in is asked for in a browser in which somebody is signed in.
    #[error("somebody is signed in on behalf of another organization")]
    SignedInElsewhere,
    /// A message about signing out does not count. The code says why, to administrators.
    #[error("a message about signing out was rejected: {0}")]
    Logout(&'static str),
    /// Too many answers from this network.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// The database is away, or there is more to verify than can be done now.
    #[error("the gateway is busy")]
    Unavailable,
    /// Anything else. The text is for the log.
    #[error("{0}")]
    Internal(String),
}

impl From<BodyFailure> for Failure {
    fn from(error: BodyFailure) -> Self {
        match error {
            BodyFailure::MediaType | BodyFailure::Encoding | BodyFailure::Unreadable => Self::Malformed,
            BodyFailure::TooLong(_) => Self::TooLong,
            BodyFailure::TooSlow => Self::TooSlow,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Unavailable,
            StoreError::Conflict(_) | StoreError::Inconsistent(_) | StoreError::Internal(_) => {
                Self::Internal(error.to_string())
            }
        }
    }
}

impl From<ServiceProviderError> for Failure {
    fn from(error: ServiceProviderError) -> Self {
        match error {
            ServiceProviderError::Store(error) | ServiceProviderError::Key(KeyError::Store(error)) => error.into(),
            ServiceProviderError::Key(_) | ServiceProviderError::UnusableKey(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<SamlSignInError> for Failure {
    fn from(error: SamlSignInError) -> Self {
        match error {
            SamlSignInError::NoConnection => Self::NotFound,
            SamlSignInError::NotExpected | SamlSignInError::AttemptOver => Self::NotExpected,
            SamlSignInError::Unreadable => Self::Malformed,
            SamlSignInError::NotVerified(_) => Self::Unavailable,
            SamlSignInError::ServiceProvider(error) => error.into(),
            SamlSignInError::Store(error) => error.into(),
        }
    }
}

/// Every method that a door does not have.
pub async fn other_method(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let op = context.operation(Actor::Anonymous, request_id(&request));
    answer(&context, &op, None, Failure::MethodNotAllowed).await
}

/// A connection by its id in the path, at a door of this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// At a door for SAML.
    Saml(ConnectionId),
    /// At a door for OpenID Connect.
    Oidc(ConnectionId),
}

/// Answers with the page for `failure`, which says whom to ask where the connection is known. At a connection that is not there,
/// nothing is said of what was sent.
pub async fn answer(context: &Context, op: &Operation, named: Option<Named>, failure: Failure) -> HttpResponse {
    let found = match named {
        Some(named) => look(context, named).await,
        None => Found::Unknown,
    };
    let failure = if found == Found::Nothing { at_no_connection(failure) } else { failure };
    let pages = PageHeaders::new(&context.config.public_url);
    match &failure {
        Failure::NotFound => return pages.page(StatusCode::NOT_FOUND, &NotFoundPage, Forms::StayHere),
        Failure::Internal(reason) => tracing::error!(reason, connection = ?named, "an answer was not taken"),
        Failure::MethodNotAllowed
        | Failure::Malformed
        | Failure::TooLong
        | Failure::TooSlow
        | Failure::NotExpected
        | Failure::SignedInElsewhere
        | Failure::Logout(_)
        | Failure::OverLimit(_)
        | Failure::Unavailable => {
            tracing::info!(reason = %failure, connection = ?named, "an answer was not taken");
        }
    }
    let support = match found {
        Found::Connection(connection, support) => {
            if let Some(code) = stray_code(&failure) {
                note_stray(context, op, connection, code).await;
            }
            support
        }
        Found::Nothing | Found::Unknown => None,
    };
    let mut answer = pages.page(status(&failure), &page(op, &failure, support), Forms::StayHere);
    if let Some(seconds) = retry_after_seconds(&failure) {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// What a failure comes to where there is no such connection. What bounds the use of a door does so there too.
fn at_no_connection(failure: Failure) -> Failure {
    match failure {
        Failure::NotFound
        | Failure::Malformed
        | Failure::NotExpected
        | Failure::SignedInElsewhere
        | Failure::Logout(_) => Failure::NotFound,
        Failure::MethodNotAllowed
        | Failure::TooLong
        | Failure::TooSlow
        | Failure::OverLimit(_)
        | Failure::Unavailable
        | Failure::Internal(_) => failure,
    }
}

fn retry_after_seconds(failure: &Failure) -> Option<i64> {
    match failure {
        Failure::OverLimit(limit) => Some(limit.retry_after_seconds),
        Failure::Unavailable => Some(RETRY_AFTER_SECONDS),
        Failure::NotFound
        | Failure::MethodNotAllowed
        | Failure::Malformed
        | Failure::TooLong
        | Failure::TooSlow
        | Failure::NotExpected
        | Failure::SignedInElsewhere
        | Failure::Logout(_)
        | Failure::Internal(_) => None,
    }
}

/// The code under which an answer that could not be taken is traced, where its organization can do something about it.
fn stray_code(failure: &Failure) -> Option<&'static str> {
    match failure {
        Failure::NotExpected => Some("answer_not_expected"),
        Failure::TooLong => Some("answer_too_long"),
        Failure::Unavailable => Some("answer_not_verified"),
        Failure::Logout(code) => Some(code),
        // Nothing is stored of what cannot be read.
        Failure::Malformed
        | Failure::NotFound
        | Failure::MethodNotAllowed
        | Failure::SignedInElsewhere
        | Failure::TooSlow
        | Failure::OverLimit(_)
        | Failure::Internal(_) => None,
    }
}

/// Read first: whoever sends the same again and again writes nothing. A trace that cannot be written holds nobody up.
pub(super) async fn note_stray(context: &Context, op: &Operation, connection: ConnectionId, code: &'static str) {
    let reading = op.clone();
    let is_new = context.store.read(move |tx| traces::is_stray_new(tx, &reading, connection, code));
    let noted: Result<(), StoreError> = match is_new.await {
        Ok(true) => {
            let op = op.clone();
            context.store.write(move |tx| traces::note_stray(tx, &op, connection, code)).await
        }
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = noted {
        tracing::warn!(%error, %connection, "an answer could not be traced");
    }
}

fn status(failure: &Failure) -> StatusCode {
    match failure {
        Failure::NotFound => StatusCode::NOT_FOUND,
        Failure::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Failure::Malformed | Failure::NotExpected | Failure::Logout(_) => StatusCode::BAD_REQUEST,
        Failure::SignedInElsewhere => StatusCode::CONFLICT,
        Failure::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Failure::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Failure::OverLimit(_) => StatusCode::TOO_MANY_REQUESTS,
        Failure::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Failure::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What a door finds under the id in its path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    /// A connection, with the help desk of its organization.
    Connection(ConnectionId, Option<Support>),
    /// There is none of this protocol.
    Nothing,
    /// It is not asked about, or the database is away.
    Unknown,
}

async fn look(context: &Context, named: Named) -> Found {
    let (Named::Saml(id) | Named::Oidc(id)) = named;
    let find = context.store.read(move |tx| {
        let found = connections::find(tx, id)?.filter(|found| {
            let is_here = matches!(
                (&found.settings, named),
                (Settings::Saml { .. }, Named::Saml(_)) | (Settings::Oidc { .. }, Named::Oidc(_))
            );
            is_here && found.state != ConnectionState::Deleted
        });
        let Some(found) = found else { return Ok(Found::Nothing) };
        Ok::<_, StoreError>(Found::Connection(id, organizations::find(tx, found.organization)?.map(support)))
    });
    // A page without what is known is better than none.
    find.await.unwrap_or(Found::Unknown)
}

/// The help desk of an organization.
fn support(organization: Organization) -> Support {
    Support {
        organization: organization.name,
        name: organization.support_name,
        email: Some(organization.support_email),
    }
}

fn page(op: &Operation, failure: &Failure, support: Option<Support>) -> ErrorPage {
    let (title, text, advice) = words(failure);
    ErrorPage {
        title: title.to_owned(),
        text: text.to_owned(),
        advice: Some(advice.to_owned()),
        next: Next::Nothing,
        support,
        request: op.request,
        at: op.at,
    }
}

/// A title, what happened, and what to do.
fn words(failure: &Failure) -> (&'static str, &'static str, &'static str) {
    match failure {
        Failure::NotExpected => (
            "We did not expect this answer",
            "Your organization’s sign-in sent you to us, but no sign-in is waiting for its answer. It may have taken \
             too long, the page may have been loaded twice, or the sign-in was not begun here.",
            "Open the app that you want to use, and sign in from there.",
        ),
        Failure::MethodNotAllowed => (
            "This page cannot be opened that way",
            "Sign-in passes through this address on its way, and it does nothing by itself.",
            "Open the app that you want to use, and sign in from there.",
        ),
        Failure::Malformed => (
            "We could not read that",
            "What your organization’s sign-in sent to us is not an answer that we understand.",
            "Open the app again and sign in from there. If this page comes back, tell the people below.",
        ),
        Failure::SignedInElsewhere => (
            "Somebody is signed in here already",
            "This page signs you in with another organization than the one for which you are signed in on this browser.",
            "Sign out first if you want to change. If you did not ask for this, close the page; nothing has happened.",
        ),
        Failure::Logout(_) => (
            "We could not sign you out that way",
            "What your organization’s sign-in sent to us about signing out is not something that we accept. You may still \
             be signed in here.",
            "Open this gateway’s own page to sign out. If this page comes back, tell the people below.",
        ),
        Failure::TooLong => (
            "That was too long",
            "What your organization’s sign-in sent to us is longer than we accept.",
            "Tell the people below: the sign-in may be sending too many groups.",
        ),
        Failure::TooSlow => (
            "That took too long",
            "What your organization’s sign-in sent to us did not arrive in time.",
            "Check your connection, then open the app again and sign in from there.",
        ),
        Failure::OverLimit(_) => (
            "Please wait a moment",
            "Too many sign-ins come from your network at this moment. Nothing is wrong with your account.",
            "Wait a minute and reload the page.",
        ),
        Failure::Unavailable => (
            "We are not quite here",
            "There is more to do at this moment than we can manage. Nothing is wrong with your account.",
            "Wait a few seconds and reload the page.",
        ),
        Failure::NotFound | Failure::Internal(_) => (
            "Something went wrong here",
            "This is a fault of ours, not of yours. It has been written down.",
            "Try again in a minute.",
        ),
    }
}
