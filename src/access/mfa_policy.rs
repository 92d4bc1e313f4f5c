//! What an organization asks of its own members who sign in with a password: nothing, or a second factor.
//!
//! It is asked for members alone. Whoever is external somewhere is held to what the organization they belong to asks for (rules
//! C6 and A19, invariant 15), and a sign-in by an identity provider to what that provider asks for.

use serde_json::json;

use super::own_password::home_organization;
use crate::directory::permission::{self, Denied, Permission};
use crate::record::audit::{self, Action, Subject};
use crate::store::failure::StoreError;
use crate::store::{Tx, mfa_policies as rows};
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::Operation;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MfaPolicy {
    /// Nothing: whoever has a second factor is asked for it.
    #[default]
    Off,
    /// A second factor. Who has none sets one up before they are let in.
    Required,
}

/// Why a policy is not shown or set.
#[derive(Debug, thiserror::Error)]
pub enum MfaPolicyError {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MfaPolicy {
    /// The name in the store and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Required => "required",
        }
    }

    /// The policy with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Off, Self::Required].into_iter().find(|policy| policy.as_str() == name)
    }
}

/// The policy of an organization, for those who administer it.
pub fn show(tx: &mut Tx<'_>, op: &Operation, organization: OrganizationId) -> Result<MfaPolicy, MfaPolicyError> {
    permission::require(op, organization, Permission::Read)?;
    Ok(of(tx, organization)?)
}

/// Sets the policy of an organization. It counts from the next sign-in of each member on. Setting what is set changes nothing.
pub fn set(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    policy: MfaPolicy,
) -> Result<MfaPolicy, MfaPolicyError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    let before = of(tx, organization)?;
    if before == policy {
        return Ok(policy);
    }
    rows::put(tx, organization, policy.as_str(), op.at)?;
    let detail = json!({ "from": before.as_str(), "to": policy.as_str() });
    let subject = Subject::new("organization", organization);
    audit::write(tx, op, Some(organization), Action::MfaPolicyChanged, &subject, &detail)?;
    Ok(policy)
}

/// True when the organization that `account` is a member of asks for a second factor.
pub fn is_required_of(tx: &mut Tx<'_>, account: AccountId) -> Result<bool, StoreError> {
    match home_organization(tx, account)? {
        Some(home) => Ok(of(tx, home)? == MfaPolicy::Required),
        None => Ok(false),
    }
}

fn of(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<MfaPolicy, StoreError> {
    match rows::find(tx, organization)? {
        None => Ok(MfaPolicy::Off),
        Some(name) => MfaPolicy::parse(&name).ok_or(StoreError::Inconsistent("mfa_policies.state")),
    }
}
