//! Handing events on: from the outbox to those who are to be told. Today these are an organization's administrators,
//! by mail; each becomes a job, in the transaction that takes the event out, so no one is told twice or not at all.

use super::Runner;
use crate::record::event::Event;
use crate::record::jobs::{self, Job};
use crate::store::failure::StoreError;
use crate::store::{memberships, outbox};

/// Events that one transaction hands on at most.
const BATCH: i64 = 100;

/// Hands waiting events on and tells how many there were.
pub async fn hand_on(runner: &Runner) -> Result<usize, StoreError> {
    if runner.store.read(outbox::is_empty).await? {
        return Ok(0);
    }
    let op = runner.operation();
    runner
        .store
        .write(move |tx| {
            let events = outbox::oldest_for_update(tx, BATCH)?;
            for row in &events {
                let event: Event =
                    serde_json::from_str(&row.payload).map_err(|_| StoreError::Inconsistent("outbox.payload"))?;
                if let Some(organization) = row.org_id {
                    for account in memberships::administrators(tx, organization)? {
                        let job = Job::NotifyAdministrator { organization, account, event: event.clone(), at: row.at };
                        jobs::enqueue(tx, &op, &job, op.at)?;
                    }
                }
                outbox::delete(tx, row.id)?;
            }
            Ok(events.len())
        })
        .await
}
