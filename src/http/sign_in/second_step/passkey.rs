//! A passkey as the second step: asks the browser for one of the person's, and takes what it answers.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::asked_for;
use crate::access::attempts::state::{Asked, HalfProved};
use crate::http::context::Context;
use crate::http::page_answer::{Forms, see_other};
use crate::http::sign_in::failure::Failure;
use crate::http::sign_in::form::Form;
use crate::http::sign_in::passkey::{count, read_answer, story};
use crate::http::sign_in::visit::{Begun, Visit};
use crate::http::sign_in::{departure, path};
use crate::pages::passkey::PasskeyPage;

/// `POST /sign-in/{attempt}/second-step/passkey`
pub async fn post(request: HttpRequest, context: Data<Context>, id: Path<String>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(ask(&visit, &id, payload).await)
}

/// `POST /sign-in/{attempt}/second-step/passkey/answer`
pub async fn answer(request: HttpRequest, context: Data<Context>, id: Path<String>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(take(&visit, &id, payload).await)
}

async fn ask(visit: &Visit<'_>, id: &str, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let (story, begun) = (story(visit)?, visit.begun(id).await?);
    let half = match factor(visit, &begun)? {
        Ok(half) => half,
        Err(elsewhere) => return Ok(elsewhere),
    };
    match story.ask_more(&visit.op, &begun.attempt, &half).await? {
        Some(options) => {
            Ok(visit.pages.page_with_script(StatusCode::OK, &page(&begun, Some(options)), Forms::StayHere))
        }
        None => Ok(see_other(&path::second_step(begun.attempt.id))),
    }
}

async fn take(visit: &Visit<'_>, id: &str, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    let form = Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let (story, begun) = (story(visit)?, visit.begun(id).await?);
    let half = match factor(visit, &begun)? {
        Ok(half) => half,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let answer = read_answer(&form)?;
    match count(story.prove(&visit.op, &begun.attempt, &half, answer).await?) {
        Some(arrival) => Ok(see_other(&path::arrival(begun.attempt.id, &arrival))),
        None => Ok(visit.pages.page(StatusCode::UNPROCESSABLE_ENTITY, &page(&begun, None), Forms::StayHere)),
    }
}

/// Who is asked for a factor that they have, or where else the attempt goes on.
fn factor(visit: &Visit<'_>, begun: &Begun) -> Result<Result<HalfProved, HttpResponse>, Failure> {
    Ok(match asked_for(visit, begun)? {
        Ok(half) if half.asked == Asked::Factor => Ok(half),
        Ok(_) => Err(see_other(&path::second_step(begun.attempt.id))),
        Err(elsewhere) => Err(elsewhere),
    })
}

fn page(begun: &Begun, options: Option<String>) -> PasskeyPage {
    PasskeyPage {
        application: begun.application.name.clone(),
        options,
        action: path::second_passkey_answer(begun.attempt.id),
        again: path::second_passkey(begun.attempt.id),
        other_way: path::second_step(begun.attempt.id),
    }
}
