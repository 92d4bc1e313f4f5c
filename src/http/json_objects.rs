//! The JSON of a request, read into structs from objects alone. serde's derived structs take an array of their fields in order as well,
//! which no description of the API says. A member that stands twice is left for the struct to refuse.

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Number};

/// Reads the one object of `text`.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    match serde_json::from_slice(text)? {
        object @ Node::Object(_) => T::deserialize(object),
        _ => Err(Error::custom("the body is not a JSON object")),
    }
}

/// A value as it stands in the text.
enum Node {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Boolean(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        // JSON has no number that is not finite.
        Ok(Number::from_f64(value).map_or(Node::Null, Node::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(Node::Object(members))
    }
}

impl Node {
    fn into_object<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            object @ Self::Object(_) => object.deserialize_any(visitor),
            _ => Err(Error::custom("a JSON object is needed where there is another value")),
        }
    }
}

impl<'de> IntoDeserializer<'de, Error> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Boolean(value) => visitor.visit_bool(value),
            Self::Number(number) => number.deserialize_any(visitor),
            Self::Text(text) => visitor.visit_string(text),
            Self::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter());
                let value = visitor.visit_seq(&mut items)?;
                items.end().map(|()| value)
            }
            Self::Object(members) => {
                let mut members = MapDeserializer::new(members.into_iter());
                let value = visitor.visit_map(&mut members)?;
                members.end().map(|()| value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_none(),
            other => visitor.visit_some(other),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.into_object(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.into_object(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Text(variant) => visitor.visit_enum(variant.into_deserializer()),
            Self::Object(members) if members.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(members.into_iter())))
            }
            _ => Err(Error::custom("a text is needed where there is another value")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::read;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        name: String,
        count: Option<i64>,
        inner: Option<Inner>,
        kind: Option<Kind>,
        rest: Option<Value>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        flags: Vec<bool>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Small,
        Large(u8),
    }

    fn outer(text: &str) -> Result<Outer, String> {
        read(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_object_is_read_as_it_stands() {
        let text = r#"{"name":"a","count":-7,"inner":{"flags":[true]},"kind":"small","rest":{"b":[1.5,null,"c"]}}"#;
        let rest = Some(json!({ "b": [1.5, null, "c"] }));
        let inner = Some(Inner { flags: vec![true] });
        let all = Outer { name: "a".to_owned(), count: Some(-7), inner, kind: Some(Kind::Small), rest };
        assert_eq!(outer(text), Ok(all));
        assert_eq!(outer(r#"{"name":"a","kind":{"large":3},"count":null}"#).unwrap().kind, Some(Kind::Large(3)));
    }

    #[test]
    fn a_struct_is_read_from_an_object_alone() {
        for other in [r#"["a"]"#, "[]", r#""a""#, "null", "7"] {
            assert_eq!(outer(other), Err("the body is not a JSON object".to_owned()), "{other}");
        }
        for other in [r#"[[true]]"#, r#""flags""#, "7"] {
            let refused = outer(&format!(r#"{{"name":"a","inner":{other}}}"#)).unwrap_err();
            assert_eq!(refused, "a JSON object is needed where there is another value", "{other}");
        }
    }

    #[test]
    fn what_is_unknown_doubled_missing_or_of_another_type_is_refused() {
        for malformed in [
            r#"{"name":"a","nam":"b"}"#,
            r#"{"name":"a","name":"b"}"#,
            "{}",
            r#"{"name":7}"#,
            r#"{"name":"a","count":1.5}"#,
            r#"{"name":"a","kind":7}"#,
            r#"{"name":"a","kind":"huge"}"#,
            r#"{"name":"a","kind":{"large":3,"small":null}}"#,
            r#"{"name":"a"} x"#,
        ] {
            assert!(outer(malformed).is_err(), "{malformed}");
        }
    }
}
