//! SAML: our metadata, and the assertion consumer service.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::failure::{self, Failure, Named};
use super::saml_form::SamlForm;
use crate::access::attempts;
use crate::access::identity::Outcome;
use crate::directory::connections::{self, ConnectionState, Settings};
use crate::flows::sign_in_by_saml::landing::{self, LandingError, Leaving, Stray};
use crate::flows::sign_in_by_saml::{self, Answer, SamlSignInError};
use crate::http::context::Context;
use crate::http::cookies::{Cookie, Cookies};
use crate::http::observe::request_id;
use crate::http::page_answer::see_other;
use crate::http::sign_in::path;
use crate::protocol::saml::sp_metadata::MEDIA_TYPE;
use crate::values::ids::ConnectionId;
use crate::values::operation::{Actor, Operation};

/// Our metadata for one connection. Not a secret: an identity provider fetches it without credentials.
pub async fn metadata(request: HttpRequest, context: Data<Context>, path: Path<String>) -> HttpResponse {
    let op = context.operation(Actor::Anonymous, request_id(&request));
    match find_metadata(&context, &op, &path).await {
        Ok(metadata) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, MEDIA_TYPE))
            .insert_header((CACHE_CONTROL, "public, max-age=300"))
            .insert_header(("X-Content-Type-Options", "nosniff"))
            .body(metadata),
        Err(failure) => failure::answer(&context, &op, None, failure).await,
    }
}

async fn find_metadata(context: &Context, op: &Operation, path: &str) -> Result<String, Failure> {
    let id: ConnectionId = path.parse().map_err(|_| Failure::NotFound)?;
    let (provider, at, contact) = (context.outside.service_provider.clone(), op.at, context.config.mail.from.clone());
    let render = context.store.read(move |tx| {
        let found = connections::find(tx, id)?.filter(|found| found.state != ConnectionState::Deleted);
        match found.map(|found| found.settings) {
            Some(Settings::Saml { options, .. }) => {
                Ok(provider.metadata(tx, at, id, (options.request_signature(), &contact))?)
            }
            Some(Settings::Oidc { .. }) | None => Err(Failure::NotFound),
        }
    });
    render.await
}

/// The assertion consumer service: a form that the browser posts from the identity provider's page.
pub async fn acs(request: HttpRequest, context: Data<Context>, path: Path<String>, payload: Payload) -> HttpResponse {
    let op = context.operation(Actor::Anonymous, request_id(&request));
    let Ok(connection) = path.parse() else {
        return failure::answer(&context, &op, None, Failure::NotFound).await;
    };
    match take(&context, &op, connection, &request, payload).await {
        Ok(Taken::Answer(outcome)) => see_other(&path::arrival(outcome.attempt, &outcome.arrival)),
        // A redirect on our own site, where the browser's cookies arrive.
        Ok(Taken::Wish) => see_other(&format!("/federation/saml/{connection}/start")),
        Err(failure) => failure::answer(&context, &op, Some(Named::Saml(connection)), failure).await,
    }
}

/// What was posted.
enum Taken {
    /// What an attempt waited for.
    Answer(Outcome),
    /// A response that nobody waits for, of a connection where sign-in may begin at the provider.
    Wish,
}

async fn take(
    context: &Context,
    op: &Operation,
    connection: ConnectionId,
    request: &HttpRequest,
    payload: Payload,
) -> Result<Taken, Failure> {
    context.admit(&context.throttles.answers, request, op)?;
    let form = SamlForm::read(context, request, payload).await?;
    let saml_response = form.field("SAMLResponse")?.ok_or(Failure::Malformed)?.to_owned();
    // Without one nobody can be waiting: the flow says so in its own words.
    let relay_state = form.field("RelayState")?.unwrap_or_default().to_owned();
    let most_people = context.config.limits.scim_users_per_organization;
    let answer = Answer { saml_response, relay_state, most_people };
    let (provider, verifier) = (&context.outside.service_provider, &context.outside.verifier);
    let response = answer.saml_response.clone();
    match sign_in_by_saml::finish(&context.store, provider, verifier, op, connection, answer).await {
        Ok(outcome) => Ok(Taken::Answer(outcome)),
        Err(SamlSignInError::NotExpected) => {
            match landing::stray(&context.store, verifier, connection, response).await? {
                Stray::Wish => Ok(Taken::Wish),
                Stray::Unexpected => Err(Failure::NotExpected),
                Stray::Unreadable => Err(Failure::Malformed),
            }
        }
        Err(error) => Err(error.into()),
    }
}

impl From<LandingError> for Failure {
    fn from(error: LandingError) -> Self {
        match error {
            LandingError::SignedInElsewhere => Self::SignedInElsewhere,
            LandingError::SignIn(error) => error.into(),
        }
    }
}

/// Sign-in that begins at the provider: the browser goes there with a request of ours. It is what an unsolicited response
/// leads to, and an address for a tile on the provider's page.
pub async fn start(request: HttpRequest, context: Data<Context>, path: Path<String>) -> HttpResponse {
    let op = context.operation(Actor::Anonymous, request_id(&request));
    let Ok(connection) = path.parse() else {
        return failure::answer(&context, &op, None, Failure::NotFound).await;
    };
    match leave(&context, &op, connection, &request).await {
        Ok(answer) => answer,
        Err(failure) => failure::answer(&context, &op, Some(Named::Saml(connection)), failure).await,
    }
}

async fn leave(
    context: &Context,
    op: &Operation,
    connection: ConnectionId,
    request: &HttpRequest,
) -> Result<HttpResponse, Failure> {
    context.admit(&context.throttles.authorize, request, op)?;
    let cookies = Cookies::new(context.config.data_center.clone(), &context.config.public_url);
    let known = cookies.read(request, Cookie::Attempt);
    let binding = known.unwrap_or_else(|| attempts::new_binding(op));
    let cookie = cookies.set(Cookie::Attempt, &binding).map_err(|error| Failure::Internal(error.to_string()))?;
    let leaving = Leaving {
        binding,
        session: cookies.read(request, Cookie::Session),
        limits: context.session_limits(),
        ttl_seconds: context.config.lifetimes.attempt_seconds,
    };
    let provider = &context.outside.service_provider;
    let mut answer = see_other(&landing::begin(&context.store, provider, op, connection, leaving).await?);
    answer.headers_mut().append(SET_COOKIE, cookie);
    Ok(answer)
}
