//! A fresh attempt for an application whose first one has expired.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use super::form::Form;
use super::visit::Visit;
use super::{departure, path};
use crate::access::attempts;
use crate::http::context::Context;
use crate::http::page_answer::see_other;

/// `POST /sign-in/{attempt}/restart`
pub async fn post(request: HttpRequest, context: Data<Context>, id: Path<String>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit(&visit, &id, payload).await)
}

async fn submit(visit: &Visit<'_>, id: &str, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let begun = visit.begun(id).await?;
    let (op, binding) = (visit.op.clone(), visit.binding()?);
    let ttl_seconds = visit.context.config.lifetimes.attempt_seconds;
    let write =
        visit.context.store.write(move |tx| attempts::start_again(tx, &op, &begun.attempt, &binding, ttl_seconds));
    Ok(see_other(&path::email(write.await?)))
}
