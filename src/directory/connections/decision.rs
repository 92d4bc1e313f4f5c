//! Changes of what decides who comes in through a connection: what was shown to work before counts no more, and while people
//! have no other way in, they are made only where somebody can mend what they break (decision 0039).

use super::{Connection, ConnectionError, ConnectionState, Settings, store};
use crate::directory::ways_in;
use crate::record::audit::Action;
use crate::store::Tx;
use crate::store::connections as rows;
use crate::values::clock::Timestamp;
use crate::values::operation::Operation;

/// Writes what an administrator has made of `before`.
pub(super) fn store_edited(
    tx: &mut Tx<'_>,
    op: &Operation,
    before: &Connection,
    next: Connection,
) -> Result<Connection, ConnectionError> {
    let is_continued = before.matching == next.matching
        && before.sealed_secret == next.sealed_secret
        && is_continued(&before.settings, &next.settings, op.at);
    if !is_continued && before.state == ConnectionState::Active {
        ways_in::require_edit(tx, op, before.organization, before.id)?;
    }
    let stored = store(tx, op, next, Action::ConnectionUpdated)?;
    if !is_continued {
        rows::note_decision(tx, stored.organization, stored.id, op.at)?;
    }
    Ok(stored)
}

/// True when `next` lets in whoever `before` does: at most certificates have come, the document is good for another time that is
/// not over, and people who come of themselves go elsewhere.
pub(super) fn is_continued(before: &Settings, next: &Settings, now: Timestamp) -> bool {
    let (mut before, mut next) = (before.clone(), next.clone());
    match (&mut before, &mut next) {
        (Settings::Saml { idp: old, options: demanded }, Settings::Saml { idp: new, options: demanded_now }) => {
            let are_kept = old.certificates.iter().all(|one| new.certificates.contains(one));
            if !are_kept || new.valid_until.is_some_and(|until| until <= now) {
                return false;
            }
            old.certificates.clone_from(&new.certificates);
            (old.valid_until, old.cache_seconds) = (new.valid_until, new.cache_seconds);
            demanded.landing.clone_from(&demanded_now.landing);
        }
        (Settings::Oidc { options: demanded, .. }, Settings::Oidc { options: demanded_now, .. }) => {
            demanded.initiation.clone_from(&demanded_now.initiation);
        }
        (Settings::Saml { .. }, Settings::Oidc { .. }) | (Settings::Oidc { .. }, Settings::Saml { .. }) => {}
    }
    before == next
}
