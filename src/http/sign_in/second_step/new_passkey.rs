//! A passkey instead of an authenticator app, where a second factor has to be set up: asks the browser to make one, and takes
//! what it has made.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{Problem, asked_for, codes_page, set_up_afresh};
use crate::access::attempts::state::{Asked, HalfProved};
use crate::access::passkeys::ceremony::Registration;
use crate::flows::set_up_passkey::{SetUpPasskey, SetUpPasskeyError};
use crate::http::context::Context;
use crate::http::page_answer::{Forms, see_other};
use crate::http::sign_in::failure::Failure;
use crate::http::sign_in::form::Form;
use crate::http::sign_in::visit::{Begun, Visit};
use crate::http::sign_in::{departure, path};
use crate::pages::create_passkey::CreatePasskeyPage;
use crate::values::passkey_name::PasskeyName;

impl From<SetUpPasskeyError> for Failure {
    fn from(error: SetUpPasskeyError) -> Self {
        match error {
            SetUpPasskeyError::OwnPassword(error) => error.into(),
            SetUpPasskeyError::Internal(text) => Self::Internal(text),
        }
    }
}

/// `POST /sign-in/{attempt}/second-step/set-up/passkey`
pub async fn post(request: HttpRequest, context: Data<Context>, id: Path<String>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(ask(&visit, &id, payload).await)
}

/// `POST /sign-in/{attempt}/second-step/set-up/passkey/answer`
pub async fn answer(request: HttpRequest, context: Data<Context>, id: Path<String>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(take(&visit, &id, payload).await)
}

async fn ask(visit: &Visit<'_>, id: &str, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    let form = Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let (story, begun) = (story(visit)?, visit.begun(id).await?);
    let half = match to_set_up(visit, &begun)? {
        Ok(half) => half,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let typed: String = form.field("name").ok_or(Failure::Malformed)?.chars().take(100).collect();
    let Ok(name) = typed.parse::<PasskeyName>() else {
        let text = "Give the passkey a name of up to 60 characters.".to_owned();
        return set_up_afresh(visit, &begun, &half, Problem::OfPasskey { text, typed_name: typed }).await;
    };
    let page = CreatePasskeyPage {
        form_token: None,
        options: story.ask(&visit.op, &begun.attempt, &half, name).await?,
        action: path::set_up_passkey_answer(begun.attempt.id),
        back: path::second_step(begun.attempt.id),
    };
    Ok(visit.pages.page_with_script(StatusCode::OK, &page, Forms::StayHere))
}

async fn take(visit: &Visit<'_>, id: &str, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    let form = Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let (story, begun) = (story(visit)?, visit.begun(id).await?);
    let half = match to_set_up(visit, &begun)? {
        Ok(half) => half,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let answer = form.field("answer").and_then(Registration::parse).ok_or(Failure::Malformed)?;
    match story.add(&visit.op, &begun.attempt, &half, answer).await? {
        Some(set_up) => Ok(codes_page(visit, &begun, &set_up)),
        None => {
            let text = "That passkey cannot be used here. Try again, keep it somewhere else, or use an app.".to_owned();
            set_up_afresh(visit, &begun, &half, Problem::OfPasskey { text, typed_name: String::new() }).await
        }
    }
}

/// The story, where the gateway can have passkeys.
fn story(visit: &Visit<'_>) -> Result<SetUpPasskey, Failure> {
    visit.context.set_up_passkey().ok_or(Failure::NotFound)
}

/// Who sets a second factor up, or where else the attempt goes on.
fn to_set_up(visit: &Visit<'_>, begun: &Begun) -> Result<Result<HalfProved, HttpResponse>, Failure> {
    Ok(match asked_for(visit, begun)? {
        Ok(half) if half.asked == Asked::SetUp => Ok(half),
        Ok(_) => Err(see_other(&path::second_step(begun.attempt.id))),
        Err(elsewhere) => Err(elsewhere),
    })
}
