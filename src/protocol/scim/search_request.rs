//! What a query asks for: as parameters of a GET, or as the body of a POST to `.search` (RFC 7644, section 3.4.3), which
//! keeps values out of URLs.

use serde_json::Value;

use super::error::{ScimError, ScimType};
use super::json::{Object, get};
use super::message;
use super::validation::Rules;

/// The URN of the body.
pub const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// Where a query stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Carrier {
    /// In the URI of a GET, which is written down on its way.
    #[default]
    Uri,
    /// In the body of a POST.
    Body,
}

impl Carrier {
    /// What a query that stands here is refused with. RFC 7644, section 7.5.2: what is sensitive is so in a URI; in a body
    /// an attribute that cannot be searched is an invalid filter.
    pub fn refusal(self, error: ScimError) -> ScimError {
        match (self, error.scim_type) {
            (Self::Body, ScimType::Sensitive) => ScimError::filter(error.detail),
            _ => error,
        }
    }
}

/// A query, unparsed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchRequest {
    /// The filter.
    pub filter: Option<String>,
    /// The first resource, counted from one.
    pub start_index: Option<String>,
    /// At most this many.
    pub count: Option<String>,
    /// Where the page before ended (RFC 9865); empty for the first page.
    pub cursor: Option<String>,
    /// The attribute to sort by.
    pub sort_by: Option<String>,
    /// `ascending` or `descending`.
    pub sort_order: Option<String>,
    /// Names of attributes, separated by commas.
    pub attributes: Option<String>,
    /// The same, of those to leave out.
    pub excluded_attributes: Option<String>,
    /// Where it stood.
    pub carrier: Carrier,
}

impl SearchRequest {
    /// Everything that has to stay the same from page to page, as one text. Two different queries never have the same.
    pub fn identity(&self) -> String {
        let parts = [&self.filter, &self.sort_by, &self.sort_order, &self.attributes, &self.excluded_attributes];
        serde_json::json!(parts).to_string()
    }
}

/// Reads a body.
pub fn read(body: &Object, rules: &Rules) -> Result<SearchRequest, ScimError> {
    message::check(body, SCHEMA, rules)?;
    Ok(SearchRequest {
        filter: text(body, "filter")?,
        start_index: number(body, "startIndex")?,
        count: number(body, "count")?,
        cursor: text(body, "cursor")?,
        sort_by: text(body, "sortBy")?,
        sort_order: text(body, "sortOrder")?,
        attributes: names(body, "attributes")?,
        excluded_attributes: names(body, "excludedAttributes")?,
        carrier: Carrier::Body,
    })
}

fn text(body: &Object, name: &str) -> Result<Option<String>, ScimError> {
    match get(body, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ScimError::value(format!("{name} is not a text"))),
    }
}

fn number(body: &Object, name: &str) -> Result<Option<String>, ScimError> {
    match get(body, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(ScimError::value(format!("{name} is not a number"))),
    }
}

fn names(body: &Object, name: &str) -> Result<Option<String>, ScimError> {
    let wrong = || ScimError::value(format!("{name} is not an array of names"));
    match get(body, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(names)) => {
            let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
            Ok(Some(names.ok_or_else(wrong)?.join(",")))
        }
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Carrier, SCHEMA, SearchRequest, read};
    use crate::protocol::scim::limits::Limits;
    use crate::protocol::scim::tolerance::Profile;
    use crate::protocol::scim::validation::Rules;

    #[test]
    fn queries_differ_in_all_but_the_page() {
        let of = |filter: &str, sort_by: &str, count: &str| SearchRequest {
            filter: Some(filter.to_owned()),
            sort_by: Some(sort_by.to_owned()),
            count: Some(count.to_owned()),
            ..SearchRequest::default()
        };
        assert_eq!(of("a", "b", "1").identity(), of("a", "b", "2").identity());
        assert_ne!(of("a", "b", "1").identity(), of("a\",\"b", "", "1").identity());
        assert_ne!(of("a", "b", "1").identity(), of("b", "a", "1").identity());
    }

    #[test]
    fn a_body_says_what_parameters_say() {
        let rules = Rules::new(Profile::Strict.tolerance(), Limits::default());
        let body = json!({ "schemas": [SCHEMA], "filter": "title pr", "startIndex": 2, "attributes": ["id", "title"],
            "sortBy": "title", "sortOrder": "descending", "cursor": "" });
        let request = read(body.as_object().unwrap(), &rules).unwrap();
        assert_eq!(request.filter.as_deref(), Some("title pr"));
        assert_eq!(request.start_index.as_deref(), Some("2"));
        assert_eq!(request.attributes.as_deref(), Some("id,title"));
        assert_eq!((request.sort_by.as_deref(), request.sort_order.as_deref()), (Some("title"), Some("descending")));
        assert_eq!((request.cursor.as_deref(), request.carrier), (Some(""), Carrier::Body));
        for wrong in
            [json!({}), json!({ "schemas": [SCHEMA], "count": "x" }), json!({ "schemas": [SCHEMA], "filter": 1 })]
        {
            assert!(read(wrong.as_object().unwrap(), &rules).is_err(), "{wrong}");
        }
    }
}
