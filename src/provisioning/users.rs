//! The users that a client provisions: each is a resource of the organization and the account of a person.
//!
//! What a write means for the person is done by [`person`], in the same transaction: `active: false` ends what is signed
//! in, DELETE ends the membership (decision Q19).

use std::sync::Arc;

use serde_json::{Value, json};

use super::announcement::{self, Subject as Told, Verb};
use super::containing_groups;
use super::failure::ProvisioningError;
use super::person;
use super::reprovisioning;
use super::resource::{self, Patch, Resource};
use super::room;
use super::search_values;
use super::user_profile;
use crate::directory::accounts::Provisioned;
use crate::directory::memberships::MembershipStatus;
use crate::directory::permission::{self, Permission};
use crate::directory::profile::Profile;
use crate::protocol::event::scim::ScimEvent;
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::etag;
use crate::protocol::scim::immutable;
use crate::protocol::scim::json::Object;
use crate::protocol::scim::length;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::patch;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::render;
use crate::protocol::scim::required;
use crate::protocol::scim::resource_type::ResourceType;
use crate::record::audit::{self, Action};
use crate::store::Tx;
use crate::store::arrivals;
use crate::store::failure::StoreError;
use crate::store::resource_values::{self, SearchValue};
use crate::store::resources::{self, NewResourceRow, ResourceChange, ResourceKind, ResourceRow};
use crate::store::surroundings::{self, SurroundedRow};
use crate::store::unique_values::{self, UniqueValue};
use crate::values::folding::{check_name, fold};
use crate::values::ids::{OrganizationId, ResourceId};
use crate::values::operation::{Actor, Operation};

/// The most groups of a user that are read in the transaction of a change; other writes wait meanwhile.
const MOST_GROUPS_IN_CHANGE: usize = 1_000;

/// A user that was read from a request, with everything computed that needs no transaction.
#[derive(Debug, Clone)]
pub struct UserDraft {
    resource_type: Arc<ResourceType>,
    document: Object,
    text: String,
    user_name_folded: String,
    external_id: Option<String>,
    display: Option<String>,
    active: Option<bool>,
    profile: Profile,
    values: Vec<SearchValue>,
    unique: Vec<UniqueValue>,
    most: u32,
    longest: usize,
}

impl UserDraft {
    /// The same, to be created only where the organization has fewer users than may be, and to be stored only where the document
    /// is not too long.
    pub fn within(self, limits: &Limits) -> Self {
        Self { most: limits.users, longest: limits.resource_bytes, ..self }
    }

    /// The user name in the form in which user names are compared.
    pub(super) fn user_name_folded(&self) -> &str {
        &self.user_name_folded
    }

    /// The client's own id of the user.
    pub(super) fn external_id(&self) -> Option<&str> {
        self.external_id.as_deref()
    }

    /// What the request says about access.
    pub(super) const fn active(&self) -> Option<bool> {
        self.active
    }

    /// The same, but this about access.
    pub(super) fn with_active(&self, active: Option<bool>) -> Self {
        Self { active, ..self.clone() }
    }
}

/// Prepares a checked document (`document::read`, or the outcome of a PATCH).
pub fn draft(mut document: Object, resource_type: &Arc<ResourceType>) -> Result<UserDraft, ScimError> {
    let active = document.shift_remove("active").and_then(|active| active.as_bool());
    let user_name = search_values::column(&document, "userName")?.unwrap_or_default();
    check_name(&user_name).map_err(|error| ScimError::value(format!("userName: {error}")))?;
    Ok(UserDraft {
        text: render::stored_text(&document),
        user_name_folded: fold(&user_name),
        external_id: search_values::column(&document, "externalId")?,
        display: search_values::column(&document, "displayName")?,
        active,
        profile: user_profile::of(&document, &user_name),
        values: search_values::of(&document, resource_type),
        unique: search_values::unique(&document, resource_type)?,
        resource_type: Arc::clone(resource_type),
        most: u32::MAX,
        longest: usize::MAX,
        document,
    })
}

/// Takes access away from a user, as the gateway itself does when an administrator has confirmed it.
pub fn deactivate(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ResourceId,
) -> Result<(), ProvisioningError> {
    let (row, document) = resource::find_for_change(tx, op, organization, ResourceKind::User, id, None)?;
    let asked = person::asked_active(tx, organization, &row)?;
    if asked == Some(false) {
        return Ok(());
    }
    let shown = person::change(tx, op, organization, (&row, asked), Some(false), None)?;
    let external_id = document.get("externalId").and_then(Value::as_str);
    let told = What { names: Vec::new(), active: (row.active, shown) };
    tell_of_change(tx, op, organization, (&row, external_id), told, Verb::Patch)?;
    Ok(resources::show(tx, row.k, shown, row.version.saturating_add(1), resource::instant(op))?)
}

/// Creates a user and the account of the person, or takes somebody on again where the client's policy says so.
/// [`ProvisioningError::UserNameTaken`] when the organization has one of that user name: the unique index decides.
pub fn create(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    draft: &UserDraft,
) -> Result<Resource, ProvisioningError> {
    permission::require(op, organization, Permission::ChangeResources)?;
    required::check_extensions(&draft.document, None, &draft.resource_type)?;
    let client_id = match &op.actor {
        Actor::ScimClient { client, .. } => Some(*client),
        _ => None,
    };
    let known = arrivals::find(tx, organization, client_id, draft.profile.primary_address())?;
    if let Some(taken) = reprovisioning::take_over(tx, op, organization, draft, &known)? {
        return Ok(taken);
    }
    length::check(&draft.text, None, draft.longest)?;
    room::require_of(known.users, ResourceKind::User, draft.most)?;
    // A client that never sends `active` means that the user may sign in.
    let status = draft.active.map_or(MembershipStatus::Active, MembershipStatus::of);
    let id = op.new_id();
    let arrived = person::arrive(tx, op, organization, id, (&draft.profile, status), &known)?;
    let row =
        NewResourceRow { client_id, ..new_row(op, organization, id, draft, arrived.map(|arrived| arrived.person)) };
    let told =
        Told { kind: ResourceKind::User, id: row.id, external_id: draft.external_id.as_deref(), version: Some(1) };
    let event = announcement::created(&draft.document, Some("active"));
    announcement::publish(tx, op, organization, told, &[event])?;
    let k = resources::insert(tx, &row, &draft.text, &draft.values)?;
    unique_values::replace(tx, organization, k, &[], &draft.unique)??;
    match arrived {
        Some(arrived) => arrived.hold(tx, op, organization, row.id)?,
        None => person::wait(tx, op, organization, row.id, &draft.profile, status)?,
    }
    Ok(Resource {
        id: row.id,
        kind: ResourceKind::User,
        resource_type: Arc::clone(&draft.resource_type),
        active: row.active,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
        document: draft.text.clone(),
        related: Vec::new(),
        is_complete: true,
        standing: match arrived.and_then(|arrived| arrived.person.joined_as) {
            Some(status) => resource::standing_of_new(op, &draft.resource_type, k, status),
            None => resource::standing_of(tx, organization, &draft.resource_type, k)?,
        },
    })
}

/// The row of a user who is new, and of whom `arrived` became.
fn new_row(
    op: &Operation,
    organization: OrganizationId,
    id: ResourceId,
    draft: &UserDraft,
    arrived: Option<Provisioned>,
) -> NewResourceRow {
    let at = resource::instant(op);
    NewResourceRow {
        id,
        org_id: organization,
        client_id: None,
        kind: ResourceKind::User.as_str().to_owned(),
        account_id: arrived.map(|arrived| arrived.account),
        user_name_folded: Some(draft.user_name_folded.clone()),
        external_id: draft.external_id.clone(),
        display: draft.display.clone(),
        display_folded: draft.display.as_deref().map(fold),
        active: Some(arrived.is_some_and(|arrived| arrived.may_sign_in)),
        version: 1,
        created_at: at,
        updated_at: at,
    }
}

/// The user with this id.
pub fn find(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    resource_type: &Arc<ResourceType>,
    id: ResourceId,
    projection: &Projection,
) -> Result<Resource, ProvisioningError> {
    permission::require(op, organization, Permission::ReadResources)?;
    let found = if resource::shows_surroundings(ResourceKind::User, projection) {
        surroundings::find(tx, organization, id)?
    } else {
        resources::find(tx, organization, ResourceKind::User, id)?.map(SurroundedRow::from)
    };
    read(tx, op, organization, resource_type, found.ok_or(ProvisioningError::NotFound)?, projection)
}

/// The user of this organization whose row was read already.
pub fn read(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    resource_type: &Arc<ResourceType>,
    row: SurroundedRow,
    projection: &Projection,
) -> Result<Resource, ProvisioningError> {
    permission::require(op, organization, Permission::ReadResources)?;
    let kind = (ResourceKind::User, resource_type);
    let mut found = resource::complete(tx, organization, kind, vec![row], projection)?;
    found.pop().ok_or(ProvisioningError::NotFound)
}

/// Replaces a user (PUT). Never creates one.
pub fn replace(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ResourceId,
    draft: &UserDraft,
    condition: Option<&etag::Condition>,
) -> Result<Resource, ProvisioningError> {
    let (row, before) = resource::find_for_change(tx, op, organization, ResourceKind::User, id, condition)?;
    let mut document = draft.document.clone();
    required::check_extensions(&document, Some(&before), &draft.resource_type)?;
    immutable::keep(&before, &mut document, &draft.resource_type)?;
    let longest = draft.longest;
    let draft = if document == draft.document { draft.clone() } else { self::draft(document, &draft.resource_type)? };
    // What a PUT leaves out is cleared, but to leave `active` out must not let somebody in who was deactivated.
    let asked = person::asked_active(tx, organization, &row)?;
    let draft = UserDraft { active: draft.active.or(asked), longest, ..draft };
    change(tx, op, organization, (row, asked), &before, draft, Verb::Put)
}

/// Changes a user (PATCH).
pub fn patch(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ResourceId,
    patch: Patch,
    condition: Option<&etag::Condition>,
) -> Result<Resource, ProvisioningError> {
    let (row, before) = resource::find_for_change(tx, op, organization, ResourceKind::User, id, condition)?;
    let mut whole = before.clone();
    let asked = person::asked_active(tx, organization, &row)?;
    if let Some(is_active) = asked {
        whole.insert("active".to_owned(), is_active.into());
    }
    let Patch { operations, resource_type, rules } = patch;
    let patched = patch::apply(&whole, operations, &resource_type, &rules)?;
    let draft = draft(patched.document, &resource_type)?.within(&rules.limits);
    change(tx, op, organization, (row, asked), &before, draft, Verb::Patch)
}

/// Removes a user and ends the membership of the person.
pub fn delete(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ResourceId,
    condition: Option<&etag::Condition>,
) -> Result<(), ProvisioningError> {
    containing_groups::lock(tx, op, organization, &[id])?;
    let (row, before) = resource::find_for_deletion(tx, op, organization, ResourceKind::User, id, condition)?;
    person::leave(tx, op, organization, &row)?;
    let external_id = before.get("externalId").and_then(Value::as_str);
    let told = Told { kind: ResourceKind::User, id, external_id, version: None };
    announcement::publish(tx, op, organization, told, &[ScimEvent::Deleted])?;
    Ok(())
}

/// Writes what differs: the row, the document, the values, the account, and one audit entry. Nothing when nothing
/// does (RFC 7644, section 3.5.2.1: an unchanged resource keeps its modification time).
fn change(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    (row, asked): (ResourceRow, Option<bool>),
    before: &Object,
    draft: UserDraft,
    verb: Verb,
) -> Result<Resource, ProvisioningError> {
    let is_same_document = *before == draft.document;
    length::check(&draft.text, Some(&row.document), draft.longest)?;
    let mut shown = row.active;
    let (version, updated_at, text) = if is_same_document && asked == draft.active {
        (row.version, row.updated_at, row.document)
    } else {
        let profile = (!is_same_document).then_some(&draft.profile);
        shown = person::change(tx, op, organization, (&row, asked), draft.active, profile)?;
        let told = What { names: changed_names(before, &draft.document), active: (row.active, shown) };
        tell_of_change(tx, op, organization, (&row, draft.external_id.as_deref()), told, verb)?;
        if !is_same_document {
            let detail = json!({ "attributes": changed_names(before, &draft.document) });
            audit::write(tx, op, Some(organization), Action::UserUpdated, &person::subject(&row), &detail)?;
        }
        let change = ResourceChange {
            user_name_folded: Some(draft.user_name_folded),
            external_id: draft.external_id,
            display_folded: draft.display.as_deref().map(fold),
            display: draft.display,
            active: shown,
            version: row.version.saturating_add(1),
            updated_at: resource::instant(op),
        };
        let document = (draft.text != row.document).then_some(draft.text.as_str());
        resources::update(tx, row.k, &change, document)?;
        if !is_same_document {
            let values = search_values::of(before, &draft.resource_type);
            resource_values::replace(tx, organization, row.k, &values, &draft.values)?;
            let unique = search_values::unique(before, &draft.resource_type)?;
            unique_values::replace(tx, organization, row.k, &unique, &draft.unique)??;
        }
        (change.version, change.updated_at, draft.text)
    };
    let limit = i64::try_from(MOST_GROUPS_IN_CHANGE).unwrap_or(i64::MAX).saturating_add(1);
    let (related, standing) = resource::surroundings_of(tx, organization, &draft.resource_type, row.k, limit)?;
    let is_complete = related.len() <= MOST_GROUPS_IN_CHANGE;
    let row = ResourceRow { active: shown, version, updated_at, document: text, ..row };
    let user = resource::of_row(ResourceKind::User, &draft.resource_type, related, row);
    Ok(Resource { is_complete, standing, ..user })
}

/// What a change comes to.
struct What {
    /// The attributes of the document that differ.
    names: Vec<String>,
    /// Whether the person might sign in before, and may now.
    active: (Option<bool>, Option<bool>),
}

/// The events of a change; one more when it gives or takes access (RFC 9967, section 2.4). Somebody who waits may be asked
/// for in another way than before: of that there is nothing to tell, for nothing differs that a client sees.
fn tell_of_change(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    (row, external_id): (&ResourceRow, Option<&str>),
    what: What,
    verb: Verb,
) -> Result<(), StoreError> {
    let What { mut names, active: (before, after) } = what;
    let switched = if before == after { None } else { Some(after) };
    names.extend(switched.map(|_| "active".to_owned()));
    if names.is_empty() {
        return Ok(());
    }
    let mut events = vec![verb.changed(names)];
    events.extend(switched.flatten().map(|active| if active { ScimEvent::Activated } else { ScimEvent::Deactivated }));
    let told = Told { kind: ResourceKind::User, id: row.id, external_id, version: Some(row.version.saturating_add(1)) };
    announcement::publish(tx, op, organization, told, &events)
}

/// The names of the attributes that differ. Values are personal data and do not belong in the log.
pub(super) fn changed_names(before: &Object, after: &Object) -> Vec<String> {
    let mut names: Vec<String> =
        before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))).cloned().collect();
    names.retain(|name| before.get(name) != after.get(name));
    names
}
