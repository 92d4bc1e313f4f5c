//! `/Bulk`, and `/Bulk/{txn}` for a request whose client did not wait (RFC 9967, section 2.5.1).

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION, RETRY_AFTER};
use actix_web::web::Bytes;
use serde_json::json;

use super::answer::{self, MEDIA_TYPE};
use super::exchange::Exchange;
use super::failure::Failure;
use crate::flows::bulk::{self, Bulk};
use crate::http::problem::RETRY_AFTER_SECONDS;
use crate::protocol::scim::bulk::{answer as response, request};
use crate::provisioning::asynchronous::{self, Progress, Terms};
use crate::provisioning::bulk::Reading;
use crate::provisioning::clients::caller::Caller;
use crate::store::Tx;
use crate::values::ids::RequestId;

/// The transaction of a request that is answered later (RFC 9967, section 2.5.1).
const SET_TXN: &str = "Set-Txn";
/// Which preferences were honoured (RFC 7240, section 3).
const PREFERENCE_APPLIED: &str = "Preference-Applied";
/// What is said of a request that is under way.
const PROGRESS: &str = "urn:ietf:params:scim:api:messages:causeway:2.0:BulkProgress";
/// The longest that a client is kept waiting, whatever it prefers.
const MOST_WAIT_SECONDS: u32 = 20;
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const LOOKS_PER_SECOND: u32 = 5;

/// POST: 200, whatever became of each operation; 202 for a client that need not wait.
pub async fn post(mut exchange: Exchange) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let rules = exchange.rules(&caller);
    let (body, object) = exchange.bulk_body().await?;
    let request = request::read(object, &exchange.limits.bulk, &rules)?;
    if exchange.preferences().is_asynchronous {
        return accept(exchange, caller, body, request.entries.len()).await;
    }
    let bulk = Bulk {
        store: exchange.context.store.clone(),
        clock: exchange.context.clock.clone(),
        operation: exchange.operation(&caller),
        reading: Reading { types: Arc::clone(&caller.types), rules },
        caller,
        journal: None,
    };
    // Its operations go side by side, and stand for one request of the organization.
    let _place = exchange.place().await?;
    let outcomes = bulk::run(bulk, request).await?;
    Ok(answer::text(StatusCode::OK, response::body(&exchange.base, &outcomes).to_string()))
}

/// Stores the request, and waits for it as long as the client prefers.
async fn accept(exchange: Exchange, caller: Caller, body: Bytes, operations: usize) -> Result<HttpResponse, Failure> {
    let (operation, config) = (exchange.operation(&caller), &exchange.context.config);
    let txn = operation.request;
    let terms = Terms {
        most_unfinished: config.limits.scim_asynchronous_requests_per_client,
        kept_seconds: config.lifetimes.scim_answer_seconds,
    };
    let sealed = asynchronous::seal_body(&exchange.context.outside.sealer, txn, &body);
    let sealed = sealed.map_err(asynchronous::AsynchronousError::from)?;
    let by = caller.clone();
    let work = move |tx: &mut Tx<'_>| asynchronous::accept(tx, &operation, &by, sealed, operations, terms);
    exchange.write(&caller, work).await?;
    let waited = exchange.preferences().wait_seconds.unwrap_or(0).min(MOST_WAIT_SECONDS);
    for _ in 0..waited.saturating_mul(LOOKS_PER_SECOND) {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Progress::Finished(outcomes) = progress(&exchange, caller.clone(), txn).await? {
            return Ok(HttpResponse::Ok()
                .content_type(MEDIA_TYPE)
                .insert_header((SET_TXN, txn.to_string()))
                .insert_header((CACHE_CONTROL, "no-store"))
                .body(response::body(&exchange.base, &outcomes).to_string()));
        }
    }
    Ok(HttpResponse::Accepted()
        .insert_header((SET_TXN, txn.to_string()))
        .insert_header((PREFERENCE_APPLIED, "respond-async"))
        .insert_header((LOCATION, format!("{}/Bulk/{txn}", exchange.base)))
        .insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS))
        .insert_header((CACHE_CONTROL, "no-store"))
        .finish())
}

/// GET: 200 and the answer when the request is over, 202 and how far it is before.
pub async fn poll(exchange: Exchange, id: Option<RequestId>) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    match progress(&exchange, caller, id.ok_or(Failure::NotFound)?).await? {
        Progress::Finished(outcomes) => {
            Ok(answer::text(StatusCode::OK, response::body(&exchange.base, &outcomes).to_string()))
        }
        Progress::UnderWay { operations, finished } => {
            let body = json!({ "schemas": [PROGRESS], "operations": operations, "finished": finished });
            Ok(HttpResponse::Accepted()
                .content_type(MEDIA_TYPE)
                .insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS))
                .insert_header((CACHE_CONTROL, "no-store"))
                .body(body.to_string()))
        }
    }
}

async fn progress(exchange: &Exchange, caller: Caller, id: RequestId) -> Result<Progress, Failure> {
    let (operation, sealer) = (exchange.operation(&caller), exchange.context.outside.sealer.clone());
    let work = move |tx: &mut Tx<'_>| asynchronous::progress(tx, &operation, &sealer, &caller, id);
    exchange.read(work).await
}
