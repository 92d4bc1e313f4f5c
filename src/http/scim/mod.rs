//! SCIM 2.0 (RFC 7644) below `/scim/v2/{org}`, where `{org}` is an organization's slug:
//!
//! | path | methods |
//! |---|---|
//! | the base URI itself | GET (search over all types) |
//! | `/Users`, `/Groups` | GET (search), POST |
//! | `/Users/{id}`, `/Groups/{id}` | GET, PUT, PATCH, DELETE |
//! | `/ServiceProviderConfig`, `/ResourceTypes[/{id}]`, `/Schemas[/{id}]` | GET, without authentication too |
//! | `/Roles[/{value}]`, `/Entitlements[/{value}]` | GET |
//! | `/.search`, `/Users/.search`, `/Groups/.search` | POST |
//! | `/Bulk` | POST |
//! | `/Bulk/{txn}` | GET: how far a request is whose client did not wait |
//! | `/Me` | GET, for a signed-in person; 501 for a SCIM client |
//!
//! Where there is GET there is HEAD. Everything below `/scim` ends here, whatever its path and method, and every answer is SCIM JSON. Paths are compared
//! as they were sent: one that needs decoding or normalising is unknown, so nothing can be routed that was not
//! authenticated.

pub mod admission;
pub mod answer;
pub mod assignables;
pub mod bulk;
pub mod discovery;
pub mod exchange;
pub mod failure;
pub mod groups;
pub mod me;
pub mod media_type;
pub mod recording;
pub mod route;
pub mod search;
#[cfg(test)]
mod tests;
pub mod users;

use std::sync::Arc;

use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use crate::http::context::Context;
use crate::http::observe::request_id;
use crate::store::resources::ResourceKind;
use admission::Turn;
use exchange::Exchange;
use failure::Failure;
use recording::Recording;
use route::{Route, Target};

/// Mounts the door.
pub fn mount(services: &mut ServiceConfig) {
    services.service(web::scope("/scim").default_service(web::to(serve)));
}

async fn serve(request: HttpRequest, payload: Payload, context: Data<Context>) -> HttpResponse {
    let (id, turn) = (request_id(&request), Arc::new(Turn::default()));
    let recording = Recording::begin(context.clock.now());
    let mut answer = match dispatch(&request, payload, context.clone(), &turn, recording.clone()).await {
        Ok(answer) => answer,
        Err(failure) => {
            recording.note_refusal(&failure);
            failure.answer(id)
        }
    };
    admission::tell(&turn, answer.headers_mut());
    recording.end(&context, &request, answer)
}

async fn dispatch(
    request: &HttpRequest,
    payload: Payload,
    context: Data<Context>,
    turn: &Arc<Turn>,
    recording: Recording,
) -> Result<HttpResponse, Failure> {
    let route = Route::parse(request.uri().path())?;
    media_type::check(request)?;
    let method = route.target.method(request.method())?;
    let exchange = Exchange::new(request, payload, context, &route, Arc::clone(turn), recording)?;
    match (route.target, method) {
        (Target::Discovery(document), _) => discovery::answer(&exchange, document).await,
        (Target::Me, _) => me::get(exchange).await,
        (Target::Assignables(kind), _) => assignables::list(&exchange, kind).await,
        (Target::Assignable(kind, value), _) => assignables::show(&exchange, kind, &value).await,
        (Target::Unknown, _) => {
            exchange.authenticate().await?;
            Err(Failure::NotFound)
        }
        (Target::Collection(kind), route::Method::Get) => search::get(exchange, Some(kind)).await,
        (Target::Root, _) => search::get(exchange, None).await,
        (Target::Bulk, _) => bulk::post(exchange).await,
        (Target::BulkRequest(id), _) => bulk::poll(exchange, id).await,
        (Target::Search(kind), _) => search::post(exchange, kind).await,
        (Target::Collection(ResourceKind::User), _) => users::create(exchange).await,
        (Target::Collection(ResourceKind::Group), _) => groups::create(exchange).await,
        (Target::Resource(ResourceKind::User, id), method) => users::answer(exchange, id, method).await,
        (Target::Resource(ResourceKind::Group, id), method) => groups::answer(exchange, id, method).await,
    }
}
