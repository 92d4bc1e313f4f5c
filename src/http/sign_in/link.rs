//! The link of a mail that asks whether a sign-in was somebody's own: a page that asks, and a form that says yes. An account with
//! credentials of its own is asked for them, unless they were shown in this browser a moment ago (decision 0040).

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::activation;
use super::departure;
use super::failure::{self, Failure};
use super::form::Form;
use super::path;
use super::visit::Visit;
use crate::access::link_answers::Asks;
use crate::access::sessions::{self, Session};
use crate::directory::link_requests::Opened;
use crate::flows::answer_link_request::{AnswerError, Typed};
use crate::http::client_address::client_address;
use crate::http::context::Context;
use crate::http::cookies::Cookie;
use crate::http::guesses::{Guess, Whence};
use crate::http::page_answer::Forms;
use crate::http::throttle::network;
use crate::pages::link::LinkPage;
use crate::pages::linked::LinkedPage;
use crate::values::password::Password;
use crate::values::secret::Secret;

impl From<AnswerError> for Failure {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Dead => Self::LinkRequestDead,
            AnswerError::Busy => Self::Busy,
            AnswerError::Store(error) => error.into(),
            AnswerError::Wrong | AnswerError::Internal(_) => Self::Internal(error.to_string()),
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
    let session = session(visit).await?;
    let (opened, asks) = visit.context.answer_link_request().look(&visit.op, &token, session.as_ref()).await?;
    Ok(page(visit, StatusCode::OK, (&opened, asks), &token, None))
}

async fn submit(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    departure::admit(visit)?;
    let form = Form::read(visit.request, payload, visit.context.config.limits.form_bytes).await?;
    let token = activation::token(visit, Failure::LinkRequestDead)?;
    let (story, session) = (visit.context.answer_link_request(), session(visit).await?);
    let (opened, asks) = story.look(&visit.op, &token, session.as_ref()).await?;
    let guesses = admit(visit, &opened, asks)?;
    let typed = Typed {
        password: Password::typed(form.field("password").unwrap_or_default()),
        code: Secret::from(form.field("code").unwrap_or_default().to_owned()),
    };
    match story.say_yes(&visit.op, &token, session.as_ref(), typed).await {
        Ok(linked) => {
            guesses.into_iter().for_each(Guess::was_right);
            let support = failure::support(&linked.organization);
            let page = LinkedPage { connection: linked.connection.name, support };
            Ok(visit.pages.page(StatusCode::OK, &page, Forms::StayHere))
        }
        Err(AnswerError::Wrong) => {
            let problem = match asks {
                Asks::PasswordAndCode => "The password or the code is not right.",
                Asks::Nothing | Asks::NothingMore | Asks::Password => "The password is not right.",
            };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(page(visit, status, (&opened, asks), &token, Some(problem.to_owned())))
        }
        Err(error) => {
            guesses.into_iter().for_each(Guess::was_not_judged);
            Err(error.into())
        }
    }
}

/// What is typed beside the yes is a guess like any other about the address and the account.
fn admit(visit: &Visit<'_>, opened: &Opened, asks: Asks) -> Result<Vec<Guess>, Failure> {
    let network = network(client_address(visit.request, &visit.context.config.trusted_proxies));
    let whence = Whence::Network(network);
    let password = || visit.context.guesses.admit(&opened.address, whence, visit.op.at);
    let code = || visit.context.codes.admit(&opened.account().to_string(), whence, visit.op.at);
    Ok(match asks {
        Asks::Nothing | Asks::NothingMore => Vec::new(),
        Asks::Password => vec![password()?],
        Asks::PasswordAndCode => vec![password()?, code()?],
    })
}

/// The live session of this browser, if there is one.
async fn session(visit: &Visit<'_>) -> Result<Option<Session>, Failure> {
    let Some(token) = visit.cookies.read(visit.request, Cookie::Session) else { return Ok(None) };
    let (op, limits) = (visit.op.clone(), visit.context.session_limits());
    Ok(visit.context.store.read(move |tx| sessions::find_live(tx, &op, &token, limits)).await?)
}

fn page(
    visit: &Visit<'_>,
    status: StatusCode,
    (opened, asks): (&Opened, Asks),
    token: &str,
    problem: Option<String>,
) -> HttpResponse {
    let page = LinkPage {
        address: opened.address.clone(),
        connection: opened.connection.name.clone(),
        support: failure::support(&opened.organization),
        action: path::link(token),
        asks_password: matches!(asks, Asks::Password | Asks::PasswordAndCode),
        asks_code: asks == Asks::PasswordAndCode,
        problem,
    };
    visit.pages.page(status, &page, Forms::StayHere)
}
