//! "Forgot your password?": an address is typed, and whoever has the mailbox gets a link. What the page says, and what the
//! gateway does before it answers, is the same for every address.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use super::form::Form;
use super::visit::Visit;
use super::{departure, path};
use crate::access::mail_proofs;
use crate::http::context::Context;
use crate::http::page_answer::Forms;
use crate::pages::forgotten::ForgottenPage;
use crate::pages::mail_sent::MailSentPage;
use crate::values::email::EmailAddress;
use crate::values::secret::TokenHash;

/// `GET /password/forgotten`
pub async fn get(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    page(&visit, StatusCode::OK, String::new(), None)
}

/// `POST /password/forgotten`
pub async fn post(request: HttpRequest, context: Data<Context>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit(&visit, payload).await)
}

async fn submit(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    let form = Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let typed = form.field("email").ok_or(Failure::Malformed)?.trim();
    let Ok(address) = typed.parse::<EmailAddress>() else {
        let problem = "Enter a whole e-mail address, such as ada@example.com.".to_owned();
        let shown = typed.chars().take(254).collect();
        return Ok(page(visit, StatusCode::UNPROCESSABLE_ENTITY, shown, Some(problem)));
    };
    // Past the bound the page says the same: the mailbox has enough links.
    if visit.context.throttles.mails.admit(TokenHash::of(address.as_str()), visit.op.at).is_ok() {
        let (op, wanted) = (visit.op.clone(), address.clone());
        visit.context.store.write(move |tx| mail_proofs::ask_for_password(tx, &op, &wanted)).await?;
    }
    let page = MailSentPage { address: address.as_str().to_owned(), again: path::FORGOTTEN.to_owned() };
    Ok(visit.pages.page(StatusCode::OK, &page, Forms::StayHere))
}

fn page(visit: &Visit<'_>, status: StatusCode, address: String, problem: Option<String>) -> HttpResponse {
    let page = ForgottenPage { action: path::FORGOTTEN.to_owned(), address, problem };
    visit.pages.page(status, &page, Forms::StayHere)
}
