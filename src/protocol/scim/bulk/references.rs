//! References between the operations of a bulk request: a text `bulkId:NAME` stands for the id of the resource that the
//! POST of that name creates (RFC 7644, section 3.7.2). It stands alone as a value, at the end of a `$ref`, or quoted in
//! the path of a PATCH operation.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::protocol::scim::json::Object;

/// What a reference begins with.
pub const PREFIX: &str = "bulkId:";
/// How a reference begins in the filter of a path.
const QUOTED: &str = "\"bulkId:";

/// The names that `data` refers to.
pub fn of(data: &Object) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (key, value) in data {
        collect(key, value, &mut names);
    }
    names
}

fn collect(key: &str, value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => names.extend(in_text(key, text).into_iter().map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| collect(key, item, names)),
        Value::Object(members) => members.iter().for_each(|(key, value)| collect(key, value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The names in one text that stands under `key`.
fn in_text<'t>(key: &str, text: &'t str) -> Vec<&'t str> {
    if let Some(name) = text.strip_prefix(PREFIX) {
        return vec![name];
    }
    if key.eq_ignore_ascii_case("$ref") {
        return text.rsplit('/').next().and_then(|last| last.strip_prefix(PREFIX)).into_iter().collect();
    }
    if key.eq_ignore_ascii_case("path") {
        return text.split(QUOTED).skip(1).filter_map(|rest| rest.split('"').next()).collect();
    }
    Vec::new()
}

/// `data` with each reference replaced by the id that `id_of` knows. One that it does not know comes back as the error.
pub fn resolve(data: &Object, id_of: &impl Fn(&str) -> Option<String>) -> Result<Object, String> {
    data.iter().map(|(key, value)| Ok((key.clone(), resolved(key, value, id_of)?))).collect()
}

fn resolved(key: &str, value: &Value, id_of: &impl Fn(&str) -> Option<String>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => {
            let mut text = text.clone();
            for name in in_text(key, &text.clone()) {
                let id = id_of(name).ok_or_else(|| name.to_owned())?;
                text = text.replacen(&format!("{PREFIX}{name}"), &id, 1);
            }
            Value::String(text)
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| resolved(key, item, id_of)).collect::<Result<_, _>>()?)
        }
        Value::Object(members) => Value::Object(resolve(members, id_of)?),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

/// `data` without the values that refer to something: how the resources of a circle are created before any of them can
/// be named. A complex value whose `value` is a reference goes as a whole.
pub fn without(data: &Object) -> Object {
    data.iter().filter_map(|(key, value)| Some((key.clone(), stripped(key, value)?))).collect()
}

fn stripped(key: &str, value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => in_text(key, text).is_empty().then(|| value.clone()),
        Value::Array(items) => Some(Value::Array(items.iter().filter_map(|item| stripped(key, item)).collect())),
        Value::Object(members) => {
            let refers = |(name, value): (&String, &Value)| {
                name.eq_ignore_ascii_case("value") && value.as_str().is_some_and(|text| !in_text(name, text).is_empty())
            };
            if members.iter().any(refers) { None } else { Some(Value::Object(without(members))) }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.clone()),
    }
}
