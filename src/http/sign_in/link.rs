//! The link of a mail that asks whether a sign-in was somebody's own: a page that asks, and a form that says yes.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::activation;
use super::departure;
use super::failure::{self, Failure};
use super::form::Form;
use super::path;
use super::visit::Visit;
use crate::directory::link_requests::{self, LinkRequestError};
use crate::http::context::Context;
use crate::http::page_answer::Forms;
use crate::pages::link::LinkPage;
use crate::pages::linked::LinkedPage;

impl From<LinkRequestError> for Failure {
    fn from(error: LinkRequestError) -> Self {
        match error {
            LinkRequestError::Dead => Self::LinkRequestDead,
            LinkRequestError::Store(error) => error.into(),
        }
    }
}

/// `GET /link?token=...`: asks, and changes nothing.
pub async fn get(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(show(&visit).await)
}

/// `POST /link?token=...`: the person's yes.
pub async fn post(request: HttpRequest, context: Data<Context>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit(&visit, payload).await)
}

async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let token = activation::token(visit, Failure::LinkRequestDead)?;
    let (op, presented) = (visit.op.clone(), token.clone());
    let opened = visit.context.store.read(move |tx| link_requests::look(tx, &op, &presented)).await?;
    let page = LinkPage {
        address: opened.address,
        connection: opened.connection.name,
        support: failure::support(&opened.organization),
        action: path::link(&token),
    };
    Ok(visit.pages.page(StatusCode::OK, &page, Forms::StayHere))
}

async fn submit(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let token = activation::token(visit, Failure::LinkRequestDead)?;
    let op = visit.op.clone();
    let linked = visit.context.store.write(move |tx| link_requests::accept(tx, &op, &token)).await?;
    let page = LinkedPage { connection: linked.connection.name, support: failure::support(&linked.organization) };
    Ok(visit.pages.page(StatusCode::OK, &page, Forms::StayHere))
}
