//! List answers and the paging parameters of a query (RFC 7644, section 3.4.2).

use super::error::ScimError;
use super::limits::Limits;

/// The URN of a list answer.
pub const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// A page by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The first resource, counted from one.
    pub start_index: i64,
    /// At most this many; zero asks for the number of matches alone.
    pub count: i64,
}

impl Page {
    /// RFC 7644, section 3.4.2.4: "A value less than 1 SHALL be interpreted as 1", a negative count "as 0".
    pub fn read(start_index: Option<&str>, count: Option<&str>, limits: &Limits) -> Result<Self, ScimError> {
        let number = |name: &str, text: &str| {
            text.trim().parse::<i64>().map_err(|_| ScimError::value(format!("{name} is not a whole number")))
        };
        let start_index = start_index.map_or(Ok(1), |text| number("startIndex", text))?;
        let count = count.map_or(Ok(i64::from(limits.default_page)), |text| number("count", text))?;
        Ok(Self { start_index: start_index.max(1), count: count.clamp(0, i64::from(limits.max_page)) })
    }

    /// How many matches stand before the page.
    pub fn offset(&self) -> i64 {
        self.start_index.saturating_sub(1)
    }
}

/// The answer, from resources that are JSON text already.
pub fn body(total: i64, start_index: i64, resources: &[String]) -> String {
    let length: usize = resources.iter().map(|resource| resource.len().saturating_add(1)).sum();
    let mut body = String::with_capacity(length.saturating_add(160));
    body.push_str("{\"schemas\":[\"");
    body.push_str(SCHEMA);
    body.push_str(&format!(
        "\"],\"totalResults\":{total},\"startIndex\":{start_index},\"itemsPerPage\":{},\"Resources\":[",
        resources.len()
    ));
    for (index, resource) in resources.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        body.push_str(resource);
    }
    body.push_str("]}");
    body
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Page, body};
    use crate::protocol::scim::limits::Limits;

    #[test]
    fn numbers_out_of_range_are_brought_into_it() {
        let page = |start, count| Page::read(start, count, &Limits::default()).map(|p| (p.start_index, p.count));
        assert_eq!(page(None, None), Ok((1, 100)));
        assert_eq!(page(Some("0"), Some("-3")), Ok((1, 0)));
        assert_eq!(page(Some("-9"), Some("100000")), Ok((1, 200)));
        assert!(page(Some("x"), None).is_err());
        assert!(page(None, Some("99999999999999999999")).is_err());
    }

    #[test]
    fn the_body_is_json() {
        let read: Value = serde_json::from_str(&body(7, 3, &["{\"a\":1}".to_owned(), "{}".to_owned()])).unwrap();
        let wanted = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 7, "startIndex": 3, "itemsPerPage": 2, "Resources": [{ "a": 1 }, {}]
        });
        assert_eq!(read, wanted);
    }
}
