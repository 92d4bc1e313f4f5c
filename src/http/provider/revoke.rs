//! `POST /oauth2/revoke` (RFC 7009).

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use super::{Provider, client, form};
use crate::access::{clients, tokens};
use crate::protocol::oidc::client_authentication;
use crate::protocol::oidc::token::parse_revocation;
use crate::values::operation::Actor;

/// Revokes the grant of a refresh or an access token. An unknown token is answered like a known one.
pub async fn post(request: HttpRequest, provider: Provider, payload: Payload) -> Result<HttpResponse, Failure> {
    let parameters = form::parameters(&request, &provider, payload).await?;
    let credentials = client::credentials(&request, &parameters)?;
    let token = parse_revocation(&parameters)?;
    let op = provider.operation();
    let ours = provider.keys().clone();
    let (application, keys) = provider
        .store()
        .read(move |tx| Ok::<_, Failure>((clients::authenticate(tx, &credentials)?, ours.oidc(tx, op.at)?)))
        .await?;
    let application = application.ok_or(Failure::OAuth(client_authentication::refused()))?;
    let op = provider.operation().by(Actor::Application { application: application.id });
    let claims = keys.verification().access_token(token.expose(), provider.issuer(), op.at).ok();
    provider
        .store()
        .write(move |tx| match &claims {
            Some(claims) => tokens::revoke_by_claims(tx, &op, &application, claims),
            None => tokens::revoke(tx, &op, &application, &token),
        })
        .await?;
    Ok(HttpResponse::Ok().finish())
}
