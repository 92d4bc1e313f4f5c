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

/// True of alarms, and of what nobody would hear of again: who could hide it would make sixty changes before. All of them are few,
/// by the number of connections that there may be or by what a provider does.
const fn is_always_told(event: &Event) -> bool {
    match event {
        Event::BreakGlassUsed { .. }
        | Event::ConnectionCreated { .. }
        | Event::ConnectionCertificatesChanged { .. }
        | Event::ConnectionCertificateExpires { .. }
        | Event::ConnectionMetadataExpires { .. }
        | Event::ConnectionMetadataUnread { .. } => true,
        Event::DomainVerified { .. }
        | Event::DomainAtRisk { .. }
        | Event::DomainRecovered { .. }
        | Event::DomainLapsed { .. }
        | Event::DomainLost { .. }
        | Event::ConnectionChanged { .. }
        | Event::ScimClientCreated { .. }
        | Event::ScimCredentialExpires { .. }
        | Event::ScimSchemaChanged { .. }
        | Event::RemovalsHeld { .. }
        | Event::SsoPolicyChanged { .. }
        | Event::BreakGlassChanged { .. }
        | Event::GroupRoleChanged { .. } => false,
    }
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
    // Whoever changes things all day long shall not fill mailboxes; everything is in the audit log.
    if !is_always_told(event) && notice_counts::count(tx, organization, at.seconds().div_euclid(3_600))? > MOST_NOTICES
    {
        tracing::info!(%organization, event = event.name(), "the administrators had enough notices in this hour");
        return Ok(());
    }
    for account in memberships::administrators(tx, organization)? {
        let job = Job::NotifyAdministrator { organization, account, event: event.clone(), at };
        jobs::enqueue(tx, op, &job, op.at)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{MOST_NOTICES, tell};
    use crate::access::testing::world;
    use crate::record::event::Event;
    use crate::store::failure::StoreError;
    use crate::store::jobs;

    /// Whoever adds a connection, or has changed a certificate, could else make sixty changes before and be seen by nobody.
    #[tokio::test]
    async fn what_says_who_signs_in_is_told_however_much_was_changed_in_that_hour() {
        for world in world().await {
            let (op, organization, connection) = (world.op(), world.organization, world.connection);
            let name = "Shadow".to_owned();
            let changed = Event::ConnectionChanged { connection, name: name.clone() };
            let always = [
                Event::ConnectionCreated { connection, name: name.clone() },
                Event::ConnectionCertificatesChanged { connection, name, added: vec![], removed: vec![] },
                Event::BreakGlassUsed { account: world.ada },
            ];
            let told = world.store().write(move |tx| {
                let queued = |tx: &mut _| Ok::<_, StoreError>(jobs::payloads(tx, "notify_administrator")?.len());
                for _ in 0..MOST_NOTICES + 10 {
                    tell(tx, &op, Some(organization), &changed, op.at)?;
                }
                let bounded = queued(tx)?;
                for event in &always {
                    tell(tx, &op, Some(organization), event, op.at)?;
                }
                Ok::<_, StoreError>((bounded, queued(tx)? - bounded))
            });
            let expected = (usize::try_from(MOST_NOTICES).unwrap(), 3);
            assert_eq!(told.await.unwrap(), expected, "{}: one administrator", world.engine());
        }
    }
}
