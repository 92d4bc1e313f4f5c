//! Users by the names that directories give them: who has a user name, whom a client pushed under an external id, and whose
//! accounts those are.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::resources::ResourceKind;
use super::schema::resources as table;
use crate::values::ids::{AccountId, OrganizationId, ResourceId, ScimClientId};

/// A user who has a name that somebody else asks for.
#[derive(Debug, Clone, Queryable)]
#[allow(missing_docs)] // columns
pub struct HolderRow {
    pub id: ResourceId,
    pub client_id: Option<ScimClientId>,
    pub active: Option<bool>,
}

/// The user with this folded user name.
pub fn user_named(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    folded: &str,
) -> Result<Option<HolderRow>, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::user_name_folded.eq(folded))
        .select((table::id, table::client_id, table::active));
    Ok(query.first(tx.connection()).optional()?)
}

/// The users whom a client has pushed under this external id; no more than two are read.
pub fn users_with_external_id(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: ScimClientId,
    external_id: &str,
) -> Result<Vec<HolderRow>, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::external_id.eq(external_id))
        .filter(table::kind.eq(ResourceKind::User.as_str()))
        .filter(table::client_id.eq(client))
        .limit(2)
        .select((table::id, table::client_id, table::active));
    Ok(query.load(tx.connection())?)
}

/// The accounts of the user with this folded user name.
pub fn accounts_with_user_name(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    folded: &str,
) -> Result<Vec<AccountId>, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::user_name_folded.eq(folded))
        .filter(table::account_id.is_not_null())
        .limit(2)
        .select(table::account_id.assume_not_null());
    Ok(query.load(tx.connection())?)
}

/// The accounts of the users with this external id, which is unique for one client but not for an organization; no more
/// than two are read.
pub fn accounts_with_external_id(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    external_id: &str,
) -> Result<Vec<AccountId>, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::external_id.eq(external_id))
        .filter(table::kind.eq(ResourceKind::User.as_str()))
        .filter(table::account_id.is_not_null())
        .limit(2)
        .select(table::account_id.assume_not_null());
    Ok(query.load(tx.connection())?)
}
