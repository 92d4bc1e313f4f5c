//! A sign-in by a passkey alone: asks the browser for one, and takes what it answers. What it is asked is the same for everybody,
//! and so is the page after an answer that lets nobody in, for whatever reason.

use ::metrics::counter;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use super::form::Form;
use super::visit::{Begun, Visit};
use super::{departure, path};
use crate::access::passkeys::ceremony::Answer;
use crate::access::sign_in::{Moment, Step, next_step};
use crate::flows::sign_in_by_passkey::{SignInByPasskey, SignInByPasskeyError};
use crate::http::context::Context;
use crate::http::page_answer::{Forms, see_other};
use crate::pages::passkey::PasskeyPage;
use crate::telemetry::metrics;
use crate::values::secret::Secret;

impl From<SignInByPasskeyError> for Failure {
    fn from(error: SignInByPasskeyError) -> Self {
        match error {
            SignInByPasskeyError::OwnPassword(error) => error.into(),
            SignInByPasskeyError::Internal(text) => Self::Internal(text),
        }
    }
}

/// `POST /sign-in/{attempt}/passkey`
pub async fn post(request: HttpRequest, context: Data<Context>, id: Path<String>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(ask(&visit, &id, payload).await)
}

/// `POST /sign-in/{attempt}/passkey/answer`
pub async fn answer(request: HttpRequest, context: Data<Context>, id: Path<String>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(take(&visit, &id, payload).await)
}

/// The story, where the gateway can have passkeys.
pub fn story(visit: &Visit<'_>) -> Result<SignInByPasskey, Failure> {
    visit.context.sign_in_by_passkey().ok_or(Failure::NotFound)
}

/// Where else the attempt goes on, if it does.
fn elsewhere(visit: &Visit<'_>, begun: &Begun) -> Result<Option<HttpResponse>, Failure> {
    let attempt = &begun.attempt;
    match next_step(&attempt.state, attempt.life(visit.op.at), Moment::WithOwnCredentials) {
        Step::AskOwnCredentials => Ok(None),
        Step::StartAgain => Err(Failure::Expired(attempt.id)),
        Step::AlreadyFinished => Err(Failure::AlreadyFinished),
        _ => Ok(Some(see_other(&path::outcome(attempt.id)))),
    }
}

async fn ask(visit: &Visit<'_>, id: &str, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let (story, begun) = (story(visit)?, visit.begun(id).await?);
    if let Some(elsewhere) = elsewhere(visit, &begun)? {
        return Ok(elsewhere);
    }
    let options = story.ask(&visit.op, &begun.attempt).await?;
    Ok(visit.pages.page_with_script(StatusCode::OK, &page(&begun, Some(options)), Forms::StayHere))
}

async fn take(visit: &Visit<'_>, id: &str, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    let form = Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let (story, begun) = (story(visit)?, visit.begun(id).await?);
    if let Some(elsewhere) = elsewhere(visit, &begun)? {
        return Ok(elsewhere);
    }
    let answer = read_answer(&form)?;
    let owner = begun.application.organization;
    match count(story.identify(&visit.op, &begun.attempt, owner, answer).await?) {
        Some(arrival) => Ok(see_other(&path::arrival(begun.attempt.id, &arrival))),
        None => Ok(visit.pages.page(StatusCode::UNPROCESSABLE_ENTITY, &page(&begun, None), Forms::StayHere)),
    }
}

/// What the browser answered. What is none is no form of ours.
pub fn read_answer(form: &Form) -> Result<Answer, Failure> {
    form.field("answer").and_then(Answer::parse).ok_or(Failure::Malformed)
}

/// Counts an outcome.
pub fn count(outcome: Option<Secret>) -> Option<Secret> {
    counter!(metrics::PASSKEYS, "outcome" => if outcome.is_some() { "right" } else { "wrong" }).increment(1);
    outcome
}

fn page(begun: &Begun, options: Option<String>) -> PasskeyPage {
    PasskeyPage {
        application: begun.application.name.clone(),
        options,
        action: path::passkey_answer(begun.attempt.id),
        again: path::passkey(begun.attempt.id),
        other_way: path::email(begun.attempt.id),
    }
}

#[cfg(test)]
mod tests;
