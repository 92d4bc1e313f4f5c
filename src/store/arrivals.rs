//! What has to be known before somebody is taken into an organization, on PostgreSQL in one query.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use super::domains::Owned;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::StoreError;
use super::resources::ResourceKind;
use super::{Tx, accounts, domains, memberships, resource_counts, scim_clients};
use crate::store::connection::Backend;
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, OrganizationId, ScimClientId};

/// What is known of an organization and an address.
#[derive(Debug, Clone, Default)]
pub struct ArrivalRow {
    /// How many users the organization has.
    pub users: i64,
    /// The profile and the policy of the client who pushes the person ([`scim_clients::reprovisioning`]).
    pub client: Option<(String, Option<String>)>,
    /// The organization's members with the address; two are enough to know that it is ambiguous.
    pub members: Vec<AccountId>,
    /// Whether the address belongs to somebody outside ([`accounts::is_outside`]).
    pub is_outside: bool,
    /// Whether the domain of the address is the organization's own and trusted ([`domains::is_owner`]).
    pub is_own_domain: bool,
}

/// One thing that is known.
#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct FactRow {
    #[diesel(sql_type = Text)]
    fact: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    number: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    account: Option<AccountId>,
    #[diesel(sql_type = Nullable<Text>)]
    profile: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    policy: Option<String>,
}

/// Finds what is known before a client, or nobody in particular, pushes somebody with this address.
pub fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: Option<ScimClientId>,
    address: Option<&EmailAddress>,
) -> Result<ArrivalRow, StoreError> {
    if tx.engine() == Engine::Sqlite {
        return one_by_one(tx, organization, client, address);
    }
    let mut query = DynamicQuery::recurring();
    query.sql(
        "SELECT 'users' AS fact, CAST(sum(c.delta) AS BIGINT) AS number, CAST(NULL AS BYTEA) AS account, \
           CAST(NULL AS TEXT) AS profile, CAST(NULL AS TEXT) AS policy FROM resource_counts c WHERE c.org_id = ",
    );
    query.bytes(organization.as_bytes()).sql(" AND c.kind = ").text(ResourceKind::User.as_str());
    if let Some(client) = client {
        query.sql(
            " UNION ALL SELECT 'client', NULL, NULL, s.profile, s.reprovisioning FROM scim_clients s \
              WHERE s.state = 'active' AND s.id = ",
        );
        query.bytes(client.as_bytes()).sql(" AND s.org_id").sql(Engine::Postgres.checked());
        query.bytes(organization.as_bytes());
    }
    if let Some(address) = address {
        of_address(&mut query, organization, address);
    }
    let mut known = ArrivalRow::default();
    for row in query.load::<FactRow>(tx.connection())? {
        match row.fact.as_str() {
            "users" => known.users = row.number.unwrap_or(0),
            "client" => known.client = row.profile.map(|profile| (profile, row.policy)),
            "member" => known.members.extend(row.account),
            "owner" => known.is_own_domain = true,
            "lapsed" => {}
            _ => known.is_outside = true,
        }
    }
    Ok(known)
}

/// The address leads to its rows, the name to the one owner of the domain; everything else is looked at from there.
fn of_address(query: &mut DynamicQuery, organization: OrganizationId, address: &EmailAddress) {
    query.sql(
        " UNION ALL (SELECT 'member', NULL, m.account_id, NULL, NULL FROM addresses a \
           JOIN memberships m ON m.account_id = a.account_id WHERE a.address = ",
    );
    query.text(address.as_str()).sql(" AND m.org_id").sql(Engine::Postgres.checked());
    query.bytes(organization.as_bytes()).sql(" AND m.kind").sql(Engine::Postgres.checked()).sql("'member' LIMIT 2)");
    query.sql(
        " UNION ALL SELECT 'outside', NULL, NULL, NULL, NULL FROM addresses a \
          WHERE a.verified_at IS NOT NULL AND a.address = ",
    );
    query.text(address.as_str());
    query.sql(" AND (SELECT count(*) FROM memberships m WHERE m.account_id = a.account_id AND m.kind = 'member' ");
    query.sql("AND m.org_id = ").bytes(organization.as_bytes());
    query.sql(") = 0 UNION ALL SELECT CASE WHEN d.org_id <> ").bytes(organization.as_bytes());
    query.sql(" THEN 'outside' WHEN d.state IN ").sql(Owned::Trusted.sql()).sql(" THEN 'owner' ELSE 'lapsed' END, ");
    query.sql("NULL, NULL, NULL, NULL FROM domains d WHERE d.name = ").text(address.domain().as_str());
    query.sql(" AND d.state IN ").sql(Owned::OrLapsed.sql());
}

fn one_by_one(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: Option<ScimClientId>,
    address: Option<&EmailAddress>,
) -> Result<ArrivalRow, StoreError> {
    let mut known = ArrivalRow {
        users: resource_counts::total(tx, organization, ResourceKind::User)?,
        client: match client {
            Some(client) => scim_clients::reprovisioning(tx, organization, client)?,
            None => None,
        },
        ..ArrivalRow::default()
    };
    if let Some(address) = address {
        let (text, domain) = (address.as_str(), address.domain().as_str());
        known.members = memberships::members_with_address(tx, organization, text)?;
        known.is_outside = accounts::is_outside(tx, organization, text, domain)?;
        known.is_own_domain = domains::is_owner(tx, organization, domain, Owned::Trusted)?;
    }
    Ok(known)
}
