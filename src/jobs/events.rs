//! Handing events on: from the outbox to those who are to be told. Today these are an organization's administrators,
//! by mail; each becomes a job, in the transaction that takes the event out, so no one is told twice or not at all.
//!
//! An event that cannot be read does not hold up the others: it becomes a job of its own, which is tried again and, when
//! no node can read it, is given up for the operator to see.

use super::{JobFailure, Runner};
use crate::record::event::Event;
use crate::record::jobs::{self, Job};
use crate::store::failure::StoreError;
use crate::store::{Tx, memberships, notice_counts, outbox};
use crate::values::clock::Timestamp;
use crate::values::ids::OrganizationId;
use crate::values::operation::Operation;

/// So many events of an organization are told within an hour.
const MOST_NOTICES: i64 = 60;
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
                match serde_json::from_str::<Event>(&row.payload) {
                    Ok(event) => tell(tx, &op, row.org_id, &event, row.at)?,
                    Err(error) => {
                        tracing::warn!(event = %row.id, %error, "an event cannot be read and becomes a job");
                        let payload = row.payload.clone();
                        let job = Job::HandOn { organization: row.org_id, payload, at: row.at };
                        jobs::enqueue(tx, &op, &job, op.at)?;
                    }
                }
                outbox::delete(tx, row.id)?;
            }
            Ok(events.len())
        })
        .await
}

/// The job of an event that could not be read before.
pub async fn run(
    runner: &Runner,
    organization: Option<OrganizationId>,
    payload: &str,
    at: Timestamp,
) -> Result<(), JobFailure> {
    let event: Event = serde_json::from_str(payload)
        .map_err(|error| JobFailure(format!("the event cannot be read: line {}", error.line())))?;
    let op = runner.operation();
    let told = runner.store.write(move |tx| tell(tx, &op, organization, &event, at)).await;
    told.map_err(|error: StoreError| JobFailure(error.to_string()))
}

/// Queues what makes each administrator know.
fn tell(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: Option<OrganizationId>,
    event: &Event,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(organization) = organization else { return Ok(()) };
    // Whoever changes things all day long shall not fill mailboxes; everything is in the audit log. An alarm always goes out.
    let is_alarm = matches!(event, Event::BreakGlassUsed { .. });
    if !is_alarm && notice_counts::count(tx, organization, at.seconds().div_euclid(3_600))? > MOST_NOTICES {
        tracing::info!(%organization, event = event.name(), "the administrators had enough notices in this hour");
        return Ok(());
    }
    for account in memberships::administrators(tx, organization)? {
        let job = Job::NotifyAdministrator { organization, account, event: event.clone(), at };
        jobs::enqueue(tx, op, &job, op.at)?;
    }
    Ok(())
}
