//! Removing what has expired, a bounded batch at a time, so that no sweep holds the writer for long.

use diesel::RunQueryDsl as _;
use diesel::sql_types::BigInt;

use super::Tx;
use super::failure::StoreError;
use crate::values::clock::Timestamp;

/// A table from which what has expired goes.
struct Table {
    name: &'static str,
    key: &'static str,
    /// What else must hold.
    condition: &'static str,
    /// Whether anything is gained by keeping an expired row for a while. Of attempts anybody can make many.
    stay: Stay,
}

#[derive(Clone, Copy)]
enum Stay {
    Grace,
    None,
}

const fn table(name: &'static str, key: &'static str, condition: &'static str, stay: Stay) -> Table {
    Table { name, key, condition, stay }
}

/// Children come before their parents.
const TABLES: &[Table] = &[
    table("authorization_codes", "code_hash", "TRUE", Stay::Grace),
    table("refresh_tokens", "token_hash", "TRUE", Stay::Grace),
    table("attempts", "id", "TRUE", Stay::None),
    table("saml_sessions", "attempt_id", "TRUE", Stay::Grace),
    table("sign_outs", "handle_hash", "TRUE", Stay::None),
    table("consumed_assertions", "connection_id, assertion_id", "TRUE", Stay::Grace),
    table("consumed_client_assertions", "credential_id, id_hash", "TRUE", Stay::Grace),
    table("scim_access_tokens", "token_hash", "TRUE", Stay::None),
    // An open one is ended first, with an entry in the log; one that nobody followed can be sent again for as long again.
    table("activations", "id", "state IN ('accepted', 'revoked')", Stay::Grace),
    table("link_requests", "id", "TRUE", Stay::None),
    table("mail_proofs", "id", "TRUE", Stay::None),
    table("passkey_challenges", "place_id, purpose", "TRUE", Stay::None),
    table("devices", "account_id, token_hash", "TRUE", Stay::None),
    table("former_addresses", "id", "TRUE", Stay::None),
    table("grants", "id", "TRUE", Stay::Grace),
    table("sessions", "id", "NOT EXISTS (SELECT 1 FROM grants WHERE grants.session_id = sessions.id)", Stay::Grace),
];

/// Deletes at most `limit` rows of each table that expired before `now`, or before `grace_ended` where expired rows stay
/// for a while; tells how many went.
pub fn delete_expired(
    tx: &mut Tx<'_>,
    now: Timestamp,
    grace_ended: Timestamp,
    limit: i64,
) -> Result<usize, StoreError> {
    let mut removed = 0;
    for Table { name, key, condition, stay } in TABLES {
        let before = match stay {
            Stay::Grace => grace_ended,
            Stay::None => now,
        };
        let text = format!(
            "DELETE FROM {name} WHERE ({key}) IN \
             (SELECT {key} FROM {name} WHERE expires_at < $1 AND {condition} LIMIT $2)"
        );
        removed +=
            diesel::sql_query(text).bind::<BigInt, _>(before).bind::<BigInt, _>(limit).execute(tx.connection())?;
    }
    Ok(removed)
}
