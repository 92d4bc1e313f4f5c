//! Where the person is signed in, and the end of what they do not want any more.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::path;
use super::signed_in::SignedIn;
use crate::access::own_sessions::{self, OwnSession};
use crate::access::sessions::reach::{self, Reach};
use crate::http::page_answer::{Forms, see_other};
use crate::http::sign_in::failure::Failure;
use crate::http::sign_in::path as sign_in_path;
use crate::http::sign_in::visit::Visit;
use crate::pages::account_sessions::{AccountSessionsPage, Place};
use crate::store::failure::StoreError;

/// `GET /account/sessions`
pub async fn get(visit: &Visit<'_>) -> Result<HttpResponse, Failure> {
    let person = SignedIn::of(visit).await?;
    let (op, session, limits) = (person.op.clone(), person.session.clone(), visit.context.session_limits());
    let read = visit.context.store.read(move |tx| {
        Ok::<_, StoreError>((reach::of(tx, &session)?, own_sessions::list(tx, &op, &session, limits)?))
    });
    let (reach, found) = read.await?;
    let this = found.iter().find(|own| own.is_this && reach != Reach::Account);
    let page = AccountSessionsPage {
        form_token: person.form_token(),
        guest_of: this.map(|own| own.organization.clone()),
        places: found.into_iter().map(place).collect(),
        end_one: path::END_SESSION.to_owned(),
        end_others: path::END_OTHER_SESSIONS.to_owned(),
        sign_out: sign_in_path::SIGN_OUT.to_owned(),
        security: (reach == Reach::Account).then(|| path::SECURITY.to_owned()),
    };
    Ok(visit.pages.page(StatusCode::OK, &page, Forms::StayHere))
}

/// `POST /account/sessions/end`
pub async fn end_one(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    let person = SignedIn::of(visit).await?;
    let form = person.form(visit, payload).await?;
    let id = form.field("session").and_then(|id| id.parse().ok()).ok_or(Failure::Malformed)?;
    let limits = visit.context.session_limits();
    person.write(visit, move |tx, op, session| own_sessions::end_one(tx, op, session, limits, id)).await?;
    Ok(see_other(path::SESSIONS))
}

/// `POST /account/sessions/end-others`
pub async fn end_others(visit: &Visit<'_>, payload: Payload) -> Result<HttpResponse, Failure> {
    let person = SignedIn::of(visit).await?;
    person.form(visit, payload).await?;
    person.write(visit, own_sessions::end_others).await?;
    Ok(see_other(path::SESSIONS))
}

fn place(session: OwnSession) -> Place {
    Place {
        session: session.id,
        organization: session.organization,
        way: session.connection.unwrap_or_else(|| "your password".to_owned()),
        since: session.since,
        last_seen_at: session.last_seen_at,
        is_this: session.is_this,
    }
}
