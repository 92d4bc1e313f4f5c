//! Signing out of this gateway in this browser, and of the SAML provider that the session came from.

use actix_web::http::StatusCode;
use actix_web::http::header::SET_COOKIE;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use super::form::Form;
use super::path;
use super::visit::Visit;
use crate::access::sign_outs::{self, SignedOut};
use crate::http::context::Context;
use crate::http::cookies::Cookie;
use crate::http::page_answer::{Forms, see_other};
use crate::http::session_end::{self, EndError};
use crate::pages::sign_out::SignOutPage;
use crate::pages::signed_out::{Elsewhere, SignedOutPage};
use crate::protocol::saml::logout::response::Answer;
use crate::values::secret::Secret;

impl From<EndError> for Failure {
    fn from(error: EndError) -> Self {
        match error {
            EndError::Store(error) => error.into(),
            EndError::Message(_) | EndError::Cookie(_) => Self::Internal(error.to_string()),
        }
    }
}

/// `GET /sign-out`: asks, or says that nobody is signed in.
pub async fn get(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    match visit.cookies.read(&request, Cookie::Session) {
        Some(_) => {
            visit.pages.page(StatusCode::OK, &SignOutPage { action: path::SIGN_OUT.to_owned() }, Forms::LeadAway)
        }
        None => session_end::signed_out(visit.pages, None),
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
    if let Some(token) = visit.cookies.read(visit.request, Cookie::Session) {
        return Ok(session_end::end(visit.context, visit.request, &visit.op, token, None).await?);
    }
    let mut answer = session_end::signed_out(visit.pages, None);
    let cookie = visit.cookies.remove(Cookie::Session).map_err(EndError::from)?;
    answer.headers_mut().append(SET_COOKIE, cookie);
    Ok(answer)
}

/// `GET /sign-out/done`: what the provider answered, in the browser that left for it.
pub async fn done(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(show(&visit).await)
}

async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    visit.context.admit(&visit.context.throttles.answers, visit.request, &visit.op)?;
    let handle = visit.parameter(path::ARRIVAL)?.map(Secret::from).ok_or(Failure::NotFound)?;
    let (op, binding) = (visit.op.clone(), visit.binding()?);
    let found = visit.context.store.read(move |tx| sign_outs::find(tx, &op, &handle, &binding)).await?;
    let SignedOut { answer, return_url } = found.ok_or(Failure::OtherBrowser)?;
    let elsewhere = match answer {
        Answer::Complete => Elsewhere::Ended,
        Answer::Partial => Elsewhere::Partly,
        Answer::Failed => Elsewhere::Lasting,
    };
    match (answer, return_url) {
        (Answer::Complete, Some(url)) if visit.pages.may_end_at(&url) => Ok(see_other(&url)),
        // Who may still be signed in somewhere is told so before they go on, and so is who goes on by a link (decision 0044).
        (_, back) => Ok(visit.pages.page(StatusCode::OK, &SignedOutPage { elsewhere, back }, Forms::StayHere)),
    }
}
