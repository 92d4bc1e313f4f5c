//! What may be kept of a request and its answer: their structure, and no personal data. Names of attributes, operations,
//! paths, ids, schemas, types and booleans stay; every other value becomes its kind and its length. A password leaves
//! nothing, not even its length.
//!
//! Nothing here refuses: a body that is no JSON, or a filter that does not parse, becomes its length.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::error;
use super::filter::ast::Operator;
use super::filter::lexer::{Token, tokens};
use super::json::{Object, get};
use super::limits::Limits;
use super::rewrite::Rewrite;

/// Elements of an array that are shown, and members of an object.
const MOST_ITEMS: usize = 10;
const MOST_MEMBERS: usize = 100;
/// The longest name and the longest URN that are shown.
const MOST_NAME_BYTES: usize = 200;
/// The longest text that is shown as a type or a keyword.
const MOST_KEYWORD_BYTES: usize = 20;
/// Parameters of a query that are shown.
const MOST_PARAMETERS: usize = 20;
const SECRET: &str = "‹secret›";
/// Segments of a path that name no resource.
const SEGMENTS: [&str; 9] =
    ["", "Users", "Groups", "Me", "Bulk", "Schemas", "ResourceTypes", "ServiceProviderConfig", ".search"];

/// A body, as it came.
pub fn body(bytes: &[u8]) -> Value {
    match serde_json::from_slice(bytes) {
        Ok(read) => value("", &read),
        Err(_) => format!("‹no JSON, {} bytes›", bytes.len()).into(),
    }
}

/// A rewrite as an administrator sees it.
pub fn rewrite(rewrite: &Rewrite) -> Value {
    let name = leaf(&rewrite.at);
    json!({
        "rule": rewrite.rule.as_str(),
        "at": attribute_path(&rewrite.at),
        "received": value(&name, &rewrite.received),
        "understood": value(&name, &rewrite.understood),
    })
}

/// The path of a request below the base URI of its organization.
pub fn path(path: &str) -> String {
    let mut is_schema = false;
    let segments = path.split('/').map(|segment| {
        let is_known = SEGMENTS.contains(&segment) || is_id(segment) || (is_schema && is_name(segment));
        is_schema = matches!(segment, "Schemas" | "ResourceTypes");
        if is_known { segment.to_owned() } else { masked(segment) }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The query of a request, readable: what a filter compares with is masked, names stay.
pub fn query(text: &str) -> String {
    let mut shown = Vec::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()).take(MOST_PARAMETERS) {
        let known = match name.to_ascii_lowercase().as_str() {
            "filter" => filter(&value),
            "attributes" | "excludedattributes" | "sortby" => {
                value.split(',').map(|one| attribute_path(one.trim())).collect::<Vec<_>>().join(",")
            }
            "sortorder" | "startindex" | "count" if is_keyword(&value) => value.into_owned(),
            _ if value.is_empty() => String::new(),
            _ => masked(&value),
        };
        let name = if is_name(&name) { name.into_owned() } else { masked(&name) };
        shown.push(if known.is_empty() { name } else { format!("{name}={known}") });
    }
    shown.join("&")
}

/// True for a query that names a password, of which the value cannot be told apart with certainty.
pub fn has_secret(query: &str) -> bool {
    let names = |text: &str| text.to_lowercase().contains("password");
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, value)| names(&name) || names(&value))
}

/// A path of a PATCH operation, or the name of an attribute.
pub fn attribute_path(text: &str) -> String {
    if is_name(text) || text.is_empty() {
        text.to_owned()
    } else if text.starts_with('/') {
        path(text)
    } else if text.contains('[') {
        filter(text)
    } else {
        masked(text)
    }
}

/// The original of a request without what must not be stored in any form.
pub fn without_secrets(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(without_secrets).collect()),
        Value::Object(members) => {
            let writes_secret = writes_secret(&members);
            let kept = members.into_iter().filter(|(name, _)| !is_secret(name)).map(|(name, value)| {
                let is_value = writes_secret && name.eq_ignore_ascii_case("value");
                (name, if is_value { SECRET.into() } else { without_secrets(value) })
            });
            Value::Object(kept.collect())
        }
        other => other,
    }
}

/// A text of JSON that is no longer than `limit`; of a longer one the beginning, as a text.
pub fn clipped(value: &Value, limit: usize) -> String {
    let text = value.to_string();
    if text.len() <= limit {
        return text;
    }
    let start: String = text.chars().take(limit / 8).collect();
    json!({ "‹cut›": format!("{} bytes", text.len()), "start": start }).to_string()
}

/// `value` under the name `name`, which says what a text may be.
fn value(name: &str, value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        Value::Number(number) => match name {
            "totalresults" | "startindex" | "itemsperpage" | "count" | "status" | "failonerrors" => value.clone(),
            _ => format!("‹number, {} digits›", number.to_string().len()).into(),
        },
        Value::String(text) => self::text(name, text).into(),
        Value::Array(items) => {
            let mut shown: Vec<Value> = items.iter().take(MOST_ITEMS).map(|item| self::value(name, item)).collect();
            if let Some(more) = items.len().checked_sub(MOST_ITEMS).filter(|more| *more > 0) {
                shown.push(format!("‹{more} more›").into());
            }
            Value::Array(shown)
        }
        Value::Object(members) => Value::Object(object(name, members)),
    }
}

fn object(name: &str, members: &Object) -> Object {
    let is_error = get(members, "schemas")
        .and_then(Value::as_array)
        .is_some_and(|urns| urns.iter().any(|urn| urn.as_str() == Some(error::SCHEMA)));
    // What a PATCH operation writes is named by its path.
    let target = get(members, "op").and(get(members, "path")).and_then(Value::as_str).map(leaf);
    let writes_secret = writes_secret(members);
    let mut shown = Object::new();
    for (key, member) in members.iter().take(MOST_MEMBERS) {
        let lower = leaf(key);
        let masked = match lower.as_str() {
            _ if is_secret(key) => SECRET.into(),
            "value" if writes_secret => SECRET.into(),
            "value" => value(target.as_deref().unwrap_or("value"), member),
            "detail" if is_error => member.clone(),
            _ if name == "meta" => meta(&lower, member),
            other => value(other, member),
        };
        shown.insert(attribute_path(key), masked);
    }
    if members.len() > MOST_MEMBERS {
        shown.insert("‹more›".to_owned(), members.len().saturating_sub(MOST_MEMBERS).into());
    }
    shown
}

/// What the server itself says about a resource, or a client sends back.
fn meta(name: &str, member: &Value) -> Value {
    match member.as_str() {
        Some(text) if matches!(name, "created" | "lastmodified") && is_instant(text) => member.clone(),
        Some(text) if name == "version" && text.starts_with("W/") && text.len() <= MOST_KEYWORD_BYTES => member.clone(),
        _ => value(name, member),
    }
}

fn text(name: &str, text: &str) -> String {
    let is_shown = text.is_empty()
        || is_id(text)
        || text.eq_ignore_ascii_case("true")
        || text.eq_ignore_ascii_case("false")
        || match name {
            "schemas" | "schema" | "schemaextensions" => is_name(text),
            "op" | "method" | "type" | "scimtype" | "resourcetype" | "sortorder" => is_keyword(text),
            "status" => text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()),
            _ => false,
        };
    match name {
        _ if is_shown => text.to_owned(),
        "path" | "attributes" | "excludedattributes" | "sortby" => attribute_path(text),
        "filter" => filter(text),
        "$ref" | "location" => reference(text),
        _ => masked(text),
    }
}

/// The end of a reference, when it is an id of a resource.
fn reference(text: &str) -> String {
    let mut segments = text.rsplit('/');
    match (segments.next(), segments.next()) {
        (Some(id), Some(kind)) if is_id(id) && SEGMENTS.contains(&kind) => format!("…/{kind}/{id}"),
        _ => masked(text),
    }
}

/// A filter, or a path with one: what it compares with is masked.
fn filter(text: &str) -> String {
    let Ok(tokens) = tokens(text, &Limits::default()) else {
        return format!("‹malformed, {} characters›", text.chars().count());
    };
    let mut state = Expected::Name;
    let mut compared = String::new();
    let mut shown = String::new();
    let mut tokens = tokens.iter().peekable();
    while let Some(token) = tokens.next() {
        let next = tokens.peek().copied();
        let piece = match (token, state) {
            (Token::Open, _) => "(".to_owned(),
            (Token::OpenBracket, _) => "[".to_owned(),
            (Token::Close, _) => ")".to_owned(),
            (Token::CloseBracket, _) => "]".to_owned(),
            (Token::Word(word), Expected::Name) if word.eq_ignore_ascii_case("not") => word.clone(),
            (Token::Word(word), Expected::Name) if is_name(word) && next.is_some_and(follows_name) => {
                compared = leaf(word);
                word.clone()
            }
            (Token::Word(word), Expected::Operator) if word.eq_ignore_ascii_case("pr") => word.clone(),
            (Token::Word(word), Expected::Operator) if Operator::parse(word).is_some() => word.clone(),
            (Token::Word(word), Expected::Joint) if is_joint(word) => word.clone(),
            (Token::Word(word), Expected::Joint) if word.starts_with('.') && is_name(word) => {
                compared = leaf(word);
                word.clone()
            }
            (_, Expected::Literal) if is_secret(&compared) => SECRET.to_owned(),
            (Token::Word(word), Expected::Literal) if word == "null" => word.clone(),
            (Token::Word(word), _) => self::text(&compared, word),
            (Token::Text(quoted), _) => format!("\"{}\"", self::text(&compared, quoted)),
        };
        state = state.after(token);
        let is_tight = shown.is_empty() || shown.ends_with(['(', '[']) || piece.starts_with([')', ']', '[', '.']);
        let _ = write!(shown, "{}{piece}", if is_tight { "" } else { " " });
    }
    shown
}

/// What comes next in a filter that is well-formed.
#[derive(Clone, Copy)]
enum Expected {
    Name,
    Operator,
    Literal,
    Joint,
}

impl Expected {
    fn after(self, token: &Token) -> Self {
        match (token, self) {
            (Token::Open | Token::OpenBracket, _) => Self::Name,
            (Token::Close | Token::CloseBracket, _) | (_, Self::Literal) => Self::Joint,
            (Token::Word(word), Self::Name) if word.eq_ignore_ascii_case("not") => Self::Name,
            (_, Self::Name) => Self::Operator,
            (Token::Word(word), Self::Operator) if word.eq_ignore_ascii_case("pr") => Self::Joint,
            (_, Self::Operator) => Self::Literal,
            (Token::Word(word), Self::Joint) if word.starts_with('.') => Self::Operator,
            (_, Self::Joint) => Self::Name,
        }
    }
}

fn follows_name(token: &Token) -> bool {
    match token {
        Token::OpenBracket => true,
        Token::Word(word) => word.eq_ignore_ascii_case("pr") || Operator::parse(word).is_some(),
        Token::Open | Token::Close | Token::CloseBracket | Token::Text(_) => false,
    }
}

fn is_joint(word: &str) -> bool {
    word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or")
}

fn masked(text: &str) -> String {
    match text.chars().count() {
        1 => "‹text, 1 character›".to_owned(),
        count => format!("‹text, {count} characters›"),
    }
}

/// The last part of a name or path, in small letters: `value` of `urn:x:User:emails[type eq "work"].value`.
fn leaf(name: &str) -> String {
    let behind = name.rsplit(']').next().unwrap_or(name);
    let behind = if behind.is_empty() { name.split('[').next().unwrap_or(name) } else { behind };
    behind.rsplit([':', '.']).next().unwrap_or(behind).to_ascii_lowercase()
}

/// True for every spelling of a path that leads to a password.
fn is_secret(name: &str) -> bool {
    name.split([':', '.', '[']).any(|part| part.trim().eq_ignore_ascii_case("password"))
}

fn writes_secret(operation: &Object) -> bool {
    get(operation, "path").and_then(Value::as_str).is_some_and(is_secret)
}

/// True for what can be the name of an attribute, a URN or a path of them.
fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'_' | b'-' | b'$' | b'/');
    !text.is_empty() && text.len() <= MOST_NAME_BYTES && text.bytes().all(is_part)
}

fn is_keyword(text: &str) -> bool {
    text.len() <= MOST_KEYWORD_BYTES && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// True for a UUID: whose, is not to be seen from it.
fn is_id(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_instant(text: &str) -> bool {
    text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_digit() || b"-:.+TZtz".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{attribute_path, body, clipped, filter, has_secret, path, query, without_secrets};

    const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
    const ID: &str = "0190a1b2-0000-7000-8000-000000000001";

    fn shown(body_of: Value) -> Value {
        body(body_of.to_string().as_bytes())
    }

    #[test]
    fn structure_stays_and_values_become_their_length() {
        let user = json!({
            "schemas": [USER], "id": ID, "userName": "ada@acme.test", "active": true, "title": null, "password": "hunter2",
            "emails": [{ "value": "ada@acme.test", "type": "work", "primary": true }], "nickName": "",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "employeeNumber": 701984 },
            "meta": { "resourceType": "User", "created": "2026-01-01T00:00:00.000Z", "version": "W/\"1\"",
                "location": format!("https://id.acme.test/scim/v2/acme/Users/{ID}") }
        });
        assert_eq!(
            shown(user),
            json!({
                "schemas": [USER], "id": ID, "userName": "‹text, 13 characters›", "active": true, "title": null,
                "password": "‹secret›", "nickName": "",
                "emails": [{ "value": "‹text, 13 characters›", "type": "work", "primary": true }],
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "employeeNumber": "‹number, 6 digits›" },
                "meta": { "resourceType": "User", "created": "2026-01-01T00:00:00.000Z", "version": "W/\"1\"",
                    "location": format!("…/Users/{ID}") }
            })
        );
    }

    #[test]
    fn operations_keep_their_verbs_paths_and_ids() {
        let operations = json!([
            { "op": "Replace", "path": "emails[type eq \"work\"].value", "value": "ada@acme.test" },
            { "op": "Replace", "path": "active", "value": "False" },
            { "op": "remove", "path": format!("members[value eq \"{ID}\"]") },
            { "op": "replace", "path": "password", "value": "hunter2" },
            { "op": "replace", "value": { "urn:x:User:password": "hunter2", "name.givenName": "Ada", "emails[type eq \"x\"].value": "a" } },
            { "op": "replace", "path": "type", "value": "Ada Lovelace of London" },
        ]);
        assert_eq!(
            shown(operations),
            json!([
                { "op": "Replace", "path": "emails[type eq \"work\"].value", "value": "‹text, 13 characters›" },
                { "op": "Replace", "path": "active", "value": "False" },
                { "op": "remove", "path": format!("members[value eq \"{ID}\"]") },
                { "op": "replace", "path": "password", "value": "‹secret›" },
                { "op": "replace", "value": { "urn:x:User:password": "‹secret›", "name.givenName": "‹text, 3 characters›",
                    "emails[type eq \"x\"].value": "‹text, 1 character›" } },
                { "op": "replace", "path": "type", "value": "‹text, 22 characters›" },
            ])
        );
    }

    #[test]
    fn long_lists_are_cut_and_what_is_no_json_is_only_counted() {
        let list = shown(json!({ "Resources": vec![json!({ "userName": "a" }); 12], "totalResults": 12 }));
        assert_eq!(list["Resources"][10], json!("‹2 more›"));
        assert_eq!((list["Resources"].as_array().unwrap().len(), &list["totalResults"]), (11, &json!(12)));
        assert_eq!(body(b"{\"userName\": \"ada"), json!("‹no JSON, 17 bytes›"));
        assert_eq!(body("[".repeat(5_000).as_bytes()), json!("‹no JSON, 5000 bytes›"));
        let cut: Value = serde_json::from_str(&clipped(&json!("x".repeat(1_000)), 800)).unwrap();
        assert_eq!(cut["‹cut›"], json!("1002 bytes"));
    }

    #[test]
    fn an_error_keeps_its_words_and_nothing_else_does() {
        let error = "urn:ietf:params:scim:api:messages:2.0:Error";
        let refused =
            json!({ "schemas": [error], "status": "400", "scimType": "invalidPath", "detail": "no such path" });
        assert_eq!(shown(refused.clone()), refused);
        assert_eq!(shown(json!({ "schemas": [USER], "detail": "Ada" }))["detail"], json!("‹text, 3 characters›"));
    }

    #[test]
    fn filters_keep_names_and_operators() {
        for (text, wanted) in [
            (r#"userName eq "ada@acme.test""#, r#"userName eq "‹text, 13 characters›""#),
            ("userName eq akadmin", "userName eq ‹text, 7 characters›"),
            (r#"emails[type eq "work"].value eq "x""#, r#"emails[type eq "work"].value eq "‹text, 1 character›""#),
            (
                r#"(title pr and not (active eq "True")) or id eq null"#,
                r#"(title pr and not (active eq "True")) or id eq null"#,
            ),
            (r#"password eq "hunter2""#, "password eq ‹secret›"),
            ("employeeNumber eq 12345", "employeeNumber eq ‹text, 5 characters›"),
            ("ada", "‹text, 3 characters›"),
            ("ada lovelace", "‹text, 3 characters› ‹text, 8 characters›"),
            (r#"userName eq "ada"#, "‹malformed, 16 characters›"),
            (r#"userName eq "a" ada"#, r#"userName eq "‹text, 1 character›" ‹text, 3 characters›"#),
        ] {
            assert_eq!(filter(text), wanted, "{text}");
        }
    }

    #[test]
    fn paths_and_queries_keep_no_literals() {
        assert_eq!(path(&format!("/Users/{ID}")), format!("/Users/{ID}"));
        assert_eq!(path("/Users/ada@acme.test"), "/Users/‹text, 13 characters›");
        assert_eq!(path(&format!("/Schemas/{USER}")), format!("/Schemas/{USER}"));
        assert_eq!(
            query("aadOptscim062020&filter=userName+eq+%22ada%22&count=10&attributes=id,emails.value&cursor=abc"),
            "aadOptscim062020&filter=userName eq \"‹text, 3 characters›\"&count=10&attributes=id,emails.value\
             &cursor=‹text, 3 characters›"
        );
        assert_eq!(attribute_path("ada lovelace"), "‹text, 12 characters›");
        assert!(has_secret("filter=%70ass%57ord+eq+%22hunter2%22") && !has_secret("filter=userName+pr"));
    }

    #[test]
    fn the_original_is_kept_without_passwords() {
        let original = json!({ "userName": "ada", "PassWord": "hunter2", "Operations": [
            { "op": "add", "path": "urn:x:User:password", "value": "hunter2" }, { "value": { "password": { "a": "hunter2" } } }
        ] });
        let kept = without_secrets(original);
        assert!(!kept.to_string().contains("hunter2"), "{kept}");
        assert_eq!(kept["userName"], json!("ada"));
    }
}
