//! Keeps the trigram index of resources up to date: what waits is indexed a batch at a time, so that no other writer
//! waits for long.

use super::Runner;
use crate::store::failure::StoreError;
use crate::store::resource_grams;

/// Resources that one transaction indexes at most.
const BATCH: i64 = 64;

/// Indexes a batch of what waits and tells how much it was.
pub async fn run(runner: &Runner) -> Result<usize, StoreError> {
    if runner.store.read(|tx| resource_grams::count_waiting(tx, None, 1)).await? == 0 {
        return Ok(0);
    }
    runner.store.write(|tx| resource_grams::index(tx, BATCH)).await
}
