//! `GET, POST /oauth2/authorize`: checks what an application asks for, and answers with a code, with an error at the
//! application, or with the sign-in pages. What cannot be trusted to come from the application is answered with a page.

use actix_web::http::header::SET_COOKIE;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::failure::{self, Failure};
use super::{Provider, form};
use crate::access::attempts::{self, NewAttempt};
use crate::access::grants::{self, Decision};
use crate::access::sessions::{self, Session};
use crate::access::step_up::{self, Place};
use crate::directory::applications::{self, Application};
use crate::flows::leave_for_provider::Beginning;
use crate::http::cookies::Cookie;
use crate::http::page_answer::see_other;
use crate::http::sign_in::{hint, path};
use crate::protocol::oidc::authorization::{AuthorizationRequest, addressee, echoed_state, error_url, success_url};
use crate::protocol::oidc::discovery::path as own_path;
use crate::protocol::oidc::error::{ErrorCode, OAuthError};
use crate::protocol::oidc::parameters::Parameters;
use crate::protocol::oidc::redirect_uri::is_registered;
use crate::store::Tx;
use crate::values::ids::{AccountId, AttemptId};
use crate::values::operation::Operation;
use crate::values::secret::Secret;

/// The request is in the query.
pub async fn get(request: HttpRequest, provider: Provider) -> HttpResponse {
    let op = provider.operation();
    let answer = answer(&request, &provider, &op).await;
    answer.unwrap_or_else(|failure| failure::shown(&provider, &op, &failure))
}

/// The request is in the body. A POST from the application's site brings no cookies along (`SameSite=Lax`), so the
/// browser is sent to the same request as a GET, where they arrive.
pub async fn post(request: HttpRequest, provider: Provider, payload: Payload) -> HttpResponse {
    match form::text(&request, &provider, payload).await {
        Ok(form) if form.bytes().all(|byte| byte.is_ascii_graphic()) => {
            see_other(&format!("{}?{form}", own_path::AUTHORIZE))
        }
        Ok(_) => {
            let error = OAuthError::invalid_request("the parameters are malformed");
            failure::page(&provider, &provider.operation(), &error)
        }
        Err(failure) => failure::shown(&provider, &provider.operation(), &failure),
    }
}

/// What came of looking at the request before anything is written.
struct Examined {
    application: Application,
    decision: Decision,
    hinted: Option<AccountId>,
}

async fn answer(request: &HttpRequest, provider: &Provider, op: &Operation) -> Result<HttpResponse, Failure> {
    let parameters = form::query(request, provider)?;
    let application = addressed_application(provider, &parameters).await?;
    let asked = match AuthorizationRequest::parse(&parameters) {
        Ok(asked) => asked,
        Err(error) => return Ok(refuse(provider, &parameters, &error)?),
    };
    let session_token = provider.cookies().read(request, Cookie::Session);
    let examined = examine(provider, op, asked.clone(), application, session_token.clone()).await?;
    // The hint itself is a token about a person: what is kept for the time of the sign-in is whom it names.
    let asked = AuthorizationRequest { id_token_hint: None, hinted_account: examined.hinted, ..asked };
    match (examined.decision, session_token) {
        (Decision::Refuse(error), _) => Ok(refuse(provider, &parameters, &error)?),
        (Decision::Issue, Some(token)) => issue(request, provider, op, asked, examined.application, token).await,
        (Decision::StepUp, token) => sign_in(request, provider, op, asked, examined.application, token).await,
        (Decision::Issue | Decision::SignIn, _) => {
            sign_in(request, provider, op, asked, examined.application, None).await
        }
    }
}

fn refuse(provider: &Provider, parameters: &Parameters, error: &OAuthError) -> Result<HttpResponse, OAuthError> {
    let redirect_uri = addressee(parameters)?.redirect_uri;
    Ok(see_other(&error_url(redirect_uri, error, echoed_state(parameters), provider.issuer())))
}

/// The application and its redirect URI, or a page: an error is never sent to a URI that is not registered.
async fn addressed_application(provider: &Provider, parameters: &Parameters) -> Result<Application, Failure> {
    const UNKNOWN: OAuthError = OAuthError::new(ErrorCode::InvalidClient, "the app is not known here");
    let addressee = addressee(parameters)?;
    let id = addressee.client_id.parse().map_err(|_| UNKNOWN)?;
    let application = provider.store().read(move |tx| applications::find(tx, id)).await?.ok_or(UNKNOWN)?;
    if !is_registered(addressee.redirect_uri, &application.redirect_uris) {
        return Err(OAuthError::invalid_request("the redirect_uri is not registered for the app").into());
    }
    Ok(application)
}

async fn examine(
    provider: &Provider,
    op: &Operation,
    asked: AuthorizationRequest,
    application: Application,
    session_token: Option<Secret>,
) -> Result<Examined, Failure> {
    let (ours, op) = (provider.clone(), op.clone());
    provider
        .store()
        .read(move |tx| {
            let session = live_session(tx, &ours, &op, session_token.as_ref())?;
            let hinted = match &asked.id_token_hint {
                Some(hint) => Some(hinted_account(tx, &ours, &op, hint)?),
                None => None,
            };
            let decision = grants::decide(&asked, &application, session.as_ref(), hinted, op.at);
            Ok(Examined { application, decision, hinted: hinted.flatten() })
        })
        .await
}

fn live_session(
    tx: &mut Tx<'_>,
    provider: &Provider,
    op: &Operation,
    token: Option<&Secret>,
) -> Result<Option<Session>, Failure> {
    match token {
        Some(token) => Ok(sessions::find_live(tx, op, token, provider.session_limits())?),
        None => Ok(None),
    }
}

fn hinted_account(
    tx: &mut Tx<'_>,
    provider: &Provider,
    op: &Operation,
    hint: &str,
) -> Result<Option<AccountId>, Failure> {
    let keys = provider.keys().oidc(tx, op.at)?;
    let claims = keys.verification().id_token_hint(hint, provider.issuer()).ok();
    Ok(claims.and_then(|claims| claims.sub.parse().ok()))
}

/// Issues a code over the session, which is looked at again inside the transaction.
async fn issue(
    request: &HttpRequest,
    provider: &Provider,
    op: &Operation,
    asked: AuthorizationRequest,
    application: Application,
    token: Secret,
) -> Result<HttpResponse, Failure> {
    let (ours, in_write) = (provider.clone(), op.clone());
    let (for_write, application_again) = (asked.clone(), application.clone());
    let code = provider
        .store()
        .write(move |tx| {
            let Some(session) = live_session(tx, &ours, &in_write, Some(&token))? else { return Ok(None) };
            if session.is_touch_due(in_write.at) {
                sessions::touch(tx, &in_write, &session)?;
            }
            let op = in_write.by(crate::values::operation::Actor::Person { account: session.account });
            Ok::<_, Failure>(Some(grants::issue(tx, &op, &for_write, &application_again, &session, ours.lifetimes())?))
        })
        .await?;
    let url = match code {
        None => return sign_in(request, provider, op, asked, application, None).await,
        Some(Ok(code)) => success_url(&asked.redirect_uri, code.expose(), asked.state.as_deref(), provider.issuer()),
        Some(Err(error)) => error_url(&asked.redirect_uri, &error, asked.state.as_deref(), provider.issuer()),
    };
    Ok(see_other(&url))
}

/// Begins a sign-in attempt, bound to this browser by a cookie. Where it is about a session whose person only has to prove more,
/// it begins with what they have proved; where the application names the person's address, it may leave at once.
async fn sign_in(
    request: &HttpRequest,
    provider: &Provider,
    op: &Operation,
    asked: AuthorizationRequest,
    application: Application,
    session_token: Option<Secret>,
) -> Result<HttpResponse, Failure> {
    provider.admit(request, op)?;
    let known = provider.cookies().read(request, Cookie::Attempt);
    let binding = known.unwrap_or_else(|| attempts::new_binding(op));
    let cookie = provider.cookies().set(Cookie::Attempt, &binding);
    let cookie = cookie.map_err(|error| Failure::Internal(error.to_string()))?;
    let beginning =
        Beginning { application: application.id, request: asked, binding, ttl_seconds: provider.attempt_seconds() };
    let hinted = hint::address(&beginning.request).filter(|_| session_token.is_none());
    let at_once = match hinted {
        Some(address) => {
            let session = provider.cookies().read(request, Cookie::Session);
            hint::follow(provider.context(), request, op, beginning.clone(), address, session).await?
        }
        None => None,
    };
    let next = match at_once {
        Some(url) => url,
        None => begin(provider, op, beginning, session_token).await?,
    };
    let mut answer = see_other(&next);
    answer.headers_mut().append(SET_COOKIE, cookie);
    Ok(answer)
}

/// Begins the attempt; the page that is next.
async fn begin(
    provider: &Provider,
    op: &Operation,
    beginning: Beginning,
    session_token: Option<Secret>,
) -> Result<String, Failure> {
    let (ours, op, id): (_, _, AttemptId) = (provider.clone(), op.clone(), op.new_id());
    let begun = provider.store().write(move |tx| {
        let Beginning { application, request, binding, ttl_seconds } = &beginning;
        let (application, ttl_seconds) = (*application, *ttl_seconds);
        attempts::start(tx, &op, &NewAttempt { id, application, request, binding, ttl_seconds, landing: None })?;
        match live_session(tx, &ours, &op, session_token.as_ref())? {
            Some(session) => Ok::<_, Failure>(step_up::begin(tx, &op, id, request, &session)?),
            None => Ok(Place::Nowhere),
        }
    });
    Ok(match begun.await? {
        Place::SecondStep => path::second_step(id),
        Place::Provider => path::step_up(id),
        Place::Nowhere => path::email(id),
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use crate::access::testing::{REDIRECT_URI, world};
    use crate::http::testing::{context, send};
    use crate::http::throttle::{Rate, Throttle};
    use crate::store::expiry;
    use crate::values::clock::Timestamp;

    #[actix_web::test]
    async fn one_network_begins_so_many_sign_ins_and_then_has_to_wait_and_nothing_more_is_kept() {
        for world in world().await {
            let mut context = context(&world, "https://id.test").await;
            context.throttles.authorize = Throttle::new(Rate::per_minute(2));
            let application = world.application.to_string();
            let pairs = [
                ("client_id", application.as_str()),
                ("redirect_uri", REDIRECT_URI),
                ("response_type", "code"),
                ("scope", "openid"),
                ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
                ("code_challenge_method", "S256"),
            ];
            let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            let ask = async |address: &str| {
                let request = TestRequest::get().uri(&format!("/oauth2/authorize?{query}"));
                send(&context, request.peer_addr(format!("{address}:9").parse().unwrap())).await
            };
            for _ in 0..2 {
                assert_eq!(ask("192.0.2.7").await.status, 303);
            }
            for _ in 0..5 {
                let refused = ask("192.0.2.7").await;
                assert_eq!((refused.status.as_u16(), refused.header("retry-after").as_deref()), (429, Some("30")));
                assert!(refused.text().contains("Please wait a moment"));
            }
            assert_eq!(ask("192.0.2.8").await.status, 303, "another network");
            let end = Timestamp::from_seconds(4_000_000_000);
            let kept = world.store().write(move |tx| expiry::delete_expired(tx, end, end, 100)).await.unwrap();
            assert_eq!(kept, 3);
        }
    }
}
