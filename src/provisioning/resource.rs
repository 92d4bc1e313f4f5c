//! A SCIM resource as the gateway hands it out: its row, its document, and what it is related to.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::failure::ProvisioningError;
use crate::directory::memberships::MembershipStatus;
use crate::directory::permission::{self, Permission};
use crate::protocol::scim::etag;
use crate::protocol::scim::json::Object;
use crate::protocol::scim::patch::request::Operation as PatchOperation;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::render::{self, Envelope};
use crate::protocol::scim::resource_type::{self, ResourceType, ResourceTypes};
use crate::protocol::scim::schema::causeway_user;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::{related_text, relations, standing};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::members::{self, RelatedRow};
use crate::store::resources::{ResourceKind, ResourceRow};
use crate::store::surroundings::{self, SurroundedRow};
use crate::store::{resource_locks, resource_standings};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ResourceId};
use crate::values::operation::Operation;

/// The most members (or groups) that an answer about one resource carries; past it the client is told to leave them out.
pub(super) const MOST_RELATED: i64 = 200_000;

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
pub(super) const fn relation(kind: ResourceKind) -> &'static str {
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

fn complete_within(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    (kind, resource_type): (ResourceKind, &Arc<ResourceType>),
    mut rows: Vec<SurroundedRow>,
    projection: &Projection,
    most: i64,
) -> Result<Vec<Resource>, ProvisioningError> {
    let related = if projection.may_show(relation(kind)) {
        relations::of_all(tx, kind, &mut rows, most)?.ok_or_else(|| relations::too_many(kind, most))?
    } else {
        Vec::new()
    };
    with_relations(tx, organization, (kind, resource_type), rows, related, projection)
}

/// As [`complete`], for a page: as many of the rows, from the first on, as have `most` relations together. One of them may
/// have more than that by itself, as many as an answer about one resource carries. Never none of the rows.
pub fn complete_page(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    (kind, resource_type): (ResourceKind, &Arc<ResourceType>),
    mut rows: Vec<SurroundedRow>,
    projection: &Projection,
    most: i64,
) -> Result<Vec<Resource>, ProvisioningError> {
    let related = if projection.may_show(relation(kind)) {
        match relations::of_all(tx, kind, &mut rows, most)? {
            Some(related) => related,
            None => relations::one_by_one(tx, kind, &mut rows, most)?,
        }
    } else {
        Vec::new()
    };
    with_relations(tx, organization, (kind, resource_type), rows, related, projection)
}

fn with_relations(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    (kind, resource_type): (ResourceKind, &Arc<ResourceType>),
    rows: Vec<SurroundedRow>,
    found: Vec<RelatedRow>,
    projection: &Projection,
) -> Result<Vec<Resource>, ProvisioningError> {
    let mut related: HashMap<i64, Vec<Related>> = HashMap::new();
    for row in found {
        related.entry(row.of_k).or_default().push(related_of(row)?);
    }
    let mut standings: HashMap<i64, String> = HashMap::new();
    if resource_type.extension(causeway_user::ID).is_some_and(|own| projection.may_show_extension(own)) {
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

/// True when the groups of users are shown, so that what stands around them is worth reading with them.
pub fn shows_surroundings(kind: ResourceKind, projection: &Projection) -> bool {
    kind == ResourceKind::User && projection.may_show(relation(kind))
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

/// The groups of a user, no more than `limit` of them, and what the gateway knows about them, if every answer about one of
/// its type shows it. Who asks for it reads the user again.
pub(super) fn surroundings_of(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    resource_type: &ResourceType,
    k: i64,
    limit: i64,
) -> Result<(Vec<Related>, Option<String>), StoreError> {
    let known = surroundings::of(tx, organization, k)?;
    let standing = match &known {
        Some(known) => shows_standing(resource_type).then(|| standing::text(&known.standing)),
        None => standing_of(tx, organization, resource_type, k)?,
    };
    let related = match known.and_then(|known| known.groups) {
        Some(groups) => groups,
        None => members::groups_of(tx, &[k], limit)?,
    };
    Ok((related.into_iter().map(related_of).collect::<Result<_, _>>()?, standing))
}

/// True for a type whose every answer shows what the gateway knows.
fn shows_standing(resource_type: &ResourceType) -> bool {
    resource_type.extension(causeway_user::ID).is_some_and(|own| !own.is_shown_on_request())
}

/// What the gateway knows about one user, if every answer about one of its type shows it.
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

/// As [`standing_of`], for somebody who was taken in as a member just now and has joined.
pub(super) fn standing_of_new(
    op: &Operation,
    resource_type: &ResourceType,
    k: i64,
    status: MembershipStatus,
) -> Option<String> {
    shows_standing(resource_type).then(|| standing::text(&standing::of_new(op, k, status)))
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
        if let Some(standing) = &self.standing {
            computed.push((causeway_user::ID, standing.clone()));
        }
        let is_whole = projection.is_default() && !self.resource_type.shows_less();
        let mut related = related_text::of(self, base, projection);
        if is_whole && let Some(related) = related.take() {
            computed.push((relation(self.kind), related));
        }
        let text = render::resource(&self.stored_beside()?, &computed, &envelope);
        if is_whole {
            return Ok(text);
        }
        let shown = render::stored_text(&projection.apply(parse(&text)?, &self.resource_type));
        Ok(match related {
            Some(related) => render::with(shown, relation(self.kind), &related),
            None => shown,
        })
    }

    /// The stored text, without the empty container that a client left of what is computed now.
    fn stored_beside(&self) -> Result<Cow<'_, str>, StoreError> {
        if self.standing.is_none() || !self.document.contains(causeway_user::ID) {
            return Ok(Cow::Borrowed(&self.document));
        }
        let mut document = parse(&self.document)?;
        document.shift_remove(causeway_user::ID);
        if let Some(Value::Array(schemas)) = document.get_mut("schemas") {
            schemas.retain(|urn| urn != causeway_user::ID);
        }
        Ok(Cow::Owned(render::stored_text(&document)))
    }
}

/// The path of a kind below the base URI of its organization.
pub(super) fn endpoint(kind: ResourceKind) -> &'static str {
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
    opened(resource_locks::find_for_update(tx, organization, kind, id)?, condition)
}

/// The same for one that is about to be deleted.
pub(super) fn find_for_deletion(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    kind: ResourceKind,
    id: ResourceId,
    condition: Option<&etag::Condition>,
) -> Result<(ResourceRow, Object), ProvisioningError> {
    permission::require(op, organization, Permission::ChangeResources)?;
    opened(resource_locks::find_for_deletion(tx, organization, kind, id)?, condition)
}

fn opened(
    row: Option<ResourceRow>,
    condition: Option<&etag::Condition>,
) -> Result<(ResourceRow, Object), ProvisioningError> {
    let row = row.ok_or(ProvisioningError::NotFound)?;
    if condition.is_some_and(|condition| !condition.holds(row.version)) {
        return Err(ProvisioningError::VersionMismatch);
    }
    let document = parse(&row.document)?;
    Ok((row, document))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::{Related, Resource, complete_within};
    use crate::protocol::scim::projection::Projection;
    use crate::protocol::scim::resource_type::{self, ResourceType};
    use crate::provisioning::failure::ProvisioningError;
    use crate::provisioning::tests::{operation, organization, rules};
    use crate::provisioning::{groups, users};
    use crate::store::resources::{self, ResourceKind};
    use crate::store::scratch;
    use crate::values::clock::Timestamp;
    use crate::values::ids::ResourceId;

    const BASE: &str = "https://id.acme.test/scim/v2/acme";

    fn id(n: u32) -> ResourceId {
        let mut bytes = [7; 16];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        ResourceId::from_bytes(&bytes).unwrap()
    }

    fn with_related(kind: ResourceKind, count: u32) -> Resource {
        let resource_type: &Arc<ResourceType> = match kind {
            ResourceKind::User => resource_type::user(),
            ResourceKind::Group => resource_type::group(),
        };
        let related = (0..count).map(|n| Related {
            id: id(n),
            kind: if n == 1 { ResourceKind::Group } else { kind },
            display: (n != 2).then(|| format!("\"{n}\"")),
            is_direct: n != 0,
        });
        Resource {
            id: id(9_999_999),
            kind,
            resource_type: Arc::clone(resource_type),
            active: None,
            version: 3,
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(0),
            document: json!({ "schemas": [resource_type.schema.id], "displayName": "All" }).to_string(),
            related: related.collect(),
            is_complete: true,
            standing: None,
        }
    }

    /// The text of the relations does what the projection says, which is told here by the projection of documents.
    #[test]
    fn relations_are_shown_as_the_projection_of_a_document_would_show_them() {
        for (kind, name) in [(ResourceKind::Group, "members"), (ResourceKind::User, "groups")] {
            let resource = with_related(kind, 3);
            let whole: Vec<String> = ["value", "$ref", "display", "type"].map(|part| format!("{name}.{part}")).to_vec();
            let read = |attributes: Option<&str>, excluded: Option<&str>| {
                Projection::read(attributes, excluded, &resource.resource_type).unwrap()
            };
            let shown = |projection: &Projection| -> Value {
                serde_json::from_str(&resource.render(BASE, projection).unwrap()).unwrap()
            };
            let all = read(Some(&format!("{},displayName,meta", whole.join(","))), None);
            let all = shown(&all).as_object().unwrap().clone();
            assert_eq!(all[name].as_array().unwrap().len(), 3);
            assert_eq!(all[name][0].as_object().unwrap().len(), 4, "{all:?}");
            let default = shown(&Projection::Default);
            assert_eq!(default[name][0].get("display").is_some(), kind == ResourceKind::User, "{default}");
            let one = |part: &str| format!("{name}.{part}");
            for (attributes, excluded) in [
                (Some(name.to_owned()), None),
                (Some(one("value")), None),
                (Some(format!("{},{}", one("display"), one("type"))), None),
                (Some(one("display")), None),
                (Some("displayName".to_owned()), None),
                (None, Some(name.to_owned())),
                (None, Some(one("$ref"))),
                (None, Some(whole.join(","))),
                (None, Some("displayName".to_owned())),
            ] {
                let projection = read(attributes.as_deref(), excluded.as_deref());
                let wanted = projection.apply(all.clone(), &resource.resource_type);
                assert_eq!(shown(&projection), Value::Object(wanted), "{attributes:?} {excluded:?}");
            }
        }
    }

    #[test]
    fn relations_of_which_nothing_is_shown_are_not_shown() {
        let named = with_related(ResourceKind::Group, 3);
        let nameless = Resource { related: named.related[2..].to_vec(), ..named };
        let projection = Projection::read(Some("members.display"), None, resource_type::group()).unwrap();
        let shown: Value = serde_json::from_str(&nameless.render(BASE, &projection).unwrap()).unwrap();
        assert_eq!(shown.get("members"), None, "{shown}");
    }

    /// A hundred thousand members asked for by name cost their text and no document of them.
    #[test]
    fn a_hundred_thousand_members_are_one_text() {
        let group = with_related(ResourceKind::Group, 100_000);
        for attributes in [None, Some("members"), Some("members.value")] {
            let projection = Projection::read(attributes, None, resource_type::group()).unwrap();
            let text = group.render(BASE, &projection).unwrap();
            assert_eq!(text.matches("\"value\":").count(), 100_000, "{attributes:?}");
            assert!(text.ends_with("}") && text.capacity() < 40_000_000, "{attributes:?}: {}", text.capacity());
        }
    }

    #[tokio::test]
    async fn members_that_are_not_shown_are_not_read() {
        for scratch in scratch::all() {
            let done = scratch.store.write(|tx| {
                let (acme, op) = (organization(tx, "acme"), operation(1_700_000_000_000_000));
                let kind = (ResourceKind::Group, resource_type::group());
                let mut members = Vec::new();
                for name in ["a", "b"] {
                    let body = json!({ "userName": name }).as_object().unwrap().clone();
                    let user = users::draft(body, resource_type::user()).unwrap();
                    members.push(json!({ "value": users::create(tx, &op, acme, &user)?.id.to_string() }));
                }
                let body = json!({ "displayName": "All", "members": members });
                let read =
                    crate::protocol::scim::document::read(body.as_object().unwrap().clone(), kind.1, &rules()).unwrap();
                let id = groups::create(tx, &op, acme, &groups::draft(read, kind.1, &rules()).unwrap())?;
                let mut found = |attributes: Option<&str>, excluded: Option<&str>| {
                    let row = resources::find(tx, acme, ResourceKind::Group, id)?.unwrap();
                    let projection = Projection::read(attributes, excluded, kind.1).unwrap();
                    complete_within(tx, acme, kind, vec![row.into()], &projection, 1)
                };
                // One is more than may be read here, so that to read them is an error.
                assert!(found(None, None).is_err() && found(Some("members"), None).is_err());
                assert!(found(None, Some("members"))?[0].related.is_empty());
                assert!(found(Some("displayName"), None)?[0].related.is_empty());
                Ok::<_, ProvisioningError>(())
            });
            done.await.unwrap();
        }
    }
}
