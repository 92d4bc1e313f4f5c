//! Whatever a removal says, nothing goes that it does not name.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ENTERPRISE, USER, ada, members, patched, run};
use crate::protocol::scim::error::ScimType;
use crate::protocol::scim::filter::evaluate::matches_element;
use crate::protocol::scim::member::{self, MemberChange};
use crate::protocol::scim::resource_type::{Extension, ResourceType, user};
use crate::protocol::scim::schema::definition;
use crate::protocol::scim::tolerance::Profile;

/// What a removal may name: by its path, and by the value beside it.
fn a_removal() -> impl Strategy<Value = Value> {
    let paths = vec![
        "title",
        "name",
        "name.givenName",
        "emails",
        "Emails",
        "emails[type eq \"home\"]",
        "emails[value eq \"ada@work.test\"]",
        "emails[type eq \"home\"].value",
        "emails.display",
        "roles",
        ENTERPRISE,
        "members",
        "members[value eq \"a\"]",
        "members[value ne \"a\"]",
        "members[type eq \"Group\"]",
        "members[display eq \"Ada\"]",
        "members[not (display pr)]",
        "members[$ref eq \"https://id.test/Users/a\"]",
        "members[$ref ne \"https://id.test/Users/a\"]",
        "members[not ($ref pr)]",
        "members[value eq \"a\" or $ref ne \"https://id.test/Users/a\"]",
        "members[value eq \"z\" and $ref co \"a\"]",
        "nope",
        "",
    ];
    let item = prop_oneof![
        Just(json!(null)),
        Just(json!("")),
        Just(json!("a")),
        Just(json!("z")),
        Just(json!(7)),
        Just(json!([])),
        Just(json!({})),
        Just(json!("Countess")),
        Just(json!("ada@home.test")),
        Just(json!({ "value": "ADA@home.test" })),
        Just(json!({ "type": "work" })),
        Just(json!({ "type": "home", "value": "nobody@home.test" })),
        Just(json!({ "value": null })),
        Just(json!({ "value": "a", "$ref": null })),
        Just(json!({ "id": "a" })),
        Just(json!({ "givenName": "Ada" })),
        Just(json!({ "department": "R&D" })),
    ];
    let value = prop_oneof![
        2 => Just(None),
        3 => item.clone().prop_map(Some),
        3 => proptest::collection::vec(item, 0..4).prop_map(|items| Some(Value::Array(items))),
    ];
    (proptest::sample::select(paths), value).prop_map(|(path, value)| match value {
        Some(value) => json!({ "op": "remove", "path": path, "value": value }),
        None => json!({ "op": "remove", "path": path }),
    })
}

/// True when the removal names this element, by the letter of its path and of its value.
fn is_named(operation: &Value, element: &Value) -> bool {
    let path = operation["path"].as_str().unwrap();
    let says = |name: &str, text: &Value| {
        element[name].as_str().unwrap().eq_ignore_ascii_case(text.as_str().unwrap_or_default())
    };
    let by_path = match path.split_once('[') {
        None => true,
        Some((_, filter)) => {
            let words: Vec<&str> = filter.split(['"', ' ']).collect();
            says(words[0], &json!(words[3]))
        }
    };
    let items = match &operation["value"] {
        Value::Null if operation.get("value").is_none() || path.contains('[') => return by_path,
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    };
    by_path
        && items.iter().any(|item| match item {
            Value::Object(parts) => {
                let known: Vec<&str> = ["value", "type"].into_iter().filter(|name| !item[name].is_null()).collect();
                !known.is_empty() && parts.len() >= known.len() && known.iter().all(|name| says(name, &item[name]))
            }
            text => says("value", text),
        })
}

/// True when the removal has this id, in its path or in its value.
fn names(operation: &Value, id: &str) -> bool {
    let quoted = format!("\"{id}\"");
    operation["path"].as_str().unwrap().contains(&quoted) || operation["value"].to_string().contains(&quoted)
}

/// Each member of a group with everything that an answer shows of it.
fn team() -> [Value; 2] {
    [
        json!({ "value": "a", "type": "User", "display": "Ada", "$ref": "https://id.test/Users/a" }),
        json!({ "value": "b", "type": "Group", "$ref": "https://id.test/Groups/b" }),
    ]
}

/// True when the filter of the path names this member, by the letter of the path.
fn is_meant(path: &str, member: &Value) -> bool {
    let reference = member["$ref"] == "https://id.test/Users/a";
    match path.strip_prefix("members[").and_then(|filter| filter.strip_suffix(']')) {
        Some("value eq \"a\"") => member["value"] == "a",
        Some("value ne \"a\"") => member["value"] != "a",
        Some("type eq \"Group\"") => member["type"] == "Group",
        Some("display eq \"Ada\"") => member["display"] == "Ada",
        Some("not (display pr)") => member.get("display").is_none(),
        Some("$ref eq \"https://id.test/Users/a\"") => reference,
        Some("$ref ne \"https://id.test/Users/a\"") => !reference,
        Some("value eq \"a\" or $ref ne \"https://id.test/Users/a\"") => member["value"] == "a" || !reference,
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a removal says, under every profile: what goes was named, and what is not understood is refused.
    #[test]
    fn remove_never_removes_more_than_it_names(operation in a_removal(), profile in proptest::sample::select(Profile::ALL.to_vec())) {
        let says_value = operation.get("value").is_some_and(|value| !value.is_null());
        if let Ok(after) = patched(profile, operation.clone()) {
            for element in ada()["emails"].as_array().unwrap() {
                let stays = after["emails"].as_array().is_some_and(|left| left.iter().any(|one| one["type"] == element["type"]));
                prop_assert!(stays || is_named(&operation, element), "{operation} under {profile:?} took {element}");
            }
            for name in ["title", "name", ENTERPRISE] {
                let is_whole = after[name] == ada()[name] || operation["path"] == json!("name.givenName");
                prop_assert!(is_whole || !says_value || operation["value"] == ada()[name], "{operation} changed {name}");
            }
        }
        if let Ok(changes) = members(profile, operation.clone()) {
            for change in changes {
                match change {
                    MemberChange::ReplaceAll(ids) => prop_assert!(
                        ids.is_empty() && operation["path"] == "members" && operation.get("value").is_none(), "{operation}"
                    ),
                    MemberChange::Remove(ids) => for id in ids {
                        prop_assert!(names(&operation, &id), "{operation} removes {id}");
                    },
                    MemberChange::RemoveMatching(filter) => for shown in team() {
                        let text = |part: &str| shown[part].as_str();
                        let seen = member::element(text("value").unwrap(), text("type").unwrap(), text("display"));
                        let is_meant = is_meant(operation["path"].as_str().unwrap(), &shown);
                        prop_assert_eq!(matches_element(&filter, &seen), is_meant, "{} and {}", operation, shown);
                    },
                    other @ MemberChange::Add(_) => prop_assert!(false, "{operation} became {other:?}"),
                }
            }
        }
    }
}

/// What an answer shows of a member and no filter sees is refused, in every filter that looks at it.
#[test]
fn the_reference_of_a_member_is_nothing_to_find_members_by() {
    for filter in [
        "$ref eq \"https://id.test/Users/a\"",
        "$ref ne \"https://id.test/Users/a\"",
        "$REF pr",
        "not ($ref pr)",
        "value eq \"a\" or value eq \"b\" or $ref sw \"h\"",
        "type eq \"User\" and (display pr or $ref ne null)",
    ] {
        let path = format!("members[{filter}]");
        for profile in Profile::ALL {
            let removal = members(profile, json!({ "op": "remove", "path": path }));
            assert_eq!(removal, Err(ScimType::InvalidFilter), "{path} under {profile:?}");
        }
    }
    assert!(members(Profile::Standard, json!({ "op": "remove", "path": "members[display pr]" })).is_ok());
}

const OWN: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";

/// Users of an organization whose schema has lists of plain values.
fn with_lists() -> ResourceType {
    let list = |name: &str, kind: &str| json!({ "name": name, "type": kind, "multiValued": true });
    let mut exact = list("codes", "string");
    exact["caseExact"] = json!(true);
    let lists = [list("floors", "integer"), list("rates", "decimal"), list("tags", "string"), exact];
    let schema = json!({ "id": OWN, "name": "Lists", "attributes": lists });
    let schema = definition::read(schema.as_object().unwrap(), "x1:".to_owned(), 10).unwrap();
    user().with(vec![Extension { schema: Arc::new(schema), required: false }])
}

/// Values without parts are named as they are, and compared as their attribute is.
#[test]
fn plain_values_are_removed_by_value_as_they_are_compared() {
    let before = json!({ "floors": [7, 8, 9], "rates": [0.5, 2.0], "tags": ["Blue", "red"], "codes": ["A", "a"] });
    let mut document = ada();
    document["schemas"] = json!([USER, ENTERPRISE, OWN]);
    document[OWN] = before.clone();
    let removed = |path: &str, value: Value| {
        let operation = json!([{ "op": "remove", "path": format!("{OWN}:{path}"), "value": value }]);
        let patched = run(Profile::Standard, document.clone(), &with_lists(), operation);
        patched.map(|patched| patched.document[OWN].clone())
    };
    for (path, value, left) in [
        ("floors", json!([7]), json!([8, 9])),
        ("floors", json!(9), json!([7, 8])),
        ("floors", json!([{ "value": 8 }, 7]), json!([9])),
        ("floors", json!([70]), json!([7, 8, 9])),
        ("rates", json!([2]), json!([0.5])),
        ("tags", json!(["BLUE"]), json!(["red"])),
        ("tags", json!([{ "value": "Red" }]), json!(["Blue"])),
        ("codes", json!(["a"]), json!(["A"])),
    ] {
        let mut wanted = before.clone();
        wanted[path] = left;
        assert_eq!(removed(path, value.clone()), Ok(wanted), "{path} {value}");
    }
    for (path, value) in [("floors", json!([[7]])), ("floors", json!([{}])), ("tags", json!([{ "id": "Blue" }]))] {
        assert_eq!(removed(path, value.clone()), Err(ScimType::InvalidValue), "{path} {value}");
    }
}
