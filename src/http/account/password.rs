//! Another password, by somebody who knows the one before. Everything else that is signed in to the account ends; this browser
//! goes on with another session.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::SET_COOKIE;
use actix_web::web::Payload;

use super::path;
use super::security;
use super::signed_in::SignedIn;
use crate::http::cookies::Cookie;
use crate::http::page_answer::see_other;
use crate::http::sign_in::failure::Failure;
use crate::http::sign_in::new_password;
use crate::http::sign_in::visit::Visit;

/// `POST /account/password`
pub async fn post(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    let person = SignedIn::reaching_account(visit).await?;
    let form = person.form(visit, payload).await?;
    let typed = form.field("current").ok_or(Failure::Malformed)?;
    let chosen = form.field("password").ok_or(Failure::Malformed)?;
    // A stolen session is not to be a way to guess the password, nor to change it faster than its owner can take it back.
    visit.context.guesses.admit_owner(person.session.account, visit.op.at)?;
    let story = visit.context.choose_password();
    let limits = visit.context.session_limits();
    match story.by_person(&person.op, &person.session, limits, (typed, chosen)).await {
        Ok(token) => {
            let cookie = visit.cookies.set(Cookie::Session, &token);
            let cookie = cookie.map_err(|error| Failure::Internal(error.to_string()))?;
            let mut answer = see_other(path::SECURITY);
            answer.headers_mut().append(SET_COOKIE, cookie);
            Ok(answer)
        }
        Err(error) => match new_password::problem(&error) {
            Some(problem) => {
                security::page(visit, &person, StatusCode::UNPROCESSABLE_ENTITY, Some(problem.to_owned())).await
            }
            None => Err(error.into()),
        },
    }
}
