//! Turns a filter into a condition that the store answers with its indexes, and finds a page of resources.

use std::sync::Arc;

use crate::directory::permission::{self, Permission};
use crate::protocol::scim::attribute::{Attribute, Kind};
use crate::protocol::scim::comparison;
use crate::protocol::scim::error::{ScimError, ScimType};
use crate::protocol::scim::etag;
use crate::protocol::scim::filter::ast::{Filter, Literal, Operator, Target};
use crate::protocol::scim::list::Page;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::resource_type::ResourceType;
use crate::protocol::scim::schema::causeway_user;
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::resource::{self, Resource};
use crate::provisioning::search_values;
use crate::store::condition::{self, Column, Condition, ElementCondition, Instant, Test};
use crate::store::resources::{self, ResourceKind};
use crate::store::{Tx, resource_search};
use crate::values::ids::OrganizationId;
use crate::values::operation::Operation;

/// What a client looks for.
#[derive(Debug, Clone)]
pub struct Query {
    /// Which kind of resources.
    pub kind: ResourceKind,
    /// What they are made of.
    pub resource_type: Arc<ResourceType>,
    /// What they satisfy; `None` for all.
    pub condition: Option<Condition>,
    /// Which of them.
    pub page: Page,
    /// What is shown of them.
    pub projection: Projection,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// How many resources satisfy the query, on all pages.
    pub total: i64,
    /// Those on the page.
    pub resources: Vec<Resource>,
}

/// Finds a page. When the page shows that nothing follows, the number of matches needs no second query.
pub fn search(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    query: &Query,
) -> Result<Found, ProvisioningError> {
    permission::require(op, organization, Permission::ReadResources)?;
    let page = query.page;
    let all = Condition::Always(true);
    let condition = query.condition.as_ref().unwrap_or(&all);
    let rows = match page.count {
        0 => Vec::new(),
        count => resource_search::page(tx, organization, query.kind, condition, page.offset(), count)?,
    };
    let on_page = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let is_last = on_page < page.count && (on_page > 0 || page.offset() == 0);
    let total = match (is_last, &query.condition) {
        (true, _) => page.offset().saturating_add(on_page),
        (false, None) => resources::count(tx, organization, query.kind)?,
        (false, Some(condition)) => resource_search::count(tx, organization, query.kind, condition)?,
    };
    let resources = resource::complete(tx, organization, (query.kind, &query.resource_type), rows, &query.projection)?;
    Ok(Found { total, resources })
}

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
            Some(relation) => relation.holds_for(related(within, relation)?),
            None => Condition::Element(target.search_path.clone(), Box::new(element(within, resource_type)?)),
        },
    })
}

/// Attributes whose values are rows of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    Members,
    Groups,
}

impl Relation {
    fn holds_for(self, other: Condition) -> Condition {
        match self {
            Self::Members => Condition::Member(Box::new(other)),
            Self::Groups => Condition::Group(Box::new(other)),
        }
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
        return Ok(relation.holds_for(Condition::Always(true)));
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
        return Ok(relation.holds_for(related_leaf(target, test, relation)?));
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
        // The gateway's own extension is part of every user.
        if schema.id == resource_type.schema.id || schema.id == causeway_user::ID {
            Condition::Always(true)
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
        Filter::Element(..) => return Err(ScimError::filter("brackets within brackets")),
    })
}

fn stands_beside(target: &Target, part: &str, resource_type: &ResourceType) -> bool {
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

/// A filter on one member or group, as a condition on that resource.
fn related(filter: &Filter, relation: Relation) -> Result<Condition, ScimError> {
    let all = |filters: &[Filter]| {
        filters.iter().map(|filter| related(filter, relation)).collect::<Result<Vec<_>, ScimError>>()
    };
    let not = |condition| Condition::Not(Box::new(condition));
    Ok(match filter {
        Filter::And(filters) => Condition::All(all(filters)?),
        Filter::Or(filters) => Condition::Any(all(filters)?),
        Filter::Not(filter) => not(related(filter, relation)?),
        Filter::Present(target) => related_leaf(target, &Test::Present, relation)?,
        Filter::Compare(target, Operator::Eq, Literal::Null) => not(related_leaf(target, &Test::Present, relation)?),
        Filter::Compare(target, _, Literal::Null) => related_leaf(target, &Test::Present, relation)?,
        Filter::Compare(target, Operator::Ne, Literal::Value { key, .. }) => Condition::Any(vec![
            not(related_leaf(target, &Test::Present, relation)?),
            related_leaf(target, &Test::Compare(condition::Operator::Different, key.clone()), relation)?,
        ]),
        Filter::Compare(target, operator, Literal::Value { key, .. }) => {
            related_leaf(target, &Test::Compare(stored(*operator), key.clone()), relation)?
        }
        Filter::Element(..) => return Err(ScimError::filter("brackets within brackets")),
    })
}

fn related_leaf(target: &Target, test: &Test, relation: Relation) -> Result<Condition, ScimError> {
    match (target.part.as_deref(), relation) {
        (Some("value"), _) => Ok(Condition::Id(test.clone())),
        (Some("display"), _) => Ok(Condition::Column(Column::Display, test.clone())),
        (Some("type"), Relation::Members) => Ok(Condition::Column(Column::Kind, test.clone())),
        (Some("type"), Relation::Groups) => Ok(Condition::Always(passes(test, "direct"))),
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
