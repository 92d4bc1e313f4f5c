//! Browsers in which a person has signed in before, known by a durable cookie of which the store keeps a hash. A browser
//! that is known is not held up by what others try with the same address, and the first sign-in in another one is told to
//! the person. The cookie opens nothing.

use crate::record::jobs::{self, Job};
use crate::record::notice::PersonNotice;
use crate::store::Tx;
use crate::store::devices::{self as rows, DeviceRow};
use crate::store::failure::StoreError;
use crate::values::ids::AccountId;
use crate::values::operation::Operation;
use crate::values::secret::{Secret, TokenHash, new_token};

/// How long a browser stays known after its last sign-in.
pub const KEPT_SECONDS: i64 = 400 * 24 * 3600;

/// Notes that a person has signed in in the browser that shows `device`, and answers what the browser is to keep. The person
/// is told when they have signed in elsewhere before, and never here.
pub fn note(
    tx: &mut Tx<'_>,
    op: &Operation,
    account: AccountId,
    device: Option<&Secret>,
) -> Result<Secret, StoreError> {
    let expires_at = op.at.plus_seconds(KEPT_SECONDS);
    let token = match device {
        Some(token) => token.clone(),
        None => new_token("cw_device_", &op.entropy),
    };
    let hash = TokenHash::of(token.expose());
    if rows::touch(tx, account, &hash, op.at, expires_at)? {
        return Ok(token);
    }
    let is_first = rows::count(tx, account, op.at)? == 0;
    let token_hash = hash.as_bytes().to_vec();
    rows::forget(tx, account, &hash)?;
    let row = DeviceRow { account_id: account, token_hash, first_seen_at: op.at, last_seen_at: op.at, expires_at };
    rows::insert(tx, &row)?;
    if !is_first {
        jobs::enqueue(tx, op, &Job::TellPerson { account, notice: PersonNotice::UnknownDevice, at: op.at }, op.at)?;
    }
    Ok(token)
}
