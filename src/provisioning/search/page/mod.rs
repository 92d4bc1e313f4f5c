//! Finds a page of resources: by its number, or behind the place where another page ended.
//!
//! What is not sorted is one list for each kind, one after the other, in the order in which the resources were made. What
//! is sorted is one list of all kinds.

use std::sync::Arc;

use super::budget;
use crate::directory::permission::{self, Permission};
use crate::protocol::scim::list::Page;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::resource_type::ResourceType;
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::resource::{self, Resource};
use crate::store::condition::{Condition, Service};
use crate::store::failure::StoreError;
use crate::store::order::{Direction, Position, Slice, SortKey};
use crate::store::resource_search::{self, Breadth, Hit, Part};
use crate::store::resources::ResourceKind;
use crate::store::surroundings::SurroundedRow;
use crate::store::{Tx, resource_counts};
use crate::values::ids::OrganizationId;
use crate::values::operation::Operation;

/// What a client looks for among the resources of one kind.
#[derive(Debug, Clone)]
pub struct Sought {
    /// The kind.
    pub kind: ResourceKind,
    /// What they are made of.
    pub resource_type: Arc<ResourceType>,
    /// What they satisfy; `None` for all.
    pub condition: Option<Condition>,
    /// What they are sorted by, when the list is sorted.
    pub key: Option<SortKey>,
    /// What is shown of them.
    pub projection: Projection,
}

/// Which way a client goes through a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// To the next page.
    Forward,
    /// To the page before.
    Backward,
}

/// Where a page ended, or began, and which way to go from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The way.
    pub walk: Walk,
    /// The number of the list.
    pub list: usize,
    /// The position in it.
    pub position: Position,
}

/// Which resources of those that are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Those of a page by index.
    Page(Page),
    /// Those behind a place, or the first ones.
    Behind {
        /// The place.
        place: Option<Place>,
        /// At most this many.
        count: i64,
    },
}

/// What a client looks for.
#[derive(Debug, Clone)]
pub struct Query {
    /// Each kind.
    pub sought: Vec<Sought>,
    /// Which way a sorted list runs; `None` when it is not sorted.
    pub direction: Option<Direction>,
    /// Which of them.
    pub wanted: Wanted,
    /// How many resources may be looked at when no index serves the query.
    pub scan_rows: u32,
    /// How many members, or groups, the resources of a page may have together, one of them aside. A page that would have
    /// more ends earlier.
    pub most_related: u32,
    /// How many bytes the documents of a page may have together. A page that would have more ends earlier, behind one at least.
    pub most_bytes: usize,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// How many resources satisfy the query, on all pages. A page by cursor has it only where it costs nothing.
    pub total: Option<i64>,
    /// Those on the page, each with the number of its kind among those that were sought.
    pub resources: Vec<(usize, Resource)>,
    /// Where the next page begins.
    pub next: Option<Place>,
    /// Where the page before ends.
    pub previous: Option<Place>,
}

/// What was found, with the number of its list.
type Numbered = (usize, Hit);

/// A query whose parts are lists.
struct Lists {
    organization: OrganizationId,
    lists: Vec<Vec<Part>>,
    direction: Direction,
}

/// Finds a page.
pub fn search(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    query: &Query,
) -> Result<Found, ProvisioningError> {
    permission::require(op, organization, Permission::ReadResources)?;
    let is_surrounded = |sought: &Sought| resource::shows_surroundings(sought.kind, &sought.projection);
    let part = |sought: &Sought| {
        let condition = sought.condition.clone().unwrap_or(Condition::Always(true)).simplified();
        let breadth = match (is_surrounded(sought), condition.service()) {
            (false, _) => Breadth::Row,
            // What no condition leads to fills its page.
            (true, Service::Scan) => Breadth::Standing,
            (true, _) => Breadth::Surroundings,
        };
        let key = query.direction.is_some().then(|| sought.key.clone().unwrap_or(SortKey::Absent));
        Part { kind: sought.kind, condition, key, breadth }
    };
    let parts: Vec<Part> = query.sought.iter().map(part).collect();
    budget::check(tx, organization, &parts, query.scan_rows)?;
    let lists = match query.direction {
        Some(_) => vec![parts],
        None => parts.into_iter().map(|part| vec![part]).collect(),
    };
    let lists = Lists { organization, lists, direction: query.direction.unwrap_or(Direction::Ascending) };
    let ((hits, mut found), walk) = match &query.wanted {
        Wanted::Page(page) => (lists.by_index(tx, *page)?, Walk::Forward),
        Wanted::Behind { place, count } => {
            let walk = place.as_ref().map_or(Walk::Forward, |place| place.walk);
            (lists.by_cursor(tx, place.as_ref(), *count)?, walk)
        }
    };
    let (places, hits): (Vec<_>, Vec<_>) =
        hits.into_iter().map(|(list, hit)| ((list, hit.position.clone()), hit)).unzip();
    found.resources = complete(tx, organization, query, hits, walk)?;
    if found.resources.len() < places.len() && matches!(query.wanted, Wanted::Behind { .. }) {
        found.end_early(&places, walk);
    }
    Ok(found)
}

impl Lists {
    /// When the page shows that nothing follows in a list, the number of its matches needs no second query.
    fn by_index(&self, tx: &mut Tx<'_>, page: Page) -> Result<(Vec<Numbered>, Found), StoreError> {
        let (mut hits, mut total, mut offset, mut missing) = (Vec::new(), 0_i64, page.offset(), page.count);
        for (number, list) in self.lists.iter().enumerate() {
            let found = match missing {
                0 => Vec::new(),
                limit => self.read(tx, list, self.direction, &Slice { after: None, offset, limit })?,
            };
            let count = length(&found);
            let is_last = count < missing && (count > 0 || offset == 0);
            let of_list = if is_last { offset.saturating_add(count) } else { self.total(tx, list)? };
            total = total.saturating_add(of_list);
            offset = offset.saturating_sub(of_list).max(0);
            missing = missing.saturating_sub(count);
            hits.extend(found.into_iter().map(|hit| (number, hit)));
        }
        Ok((hits, Found { total: Some(total), resources: Vec::new(), next: None, previous: None }))
    }

    /// One more than the page is read, to see whether there is another. Going back is going forward in the reversed
    /// list, and what was read is turned round.
    fn by_cursor(
        &self,
        tx: &mut Tx<'_>,
        place: Option<&Place>,
        count: i64,
    ) -> Result<(Vec<Numbered>, Found), StoreError> {
        let walk = place.map_or(Walk::Forward, |place| place.walk);
        let start = place.map_or(0, |place| place.list);
        let (order, direction): (Vec<usize>, Direction) = match walk {
            Walk::Forward => ((start..self.lists.len()).collect(), self.direction),
            Walk::Backward => ((0..=start).rev().collect(), self.direction.reversed()),
        };
        let mut hits: Vec<Numbered> = Vec::new();
        for number in order {
            let Some(list) = self.lists.get(number) else { continue };
            let after = place.filter(|place| place.list == number).map(|place| place.position.clone());
            let limit = count.saturating_add(1).saturating_sub(length(&hits));
            if limit > 0 {
                let found = self.read(tx, list, direction, &Slice { after, offset: 0, limit })?;
                hits.extend(found.into_iter().map(|hit| (number, hit)));
            }
        }
        let has_more = length(&hits) > count;
        hits.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        if walk == Walk::Backward {
            hits.reverse();
        }
        let at = |walk, hit: &Numbered| Place { walk, list: hit.0, position: hit.1.position.clone() };
        let is_next = has_more || walk == Walk::Backward;
        let is_previous = if walk == Walk::Backward { has_more } else { place.is_some() };
        let found = Found {
            total: self.cheap_total(tx)?,
            resources: Vec::new(),
            next: hits.last().filter(|_| is_next).map(|hit| at(Walk::Forward, hit)),
            previous: hits.first().filter(|_| is_previous).map(|hit| at(Walk::Backward, hit)),
        };
        Ok((hits, found))
    }

    fn read(
        &self,
        tx: &mut Tx<'_>,
        list: &[Part],
        direction: Direction,
        slice: &Slice,
    ) -> Result<Vec<Hit>, StoreError> {
        if list.iter().all(|part| part.condition == Condition::Always(false)) {
            return Ok(Vec::new());
        }
        resource_search::page(tx, self.organization, list, direction, slice)
    }

    fn total(&self, tx: &mut Tx<'_>, list: &[Part]) -> Result<i64, StoreError> {
        let mut total = 0_i64;
        for part in list {
            total = total.saturating_add(match &part.condition {
                Condition::Always(true) => resource_counts::total(tx, self.organization, part.kind)?,
                Condition::Always(false) => 0,
                condition => resource_search::count(tx, self.organization, part.kind, condition)?,
            });
        }
        Ok(total)
    }

    /// RFC 9865, section 2: who cannot tell the total cheaply "MAY choose to omit the totalResults attribute".
    fn cheap_total(&self, tx: &mut Tx<'_>) -> Result<Option<i64>, StoreError> {
        if !self.lists.iter().flatten().all(|part| matches!(part.condition, Condition::Always(_))) {
            return Ok(None);
        }
        let mut total = 0_i64;
        for list in &self.lists {
            total = total.saturating_add(self.total(tx, list)?);
        }
        Ok(Some(total))
    }
}

fn length<T>(found: &[T]) -> i64 {
    i64::try_from(found.len()).unwrap_or(i64::MAX)
}

/// Keeps as many as `most` bytes of documents hold, and one at least.
fn end_before(hits: &mut Vec<Hit>, most: usize) {
    let mut bytes = 0_usize;
    let is_over = |hit: &Hit| {
        bytes = bytes.saturating_add(hit.found.row.document.len());
        bytes > most
    };
    if let Some(end) = hits.iter().position(is_over) {
        hits.truncate(end.max(1));
    }
}

/// Completes what was found with its relations, kind by kind, and keeps it in its order. A page whose documents or relations are too many
/// ends earlier, at the end to which the walk leads (RFC 7644, section 3.4.2.4: a server "MAY return fewer results").
fn complete(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    query: &Query,
    mut hits: Vec<Hit>,
    walk: Walk,
) -> Result<Vec<(usize, Resource)>, ProvisioningError> {
    if walk == Walk::Backward {
        hits.reverse();
    }
    end_before(&mut hits, query.most_bytes);
    let (mut numbered, mut end) = (Vec::with_capacity(hits.len()), hits.len());
    let mut of_kind: Vec<(Vec<usize>, Vec<SurroundedRow>)> = query.sought.iter().map(|_| Default::default()).collect();
    for (at, hit) in hits.into_iter().enumerate() {
        let number = query.sought.iter().position(|sought| sought.kind == hit.kind);
        if let Some((places, rows)) = number.and_then(|number| of_kind.get_mut(number)) {
            places.push(at);
            rows.push(hit.found);
        }
    }
    for (number, (sought, (places, rows))) in query.sought.iter().zip(of_kind).enumerate() {
        let (kind, most) = ((sought.kind, &sought.resource_type), i64::from(query.most_related));
        let completed = resource::complete_page(tx, organization, kind, rows, &sought.projection, most)?;
        end = end.min(places.get(completed.len()).copied().unwrap_or(end));
        numbered.extend(places.into_iter().zip(completed).map(|(at, resource)| (at, number, resource)));
    }
    numbered.retain(|(at, _, _): &(usize, usize, Resource)| *at < end);
    numbered.sort_by_key(|(at, _, _)| if walk == Walk::Backward { usize::MAX.saturating_sub(*at) } else { *at });
    Ok(numbered.into_iter().map(|(_, number, resource)| (number, resource)).collect())
}

impl Found {
    /// The page ended before it was too long: the next one begins there. `places` are those of the page as it
    /// would have been.
    fn end_early(&mut self, places: &[(usize, Position)], walk: Walk) {
        let kept = self.resources.len();
        let last = match walk {
            Walk::Forward => kept.checked_sub(1),
            Walk::Backward => places.len().checked_sub(kept),
        };
        let place = last.and_then(|at| places.get(at)).cloned();
        let place = place.map(|(list, position)| Place { walk, list, position });
        match walk {
            Walk::Forward => self.next = place,
            Walk::Backward => self.previous = place,
        }
    }
}

#[cfg(test)]
mod tests;
