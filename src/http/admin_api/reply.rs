//! Turning what a handler found into an answer: JSON, or a problem with the id of the request.

use std::future::Future;

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::observe::request_id;
use crate::http::problem::Problem;
use crate::values::ids::Id;
use crate::values::page::{Page, PageRequest};

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

/// How lists are paged.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Only items behind this id: `next` of the page before.
    after: Option<String>,
    /// At most this many items, 1 to 200; 50 when left out.
    limit: Option<i64>,
}

impl PageQuery {
    /// The page that is asked for.
    pub fn request<K>(&self) -> Result<PageRequest<Id<K>>, Problem> {
        let invalid = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "invalid_page", detail);
        let after = self.after.as_ref().map(|text| text.parse()).transpose();
        let after = after.map_err(|_| invalid("after is not an id".to_owned()))?;
        PageRequest::new(after, self.limit).map_err(|error| invalid(error.to_string()))
    }
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
