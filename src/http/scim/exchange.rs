//! One request under way: its parameters, its credential, its body.

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, IF_MATCH, IF_NONE_MATCH};
use actix_web::web::{Data, Payload, Query};

use super::failure::Failure;
use super::route::Route;
use crate::http::context::Context;
use crate::http::observe::request_id;
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::etag::Condition;
use crate::protocol::scim::json::{self, Object};
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::clients::{self, Caller};
use crate::provisioning::resource::resource_type;
use crate::store::Tx;
use crate::store::resources::ResourceKind;
use crate::values::clock::Timestamp;
use crate::values::operation::{Actor, Operation};
use crate::values::slug::Slug;

/// A request.
pub struct Exchange {
    /// What every door holds.
    pub context: Data<Context>,
    /// The base URI of the organization.
    pub base: String,
    /// The bounds of one request.
    pub limits: Limits,
    request: HttpRequest,
    payload: Option<Payload>,
    slug: Slug,
    parameters: Vec<(String, String)>,
}

/// A credential as it was presented, to be looked up in the transaction of the request.
#[derive(Debug, Clone)]
pub struct Presented {
    token: String,
    slug: Slug,
    now: Timestamp,
}

impl Exchange {
    /// The exchange of a request on this route.
    pub fn new(
        request: &HttpRequest,
        payload: Payload,
        context: Data<Context>,
        route: &Route,
    ) -> Result<Self, Failure> {
        let parameters = Query::<Vec<(String, String)>>::from_query(request.query_string())
            .map_err(|_| ScimError::value("the query is not well-formed"))?
            .into_inner();
        let configured = &context.config.limits;
        let limits =
            Limits { body_bytes: configured.scim_body_bytes, json_depth: configured.json_depth, ..Limits::default() };
        let base = format!("{}/scim/v2/{}", context.issuer(), route.slug);
        Ok(Self {
            context,
            base,
            limits,
            request: request.clone(),
            payload: Some(payload),
            slug: route.slug.clone(),
            parameters,
        })
    }

    /// A parameter of the query. Those that are unknown are ignored (Entra ID's flags come as parameters).
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// What the client wants to see.
    pub fn projection(&self, kind: ResourceKind) -> Result<Projection, Failure> {
        let (attributes, excluded) = (self.parameter("attributes"), self.parameter("excludedAttributes"));
        Ok(Projection::read(attributes, excluded, resource_type(kind))?)
    }

    /// The condition of `If-Match`.
    pub fn if_match(&self) -> Option<Condition> {
        self.condition(IF_MATCH)
    }

    /// The condition of `If-None-Match`.
    pub fn if_none_match(&self) -> Option<Condition> {
        self.condition(IF_NONE_MATCH)
    }

    fn condition(&self, name: HeaderName) -> Option<Condition> {
        self.request.headers().get(name).map(|value| Condition::parse(value.to_str().unwrap_or_default()))
    }

    /// The credential that the request carries.
    pub fn presented(&self) -> Result<Presented, Failure> {
        let header = self.request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, token) = header.and_then(|value| value.split_once(' ')).ok_or(Failure::Unauthenticated)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Failure::Unauthenticated);
        }
        Ok(Presented { token: token.trim().to_owned(), slug: self.slug.clone(), now: self.context.clock.now() })
    }

    /// Authenticates by itself, for a request that reads its body before it writes.
    pub async fn authenticate(&self) -> Result<Caller, Failure> {
        let presented = self.presented()?;
        let caller = self.context.store.read(move |tx| presented.authenticate(tx)).await?;
        self.note_use(&caller);
        Ok(caller)
    }

    /// Notes a use that is worth noting, beside the request and not in its way.
    pub fn note_use(&self, caller: &Caller) {
        if !caller.is_use_worth_noting {
            return;
        }
        let (store, credential, now) = (self.context.store.clone(), caller.credential, self.context.clock.now());
        actix_web::rt::spawn(async move {
            if let Err(error) = store.write(move |tx| clients::touch(tx, credential, now)).await {
                tracing::warn!(%error, "the use of a credential was not noted");
            }
        });
    }

    /// The operation of this request.
    pub fn operation(&self, caller: &Caller) -> Operation {
        self.context.operation(caller.actor(), request_id(&self.request))
    }

    /// As [`Self::operation`], before it is known who acts.
    pub fn anonymous(&self) -> Operation {
        self.context.operation(Actor::Anonymous, request_id(&self.request))
    }

    /// What bounds and tolerances the body of this caller is read with.
    pub fn rules(&self, caller: &Caller) -> Rules {
        Rules { tolerance: caller.profile.tolerance(), limits: self.limits }
    }

    /// Reads the body as one JSON object.
    pub async fn body(&mut self) -> Result<Object, Failure> {
        let media_type = match self.request.headers().get(CONTENT_TYPE) {
            Some(value) => value.to_str().map_err(|_| Failure::UnsupportedMediaType)?,
            // A client that does not say it can only mean JSON.
            None => "application/json",
        };
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if !["application/scim+json", "application/json"].iter().any(|known| essence.eq_ignore_ascii_case(known)) {
            return Err(Failure::UnsupportedMediaType);
        }
        let limit = self.limits.body_bytes;
        let payload = self.payload.take().ok_or(Failure::Unreadable)?;
        match payload.to_bytes_limited(limit).await {
            Ok(Ok(body)) => Ok(json::parse_object(&body, &self.limits)?),
            Ok(Err(_)) => Err(Failure::Unreadable),
            Err(_) => Err(Failure::TooLarge(limit)),
        }
    }
}

impl Presented {
    /// The client whose live credential this is. A client of another organization than the path's learns only that
    /// there is nothing.
    pub fn authenticate(&self, tx: &mut Tx<'_>) -> Result<Caller, Failure> {
        let caller = clients::authenticate(tx, &self.token, self.now)?.ok_or(Failure::Unauthenticated)?;
        if caller.slug == self.slug.as_str() { Ok(caller) } else { Err(Failure::NotFound) }
    }
}
