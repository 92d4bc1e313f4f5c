//! The page between the identity provider and the application. Cross-site answers carry no cookie of ours; here, on a
//! redirect within this origin, the browser proves that it is the one that began, and by the token in the redirect that
//! it is the one that brought the answer. Who signed in by credentials of their own comes here from one of our forms, and goes
//! on from a page instead of a redirect (decision 0035), as does everybody whose application is on the device itself.

use ::metrics::counter;
use actix_web::http::header::SET_COOKIE;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use super::path;
use super::visit::Visit;
use crate::access::arrival::{Arrival, ArrivalError, Presented, Terms, arrive, look};
use crate::access::attempts::Attempt;
use crate::access::attempts::refusal::Refusal;
use crate::http::context::Context;
use crate::http::cookies::Cookie;
use crate::http::page_answer::see_other;
use crate::protocol::oidc::authorization::{AuthorizationRequest, error_url, success_url};
use crate::protocol::oidc::error::{ErrorCode, OAuthError};
use crate::telemetry::metrics;
use crate::values::ids::AttemptId;
use crate::values::secret::Secret;

/// What the application is told whose `acr_values` the identity provider cannot meet.
const UNMET: OAuthError = OAuthError::new(
    ErrorCode::UnmetAuthenticationRequirements,
    "the identity provider of the person cannot meet the acr_values",
);

impl From<ArrivalError> for Failure {
    fn from(error: ArrivalError) -> Self {
        match error {
            ArrivalError::NotFound => Self::OtherBrowser,
            ArrivalError::AlreadyTaken => Self::AlreadyFinished,
            ArrivalError::Store(error) => error.into(),
        }
    }
}

/// `GET /sign-in/{attempt}/continue`
pub async fn get(request: HttpRequest, context: Data<Context>, id: Path<String>) -> HttpResponse {
    let visit = Visit::new(&context, &request);
    visit.answer(show(&visit, &id).await)
}

async fn show(visit: &Visit<'_>, id: &str) -> Result<HttpResponse, Failure> {
    let id: AttemptId = id.parse().map_err(|_| Failure::NotFound)?;
    visit.context.admit(&visit.context.throttles.answers, visit.request, &visit.op)?;
    let presented = Presented {
        binding: visit.binding()?,
        session: visit.cookies.read(visit.request, Cookie::Session),
        arrival: visit.parameter(path::ARRIVAL)?.map(Secret::from),
        device: visit.cookies.read(visit.request, Cookie::Device),
    };
    match arrival(visit, id, presented).await? {
        Arrival::SignedIn { session_token, device_token, connection, request, answer } => {
            counter!(metrics::SIGN_INS, "outcome" => "succeeded").increment(1);
            let url = application_url(visit, &request, answer);
            let way_on = match connection {
                Some(_) => visit.pages.arrive_at(&url),
                None => visit.pages.lead_on(&url),
            };
            with_cookies(visit, way_on, &kept(session_token, device_token))
        }
        Arrival::Landed { session_token, device_token, place } => {
            counter!(metrics::SIGN_INS, "outcome" => "succeeded").increment(1);
            with_cookies(visit, see_other(&place), &kept(session_token, device_token))
        }
        Arrival::Refused { attempt, refusal } => {
            counter!(metrics::SIGN_INS, "outcome" => "refused").increment(1);
            Err(explain(visit, &attempt, refusal).await?)
        }
        Arrival::Unmet(request) => {
            counter!(metrics::SIGN_INS, "outcome" => "refused").increment(1);
            Ok(visit.pages.arrive_at(&application_url(visit, &request, Err(UNMET))))
        }
        Arrival::AskAddress => Ok(see_other(&path::email(id))),
        Arrival::AskMore => Ok(see_other(&path::second_step(id))),
        Arrival::Expired(attempt) => Err(Failure::Expired(attempt.id)),
        Arrival::AlreadyFinished => Err(Failure::AlreadyFinished),
    }
}

/// What the browser keeps.
fn kept(session: Secret, device: Option<Secret>) -> Vec<(Cookie, Secret)> {
    let device = device.map(|token| (Cookie::Device, token));
    [(Cookie::Session, session)].into_iter().chain(device).collect()
}

/// Read first: who only reloads the page writes nothing.
async fn arrival(visit: &Visit<'_>, id: AttemptId, presented: Presented) -> Result<Arrival, Failure> {
    let (op, shown) = (visit.op.clone(), presented.clone());
    if let Some(told) = visit.context.store.read(move |tx| look(tx, &op, id, &shown)).await? {
        return Ok(told);
    }
    let terms = Terms { session: visit.context.session_limits(), lifetimes: visit.context.lifetimes() };
    let op = visit.op.clone();
    Ok(visit.context.store.write(move |tx| arrive(tx, &op, id, &presented, terms)).await?)
}

fn application_url(visit: &Visit<'_>, request: &AuthorizationRequest, answer: Result<Secret, OAuthError>) -> String {
    let (state, issuer) = (request.state.as_deref(), visit.context.issuer());
    match answer {
        Ok(code) => success_url(&request.redirect_uri, code.expose(), state, issuer),
        Err(error) => error_url(&request.redirect_uri, &error, state, issuer),
    }
}

fn with_cookies(
    visit: &Visit<'_>,
    mut answer: HttpResponse,
    kept: &[(Cookie, Secret)],
) -> Result<HttpResponse, Failure> {
    for (cookie, value) in kept {
        let header = visit.cookies.set(*cookie, value).map_err(|error| Failure::Internal(error.to_string()))?;
        answer.headers_mut().append(SET_COOKIE, header);
    }
    Ok(answer)
}

async fn explain(visit: &Visit<'_>, attempt: &Attempt, refusal: Refusal) -> Result<Failure, Failure> {
    let begun = visit.begun(&attempt.id.to_string()).await?;
    let connections = visit.connections(attempt.connection.into_iter().collect()).await?;
    let organization = connections.first().map(|connection| connection.organization);
    let mut place = visit.place(&begun, organization).await?;
    place.refused_in = begun.attempt.refused_in;
    Ok(Failure::Refused(place, refusal))
}
