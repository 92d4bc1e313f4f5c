//! The changes that one request makes to the members of a group. Members named by their id are found as rows; a filter
//! that says more than ids has to look at every member, which the request's budget bounds.

use std::collections::HashSet;

use super::failure::ProvisioningError;
use super::group_roles::{self, Touched};
use super::resource;
use crate::protocol::scim::budget::Budget;
use crate::protocol::scim::error::{ScimError, ScimType};
use crate::protocol::scim::filter::ast::Filter;
use crate::protocol::scim::filter::evaluate::matches_element;
use crate::protocol::scim::json::Object;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::member::{self, MemberChange};
use crate::protocol::scim::rewrite::Rule;
use crate::protocol::scim::tolerance::Deviation;
use crate::store::Tx;
use crate::store::members::{self, KeyRow};
use crate::store::resources::ResourceKind;
use crate::values::ids::{OrganizationId, ResourceId};
use crate::values::operation::Operation;

/// What a request does to the members of one group, in order.
#[derive(Debug)]
pub(super) struct MemberChanges {
    /// Each in its turn.
    pub(super) changes: Vec<MemberChange>,
    /// What becomes of ids that the organization does not have.
    pub(super) unknown: Deviation,
    /// What the changes may still cost.
    pub(super) budget: Budget,
    /// Whether all members were replaced already.
    pub(super) is_replaced: bool,
    /// Who came or went.
    pub(super) touched: Touched,
}

/// What became of the members that a request names.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) added: usize,
    pub(super) removed: usize,
    pub(super) unknown: usize,
}

/// A member as a filter sees it.
struct Seen {
    id: ResourceId,
    element: Object,
}

impl MemberChanges {
    /// Changes with the whole budget of a request.
    pub(super) fn new(changes: Vec<MemberChange>, unknown: Deviation) -> Self {
        Self {
            changes,
            unknown,
            budget: Budget::of(&Limits::default()),
            is_replaced: false,
            touched: Touched::default(),
        }
    }

    /// Makes the changes. Members are read once for all filters, and again only after some came in; whether the groups
    /// that came in close a circle is asked once, at the end.
    pub(super) fn make(
        mut self,
        tx: &mut Tx<'_>,
        op: &Operation,
        organization: OrganizationId,
        group: i64,
    ) -> Result<Tally, ProvisioningError> {
        let mut tally = Tally::default();
        let mut seen: Option<Vec<Seen>> = None;
        let mut nested = Vec::new();
        for change in std::mem::take(&mut self.changes) {
            let more = match change {
                MemberChange::RemoveMatching(filter) => {
                    let known = match seen.take() {
                        Some(known) => known,
                        None => look(tx, group, &mut self.budget)?,
                    };
                    let removed = self.remove_matching(tx, organization, group, &filter, &known)?;
                    // Who was removed stays in the list; to remove them again changes nothing.
                    seen = Some(known);
                    Tally { removed, ..Tally::default() }
                }
                MemberChange::Remove(ids) => {
                    // What is not an id of this organization is no member either.
                    let ids: Vec<ResourceId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
                    Tally { removed: self.remove(tx, organization, group, &ids)?, ..Tally::default() }
                }
                MemberChange::Add(ids) => {
                    seen = None;
                    let found = self.resolve(tx, organization, &ids)?;
                    self.add(tx, op, organization, group, found, &mut nested)?
                }
                MemberChange::ReplaceAll(ids) => {
                    seen = None;
                    self.replace_all(tx, op, organization, group, &ids, &mut nested)?
                }
            };
            tally.added = tally.added.saturating_add(more.added);
            tally.removed = tally.removed.saturating_add(more.removed);
            tally.unknown = tally.unknown.saturating_add(more.unknown);
        }
        self.refuse_circle(tx, organization, group, &nested)?;
        group_roles::members_changed(tx, op, organization, group, &self.touched)?;
        Ok(tally)
    }

    /// To replace the members once is what a PUT does. Each further time costs as many as there are.
    fn replace_all(
        &mut self,
        tx: &mut Tx<'_>,
        op: &Operation,
        organization: OrganizationId,
        group: i64,
        ids: &[String],
        nested: &mut Vec<KeyRow>,
    ) -> Result<Tally, ProvisioningError> {
        let found = self.resolve(tx, organization, ids)?;
        if found.rows.is_empty() && !ids.is_empty() {
            let detail = "none of the members is a user or group of this organization: send [] to empty the group";
            return Err(ScimError::value(detail).under(Rule::UnknownMembers).into());
        }
        let was_replaced = std::mem::replace(&mut self.is_replaced, true);
        if found.rows.is_empty() {
            self.touched.note_many();
            return Ok(Tally { added: 0, removed: members::delete_all(tx, group)?, unknown: found.unknown });
        }
        let held = members::member_keys(tx, group)?;
        if was_replaced {
            self.budget.spend(held.len())?;
        }
        let wanted: HashSet<i64> = found.rows.iter().map(|row| row.k).collect();
        let gone: Vec<i64> = held.into_iter().filter(|k| !wanted.contains(k)).collect();
        let removed = members::delete(tx, group, &gone)?;
        self.touched.note(&gone);
        Ok(Tally { removed, ..self.add(tx, op, organization, group, found, nested)? })
    }

    /// The resources with these ids, each once, and how many ids the organization does not have. They are left out or
    /// refused, as the client's profile says; the audit entry and the answer show it.
    fn resolve(
        &mut self,
        tx: &mut Tx<'_>,
        organization: OrganizationId,
        ids: &[String],
    ) -> Result<Found, ProvisioningError> {
        self.budget.spend(ids.len())?;
        let distinct: HashSet<&str> = ids.iter().map(String::as_str).collect();
        let parsed: Vec<ResourceId> = distinct.iter().filter_map(|id| id.parse().ok()).collect();
        let rows = members::keys(tx, organization, &parsed)?;
        let unknown = distinct.len().saturating_sub(rows.len());
        if unknown > 0 && !self.unknown.is_understood() {
            return Err(ScimError::value("a member is no user or group of this organization")
                .under(Rule::UnknownMembers)
                .into());
        }
        Ok(Found { rows, unknown })
    }

    /// Refuses groups that contain the group which they became members of. The walk goes from that group up, each
    /// membership once, and is charged for every one that it sees: two layers of a thousand groups, each in each, make
    /// a million.
    fn refuse_circle(
        &mut self,
        tx: &mut Tx<'_>,
        organization: OrganizationId,
        group: i64,
        nested: &[KeyRow],
    ) -> Result<(), ProvisioningError> {
        if nested.is_empty() {
            return Ok(());
        }
        // Another transaction must not close the circle elsewhere meanwhile, between groups that this one does not touch.
        members::lock_nesting(tx, organization)?;
        let inside: HashSet<i64> = nested.iter().map(|row| row.k).collect();
        let mut known = HashSet::from([group]);
        let mut level = vec![group];
        while !level.is_empty() {
            if level.iter().any(|k| inside.contains(k)) {
                let detail = "a group cannot contain itself, directly or through another";
                return Err(ScimError::value(detail).by("rfc7643:4.2").into());
            }
            let limit = i64::try_from(self.budget.left().saturating_add(1)).unwrap_or(i64::MAX);
            let above = members::groups_above(tx, &level, limit)?;
            self.budget.spend(above.len()).map_err(|_| {
                let detail = "the group is in too many groups to find out whether it would contain itself";
                ScimError::new(ScimType::TooMany, detail).by("limits.scim_patch_comparisons")
            })?;
            level = above.into_iter().filter(|k| known.insert(*k)).collect();
        }
        Ok(())
    }

    /// Removes the members that satisfy a filter which is more than a list of ids.
    fn remove_matching(
        &mut self,
        tx: &mut Tx<'_>,
        organization: OrganizationId,
        group: i64,
        filter: &Filter,
        seen: &[Seen],
    ) -> Result<usize, ProvisioningError> {
        self.budget.spend(seen.len().saturating_mul(filter.terms()))?;
        let found = seen.iter().filter(|member| matches_element(filter, &member.element));
        let ids: Vec<ResourceId> = found.map(|member| member.id).collect();
        self.remove(tx, organization, group, &ids)
    }

    fn remove(
        &mut self,
        tx: &mut Tx<'_>,
        organization: OrganizationId,
        group: i64,
        ids: &[ResourceId],
    ) -> Result<usize, ProvisioningError> {
        let keys: Vec<i64> = members::keys(tx, organization, ids)?.iter().map(|row| row.k).collect();
        self.touched.note(&keys);
        Ok(members::delete(tx, group, &keys)?)
    }

    /// Makes resources members, and notes which of them are groups.
    fn add(
        &mut self,
        tx: &mut Tx<'_>,
        op: &Operation,
        organization: OrganizationId,
        group: i64,
        found: Found,
        nested: &mut Vec<KeyRow>,
    ) -> Result<Tally, ProvisioningError> {
        let keys: Vec<i64> = found.rows.iter().map(|row| row.k).collect();
        self.touched.note(&keys);
        let added = members::insert(tx, organization, group, &keys, op.at)?;
        nested.extend(found.rows.into_iter().filter(|row| row.kind == ResourceKind::Group.as_str()));
        Ok(Tally { added, removed: 0, unknown: found.unknown })
    }
}

/// The members of the group as filters see them: no more of them are read than the budget lets anybody look at.
fn look(tx: &mut Tx<'_>, group: i64, budget: &mut Budget) -> Result<Vec<Seen>, ProvisioningError> {
    let limit = i64::try_from(budget.left().saturating_add(1)).unwrap_or(i64::MAX);
    let rows = members::of_groups(tx, &[group], limit)?;
    budget.spend(rows.len())?;
    let mut seen = Vec::with_capacity(rows.len());
    for row in rows {
        let related = resource::related_of(row)?;
        let (id, kind) = (related.id.to_string(), resource::type_name(related.kind));
        seen.push(Seen { id: related.id, element: member::element(&id, kind, related.display.as_deref()) });
    }
    Ok(seen)
}

/// The resources that a request names as members.
struct Found {
    rows: Vec<KeyRow>,
    unknown: usize,
}

#[cfg(test)]
mod tests;
