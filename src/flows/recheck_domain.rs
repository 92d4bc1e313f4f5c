//! A domain that was proved is looked up again: ask the DNS, write what it says.

use std::time::Duration;

use super::verify_domain::look_up;
use crate::directory::domains::claim::{Domain, DomainError};
use crate::directory::domains::proof::Answer;
use crate::directory::domains::recheck::{self, Outcome};
use crate::outbound::dns::Dns;
use crate::store::Store;
use crate::values::ids::{DomainId, OrganizationId};
use crate::values::operation::Operation;

/// The DNS has so long to answer a look-up on the schedule: many are made at once, and the jobs of this node wait for them.
const PATIENCE: Duration = Duration::from_secs(4);

/// An administrator wants the record looked up now.
pub async fn on_request(
    store: &Store,
    dns: &Dns,
    op: &Operation,
    organization: OrganizationId,
    id: DomainId,
) -> Result<(Domain, Outcome), DomainError> {
    let begin = op.clone();
    let domain = store.read(move |tx| recheck::begin(tx, &begin, organization, id)).await?;
    let answer = look_up(dns, &domain).await;
    finish(store, op, domain, answer).await
}

/// The turn of a domain has come.
pub async fn on_schedule(
    store: &Store,
    dns: &Dns,
    op: &Operation,
    domain: Domain,
) -> Result<(Domain, Outcome), DomainError> {
    let answer = match tokio::time::timeout(PATIENCE, look_up(dns, &domain)).await {
        Ok(answer) => answer,
        Err(_) => Answer::Failed("no answer in time".to_owned()),
    };
    finish(store, op, domain, answer).await
}

async fn finish(store: &Store, op: &Operation, seen: Domain, answer: Answer) -> Result<(Domain, Outcome), DomainError> {
    let op = op.clone();
    store.write(move |tx| recheck::finish(tx, &op, &seen, &answer)).await
}
