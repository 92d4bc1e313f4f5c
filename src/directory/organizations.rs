//! Organizations: created by the operator with a first owner; found by id or slug.

use serde_json::json;

use super::accounts;
use super::permission::{self, Denied};
use super::profile::Profile;
use crate::record::audit::{self, Action, Subject};
use crate::store::Tx;
use crate::store::constraint::Constraint;
use crate::store::failure::StoreError;
use crate::store::organizations::{self as rows, OrganizationRow};
use crate::values::clock::Timestamp;
use crate::values::email::EmailAddress;
use crate::values::folding;
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::{Operation, Role};
use crate::values::page::{Page, PageRequest};
use crate::values::slug::Slug;

/// The longest name of an organization or a person, in characters.
pub const MAX_NAME: usize = 200;

/// An organization.
#[derive(Debug, Clone)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name as its people know it (rule E11).
    pub name: String,
    /// Whom its people are told to ask (rule E11).
    pub support_name: String,
    /// How to reach them (rule E11).
    pub support_email: EmailAddress,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What an operator gives to create one.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name as its people know it.
    pub name: String,
    /// Whom its people are told to ask; the organization's name and "support" when not given.
    pub support_name: Option<String>,
    /// How to reach them; the owner's address when not given.
    pub support_email: Option<EmailAddress>,
    /// The first owner.
    pub owner: EmailAddress,
}

/// Why an organization could not be created or read.
#[derive(Debug, thiserror::Error)]
pub enum OrganizationError {
    /// The slug belongs to another organization.
    #[error("an organization with this slug exists already")]
    SlugTaken,
    /// A name is empty, too long or holds a control character.
    #[error("a name has 1 to 200 characters and no control characters")]
    InvalidName,
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Creates an organization and its owner's account. Only the operator may.
pub fn create(
    tx: &mut Tx<'_>,
    op: &Operation,
    new: &NewOrganization,
) -> Result<(Organization, AccountId), OrganizationError> {
    permission::require_operator(op)?;
    let organization = Organization {
        id: op.new_id(),
        slug: new.slug.clone(),
        name: checked_name(&new.name)?,
        support_name: match &new.support_name {
            Some(name) => checked_name(name)?,
            None => format!("{} support", new.name.trim()),
        },
        support_email: new.support_email.clone().unwrap_or_else(|| new.owner.clone()),
        created_at: op.at,
    };
    rows::insert(tx, &to_row(&organization)).map_err(|error| match error {
        StoreError::Conflict(Constraint::OrganizationSlug) => OrganizationError::SlugTaken,
        other => other.into(),
    })?;
    let subject = Subject::new("organization", organization.id);
    let detail = json!({ "slug": organization.slug.as_str(), "name": organization.name });
    audit::write(tx, op, Some(organization.id), Action::OrganizationCreated, &subject, &detail)?;
    let profile = Profile { addresses: vec![new.owner.clone()], ..Profile::default() };
    let owner = accounts::create(tx, op, organization.id, &profile, Role::Owner)?;
    Ok((organization, owner))
}

/// The organization with this id.
pub fn find(tx: &mut Tx<'_>, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
    rows::find(tx, id)?.map(from_row).transpose()
}

/// The organization with this slug.
pub fn find_by_slug(tx: &mut Tx<'_>, slug: &Slug) -> Result<Option<Organization>, StoreError> {
    rows::find_by_slug(tx, slug.as_str())?.map(from_row).transpose()
}

/// All organizations, for the operator.
pub fn page(
    tx: &mut Tx<'_>,
    op: &Operation,
    request: &PageRequest<OrganizationId>,
) -> Result<Page<Organization, OrganizationId>, OrganizationError> {
    permission::require_operator(op)?;
    let found = rows::page(tx, request)?.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(found, request, |organization| organization.id))
}

/// A display name: trimmed, not empty, bounded, free of control characters.
pub fn checked_name(text: &str) -> Result<String, OrganizationError> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME || folding::check_name(name).is_err() {
        return Err(OrganizationError::InvalidName);
    }
    Ok(name.to_owned())
}

fn to_row(organization: &Organization) -> OrganizationRow {
    OrganizationRow {
        id: organization.id,
        slug: organization.slug.as_str().to_owned(),
        name: organization.name.clone(),
        support_name: organization.support_name.clone(),
        support_email: organization.support_email.as_str().to_owned(),
        version: 1,
        created_at: organization.created_at,
        updated_at: organization.created_at,
    }
}

fn from_row(row: OrganizationRow) -> Result<Organization, StoreError> {
    Ok(Organization {
        id: row.id,
        slug: row.slug.parse().map_err(|_| StoreError::Inconsistent("organizations.slug"))?,
        name: row.name,
        support_name: row.support_name,
        support_email: row
            .support_email
            .parse()
            .map_err(|_| StoreError::Inconsistent("organizations.support_email"))?,
        created_at: row.created_at,
    })
}
