//! The one form in which values are compared, by the evaluator and by the store alike: a key, a text whose byte order
//! is the order of the values. Both sides of every comparison pass through here, so that they cannot disagree.

use serde_json::Value;

use super::attribute::Kind;
use crate::values::clock::Timestamp;
use crate::values::folding::fold;

/// The key of a value of an attribute of this kind; `None` when the value does not fit the kind.
pub fn key(kind: Kind, case_exact: bool, value: &Value) -> Option<String> {
    match kind {
        Kind::String | Kind::Reference | Kind::Binary => {
            let text = value.as_str()?;
            Some(if case_exact { text.to_owned() } else { fold(text) })
        }
        Kind::Boolean => value.as_bool().map(|is_true| is_true.to_string()),
        Kind::DateTime => Timestamp::parse_rfc3339(value.as_str()?).map(|at| integer_key(at.micros())),
        Kind::Integer => value.as_i64().map(integer_key),
        Kind::Decimal => value.as_f64().map(decimal_key),
        Kind::Complex => None,
    }
}

/// Shifts the range of `i64` to start at zero, in twenty digits.
fn integer_key(number: i64) -> String {
    format!("{:020}", i128::from(number) - i128::from(i64::MIN))
}

/// The number of a key that was made of a whole number or an instant (in microseconds).
pub fn integer_of(key: &str) -> Option<i64> {
    let shifted: i128 = key.parse().ok()?;
    i64::try_from(shifted.checked_add(i128::from(i64::MIN))?).ok()
}

/// IEEE 754 bits in an order that follows the numbers: negative numbers inverted, positive ones above them.
fn decimal_key(number: f64) -> String {
    let bits = (number + 0.0).to_bits();
    let ordered = if bits >> 63 == 1 { !bits } else { bits | (1 << 63) };
    format!("{ordered:016x}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::key;
    use crate::protocol::scim::attribute::Kind;

    #[test]
    fn keys_are_in_the_order_of_the_values() {
        let keys = |kind, values: Vec<serde_json::Value>| -> Vec<String> {
            values.iter().map(|value| key(kind, false, value).unwrap()).collect()
        };
        for sorted in [
            keys(Kind::Integer, vec![json!(i64::MIN), json!(-5), json!(0), json!(7), json!(i64::MAX)]),
            keys(Kind::Decimal, vec![json!(-1e300), json!(-0.5), json!(0.0), json!(0.25), json!(10)]),
            keys(
                Kind::DateTime,
                vec![json!("1960-01-01T00:00:00Z"), json!("2026-01-01T00:00:00+02:00"), json!("2026-01-01T00:00:00Z")],
            ),
        ] {
            assert!(sorted.is_sorted_by(|left, right| left < right), "{sorted:?}");
        }
    }

    #[test]
    fn the_same_instant_in_two_zones_has_one_key() {
        let of = |text: &str| key(Kind::DateTime, false, &json!(text));
        assert_eq!(of("2026-01-01T01:00:00+01:00"), of("2026-01-01T00:00:00.000Z"));
    }

    #[test]
    fn case_counts_only_where_the_schema_says_so() {
        assert_eq!(key(Kind::String, false, &json!("Ada")), Some("ada".to_owned()));
        assert_eq!(key(Kind::String, true, &json!("Ada")), Some("Ada".to_owned()));
        assert_eq!(key(Kind::Boolean, false, &json!("true")), None);
    }
}
