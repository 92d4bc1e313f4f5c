//! Whether a grant still stands: one pure function over what was loaded for it.

use crate::protocol::oidc::scope::{Scope, ScopeSet};
use crate::store::grants::StandingRow;
use crate::values::clock::Timestamp;

/// Why a grant no longer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was revoked.
    Revoked,
    /// Its time is over.
    Expired,
    /// The person signed out, and the grant was not for offline use.
    SignedOut,
    /// The connection that the person came through was switched off.
    Connection,
    /// The person had signed in by credentials of their own, and single sign-on is asked of them by now.
    OwnCredentials,
    /// The account's session epoch moved: everything made before is dead.
    SessionEpoch,
    /// The account is not active.
    Account,
    /// The membership is gone or not active.
    Membership,
    /// The application was switched off.
    Application,
}

/// Checks everything that a grant rests on, as of `now`.
pub fn check(row: &StandingRow, now: Timestamp) -> Result<(), Ended> {
    let is_offline = ScopeSet::parse(&row.grant.scope).contains(Scope::OfflineAccess);
    if row.grant.revoked_at.is_some() {
        return Err(Ended::Revoked);
    }
    if now >= row.grant.expires_at {
        return Err(Ended::Expired);
    }
    if row.session.ended_at.is_some() && !is_offline {
        return Err(Ended::SignedOut);
    }
    if row.connection.as_ref().is_some_and(|connection| connection.state != "active") {
        return Err(Ended::Connection);
    }
    if row.is_own_way_in_question {
        return Err(Ended::OwnCredentials);
    }
    if row.account.session_epoch != row.grant.session_epoch {
        return Err(Ended::SessionEpoch);
    }
    if row.account.state != "active" {
        return Err(Ended::Account);
    }
    if row.membership.as_ref().is_none_or(|membership| membership.status != "active") {
        return Err(Ended::Membership);
    }
    if row.application.state != "active" {
        return Err(Ended::Application);
    }
    Ok(())
}
