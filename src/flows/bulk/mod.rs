//! A bulk request (RFC 7644, section 3.7) from its plan to its answer: each step is a transaction of its own, as many go side
//! by side as may share a commit, and what needs another waits for it. No transaction lasts longer than one step, so
//! others are served in between.

mod run;
mod step;

use crate::protocol::scim::bulk::answer::Outcome;
use crate::protocol::scim::bulk::request::{BulkRequest, Method};
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::bulk::Reading;
use crate::provisioning::clients::caller::Caller;
use crate::store::Store;
use crate::values::clock::Clock;
use crate::values::operation::Operation;

use run::Run;

/// What a bulk request is done with.
#[derive(Clone)]
pub struct Bulk {
    /// The store.
    pub store: Store,
    /// Where the instant of each step comes from.
    pub clock: Clock,
    /// Who asks. Their credential is looked up again in each step.
    pub caller: Caller,
    /// What the bodies are read with.
    pub reading: Reading,
    /// The operation of the whole request.
    pub operation: Operation,
}

/// Does a request and tells what became of its operations, in their order. Those that `failOnErrors` left undone are not
/// among them.
pub async fn run(bulk: Bulk, request: BulkRequest) -> Vec<Outcome> {
    let Reading { types, rules } = bulk.reading;
    let rules = Rules { limits: in_bulk(rules.limits, &request), ..rules };
    let outcomes = Run::new(Bulk { reading: Reading { types, rules }, ..bulk }, request).finish().await;
    outcomes.into_iter().flatten().collect()
}

fn in_bulk(limits: Limits, request: &BulkRequest) -> Limits {
    let operations = request.entries.iter().filter_map(|entry| entry.operation.as_ref().ok());
    limits.in_bulk(operations.filter(|operation| operation.method == Method::Patch).count())
}
