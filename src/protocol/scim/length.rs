//! How long a document may be as it is stored. Lists show many of them at once, so one request's bound is not enough.

use super::error::ScimError;

/// Refuses a stored document of more than `most` bytes. One that was longer `before` may stay as long, or get shorter, so that who is
/// in it can still be changed and shut out.
pub fn check(text: &str, before: Option<&str>, most: usize) -> Result<(), ScimError> {
    if text.len() <= most.max(before.map_or(0, str::len)) {
        return Ok(());
    }
    let detail = format!("the resource would be longer than {most} bytes");
    Err(ScimError::value(detail).by("limits.scim_resource_bytes"))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_document_past_the_limit_is_refused_unless_it_was_as_long_before() {
        let text = |length: usize| "x".repeat(length);
        assert!(check(&text(100), None, 100).is_ok());
        assert_eq!(check(&text(101), None, 100).unwrap_err().rule, "limits.scim_resource_bytes");
        assert!(check(&text(101), Some(&text(100)), 100).is_err());
        assert!(check(&text(101), Some(&text(101)), 100).is_ok());
        assert!(check(&text(101), Some(&text(200)), 100).is_ok());
    }
}
