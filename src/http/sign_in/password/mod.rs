//! The page on which a person types their own password. It is the same for every address that leads here, and so is the
//! answer to a wrong password, in what it says and in how long it takes: whether somebody has the address is not told.
//! Whoever knows the right one is told when single sign-on is asked of them, and led there.

mod single_sign_on;

use ::metrics::counter;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::access::own_password::Proved;
use crate::access::realm;
use crate::access::sign_in::{Moment, Step, next_step};
use crate::flows::sign_in_by_password::{SignInByPassword, SignInByPasswordError};
use crate::http::client_address::client_address;
use crate::http::context::Context;
use crate::http::cookies::Cookie;
use crate::http::guesses::Whence;
use crate::http::page_answer::{Forms, see_other};
use crate::http::sign_in::failure::Failure;
use crate::http::sign_in::form::Form;
use crate::http::sign_in::visit::{Begun, Visit};
use crate::http::sign_in::{departure, path};
use crate::http::throttle::network;
use crate::pages::password::PasswordPage;
use crate::telemetry::metrics;
use crate::values::email::EmailAddress;
use crate::values::password::Password;
use crate::values::secret::TokenHash;

impl From<SignInByPasswordError> for Failure {
    fn from(error: SignInByPasswordError) -> Self {
        match error {
            SignInByPasswordError::AttemptOver => Self::AlreadyFinished,
            SignInByPasswordError::Busy => Self::Busy,
            SignInByPasswordError::Store(error) => error.into(),
            SignInByPasswordError::Wrong | SignInByPasswordError::Internal(_) => Self::Internal(error.to_string()),
        }
    }
}

/// `GET /sign-in/{attempt}/password`
pub async fn get(request: HttpRequest, context: Data<Context>, id: Path<String>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(show(&visit, &id).await)
}

/// `POST /sign-in/{attempt}/password`
pub async fn post(request: HttpRequest, context: Data<Context>, id: Path<String>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit(&visit, &id, payload).await)
}

async fn show(visit: &Visit<'_>, id: &str) -> Result<HttpResponse, Failure> {
    let begun = visit.begun(id).await?;
    match asked(visit, &begun).await? {
        Ok(address) => Ok(page(visit, &begun, StatusCode::OK, &address, None)),
        Err(elsewhere) => Ok(elsewhere),
    }
}

/// The address whose password is asked for, or where else the attempt goes on.
async fn asked(visit: &Visit<'_>, begun: &Begun) -> Result<Result<EmailAddress, HttpResponse>, Failure> {
    let Some(address) = begun.attempt.address.clone() else {
        return Ok(Err(see_other(&path::email(begun.attempt.id))));
    };
    let wanted = address.clone();
    let route = visit.context.store.read(move |tx| realm::find_route(tx, &wanted)).await?;
    match next_step(&begun.attempt.state, begun.attempt.life(visit.op.at), Moment::WithPassword(route)) {
        Step::AskPassword => Ok(Ok(address)),
        Step::StartAgain => Err(Failure::Expired(begun.attempt.id)),
        Step::AlreadyFinished => Err(Failure::AlreadyFinished),
        Step::Continue => Ok(Err(see_other(&path::outcome(begun.attempt.id)))),
        // There are other ways in for it, or there are meanwhile.
        _ => Ok(Err(see_other(&path::email(begun.attempt.id)))),
    }
}

async fn submit(visit: &Visit<'_>, id: &str, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    let form = Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let begun = visit.begun(id).await?;
    let address = match asked(visit, &begun).await? {
        Ok(address) => address,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let typed = Password::typed(form.field("password").ok_or(Failure::Malformed)?);
    let story = visit.context.sign_in_by_password();
    match identify(visit, &story, &begun, &address, typed).await {
        Ok(answer) => Ok(answer),
        Err(Failure::WrongPassword) => {
            let problem = "The e-mail address or the password is not right.".to_owned();
            Ok(page(visit, &begun, StatusCode::UNPROCESSABLE_ENTITY, &address, Some(problem)))
        }
        Err(failure) => Err(failure),
    }
}

/// Where the browser goes on whose password was right, or the page that says who signs its person in.
pub async fn identify(
    visit: &Visit<'_>,
    story: &SignInByPassword,
    begun: &Begun,
    address: &EmailAddress,
    typed: Password,
) -> Result<HttpResponse, Failure> {
    let device = visit.cookies.read(visit.request, Cookie::Device);
    let candidate = story.candidate(&visit.op, address, device.clone()).await?;
    let whence = match device {
        Some(device) if candidate.as_ref().is_some_and(|candidate| candidate.is_known_device) => {
            Whence::KnownBrowser(TokenHash::of(device.expose()))
        }
        _ => Whence::Network(network(client_address(visit.request, &visit.context.config.trusted_proxies))),
    };
    let guess = visit.context.guesses.admit(address.as_str(), whence, visit.op.at);
    let guess = guess.inspect_err(|_| count("limited"))?;
    let owner = begun.application.organization;
    match story.identify(&visit.op, &begun.attempt, owner, candidate, typed).await {
        Ok(proved) => {
            guess.was_right();
            count("right");
            match proved {
                Proved::Whole(arrival) => Ok(see_other(&path::arrival(begun.attempt.id, &arrival))),
                Proved::Half => Ok(see_other(&path::second_step(begun.attempt.id))),
                Proved::SingleSignOn { asked_by } => single_sign_on::answer(visit, begun, address, asked_by).await,
            }
        }
        Err(SignInByPasswordError::Wrong) => {
            count("wrong");
            Err(Failure::WrongPassword)
        }
        Err(error) => {
            guess.was_not_judged();
            Err(error.into())
        }
    }
}

fn count(outcome: &'static str) {
    counter!(metrics::PASSWORDS, "outcome" => outcome).increment(1);
}

fn page(
    visit: &Visit<'_>,
    begun: &Begun,
    status: StatusCode,
    address: &EmailAddress,
    problem: Option<String>,
) -> HttpResponse {
    let page = PasswordPage {
        application: begun.application.name.clone(),
        action: path::password(begun.attempt.id),
        address: address.as_str().to_owned(),
        problem,
        other_address: path::email(begun.attempt.id),
        forgotten: path::FORGOTTEN.to_owned(),
        passkey: visit.has_passkeys().then(|| path::passkey(begun.attempt.id)),
    };
    visit.page_with_ways(status, &page, Forms::StayHere)
}

#[cfg(test)]
mod tests;
