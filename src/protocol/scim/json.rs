//! The gate that every body passes: UTF-8 JSON, one object, bounded depth, no name twice, no NUL character.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::error::ScimError;
use super::limits::Limits;

/// An object of a SCIM document. Its members keep their order.
pub type Object = Map<String, Value>;

/// Reads a body. A name that stands twice in one object is refused, because two readers could see two documents.
pub fn parse_object(body: &[u8], limits: &Limits) -> Result<Object, ScimError> {
    let text = std::str::from_utf8(body).map_err(|_| ScimError::syntax("the body is not UTF-8"))?;
    let mut deserializer = serde_json::Deserializer::from_str(text.trim_start_matches('\u{FEFF}'));
    let value = Gate { levels_left: limits.json_depth }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| ScimError::syntax(format!("the body is not acceptable JSON: {error}")))?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(ScimError::syntax("the body is not a JSON object")),
    }
}

/// The member with this name in any case.
pub fn get<'o>(object: &'o Object, name: &str) -> Option<&'o Value> {
    object.get(name).or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// True for what RFC 7643, section 2.5, calls unassigned: absent, `null` and `[]` are one state.
pub fn is_unassigned(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

struct Gate {
    levels_left: usize,
}

impl Gate {
    fn below<E: serde::de::Error>(&self) -> Result<Self, E> {
        match self.levels_left.checked_sub(1) {
            Some(levels_left) => Ok(Self { levels_left }),
            None => Err(E::custom("it nests too deep")),
        }
    }
}

fn checked<E: serde::de::Error>(text: String) -> Result<String, E> {
    if text.contains('\0') { Err(E::custom("a text holds the NUL character")) } else { Ok(text) }
}

impl<'de> DeserializeSeed<'de> for Gate {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Gate {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        checked(value.to_owned()).map(Value::String)
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        checked(value).map(Value::String)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.below()?)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.below()?)?;
            if object.insert(checked(name)?, value).is_some() {
                return Err(A::Error::custom("a name stands twice in one object"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::parse_object;
    use crate::protocol::scim::error::ScimType;
    use crate::protocol::scim::limits::Limits;

    fn refused(body: &[u8]) -> bool {
        parse_object(body, &Limits::default()).is_err_and(|error| error.scim_type == ScimType::InvalidSyntax)
    }

    #[test]
    fn malformed_bodies_are_invalid_syntax() {
        for body in ["", "{", "[]", "null", "\"a\"", "{\"a\":1}x", "{\"a\":1e999}", "{'a':1}", "{\"a\":\"\\u0000\"}"] {
            assert!(refused(body.as_bytes()), "{body}");
        }
        assert!(refused(b"{\"a\":\"\xff\"}"));
    }

    #[test]
    fn a_name_twice_is_refused_at_any_depth() {
        assert!(refused(br#"{"a":1,"a":2}"#));
        assert!(refused(br#"{"b":[{"a":1,"a":2}]}"#));
    }

    #[test]
    fn depth_is_bounded_without_recursion_trouble() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(refused(deep.as_bytes()));
        assert!(parse_object(br#"{"a":[{"b":{"c":[1]}}]}"#, &Limits::default()).is_ok());
    }

    #[test]
    fn members_keep_their_order() {
        let object = parse_object(br#"{"z":1,"a":2}"#, &Limits::default()).unwrap();
        assert_eq!(serde_json::to_string(&object).unwrap(), r#"{"z":1,"a":2}"#);
    }
}
