//! The page at the gateway's own address, and the page of addresses that lead nowhere.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::failure::{self, Failure};
use super::path;
use super::visit::Visit;
use crate::access::sessions;
use crate::access::sessions::reach::{self, Reach};
use crate::directory::{accounts, organizations};
use crate::http::account::path as account_path;
use crate::http::context::Context;
use crate::http::cookies::Cookie;
use crate::http::page_answer::Forms;
use crate::pages::home::{HomePage, Person};
use crate::store::failure::StoreError;

/// `GET /`
pub async fn get(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(show(&visit).await)
}

/// Every address that leads nowhere.
pub async fn unknown(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    Visit::new(&context, &request).answer(Err(Failure::NotFound))
}

/// Every method that a page does not have.
pub async fn other_method(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    Visit::new(&context, &request).answer(Err(Failure::MethodNotAllowed))
}

async fn show(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let person = match visit.cookies.read(visit.request, Cookie::Session) {
        None => None,
        Some(token) => {
            let (op, limits) = (visit.op.clone(), visit.context.session_limits());
            let found = visit.context.store.read(move |tx| {
                let Some(session) = sessions::find_live(tx, &op, &token, limits)? else { return Ok(None) };
                let account = accounts::find(tx, session.account)?;
                let organization = organizations::find(tx, session.organization)?;
                let reach = reach::of(tx, &session)?;
                Ok::<_, StoreError>(account.zip(organization).map(|(account, found)| (account, found, reach)))
            });
            found.await?.map(|(account, organization, reach)| {
                let address = || account.profile.primary_address().map(|address| address.as_str().to_owned());
                let name = account.profile.name().or_else(address).unwrap_or_default();
                Person {
                    name,
                    support: failure::support(&organization),
                    sign_out: path::SIGN_OUT.to_owned(),
                    security: (reach == Reach::Account).then(|| account_path::SECURITY.to_owned()),
                    sessions: account_path::SESSIONS.to_owned(),
                }
            })
        }
    };
    Ok(visit.pages.page(StatusCode::OK, &HomePage { person }, Forms::StayHere))
}
