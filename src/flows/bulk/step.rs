//! One step of a bulk request: one transaction, whose outcome is final or worth a second try.

use std::collections::HashMap;

use super::{Bulk, Journal};
use crate::flows::hold_removal;
use crate::protocol::scim::bulk::answer::{Head, Outcome, Verdict};
use crate::protocol::scim::bulk::references;
use crate::protocol::scim::bulk::request::{Entry, Operation as BulkOperation};
use crate::protocol::scim::error::Refusal;
use crate::protocol::scim::etag;
use crate::provisioning::asynchronous;
use crate::provisioning::bulk::{self, Done, PrepareError, Prepared};
use crate::provisioning::clients::caller;
use crate::provisioning::failure::{self, ProvisioningError};
use crate::provisioning::resource;
use crate::store::Tx;
use crate::store::constraint::Constraint;
use crate::store::failure::StoreError;
use crate::values::ids::{RequestId, ResourceId};

/// The most operations that may refer to each other in circles: they share one transaction.
const MOST_IN_CIRCLE: usize = 50;

/// What a step does.
pub(super) enum Work {
    /// Nothing: it is refused before it begins.
    Refused(Refusal),
    /// One operation.
    One(Box<Prepared>),
    /// The POSTs of a circle with their names, and what they refer to beside each other.
    Circle(Vec<(String, BulkOperation)>, HashMap<String, ResourceId>),
}

/// Which of the steps before it were under way when a step began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Company {
    /// None.
    None,
    /// Some that can only add.
    Adding,
    /// Some that may give a user name free.
    Freeing,
}

/// How a step went.
pub(super) enum Settled {
    /// The outcome of each of its operations.
    Over(Vec<Outcome>),
    /// It lost against one that came before it, and is to be tried again when those are over.
    Again,
    /// The store failed where outcomes are noted: nothing is known to be over, and the request is gone on with later.
    Failed(StoreError),
}

/// Why a step was not done.
enum StepError {
    Revoked,
    Unresolved(String),
    Provisioning(ProvisioningError),
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        Self::Provisioning(error.into())
    }
}

impl From<ProvisioningError> for StepError {
    fn from(error: ProvisioningError) -> Self {
        Self::Provisioning(error)
    }
}

impl From<PrepareError> for StepError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Unresolved(bulk::Unresolved(name)) => Self::Unresolved(name),
            PrepareError::Provisioning(error) => Self::Provisioning(error),
        }
    }
}

impl Work {
    /// What an operation amounts to, with the ids of what was created so far.
    pub(super) fn one(bulk: &Bulk, entry: &Entry, created: &HashMap<String, ResourceId>) -> Self {
        match &entry.operation {
            Err(error) => Self::Refused(error.clone().into()),
            Ok(operation) => match bulk::prepare(operation, &bulk.reading, &|name| created.get(name).copied()) {
                Ok(prepared) => Self::One(Box::new(prepared)),
                Err(error) => Self::Refused(StepError::from(error).refusal(bulk.operation.request)),
            },
        }
    }

    /// The work of a circle: what it refers to outside of itself is known by now, or never will be.
    pub(super) fn circle(entries: &[&Entry], created: &HashMap<String, ResourceId>) -> Self {
        if entries.len() > MOST_IN_CIRCLE {
            let detail = format!("more than {MOST_IN_CIRCLE} operations refer to each other in circles");
            return Self::Refused(Refusal::plain(409, detail));
        }
        let named = entries.iter().filter_map(|entry| {
            let operation = entry.operation.as_ref().ok()?;
            Some((entry.bulk_id.clone()?, operation.clone()))
        });
        let named: Vec<(String, BulkOperation)> = named.collect();
        let outside = named.iter().flat_map(|(_, operation)| references::of(&operation.data));
        let known = outside.filter_map(|name| created.get(&name).map(|id| (name.clone(), *id))).collect();
        Self::Circle(named, known)
    }
}

impl StepError {
    /// True when the step may succeed once those before it are over.
    fn is_worth_a_second_try(&self, company: Company) -> bool {
        match self {
            Self::Provisioning(
                ProvisioningError::UserNameTaken | ProvisioningError::Store(StoreError::Conflict(_)),
            ) => company == Company::Freeing,
            Self::Provisioning(ProvisioningError::Store(StoreError::Unavailable(_))) => company > Company::None,
            Self::Provisioning(_) | Self::Revoked | Self::Unresolved(_) => false,
        }
    }

    fn refusal(self, request: RequestId) -> Refusal {
        match self {
            Self::Revoked => failure::unauthenticated(),
            // RFC 7644, section 3.7.1: a reference that cannot be resolved is 409.
            Self::Unresolved(name) => Refusal::plain(409, format!("nothing was created under bulkId {name}")),
            Self::Provisioning(error) => {
                if let ProvisioningError::Store(error) = &error {
                    tracing::warn!(%error, "an operation of a bulk request failed");
                }
                error.refusal(request)
            }
        }
    }
}

/// Does the work of a step. `heads` has the positions of its operations.
pub(super) async fn perform(bulk: &Bulk, heads: Vec<(usize, Head)>, work: Work, company: Company) -> Settled {
    let is_circle = matches!(work, Work::Circle(..));
    let result = match work {
        Work::Refused(refusal) => return refuse(bulk, heads, refusal).await,
        work => write(bulk, heads.clone(), work).await,
    };
    match result {
        Ok(outcomes) => Settled::Over(outcomes),
        Err(error) if error.is_worth_a_second_try(company) => Settled::Again,
        Err(StepError::Provisioning(ProvisioningError::Store(
            error @ (StoreError::Unavailable(_) | StoreError::Conflict(Constraint::AsynchronousOutcome)),
        ))) if bulk.journal.is_some() => Settled::Failed(error),
        Err(error) => {
            if let StepError::Provisioning(error) = &error
                && let Err(failed) =
                    hold_removal::run(&bulk.store, &bulk.operation, bulk.caller.organization, error).await
            {
                return refuse(bulk, heads, failed.refusal(bulk.operation.request)).await;
            }
            let refusal = error.refusal(bulk.operation.request);
            refuse(bulk, heads, if is_circle { of_circle(refusal) } else { refusal }).await
        }
    }
}

/// The outcome of what was not done, noted where the client does not wait for it.
async fn refuse(bulk: &Bulk, heads: Vec<(usize, Head)>, refusal: Refusal) -> Settled {
    let refused = |(position, head)| (position, Outcome::refused(head, refusal.clone()));
    let outcomes: Vec<(usize, Outcome)> = heads.into_iter().map(refused).collect();
    if let Some(Journal { sealer }) = bulk.journal.clone() {
        let (organization, op) = (bulk.caller.organization, bulk.operation_now());
        let noted = outcomes.clone();
        let work = move |tx: &mut Tx<'_>| {
            let note =
                |(at, outcome): &(usize, Outcome)| asynchronous::note(tx, &op, &sealer, organization, *at, outcome);
            noted.iter().try_for_each(note)
        };
        if let Err(error) = bulk.store.write(work).await {
            return Settled::Failed(error);
        }
    }
    Settled::Over(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

/// Each operation of a circle fails with the others: 409, as for every reference that cannot be resolved.
fn of_circle(refusal: Refusal) -> Refusal {
    match refusal.status {
        400 | 403..=499 => {
            let detail = format!("the operations refer to each other, and one cannot be done: {}", refusal.detail);
            Refusal::plain(409, detail)
        }
        _ => refusal,
    }
}

/// One transaction: the credential is looked up again, the work is done, and it is noted.
async fn write(bulk: &Bulk, heads: Vec<(usize, Head)>, work: Work) -> Result<Vec<Outcome>, StepError> {
    let (op, journal) = (bulk.operation_now(), bulk.journal.clone());
    let (caller, reading) = (bulk.caller.clone(), bulk.reading.clone());
    let organization = caller.organization;
    bulk.store
        .write(move |tx| {
            if !caller::is_live(tx, &caller)? {
                return Err(StepError::Revoked);
            }
            let done = match work {
                Work::Refused(_) => Vec::new(),
                Work::One(prepared) => vec![bulk::make(tx, &op, organization, *prepared)?],
                Work::Circle(circle, created) => bulk::make_circle(tx, &op, organization, &circle, &created, &reading)?,
            };
            let mut outcomes = Vec::with_capacity(done.len());
            for ((position, head), done) in heads.into_iter().zip(done) {
                let outcome = outcome(head, done);
                if let Some(Journal { sealer }) = &journal {
                    asynchronous::note(tx, &op, sealer, organization, position, &outcome)?;
                }
                outcomes.push(outcome);
            }
            Ok(outcomes)
        })
        .await
}

fn outcome(head: Head, done: Done) -> Outcome {
    let path = Some(resource::location("", done.kind, done.id));
    Outcome { head: Head { path, ..head }, version: done.version.map(etag::of), verdict: Verdict::Done(done.status) }
}
