//! List answers and the paging parameters of a query (RFC 7644, section 3.4.2; RFC 9865).

use super::error::{ScimError, ScimType};
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

/// How a client goes through a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paging {
    /// By the number of the first resource.
    Index(Page),
    /// By cursor; an empty one is the first page's.
    Cursor {
        /// The cursor.
        cursor: String,
        /// At most this many resources.
        count: i64,
    },
}

impl Paging {
    /// A cursor, even an empty one, asks for cursors (RFC 9865, section 2); without one the page is read by index.
    pub fn read(
        cursor: Option<&str>,
        start_index: Option<&str>,
        count: Option<&str>,
        limits: &Limits,
    ) -> Result<Self, ScimError> {
        let Some(cursor) = cursor else { return Page::read(start_index, count, limits).map(Self::Index) };
        if start_index.is_some() {
            return Err(ScimError::new(ScimType::InvalidCursor, "a page is named by cursor or by startIndex"));
        }
        let max = i64::from(limits.max_page);
        let read = |text: &str| text.trim().parse::<i64>().ok().filter(|count| (1..=max).contains(count));
        let count = match count {
            None => i64::from(limits.default_page),
            // "Count value must be between 1 - and maxPageSize".
            Some(text) => read(text).ok_or_else(|| {
                ScimError::new(ScimType::InvalidCount, format!("with a cursor, count is between 1 and {max}"))
            })?,
        };
        Ok(Self::Cursor { cursor: cursor.to_owned(), count })
    }
}

/// What a list says of itself.
#[derive(Debug, Clone, Default)]
pub struct Heading {
    /// How many resources there are on all pages.
    pub total: Option<i64>,
    /// The number of the first one, for a page by index.
    pub start_index: Option<i64>,
    /// The cursor of the next page.
    pub next: Option<String>,
    /// The cursor of the page before.
    pub previous: Option<String>,
}

/// A page by index.
pub fn body(total: i64, start_index: i64, resources: &[String]) -> String {
    page(&Heading { total: Some(total), start_index: Some(start_index), ..Heading::default() }, resources)
}

/// The answer, from resources that are JSON text already. Cursors need no escaping.
pub fn page(heading: &Heading, resources: &[String]) -> String {
    let length: usize = resources.iter().map(|resource| resource.len().saturating_add(1)).sum();
    let mut body = String::with_capacity(length.saturating_add(1_024));
    body.push_str("{\"schemas\":[\"");
    body.push_str(SCHEMA);
    body.push('"');
    body.push(']');
    for (name, number) in [("totalResults", heading.total), ("startIndex", heading.start_index)] {
        if let Some(number) = number {
            body.push_str(&format!(",\"{name}\":{number}"));
        }
    }
    for (name, cursor) in [("nextCursor", &heading.next), ("previousCursor", &heading.previous)] {
        if let Some(cursor) = cursor {
            body.push_str(&format!(",\"{name}\":\"{cursor}\""));
        }
    }
    body.push_str(&format!(",\"itemsPerPage\":{},\"Resources\":[", resources.len()));
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

    use super::{Heading, Page, Paging, body, page};
    use crate::protocol::scim::error::ScimType;
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

    /// RFC 9865, sections 2 and 2.1.
    #[test]
    fn a_cursor_asks_for_cursors_and_bounds_the_count() {
        let read = |cursor, start, count| Paging::read(cursor, start, count, &Limits::default());
        assert_eq!(read(Some(""), None, None), Ok(Paging::Cursor { cursor: String::new(), count: 100 }));
        assert_eq!(read(Some("x"), None, Some("1")), Ok(Paging::Cursor { cursor: "x".to_owned(), count: 1 }));
        assert!(matches!(read(None, Some("3"), Some("0")), Ok(Paging::Index(_))));
        for count in ["0", "-1", "201", "x", "1.5"] {
            assert_eq!(read(Some(""), None, Some(count)).unwrap_err().scim_type, ScimType::InvalidCount, "{count}");
        }
        assert_eq!(read(Some(""), Some("1"), None).unwrap_err().scim_type, ScimType::InvalidCursor);
    }

    #[test]
    fn a_page_by_cursor_has_no_index_and_may_have_no_total() {
        let heading = Heading { next: Some("abc".to_owned()), ..Heading::default() };
        let read: Value = serde_json::from_str(&page(&heading, &["{}".to_owned()])).unwrap();
        let wanted = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "nextCursor": "abc", "itemsPerPage": 1, "Resources": [{}]
        });
        assert_eq!(read, wanted);
    }
}
