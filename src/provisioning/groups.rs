//! The groups that a client provisions. A group's document is small; its members are rows, and every change to them
//! touches the rows it names and no others.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::failure::ProvisioningError;
use super::resource::{self, Resource};
use super::search_values;
use super::users::{changed_names, text};
use crate::directory::permission::{self, Permission};
use crate::protocol::scim::document::Draft;
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::etag;
use crate::protocol::scim::filter::ast::Filter;
use crate::protocol::scim::filter::evaluate::matches_element;
use crate::protocol::scim::json::Object;
use crate::protocol::scim::member::MemberChange;
use crate::protocol::scim::patch::{self, request::Operation as PatchOperation};
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::render;
use crate::protocol::scim::resource_type;
use crate::protocol::scim::tolerance::Deviation;
use crate::protocol::scim::validation::Rules;
use crate::record::audit::{self, Action, Subject};
use crate::store::Tx;
use crate::store::members;
use crate::store::resource_values::{self, SearchValue};
use crate::store::resources::{self, NewResourceRow, ResourceChange, ResourceKind, ResourceRow};
use crate::values::folding::fold;
use crate::values::ids::{OrganizationId, ResourceId};
use crate::values::operation::{Actor, Operation};

/// A group that was read from a request, with everything computed that needs no transaction.
#[derive(Debug, Clone)]
pub struct GroupDraft {
    document: Object,
    text: String,
    external_id: Option<String>,
    display: Option<String>,
    values: Vec<SearchValue>,
    members: Option<Vec<String>>,
    unknown_members: Deviation,
}

/// What became of the members that a request names.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    added: usize,
    removed: usize,
    unknown: usize,
}

/// Prepares a checked document (`document::read`, or the outcome of a PATCH).
pub fn draft(read: Draft, rules: &Rules) -> Result<GroupDraft, ScimError> {
    let document = read.document;
    Ok(GroupDraft {
        text: render::stored_text(&document),
        external_id: text(&document, "externalId")?,
        display: text(&document, "displayName")?,
        values: search_values::of(&document, resource_type::group()),
        document,
        members: read.members,
        unknown_members: rules.tolerance.unknown_members,
    })
}

/// Creates a group with its members.
pub fn create(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    draft: &GroupDraft,
) -> Result<ResourceId, ProvisioningError> {
    permission::require(op, organization, Permission::Provision)?;
    let at = resource::instant(op);
    let client_id = match &op.actor {
        Actor::ScimClient { client, .. } => Some(*client),
        _ => None,
    };
    let row = NewResourceRow {
        id: op.new_id(),
        org_id: organization,
        client_id,
        kind: ResourceKind::Group.as_str().to_owned(),
        account_id: None,
        user_name_folded: None,
        external_id: draft.external_id.clone(),
        display: draft.display.clone(),
        display_folded: draft.display.as_deref().map(fold),
        active: None,
        version: 1,
        created_at: at,
        updated_at: at,
    };
    let k = resources::insert(tx, &row, &draft.text)?;
    resource_values::insert(tx, organization, k, &draft.values)?;
    let tally = match &draft.members {
        Some(ids) => add(tx, op, organization, k, ids, draft.unknown_members)?,
        None => Tally::default(),
    };
    let subject = Subject::new("group", row.id);
    let detail = json!({ "members_added": tally.added, "members_unknown": tally.unknown });
    audit::write(tx, op, Some(organization), Action::GroupCreated, &subject, &detail)?;
    Ok(row.id)
}

/// The group with this id; its members unless the projection hides them.
pub fn find(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ResourceId,
    projection: &Projection,
) -> Result<Resource, ProvisioningError> {
    permission::require(op, organization, Permission::Provision)?;
    let row = resources::find(tx, organization, ResourceKind::Group, id)?.ok_or(ProvisioningError::NotFound)?;
    let mut found = resource::complete(tx, ResourceKind::Group, vec![row], projection)?;
    found.pop().ok_or(ProvisioningError::NotFound)
}

/// True when the group has more than `most` members, which costs no more than reading that many.
pub fn has_more_members_than(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ResourceId,
    most: i64,
) -> Result<bool, ProvisioningError> {
    permission::require(op, organization, Permission::Provision)?;
    let Some(row) = resources::find(tx, organization, ResourceKind::Group, id)? else { return Ok(false) };
    Ok(members::count_up_to(tx, row.k, most.saturating_add(1))? > most)
}

/// Replaces a group (PUT). Members that the request does not name leave it, all of them when it has no `members`.
pub fn replace(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ResourceId,
    draft: &GroupDraft,
    condition: Option<&etag::Condition>,
) -> Result<(), ProvisioningError> {
    let (row, before) = resource::find_for_change(tx, op, organization, ResourceKind::Group, id, condition)?;
    let members = MemberChange::ReplaceAll(draft.members.clone().unwrap_or_default());
    change(tx, op, organization, row, &before, draft.clone(), vec![members])
}

/// Changes a group (PATCH).
pub fn patch(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ResourceId,
    operations: Vec<PatchOperation>,
    rules: &Rules,
    condition: Option<&etag::Condition>,
) -> Result<(), ProvisioningError> {
    let (row, before) = resource::find_for_change(tx, op, organization, ResourceKind::Group, id, condition)?;
    let patched = patch::apply(&before, operations, resource_type::group(), rules)?;
    let draft = draft(Draft { document: patched.document, members: None }, rules)?;
    change(tx, op, organization, row, &before, draft, patched.members)
}

/// Removes a group. Its members stay.
pub fn delete(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ResourceId,
    condition: Option<&etag::Condition>,
) -> Result<(), ProvisioningError> {
    let (row, _) = resource::find_for_change(tx, op, organization, ResourceKind::Group, id, condition)?;
    resources::delete(tx, organization, row.k)?;
    let subject = Subject::new("group", id);
    audit::write(tx, op, Some(organization), Action::GroupDeleted, &subject, &json!({}))?;
    Ok(())
}

fn change(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    row: ResourceRow,
    before: &Object,
    draft: GroupDraft,
    changes: Vec<MemberChange>,
) -> Result<(), ProvisioningError> {
    let mut tally = Tally::default();
    for change in changes {
        let more = change_members(tx, op, organization, row.k, change, draft.unknown_members)?;
        tally.added = tally.added.saturating_add(more.added);
        tally.removed = tally.removed.saturating_add(more.removed);
        tally.unknown = tally.unknown.saturating_add(more.unknown);
    }
    let is_same_document = *before == draft.document;
    if is_same_document && tally.added == 0 && tally.removed == 0 {
        return Ok(());
    }
    let (version, at) = (row.version.saturating_add(1), resource::instant(op));
    if is_same_document {
        resources::touch(tx, row.k, version, at)?;
    } else {
        let change = ResourceChange {
            user_name_folded: None,
            external_id: draft.external_id,
            display_folded: draft.display.as_deref().map(fold),
            display: draft.display,
            active: None,
            version,
            updated_at: at,
        };
        resources::update(tx, row.k, &change, &draft.text)?;
        let values = search_values::of(before, resource_type::group());
        resource_values::replace(tx, organization, row.k, &values, &draft.values)?;
    }
    let detail = json!({
        "attributes": changed_names(before, &draft.document),
        "members_added": tally.added,
        "members_removed": tally.removed,
        "members_unknown": tally.unknown,
    });
    let subject = Subject::new("group", row.id);
    audit::write(tx, op, Some(organization), Action::GroupUpdated, &subject, &detail)?;
    Ok(())
}

/// Does what the change says.
fn change_members(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    group: i64,
    change: MemberChange,
    unknown: Deviation,
) -> Result<Tally, ProvisioningError> {
    let removed = |removed| Tally { removed, ..Tally::default() };
    match change {
        MemberChange::Add(ids) => add(tx, op, organization, group, &ids, unknown),
        MemberChange::Remove(ids) => {
            // What is not an id of this organization is no member either.
            let ids: Vec<ResourceId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
            let keys: Vec<i64> = members::keys(tx, organization, &ids)?.iter().map(|row| row.k).collect();
            Ok(removed(members::delete(tx, group, &keys)?))
        }
        MemberChange::RemoveMatching(filter) => Ok(removed(remove_matching(tx, organization, group, &filter)?)),
        MemberChange::ReplaceAll(ids) if ids.is_empty() => Ok(removed(members::delete_all(tx, group)?)),
        MemberChange::ReplaceAll(ids) => {
            let wanted: HashSet<i64> = resolve(tx, organization, &ids, unknown)?.0.iter().map(|row| row.k).collect();
            let gone: Vec<i64> = members::member_keys(tx, group)?.into_iter().filter(|k| !wanted.contains(k)).collect();
            let removed = members::delete(tx, group, &gone)?;
            Ok(Tally { removed, ..add(tx, op, organization, group, &ids, unknown)? })
        }
    }
}

fn add(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    group: i64,
    ids: &[String],
    unknown: Deviation,
) -> Result<Tally, ProvisioningError> {
    let (found, unknown) = resolve(tx, organization, ids, unknown)?;
    let nested: Vec<_> = found.iter().filter(|row| row.kind == ResourceKind::Group.as_str()).collect();
    if !nested.is_empty() {
        // Another transaction must not close the circle from its other side meanwhile.
        resources::lock(tx, organization, &nested.iter().map(|row| row.id).collect::<Vec<_>>())?;
        if members::is_any_above(tx, group, &nested.iter().map(|row| row.k).collect::<Vec<_>>())? {
            return Err(ScimError::value("a group cannot contain itself, directly or through another").into());
        }
    }
    let keys: Vec<i64> = found.iter().map(|row| row.k).collect();
    Ok(Tally { added: members::insert(tx, organization, group, &keys, op.at)?, removed: 0, unknown })
}

/// The resources with these ids, each once, and how many ids the organization does not have. They are left out or
/// refused, as the client's profile says; the audit entry and the answer show it.
fn resolve(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    ids: &[String],
    unknown: Deviation,
) -> Result<(Vec<members::KeyRow>, usize), ProvisioningError> {
    let distinct: HashSet<&str> = ids.iter().map(String::as_str).collect();
    let parsed: Vec<ResourceId> = distinct.iter().filter_map(|id| id.parse().ok()).collect();
    let found = members::keys(tx, organization, &parsed)?;
    let missing = distinct.len().saturating_sub(found.len());
    if missing > 0 && !unknown.is_understood() {
        return Err(ScimError::value("a member is no user or group of this organization").into());
    }
    Ok((found, missing))
}

/// Removes the members that satisfy a filter which is more than a list of ids.
fn remove_matching(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    group: i64,
    filter: &Filter,
) -> Result<usize, ProvisioningError> {
    let mut ids = Vec::new();
    for row in members::of_groups(tx, &[group], i64::MAX)? {
        let related = resource::related_of(row)?;
        let element = json!({
            "value": related.id.to_string(),
            "type": resource::resource_type(related.kind).name,
            "display": related.display,
        });
        if let Value::Object(element) = element
            && matches_element(filter, &element)
        {
            ids.push(related.id);
        }
    }
    let keys: Vec<i64> = members::keys(tx, organization, &ids)?.iter().map(|row| row.k).collect();
    Ok(members::delete(tx, group, &keys)?)
}
