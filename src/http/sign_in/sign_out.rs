//! Signing out of this gateway in this browser, and of the SAML provider that the session came from.

use actix_web::http::StatusCode;
use actix_web::http::header::SET_COOKIE;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use url::form_urlencoded;

use super::failure::Failure;
use super::form::Form;
use super::path;
use super::visit::Visit;
use crate::access::attempts;
use crate::access::sign_outs::{self, Leaving, SignedOut};
use crate::flows::sign_out_by_saml::{self, SignOutError};
use crate::http::context::Context;
use crate::http::cookies::Cookie;
use crate::http::page_answer::{Forms, see_other};
use crate::http::saml_message;
use crate::pages::sign_out::SignOutPage;
use crate::pages::signed_out::{Elsewhere, SignedOutPage};
use crate::protocol::saml::logout::ours::Outgoing;
use crate::protocol::saml::logout::response::Answer;
use crate::values::secret::Secret;

/// `GET /sign-out`: asks, or says that nobody is signed in.
pub async fn get(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    match visit.cookies.read(&request, Cookie::Session) {
        Some(_) => {
            visit.pages.page(StatusCode::OK, &SignOutPage { action: path::SIGN_OUT.to_owned() }, Forms::LeadAway)
        }
        None => visit.pages.page(StatusCode::OK, &SignedOutPage::here(), Forms::StayHere),
    }
}

/// `POST /sign-out`: ends the session, and leads on to its SAML provider, which is asked to end its own.
pub async fn post(request: HttpRequest, context: Data<Context>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit(&visit, payload).await)
}

async fn submit(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    visit.context.admit(&visit.context.throttles.answers, visit.request, &visit.op)?;
    Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let known = visit.cookies.read(visit.request, Cookie::Attempt);
    let binding = known.clone().unwrap_or_else(|| attempts::new_binding(&visit.op));
    let upstream = match visit.cookies.read(visit.request, Cookie::Session) {
        Some(token) => end(visit, token, binding.clone()).await?,
        None => None,
    };
    let cookie_failed = |error: actix_web::http::header::InvalidHeaderValue| Failure::Internal(error.to_string());
    let new_binding = match (&upstream, known) {
        (Some(_), None) => Some(visit.cookies.set(Cookie::Attempt, &binding).map_err(cookie_failed)?),
        _ => None,
    };
    let mut answer = match upstream {
        Some(outgoing) => saml_message::answer(visit.pages, outgoing),
        None => visit.pages.page(StatusCode::OK, &SignedOutPage::here(), Forms::StayHere),
    };
    answer.headers_mut().append(SET_COOKIE, visit.cookies.remove(Cookie::Session).map_err(cookie_failed)?);
    if let Some(cookie) = new_binding {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(answer)
}

/// Ends the session of the cookie. What its provider is to be told, if it is.
async fn end(visit: &Visit<'_>, token: Secret, binding: Secret) -> Result<Option<Outgoing>, Failure> {
    let (parties, limits) = (visit.context.sign_out_parties(), visit.context.session_limits());
    let leaving = Leaving { binding, return_url: None };
    let begun = sign_out_by_saml::begin(parties, &visit.op, token, limits, leaving).await;
    begun.map_err(|error| match error {
        SignOutError::Store(error) => error.into(),
        SignOutError::NoConnection
        | SignOutError::Rejected(_)
        | SignOutError::NotExpected
        | SignOutError::Unfinished(_)
        | SignOutError::ServiceProvider(_) => Failure::Internal(error.to_string()),
    })
}

/// `GET /sign-out/done`: what the provider answered, in the browser that left for it.
pub async fn done(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(show(&visit).await)
}

async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    visit.context.admit(&visit.context.throttles.answers, visit.request, &visit.op)?;
    let mut pairs = form_urlencoded::parse(visit.request.query_string().as_bytes());
    let handle = pairs.find(|(name, _)| name == path::ARRIVAL).map(|(_, value)| Secret::from(value.into_owned()));
    let handle = handle.ok_or(Failure::NotFound)?;
    let (op, binding) = (visit.op.clone(), visit.binding()?);
    let found = visit.context.store.read(move |tx| sign_outs::find(tx, &op, &handle, &binding)).await?;
    let SignedOut { answer, return_url } = found.ok_or(Failure::OtherBrowser)?;
    let elsewhere = match answer {
        Answer::Complete => Elsewhere::Ended,
        Answer::Partial => Elsewhere::Partly,
        Answer::Failed => Elsewhere::Lasting,
    };
    match (answer, return_url) {
        (Answer::Complete, Some(url)) => Ok(see_other(&url)),
        // Who may still be signed in somewhere is told so before they go on.
        (_, back) => Ok(visit.pages.page(StatusCode::OK, &SignedOutPage { elsewhere, back }, Forms::StayHere)),
    }
}
