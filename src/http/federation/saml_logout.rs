//! SAML: where a provider's messages about signing out come, by redirect and by form.
//!
//! Only what its provider signed counts. A request ends the sessions that it names, and is answered. An answer to a request
//! of ours ends nothing that has not ended before: its browser goes on to a page of our own site, where the cookie shows
//! whether it is the one that left.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::failure::{self, Failure, Named};
use super::saml_form::SamlForm;
use crate::flows::sign_out_by_saml::{self, Message, SignOutError};
use crate::http::context::Context;
use crate::http::observe::request_id;
use crate::http::page_answer::{Forms, PageHeaders, see_other};
use crate::http::saml_message;
use crate::http::sign_in::path;
use crate::pages::signed_out::SignedOutPage;
use crate::protocol::saml::redirect_binding::{self, Kind};
use crate::values::ids::ConnectionId;
use crate::values::operation::{Actor, Operation};

impl From<SignOutError> for Failure {
    fn from(error: SignOutError) -> Self {
        match error {
            SignOutError::NoConnection => Self::NotFound,
            SignOutError::Rejected(rejected) => Self::Logout(rejected.code()),
            SignOutError::NotExpected => Self::NotExpected,
            SignOutError::Unfinished(_) => Self::Unavailable,
            SignOutError::ServiceProvider(error) => error.into(),
            SignOutError::Store(error) => error.into(),
        }
    }
}

/// `GET /federation/saml/{connection}/slo`
pub async fn get(request: HttpRequest, context: Data<Context>, path: Path<String>) -> HttpResponse {
    let op = context.operation(Actor::Anonymous, request_id(&request));
    let Ok(connection) = path.parse() else {
        return failure::answer(&context, &op, None, Failure::NotFound).await;
    };
    let outcome = match redirected(&context, &op, &request) {
        Ok((kind, message)) => take(&context, &op, connection, kind, message).await,
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(answer) => answer,
        Err(failure) => failure::answer(&context, &op, Some(Named::Saml(connection)), failure).await,
    }
}

/// `POST /federation/saml/{connection}/slo`
pub async fn post(request: HttpRequest, context: Data<Context>, path: Path<String>, payload: Payload) -> HttpResponse {
    let op = context.operation(Actor::Anonymous, request_id(&request));
    let Ok(connection) = path.parse() else {
        return failure::answer(&context, &op, None, Failure::NotFound).await;
    };
    let outcome = match posted(&context, &op, &request, payload).await {
        Ok((kind, message)) => take(&context, &op, connection, kind, message).await,
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(answer) => answer,
        Err(failure) => failure::answer(&context, &op, Some(Named::Saml(connection)), failure).await,
    }
}

/// The message in the query.
fn redirected(context: &Context, op: &Operation, request: &HttpRequest) -> Result<(Kind, Message), Failure> {
    context.admit(&context.throttles.answers, request, op)?;
    let limit = context.config.limits.saml_response_bytes;
    let received = redirect_binding::read(request.query_string(), limit).map_err(|_| Failure::Malformed)?;
    Ok((received.kind, Message::Redirected(received)))
}

/// The message in the form.
async fn posted(
    context: &Context,
    op: &Operation,
    request: &HttpRequest,
    payload: Payload,
) -> Result<(Kind, Message), Failure> {
    context.admit(&context.throttles.answers, request, op)?;
    let form = SamlForm::read(context, request, payload).await?;
    let (kind, text) = match (form.field(Kind::Request.parameter())?, form.field(Kind::Response.parameter())?) {
        (Some(text), None) => (Kind::Request, text),
        (None, Some(text)) => (Kind::Response, text),
        (Some(_), Some(_)) | (None, None) => return Err(Failure::Malformed),
    };
    let relay_state = form.field("RelayState")?;
    if relay_state.is_some_and(|state| state.len() > redirect_binding::MAX_RELAY_STATE_BYTES) {
        return Err(Failure::Malformed);
    }
    Ok((kind, Message::Posted { text: text.to_owned(), relay_state: relay_state.map(str::to_owned) }))
}

async fn take(
    context: &Context,
    op: &Operation,
    connection: ConnectionId,
    kind: Kind,
    message: Message,
) -> Result<HttpResponse, Failure> {
    let parties = context.sign_out_parties();
    let pages = PageHeaders::new(&context.config.public_url);
    match kind {
        Kind::Request => match sign_out_by_saml::answer(parties, op, connection, message).await? {
            Some(outgoing) => Ok(saml_message::answer(pages, outgoing)),
            None => Ok(pages.page(StatusCode::OK, &SignedOutPage::here(), Forms::StayHere)),
        },
        Kind::Response => {
            let handle = sign_out_by_saml::finish(parties, op, connection, message).await?;
            Ok(see_other(&path::signed_out(&handle)))
        }
    }
}
