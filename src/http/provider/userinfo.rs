//! `GET, POST /oauth2/userinfo`.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use super::{Provider, form};
use crate::access::tokens;
use crate::http::bearer;
use crate::protocol::oidc::error::OAuthError;
use crate::protocol::oidc::parameters::Parameters;
use crate::protocol::oidc::userinfo::bearer_token;

/// The token comes in the header.
pub async fn get(request: HttpRequest, provider: Provider) -> Result<HttpResponse, Failure> {
    let token = presented(&request, None)?;
    answer(&provider, token.to_owned()).await
}

/// The token comes in the header or in a form body.
pub async fn post(request: HttpRequest, provider: Provider, payload: Payload) -> Result<HttpResponse, Failure> {
    let form = form::parameters_if_any(&request, &provider, payload).await?;
    let token = presented(&request, form.as_ref())?;
    answer(&provider, token.to_owned()).await
}

/// The token that was presented. What cannot be taken for one request with one token is refused as such (RFC 6750, 3.1: "repeats the
/// same parameter, uses more than one method for including an access token, or is otherwise malformed").
fn presented<'a>(request: &'a HttpRequest, form: Option<&'a Parameters>) -> Result<&'a str, Failure> {
    let header = bearer::token(request)
        .map_err(|malformed| Failure::MalformedBearer(OAuthError::invalid_request(malformed.text())))?;
    bearer_token(header, form).map_err(Failure::MalformedBearer)?.ok_or(Failure::NoToken)
}

/// One read: the keys (from memory), and what the grant rests on.
async fn answer(provider: &Provider, token: String) -> Result<HttpResponse, Failure> {
    let op = provider.operation();
    let ours = provider.clone();
    let found = provider
        .store()
        .read(move |tx| {
            let keys = ours.keys().oidc(tx, op.at)?;
            let claims = keys.verification().access_token(&token, ours.issuer(), op.at);
            let claims = claims.map_err(|_| Failure::InvalidToken)?;
            Ok::<_, Failure>(tokens::userinfo(tx, &op, &claims)?)
        })
        .await?;
    let claims = found.ok_or(Failure::InvalidToken)?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(claims))
}
