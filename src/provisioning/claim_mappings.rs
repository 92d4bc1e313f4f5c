//! Which attributes of its users an organization releases to applications, and under which claims. UserInfo carries them
//! (`directory::released_claims`); the ID token stays as small as it is.

use serde_json::json;

use super::schemas::catalog;
use crate::directory::permission::{self, Denied, Permission};
use crate::directory::released_claims::{self, ClaimMapping};
use crate::protocol::oidc::scope::Scope;
use crate::protocol::scim::attribute::Mutability;
use crate::protocol::scim::resource_type::{Place, ResourceType};
use crate::record::audit::{self, Action, Subject};
use crate::store::failure::StoreError;
use crate::store::{Tx, organizations};
use crate::values::ids::OrganizationId;
use crate::values::operation::Operation;
use crate::values::quota::Quota;

/// What an administrator asks for: a claim, an attribute as `[URN:]name[.part]`, a scope.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct Wanted {
    pub claim: String,
    pub attribute: String,
    pub scope: Scope,
}

/// Why the mappings could not be set or read.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// One of them is wrong.
    #[error("entry {0}: {1}")]
    Invalid(usize, &'static str),
    /// There are too many.
    #[error("an organization maps at most {0} claims")]
    TooMany(u32),
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The mappings of an organization.
pub fn all(tx: &mut Tx<'_>, op: &Operation, organization: OrganizationId) -> Result<Vec<ClaimMapping>, ClaimError> {
    permission::require(op, organization, Permission::Read)?;
    Ok(stored(tx, organization)?)
}

/// Sets the mappings, as one list.
pub fn replace(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    wanted: &[Wanted],
    quota: &Quota,
) -> Result<Vec<ClaimMapping>, ClaimError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    if wanted.len() > usize::try_from(quota.claim_mappings).unwrap_or(usize::MAX) {
        return Err(ClaimError::TooMany(quota.claim_mappings));
    }
    organizations::lock(tx, organization)?;
    let user = catalog::load(tx, organization)?.user;
    let mut mappings: Vec<ClaimMapping> = Vec::with_capacity(wanted.len());
    for (index, wanted) in wanted.iter().enumerate() {
        let mapping = mapping(wanted, &user).map_err(|why| ClaimError::Invalid(index, why))?;
        if mappings.iter().any(|known| known.claim == mapping.claim) {
            return Err(ClaimError::Invalid(index, "the claim stands twice"));
        }
        mappings.push(mapping);
    }
    let text = serde_json::to_string(&mappings).map_err(|error| StoreError::Internal(error.to_string()))?;
    organizations::set_claim_mappings(tx, organization, (!mappings.is_empty()).then_some(text.as_str()))?;
    let pairs: Vec<String> = mappings.iter().map(|one| format!("{} <- {}", one.claim, notation(one))).collect();
    let subject = Subject::new("organization", organization);
    audit::write(tx, op, Some(organization), Action::ClaimMappingsChanged, &subject, &json!({ "claims": pairs }))?;
    Ok(mappings)
}

fn mapping(wanted: &Wanted, user: &ResourceType) -> Result<ClaimMapping, &'static str> {
    released_claims::check_name(&wanted.claim)?;
    if wanted.scope == Scope::OfflineAccess {
        return Err("the scope releases no claims");
    }
    let Some(Place::Attribute(at)) = user.find(&wanted.attribute) else {
        return Err("users have no such attribute");
    };
    let leaf = at.part.unwrap_or(at.attribute);
    let is_written = |mutability| matches!(mutability, Mutability::ReadWrite | Mutability::Immutable);
    let is_in_document = is_written(at.attribute.mutability) && is_written(leaf.mutability);
    if !is_in_document || (at.container.is_none() && ["active", "schemas"].contains(&at.attribute.name.as_ref())) {
        return Err("the attribute is not one that a directory writes into the profile");
    }
    Ok(ClaimMapping {
        claim: wanted.claim.clone(),
        container: at.container.map(|schema| schema.id.to_string()),
        attribute: at.attribute.name.to_string(),
        part: at.part.map(|part| part.name.to_string()),
        scope: wanted.scope,
    })
}

/// The attribute of a mapping as `[URN:]name[.part]`.
pub fn notation(mapping: &ClaimMapping) -> String {
    let container = mapping.container.as_ref().map(|urn| format!("{urn}:")).unwrap_or_default();
    let part = mapping.part.as_ref().map(|part| format!(".{part}")).unwrap_or_default();
    format!("{container}{}{part}", mapping.attribute)
}

/// A claim that a schema, or one attribute of it, is released as.
pub(super) fn claim_of(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    urn: &str,
    attribute: Option<&str>,
) -> Result<Option<String>, StoreError> {
    let is_it = |mapping: &ClaimMapping| {
        mapping.container.as_deref() == Some(urn) && attribute.is_none_or(|name| mapping.attribute == name)
    };
    Ok(stored(tx, organization)?.into_iter().find(is_it).map(|mapping| mapping.claim))
}

fn stored(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<ClaimMapping>, StoreError> {
    match organizations::claim_mappings(tx, organization)? {
        Some(text) => released_claims::read(&text),
        None => Ok(Vec::new()),
    }
}
