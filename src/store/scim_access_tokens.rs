//! Access tokens of SCIM clients, kept as hashes, and the client assertions that were used for them. `expiry` removes
//! both.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use super::Tx;
use super::failure::StoreError;
use super::schema::{
    organizations, scim_access_tokens as table, scim_clients as clients, scim_credentials as credentials,
};
use crate::store::scim_credentials::{self, PresentedRow};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ScimCredentialId};
use crate::values::secret::TokenHash;

/// One token.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct AccessTokenRow {
    pub token_hash: Vec<u8>,
    pub org_id: OrganizationId,
    pub credential_id: ScimCredentialId,
    pub scope: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Inserts a token.
pub fn insert(tx: &mut Tx<'_>, row: &AccessTokenRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The token with this hash as (its credential with client and organization, its own scope, its own end).
pub fn find_presented(tx: &mut Tx<'_>, hash: &[u8]) -> Result<Option<(PresentedRow, String, Timestamp)>, StoreError> {
    let query = table::table
        .inner_join(credentials::table.on(credentials::id.eq(table::credential_id)))
        .inner_join(clients::table.on(clients::id.eq(credentials::client_id)))
        .inner_join(organizations::table.on(organizations::id.eq(table::org_id)))
        .filter(table::token_hash.eq(hash))
        .select((scim_credentials::PRESENTED, table::scope, table::expires_at));
    Ok(query.first(tx.connection()).optional()?)
}

/// Ends all tokens of a credential but the `newest`.
pub fn delete_all_but(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    credential: ScimCredentialId,
    newest: i64,
) -> Result<usize, StoreError> {
    // The bounds of the key are written out, so that both engines walk the index by credential and age.
    let text = "DELETE FROM scim_access_tokens WHERE org_id = $1 AND credential_id = $2 AND created_at <= (\
                  SELECT created_at FROM scim_access_tokens WHERE credential_id = $3 \
                  ORDER BY created_at DESC LIMIT 1 OFFSET $4)";
    Ok(diesel::sql_query(text)
        .bind::<Binary, _>(organization)
        .bind::<Binary, _>(credential)
        .bind::<Binary, _>(credential)
        .bind::<BigInt, _>(newest)
        .execute(tx.connection())?)
}

/// Marks a client assertion as used. False when it was used before: of two callers one hears true.
pub fn consume_assertion(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    credential: ScimCredentialId,
    id: &TokenHash,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let text = "INSERT INTO consumed_client_assertions (credential_id, id_hash, org_id, expires_at) \
                VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    let inserted = diesel::sql_query(text)
        .bind::<Binary, _>(credential)
        .bind::<Binary, _>(id.as_bytes())
        .bind::<Binary, _>(organization)
        .bind::<BigInt, _>(expires_at)
        .execute(tx.connection())?;
    Ok(inserted == 1)
}
