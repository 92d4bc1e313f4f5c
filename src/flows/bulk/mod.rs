//! A bulk request (RFC 7644, section 3.7) from its plan to its answer: each step is a transaction of its own, as many go side
//! by side as may share a commit, and what needs another waits for it. No transaction lasts longer than one step, so
//! others are served in between.

pub mod asynchronous;
mod run;
mod step;
#[cfg(test)]
mod tests;

use crate::keys::sealing::Sealer;
use crate::protocol::scim::bulk::answer::Outcome;
use crate::protocol::scim::bulk::request::{BulkRequest, Method};
use crate::protocol::scim::validation::Rules;
use crate::provisioning::bulk::Reading;
use crate::provisioning::clients::caller::Caller;
use crate::store::Store;
use crate::store::failure::StoreError;
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
    /// Where outcomes are noted, when the client does not wait for them.
    pub journal: Option<Journal>,
}

impl Bulk {
    /// The operation of a step that begins now.
    fn operation_now(&self) -> Operation {
        Operation { at: self.clock.now(), ..self.operation.clone() }
    }
}

/// Where outcomes are noted, each in the transaction of its operation.
#[derive(Clone)]
pub struct Journal {
    /// The seal that they are under.
    pub sealer: Sealer,
}

/// Does a request and tells what became of its operations, in their order. Those that `failOnErrors` left undone are not
/// among them.
pub async fn run(bulk: Bulk, request: BulkRequest) -> Result<Vec<Outcome>, StoreError> {
    let ended = Run::new(sharing(bulk, &request), request).finish().await?;
    Ok(ended.outcomes.into_iter().flatten().collect())
}

/// The PATCH operations of a request share what they may cost.
fn sharing(bulk: Bulk, request: &BulkRequest) -> Bulk {
    let operations = request.entries.iter().filter_map(|entry| entry.operation.as_ref().ok());
    let patches = operations.filter(|operation| operation.method == Method::Patch).count();
    let Reading { types, rules } = bulk.reading;
    let rules = Rules { limits: rules.limits.in_bulk(patches), ..rules };
    Bulk { reading: Reading { types, rules }, ..bulk }
}
