//! Turning what a handler found into an answer: JSON, or a problem with the id of the request.

use std::future::Future;

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::http::observe::request_id;
use crate::http::problem::Problem;
use crate::protocol::form::Fields;
use crate::values::ids::Id;
use crate::values::page::{InvalidLimit, Page, PageRequest};

/// Waits for `work` and answers with what it found, or with its problem.
pub async fn answer(request: &HttpRequest, work: impl Future<Output = Result<HttpResponse, Problem>>) -> HttpResponse {
    work.await.unwrap_or_else(|problem| problem.answer(request_id(request)))
}

/// A JSON answer that no cache keeps.
pub fn json(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).insert_header((CACHE_CONTROL, "no-store")).json(body)
}

/// 204.
pub fn no_content() -> HttpResponse {
    HttpResponse::NoContent().insert_header((CACHE_CONTROL, "no-store")).finish()
}

/// An id in a path. Anything else is a name for nothing.
pub fn id<K>(text: &str) -> Result<Id<K>, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// How lists are paged, for the document; [`page`] reads it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the derive reads the fields")]
pub struct PageQuery {
    /// Only items behind this id: `next` of the page before.
    after: Option<String>,
    /// At most this many items, 1 to 200; 50 when left out.
    limit: Option<i64>,
}

/// The parameters of the query of `request`.
pub fn query(request: &HttpRequest) -> Result<Fields, Problem> {
    let query = Fields::parse(request.query_string().as_bytes());
    query.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "invalid_query", format!("the query: {error}")))
}

/// The page that the query of `request` asks for. Names that are unknown here are ignored.
pub fn page<K>(request: &HttpRequest) -> Result<PageRequest<Id<K>>, Problem> {
    let invalid = |detail: &dyn ToString| Problem::new(StatusCode::BAD_REQUEST, "invalid_page", detail.to_string());
    let query = query(request)?;
    let one = |name: &str| query.once(name).map_err(|_| invalid(&format!("{name} comes more than once")));
    let after = one("after")?.map(str::parse).transpose().map_err(|_| invalid(&"after is not an id"))?;
    let limit = one("limit")?.map(str::parse).transpose().map_err(|_| invalid(&InvalidLimit))?;
    PageRequest::new(after, limit).map_err(|error| invalid(&error))
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListBody<T> {
    /// The items.
    items: Vec<T>,
    /// Pass this as `after` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<T> ListBody<T> {
    /// A page as it goes out.
    pub fn of<S, K>(page: Page<S, Id<K>>, body: impl FnMut(S) -> T) -> Self {
        Self { items: page.items.into_iter().map(body).collect(), next: page.next.map(|key| key.to_string()) }
    }
}
