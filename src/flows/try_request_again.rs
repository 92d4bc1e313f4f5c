//! Tries a request of the log again as a dry run: one transaction that is always rolled back, then one that notes it.

use std::convert::Infallible;

use crate::keys::sealing::Sealer;
use crate::provisioning::request_log::RequestLogError;
use crate::provisioning::request_log::trial::{self, Trial, Tried};
use crate::store::Store;
use crate::store::failure::StoreError;
use crate::values::operation::Operation;

/// How the transaction of a trial ends. It never ends well, so that it is never committed.
enum RolledBack {
    Tried(Box<Tried>),
    Failed(RequestLogError),
}

impl From<StoreError> for RolledBack {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Tries a request. Nothing of what it does stays but the entry that says that it was tried.
pub async fn run(store: &Store, sealer: Sealer, op: Operation, trial: Trial) -> Result<Tried, RequestLogError> {
    let (at, asked) = (op.clone(), trial.clone());
    let ended = store.write(move |tx| -> Result<Infallible, RolledBack> {
        Err(match trial::run(tx, &at, &sealer, &asked) {
            Ok(tried) => RolledBack::Tried(Box::new(tried)),
            Err(error) => RolledBack::Failed(error),
        })
    });
    let tried = match ended.await {
        Err(RolledBack::Tried(tried)) => *tried,
        Err(RolledBack::Failed(error)) => return Err(error),
        Ok(never) => match never {},
    };
    let outcome = tried.clone();
    store.write(move |tx| trial::write_entry(tx, &op, &trial, &outcome)).await?;
    Ok(tried)
}
