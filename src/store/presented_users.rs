//! A credential as it is presented, with the user that is asked for: on PostgreSQL in one round trip, because nothing is asked for
//! more often. On SQLite two queries cost no more than one.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use super::Tx;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::StoreError;
use super::resources::ResourceRow;
use super::scim_credentials::PresentedRow;
use super::surroundings::{self, SurroundedRow, SurroundingsRow};
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ResourceId, ScimClientId, ScimCredentialId};

/// The columns of a [`PresentedRow`] beside those of a user.
#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct CredentialRow {
    #[diesel(sql_type = Binary)]
    credential_id: ScimCredentialId,
    #[diesel(sql_type = Binary)]
    client_id: ScimClientId,
    #[diesel(sql_type = Binary)]
    org_id: OrganizationId,
    #[diesel(sql_type = Text)]
    slug: String,
    #[diesel(sql_type = BigInt)]
    schemas_version: i64,
    #[diesel(sql_type = Text)]
    profile: String,
    #[diesel(sql_type = Text)]
    client_state: String,
    #[diesel(sql_type = BigInt)]
    expires_at: Timestamp,
    #[diesel(sql_type = Nullable<BigInt>)]
    last_used_at: Option<Timestamp>,
    #[diesel(sql_type = Nullable<BigInt>)]
    revoked_at: Option<Timestamp>,
    #[diesel(sql_type = Text)]
    credential_kind: String,
    #[diesel(sql_type = Text)]
    scope: String,
    #[diesel(sql_type = Text)]
    request_log: String,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct FoundRow {
    #[diesel(embed)]
    credential: CredentialRow,
    #[diesel(embed)]
    user: ResourceRow,
    #[diesel(embed)]
    around: SurroundingsRow,
}

/// The credential with this token hash and, in its organization, the user with this id. `None` where there are not both, and on
/// SQLite: then they are asked for one after the other.
pub fn find(tx: &mut Tx<'_>, hash: &[u8], id: ResourceId) -> Result<Option<(PresentedRow, SurroundedRow)>, StoreError> {
    if tx.engine() == Engine::Sqlite {
        return Ok(None);
    }
    let checked = Engine::Postgres.checked();
    let mut query = DynamicQuery::recurring();
    query.sql(
        "SELECT c.id AS credential_id, c.client_id, c.org_id, o.slug, o.schemas_version, t.profile, \
           t.state AS client_state, c.expires_at, c.last_used_at, c.revoked_at, c.kind AS credential_kind, c.scope, \
           t.request_log, r.k, r.id, r.account_id, r.active, r.version, r.created_at, r.updated_at, d.document",
    );
    query.sql(surroundings::STANDING_COLUMNS).sql(surroundings::COLUMNS_OF_ONE);
    query.sql(
        " FROM scim_credentials c JOIN scim_clients t ON t.id = c.client_id JOIN organizations o ON o.id = c.org_id \
          JOIN resources r ON r.id = ",
    );
    query.bytes(id.as_bytes()).sql(" AND r.kind").sql(checked).sql("'user' AND r.org_id").sql(checked);
    query.sql("c.org_id JOIN resource_docs d ON d.k = r.k");
    query.sql(surroundings::STANDING_JOINS).sql(surroundings::JOINS_OF_ONE);
    query.sql(" WHERE c.token_hash = ").bytes(hash).sql(surroundings::LIMIT_OF_ONE);
    let (mut found, mut around) = (None, Vec::new());
    for row in query.load::<FoundRow>(tx.connection())? {
        found = Some((row.credential, row.user));
        around.push(row.around);
    }
    Ok(found
        .map(|(credential, row)| (presented(credential), SurroundedRow { row, around: surroundings::gather(around) })))
}

fn presented(row: CredentialRow) -> PresentedRow {
    PresentedRow {
        credential: row.credential_id,
        client: row.client_id,
        organization: row.org_id,
        slug: row.slug,
        schemas_version: row.schemas_version,
        profile: row.profile,
        state: row.client_state,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
        kind: row.credential_kind,
        scope: row.scope,
        request_log: row.request_log,
    }
}
