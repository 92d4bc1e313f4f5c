//! The link of a mail, or of a page after an activation, by which a person chooses a password. Following it changes nothing.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::activation::token;
use super::failure::Failure;
use super::form::Form;
use super::visit::Visit;
use super::{departure, path};
use crate::flows::choose_password::ChooseError;
use crate::flows::passwords::Known;
use crate::http::context::Context;
use crate::http::page_answer::Forms;
use crate::pages::new_password::NewPasswordPage;
use crate::pages::password_set::PasswordSetPage;
use crate::values::password::Unfit;

impl From<ChooseError> for Failure {
    fn from(error: ChooseError) -> Self {
        match error {
            ChooseError::Dead => Self::LinkDead,
            ChooseError::OutOfReach => Self::OutOfReach,
            ChooseError::Busy => Self::Busy,
            ChooseError::Store(error) => error.into(),
            ChooseError::Wrong | ChooseError::Unfit(_) | ChooseError::Known(_) | ChooseError::Internal(_) => {
                Self::Internal(error.to_string())
            }
        }
    }
}

/// `GET /password/choose?token=...`: asks.
pub async fn get(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(show(&visit, StatusCode::OK, None).await)
}

/// `POST /password/choose?token=...`: the choice.
pub async fn post(request: HttpRequest, context: Data<Context>, payload: Payload) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(submit(&visit, payload).await)
}

async fn show(visit: &Visit<'_>, status: StatusCode, problem: Option<String>) -> Result<HttpResponse, Failure> {
    let token = token(visit, Failure::LinkDead)?;
    let opened = visit.context.choose_password().look(&visit.op, &token).await?;
    let address = opened.address.as_str().to_owned();
    let page = NewPasswordPage { address, action: path::new_password(&token), problem };
    Ok(visit.pages.page(status, &page, Forms::StayHere))
}

async fn submit(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    let form = Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let chosen = form.field("password").ok_or(Failure::Malformed)?;
    let token = token(visit, Failure::LinkDead)?;
    match visit.context.choose_password().by_link(&visit.op, &token, chosen).await {
        Ok(()) => Ok(visit.pages.page(StatusCode::OK, &PasswordSetPage, Forms::StayHere)),
        Err(error) => match problem(&error) {
            Some(problem) => show(visit, StatusCode::UNPROCESSABLE_ENTITY, Some(problem.to_owned())).await,
            None => Err(error.into()),
        },
    }
}

/// What is wrong with what was chosen, as a sentence.
pub fn problem(error: &ChooseError) -> Option<&'static str> {
    match error {
        ChooseError::Unfit(Unfit::TooShort) => Some("Use 8 characters or more."),
        ChooseError::Unfit(Unfit::TooLong) => Some("Use 256 characters at most."),
        ChooseError::Known(Known::Common) => {
            Some("That password is one that everybody tries first. Choose another one.")
        }
        ChooseError::Known(Known::Breached) => {
            Some("That password was found in a list of stolen passwords. Choose another one.")
        }
        ChooseError::Wrong => Some("The password you have now is not right."),
        ChooseError::Dead
        | ChooseError::OutOfReach
        | ChooseError::Busy
        | ChooseError::Store(_)
        | ChooseError::Internal(_) => None,
    }
}
