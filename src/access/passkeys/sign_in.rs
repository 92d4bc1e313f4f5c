//! Somebody signs in by a passkey alone. Everything that lets nobody in by a password lets nobody in here, and each has the same
//! answer as a passkey that the gateway does not know.

use super::assertion::{self, Beside, Checked};
use crate::access::attempts::state::Identified;
use crate::access::attempts::{self, Attempt, AttemptError};
use crate::access::own_password::{organization_for, worth};
use crate::access::second_factors::raised;
use crate::directory::{accounts, memberships};
use crate::store::{Tx, accounts as account_rows};
use crate::values::ids::OrganizationId;
use crate::values::operation::{Actor, Operation};
use crate::values::secret::Secret;

/// Stores who signs in with the attempt: the arrival token of this browser. `None` when the answer does not count, or lets nobody
/// in; the challenge is used up then, so the caller keeps the transaction.
pub fn identify(
    tx: &mut Tx<'_>,
    op: &Operation,
    attempt: &Attempt,
    checked: &Checked,
    application_owner: Option<OrganizationId>,
) -> Result<Option<Secret>, AttemptError> {
    // Whoever chooses another password just now, after which the passkey does not count alone, does not do so in vain.
    if let Some(account) = checked.account() {
        account_rows::lock(tx, account)?;
    }
    let Some(shown) = assertion::take(tx, op, checked, Beside::Nothing)?.filter(|shown| shown.counts_alone) else {
        return Ok(None);
    };
    let op = &op.by(Actor::Person { account: shown.account });
    let Some(account) = accounts::find(tx, shown.account)? else { return Ok(None) };
    // Whatever a password would be worth: a passkey is two factors by itself.
    if worth(tx, &account)?.is_none() {
        return Ok(None);
    }
    let memberships = memberships::of_account(tx, shown.account)?;
    let Some(organization) = organization_for(&memberships, application_owner) else { return Ok(None) };
    let (amr, acr) = raised(Vec::new(), &shown.methods());
    let identified = Identified {
        account: shown.account,
        organization,
        connection: None,
        session_epoch: account.session_epoch,
        amr,
        acr,
        auth_time: Some(op.at),
        session_expires_at: None,
        upstream_session: None,
    };
    attempts::identify_here(tx, op, attempt, identified).map(Some)
}
