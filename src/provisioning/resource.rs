//! A SCIM resource as the gateway hands it out: its row, its document, and what it is related to.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::failure::ProvisioningError;
use crate::directory::permission::{self, Permission};
use crate::protocol::scim::error::{ScimError, ScimType};
use crate::protocol::scim::etag;
use crate::protocol::scim::json::Object;
use crate::protocol::scim::patch::request::Operation as PatchOperation;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::render::{self, Envelope};
use crate::protocol::scim::resource_type::{self, ResourceType, ResourceTypes};
use crate::protocol::scim::schema::causeway_user;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::standing;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::members::{self, RelatedRow};
use crate::store::resource_standings;
use crate::store::resources::{self, ResourceKind, ResourceRow};
use crate::store::surroundings::{self, SurroundedRow};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ResourceId};
use crate::values::operation::Operation;

/// The most members (or groups) that an answer about one resource carries; past it the client is told to leave them out.
const MOST_RELATED: i64 = 200_000;

/// A resource.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its id.
    pub id: ResourceId,
    /// What it is.
    pub kind: ResourceKind,
    /// What it is made of.
    pub resource_type: Arc<ResourceType>,
    /// The user's `active`; a group has none, nor has a user whose client removed it.
    pub active: Option<bool>,
    /// Its version.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// The stored text: what the client wrote, without what is kept elsewhere.
    pub document: String,
    /// The members of a group, or the groups of a user.
    pub related: Vec<Related>,
    /// False when there are more of them than a change reads: whoever shows the resource reads it again.
    pub is_complete: bool,
    /// What the gateway knows about a user, as JSON text, unless nobody wants to see it.
    pub standing: Option<String>,
}

/// A member of a group, or a group of a user.
#[derive(Debug, Clone)]
pub struct Related {
    /// Its id.
    pub id: ResourceId,
    /// What it is.
    pub kind: ResourceKind,
    /// Its display name.
    pub display: Option<String>,
    /// False for a group that contains the user only through other groups.
    pub is_direct: bool,
}

/// A PATCH as a request asks for it.
#[derive(Debug)]
pub struct Patch {
    /// What it does, in order.
    pub operations: Vec<PatchOperation>,
    /// What the resource is made of.
    pub resource_type: Arc<ResourceType>,
    /// What the operations are read with.
    pub rules: Rules,
}

/// The resource type of a kind.
pub fn resource_type(types: &ResourceTypes, kind: ResourceKind) -> &Arc<ResourceType> {
    match kind {
        ResourceKind::User => &types.user,
        ResourceKind::Group => &types.group,
    }
}

/// The name of the resource type, as `meta.resourceType` and a member's `type` say it.
pub fn type_name(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::User => &resource_type::user().name,
        ResourceKind::Group => &resource_type::group().name,
    }
}

/// The instant that a resource notes for an operation: whole milliseconds, so that a client finds again what it read.
pub fn instant(op: &Operation) -> Timestamp {
    op.at.whole_millis()
}

/// The attribute whose values are relations.
const fn relation(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::User => "groups",
        ResourceKind::Group => "members",
    }
}

/// Completes rows with their relations and what the gateway knows about them, each in one query for all of them, unless the
/// projection hides it.
pub fn complete(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    (kind, resource_type): (ResourceKind, &Arc<ResourceType>),
    rows: Vec<SurroundedRow>,
    projection: &Projection,
) -> Result<Vec<Resource>, ProvisioningError> {
    complete_within(tx, organization, (kind, resource_type), rows, projection, MOST_RELATED)
}

/// As [`complete`], for a page whose rows have no more than `most` relations together.
pub fn complete_within(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    (kind, resource_type): (ResourceKind, &Arc<ResourceType>),
    mut rows: Vec<SurroundedRow>,
    projection: &Projection,
    most: i64,
) -> Result<Vec<Resource>, ProvisioningError> {
    let mut related: HashMap<i64, Vec<Related>> = HashMap::new();
    if projection.may_show(relation(kind)) {
        for row in relations_of(tx, kind, &mut rows, most)? {
            related.entry(row.of_k).or_default().push(related_of(row)?);
        }
    }
    let mut standings: HashMap<i64, String> = HashMap::new();
    if shows_standing(resource_type) && projection.may_show_extension(causeway_user::ID) {
        let known = rows.iter().filter_map(|found| found.around.as_ref());
        standings.extend(known.map(|around| (around.standing.k, standing::text(&around.standing))));
        let unread: Vec<i64> = rows.iter().filter(|found| found.around.is_none()).map(|found| found.row.k).collect();
        let read = resource_standings::of(tx, organization, &unread)?;
        standings.extend(read.into_iter().map(|row| (row.k, standing::text(&row))));
    }
    let whole = |SurroundedRow { row, .. }| {
        let (related, standing) = (related.remove(&row.k).unwrap_or_default(), standings.remove(&row.k));
        Resource { standing, ..of_row(kind, resource_type, related, row) }
    };
    Ok(rows.into_iter().map(whole).collect())
}

/// True when all that stands around users is shown, so that it is worth reading with them.
pub fn shows_surroundings(kind: ResourceKind, resource_type: &ResourceType, projection: &Projection) -> bool {
    kind == ResourceKind::User
        && shows_standing(resource_type)
        && projection.may_show(relation(kind))
        && projection.may_show_extension(causeway_user::ID)
}

/// The relations of these resources: those that were read with them, and those that are still to be read.
fn relations_of(
    tx: &mut Tx<'_>,
    kind: ResourceKind,
    rows: &mut [SurroundedRow],
    most: i64,
) -> Result<Vec<RelatedRow>, ProvisioningError> {
    let (mut known, mut unread) = (Vec::new(), Vec::new());
    for found in rows {
        match found.around.as_mut().and_then(|around| around.groups.take()) {
            Some(groups) => known.extend(groups),
            None => unread.push(found.row.k),
        }
    }
    known.extend(load(tx, kind, &unread, most)?);
    refuse_more_than(most, kind, &known)?;
    Ok(known)
}

/// The relations of these resources; more than `most` are refused, never cut off.
fn load(tx: &mut Tx<'_>, kind: ResourceKind, keys: &[i64], most: i64) -> Result<Vec<RelatedRow>, ProvisioningError> {
    let limit = most.saturating_add(1);
    let found = match kind {
        ResourceKind::User => members::groups_of(tx, keys, limit)?,
        ResourceKind::Group => members::of_groups(tx, keys, limit)?,
    };
    refuse_more_than(most, kind, &found)?;
    Ok(found)
}

fn refuse_more_than(most: i64, kind: ResourceKind, found: &[RelatedRow]) -> Result<(), ScimError> {
    if i64::try_from(found.len()).is_ok_and(|found| found > most) {
        let detail = format!(
            "more than {most} values of {0} in one answer: use excludedAttributes={0}, a smaller page, or one resource",
            relation(kind)
        );
        return Err(ScimError::new(ScimType::TooMany, detail));
    }
    Ok(())
}

/// A row with its relations.
pub fn of_row(
    kind: ResourceKind,
    resource_type: &Arc<ResourceType>,
    related: Vec<Related>,
    row: ResourceRow,
) -> Resource {
    Resource {
        id: row.id,
        kind,
        resource_type: Arc::clone(resource_type),
        active: row.active,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
        document: row.document,
        related,
        is_complete: true,
        standing: None,
    }
}

/// True for a type of which what the gateway knows is a part.
fn shows_standing(resource_type: &ResourceType) -> bool {
    resource_type.extension(causeway_user::ID).is_some()
}

/// The groups of a user, no more than `limit` of them, and what the gateway knows about them, if that is a part of their type.
pub(super) fn surroundings_of(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    resource_type: &ResourceType,
    k: i64,
    limit: i64,
) -> Result<(Vec<Related>, Option<String>), StoreError> {
    let known = if shows_standing(resource_type) { surroundings::of(tx, organization, k)? } else { None };
    let standing = match &known {
        Some(known) => Some(standing::text(&known.standing)),
        None => standing_of(tx, organization, resource_type, k)?,
    };
    let related = match known.and_then(|known| known.groups) {
        Some(groups) => groups,
        None => members::groups_of(tx, &[k], limit)?,
    };
    Ok((related.into_iter().map(related_of).collect::<Result<_, _>>()?, standing))
}

/// What the gateway knows about one user, if that is a part of its type.
pub(super) fn standing_of(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    resource_type: &ResourceType,
    k: i64,
) -> Result<Option<String>, StoreError> {
    if !shows_standing(resource_type) {
        return Ok(None);
    }
    Ok(resource_standings::of(tx, organization, &[k])?.first().map(standing::text))
}

/// A relation from its row.
pub fn related_of(row: RelatedRow) -> Result<Related, StoreError> {
    Ok(Related { id: row.id, kind: ResourceKind::parse(&row.kind)?, display: row.display, is_direct: row.is_direct })
}

/// Reads a stored document again.
pub fn parse(document: &str) -> Result<Object, StoreError> {
    serde_json::from_str(document).map_err(|_| StoreError::Inconsistent("resource_docs.document"))
}

impl Resource {
    /// The URI of the resource below the base URI of its organization.
    pub fn location(&self, base: &str) -> String {
        location(base, self.kind, self.id)
    }

    /// The text of the resource with what the projection shows. Without a projection the document is not parsed.
    pub fn render(&self, base: &str, projection: &Projection) -> Result<String, StoreError> {
        let id = self.id.to_string();
        let location = self.location(base);
        let envelope = Envelope {
            id: &id,
            resource_type: type_name(self.kind),
            created_at: self.created_at,
            updated_at: self.updated_at,
            version: self.version,
            location: &location,
            extension: self.standing.is_some().then_some(causeway_user::ID),
        };
        let mut computed = Vec::with_capacity(3);
        if let Some(is_active) = self.active {
            computed.push(("active", is_active.to_string()));
        }
        if !self.related.is_empty() {
            computed.push((relation(self.kind), self.relations(base, projection)));
        }
        if let Some(standing) = &self.standing {
            computed.push((causeway_user::ID, standing.clone()));
        }
        let text = render::resource(&self.document, &computed, &envelope);
        if projection.is_default() && !self.resource_type.shows_less() {
            return Ok(text);
        }
        Ok(render::stored_text(&projection.apply(parse(&text)?, &self.resource_type)))
    }

    /// The array of relations as text: a group of a hundred thousand members is not made of as many JSON objects first.
    fn relations(&self, base: &str, projection: &Projection) -> String {
        let is_named = self.kind == ResourceKind::User || projection.asks_for("members", "display");
        let quoted = Value::from(base).to_string();
        let base = quoted.trim_matches('"');
        let mut text = String::with_capacity(self.related.len().saturating_mul(base.len().saturating_add(128)));
        for related in &self.related {
            let id = related.id.to_string();
            text.push(if text.is_empty() { '[' } else { ',' });
            text.push_str("{\"value\":\"");
            text.push_str(&id);
            text.push_str("\",\"$ref\":\"");
            text.push_str(base);
            text.push_str(endpoint(related.kind));
            text.push('/');
            text.push_str(&id);
            if let (true, Some(display)) = (is_named, &related.display) {
                text.push_str("\",\"display\":");
                text.push_str(&Value::from(display.as_str()).to_string());
                text.push_str(",\"type\":\"");
            } else {
                text.push_str("\",\"type\":\"");
            }
            text.push_str(match self.kind {
                ResourceKind::User if related.is_direct => "direct",
                ResourceKind::User => "indirect",
                ResourceKind::Group => type_name(related.kind),
            });
            text.push_str("\"}");
        }
        text.push(']');
        text
    }
}

fn endpoint(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::User => &resource_type::user().endpoint,
        ResourceKind::Group => &resource_type::group().endpoint,
    }
}

/// The URI of a resource below the base URI of its organization.
pub fn location(base: &str, kind: ResourceKind, id: ResourceId) -> String {
    format!("{base}{}/{id}", endpoint(kind))
}

/// The row and the document of a resource that is about to be changed: nobody else changes it before this transaction
/// ends, and `condition` holds.
pub(super) fn find_for_change(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    kind: ResourceKind,
    id: ResourceId,
    condition: Option<&etag::Condition>,
) -> Result<(ResourceRow, Object), ProvisioningError> {
    permission::require(op, organization, Permission::ChangeResources)?;
    let row = resources::find_for_update(tx, organization, kind, id)?.ok_or(ProvisioningError::NotFound)?;
    if condition.is_some_and(|condition| !condition.holds(row.version)) {
        return Err(ProvisioningError::VersionMismatch);
    }
    let document = parse(&row.document)?;
    Ok((row, document))
}
