//! The job that lets those join whose address lies in a domain that their organization has just verified (rule D2). Some
//! in each transaction; interrupted, it goes on with those who have not joined.

use std::time::Instant;

use super::{JobFailure, Runner};
use crate::directory::accounts::{AccountError, joining};
use crate::record::jobs::{self, Job};
use crate::store::{Tx, memberships};
use crate::values::domain_name::DomainName;
use crate::values::ids::OrganizationId;

/// Memberships that one transaction changes at most.
const BATCH: i64 = 100;

/// Goes through the pending memberships once. Whether the organization owns the domain is looked at for each again.
pub async fn run(runner: &Runner, organization: OrganizationId, domain: &DomainName) -> Result<(), JobFailure> {
    let (begun, mut after) = (Instant::now(), None);
    while begun.elapsed() < super::MAX_RUN {
        let (op, domain) = (runner.operation(), domain.clone());
        let batch = runner.store.write(move |tx| {
            let found = memberships::pending_in_domain(tx, organization, domain.as_str(), after, BATCH)?;
            for account in &found {
                joining::join_if_trusted(tx, &op, organization, *account)?;
            }
            Ok::<_, AccountError>(found.last().copied())
        });
        match batch.await.map_err(|error| JobFailure(error.to_string()))? {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
    // The next turn begins with those who have not joined by then.
    let (op, domain) = (runner.operation(), domain.clone());
    let again = move |tx: &mut Tx<'_>| jobs::enqueue(tx, &op, &Job::JoinDomain { organization, domain }, op.at);
    runner.store.write(again).await.map_err(|error| JobFailure(error.to_string()))
}
