//! Address and password at once, whatever the route of the address is: the way in by a password where the address leads straight
//! to an identity provider, and that of the people on a break-glass list. The page and the answer to what is wrong are the same
//! for everybody.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use super::form::Form;
use super::password::identify;
use super::visit::{Begun, Visit};
use super::{departure, path};
use crate::access::sign_in::{Moment, Step, next_step};
use crate::http::context::Context;
use crate::http::page_answer::{Forms, see_other};
use crate::pages::own_credentials::OwnCredentialsPage;
use crate::values::email::EmailAddress;
use crate::values::password::Password;

/// `GET /sign-in/{attempt}/own`
pub async fn get(request: HttpRequest, context: Data<Context>, id: Path<String>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(show(&visit, &id).await)
}

/// `POST /sign-in/{attempt}/own`
pub async fn post(request: HttpRequest, context: Data<Context>, id: Path<String>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit(&visit, &id, payload).await)
}

async fn show(visit: &Visit<'_>, id: &str) -> Result<HttpResponse, Failure> {
    let begun = visit.begun(id).await?;
    if let Some(elsewhere) = elsewhere(visit, &begun)? {
        return Ok(elsewhere);
    }
    let known = begun.attempt.address.as_ref().map(|address| address.as_str().to_owned());
    Ok(page(visit, &begun, StatusCode::OK, known.unwrap_or_default(), None))
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

async fn submit(visit: &Visit<'_>, id: &str, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    let form = Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let begun = visit.begun(id).await?;
    if let Some(elsewhere) = elsewhere(visit, &begun)? {
        return Ok(elsewhere);
    }
    let typed = form.field("email").ok_or(Failure::Malformed)?.trim();
    let password = Password::typed(form.field("password").ok_or(Failure::Malformed)?);
    let again = |shown: String, problem: &str| {
        page(visit, &begun, StatusCode::UNPROCESSABLE_ENTITY, shown, Some(problem.to_owned()))
    };
    let Ok(address) = typed.parse::<EmailAddress>() else {
        let shown = typed.chars().take(254).collect();
        return Ok(again(shown, "Enter a whole e-mail address, such as ada@example.com."));
    };
    match identify(visit, &visit.context.sign_in_by_password(), &begun, &address, password).await {
        Ok(answer) => Ok(answer),
        Err(Failure::WrongPassword) => {
            Ok(again(address.as_str().to_owned(), "The e-mail address or the password is not right."))
        }
        Err(failure) => Err(failure),
    }
}

fn page(
    visit: &Visit<'_>,
    begun: &Begun,
    status: StatusCode,
    address: String,
    problem: Option<String>,
) -> HttpResponse {
    let page = OwnCredentialsPage {
        application: begun.application.name.clone(),
        action: path::own_credentials(begun.attempt.id),
        address,
        problem,
        back: path::email(begun.attempt.id),
        forgotten: path::FORGOTTEN.to_owned(),
        passkey: visit.has_passkeys().then(|| path::passkey(begun.attempt.id)),
    };
    visit.page_with_ways(status, &page, Forms::StayHere)
}
