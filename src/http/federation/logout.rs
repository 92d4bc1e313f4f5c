//! OpenID Connect Back-Channel Logout: a provider tells us, without a browser, that somebody's session there has ended.
//! The answers are those of the standard (2.8): 200, or 400 with a reason, and nothing is to be kept of them.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde_json::json;

use super::failure::note_stray;
use crate::flows::log_out_by_provider::{self, LogOutError};
use crate::http::context::Context;
use crate::http::observe::request_id;
use crate::http::problem::RETRY_AFTER_SECONDS;
use crate::http::request_body::{self, BodyFailure, FORM};
use crate::http::throttle::OverLimit;
use crate::protocol::oidc::parameters::Parameters;
use crate::store::failure::StoreError;
use crate::values::ids::ConnectionId;
use crate::values::operation::{Actor, Operation};

/// Why a call does nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("logout_token is missing, or the form is malformed")]
    Form,
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    #[error(transparent)]
    Body(#[from] BodyFailure),
    #[error(transparent)]
    LogOut(#[from] LogOutError),
}

/// `POST /federation/oidc/{connection}/backchannel-logout`
pub async fn post(request: HttpRequest, context: Data<Context>, path: Path<String>, payload: Payload) -> HttpResponse {
    let op = context.operation(Actor::Anonymous, request_id(&request));
    let Ok(connection) = path.parse::<ConnectionId>() else {
        return refusal(&LogOutError::NotFound.into());
    };
    match take(&context, &op, connection, &request, payload).await {
        Ok(ended) => {
            tracing::info!(%connection, ended, "a provider ended sessions");
            answer(StatusCode::OK).finish()
        }
        Err(failure) => {
            tracing::info!(%connection, reason = %failure, "a logout token was refused");
            if let Failure::LogOut(error) = &failure
                && let Some(code) = error.code()
            {
                note_stray(&context, &op, connection, code).await;
            }
            refusal(&failure)
        }
    }
}

/// Every method that this door does not have.
pub async fn other_method() -> HttpResponse {
    answer(StatusCode::METHOD_NOT_ALLOWED).json(json!({ "error": "invalid_request" }))
}

async fn take(
    context: &Context,
    op: &Operation,
    connection: ConnectionId,
    request: &HttpRequest,
    payload: Payload,
) -> Result<usize, Failure> {
    context.admit(&context.throttles.logouts, request, op)?;
    let limit = context.config.limits.form_bytes;
    let body = request_body::bounded(request, payload, &[FORM], limit).await?;
    let form = std::str::from_utf8(&body).ok().and_then(|text| Parameters::parse_within(text, limit).ok());
    let form = form.filter(|form| !form.has_repeated()).ok_or(Failure::Form)?;
    let token = form.get("logout_token").ok_or(Failure::Form)?;
    let skew = context.config.lifetimes.clock_skew_seconds;
    Ok(log_out_by_provider::take(&context.store, &context.outside.idp, op, connection, token, skew).await?)
}

fn answer(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.insert_header((CACHE_CONTROL, "no-store"));
    answer
}

fn refusal(failure: &Failure) -> HttpResponse {
    let (status, code) = match failure {
        Failure::LogOut(LogOutError::NotFound) => (StatusCode::NOT_FOUND, "invalid_request"),
        Failure::LogOut(LogOutError::Store(error)) if !matches!(error, StoreError::Unavailable(_)) => {
            tracing::error!(%error, "a logout token was not taken");
            (StatusCode::INTERNAL_SERVER_ERROR, "server_error")
        }
        Failure::LogOut(LogOutError::Store(_) | LogOutError::Provider(_)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
        }
        Failure::OverLimit(_) => (StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable"),
        Failure::Body(BodyFailure::TooLong(_)) => (StatusCode::PAYLOAD_TOO_LARGE, "invalid_request"),
        Failure::Body(BodyFailure::TooSlow) => (StatusCode::REQUEST_TIMEOUT, "invalid_request"),
        Failure::Form
        | Failure::Body(BodyFailure::MediaType | BodyFailure::Encoding | BodyFailure::Unreadable)
        | Failure::LogOut(LogOutError::Refused(_) | LogOutError::Subject(_) | LogOutError::Replayed) => {
            (StatusCode::BAD_REQUEST, "invalid_request")
        }
    };
    let mut answer = answer(status);
    let wait = match failure {
        Failure::OverLimit(limit) => Some(limit.retry_after_seconds),
        _ => (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_SECONDS),
    };
    if let Some(seconds) = wait {
        answer.insert_header((RETRY_AFTER, seconds));
    }
    answer.json(json!({ "error": code }))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::CONTENT_TYPE;
    use actix_web::test::TestRequest;
    use serde_json::{Value, json};

    use crate::access::attempts::state::Identified;
    use crate::access::sessions;
    use crate::access::testing::{World, world};
    use crate::access::traces;
    use crate::directory::accounts;
    use crate::flows::testing::Provider;
    use crate::http::context::Context;
    use crate::http::testing::{Answer, context, send};
    use crate::http::throttle::{Rate, Throttle};
    use crate::protocol::oidc::relying_party::dishonest::KEYS;
    use crate::protocol::oidc::relying_party::logout_token::EVENT;
    use crate::store::traces::Wanted;
    use crate::values::ids::ConnectionId;
    use crate::values::page::PageRequest;
    use crate::values::secret::Secret;

    fn claims(world: &World, provider: &Provider, id: &str) -> Value {
        let now = world.op().at.seconds();
        json!({ "iss": provider.issuer, "aud": "causeway", "iat": now, "exp": now + 120, "jti": id, "sid": "s1",
            "events": { EVENT: {} } })
    }

    fn signed(claims: &Value) -> String {
        KEYS.sign(&json!({ "alg": "ES256", "kid": "k1", "typ": "logout+jwt" }), claims)
    }

    async fn post(context: &Context, connection: ConnectionId, body: String) -> Answer {
        let request = TestRequest::post().uri(&format!("/federation/oidc/{connection}/backchannel-logout"));
        let request = request.insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"));
        send(context, request.peer_addr("192.0.2.7:9".parse().unwrap()).set_payload(body)).await
    }

    async fn start_session(world: &World, context: &Context) -> Secret {
        let (op, account, organization, connection) = (world.op(), world.ada, world.organization, world.connection);
        let limits = context.session_limits();
        let start = world.store().write(move |tx| {
            let identified = Identified {
                account,
                organization,
                connection: Some(connection),
                session_epoch: accounts::find(tx, account)?.unwrap().session_epoch,
                amr: vec!["pwd".to_owned()],
                acr: "a".to_owned(),
                auth_time: None,
                session_expires_at: None,
                upstream_session: Some("s1".to_owned()),
            };
            sessions::start(tx, &op, &identified, limits)
        });
        start.await.unwrap().1
    }

    async fn is_live(world: &World, context: &Context, token: &Secret) -> bool {
        let (op, token, limits) = (world.op(), token.clone(), context.session_limits());
        world.store().read(move |tx| sessions::find_live(tx, &op, &token, limits)).await.unwrap().is_some()
    }

    #[actix_web::test]
    async fn a_session_ends_with_the_one_at_the_provider() {
        for world in world().await {
            let (provider, context) = (Provider::start(&world, ""), context(&world, "https://id.test").await);
            world.connect_to(&provider.issuer).await;
            let session = start_session(&world, &context).await;
            let token = signed(&claims(&world, &provider, "j1"));
            let body = format!("logout_token={token}");
            let elsewhere = post(&context, world.other_connection, body.clone()).await;
            assert_eq!((elsewhere.status.as_u16(), is_live(&world, &context, &session).await), (503, true));
            let answer = post(&context, world.connection, body.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.header("cache-control").as_deref()), (200, Some("no-store")));
            assert!(!is_live(&world, &context, &session).await, "{}", world.engine());
            let again = post(&context, world.connection, body).await;
            assert_eq!((again.status.as_u16(), again.header("cache-control").as_deref()), (400, Some("no-store")));
            assert_eq!(again.json(), json!({ "error": "invalid_request" }));
        }
    }

    #[actix_web::test]
    async fn what_is_no_logout_token_ends_nothing_and_its_check_is_traced_once() {
        for world in world().await {
            let (provider, context) = (Provider::start(&world, ""), context(&world, "https://id.test").await);
            world.connect_to(&provider.issuer).await;
            let session = start_session(&world, &context).await;
            let mut for_another = claims(&world, &provider, "j1");
            for_another["aud"] = json!("another");
            let token = signed(&claims(&world, &provider, "j2"));
            for (body, status) in [
                (format!("logout_token={}", signed(&for_another)), 400),
                (format!("logout_token={}", signed(&for_another)), 400),
                (format!("logout_token={token}&logout_token={token}"), 400),
                ("logout_token=".to_owned(), 400),
                ("logout_token=x.y.z".to_owned(), 400),
                ("x".repeat(70_000), 413),
            ] {
                let answer = post(&context, world.connection, body).await;
                assert_eq!(
                    (answer.status.as_u16(), answer.header("cache-control").as_deref()),
                    (status, Some("no-store"))
                );
            }
            assert!(is_live(&world, &context, &session).await);
            let (op, organization) = (world.operator(), world.organization);
            let page = PageRequest::new(None, Some(10)).unwrap();
            let read = world.store().read(move |tx| traces::page(tx, &op, organization, &Wanted::default(), &page));
            let mut codes: Vec<_> = read.await.unwrap().items.into_iter().filter_map(|trace| trace.code).collect();
            codes.sort();
            assert_eq!(codes, ["logout_audience", "logout_signature"]);
        }
    }

    #[actix_web::test]
    async fn an_address_of_no_openid_connection_is_not_there_and_one_network_may_post_so_many() {
        for world in world().await {
            let mut context = context(&world, "https://id.test").await;
            let nobody: ConnectionId = world.op().new_id();
            assert_eq!(post(&context, nobody, "logout_token=x".to_owned()).await.status, 404);
            context.throttles.logouts = Throttle::new(Rate::per_minute(1));
            assert_eq!(post(&context, nobody, "logout_token=x".to_owned()).await.status, 404);
            let refused = post(&context, nobody, "logout_token=x".to_owned()).await;
            assert_eq!((refused.status.as_u16(), refused.header("retry-after").as_deref()), (429, Some("60")));
        }
    }

    #[actix_web::test]
    async fn the_keys_that_prove_the_gateway_are_public_and_those_of_no_token() {
        for world in world().await {
            let context = context(&world, "https://id.test").await;
            let get = async |path: String| send(&context, TestRequest::get().uri(&path)).await;
            let ours = get(format!("/federation/oidc/{}/jwks", world.connection)).await;
            assert_eq!(
                (ours.status.as_u16(), ours.header("cache-control").as_deref()),
                (200, Some("public, max-age=300"))
            );
            let kids = |answer: &Answer| {
                let keys = answer.json()["keys"].as_array().unwrap().clone();
                assert!(keys.iter().all(|key| key["alg"].is_string() && key["d"].is_null()));
                keys.into_iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
            };
            let of_tokens = kids(&get("/oauth2/jwks".to_owned()).await);
            assert!(kids(&ours).len() == 2 && kids(&ours).iter().all(|kid| !of_tokens.contains(kid)));
            let nobody: ConnectionId = world.op().new_id();
            assert_eq!(get(format!("/federation/oidc/{nobody}/jwks")).await.status, 404);
        }
    }
}
