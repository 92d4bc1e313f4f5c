//! `/Bulk`.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::answer;
use super::exchange::Exchange;
use super::failure::Failure;
use crate::flows::bulk::{self, Bulk};
use crate::protocol::scim::bulk::{answer as response, request};
use crate::provisioning::bulk::Reading;

/// POST: 200, whatever became of each operation.
pub async fn post(mut exchange: Exchange) -> Result<HttpResponse, Failure> {
    let caller = exchange.authenticate().await?;
    let rules = exchange.rules(&caller);
    let request = request::read(exchange.bulk_body().await?, &exchange.limits.bulk, &rules)?;
    // Its operations go side by side, and stand for one request of the organization.
    let _place = exchange.place().await?;
    let outcomes = bulk::run(
        Bulk {
            store: exchange.context.store.clone(),
            clock: exchange.context.clock.clone(),
            operation: exchange.operation(&caller),
            reading: Reading { types: Arc::clone(&caller.types), rules },
            caller,
        },
        request,
    )
    .await;
    Ok(answer::text(StatusCode::OK, response::body(&exchange.base, &outcomes).to_string()))
}
