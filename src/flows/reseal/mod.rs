//! Seals anew, under the newest encryption key, what is stored under an older one (decision 0042). It goes through the columns in
//! bounded pages beside whoever serves: a value is replaced only where it still is what was read, each page in a transaction of its
//! own, so that it can be interrupted at any moment and begun again.

use crate::access::{passwords, second_factors};
use crate::directory::connections;
use crate::keys::rotation;
use crate::keys::sealing::{Sealer, SealingError};
use crate::provisioning::{asynchronous, request_log};
use crate::store::failure::StoreError;
use crate::store::sealed_values::{self, PageEnd, SealedAt, SealedColumn, SealedValue};
use crate::store::{Store, Tx};

/// Times that a column is gone through, until nothing under an older key is found any more. Only a node that still seals under an
/// older key makes it more than twice.
const PASSES: usize = 5;

/// What became of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resealed {
    /// Values that are under the newest key now.
    pub anew: u64,
    /// Values that are under another one still.
    pub left: u64,
    /// Those of them that the configured keys do not open.
    pub unopened: u64,
}

/// Seals the values of a column anew. `heard` is told after each page how many they are by now.
pub async fn column(
    store: &Store,
    sealer: &Sealer,
    column: SealedColumn,
    mut heard: impl FnMut(u64),
) -> Result<Resealed, StoreError> {
    let mut whole = Resealed::default();
    for _ in 0..PASSES {
        let mut pass = Resealed::default();
        let mut after = None;
        loop {
            let (page, end) = some(store, sealer, column, after).await?;
            pass = Resealed {
                anew: pass.anew.saturating_add(page.anew),
                left: pass.left.saturating_add(page.left),
                unopened: pass.unopened.saturating_add(page.unopened),
            };
            heard(whole.anew.saturating_add(pass.anew));
            after = end;
            if after.is_none() {
                break;
            }
        }
        whole = Resealed { anew: whole.anew.saturating_add(pass.anew), ..pass };
        // What is left was changed meanwhile, and is looked at once more.
        if pass.anew == 0 && pass.left == pass.unopened {
            break;
        }
    }
    Ok(whole)
}

/// One page: read, sealed outside of any transaction, written.
async fn some(
    store: &Store,
    sealer: &Sealer,
    column: SealedColumn,
    after: Option<PageEnd>,
) -> Result<(Resealed, Option<PageEnd>), StoreError> {
    let newest = sealer.newest_key().to_vec();
    let page = store.read(move |tx| sealed_values::page(tx, column, &newest, after.as_ref())).await?;
    let found = page.values.len();
    let mut anew: Vec<(SealedValue, Vec<u8>)> = Vec::with_capacity(found);
    for value in page.values {
        if let Ok(sealed) = resealed(sealer, &value) {
            anew.push((value, sealed));
        }
    }
    let unopened = found.saturating_sub(anew.len());
    let mut replaced = 0;
    if !anew.is_empty() {
        replaced = store.write(move |tx| replace(tx, &anew)).await?;
    }
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let left = count(found.saturating_sub(replaced));
    Ok((Resealed { anew: count(replaced), left, unopened: count(unopened) }, page.end))
}

fn replace(tx: &mut Tx<'_>, anew: &[(SealedValue, Vec<u8>)]) -> Result<usize, StoreError> {
    let mut replaced = 0_usize;
    for (before, sealed) in anew {
        replaced = replaced.saturating_add(usize::from(sealed_values::replace(tx, before, sealed)?));
    }
    Ok(replaced)
}

fn resealed(sealer: &Sealer, value: &SealedValue) -> Result<Vec<u8>, SealingError> {
    let place = place(&value.at);
    sealer.seal(&sealer.open(&value.sealed, &place)?, &place)
}

/// What the value was sealed for, as those say who seal it.
fn place(at: &SealedAt) -> String {
    match at {
        SealedAt::SigningKey { id, purpose } => rotation::place(purpose, *id),
        SealedAt::Connection(id) => connections::secret_place(*id),
        SealedAt::Password(account) => passwords::place(*account),
        SealedAt::TotpFactor(account) => second_factors::place(*account),
        SealedAt::AsynchronousRequest(id) => asynchronous::body_place(*id),
        SealedAt::AsynchronousOutcome { request, position } => asynchronous::outcome_place(*request, *position),
        SealedAt::ScimExchange { organization, id } => request_log::row::place(*organization, *id),
    }
}

#[cfg(test)]
mod tests;
