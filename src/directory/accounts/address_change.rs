//! A person whose primary address changes is told at the one before: nobody can take an account over silently by giving it
//! another mailbox.

use super::Account;
use super::state::AccountState;
use crate::record::jobs::{self, Job};
use crate::record::notice::PersonNotice;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::former_addresses::{self, FormerAddressRow};
use crate::values::operation::Operation;

/// How long the former address is kept for the mail: longer than a mail is tried.
const KEPT_SECONDS: i64 = 2 * 24 * 3600;

/// Queues the mail, if `before` could sign in and had shown that the address was theirs. The address stands in a row of its
/// own, since the queue holds no personal data.
pub(super) fn tell(tx: &mut Tx<'_>, op: &Operation, before: &Account) -> Result<(), StoreError> {
    let is_theirs = before.state == AccountState::Active && before.address_verified_at.is_some();
    let (true, Some(address)) = (is_theirs, before.profile.primary_address()) else { return Ok(()) };
    let row = FormerAddressRow {
        id: op.new_id(),
        account_id: before.id,
        address: address.as_str().to_owned(),
        expires_at: op.at.plus_seconds(KEPT_SECONDS),
    };
    former_addresses::insert(tx, &row)?;
    let notice = PersonNotice::AddressChanged { former: row.id };
    jobs::enqueue(tx, op, &Job::TellPerson { account: before.id, notice, at: op.at }, op.at)
}
