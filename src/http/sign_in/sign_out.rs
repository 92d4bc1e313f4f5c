//! Signing out of this gateway in this browser.

use actix_web::http::StatusCode;
use actix_web::http::header::SET_COOKIE;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use super::form::Form;
use super::path;
use super::visit::Visit;
use crate::access::sessions;
use crate::http::context::Context;
use crate::http::cookies::Cookie;
use crate::http::page_answer::Forms;
use crate::pages::sign_out::SignOutPage;
use crate::pages::signed_out::SignedOutPage;

/// `GET /sign-out`: asks, or says that nobody is signed in.
pub async fn get(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    match visit.cookies.read(&request, Cookie::Session) {
        Some(_) => {
            visit.pages.page(StatusCode::OK, &SignOutPage { action: path::SIGN_OUT.to_owned() }, Forms::StayHere)
        }
        None => visit.pages.page(StatusCode::OK, &SignedOutPage, Forms::StayHere),
    }
}

/// `POST /sign-out`: ends the session.
pub async fn post(request: HttpRequest, context: Data<Context>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit(&visit, payload).await)
}

async fn submit(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    visit.context.admit(&visit.context.throttles.answers, visit.request, &visit.op)?;
    Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    if let Some(token) = visit.cookies.read(visit.request, Cookie::Session) {
        let op = visit.op.clone();
        visit.context.store.write(move |tx| sessions::end_by_token(tx, &op, &token)).await?;
    }
    let cookie = visit.cookies.remove(Cookie::Session).map_err(|error| Failure::Internal(error.to_string()))?;
    let mut answer = visit.pages.page(StatusCode::OK, &SignedOutPage, Forms::StayHere);
    answer.headers_mut().append(SET_COOKIE, cookie);
    Ok(answer)
}
