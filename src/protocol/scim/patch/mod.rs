//! PATCH (RFC 7644, section 3.5.2) as a pure function: document and operations in, document and member changes out.
//! Nothing is half done: an error leaves the caller with the document it had.

mod cost;
mod path;
mod remove;
pub mod request;
mod write;

use serde_json::{Value, json};

use super::attribute::Mutability;
use super::budget::Budget;
use super::document::{self, is_member_list};
use super::error::{ScimError, ScimType};
use super::filter::ast::{Filter, Literal, Operator};
use super::immutable;
use super::json::{Object, is_unassigned};
use super::member::{self, MemberChange};
use super::resource_type::{Located, ResourceType};
use super::rewrite::Rule;
use super::validation::Rules;
use path::{Path, Target};
use request::{Operation, Verb};

/// What a PATCH makes of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Patched {
    /// The document after all operations. Equal to the one before when nothing changed.
    pub document: Object,
    /// What happens to the members of a group, in order.
    pub members: Vec<MemberChange>,
    /// What is left for finding members by a filter.
    pub budget: Budget,
}

/// Applies `operations` in their order.
pub fn apply(
    document: &Object,
    operations: Vec<Operation>,
    resource_type: &ResourceType,
    rules: &Rules,
) -> Result<Patched, ScimError> {
    let budget = Budget::of(&rules.limits);
    let mut patch = Patch { document: document.clone(), members: Vec::new(), budget, resource_type, rules };
    for operation in operations {
        patch.apply(operation)?;
    }
    patch.finish(document)
}

struct Patch<'t> {
    document: Object,
    members: Vec<MemberChange>,
    budget: Budget,
    resource_type: &'t ResourceType,
    rules: &'t Rules,
}

impl<'t> Patch<'t> {
    fn apply(&mut self, operation: Operation) -> Result<(), ScimError> {
        let path = match &operation.path {
            Some(text) => Some(path::parse(text, self.resource_type, self.rules)?),
            None => None,
        };
        match (operation.verb, path) {
            (Verb::Remove, None) => Err(ScimError::no_target("remove needs a path").by("rfc7644:3.5.2.2")),
            (Verb::Remove, Some(path)) => self.remove(path, operation.value),
            (Verb::Add | Verb::Replace, path) => {
                let Some(value) = operation.value else {
                    return Err(ScimError::value("add and replace need a value").by(section(operation.verb)));
                };
                match path {
                    None => self.write_many(operation.verb, value),
                    Some(path) => self.write(operation.verb, path, value),
                }
            }
        }
    }

    /// A value without a path is a partial resource. What is readOnly or unknown in it is ignored (Okta sends the
    /// `id` along), so that a client may send back what it was given.
    fn write_many(&mut self, verb: Verb, value: Value) -> Result<(), ScimError> {
        let Value::Object(members) = value else {
            let detail = "without a path the value is an object of attributes";
            return Err(ScimError::value(detail).by(section(verb)));
        };
        for (name, value) in members {
            if let Some(schema) = self.resource_type.extension(&name) {
                self.write(verb, Path::whole_extension(schema), value)?;
                continue;
            }
            let Some(path) = self.path_of_key(&name, &value)? else { continue };
            if path.is_read_only() {
                self.ignore_read_only(&name, value)?;
            } else {
                self.write(verb, path, value)?;
            }
        }
        Ok(())
    }

    /// Where a key of a value without a path leads; `None` for what the resource type does not have.
    fn path_of_key(&self, name: &str, value: &Value) -> Result<Option<Path<'t>>, ScimError> {
        if let Some(attribute) = self.resource_type.top(name) {
            return Ok(Some(Path::to(Located { container: None, attribute, part: None })));
        }
        let Ok(path) = path::parse(name, self.resource_type, self.rules) else { return Ok(None) };
        if !self.rules.tolerance.path_keys.is_understood() {
            let detail = "a path stands where the name of an attribute is expected";
            return Err(ScimError::path(detail).under(Rule::PathKeys));
        }
        self.rules.note(Rule::PathKeys, name, json!({ name: value }), json!({ "path": name, "value": value }));
        Ok(Some(path))
    }

    /// What only the server writes has no place in a change, but a client may send back what it was given. `schemas` and
    /// `meta` go without saying.
    fn ignore_read_only(&self, name: &str, value: Value) -> Result<(), ScimError> {
        if ["schemas", "meta"].iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Ok(());
        }
        if !self.rules.tolerance.read_only_values.is_understood() {
            // What a filter in the key compares with is nobody's business.
            let attribute = name.split('[').next().unwrap_or_default();
            return Err(ScimError::mutability(format!("{attribute} is readOnly")).under(Rule::ReadOnlyValues));
        }
        self.rules.note(Rule::ReadOnlyValues, name, value, Value::Null);
        Ok(())
    }

    fn write(&mut self, verb: Verb, path: Path<'t>, value: Value) -> Result<(), ScimError> {
        let (at, filter) = match path.target {
            Target::Extension(schema) => return self.write_extension(verb, schema, value),
            Target::Attribute(at, filter) => (at, filter),
        };
        if is_read_only(at) {
            return Err(ScimError::mutability(format!("{} is readOnly", at.attribute.name)).by("rfc7644:3.5.2"));
        }
        if is_member_list(self.resource_type, at.attribute) {
            if filter.is_some() || at.part.is_some() {
                let detail = "a member cannot be changed, only added and removed";
                return Err(ScimError::mutability(detail).by("rfc7643:4.2"));
            }
            let ids = member::ids(&value, self.rules)?;
            self.members.push(if verb == Verb::Add { MemberChange::Add(ids) } else { MemberChange::ReplaceAll(ids) });
            return Ok(());
        }
        if at.part.unwrap_or(at.attribute).mutability == Mutability::WriteOnly {
            return Ok(());
        }
        self.budget.spend(cost::of_write(&self.document, at, filter.as_deref(), &value))?;
        write::write(&mut self.document, at, filter.as_deref(), verb, value, self.rules)
    }

    fn write_extension(
        &mut self,
        verb: Verb,
        schema: &'t super::schema::Schema,
        value: Value,
    ) -> Result<(), ScimError> {
        let members = match value {
            Value::Object(members) => members,
            unassigned if is_unassigned(&unassigned) && verb == Verb::Replace => {
                self.document.shift_remove(schema.id.as_ref());
                return Ok(());
            }
            _ => return Err(ScimError::value(format!("{} is not an object", schema.id))),
        };
        for (name, value) in members {
            let Some(attribute) = schema.attribute(&name) else { continue };
            let path = Path::to(Located { container: Some(schema), attribute, part: None });
            if path.is_read_only() {
                self.ignore_read_only(&name, value)?;
            } else {
                self.write(verb, path, value)?;
            }
        }
        // Nothing of it is the client's and nothing of it is shown: what was sent, an empty one, is what is answered.
        if is_empty_by_nature(schema) {
            self.document.entry(schema.id.to_string()).or_insert_with(|| Value::Object(Object::new()));
        }
        Ok(())
    }

    fn remove(&mut self, path: Path<'t>, value: Option<Value>) -> Result<(), ScimError> {
        let (at, filter) = match path.target {
            Target::Extension(schema) if schema.is_read_only() => {
                return Err(ScimError::mutability(format!("{} is readOnly", schema.id)));
            }
            Target::Extension(schema) => {
                if value.is_some_and(|value| !value.is_null()) {
                    return Err(remove::not_understood(&schema.id));
                }
                self.document.shift_remove(schema.id.as_ref());
                return Ok(());
            }
            Target::Attribute(at, filter) => (at, filter),
        };
        let leaf = at.part.unwrap_or(at.attribute);
        if is_read_only(at) || leaf.required || leaf.mutability == Mutability::Immutable {
            let detail = format!("{} cannot be removed", at.attribute.name);
            return Err(ScimError::mutability(detail).by("rfc7644:3.5.2.2"));
        }
        if is_member_list(self.resource_type, at.attribute) {
            // A part of a member is refused above: none can be changed.
            let change = self.member_removal(filter.map(|filter| *filter), value)?;
            self.members.push(change);
            return Ok(());
        }
        self.budget.spend(cost::of_removal(&self.document, at, filter.as_deref(), value.as_ref()))?;
        remove::remove(&mut self.document, at, filter.as_deref(), value, self.rules)
    }

    /// A removal takes away what it names and never more: by filter, by value, or all when it names none. One that says
    /// both is followed only when both say the same.
    fn member_removal(&self, filter: Option<Filter>, value: Option<Value>) -> Result<MemberChange, ScimError> {
        let named = match &value {
            None => None,
            Some(Value::Null) if filter.is_some() => None,
            Some(Value::Null) => return Err(remove::not_understood("members")),
            Some(value) => Some(member::ids(value, self.rules)?),
        };
        match (filter, named) {
            (Some(filter), named) => match (named_ids(&filter), named) {
                (Some(ids), None) => Ok(MemberChange::Remove(ids)),
                (Some(ids), Some(named)) if is_same_set(&ids, &named) => Ok(MemberChange::Remove(ids)),
                (_, Some(_)) => Err(remove::not_understood("members")),
                (None, None) => self.removal_by_filter(filter),
            },
            (None, Some(_)) if !self.rules.tolerance.removal_by_value.is_understood() => {
                let detail = "remove takes no value; name the members in the path";
                Err(ScimError::value(detail).under(Rule::RemovalByValue))
            }
            (None, Some(ids)) => {
                let paths: Vec<String> = ids.iter().map(|id| format!("members[value eq \"{id}\"]")).collect();
                self.rules.note(
                    Rule::RemovalByValue,
                    "members",
                    value.unwrap_or(Value::Null),
                    json!({ "path": paths }),
                );
                Ok(MemberChange::Remove(ids))
            }
            (None, None) => Ok(MemberChange::ReplaceAll(Vec::new())),
        }
    }

    /// Each such filter looks at every member, however few it finds. The `$ref` of a member is a function of its id and is
    /// not among what filters see ([`member::element`]): a comparison with it would find nobody, or, with `ne`, everybody.
    fn removal_by_filter(&self, filter: Filter) -> Result<MemberChange, ScimError> {
        if filter.looks_at("$ref") {
            return Err(ScimError::filter("the $ref of a member is not compared: name the member by its value"));
        }
        let most = self.rules.limits.member_filters;
        let before = self.members.iter().filter(|change| matches!(change, MemberChange::RemoveMatching(_))).count();
        if before >= most {
            let detail = format!("more than {most} filters over members: name them by value instead");
            return Err(ScimError::new(ScimType::TooMany, detail).by("member_filters"));
        }
        Ok(MemberChange::RemoveMatching(filter))
    }

    fn finish(mut self, before: &Object) -> Result<Patched, ScimError> {
        let resource_type = self.resource_type;
        let is_kept = |name: &str| resource_type.extension(name).is_some_and(is_empty_by_nature);
        self.document.retain(|name, value| !is_unassigned(value) || (value.is_object() && is_kept(name)));
        immutable::check(before, &self.document, self.resource_type)?;
        let document = document::finish(self.document, self.resource_type, Some(before))?;
        Ok(Patched { document, members: self.members, budget: self.budget })
    }
}

/// The section that defines a verb.
const fn section(verb: Verb) -> &'static str {
    match verb {
        Verb::Add => "rfc7644:3.5.2.1",
        Verb::Remove => "rfc7644:3.5.2.2",
        Verb::Replace => "rfc7644:3.5.2.3",
    }
}

fn is_same_set(some: &[String], others: &[String]) -> bool {
    some.iter().all(|id| others.contains(id)) && others.iter().all(|id| some.contains(id))
}

/// The ids of a filter that is nothing but `value eq "a" or value eq "b"`.
fn named_ids(filter: &Filter) -> Option<Vec<String>> {
    match filter {
        Filter::Compare(target, Operator::Eq, Literal::Value { key: id, .. })
            if target.part.as_deref() == Some("value") =>
        {
            Some(vec![id.clone()])
        }
        Filter::Or(filters) => {
            let named: Option<Vec<Vec<String>>> = filters.iter().map(named_ids).collect();
            named.map(|ids| ids.concat())
        }
        _ => None,
    }
}

impl<'t> Path<'t> {
    fn whole_extension(schema: &'t super::schema::Schema) -> Self {
        Self { target: Target::Extension(schema) }
    }

    fn to(at: Located<'t>) -> Self {
        Self { target: Target::Attribute(at, None) }
    }

    /// True when the path leads to what only the server writes.
    fn is_read_only(&self) -> bool {
        match &self.target {
            Target::Extension(_) => false,
            Target::Attribute(at, _) => is_read_only(*at),
        }
    }
}

/// True for an extension that a client can have in a document, and neither write nor be shown in one (decision 0015).
fn is_empty_by_nature(schema: &super::schema::Schema) -> bool {
    schema.is_read_only() && schema.is_shown_on_request()
}

fn is_read_only(at: Located<'_>) -> bool {
    let is_read_only = |mutability| mutability == Mutability::ReadOnly;
    at.attribute.name == "schemas"
        || is_read_only(at.attribute.mutability)
        || at.part.is_some_and(|part| is_read_only(part.mutability))
}

#[cfg(test)]
mod tests;
