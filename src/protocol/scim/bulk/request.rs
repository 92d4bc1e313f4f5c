//! The body of a bulk request.

use std::collections::HashMap;

use serde_json::Value;

use super::references;
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::etag::Condition;
use crate::protocol::scim::json::{Object, get};
use crate::protocol::scim::limits::BulkLimits;
use crate::protocol::scim::message;
use crate::protocol::scim::rewrite::Rule;
use crate::protocol::scim::validation::Rules;

/// The URN of the body.
pub const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// The longest `bulkId`.
const MAX_BULK_ID_BYTES: usize = 256;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Method {
    Post,
    Put,
    Patch,
    Delete,
}

/// The endpoints that bulk operations work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/Users`
    Users,
    /// `/Groups`
    Groups,
}

/// What the path of an operation names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The endpoint: a resource is to be created there.
    New,
    /// The resource with this id, as it was written.
    Resource(String),
    /// The resource that the POST with this `bulkId` creates.
    Created(String),
}

/// One operation that can be tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What it does.
    pub method: Method,
    /// Where.
    pub endpoint: Endpoint,
    /// To what.
    pub target: Target,
    /// With what; empty for DELETE.
    pub data: Object,
    /// The versions of the resource under which it is to be done.
    pub condition: Option<Condition>,
}

/// One operation as it stands in the request: what the answer repeats, and what it asks for or why that is nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The method as it was written.
    pub method: Option<String>,
    /// The client's name for what it creates.
    pub bulk_id: Option<String>,
    /// The operation.
    pub operation: Result<Operation, ScimError>,
}

/// A bulk request.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkRequest {
    /// After this many errors nothing more is tried.
    pub fail_on_errors: Option<usize>,
    /// The operations in their order.
    pub entries: Vec<Entry>,
}

/// Why a request was not read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It breaks a rule of the protocol.
    #[error(transparent)]
    Protocol(#[from] ScimError),
    /// It has more operations than this.
    #[error("more than {0} operations")]
    TooManyOperations(usize),
}

impl Method {
    /// The name of the method.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl Operation {
    /// The path of the resource that the operation names by its id.
    pub fn path(&self) -> Option<String> {
        match &self.target {
            Target::Resource(id) => Some(format!("{}/{id}", self.endpoint.as_str())),
            Target::New | Target::Created(_) => None,
        }
    }
}

impl Endpoint {
    /// The path of the endpoint.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Users => "/Users",
            Self::Groups => "/Groups",
        }
    }
}

/// Reads a body. Each operation is read by itself: one that cannot be understood fails alone.
pub fn read(body: Object, limits: &BulkLimits, rules: &Rules) -> Result<BulkRequest, Refused> {
    message::check(&body, SCHEMA, rules)?;
    let fail_on_errors = match get(&body, "failOnErrors") {
        None | Some(Value::Null) => None,
        Some(number) => {
            let number = number.as_u64().filter(|number| *number > 0);
            let number = number.ok_or_else(|| ScimError::value("failOnErrors is not a number above zero"))?;
            Some(usize::try_from(number).unwrap_or(usize::MAX))
        }
    };
    let operations = body.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("Operations")).map(|(_, value)| value);
    let Some(Value::Array(operations)) = operations else {
        return Err(ScimError::syntax("Operations is not an array").into());
    };
    if operations.len() > limits.operations {
        return Err(Refused::TooManyOperations(limits.operations));
    }
    let mut entries: Vec<Entry> = operations.into_iter().map(|value| entry(value, rules)).collect();
    refuse_doubles(&mut entries);
    Ok(BulkRequest { fail_on_errors, entries })
}

/// Two resources under one name cannot be told apart, so neither is created.
fn refuse_doubles(entries: &mut [Entry]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let creates = |entry: &Entry| entry.operation.as_ref().is_ok_and(|operation| operation.method == Method::Post);
    for name in entries.iter().filter(|entry| creates(entry)).filter_map(|entry| entry.bulk_id.clone()) {
        let count = seen.entry(name).or_default();
        *count = count.saturating_add(1);
    }
    for entry in entries.iter_mut().filter(|entry| creates(entry)) {
        if entry.bulk_id.as_ref().and_then(|name| seen.get(name)).is_some_and(|count| *count > 1) {
            entry.operation = Err(ScimError::value("another operation has this bulkId"));
        }
    }
}

fn entry(value: Value, rules: &Rules) -> Entry {
    let Value::Object(members) = value else {
        let operation = Err(ScimError::syntax("an operation is not an object"));
        return Entry { method: None, bulk_id: None, operation };
    };
    let text = |name: &str| get(&members, name).and_then(Value::as_str).map(str::to_owned);
    let (method, bulk_id) = (text("method"), text("bulkId"));
    Entry { operation: operation(members, rules), method, bulk_id }
}

fn operation(members: Object, rules: &Rules) -> Result<Operation, ScimError> {
    let (mut method, mut path, mut bulk_id, mut version, mut data) = (None, None, None, None, None);
    for (name, value) in members {
        let place = match name.to_ascii_lowercase().as_str() {
            "method" => &mut method,
            "path" => &mut path,
            "bulkid" => &mut bulk_id,
            "version" => &mut version,
            "data" => &mut data,
            _ => continue,
        };
        if place.replace(value).is_some() {
            return Err(ScimError::syntax(format!("{name} stands twice in an operation")));
        }
    }
    let method = read_method(method.as_ref(), rules)?;
    check_bulk_id(method, bulk_id.as_ref())?;
    let path = path.as_ref().and_then(Value::as_str).ok_or_else(|| ScimError::path("an operation has no path"))?;
    let (endpoint, target) = read_path(method, path)?;
    let condition = match version {
        None | Some(Value::Null) => None,
        Some(Value::String(version)) => Condition::read([Some(version.as_str())])?,
        Some(_) => return Err(ScimError::value("version is not a text")),
    };
    let data = match (method, data) {
        (Method::Delete, _) => Object::new(),
        (_, Some(Value::Object(data))) => data,
        _ => return Err(ScimError::syntax("data is not an object")),
    };
    // A version is of what is there already (RFC 7644, section 3.7: "if the method is PUT, PATCH, or DELETE").
    let condition = condition.filter(|_| method != Method::Post);
    Ok(Operation { method, endpoint, target, data, condition })
}

fn read_method(value: Option<&Value>, rules: &Rules) -> Result<Method, ScimError> {
    let name = value.and_then(Value::as_str).unwrap_or_default();
    let refused = || ScimError::value("method is not POST, PUT, PATCH or DELETE").by("rfc7644:3.7");
    let known = [Method::Post, Method::Put, Method::Patch, Method::Delete];
    let method = known.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(name)).ok_or_else(refused)?;
    if method.as_str() != name {
        if !rules.tolerance.verbs_in_any_case.is_understood() {
            return Err(refused().under(Rule::VerbsInAnyCase));
        }
        rules.note(Rule::VerbsInAnyCase, "method", name.into(), method.as_str().into());
    }
    Ok(method)
}

fn check_bulk_id(method: Method, value: Option<&Value>) -> Result<(), ScimError> {
    match value {
        Some(Value::String(name)) if (1..=MAX_BULK_ID_BYTES).contains(&name.len()) => Ok(()),
        None | Some(Value::Null) if method != Method::Post => Ok(()),
        // "REQUIRED when 'method' is 'POST'" (RFC 7644, section 3.7).
        None | Some(Value::Null) => Err(ScimError::value("a POST has no bulkId")),
        Some(_) => Err(ScimError::value(format!("bulkId is not a text of 1 to {MAX_BULK_ID_BYTES} bytes"))),
    }
}

/// The path of an operation, relative to the base URI.
fn read_path(method: Method, path: &str) -> Result<(Endpoint, Target), ScimError> {
    let unknown = || ScimError::path("a bulk operation is on /Users, /Groups or a resource below them");
    let mut parts = path.strip_prefix('/').ok_or_else(unknown)?.split('/');
    let endpoint = match parts.next() {
        Some("Users") => Endpoint::Users,
        Some("Groups") => Endpoint::Groups,
        _ => return Err(unknown()),
    };
    match (parts.next(), parts.next(), method) {
        (None, None, Method::Post) => Ok((endpoint, Target::New)),
        (None, None, _) => Err(ScimError::path("the path names no resource")),
        (Some(_), None, Method::Post) => Err(ScimError::path("a POST is to /Users or /Groups")),
        (Some(id), None, _) if !id.is_empty() && !id.starts_with('.') => Ok((
            endpoint,
            match id.strip_prefix(references::PREFIX) {
                Some(name) => Target::Created(name.to_owned()),
                None => Target::Resource(id.to_owned()),
            },
        )),
        _ => Err(unknown()),
    }
}
