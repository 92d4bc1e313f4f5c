//! The order in which the operations of a bulk request are done. What an operation refers to comes before it; operations
//! on one resource, or that claim one user name, keep their order; the rest may go side by side. Resources that refer to
//! each other in a circle are one step.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use serde_json::Value;

use super::references;
use super::request::{Endpoint, Entry, Method, Operation, Target};
use crate::protocol::scim::json::Object;
use crate::values::folding::fold;

/// What is done at once: one operation, or the POSTs of a circle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Positions in the request, in order.
    pub positions: Vec<usize>,
    /// The earlier steps that have to be over, as positions in the plan.
    pub after: Vec<usize>,
    /// True when the resources refer to each other, or one to itself.
    pub is_circle: bool,
}

/// What two operations must not touch side by side.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Resource(Endpoint, String),
    Created(String),
    UserName(String),
}

/// How an operation touches a key. Readers go side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Reads,
    Writes,
}

/// The steps in the order in which they may begin: each comes behind all that it needs.
pub fn of(entries: &[Entry]) -> Vec<Step> {
    let needs = needs(entries);
    let circles = circles(&needs);
    let steps = order(&needs, &circles);
    with_keys(entries, steps)
}

fn operation(entries: &[Entry], position: usize) -> Option<&Operation> {
    entries.get(position).and_then(|entry| entry.operation.as_ref().ok())
}

/// For each position the positions that have to come before it, whatever their order in the request: the POSTs that it
/// refers to, and the operation on the same resource before it.
fn needs(entries: &[Entry]) -> Vec<BTreeSet<usize>> {
    let mut created: HashMap<&str, usize> = HashMap::new();
    for (position, entry) in entries.iter().enumerate() {
        if let (Ok(Operation { method: Method::Post, .. }), Some(name)) = (&entry.operation, &entry.bulk_id) {
            created.insert(name, position);
        }
    }
    let mut last: HashMap<Key, usize> = HashMap::new();
    let mut all = Vec::with_capacity(entries.len());
    for position in 0..entries.len() {
        let mut needed = BTreeSet::new();
        if let Some(operation) = operation(entries, position) {
            needed.extend(references::of(&operation.data).iter().filter_map(|name| created.get(name.as_str())));
            if let Target::Created(name) = &operation.target {
                needed.extend(created.get(name.as_str()));
            }
            if let Some(key) = target(operation) {
                needed.extend(last.insert(key, position));
            }
        }
        all.push(needed);
    }
    all
}

/// The resource that an operation works on, when it is there before.
fn target(operation: &Operation) -> Option<Key> {
    match &operation.target {
        Target::New => None,
        Target::Resource(id) => Some(Key::Resource(operation.endpoint, id.clone())),
        Target::Created(name) => Some(Key::Created(name.clone())),
    }
}

/// The circle that each position belongs to, named by its first position. What is left when everything is taken away that
/// needs nothing left, and then everything that nothing left needs, is circles and what stands between them.
fn circles(needs: &[BTreeSet<usize>]) -> HashMap<usize, usize> {
    let mut needed_by: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); needs.len()];
    for (position, needed) in needs.iter().enumerate() {
        for other in needed {
            if let Some(by) = needed_by.get_mut(*other) {
                by.insert(position);
            }
        }
    }
    let mut left: BTreeSet<usize> = (0..needs.len()).collect();
    peel(&mut left, needs, &needed_by);
    peel(&mut left, &needed_by, needs);
    let mut circles = HashMap::new();
    for first in left.clone() {
        let mut reached = vec![first];
        while let Some(position) = reached.pop() {
            if !left.contains(&position) || circles.contains_key(&position) {
                continue;
            }
            circles.insert(position, first);
            reached.extend(needs.get(position).into_iter().flatten());
            reached.extend(needed_by.get(position).into_iter().flatten());
        }
    }
    circles
}

/// Takes away what waits for nothing that is left, again and again.
fn peel(left: &mut BTreeSet<usize>, waits_for: &[BTreeSet<usize>], waited_for_by: &[BTreeSet<usize>]) {
    let count = |position: &usize, left: &BTreeSet<usize>| {
        waits_for.get(*position).into_iter().flatten().filter(|other| left.contains(other)).count()
    };
    let mut waiting: HashMap<usize, usize> = left.iter().map(|position| (*position, count(position, left))).collect();
    let mut free: Vec<usize> =
        waiting.iter().filter(|(_, count)| **count == 0).map(|(position, _)| *position).collect();
    while let Some(position) = free.pop() {
        left.remove(&position);
        for other in waited_for_by.get(position).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(other).filter(|count| **count > 0) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    free.push(*other);
                }
            }
        }
    }
}

/// The steps, each behind those it needs, and otherwise in the order of the request.
fn order(needs: &[BTreeSet<usize>], circles: &HashMap<usize, usize>) -> Vec<Step> {
    let step_of = |position: usize| circles.get(&position).copied().unwrap_or(position);
    let mut positions: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut waits_for: HashMap<usize, BTreeSet<usize>> = HashMap::new();
    let mut waited_for_by: HashMap<usize, BTreeSet<usize>> = HashMap::new();
    for (position, needed) in needs.iter().enumerate() {
        let step = step_of(position);
        positions.entry(step).or_default().push(position);
        waits_for.entry(step).or_default();
        for other in needed.iter().map(|other| step_of(*other)).filter(|other| *other != step) {
            waits_for.entry(step).or_default().insert(other);
            waited_for_by.entry(other).or_default().insert(step);
        }
    }
    let free = waits_for.iter().filter(|(_, others)| others.is_empty()).map(|(step, _)| Reverse(*step));
    let mut free: BinaryHeap<Reverse<usize>> = free.collect();
    let mut steps = Vec::with_capacity(positions.len());
    while let Some(Reverse(step)) = free.pop() {
        let positions = positions.remove(&step).unwrap_or_default();
        steps.push(Step { positions, after: Vec::new(), is_circle: circles.contains_key(&step) });
        for other in waited_for_by.remove(&step).unwrap_or_default() {
            if let Some(waiting) = waits_for.get_mut(&other) {
                waiting.remove(&step);
                if waiting.is_empty() {
                    free.push(Reverse(other));
                }
            }
        }
    }
    steps
}

/// Fills in which steps have to be over before each.
fn with_keys(entries: &[Entry], mut steps: Vec<Step>) -> Vec<Step> {
    let deleted: BTreeSet<String> = entries.iter().filter_map(deleted).collect();
    let mut last_writer: HashMap<Key, usize> = HashMap::new();
    let mut readers: HashMap<Key, Vec<usize>> = HashMap::new();
    for (at, step) in steps.iter_mut().enumerate() {
        let mut after = BTreeSet::new();
        let touched = step.positions.iter().filter_map(|position| entries.get(*position));
        for (key, access) in touched.flat_map(|entry| keys(entry, &deleted)) {
            after.extend(last_writer.get(&key).copied());
            if access == Access::Reads {
                readers.entry(key).or_default().push(at);
            } else {
                after.extend(readers.remove(&key).unwrap_or_default());
                last_writer.insert(key, at);
            }
        }
        after.remove(&at);
        step.after = after.into_iter().collect();
    }
    steps
}

fn deleted(entry: &Entry) -> Option<String> {
    match &entry.operation {
        Ok(Operation { method: Method::Delete, target: Target::Resource(id), .. }) => Some(id.clone()),
        _ => None,
    }
}

fn keys(entry: &Entry, deleted: &BTreeSet<String>) -> Vec<(Key, Access)> {
    let Ok(operation) = &entry.operation else { return Vec::new() };
    let mut keys: Vec<(Key, Access)> = target(operation).into_iter().map(|key| (key, Access::Writes)).collect();
    if let (Method::Post, Some(name)) = (operation.method, &entry.bulk_id) {
        keys.push((Key::Created(name.clone()), Access::Writes));
    }
    keys.extend(references::of(&operation.data).into_iter().map(|name| (Key::Created(name), Access::Reads)));
    let mut texts = Vec::new();
    texts_of(&operation.data, &mut texts);
    for (name, text) in texts {
        if operation.endpoint == Endpoint::Users && name.eq_ignore_ascii_case("userName") {
            keys.push((Key::UserName(fold(text)), Access::Writes));
        } else if deleted.contains(text) {
            // Whoever it is may be a member of a group by now, and must not go before.
            keys.extend(
                [Endpoint::Users, Endpoint::Groups].map(|e| (Key::Resource(e, text.to_owned()), Access::Reads)),
            );
        }
    }
    keys
}

/// Every text in `data` with the name that it stands under. In an operation of a PATCH, `path` names its `value`.
fn texts_of<'d>(data: &'d Object, texts: &mut Vec<(&'d str, &'d str)>) {
    let path = data.get("path").and_then(Value::as_str);
    for (name, value) in data {
        let name = if name == "value" { path.unwrap_or(name) } else { name };
        texts_below(name, value, texts);
    }
}

fn texts_below<'d>(name: &'d str, value: &'d Value, texts: &mut Vec<(&'d str, &'d str)>) {
    match value {
        Value::String(text) => texts.push((name, text)),
        Value::Array(items) => items.iter().for_each(|item| texts_below(name, item, texts)),
        Value::Object(members) => texts_of(members, texts),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
