//! `GET, POST /oauth2/end-session` (OpenID Connect RP-Initiated Logout 1.0).
//!
//! The session ends at once when the application proves, by an ID token of ours about this very session, that it
//! speaks of it; otherwise the person is asked. The browser goes back to the application only to a registered URI of
//! the application that the ID token is for.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::failure::{self, Failure};
use super::{Provider, form};
use crate::access::sessions::{self, Session};
use crate::directory::applications;
use crate::http::cookies::Cookie;
use crate::http::page_answer::{Forms, see_other};
use crate::http::session_end;
use crate::pages::sign_out::SignOutPage;
use crate::protocol::oidc::discovery::path;
use crate::protocol::oidc::error::OAuthError;
use crate::protocol::oidc::id_token::HintClaims;
use crate::protocol::oidc::logout::{EndSessionRequest, return_url};
use crate::protocol::oidc::redirect_uri::is_registered;
use crate::store::Tx;
use crate::values::operation::Operation;
use crate::values::secret::Secret;

/// Where the form of the question goes.
const SIGN_OUT: &str = "/sign-out";

/// The request is in the query.
pub async fn get(request: HttpRequest, provider: Provider) -> HttpResponse {
    let op = provider.operation();
    answer(&request, &provider, &op).await.unwrap_or_else(|failure| failure::shown(&provider, &op, &failure))
}

/// The request is in the body; cookies come along only when the browser asks again by GET (see `authorize`).
pub async fn post(request: HttpRequest, provider: Provider, payload: Payload) -> HttpResponse {
    match form::text(&request, &provider, payload).await {
        Ok(form) if form.bytes().all(|byte| byte.is_ascii_graphic()) => {
            see_other(&format!("{}?{form}", path::END_SESSION))
        }
        Ok(_) => {
            let error = OAuthError::invalid_request("the parameters are malformed");
            failure::page(&provider, &provider.operation(), &error)
        }
        Err(failure) => failure::shown(&provider, &provider.operation(), &failure),
    }
}

/// What the request and the browser's session amount to.
enum Outcome {
    /// Nobody is signed in (any more); go there, or show that.
    SignedOut(Option<String>),
    /// Somebody is signed in, and the application did not prove that it means them.
    Ask,
    /// The person's session ends.
    End(Secret, Option<String>),
}

async fn answer(request: &HttpRequest, provider: &Provider, op: &Operation) -> Result<HttpResponse, Failure> {
    provider.admit_sign_out(request, op)?;
    let parameters = form::query(request, provider)?;
    let asked = EndSessionRequest::parse(&parameters)?;
    let token = provider.cookies().read(request, Cookie::Session);
    let (ours, reader) = (provider.clone(), op.clone());
    match provider.store().read(move |tx| look(tx, &ours, &reader, &asked, token.as_ref())).await? {
        Outcome::Ask => {
            let page = SignOutPage { action: SIGN_OUT.to_owned() };
            Ok(provider.pages().page(StatusCode::OK, &page, Forms::LeadAway))
        }
        Outcome::SignedOut(back) => Ok(session_end::signed_out(provider.pages(), back)),
        Outcome::End(token, back) => Ok(session_end::end(&provider.context, request, op, token, back).await?),
    }
}

/// Changes nothing, for anybody can ask.
fn look(
    tx: &mut Tx<'_>,
    provider: &Provider,
    op: &Operation,
    asked: &EndSessionRequest,
    token: Option<&Secret>,
) -> Result<Outcome, Failure> {
    let hint = match &asked.id_token_hint {
        Some(hint) => provider.keys().oidc(tx, op.at)?.verification().id_token_hint(hint, provider.issuer()).ok(),
        None => None,
    };
    let back = return_address(tx, asked, hint.as_ref())?;
    let Some(token) = token else { return Ok(Outcome::SignedOut(back)) };
    match sessions::find_live(tx, op, token, provider.session_limits())? {
        None => Ok(Outcome::SignedOut(back)),
        Some(session) if is_about(hint.as_ref(), &session) => Ok(Outcome::End(token.clone(), back)),
        Some(_) => Ok(Outcome::Ask),
    }
}

fn is_about(hint: Option<&HintClaims>, session: &Session) -> bool {
    hint.and_then(|hint| hint.sid.as_deref()).is_some_and(|sid| sid == session.id.to_string())
}

/// A registered URI of the application that the verified hint is for, with `state`. Anything else leads nowhere.
fn return_address(
    tx: &mut Tx<'_>,
    asked: &EndSessionRequest,
    hint: Option<&HintClaims>,
) -> Result<Option<String>, Failure> {
    let (Some(hint), Some(uri)) = (hint, &asked.post_logout_redirect_uri) else { return Ok(None) };
    if asked.client_id.as_ref().is_some_and(|client_id| *client_id != hint.aud) {
        return Ok(None);
    }
    let Ok(id) = hint.aud.parse() else { return Ok(None) };
    let application = applications::find(tx, id)?;
    let is_known = application.is_some_and(|known| is_registered(uri, &known.post_logout_redirect_uris));
    Ok(is_known.then(|| return_url(uri, asked.state.as_deref())))
}
