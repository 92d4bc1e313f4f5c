//! The groups that a client provisions. A group's document is small; its members are rows, and every change to them
//! touches the rows it names and no others.

use std::sync::Arc;

use serde_json::{Value, json};

use super::announcement::{self, Subject as Told, Verb};
use super::containing_groups;
use super::failure::ProvisioningError;
use super::group_roles;
use super::members::{MemberChanges, Tally};
use super::resource::{self, Patch, Resource};
use super::room;
use super::search_values;
use super::users::changed_names;
use crate::directory::permission::{self, Permission};
use crate::protocol::event::scim::ScimEvent;
use crate::protocol::scim::document::Draft;
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::etag;
use crate::protocol::scim::immutable;
use crate::protocol::scim::json::Object;
use crate::protocol::scim::length;
use crate::protocol::scim::member::MemberChange;
use crate::protocol::scim::patch;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::render;
use crate::protocol::scim::required;
use crate::protocol::scim::resource_type::ResourceType;
use crate::protocol::scim::rewrite::{Rewrites, Rule};
use crate::protocol::scim::tolerance::Deviation;
use crate::protocol::scim::validation::Rules;
use crate::record::audit::{self, Action, Subject};
use crate::store::Tx;
use crate::store::members;
use crate::store::resource_values::{self, SearchValue};
use crate::store::resources::{self, NewResourceRow, ResourceChange, ResourceKind, ResourceRow};
use crate::store::unique_values::{self, UniqueValue};
use crate::values::folding::fold;
use crate::values::ids::{OrganizationId, ResourceId};
use crate::values::operation::{Actor, Operation};

/// A group that was read from a request, with everything computed that needs no transaction.
#[derive(Debug, Clone)]
pub struct GroupDraft {
    resource_type: Arc<ResourceType>,
    document: Object,
    text: String,
    external_id: Option<String>,
    display: Option<String>,
    values: Vec<SearchValue>,
    unique: Vec<UniqueValue>,
    members: Option<Vec<String>>,
    unknown_members: Deviation,
    rewrites: Rewrites,
    most: u32,
    longest: usize,
}

/// Prepares a checked document (`document::read`, or the outcome of a PATCH).
pub fn draft(read: Draft, resource_type: &Arc<ResourceType>, rules: &Rules) -> Result<GroupDraft, ScimError> {
    let document = read.document;
    Ok(GroupDraft {
        text: render::stored_text(&document),
        external_id: search_values::column(&document, "externalId")?,
        display: search_values::column(&document, "displayName")?,
        values: search_values::of(&document, resource_type),
        unique: search_values::unique(&document, resource_type)?,
        resource_type: Arc::clone(resource_type),
        document,
        members: read.members,
        unknown_members: rules.tolerance.unknown_members,
        rewrites: rules.rewrites.clone(),
        most: rules.limits.groups,
        longest: rules.limits.resource_bytes,
    })
}

impl GroupDraft {
    /// Notes the members that were named and left out.
    fn note_unknown(&self, tally: &Tally) {
        if tally.unknown > 0 {
            self.rewrites.note(Rule::UnknownMembers, "members", json!({ "unknown": tally.unknown }), Value::Null);
        }
    }

    /// The same with another document.
    fn with(&self, document: Object) -> Result<Self, ScimError> {
        if document == self.document {
            return Ok(self.clone());
        }
        Ok(Self {
            text: render::stored_text(&document),
            external_id: search_values::column(&document, "externalId")?,
            display: search_values::column(&document, "displayName")?,
            values: search_values::of(&document, &self.resource_type),
            unique: search_values::unique(&document, &self.resource_type)?,
            document,
            resource_type: Arc::clone(&self.resource_type),
            members: self.members.clone(),
            unknown_members: self.unknown_members,
            rewrites: self.rewrites.clone(),
            most: self.most,
            longest: self.longest,
        })
    }
}

/// Creates a group with its members.
pub fn create(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    draft: &GroupDraft,
) -> Result<ResourceId, ProvisioningError> {
    permission::require(op, organization, Permission::ChangeResources)?;
    required::check_extensions(&draft.document, None, &draft.resource_type)?;
    length::check(&draft.text, None, draft.longest)?;
    room::require(tx, organization, ResourceKind::Group, draft.most)?;
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
    let k = resources::insert(tx, &row, &draft.text, &draft.values)?;
    unique_values::replace(tx, organization, k, &[], &draft.unique)??;
    let added = draft.members.iter().cloned().map(MemberChange::Add).collect();
    let changes = MemberChanges::new(added, draft.unknown_members);
    let tally = changes.make(tx, op, organization, k)?;
    draft.note_unknown(&tally);
    let subject = Subject::new("group", row.id);
    let detail = json!({ "members_added": tally.added, "members_unknown": tally.unknown });
    audit::write(tx, op, Some(organization), Action::GroupCreated, &subject, &detail)?;
    let told =
        Told { kind: ResourceKind::Group, id: row.id, external_id: draft.external_id.as_deref(), version: Some(1) };
    let event = announcement::created(&draft.document, (tally.added > 0).then_some("members"));
    announcement::publish(tx, op, organization, told, &[event])?;
    Ok(row.id)
}

/// The group with this id; its members unless the projection hides them.
pub fn find(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    resource_type: &Arc<ResourceType>,
    id: ResourceId,
    projection: &Projection,
) -> Result<Resource, ProvisioningError> {
    permission::require(op, organization, Permission::ReadResources)?;
    let row = resources::find(tx, organization, ResourceKind::Group, id)?.ok_or(ProvisioningError::NotFound)?;
    let mut found =
        resource::complete(tx, organization, (ResourceKind::Group, resource_type), vec![row.into()], projection)?;
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
    permission::require(op, organization, Permission::ReadResources)?;
    Ok(members::count_by_id_up_to(tx, organization, id, most.saturating_add(1))? > most)
}

/// Replaces a group (PUT) and returns its version. Members that the request does not name leave it, all of them when it has
/// no `members`.
pub fn replace(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ResourceId,
    draft: &GroupDraft,
    condition: Option<&etag::Condition>,
) -> Result<i64, ProvisioningError> {
    let (row, before) = resource::find_for_change(tx, op, organization, ResourceKind::Group, id, condition)?;
    let all = MemberChange::ReplaceAll(draft.members.clone().unwrap_or_default());
    let members = MemberChanges::new(vec![all], draft.unknown_members);
    let mut document = draft.document.clone();
    required::check_extensions(&document, Some(&before), &draft.resource_type)?;
    immutable::keep(&before, &mut document, &draft.resource_type)?;
    let draft = draft.with(document)?;
    change(tx, op, organization, row, &before, draft, (members, Verb::Put))
}

/// Changes a group (PATCH) and returns its version.
pub fn patch(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ResourceId,
    patch: Patch,
    condition: Option<&etag::Condition>,
) -> Result<i64, ProvisioningError> {
    let (row, before) = resource::find_for_change(tx, op, organization, ResourceKind::Group, id, condition)?;
    let Patch { operations, resource_type, rules } = patch;
    let patched = patch::apply(&before, operations, &resource_type, &rules)?;
    let draft = draft(Draft { document: patched.document, members: None }, &resource_type, &rules)?;
    let members =
        MemberChanges { budget: patched.budget, ..MemberChanges::new(patched.members, draft.unknown_members) };
    change(tx, op, organization, row, &before, draft, (members, Verb::Patch))
}

/// Removes a group. Its members stay.
pub fn delete(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ResourceId,
    condition: Option<&etag::Condition>,
) -> Result<(), ProvisioningError> {
    containing_groups::lock(tx, op, organization, &[id])?;
    let (row, before) = resource::find_for_deletion(tx, op, organization, ResourceKind::Group, id, condition)?;
    let touched = group_roles::before_deletion(tx, op, organization, (id, row.k))?;
    containing_groups::leave(tx, op, organization, row.k)?;
    resources::delete(tx, organization, row.k)?;
    if let Some(touched) = touched {
        group_roles::evaluate(tx, op, organization, &touched)?;
    }
    let subject = Subject::new("group", id);
    audit::write(tx, op, Some(organization), Action::GroupDeleted, &subject, &json!({}))?;
    let external_id = before.get("externalId").and_then(Value::as_str);
    let told = Told { kind: ResourceKind::Group, id, external_id, version: None };
    announcement::publish(tx, op, organization, told, &[ScimEvent::Deleted])?;
    Ok(())
}

/// Writes what differs, and tells of it, before the row is written: on PostgreSQL it travels with that. The version.
fn change(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    row: ResourceRow,
    before: &Object,
    draft: GroupDraft,
    (changes, verb): (MemberChanges, Verb),
) -> Result<i64, ProvisioningError> {
    length::check(&draft.text, Some(&row.document), draft.longest)?;
    let tally = changes.make(tx, op, organization, row.k)?;
    draft.note_unknown(&tally);
    let is_same_document = *before == draft.document;
    if is_same_document && tally.added == 0 && tally.removed == 0 {
        return Ok(row.version);
    }
    let (version, at) = (row.version.saturating_add(1), resource::instant(op));
    tell_of_change(tx, op, organization, (row.id, version), (before, &draft), &tally, verb)?;
    if is_same_document {
        resources::touch(tx, row.k, version, at)?;
        return Ok(version);
    }
    let change = ResourceChange {
        user_name_folded: None,
        external_id: draft.external_id,
        display_folded: draft.display.as_deref().map(fold),
        display: draft.display,
        active: None,
        version,
        updated_at: at,
    };
    resources::update(tx, row.k, &change, Some(&draft.text))?;
    let values = search_values::of(before, &draft.resource_type);
    resource_values::replace(tx, organization, row.k, &values, &draft.values)?;
    let unique = search_values::unique(before, &draft.resource_type)?;
    unique_values::replace(tx, organization, row.k, &unique, &draft.unique)??;
    Ok(version)
}

fn tell_of_change(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    (id, version): (ResourceId, i64),
    (before, draft): (&Object, &GroupDraft),
    tally: &Tally,
    verb: Verb,
) -> Result<(), ProvisioningError> {
    let mut names = changed_names(before, &draft.document);
    let detail = json!({
        "attributes": names,
        "members_added": tally.added,
        "members_removed": tally.removed,
        "members_unknown": tally.unknown,
    });
    audit::write(tx, op, Some(organization), Action::GroupUpdated, &Subject::new("group", id), &detail)?;
    if tally.added > 0 || tally.removed > 0 {
        names.push("members".to_owned());
    }
    let external_id = search_values::column(&draft.document, "externalId")?;
    let (kind, external_id) = (ResourceKind::Group, external_id.as_deref());
    let told = Told { kind, id, external_id, version: Some(version) };
    Ok(announcement::publish(tx, op, organization, told, &[verb.changed(names)])?)
}
