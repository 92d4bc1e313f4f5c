//! Decides whether a document satisfies a filter. The document is in canonical spelling, as `document` makes it.

use serde_json::Value;

use super::ast::{Filter, Literal, Operator, Target};
use crate::protocol::scim::comparison;
use crate::protocol::scim::json::{Object, is_unassigned};

/// True when `document` satisfies `filter`.
pub fn matches(filter: &Filter, document: &Object) -> bool {
    match filter {
        Filter::And(filters) => filters.iter().all(|filter| matches(filter, document)),
        Filter::Or(filters) => filters.iter().any(|filter| matches(filter, document)),
        Filter::Not(filter) => !matches(filter, document),
        Filter::Compare(target, operator, literal) => compare(target, *operator, literal, &leaves(target, document)),
        Filter::Present(target) => !leaves(target, document).is_empty(),
        Filter::Element(target, within) => elements(target, document)
            .iter()
            .filter_map(|element| element.as_object())
            .any(|element| matches_element(within, element)),
        Filter::Fixed(holds) => *holds,
    }
}

/// True when one element of a complex attribute satisfies what stands between the brackets.
pub fn matches_element(filter: &Filter, element: &Object) -> bool {
    match filter {
        Filter::And(filters) => filters.iter().all(|filter| matches_element(filter, element)),
        Filter::Or(filters) => filters.iter().any(|filter| matches_element(filter, element)),
        Filter::Not(filter) => !matches_element(filter, element),
        Filter::Compare(target, operator, literal) => {
            let leaf: Vec<&Value> = part_of(target, element).into_iter().collect();
            compare(target, *operator, literal, &leaf)
        }
        Filter::Present(target) => part_of(target, element).is_some(),
        // The parser refuses brackets within brackets.
        Filter::Element(..) => false,
        Filter::Fixed(holds) => *holds,
    }
}

fn part_of<'d>(target: &Target, element: &'d Object) -> Option<&'d Value> {
    element.get(target.part.as_deref()?).filter(|value| !is_unassigned(value))
}

/// The values of the attribute: none, one, or the elements of the array.
fn elements<'d>(target: &Target, document: &'d Object) -> Vec<&'d Value> {
    let holder = match &target.container {
        Some(urn) => document.get(urn).and_then(Value::as_object),
        None => Some(document),
    };
    match holder.and_then(|holder| holder.get(&target.attribute)) {
        Some(Value::Array(items)) => items.iter().filter(|item| !is_unassigned(item)).collect(),
        Some(value) if !is_unassigned(value) => vec![value],
        _ => Vec::new(),
    }
}

fn leaves<'d>(target: &Target, document: &'d Object) -> Vec<&'d Value> {
    let elements = elements(target, document);
    match &target.part {
        None => elements,
        Some(_) => {
            elements.iter().filter_map(|element| element.as_object()).filter_map(|e| part_of(target, e)).collect()
        }
    }
}

/// RFC 7644: "If the attribute is multi-valued, the filter matches if any of the values match." No value is not
/// equal to anything but null.
fn compare(target: &Target, operator: Operator, literal: &Literal, leaves: &[&Value]) -> bool {
    let Literal::Value { key: wanted, .. } = literal else {
        return leaves.is_empty() == (operator == Operator::Eq);
    };
    if leaves.is_empty() {
        return operator == Operator::Ne;
    }
    leaves
        .iter()
        .filter_map(|leaf| comparison::key(target.kind, target.case_exact, leaf))
        .any(|key| operator.holds(&key, wanted))
}
