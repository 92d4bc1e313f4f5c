//! `POST /oauth2/token`.

use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use super::{Provider, client, client_credentials, form};
use crate::access::clients;
use crate::access::grants::Lifetimes;
use crate::access::tokens::{self, Outcome, PresentedCode};
use crate::directory::applications::Application;
use crate::protocol::oidc::client_authentication::{self, ClientCredentials};
use crate::protocol::oidc::token::TokenRequest;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::operation::{Actor, Operation};

/// Redeems a code, rotates a refresh token, or gives a SCIM client its token.
pub async fn post(request: HttpRequest, provider: Provider, payload: Payload) -> Result<HttpResponse, Failure> {
    let parameters = form::parameters(&request, &provider, payload).await?;
    let credentials = client::credentials(&request, &parameters)?;
    match TokenRequest::parse(&parameters)? {
        TokenRequest::AuthorizationCode { code, redirect_uri, code_verifier } => {
            let presented = PresentedCode { code, redirect_uri, verifier: code_verifier };
            let work = move |tx: &mut Tx<'_>, op: &Operation, application: &Application, lifetimes| {
                tokens::redeem(tx, op, application, &presented, lifetimes)
            };
            to_application(&provider, credentials, work).await
        }
        TokenRequest::RefreshToken { refresh_token, scope } => {
            let work = move |tx: &mut Tx<'_>, op: &Operation, application: &Application, lifetimes| {
                tokens::refresh(tx, op, application, &refresh_token, scope, lifetimes)
            };
            to_application(&provider, credentials, work).await
        }
        TokenRequest::ClientCredentials { scope } => {
            let op = provider.operation();
            provider.admit_token_request(&request, &op)?;
            client_credentials::answer(&provider, &op, &credentials, scope).await
        }
    }
}

/// Does `work` for an application. Who asks is checked by a read, so that nobody who cannot prove it reaches the writer;
/// the signing happens after the commit.
async fn to_application(
    provider: &Provider,
    credentials: ClientCredentials,
    work: impl FnOnce(&mut Tx<'_>, &Operation, &Application, Lifetimes) -> Result<Outcome, StoreError> + Send + 'static,
) -> Result<HttpResponse, Failure> {
    let op = provider.operation();
    let ours = provider.keys().clone();
    let (application, keys) = provider
        .store()
        .read(move |tx| Ok::<_, Failure>((clients::authenticate(tx, &credentials)?, ours.oidc(tx, op.at)?)))
        .await?;
    let application = application.ok_or(Failure::OAuth(client_authentication::refused()))?;
    let op = provider.operation().by(Actor::Application { application: application.id });
    let (client, lifetimes, in_write) = (application.id, provider.lifetimes(), op.clone());
    match provider.store().write(move |tx| work(tx, &in_write, &application, lifetimes)).await? {
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
