//! How long a document may be as it is stored. Lists show many of them at once, so one request's bound is not enough.

use std::io::{self, Write};

use super::error::ScimError;
use super::json::Object;

/// Refuses a document whose JSON has more than `most` bytes. One that was longer `before` may stay as long, or get shorter.
pub fn check(document: &Object, before: Option<&Object>, most: usize) -> Result<(), ScimError> {
    let length = bytes(document);
    if length <= most || before.is_some_and(|before| length <= bytes(before)) {
        return Ok(());
    }
    let detail = format!("the resource would be longer than {most} bytes");
    Err(ScimError::value(detail).by("limits.scim_resource_bytes"))
}

/// The length of the JSON, which is counted and not made.
fn bytes(document: &Object) -> usize {
    let mut counter = Counter(0);
    // Counting cannot fail, and an object has nothing that JSON cannot say.
    let _ = serde_json::to_writer(&mut counter, document);
    counter.0
}

struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{bytes, check};
    use crate::protocol::scim::json::Object;

    fn titled(length: usize) -> Object {
        json!({ "title": "\u{e9}".repeat(length / 2) }).as_object().unwrap().clone()
    }

    #[test]
    fn a_document_is_as_long_as_its_json() {
        assert_eq!(bytes(&titled(10)), serde_json::to_string(&titled(10)).unwrap().len());
    }

    #[test]
    fn a_document_past_the_limit_is_refused_unless_it_was_as_long_before() {
        let limit = bytes(&titled(100));
        assert!(check(&titled(100), None, limit).is_ok());
        assert_eq!(check(&titled(102), None, limit).unwrap_err().rule, "limits.scim_resource_bytes");
        assert!(check(&titled(102), Some(&titled(100)), limit).is_err());
        assert!(check(&titled(102), Some(&titled(102)), limit).is_ok());
        assert!(check(&titled(102), Some(&titled(200)), limit).is_ok());
    }
}
