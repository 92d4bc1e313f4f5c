//! Turns a filter into a condition that the store answers with its indexes (this file) and what a list is sorted by into
//! an order (`order`), looks at what the query may cost (`budget`), and finds a page (`page`) by index or by `cursor`.

pub mod budget;
pub mod cursor;
pub mod order;
pub mod page;

use crate::protocol::scim::attribute::{Attribute, Kind};
use crate::protocol::scim::comparison;
use crate::protocol::scim::error::{ScimError, ScimType};
use crate::protocol::scim::etag;
use crate::protocol::scim::filter::ast::{Filter, Literal, Operator, Target};
use crate::protocol::scim::resource_type::ResourceType;
use crate::protocol::scim::schema::causeway_user;
use crate::provisioning::search_values;
use crate::store::condition::{self, Column, Condition, ElementCondition, Instant, Reach, Test};

/// The condition that says what the filter says (`evaluate` is its definition).
pub fn condition(filter: &Filter, resource_type: &ResourceType) -> Result<Condition, ScimError> {
    let all = |filters: &[Filter]| {
        filters.iter().map(|filter| condition(filter, resource_type)).collect::<Result<Vec<_>, ScimError>>()
    };
    Ok(match filter {
        Filter::And(filters) => Condition::All(all(filters)?),
        Filter::Or(filters) => Condition::Any(all(filters)?),
        Filter::Not(filter) => Condition::Not(Box::new(condition(filter, resource_type)?)),
        Filter::Present(target) => present(target, resource_type)?,
        Filter::Compare(target, operator, literal) => compare(target, *operator, literal, resource_type)?,
        Filter::Element(target, within) => match relation(target) {
            Some(relation) => relation.holds_for(|reach| related(within, relation, reach))?,
            None => elements(target, within, resource_type)?,
        },
        Filter::Fixed(holds) => Condition::Always(*holds),
    })
}

/// Attributes whose values are rows of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    Members,
    Groups,
}

impl Relation {
    /// One resource at the other end satisfies what `other` makes. What it makes for the groups of a user may depend on
    /// how the user belongs to them; where it does not, they are searched as one.
    fn holds_for(self, other: impl Fn(Reach) -> Result<Condition, ScimError>) -> Result<Condition, ScimError> {
        if self == Self::Members {
            return Ok(Condition::Member(Box::new(other(Reach::Direct)?)));
        }
        let (direct, indirect) = (other(Reach::Direct)?, other(Reach::Indirect)?);
        if direct == indirect {
            return Ok(Condition::Group(Reach::Any, Box::new(direct)));
        }
        let group = |reach, other| Condition::Group(reach, Box::new(other));
        Ok(Condition::Any(vec![group(Reach::Direct, direct), group(Reach::Indirect, indirect)]))
    }
}

fn relation(target: &Target) -> Option<Relation> {
    match (target.container.as_deref(), target.attribute.as_str()) {
        (None, "members") => Some(Relation::Members),
        (None, "groups") => Some(Relation::Groups),
        _ => None,
    }
}

fn present(target: &Target, resource_type: &ResourceType) -> Result<Condition, ScimError> {
    if let (Some(relation), None) = (relation(target), &target.part) {
        return relation.holds_for(|_| Ok(Condition::Always(true)));
    }
    if target.kind == Kind::Complex {
        // Every resource has meta.
        let is_meta = target.container.is_none() && target.attribute == "meta";
        let below = Condition::Below(format!("{}.", target.search_path));
        return Ok(if is_meta { Condition::Always(true) } else { below });
    }
    tested(target, &Test::Present, resource_type)
}

fn compare(
    target: &Target,
    operator: Operator,
    literal: &Literal,
    resource_type: &ResourceType,
) -> Result<Condition, ScimError> {
    let is_there = || tested(target, &Test::Present, resource_type);
    let not = |condition| Condition::Not(Box::new(condition));
    match (operator, literal) {
        (Operator::Eq, Literal::Null) => Ok(not(is_there()?)),
        (_, Literal::Null) => is_there(),
        (Operator::Ne, Literal::Value { key, .. }) => {
            let differs = tested(target, &Test::Compare(condition::Operator::Different, key.clone()), resource_type)?;
            Ok(Condition::Any(vec![not(is_there()?), differs]))
        }
        (_, Literal::Value { key, .. }) => tested(target, &Test::Compare(stored(operator), key.clone()), resource_type),
    }
}

/// A test of the leaf that the target leads to: some value of it passes.
fn tested(target: &Target, test: &Test, resource_type: &ResourceType) -> Result<Condition, ScimError> {
    if let Some(relation) = relation(target) {
        return relation.holds_for(|reach| related_leaf(target, test, relation, reach));
    }
    if target.container.as_deref() == Some(causeway_user::ID) {
        return Err(ScimError::filter(format!("{} is computed and cannot be searched", target.attribute)));
    }
    if target.container.is_none() {
        match target.attribute.as_str() {
            "id" => return Ok(Condition::Id(test.clone())),
            "externalId" => return Ok(Condition::Column(Column::ExternalId, test.clone())),
            "userName" => return Ok(Condition::Column(Column::UserName, test.clone())),
            "displayName" => return Ok(Condition::Column(Column::Display, test.clone())),
            "active" => return Ok(active(test)),
            "meta" => return meta(target, test, resource_type),
            "schemas" => return Ok(schemas(test, resource_type)),
            _ => {}
        }
    }
    Ok(match &target.part {
        Some(part) if stands_beside(target, part, resource_type) => {
            let within = beside(part, test);
            Condition::Element(target.search_path.clone(), Box::new(within))
        }
        _ => Condition::Value(target.leaf_path(), test.clone()),
    })
}

fn active(test: &Test) -> Condition {
    match test {
        Test::Present => Condition::Active(None),
        Test::Compare(operator, key) => {
            Condition::Active(Some((key == "true") == (*operator == condition::Operator::Equal)))
        }
    }
}

fn schemas(test: &Test, resource_type: &ResourceType) -> Condition {
    let named = resource_type.schemas().filter(|schema| passes(test, &schema.id)).map(|schema| {
        if schema.id == resource_type.schema.id {
            Condition::Always(true)
        } else if schema.id == causeway_user::ID {
            // The gateway's own extension is part of every user who shows it.
            Condition::Always(!schema.is_shown_on_request())
        } else {
            Condition::Below(schema.search_prefix.to_string())
        }
    });
    let named: Vec<Condition> = named.collect();
    if named.is_empty() { Condition::Always(false) } else { Condition::Any(named) }
}

fn meta(target: &Target, test: &Test, resource_type: &ResourceType) -> Result<Condition, ScimError> {
    let unsupported = || ScimError::filter("this part of meta cannot be searched in this way");
    let Test::Compare(operator, key) = test else { return Ok(Condition::Always(true)) };
    let instant = match target.part.as_deref() {
        Some("resourceType") => return Ok(Condition::Always(passes(test, &resource_type.name))),
        Some("created") => Instant::Created,
        Some("lastModified") => Instant::Updated,
        Some("version") => {
            return match (operator, etag::read(key)) {
                (condition::Operator::Equal, Some(version)) => Ok(Condition::Version(version)),
                (condition::Operator::Equal, None) => Ok(Condition::Always(false)),
                _ => Err(unsupported()),
            };
        }
        _ => return Err(unsupported()),
    };
    let micros = comparison::integer_of(key).ok_or_else(unsupported)?;
    Ok(Condition::Instant(instant, *operator, micros))
}

/// True when a fixed text passes the test.
fn passes(test: &Test, text: &str) -> bool {
    match test {
        Test::Present => true,
        Test::Compare(operator, wanted) => filtered(*operator).holds(text, wanted),
    }
}

/// One element satisfies the filter. That one satisfies a choice is a choice of elements, each of which an index may serve.
fn elements(target: &Target, within: &Filter, resource_type: &ResourceType) -> Result<Condition, ScimError> {
    if let Filter::Or(filters) = within {
        let all = filters.iter().map(|filter| elements(target, filter, resource_type));
        return Ok(Condition::Any(all.collect::<Result<_, _>>()?));
    }
    Ok(Condition::Element(target.search_path.clone(), Box::new(element(within, resource_type)?)))
}

fn element(filter: &Filter, resource_type: &ResourceType) -> Result<ElementCondition, ScimError> {
    let all = |filters: &[Filter]| {
        filters.iter().map(|filter| element(filter, resource_type)).collect::<Result<Vec<_>, ScimError>>()
    };
    let leaf = |target: &Target, test: Test| match &target.part {
        Some(part) if stands_beside(target, part, resource_type) => beside(part, &test),
        _ => ElementCondition::Part(target.leaf_path(), test),
    };
    let not = |condition| ElementCondition::Not(Box::new(condition));
    Ok(match filter {
        Filter::And(filters) => ElementCondition::All(all(filters)?),
        Filter::Or(filters) => ElementCondition::Any(all(filters)?),
        Filter::Not(filter) => not(element(filter, resource_type)?),
        Filter::Present(target) => leaf(target, Test::Present),
        Filter::Compare(target, Operator::Eq, Literal::Null) => not(leaf(target, Test::Present)),
        Filter::Compare(target, _, Literal::Null) => leaf(target, Test::Present),
        Filter::Compare(target, Operator::Ne, Literal::Value { key, .. }) => ElementCondition::Any(vec![
            not(leaf(target, Test::Present)),
            leaf(target, Test::Compare(condition::Operator::Different, key.clone())),
        ]),
        Filter::Compare(target, operator, Literal::Value { key, .. }) => {
            leaf(target, Test::Compare(stored(*operator), key.clone()))
        }
        Filter::Element(..) | Filter::Fixed(_) => return Err(ScimError::filter("brackets within brackets")),
    })
}

pub(super) fn stands_beside(target: &Target, part: &str, resource_type: &ResourceType) -> bool {
    let attribute: Option<&Attribute> = match &target.container {
        Some(urn) => resource_type.extension(urn).and_then(|schema| schema.attribute(&target.attribute)),
        None => resource_type.top(&target.attribute),
    };
    attribute.is_some_and(|attribute| search_values::has_beside(attribute, part))
}

fn beside(part: &str, test: &Test) -> ElementCondition {
    match (part, test) {
        ("primary", Test::Present) => ElementCondition::Primary(None),
        ("primary", Test::Compare(operator, key)) => {
            ElementCondition::Primary(Some((key == "true") == (*operator == condition::Operator::Equal)))
        }
        (_, test) => ElementCondition::Type(test.clone()),
    }
}

/// A filter on one member or group, as a condition on that resource. `reach` is how the user belongs to the group.
fn related(filter: &Filter, relation: Relation, reach: Reach) -> Result<Condition, ScimError> {
    let all = |filters: &[Filter]| {
        filters.iter().map(|filter| related(filter, relation, reach)).collect::<Result<Vec<_>, ScimError>>()
    };
    let leaf = |target: &Target, test: &Test| related_leaf(target, test, relation, reach);
    let not = |condition| Condition::Not(Box::new(condition));
    Ok(match filter {
        Filter::And(filters) => Condition::All(all(filters)?),
        Filter::Or(filters) => Condition::Any(all(filters)?),
        Filter::Not(filter) => not(related(filter, relation, reach)?),
        Filter::Present(target) => leaf(target, &Test::Present)?,
        Filter::Compare(target, Operator::Eq, Literal::Null) => not(leaf(target, &Test::Present)?),
        Filter::Compare(target, _, Literal::Null) => leaf(target, &Test::Present)?,
        Filter::Compare(target, Operator::Ne, Literal::Value { key, .. }) => Condition::Any(vec![
            not(leaf(target, &Test::Present)?),
            leaf(target, &Test::Compare(condition::Operator::Different, key.clone()))?,
        ]),
        Filter::Compare(target, operator, Literal::Value { key, .. }) => {
            leaf(target, &Test::Compare(stored(*operator), key.clone()))?
        }
        Filter::Element(..) | Filter::Fixed(_) => return Err(ScimError::filter("brackets within brackets")),
    })
}

fn related_leaf(target: &Target, test: &Test, relation: Relation, reach: Reach) -> Result<Condition, ScimError> {
    match (target.part.as_deref(), relation) {
        (Some("value"), _) => Ok(Condition::Id(test.clone())),
        (Some("display"), _) => Ok(Condition::Column(Column::Display, test.clone())),
        (Some("type"), Relation::Members) => Ok(Condition::Column(Column::Kind, test.clone())),
        (Some("type"), Relation::Groups) => {
            let name = if reach == Reach::Indirect { "indirect" } else { "direct" };
            Ok(Condition::Always(passes(test, name)))
        }
        _ => Err(ScimError::new(ScimType::InvalidFilter, format!("{} is searched by value", target.attribute))),
    }
}

/// The store's word for an operator.
const fn stored(operator: Operator) -> condition::Operator {
    match operator {
        Operator::Eq => condition::Operator::Equal,
        Operator::Ne => condition::Operator::Different,
        Operator::Co => condition::Operator::Contains,
        Operator::Sw => condition::Operator::StartsWith,
        Operator::Ew => condition::Operator::EndsWith,
        Operator::Gt => condition::Operator::Greater,
        Operator::Ge => condition::Operator::GreaterOrEqual,
        Operator::Lt => condition::Operator::Less,
        Operator::Le => condition::Operator::LessOrEqual,
    }
}

const fn filtered(operator: condition::Operator) -> Operator {
    match operator {
        condition::Operator::Equal => Operator::Eq,
        condition::Operator::Different => Operator::Ne,
        condition::Operator::Contains => Operator::Co,
        condition::Operator::StartsWith => Operator::Sw,
        condition::Operator::EndsWith => Operator::Ew,
        condition::Operator::Greater => Operator::Gt,
        condition::Operator::GreaterOrEqual => Operator::Ge,
        condition::Operator::Less => Operator::Lt,
        condition::Operator::LessOrEqual => Operator::Le,
    }
}

#[cfg(test)]
mod tests;
