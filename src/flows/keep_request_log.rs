//! Stores what the SCIM door recorded: redacts and seals beside the requests, then writes in batches. What cannot be stored
//! is counted, and the count is stored as soon as something can be.

use crate::keys::sealing::Sealer;
use crate::provisioning::request_log::buffer::{Batch, Buffer};
use crate::provisioning::request_log::recorded::{Missed, Recorded, Summary};
use crate::provisioning::request_log::{self, Retention, row};
use crate::store::Store;
use crate::store::failure::StoreError;
use crate::store::scim_exchanges::ExchangeRow;
use crate::values::clock::Timestamp;
use crate::values::entropy::Entropy;
use crate::values::ids::RequestId;

/// Exchanges that share a transaction, so that none holds the writer for long.
const ROWS_AT_ONCE: usize = 128;

/// What it takes to keep the log.
#[derive(Clone)]
pub struct Keeper {
    /// What was recorded.
    pub buffer: Buffer,
    /// Where it goes.
    pub store: Store,
    /// The seal of originals.
    pub sealer: Sealer,
    /// How much is kept.
    pub retention: Retention,
    /// Where the ids of summaries come from.
    pub entropy: Entropy,
}

/// What became of what was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// Exchanges that are stored.
    pub exchanges: u64,
    /// Those that are counted only, `dropped` among them.
    pub missed: Missed,
}

impl Keeper {
    /// Stores a batch, the id of each summary made at `now`.
    pub async fn keep(&self, batch: Batch, now: Timestamp) -> Kept {
        let mut kept = Kept::default();
        let Batch { mut exchanges, mut summaries } = batch;
        while !exchanges.is_empty() || !summaries.is_empty() {
            let rest = exchanges.split_off(exchanges.len().min(ROWS_AT_ONCE));
            let some = Batch { exchanges, summaries: std::mem::take(&mut summaries) };
            exchanges = rest;
            let count = u64::try_from(some.exchanges.len()).unwrap_or(u64::MAX);
            let counted = some.summaries.iter().fold(Missed::default(), |mut sum, summary| {
                sum.add(&summary.missed);
                sum
            });
            let lost = some.as_lost();
            match self.store_some(some, now).await {
                Ok(()) => {
                    kept.exchanges = kept.exchanges.saturating_add(count);
                    kept.missed.add(&counted);
                }
                Err(error) => {
                    tracing::warn!(%error, exchanges = count, "a part of the request log was not stored");
                    self.buffer.give_back(lost);
                }
            }
        }
        kept
    }

    async fn store_some(&self, batch: Batch, now: Timestamp) -> Result<(), StoreError> {
        let (sealer, retention, entropy) = (self.sealer.clone(), self.retention, self.entropy);
        let redacted = tokio::task::spawn_blocking(move || rows(&batch, &sealer, &retention, now, &entropy)).await;
        let rows = redacted.map_err(|_| StoreError::Internal("an exchange could not be redacted".to_owned()))?;
        self.store.write(move |tx| request_log::keep(tx, &rows, &retention)).await
    }
}

fn rows(batch: &Batch, sealer: &Sealer, retention: &Retention, now: Timestamp, entropy: &Entropy) -> Vec<ExchangeRow> {
    let exchange = |one: &Recorded| row::of_exchange(one, sealer, retention.body_bytes);
    let summary = |one: &Summary| row::of_summary(one, RequestId::mint(now, entropy));
    batch.exchanges.iter().map(exchange).chain(batch.summaries.iter().map(summary)).collect()
}
