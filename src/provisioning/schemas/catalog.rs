//! The resource types of organizations, loaded once per version. The version comes with the caller's credential, in the
//! query that is asked anyway, so that a request never works with an older one and an ordinary one asks nothing more.

use std::sync::{Arc, LazyLock};

use moka::sync::Cache;

use super::registry;
use crate::protocol::scim::assignable::{Assignable, AssignableKind};
use crate::protocol::scim::resource_type::{Extension, ResourceTypes};
use crate::protocol::scim::tolerance::Profile;
use crate::provisioning::assignables;
use crate::store::failure::StoreError;
use crate::store::resources::ResourceKind;
use crate::store::{Tx, organizations, scim_assignables, scim_clearings, scim_schemas};
use crate::values::ids::OrganizationId;

/// How many organizations with schemas of their own are kept in memory.
const CAPACITY: u64 = 1_000;

/// The resource types of organizations. Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    known: Cache<OrganizationId, (i64, Known)>,
}

/// The resource types of one organization, as clients see them.
#[derive(Clone)]
struct Known {
    /// Clients that are shown no more than the document, unless they ask.
    plain: Arc<ResourceTypes>,
    /// Clients that are always shown what the gateway knows beside it.
    with_standing: Arc<ResourceTypes>,
}

impl Known {
    fn of(types: Arc<ResourceTypes>) -> Self {
        Self { with_standing: Arc::new(types.with_standing()), plain: types }
    }

    fn under(&self, profile: Profile) -> Arc<ResourceTypes> {
        Arc::clone(if profile.is_shown_standing() { &self.with_standing } else { &self.plain })
    }
}

/// What an organization that brings nothing along has.
static BASE: LazyLock<Known> = LazyLock::new(|| Known::of(Arc::clone(ResourceTypes::base())));

impl Default for Catalog {
    fn default() -> Self {
        Self { known: Cache::new(CAPACITY) }
    }
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Catalog")
    }
}

impl Catalog {
    /// The resource types of an organization whose schemas are at `version`, for a client with this profile; 0 is an
    /// organization that never had any.
    pub fn types(
        &self,
        tx: &mut Tx<'_>,
        organization: OrganizationId,
        version: i64,
        profile: Profile,
    ) -> Result<Arc<ResourceTypes>, StoreError> {
        if version == 0 {
            return Ok(BASE.under(profile));
        }
        if let Some((_, known)) = self.known.get(&organization).filter(|(known, _)| *known == version) {
            return Ok(known.under(profile));
        }
        let loaded = Known::of(Arc::new(load(tx, organization)?));
        self.known.insert(organization, (version, loaded.clone()));
        Ok(loaded.under(profile))
    }

    /// The same for somebody whose credential does not tell the version: as of now.
    pub fn types_now(
        &self,
        tx: &mut Tx<'_>,
        organization: OrganizationId,
        profile: Profile,
    ) -> Result<Arc<ResourceTypes>, StoreError> {
        let version = organizations::schemas_version(tx, organization)?;
        self.types(tx, organization, version, profile)
    }
}

/// The resource types as they are in the store.
pub fn load(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<ResourceTypes, StoreError> {
    let base = ResourceTypes::base();
    let (mut of_users, mut of_groups) = (Vec::new(), Vec::new());
    for row in scim_schemas::all(tx, organization)? {
        let extension = Extension { required: row.is_required, schema: Arc::new(registry::read_stored(&row)?) };
        match ResourceKind::parse(&row.kind)? {
            ResourceKind::User => of_users.push(extension),
            ResourceKind::Group => of_groups.push(extension),
        }
    }
    let (mut user, mut group) = (base.user.with(of_users), base.group.with(of_groups));
    for row in scim_clearings::all(tx, organization)? {
        match ResourceKind::parse(&row.kind)? {
            ResourceKind::User => user.is_being_cleared = true,
            ResourceKind::Group => group.is_being_cleared = true,
        }
    }
    let mut lists: [Vec<Assignable>; 2] = [Vec::new(), Vec::new()];
    let rows = scim_assignables::all(tx, organization)?;
    for (kind, entries) in AssignableKind::ALL.into_iter().zip(&mut lists) {
        let Some(row) = rows.iter().find(|row| row.kind == kind.as_str()) else { continue };
        let list = assignables::from_row(row)?;
        if list.is_closed {
            user = user.allowing(kind.attribute(), assignables::folded(&list.entries));
        }
        *entries = list.entries;
    }
    let [roles, entitlements] = lists;
    let types = ResourceTypes::of(Arc::new(user), Arc::new(group));
    Ok(ResourceTypes { roles: roles.into(), entitlements: entitlements.into(), ..types })
}
