//! The audit entry of a change to a connection.

use serde_json::json;

use super::{Connection, Settings};
use crate::record::audit::{self, Action, Subject};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::operation::Operation;

/// How many sessions and grants ended with a connection.
pub(super) struct Ended {
    pub(super) sessions: usize,
    pub(super) grants: usize,
}

/// Writes it, with what ended by the change.
pub(super) fn log(
    tx: &mut Tx<'_>,
    op: &Operation,
    connection: &Connection,
    action: Action,
    ended: Option<Ended>,
) -> Result<(), StoreError> {
    let about = match &connection.settings {
        Settings::Saml { idp, options } => json!({
            "entity_id": idp.entity_id,
            "certificates": idp.certificates.iter().map(|one| one.fingerprint()).collect::<Vec<_>>(),
            "options": options,
        }),
        Settings::Oidc { issuer, client_id, preset, authentication, options } => json!({
            "issuer": issuer, "client_id": client_id, "preset": preset, "authentication": authentication,
            "options": options,
        }),
    };
    let matching = json!({ "by": connection.matching.by.as_str(), "claim": connection.matching.claim });
    let mut detail = json!({
        "name": connection.name, "state": connection.state.as_str(), "provider": about, "match": matching,
    });
    if let (Some(Ended { sessions, grants }), Some(members)) = (ended, detail.as_object_mut()) {
        members.insert("ended".to_owned(), json!({ "sessions": sessions, "grants": grants }));
    }
    audit::write(tx, op, Some(connection.organization), action, &Subject::new("connection", connection.id), &detail)
}
