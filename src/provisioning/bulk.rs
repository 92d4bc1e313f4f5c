//! One operation of a bulk request, done as the same request would be done alone: the same drafts, rules, permission,
//! conditions and audit entries. Which transactions there are, and in which order, is the flow's to say.

use std::collections::HashMap;
use std::sync::Arc;

use super::failure::ProvisioningError;
use super::groups::{self, GroupDraft};
use super::resource::{self, Patch};
use super::users::{self, UserDraft};
use crate::protocol::scim::bulk::references;
use crate::protocol::scim::bulk::request::{Endpoint, Method, Operation as BulkOperation, Target};
use crate::protocol::scim::document;
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::etag::Condition;
use crate::protocol::scim::patch::request;
use crate::protocol::scim::resource_type::ResourceTypes;
use crate::protocol::scim::validation::Rules;
use crate::store::Tx;
use crate::store::resources::ResourceKind;
use crate::values::ids::{OrganizationId, ResourceId};
use crate::values::operation::Operation;

/// The version of what was just created.
const FIRST_VERSION: i64 = 1;

/// What the bodies of a request's operations are read with.
#[derive(Debug, Clone)]
pub struct Reading {
    /// What the organization's users and groups are made of.
    pub types: Arc<ResourceTypes>,
    /// The bounds and tolerances.
    pub rules: Rules,
}

/// An operation with everything computed that needs no transaction.
#[derive(Debug)]
pub struct Prepared {
    act: Act,
    condition: Option<Condition>,
}

#[derive(Debug)]
enum Act {
    CreateUser(Box<UserDraft>),
    CreateGroup(Box<GroupDraft>),
    ReplaceUser(ResourceId, Box<UserDraft>),
    ReplaceGroup(ResourceId, Box<GroupDraft>),
    Patch(ResourceKind, ResourceId, Box<Patch>),
    Delete(ResourceKind, ResourceId),
}

/// What an operation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// The status that the request would have had alone.
    pub status: u16,
    /// What the resource is.
    pub kind: ResourceKind,
    /// The resource.
    pub id: ResourceId,
    /// Its version, while it is there.
    pub version: Option<i64>,
}

/// The kind of resource at an endpoint.
pub const fn kind(endpoint: Endpoint) -> ResourceKind {
    match endpoint {
        Endpoint::Users => ResourceKind::User,
        Endpoint::Groups => ResourceKind::Group,
    }
}

/// Prepares an operation. `id_of` knows the resources that other operations have created; a reference to anything else is
/// [`Unresolved`].
pub fn prepare(
    operation: &BulkOperation,
    reading: &Reading,
    id_of: &impl Fn(&str) -> Option<ResourceId>,
) -> Result<Prepared, PrepareError> {
    let text_of = |name: &str| id_of(name).map(|id| id.to_string());
    let data = references::resolve(&operation.data, &text_of).map_err(Unresolved)?;
    let kind = kind(operation.endpoint);
    let id = match &operation.target {
        Target::New => None,
        Target::Resource(id) => Some(id.parse().map_err(|_| ProvisioningError::NotFound)?),
        Target::Created(name) => Some(id_of(name).ok_or_else(|| Unresolved(name.clone()))?),
    };
    let Reading { types, rules } = reading;
    let resource_type = resource::resource_type(types, kind);
    let act = match (operation.method, kind, id) {
        (Method::Post | Method::Put, ResourceKind::User, id) => {
            let read = document::read(data, resource_type, rules)?;
            let draft = users::draft(read.document, resource_type)?.within(&rules.limits);
            match id {
                None => Act::CreateUser(Box::new(draft)),
                Some(id) => Act::ReplaceUser(id, Box::new(draft)),
            }
        }
        (Method::Post | Method::Put, ResourceKind::Group, id) => {
            let draft = Box::new(groups::draft(document::read(data, resource_type, rules)?, resource_type, rules)?);
            match id {
                None => Act::CreateGroup(draft),
                Some(id) => Act::ReplaceGroup(id, draft),
            }
        }
        (Method::Patch, _, Some(id)) => {
            let operations = request::read(data, rules)?;
            let patch = Patch { operations, resource_type: Arc::clone(resource_type), rules: rules.clone() };
            Act::Patch(kind, id, Box::new(patch))
        }
        (Method::Delete, _, Some(id)) => Act::Delete(kind, id),
        (Method::Patch | Method::Delete, _, None) => return Err(ProvisioningError::NotFound.into()),
    };
    Ok(Prepared { act, condition: operation.condition.clone() })
}

/// The operation refers to a `bulkId` under which nothing was created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing was created under bulkId {0}")]
pub struct Unresolved(pub String);

/// Why an operation could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// What it needs is not there.
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
    /// It is wrong by itself.
    #[error(transparent)]
    Provisioning(#[from] ProvisioningError),
}

impl From<ScimError> for PrepareError {
    fn from(error: ScimError) -> Self {
        Self::Provisioning(error.into())
    }
}

/// Does one operation.
pub fn make(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    prepared: Prepared,
) -> Result<Done, ProvisioningError> {
    let condition = prepared.condition.as_ref();
    let done = |status, kind, id, version| Done { status, kind, id, version };
    Ok(match prepared.act {
        Act::CreateUser(draft) => {
            let created = users::create(tx, op, organization, &draft)?;
            done(201, ResourceKind::User, created.id, Some(created.version))
        }
        Act::CreateGroup(draft) => {
            let id = groups::create(tx, op, organization, &draft)?;
            done(201, ResourceKind::Group, id, Some(FIRST_VERSION))
        }
        Act::ReplaceUser(id, draft) => {
            let version = users::replace(tx, op, organization, id, &draft, condition)?.version;
            done(200, ResourceKind::User, id, Some(version))
        }
        Act::ReplaceGroup(id, draft) => {
            let version = groups::replace(tx, op, organization, id, &draft, condition)?;
            done(200, ResourceKind::Group, id, Some(version))
        }
        Act::Patch(kind @ ResourceKind::User, id, patch) => {
            let version = users::patch(tx, op, organization, id, *patch, condition)?.version;
            done(200, kind, id, Some(version))
        }
        Act::Patch(kind @ ResourceKind::Group, id, patch) => {
            let version = groups::patch(tx, op, organization, id, *patch, condition)?;
            done(200, kind, id, Some(version))
        }
        Act::Delete(kind, id) => {
            match kind {
                ResourceKind::User => users::delete(tx, op, organization, id, condition)?,
                ResourceKind::Group => groups::delete(tx, op, organization, id, condition)?,
            }
            done(204, kind, id, None)
        }
    })
}

/// Creates resources that refer to each other: first all of them without what refers to another, then each as it was sent.
/// One that cannot be made takes the others with it, since the transaction ends with the error.
pub fn make_circle(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    circle: &[(String, BulkOperation)],
    created: &HashMap<String, ResourceId>,
    reading: &Reading,
) -> Result<Vec<Done>, PrepareError> {
    let mut known = created.clone();
    for (name, operation) in circle {
        let outside: BulkOperation = BulkOperation { data: references::without(&operation.data), ..operation.clone() };
        let first = make(tx, op, organization, prepare(&outside, reading, &|name| known.get(name).copied())?)?;
        known.insert(name.clone(), first.id);
    }
    let mut all = Vec::with_capacity(circle.len());
    for (name, operation) in circle {
        let id = known.get(name).ok_or_else(|| Unresolved(name.clone()))?;
        let target = Target::Resource(id.to_string());
        let whole = BulkOperation { method: Method::Put, target, ..operation.clone() };
        let done = make(tx, op, organization, prepare(&whole, reading, &|name| known.get(name).copied())?)?;
        all.push(Done { status: 201, ..done });
    }
    Ok(all)
}
