//! One request of a browser to the sign-in pages: the operation, the cookies it brought, the attempt it is about.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{Handler, HttpRequest, HttpResponse};
use askama::Template;

use super::failure::{self, Failure, Place};
use crate::access::attempts::{self, Attempt};
use crate::directory::applications::{self, Application};
use crate::directory::connections::{self, Connection};
use crate::directory::organizations;
use crate::http::context::Context;
use crate::http::cookies::{Cookie, Cookies};
use crate::http::observe::request_id;
use crate::http::page_answer::{Forms, PageHeaders};
use crate::protocol::form::Fields;
use crate::store::failure::StoreError;
use crate::values::ids::{AttemptId, ConnectionId, OrganizationId};
use crate::values::operation::{Actor, Operation};
use crate::values::secret::Secret;

/// A request in hand.
pub struct Visit<'a> {
    /// What every door holds.
    pub context: &'a Context,
    /// The request.
    pub request: &'a HttpRequest,
    /// Its operation; nobody is known yet.
    pub op: Operation,
    /// How cookies are named.
    pub cookies: Cookies,
    /// How pages are sent.
    pub pages: PageHeaders,
}

/// An attempt of this browser, with the application that asked.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The attempt.
    pub attempt: Attempt,
    /// The application.
    pub application: Application,
}

/// A handler that answers a visit by `show`, or by the page for what stopped it.
pub fn page<F>(show: F) -> impl Handler<(HttpRequest, Data<Context>), Output = HttpResponse>
where
    F: AsyncFn(&Visit<'_>) -> Result<HttpResponse, Failure> + Clone + 'static,
{
    move |request: HttpRequest, context: Data<Context>| {
        let show = show.clone();
        async move {
            let visit = Visit::new(&context, &request);
            visit.answer(show(&visit).await)
        }
    }
}

/// The same for a form that was submitted.
pub fn form<F>(submit: F) -> impl Handler<(HttpRequest, Data<Context>, Payload), Output = HttpResponse>
where
    F: AsyncFn(&Visit<'_>, Payload) -> Result<HttpResponse, Failure> + Clone + 'static,
{
    move |request: HttpRequest, context: Data<Context>, payload: Payload| {
        let submit = submit.clone();
        async move {
            let visit = Visit::new(&context, &request);
            visit.answer(submit(&visit, payload).await)
        }
    }
}

impl<'a> Visit<'a> {
    /// Takes a request in hand.
    pub fn new(context: &'a Context, request: &'a HttpRequest) -> Self {
        let config = &context.config;
        Self {
            context,
            request,
            op: context.operation(Actor::Anonymous, request_id(request)),
            cookies: Cookies::new(config.data_center.clone(), &config.public_url),
            pages: PageHeaders::new(&config.public_url),
        }
    }

    /// True when the gateway can have passkeys.
    pub fn has_passkeys(&self) -> bool {
        self.context.ceremonies.is_some()
    }

    /// A page on which passkeys are among the ways in, where there can be any.
    pub fn page_with_ways(&self, status: StatusCode, page: &impl Template, forms: Forms) -> HttpResponse {
        match self.has_passkeys() {
            true => self.pages.page_with_script(status, page, forms),
            false => self.pages.page(status, page, forms),
        }
    }

    /// The answer, or the page for what stopped it.
    pub fn answer(&self, outcome: Result<HttpResponse, Failure>) -> HttpResponse {
        outcome.unwrap_or_else(|failure| failure::answer(self.pages, &self.op, failure))
    }

    /// The binding of this browser's attempts.
    pub fn binding(&self) -> Result<Secret, Failure> {
        self.cookies.read(self.request, Cookie::Attempt).ok_or(Failure::OtherBrowser)
    }

    /// A parameter of the query. Sent twice it is none, as a field of a form is.
    pub fn parameter(&self, name: &str) -> Result<Option<String>, Failure> {
        let query = Fields::parse(self.request.query_string().as_bytes())?;
        Ok(query.once(name).ok().flatten().map(str::to_owned))
    }

    /// The attempt whose id stands in the path, if this browser began it.
    pub async fn begun(&self, id: &str) -> Result<Begun, Failure> {
        let id: AttemptId = id.parse().map_err(|_| Failure::NotFound)?;
        let binding = self.binding()?;
        let found = self.context.store.read(move |tx| {
            let Some(attempt) = attempts::find(tx, id)? else { return Ok::<_, StoreError>(None) };
            Ok(applications::find(tx, attempt.application)?.map(|application| Begun { attempt, application }))
        });
        found.await?.filter(|begun| begun.attempt.is_bound_to(&binding)).ok_or(Failure::OtherBrowser)
    }

    /// Where a sign-in on behalf of `organization` was stopped.
    pub async fn place(&self, begun: &Begun, organization: Option<OrganizationId>) -> Result<Box<Place>, Failure> {
        let found = self.context.store.read(move |tx| match organization {
            Some(id) => organizations::find(tx, id),
            None => Ok(None),
        });
        let (attempt, application) = (begun.attempt.id, begun.application.name.clone());
        Ok(Box::new(Place { attempt, application, organization: found.await?, refused_in: None }))
    }

    /// The connections with these ids, in this order.
    pub async fn connections(&self, ids: Vec<ConnectionId>) -> Result<Vec<Connection>, Failure> {
        let found = self.context.store.read(move |tx| {
            ids.into_iter().filter_map(|id| connections::find(tx, id).transpose()).collect::<Result<_, StoreError>>()
        });
        Ok(found.await?)
    }
}
