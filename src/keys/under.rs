//! Which encryption keys stored values are under, and the refusal to go on where one of them is not configured: what is under it
//! could not be opened, and nobody would know before somebody needed it.

use super::rotation::KeyError;
use super::sealing::Sealer;
use crate::store::Tx;
use crate::store::sealed_values::{self, SealedColumn};

/// Keys that are looked at in each column: more than anybody configures.
const MOST_KEYS: usize = 64;

/// Values are under a key that is not configured here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{column} has values that are sealed under a key that is not configured: the key {key}")]
pub struct KeyMissing {
    /// `table.column`.
    pub column: String,
    /// The name of the key, which sealed values carry, in hexadecimal digits.
    pub key: String,
}

/// Refuses where a value that lasts is under a key that is not configured here. A look into an index for each key and column,
/// however many values there are.
pub fn require_known(tx: &mut Tx<'_>, sealer: &Sealer) -> Result<(), KeyError> {
    for column in SealedColumn::LASTING {
        let mut after = Vec::new();
        for _ in 0..MOST_KEYS {
            let Some(key) = sealed_values::next_key(tx, column, &after)? else { break };
            if !sealer.knows(&key) {
                return Err(KeyMissing { column: column.name(), key: spelled(&key) }.into());
            }
            after = key;
        }
    }
    Ok(())
}

fn spelled(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}
