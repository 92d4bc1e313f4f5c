//! One request under way: its parameters, its credential, its body.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderName, IF_MATCH, IF_NONE_MATCH};
use actix_web::web::{Bytes, Data, Payload};

use super::admission::{Admission, Holder, Turn};
use super::failure::Failure;
use super::recording::Recording;
use super::route::Route;
use crate::config;
use crate::http::bearer;
use crate::http::client_address::client_address;
use crate::http::context::Context;
use crate::http::gate::Place;
use crate::http::observe::request_id;
use crate::http::request_body::{self, BodyFailure, UNNAMED};
use crate::protocol::form::Fields;
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::etag::Condition;
use crate::protocol::scim::json::{self, Object};
use crate::protocol::scim::limits::{BulkLimits, Limits};
use crate::protocol::scim::prefer::{self, Preferences};
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::resource_type::ResourceType;
use crate::protocol::scim::rewrite::Rewrites;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::clients::caller::{self, Caller, PresentedToken};
use crate::provisioning::schemas::catalog::Catalog;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::surroundings::SurroundedRow;
use crate::values::clock::Timestamp;
use crate::values::ids::ResourceId;
use crate::values::operation::{Actor, Operation};
use crate::values::slug::Slug;

/// A client that does not name a media type can only mean JSON.
const MEDIA_TYPES: [&str; 3] = ["application/scim+json", "application/json", UNNAMED];

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
    turn: Arc<Turn>,
    recording: Recording,
}

/// A credential as it was presented, to be looked up in the transaction of the request.
#[derive(Debug, Clone)]
pub struct Presented {
    text: String,
    token: PresentedToken,
    slug: Slug,
    now: Timestamp,
    catalog: Catalog,
    admission: Arc<Admission>,
    turn: Arc<Turn>,
    recording: Recording,
}

/// The names of the attributes that a client wants to see, which are read when it is known who asks.
#[derive(Debug, Clone)]
pub struct Wanted {
    attributes: Option<String>,
    excluded: Option<String>,
}

impl Wanted {
    /// True when the client names nothing.
    pub const fn is_default(&self) -> bool {
        self.attributes.is_none() && self.excluded.is_none()
    }

    /// What is shown of a resource of this type.
    pub fn of(&self, resource_type: &ResourceType) -> Result<Projection, Failure> {
        Ok(Projection::read(self.attributes.as_deref(), self.excluded.as_deref(), resource_type)?)
    }
}

impl Exchange {
    /// The exchange of a request on this route.
    pub fn new(
        request: &HttpRequest,
        payload: Payload,
        context: Data<Context>,
        route: &Route,
        turn: Arc<Turn>,
        recording: Recording,
    ) -> Result<Self, Failure> {
        let parameters = Fields::parse(request.query_string().as_bytes())
            .map_err(|_| ScimError::value("the query is not well-formed"))?
            .into_pairs();
        let limits = limits(&context.config.limits);
        let base = format!("{}/scim/v2/{}", context.issuer(), route.slug);
        Ok(Self {
            context,
            base,
            limits,
            request: request.clone(),
            payload: Some(payload),
            slug: route.slug.clone(),
            parameters,
            turn,
            recording,
        })
    }

    /// A parameter of the query. Those that are unknown are ignored (Entra ID's flags come as parameters).
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// What the client wants to see.
    pub fn wanted(&self) -> Wanted {
        let parameter = |name: &str| self.parameter(name).map(str::to_owned);
        Wanted { attributes: parameter("attributes"), excluded: parameter("excludedAttributes") }
    }

    /// The condition of `If-Match`.
    pub fn if_match(&self) -> Result<Option<Condition>, Failure> {
        self.condition(IF_MATCH)
    }

    /// The condition of `If-None-Match`.
    pub fn if_none_match(&self) -> Result<Option<Condition>, Failure> {
        self.condition(IF_NONE_MATCH)
    }

    fn condition(&self, name: HeaderName) -> Result<Option<Condition>, Failure> {
        Ok(Condition::read(self.request.headers().get_all(name).map(|value| value.to_str().ok()))?)
    }

    /// True when the request carries a credential, live or not.
    pub fn is_authenticated(&self) -> bool {
        self.request.headers().contains_key(AUTHORIZATION)
    }

    /// What the client would rather have.
    pub fn preferences(&self) -> Preferences {
        let headers = self.request.headers().get_all("Prefer");
        prefer::read(headers.filter_map(|value| value.to_str().ok()))
    }

    /// The credential that the request carries. The request is counted here, when the credential was seen before.
    pub fn presented(&self) -> Result<Presented, Failure> {
        let text = bearer::token(&self.request).map_err(Failure::MalformedCredential)?;
        let text = text.ok_or(Failure::Unauthenticated)?;
        let (token, now) = (PresentedToken::of(text), self.context.clock.now());
        let (admission, turn) = (Arc::clone(&self.context.throttles.scim), Arc::clone(&self.turn));
        admission.begin(&turn, &token.hash(), now)?;
        let (text, slug, recording) = (text.to_owned(), self.slug.clone(), self.recording.clone());
        let catalog = self.context.scim_catalog.clone();
        Ok(Presented { text, token, slug, now, admission, turn, catalog, recording })
    }

    /// Reads from the store, in the organization's turn.
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        Failure: From<E>,
    {
        let _place = self.place().await?;
        Ok(self.context.store.read(work).await?)
    }

    /// Writes to the store, in the organization's turn, if the credential has not been revoked since it was presented: the
    /// body may have taken long to arrive.
    pub async fn write<T: Send + 'static, E>(
        &self,
        caller: &Caller,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        let _place = self.place().await?;
        let before = caller.clone();
        let work = move |tx: &mut Tx<'_>| {
            if !caller::is_live(tx, &before)? {
                return Err(Failure::Unauthenticated);
            }
            Ok(work(tx)?)
        };
        self.context.store.write(work).await
    }

    /// A place inside the store, for as long as it is held.
    pub async fn place(&self) -> Result<Place, Failure> {
        Ok(self.context.throttles.scim.enter(&self.turn, || self.address()).await?)
    }

    fn address(&self) -> IpAddr {
        client_address(&self.request, &self.context.config.trusted_proxies)
    }

    /// Authenticates by itself, for a request that reads its body before it writes.
    pub async fn authenticate(&self) -> Result<Caller, Failure> {
        let presented = self.presented()?;
        let caller = self.read(move |tx| presented.authenticate(tx)).await?;
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
            if let Err(error) = store.write(move |tx| caller::touch(tx, credential, now)).await {
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
        self.presented_rules().of(caller)
    }

    /// The same, for a caller who is known only inside the transaction of the request.
    pub fn presented_rules(&self) -> PresentedRules {
        PresentedRules { limits: self.limits, rewrites: self.recording.rewrites.clone() }
    }

    /// Reads the body as one JSON object.
    pub async fn body(&mut self) -> Result<Object, Failure> {
        let payload = self.payload.take().ok_or(Failure::Unreadable)?;
        let body = request_body::bounded(&self.request, payload, &MEDIA_TYPES, self.limits.body_bytes).await?;
        self.recording.note_body(&body);
        Ok(json::parse_object(&body, &self.limits)?)
    }

    /// Reads the body of a bulk request: as it came, and as one JSON object.
    pub async fn bulk_body(&mut self) -> Result<(Bytes, Object), Failure> {
        let payload = self.payload.take().ok_or(Failure::Unreadable)?;
        let limit = self.limits.bulk.payload_bytes;
        let body = request_body::bounded(&self.request, payload, &MEDIA_TYPES, limit).await;
        let body = body.map_err(|failure| match failure {
            BodyFailure::TooLong(limit) => Failure::BulkTooLarge(limit),
            other @ (BodyFailure::MediaType
            | BodyFailure::Encoding
            | BodyFailure::TooSlow
            | BodyFailure::Unreadable) => other.into(),
        })?;
        self.recording.note_body(&body);
        let object = json::parse_object(&body, &self.limits.around_documents())?;
        Ok((body, object))
    }
}

/// What the rules of a request are made of before it is known who calls.
#[derive(Debug, Clone)]
pub struct PresentedRules {
    limits: Limits,
    rewrites: Rewrites,
}

impl PresentedRules {
    /// The rules of this caller.
    pub fn of(&self, caller: &Caller) -> Rules {
        Rules { rewrites: self.rewrites.clone(), ..Rules::new(caller.profile.tolerance(), self.limits) }
    }
}

/// The bounds of a request, from the configuration.
pub fn limits(configured: &config::limits::Limits) -> Limits {
    let max_page = configured.scim_page_size;
    Limits {
        body_bytes: configured.scim_body_bytes,
        json_depth: configured.json_depth,
        filter_bytes: configured.scim_filter_bytes,
        filter_depth: configured.scim_filter_depth,
        filter_terms: configured.scim_filter_terms,
        patch_operations: configured.scim_patch_operations,
        patch_comparisons: configured.scim_patch_comparisons,
        member_filters: configured.scim_member_filters,
        values_per_attribute: configured.scim_values_per_attribute,
        resource_bytes: configured.scim_resource_bytes,
        default_page: Limits::default().default_page.min(max_page),
        max_page,
        bulk: BulkLimits {
            operations: configured.scim_bulk_operations,
            payload_bytes: configured.scim_bulk_bytes,
            patch_comparisons: configured.scim_bulk_patch_comparisons,
        },
        cursor_seconds: configured.scim_cursor_seconds,
        scan_rows: configured.scim_scan_rows,
        page_members: configured.scim_page_members,
        page_bytes: configured.scim_page_bytes,
        users: configured.scim_users_per_organization,
        groups: configured.scim_groups_per_organization,
    }
}

impl Presented {
    /// The token.
    pub fn token(&self) -> &str {
        &self.text
    }

    /// The organization's name in the path.
    pub const fn slug(&self) -> &Slug {
        &self.slug
    }

    /// The client whose live credential this is. A client of another organization than the path's learns only that
    /// there is nothing.
    pub fn authenticate(&self, tx: &mut Tx<'_>) -> Result<Caller, Failure> {
        let found = caller::authenticate(tx, &self.catalog, &self.token, self.now)?;
        self.admit(found)
    }

    /// As [`Self::authenticate`], with the user of this id where they were read at once ([`caller::authenticate_for_user`]).
    pub fn authenticate_for_user(
        &self,
        tx: &mut Tx<'_>,
        user: ResourceId,
    ) -> Result<(Caller, Option<SurroundedRow>), Failure> {
        match caller::authenticate_for_user(tx, &self.catalog, &self.token, user, self.now)? {
            Some((caller, user)) => Ok((self.admit(Some(caller))?, Some(user))),
            None => Ok((self.authenticate(tx)?, None)),
        }
    }

    fn admit(&self, found: Option<Caller>) -> Result<Caller, Failure> {
        let token = self.token.hash();
        let Some(caller) = found else {
            self.admission.forget(&token);
            return Err(Failure::Unauthenticated);
        };
        let is_at_home = caller.slug == self.slug.as_str();
        if is_at_home {
            self.recording.note_caller(&caller);
        }
        let holder = Holder { client: caller.client, organization: caller.organization };
        self.admission.authenticated(&self.turn, token, holder, self.now)?;
        if is_at_home { Ok(caller) } else { Err(Failure::NotFound) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, limits};
    use crate::config;

    #[test]
    fn what_the_protocol_is_tested_with_is_what_is_configured_when_nothing_is() {
        let text = "public_url = \"https://id.acme.test\"\ndata_center = \"us\"\n\
                    encryption_keys = [\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"]\n\
                    [mail]\nfrom = \"a@acme.test\"\nsmtp_url = \"smtp://mail.acme.test\"\n";
        let read = |more: &str| config::read(&format!("{text}{more}"), [], &[]).unwrap().config.limits;
        assert_eq!(limits(&read("")), Limits::default());
        let few = limits(&read("[limits]\nscim_page_size = 10\nscim_filter_terms = 3\nscim_member_filters = 2\n"));
        assert_eq!((few.default_page, few.max_page, few.filter_terms, few.member_filters), (10, 10, 3, 2));
    }
}
