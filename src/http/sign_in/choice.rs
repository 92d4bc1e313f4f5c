//! The form of the choice page.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use super::form::Form;
use super::visit::Visit;
use super::{departure, path};
use crate::access::realm;
use crate::access::sign_in::{Moment, next_step};
use crate::http::context::Context;
use crate::http::page_answer::see_other;

/// `POST /sign-in/{attempt}/connection`
pub async fn post(request: HttpRequest, context: Data<Context>, id: Path<String>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit(&visit, &id, payload).await)
}

async fn submit(visit: &Visit<'_>, id: &str, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    let form = Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let begun = visit.begun(id).await?;
    let connection = form.field("connection").and_then(|id| id.parse().ok()).ok_or(Failure::Malformed)?;
    // The address is the one that was typed in this attempt, never one that the form brings along.
    let Some(address) = begun.attempt.address.clone() else {
        return Ok(see_other(&path::email(begun.attempt.id)));
    };
    let wanted = address.clone();
    let route = visit.context.store.read(move |tx| realm::find_route(tx, &wanted)).await?;
    let moment = Moment::Chosen { route, connection };
    let step = next_step(&begun.attempt.state, begun.attempt.life(visit.op.at), moment);
    departure::follow(visit, &begun, &address, step).await
}
