//! What the request log learns of one exchange: who called, what came in, what went out, and what was understood otherwise
//! than it was written. Noted while the request is under way; put into the buffer when its answer is ready.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::http::Method;
use actix_web::http::header::{IF_MATCH, LOCATION};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use crate::http::context::Context;
use crate::http::head;
use crate::http::observe::request_id;
use crate::protocol::scim::rewrite::Rewrites;
use crate::provisioning::clients::caller::Caller;
use crate::provisioning::request_log::level::{Class, Level};
use crate::provisioning::request_log::recorded::Recorded;
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ResourceId, ScimClientId, ScimCredentialId};

/// A longer body is not kept in memory for the log: what is stored of one is shorter by far.
const MOST_BODY_BYTES: usize = 256 * 1024;

/// Whose exchange it is.
#[derive(Debug, Clone, Copy)]
struct Owner {
    organization: OrganizationId,
    client: ScimClientId,
    credential: ScimCredentialId,
    level: Level,
}

#[derive(Debug, Default)]
struct Noted {
    owner: Option<Owner>,
    body: Bytes,
    rule: Option<&'static str>,
}

/// The recording of one exchange. Clones share it.
#[derive(Debug, Clone)]
pub struct Recording {
    at: Timestamp,
    started: Instant,
    noted: Arc<Mutex<Noted>>,
    /// Where the parsers of this request note what they rewrote.
    pub rewrites: Rewrites,
}

impl Recording {
    /// Begins with a request.
    pub fn begin(at: Timestamp) -> Self {
        Self { at, started: Instant::now(), noted: Arc::default(), rewrites: Rewrites::default() }
    }

    /// Notes who calls. An exchange of nobody is in no client's log.
    pub fn note_caller(&self, caller: &Caller) {
        self.lock().owner = Some(Owner {
            organization: caller.organization,
            client: caller.client,
            credential: caller.credential,
            level: caller.log_level,
        });
    }

    /// Notes the body.
    pub fn note_body(&self, body: &Bytes) {
        self.lock().body = body.clone();
    }

    /// Notes by what the request is refused.
    pub fn note_refusal(&self, failure: &Failure) {
        self.lock().rule = Some(failure.rule());
    }

    /// Ends with the answer, which goes on unchanged.
    pub fn end(self, context: &Context, request: &HttpRequest, answer: HttpResponse) -> HttpResponse {
        let (owner, body, rule) = {
            let mut noted = self.lock();
            (noted.owner, std::mem::take(&mut noted.body), noted.rule)
        };
        let Some(owner) = owner else { return answer };
        let (status, path) = (answer.status().as_u16(), path_below_base(request.uri().path()));
        let is_head = head::is_head(request);
        let method = if is_head { Method::HEAD } else { request.method().clone() };
        let class = Class::of(method.as_str(), path, status);
        if !context.request_log.admits(owner.organization, owner.client, owner.level, class, self.at) {
            return answer;
        }
        let named = path.split('/').nth(2).and_then(|id| id.parse().ok());
        let resource = named.or_else(|| created(&answer));
        let (answer, response) = read(answer);
        // What a HEAD would have brought was not sent.
        let response = if is_head { Bytes::new() } else { response };
        context.request_log.push(Recorded {
            id: request_id(request),
            organization: owner.organization,
            client: owner.client,
            credential: owner.credential,
            at: self.at,
            duration_micros: i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX),
            method: method.to_string(),
            path: path.to_owned(),
            query: request.query_string().to_owned(),
            if_match: request.headers().get(IF_MATCH).and_then(|tag| tag.to_str().ok()).map(str::to_owned),
            request: kept(&body),
            status,
            response: kept(&response),
            resource,
            rule,
            rewrites: self.rewrites.take(),
        });
        answer
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `/Users/{id}` of `/scim/v2/{org}/Users/{id}`.
fn path_below_base(path: &str) -> &str {
    let behind = path.strip_prefix("/scim/v2/").unwrap_or_default();
    behind.find('/').and_then(|at| behind.get(at..)).unwrap_or_default()
}

/// The id of what the request made.
fn created(answer: &HttpResponse) -> Option<ResourceId> {
    answer.headers().get(LOCATION)?.to_str().ok()?.rsplit('/').next()?.parse().ok()
}

/// The answer and its body.
fn read(answer: HttpResponse) -> (HttpResponse, Bytes) {
    let (head, body) = answer.into_parts();
    match body.try_into_bytes() {
        Ok(bytes) => (head.set_body(BoxBody::new(bytes.clone())), bytes),
        Err(body) => (head.set_body(body), Bytes::new()),
    }
}

fn kept(body: &Bytes) -> Vec<u8> {
    if body.len() <= MOST_BODY_BYTES { body.to_vec() } else { format!("‹{} bytes›", body.len()).into_bytes() }
}
