//! The link of an activation mail: a page that asks, since mail scanners follow links, and a form that says yes.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::departure;
use super::failure::{self, Failure};
use super::form::Form;
use super::path;
use super::visit::Visit;
use crate::access::mail_proofs;
use crate::directory::activation::ActivationState;
use crate::directory::activation::accept::{self, ActivationError};
use crate::http::context::Context;
use crate::http::page_answer::Forms;
use crate::pages::activated::ActivatedPage;
use crate::pages::activation::ActivationPage;

/// The longest token that is looked at.
const MAX_TOKEN: usize = 128;

/// `GET /activation?token=...`: asks, and changes nothing.
pub async fn get(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(show(&visit).await)
}

/// `POST /activation?token=...`: the person's yes.
pub async fn post(request: HttpRequest, context: Data<Context>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit(&visit, payload).await)
}

async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let token = token(visit, Failure::ActivationDead)?;
    let (op, presented) = (visit.op.clone(), token.clone());
    let opened = visit.context.store.read(move |tx| accept::look(tx, &op, &presented)).await?;
    if opened.activation.state == ActivationState::Accepted {
        return finish(visit, token).await;
    }
    let page = ActivationPage {
        address: opened.activation.address.to_string(),
        support: failure::support(&opened.organization),
        action: path::activation(&token),
    };
    Ok(visit.pages.page(StatusCode::OK, &page, Forms::StayHere))
}

async fn submit(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    finish(visit, token(visit, Failure::ActivationDead)?).await
}

/// Says yes, which was said already when the link was followed before; then nothing changes.
async fn finish(visit: &Visit<'_>, token: String) -> Result<HttpResponse, Failure> {
    let op = visit.op.clone();
    let write = visit.context.store.write(move |tx| {
        let accepted = accept::accept(tx, &op, &token)?;
        // Only who uses the link up has shown just now that the mailbox is theirs.
        let granted = match accepted.is_first && accepted.may_sign_in {
            true => mail_proofs::grant_password(tx, &op, accepted.account, &accepted.address)?,
            false => None,
        };
        Ok::<_, ActivationError>((accepted, granted))
    });
    let (accepted, granted) = write.await?;
    let page = ActivatedPage {
        support: failure::support(&accepted.organization),
        may_sign_in: accepted.may_sign_in,
        choose: granted.map(|token| path::new_password(token.expose())),
    };
    Ok(visit.pages.page(StatusCode::OK, &page, Forms::StayHere))
}

/// The token of the query. What can be none is answered by `dead`.
pub fn token(visit: &Visit<'_>, dead: Failure) -> Result<String, Failure> {
    let is_sound = |token: &String| {
        token.len() <= MAX_TOKEN && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    visit.parameter(path::TOKEN)?.filter(is_sound).ok_or(dead)
}
