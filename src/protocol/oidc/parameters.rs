//! The parameters of a request as `application/x-www-form-urlencoded` (a query or a body), read once and strictly:
//! bounded, well-formed, no control characters, empty values as if absent, repeated names remembered.

use crate::protocol::form::Fields;

/// The longest query or body that is read where no other bound is given.
pub const MAX_BYTES: usize = 16 * 1024;
const MAX_COUNT: usize = 64;

/// The text is too long, holds too many parameters, or is not well-formed and free of control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the parameters are malformed or too long")]
pub struct MalformedParameters;

/// Decoded parameters in the order they came.
#[derive(Debug, Clone)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
    repeated: Vec<String>,
}

impl Parameters {
    /// Decodes a query string (without `?`) or a form body.
    pub fn parse(raw: &str) -> Result<Self, MalformedParameters> {
        Self::parse_within(raw, MAX_BYTES)
    }

    /// The same, of at most `max_bytes`.
    pub fn parse_within(raw: &str, max_bytes: usize) -> Result<Self, MalformedParameters> {
        if raw.len() > max_bytes {
            return Err(MalformedParameters);
        }
        let mut parameters = Self { pairs: Vec::new(), repeated: Vec::new() };
        for (name, value) in Fields::parse(raw.as_bytes()).map_err(|_| MalformedParameters)?.into_pairs() {
            if parameters.pairs.len() == MAX_COUNT || !is_plain(&name) || !is_plain(&value) {
                return Err(MalformedParameters);
            }
            if parameters.raw(&name).is_some() {
                parameters.repeated.push(name);
            } else {
                parameters.pairs.push((name, value));
            }
        }
        Ok(parameters)
    }

    /// The value of `name`. RFC 6749, 3.1: "Parameters sent without a value MUST be treated as if they were omitted".
    pub fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// True when `name` came more than once.
    pub fn is_repeated(&self, name: &str) -> bool {
        self.repeated.iter().any(|repeated| repeated == name)
    }

    /// True when any name came more than once. RFC 6749, 3.1: parameters "MUST NOT be included more than once".
    pub fn has_repeated(&self) -> bool {
        !self.repeated.is_empty()
    }

    fn raw(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

// U+FFFD is what other readers make of broken UTF-8; whoever sends it has lost what was meant.
fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, Parameters};

    #[test]
    fn empty_values_count_as_absent_and_repeats_are_remembered() {
        let parameters = Parameters::parse("a=1&b=&c=x%20y+z&a=2").unwrap();
        assert_eq!(parameters.get("a"), Some("1"));
        assert_eq!(parameters.get("b"), None);
        assert_eq!(parameters.get("c"), Some("x y z"));
        assert!(parameters.is_repeated("a") && !parameters.is_repeated("c") && parameters.has_repeated());
    }

    #[test]
    fn an_empty_value_repeated_is_still_a_repeat() {
        assert!(Parameters::parse("a=&a=1").unwrap().is_repeated("a"));
    }

    #[test]
    fn control_characters_broken_encoding_and_excess_are_refused() {
        let many: String = (0..65).map(|n| format!("p{n}=1&")).collect();
        for bad in ["a=%00", "a=%0d%0aX:y", "a=%ff", "a=%f", "a=%zz", "a=%EF%BF%BD", &many, &"a".repeat(MAX_BYTES + 1)]
        {
            assert!(Parameters::parse(bad).is_err(), "{:.40}", bad);
        }
        assert!(Parameters::parse_within("a=1", 3).is_ok() && Parameters::parse_within("a=12", 3).is_err());
    }
}
