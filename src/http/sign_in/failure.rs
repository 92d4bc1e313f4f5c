//! Everything that stops a sign-in, as a page.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};

use super::path;
use super::refusal_words::{self, Words};
use crate::access::attempts::AttemptError;
use crate::access::attempts::refusal::Refusal;
use crate::directory::activation::accept::ActivationError;
use crate::directory::organizations::Organization;
use crate::http::guesses::Wait;
use crate::http::page_answer::{Forms, PageHeaders};
use crate::http::problem::RETRY_AFTER_SECONDS;
use crate::http::request_body::BodyFailure;
use crate::http::throttle::OverLimit;
use crate::pages::error::{ErrorPage, Next, Support};
use crate::pages::not_found::NotFoundPage;
use crate::store::failure::StoreError;
use crate::values::ids::{AttemptId, RequestId};
use crate::values::operation::Operation;

/// Where a sign-in was stopped: what the page needs to be of use.
#[derive(Debug, Clone)]
pub struct Place {
    /// The attempt.
    pub attempt: AttemptId,
    /// The application's name.
    pub application: String,
    /// Whose sign-in it is, if that is known.
    pub organization: Option<Organization>,
    /// The request whose audit entry says why, if it was an earlier one than this.
    pub refused_in: Option<RequestId>,
}

/// Why a page of the sign-in cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no such page.
    #[error("no such page")]
    NotFound,
    /// The page is not asked for that way.
    #[error("the page does not have this method")]
    MethodNotAllowed,
    /// The attempt is not one of this browser, was answered by another one, or does not exist. They are told apart for
    /// nobody.
    #[error("the attempt was not begun and answered in this browser")]
    OtherBrowser,
    /// What was sent is not a form of this gateway.
    #[error("the form is malformed")]
    Malformed,
    /// The form is longer than allowed.
    #[error("the form is too long")]
    TooLong,
    /// The form did not arrive in time.
    #[error("the form did not arrive in time")]
    TooSlow,
    /// Too many submissions.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// The attempt has expired.
    #[error("the attempt has expired")]
    Expired(AttemptId),
    /// The application has had its answer.
    #[error("the attempt is finished")]
    AlreadyFinished,
    /// The answer of an identity provider fits no attempt of this browser.
    #[error("no attempt waits for this answer")]
    NotExpected,
    /// There is no way in for the address.
    #[error("there is no way in for the address")]
    NoWayIn(Box<Place>),
    /// The person is not let in.
    #[error("the person is not let in")]
    Refused(Box<Place>, Refusal),
    /// The link of an activation mail does not work, or no longer.
    #[error("the activation link does not work")]
    ActivationDead,
    /// The link that asks whether a sign-in was somebody's own does not work, or no longer.
    #[error("the link of the question does not work")]
    LinkRequestDead,
    /// The address of an activation is in use elsewhere.
    #[error("the address is in use elsewhere")]
    ActivationTaken(Box<Organization>),
    /// Nobody is signed in in this browser.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// The session was opened by an organization that the person is no member of, and the page is about their account.
    #[error("the session does not reach the account")]
    OutOfReach,
    /// The address is confirmed for somebody else.
    #[error("the address is in use elsewhere")]
    AddressTaken,
    /// The link of a mail that proves a mailbox does not work, or no longer.
    #[error("the link does not work")]
    LinkDead,
    /// The address or the password is wrong. Its own page shows it.
    #[error("the address or the password is wrong")]
    WrongPassword,
    /// Too many passwords were tried for the address, or codes for the account.
    #[error(transparent)]
    Guessed(#[from] Wait),
    /// Too many passwords are being hashed.
    #[error("too many passwords are being hashed")]
    Busy,
    /// The database is away.
    #[error("the database is away")]
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
            StoreError::Unavailable(reason) => {
                tracing::warn!(reason, "the database is away");
                Self::Unavailable
            }
            StoreError::Conflict(_) | StoreError::Inconsistent(_) | StoreError::Internal(_) => {
                Self::Internal(error.to_string())
            }
        }
    }
}

impl From<AttemptError> for Failure {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::NotAllowed => Self::AlreadyFinished,
            AttemptError::Store(error) => error.into(),
        }
    }
}

impl From<ActivationError> for Failure {
    fn from(error: ActivationError) -> Self {
        match error {
            ActivationError::Dead => Self::ActivationDead,
            ActivationError::AddressTaken(organization) => Self::ActivationTaken(organization),
            ActivationError::Store(error) => error.into(),
        }
    }
}

/// Answers with the page for `failure`.
pub fn answer(pages: PageHeaders, op: &Operation, failure: Failure) -> HttpResponse {
    if matches!(failure, Failure::NotFound) {
        return pages.page(StatusCode::NOT_FOUND, &NotFoundPage, Forms::StayHere);
    }
    if let Failure::Internal(reason) = &failure {
        tracing::error!(reason, "a sign-in page failed");
    }
    let (status, further) = (status(&failure), further(&failure));
    let retry_after_seconds = further.retry_after_seconds;
    let mut answer = pages.page(status, &page(op, words(failure), further), Forms::StayHere);
    if let Some(seconds) = retry_after_seconds {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

fn status(failure: &Failure) -> StatusCode {
    match failure {
        Failure::NotFound => StatusCode::NOT_FOUND,
        Failure::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Failure::OtherBrowser | Failure::Malformed | Failure::NotExpected => StatusCode::BAD_REQUEST,
        Failure::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Failure::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Failure::OverLimit(_) | Failure::Guessed(_) => StatusCode::TOO_MANY_REQUESTS,
        Failure::WrongPassword => StatusCode::UNPROCESSABLE_ENTITY,
        Failure::NotSignedIn | Failure::OutOfReach => StatusCode::FORBIDDEN,
        Failure::Expired(_)
        | Failure::AlreadyFinished
        | Failure::ActivationDead
        | Failure::LinkDead
        | Failure::LinkRequestDead => StatusCode::GONE,
        Failure::ActivationTaken(_) | Failure::AddressTaken => StatusCode::CONFLICT,
        Failure::Refused(_, Refusal::Unreachable { .. }) => StatusCode::BAD_GATEWAY,
        Failure::NoWayIn(_) | Failure::Refused(..) => StatusCode::FORBIDDEN,
        Failure::Unavailable | Failure::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Failure::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn page(op: &Operation, words: Words, further: Further) -> ErrorPage {
    let Words { title, text, advice } = words;
    let Further { next, support, refused_in, retry_after_seconds: _ } = further;
    ErrorPage { title, text, advice, next, support, request: refused_in.unwrap_or(op.request), at: op.at }
}

/// What an answer says beside its words.
struct Further {
    next: Next,
    support: Option<Support>,
    refused_in: Option<RequestId>,
    retry_after_seconds: Option<i64>,
}

fn further(failure: &Failure) -> Further {
    let nothing = Further { next: Next::Nothing, support: None, refused_in: None, retry_after_seconds: None };
    let other_address = |place: &Place| Further {
        next: Next::OtherAddress { path: path::email(place.attempt) },
        support: place.organization.as_ref().map(support),
        refused_in: None,
        retry_after_seconds: None,
    };
    match failure {
        Failure::Expired(attempt) => Further { next: Next::StartAgain { action: path::restart(*attempt) }, ..nothing },
        Failure::NoWayIn(place) => other_address(place),
        Failure::Refused(place, _) => Further { refused_in: place.refused_in, ..other_address(place) },
        Failure::ActivationTaken(organization) => Further { support: Some(support(organization)), ..nothing },
        Failure::OverLimit(limit) => Further { retry_after_seconds: Some(limit.retry_after_seconds), ..nothing },
        Failure::Guessed(wait) => Further { retry_after_seconds: Some(wait.seconds), ..nothing },
        Failure::Unavailable | Failure::Busy => Further { retry_after_seconds: Some(RETRY_AFTER_SECONDS), ..nothing },
        Failure::NotFound
        | Failure::MethodNotAllowed
        | Failure::OtherBrowser
        | Failure::Malformed
        | Failure::TooLong
        | Failure::TooSlow
        | Failure::AlreadyFinished
        | Failure::NotExpected
        | Failure::ActivationDead
        | Failure::LinkRequestDead
        | Failure::NotSignedIn
        | Failure::OutOfReach
        | Failure::AddressTaken
        | Failure::LinkDead
        | Failure::WrongPassword
        | Failure::Internal(_) => nothing,
    }
}

/// The people of `organization` who can help.
pub fn support(organization: &Organization) -> Support {
    Support {
        organization: organization.name.clone(),
        name: organization.support_name.clone(),
        email: Some(organization.support_email.clone()),
    }
}

/// A title, what happened, and what to do.
type Text = (&'static str, &'static str, &'static str);

const EXPIRED: Text = (
    "This took too long",
    "For your security, a sign-in has to be finished within a few minutes.",
    "Start again; you will not lose anything.",
);
const ALREADY_FINISHED: Text = (
    "You have finished this sign-in already",
    "The app has its answer, and a sign-in is good for one answer only.",
    "Go back to the app. If it asks you to sign in, do so from there.",
);
const OTHER_BROWSER: Text = (
    "This sign-in belongs to another browser",
    "It was begun or finished in another browser or in a private window, or this browser does not keep our cookies.",
    "Open the app again in this browser, and sign in from there.",
);
const ACTIVATION_DEAD: Text = (
    "This link no longer works",
    "It has expired, a newer mail has replaced it, or your organization has taken it back.",
    "Look for a newer mail. If there is none, ask your organization to send it again.",
);
const LINK_REQUEST_DEAD: Text = (
    "This link no longer works",
    "It has been used, has expired, or a newer mail has replaced it.",
    "Sign in again: if we still need to ask you, there will be another mail.",
);
const METHOD_NOT_ALLOWED: Text = (
    "This page cannot be opened that way",
    "What your browser asked for is a step of another page, and does nothing by itself.",
    "Go back to the page before, or open the app that you want to use.",
);
const NOT_EXPECTED: Text = (
    "We did not expect this answer",
    "Your organization’s sign-in sent you to us, but no sign-in of this browser is waiting for its answer. \
     It may have taken too long, or the page was loaded twice.",
    "Open the app that you want to use, and sign in from there.",
);
const NOT_SIGNED_IN: Text = (
    "You are not signed in",
    "This page is about your own account, and nobody is signed in in this browser, or no longer.",
    "Open the app that you use and sign in. Then come back here.",
);
const OUT_OF_REACH: Text = (
    "You are here as a guest",
    "An organization that you are a guest of has signed you in in this browser. It does not look after your account, so how you \
     sign in is neither shown nor changed here.",
    "Sign in with your own organization, or with your own password. Then come back here.",
);
const ADDRESS_TAKEN: Text = (
    "This address is already in use",
    "Another account here has this address, or it belongs to an organization. Nothing has been changed.",
    "Ask your organization for help.",
);
const LINK_DEAD: Text = (
    "This link no longer works",
    "It has expired, it was used, or a newer mail has replaced it.",
    "Look for a newer mail, or ask for another one.",
);
const WRONG_PASSWORD: Text = (
    "That was not right",
    "The e-mail address or the password is not right.",
    "Go back and try again, or choose another password by “Forgot your password?”.",
);
const GUESSED: Text = (
    "Please wait a moment",
    "There were too many wrong passwords or codes for this account.",
    "Wait a little, then go back and try again, or choose another password by “Forgot your password?”.",
);
const BUSY: Text = (
    "We are not quite here",
    "Very many people sign in at this moment.",
    "Wait a few seconds, then go back and try again.",
);
const ACTIVATION_TAKEN: Text = (
    "This address is already in use",
    "Another account here has this address, so it cannot be given to this one as well. \
     Nothing has been changed, and your other account works as before.",
    "The people below can add you with another address.",
);
const UNAVAILABLE: Text = (
    "We are not quite here",
    "Our database cannot be reached at this moment. Nothing is wrong with your account.",
    "Wait a few seconds and reload the page.",
);

fn words(failure: Failure) -> Words {
    let (title, text, advice) = match failure {
        Failure::Refused(place, refusal) => {
            let organization = place.organization.map_or_else(|| "Your organization".to_owned(), |found| found.name);
            return refusal_words::words(&refusal, &organization, &place.application);
        }
        Failure::NoWayIn(place) => {
            return refusal_words::no_way_in(place.organization.map(|found| found.name).as_deref(), &place.application);
        }
        Failure::OtherBrowser => OTHER_BROWSER,
        Failure::MethodNotAllowed => METHOD_NOT_ALLOWED,
        Failure::NotExpected => NOT_EXPECTED,
        Failure::Malformed => (
            "We could not read that",
            "What your browser sent is not what our page asks for.",
            "Go back, reload the page, and try again.",
        ),
        Failure::TooLong => (
            "That was too long",
            "What your browser sent is longer than we accept.",
            "Go back and enter the address again.",
        ),
        Failure::TooSlow => (
            "That took too long",
            "What your browser sent did not arrive in time.",
            "Check your connection, then go back and try again.",
        ),
        Failure::OverLimit(_) => (
            "Please wait a moment",
            "There were too many attempts to sign in from your network.",
            "Wait a minute, then go back and try again.",
        ),
        Failure::Expired(_) => EXPIRED,
        Failure::AlreadyFinished => ALREADY_FINISHED,
        Failure::NotSignedIn => NOT_SIGNED_IN,
        Failure::OutOfReach => OUT_OF_REACH,
        Failure::AddressTaken => ADDRESS_TAKEN,
        Failure::LinkDead => LINK_DEAD,
        Failure::WrongPassword => WRONG_PASSWORD,
        Failure::Guessed(_) => GUESSED,
        Failure::Busy => BUSY,
        Failure::ActivationDead => ACTIVATION_DEAD,
        Failure::LinkRequestDead => LINK_REQUEST_DEAD,
        Failure::ActivationTaken(_) => ACTIVATION_TAKEN,
        Failure::Unavailable => UNAVAILABLE,
        Failure::NotFound | Failure::Internal(_) => (
            "Something went wrong here",
            "This is a fault of ours, not of yours. It has been written down.",
            "Try again in a minute.",
        ),
    };
    Words { title: title.to_owned(), text: text.to_owned(), advice: Some(advice.to_owned()) }
}
