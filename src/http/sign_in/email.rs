//! The e-mail page and its form.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use super::form::Form;
use super::visit::{Begun, Visit};
use super::{departure, path};
use crate::access::realm;
use crate::access::sign_in::{Moment, Step, next_step};
use crate::http::context::Context;
use crate::http::page_answer::{Forms, see_other};
use crate::pages::email::EmailPage;
use crate::values::email::EmailAddress;

/// `GET /sign-in/{attempt}`
pub async fn get(request: HttpRequest, context: Data<Context>, id: Path<String>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(show(&visit, &id).await)
}

/// `POST /sign-in/{attempt}/email`
pub async fn post(request: HttpRequest, context: Data<Context>, id: Path<String>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit(&visit, &id, payload).await)
}

async fn show(visit: &Visit<'_>, id: &str) -> Result<HttpResponse, Failure> {
    let begun = visit.begun(id).await?;
    let attempt = &begun.attempt;
    match next_step(&attempt.state, attempt.life(visit.op.at), Moment::AtStart) {
        Step::StartAgain => Err(Failure::Expired(attempt.id)),
        Step::AlreadyFinished => Err(Failure::AlreadyFinished),
        Step::Continue => Ok(see_other(&path::outcome(attempt.id))),
        _ => {
            let known = attempt.address.as_ref().map(|address| address.as_str().to_owned());
            let hint = attempt.request.login_hint.as_deref().map(str::trim);
            let hinted = || hint.filter(|hint| hint.parse::<EmailAddress>().is_ok()).map(ToOwned::to_owned);
            Ok(page(visit, &begun, StatusCode::OK, known.or_else(hinted).unwrap_or_default(), None))
        }
    }
}

async fn submit(visit: &Visit<'_>, id: &str, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    let form = Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let begun = visit.begun(id).await?;
    let typed = form.field("email").ok_or(Failure::Malformed)?.trim();
    let Ok(address) = typed.parse::<EmailAddress>() else {
        let problem = if typed.is_empty() {
            "Enter your e-mail address."
        } else {
            "Enter a whole e-mail address, such as ada@example.com."
        };
        let shown: String = typed.chars().take(254).collect();
        return Ok(page(visit, &begun, StatusCode::UNPROCESSABLE_ENTITY, shown, Some(problem.to_owned())));
    };
    let wanted = address.clone();
    let route = visit.context.store.read(move |tx| realm::find_route(tx, &wanted)).await?;
    let step = next_step(&begun.attempt.state, begun.attempt.life(visit.op.at), Moment::Typed(route));
    departure::follow(visit, &begun, &address, step).await
}

fn page(
    visit: &Visit<'_>,
    begun: &Begun,
    status: StatusCode,
    address: String,
    problem: Option<String>,
) -> HttpResponse {
    let page = EmailPage {
        application: begun.application.name.clone(),
        action: path::submit_email(begun.attempt.id),
        address,
        problem,
        own_credentials: path::own_credentials(begun.attempt.id),
        passkey: visit.has_passkeys().then(|| path::passkey(begun.attempt.id)),
    };
    visit.page_with_ways(status, &page, Forms::LeadAway)
}
