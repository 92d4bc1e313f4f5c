//! What becomes of a POST for somebody who is there already: the policy of each client.
//!
//! A directory that had deactivated somebody and takes them on again sends POST, not PATCH (Okta does); answered with 409
//! each time, it never gets further. To give the old account back is right for the same person, and wrong for a namesake
//! who was given the same user name: so a human decides for each client, and the default is to refuse.

use serde_json::json;

use crate::directory::permission::{self, Denied, Permission};
use crate::protocol::scim::tolerance::Profile;
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::resource::Resource;
use crate::provisioning::users::{self, UserDraft};
use crate::record::audit::{self, Action, Subject};
use crate::store::arrivals::ArrivalRow;
use crate::store::failure::StoreError;
use crate::store::resource_holders::{self, HolderRow};
use crate::store::{Tx, resources, scim_clients};
use crate::values::ids::{OrganizationId, ResourceId, ScimClientId};
use crate::values::operation::{Actor, Operation};

/// A client's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reprovisioning {
    /// 409, with the location of who is there.
    Refuse,
    /// A user whom the same client has pushed and who is not active is taken on again; anybody else is refused.
    Reactivate,
    /// Whoever is there is taken over, active or not, and whoever has pushed them.
    Adopt,
}

/// Somebody who is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The user.
    pub id: ResourceId,
    /// Whether they may sign in.
    pub is_active: bool,
}

/// Why a policy cannot be read or set.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// There is no such client in this organization.
    #[error("no such scim client")]
    NotFound,
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reprovisioning {
    /// The name in the store and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Reactivate => "reactivate",
            Self::Adopt => "adopt",
        }
    }

    /// The policy with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Refuse, Self::Reactivate, Self::Adopt].into_iter().find(|policy| policy.as_str() == name)
    }

    /// The policy of a client that names none: Okta never deletes a user and sends POST to take one on again.
    pub const fn of(profile: Profile) -> Self {
        match profile {
            Profile::Okta => Self::Reactivate,
            Profile::Standard
            | Profile::Strict
            | Profile::Entra
            | Profile::Onelogin
            | Profile::Jumpcloud
            | Profile::Ping
            | Profile::Sailpoint
            | Profile::Google
            | Profile::Authentik => Self::Refuse,
        }
    }
}

/// The policy of a client.
pub fn find(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    client: ScimClientId,
) -> Result<Reprovisioning, PolicyError> {
    permission::require(op, organization, Permission::Read)?;
    policy_of(tx, organization, client)?.ok_or(PolicyError::NotFound)
}

/// Sets the policy of a client.
pub fn set(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    client: ScimClientId,
    policy: Reprovisioning,
) -> Result<Reprovisioning, PolicyError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    if !scim_clients::update_reprovisioning(tx, organization, client, policy.as_str(), op.at)? {
        return Err(PolicyError::NotFound);
    }
    let subject = Subject::new("scim_client", client);
    let detail = json!({ "reprovisioning": policy.as_str() });
    audit::write(tx, op, Some(organization), Action::ScimClientPolicySet, &subject, &detail)?;
    Ok(policy)
}

fn policy_of(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: ScimClientId,
) -> Result<Option<Reprovisioning>, StoreError> {
    scim_clients::reprovisioning(tx, organization, client)?.map(read).transpose()
}

fn read((profile, named): (String, Option<String>)) -> Result<Reprovisioning, StoreError> {
    let inconsistent = || StoreError::Inconsistent("scim_clients.reprovisioning");
    match named {
        Some(name) => Reprovisioning::parse(&name).ok_or_else(inconsistent),
        None => Profile::parse(&profile).ok_or_else(inconsistent).map(Reprovisioning::of),
    }
}

/// Takes on again whom a draft is about, if somebody is there and the client's policy says so. They keep their id and
/// their account, and get what the request says.
pub(super) fn take_over(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    draft: &UserDraft,
    known: &ArrivalRow,
) -> Result<Option<Resource>, ProvisioningError> {
    let Actor::ScimClient { client, .. } = op.actor else { return Ok(None) };
    let policy = known.client.clone().map(read).transpose()?.unwrap_or(Reprovisioning::Refuse);
    let Some(holder) = whom(tx, organization, draft, client, policy)? else { return Ok(None) };
    let active = Some(draft.active().unwrap_or(true));
    let resource = users::replace(tx, op, organization, holder.id, &draft.with_active(active), None)?;
    resources::update_client(tx, organization, holder.id, client)?;
    let detail = json!({ "policy": policy.as_str(), "was_active": holder.active == Some(true) });
    let subject = Subject::new("user", holder.id);
    audit::write(tx, op, Some(organization), Action::UserReprovisioned, &subject, &detail)?;
    Ok(Some(resource))
}

/// Whoever has the user name; else, of those who are not active, whom the same client has pushed under the same external
/// id. `None` where the policy leaves them alone.
fn whom(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    draft: &UserDraft,
    client: ScimClientId,
    policy: Reprovisioning,
) -> Result<Option<HolderRow>, StoreError> {
    if policy == Reprovisioning::Refuse {
        return Ok(None);
    }
    if let Some(found) = resource_holders::user_named(tx, organization, draft.user_name_folded())? {
        let is_own_and_out = found.client_id == Some(client) && found.active != Some(true);
        return Ok(Some(found).filter(|_| policy == Reprovisioning::Adopt || is_own_and_out));
    }
    let Some(external_id) = draft.external_id() else { return Ok(None) };
    let mut found = resource_holders::users_with_external_id(tx, organization, client, external_id)?;
    // More than one is nobody in particular.
    let one = found.pop().filter(|_| found.is_empty());
    Ok(one.filter(|row| row.active != Some(true)))
}

/// Who has the user name of a draft that was refused, for the explanation.
pub fn holder(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    draft: &UserDraft,
) -> Result<Option<Holder>, ProvisioningError> {
    permission::require(op, organization, Permission::ChangeResources)?;
    let found = resource_holders::user_named(tx, organization, draft.user_name_folded())?;
    Ok(found.map(|row| Holder { id: row.id, is_active: row.active == Some(true) }))
}

#[cfg(test)]
mod tests;
