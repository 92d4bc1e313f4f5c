//! `POST /oauth2/token`.

use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use super::{Provider, client, form};
use crate::access::clients;
use crate::access::tokens::{self, Outcome, PresentedCode};
use crate::protocol::oidc::client_authentication;
use crate::protocol::oidc::token::TokenRequest;
use crate::values::operation::Actor;

/// Redeems a code or rotates a refresh token. Who asks is checked by a read, so that nobody who cannot prove it
/// reaches the writer; the signing happens after the commit.
pub async fn post(request: HttpRequest, provider: Provider, payload: Payload) -> Result<HttpResponse, Failure> {
    let parameters = form::parameters(&request, &provider, payload).await?;
    let credentials = client::credentials(&request, &parameters)?;
    let asked = TokenRequest::parse(&parameters)?;
    let op = provider.operation();
    let ours = provider.keys().clone();
    let (application, keys) = provider
        .store()
        .read(move |tx| Ok::<_, Failure>((clients::authenticate(tx, &credentials)?, ours.oidc(tx, op.at)?)))
        .await?;
    let application = application.ok_or(Failure::OAuth(client_authentication::refused()))?;
    let op = provider.operation().by(Actor::Application { application: application.id });
    let (client, lifetimes, in_write) = (application.id, provider.lifetimes(), op.clone());
    let outcome = provider
        .store()
        .write(move |tx| match &asked {
            TokenRequest::AuthorizationCode { code, redirect_uri, code_verifier } => {
                let presented = PresentedCode {
                    code: code.clone(),
                    redirect_uri: redirect_uri.clone(),
                    verifier: code_verifier.clone(),
                };
                tokens::redeem(tx, &in_write, &application, &presented, lifetimes)
            }
            TokenRequest::RefreshToken { refresh_token, scope } => {
                tokens::refresh(tx, &in_write, &application, refresh_token, *scope, lifetimes)
            }
        })
        .await?;
    match outcome {
        Outcome::Refused(refusal) => {
            tracing::info!(application = %client, ?refusal, "a token request was refused");
            Err(Failure::OAuth(refusal.error()))
        }
        Outcome::Issued(issuance) => Ok(HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((PRAGMA, "no-cache"))
            .json(issuance.sign(&op, &keys, provider.issuer())?)),
    }
}
