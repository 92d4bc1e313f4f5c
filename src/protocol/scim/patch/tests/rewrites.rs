//! What is noted of a PATCH: which deviation was let pass, and which rule refuses.

use serde_json::{Value, json};

use super::{ENTERPRISE, USER, ada, object};
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::patch::{apply, request};
use crate::protocol::scim::resource_type::user;
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::validation::Rules;

/// What was rewritten by a request that succeeded, as `rule at`.
fn rewritten(profile: Profile, operations: Value) -> Vec<String> {
    let rules = Rules::new(profile.tolerance(), Limits::default());
    let body = json!({ "schemas": [request::SCHEMA], "Operations": operations });
    let operations = request::read(object(body), &rules).unwrap();
    apply(&object(ada()), operations, user(), &rules).unwrap();
    rules.rewrites.take().iter().map(|one| format!("{} {}", one.rule.as_str(), one.at)).collect()
}

#[test]
fn what_a_profile_let_pass_is_noted_and_what_keeps_to_the_standard_is_not() {
    for (operation, wanted) in [
        (json!({ "op": "replace", "path": "active", "value": false }), vec![]),
        (json!({ "op": "replace", "value": { "schemas": [USER], "meta": {}, "title": "x", "nope": 1 } }), vec![]),
        (
            json!({ "op": "Replace", "path": "active", "value": "False" }),
            vec!["verbs_in_any_case op", "loose_types active"],
        ),
        (
            json!({ "op": "replace", "value": { "id": "x", "name.givenName": "A" } }),
            vec!["read_only_values id", "path_keys name.givenName"],
        ),
        (json!({ "op": "add", "path": format!("{ENTERPRISE}:manager"), "value": "m" }), vec!["bare_values manager"]),
        (json!({ "op": "replace", "path": "title", "value": "" }), vec!["empty_text title"]),
        (json!({ "op": "remove", "path": "emails", "value": [{ "value": "x" }] }), vec!["removal_by_value emails"]),
        (
            json!({ "op": "remove", "path": "emails[type eq x]" }),
            vec!["bare_literals emails.type", "idle_removal emails"],
        ),
        (
            json!({ "op": "replace", "path": "roles[primary eq \"True\"].value", "value": "{\"id\":\"1\",\"value\":\"a\"}" }),
            vec!["loose_types roles.primary", "replace_creates roles", "json_text roles"],
        ),
    ] {
        assert_eq!(rewritten(Profile::Entra, json!([operation.clone()])), wanted, "{operation}");
    }
    assert_eq!(rewritten(Profile::Entra, json!([])), ["empty_operations Operations"]);
}

#[test]
fn a_refusal_names_what_refuses() {
    let rules = |profile: Profile| Rules::new(profile.tolerance(), Limits { patch_operations: 3, ..Limits::default() });
    for (profile, operations, wanted) in [
        (Profile::Standard, json!([]), "empty_operations"),
        (Profile::Strict, json!([{ "op": "Add", "path": "title", "value": "x" }]), "verbs_in_any_case"),
        (Profile::Strict, json!([{ "op": "replace", "value": { "id": "x" } }]), "read_only_values"),
        (Profile::Strict, json!([{ "op": "replace", "value": { "name.givenName": "x" } }]), "path_keys"),
        (Profile::Strict, json!([{ "op": "replace", "path": "active", "value": "false" }]), "loose_types"),
        (
            Profile::Strict,
            json!([{ "op": "remove", "path": "emails", "value": [{ "type": "x" }] }]),
            "removal_by_value",
        ),
        (
            Profile::Standard,
            json!([{ "op": "replace", "path": "ims[type eq \"x\"].value", "value": "x" }]),
            "replace_creates",
        ),
        (Profile::Standard, json!([{ "op": "remove", "path": "ims[type eq \"x\"]" }]), "idle_removal"),
        (Profile::Strict, json!([{ "op": "remove", "path": "emails[type eq x]" }]), "bare_literals"),
        (Profile::Standard, json!([{ "op": "remove" }]), "rfc7644:3.5.2.2"),
        (Profile::Standard, json!([{ "op": "add", "path": "title" }]), "rfc7644:3.5.2.1"),
        (Profile::Standard, json!(vec![json!({ "op": "remove", "path": "title" }); 4]), "limits.scim_patch_operations"),
    ] {
        let rules = rules(profile);
        let body = json!({ "schemas": [request::SCHEMA], "Operations": operations });
        let refused = request::read(object(body), &rules).and_then(|them| apply(&object(ada()), them, user(), &rules));
        assert_eq!(refused.unwrap_err().rule, wanted);
    }
}

/// An administrator reads what the gateway made of a removal whose path names everything.
#[test]
fn a_removal_by_value_is_noted_as_the_paths_that_it_was_read_as() {
    for (value, wanted) in [
        (json!([{ "value": "ada@home.test" }]), json!(["emails[value eq \"ada@home.test\"]"])),
        (
            json!([{ "type": "work", "value": "a\"b", "display": null }, "x@y.test"]),
            json!(["emails[value eq \"a\\\"b\" and type eq \"work\"]", "emails[value eq \"x@y.test\"]"]),
        ),
    ] {
        let rules = Rules::new(Profile::Entra.tolerance(), Limits::default());
        let body = json!({ "schemas": [request::SCHEMA], "Operations": [{ "op": "remove", "path": "emails", "value": value }] });
        let operations = request::read(object(body), &rules).unwrap();
        apply(&object(ada()), operations, user(), &rules).unwrap();
        let noted = rules.rewrites.take();
        let understood: Vec<&Value> = noted.iter().map(|one| &one.understood).collect();
        assert_eq!(understood, [&json!({ "path": wanted })]);
        for path in wanted.as_array().unwrap() {
            let alone = json!([{ "op": "remove", "path": path }]);
            assert!(
                !rewritten(Profile::Entra, alone).iter().any(|rule| rule.starts_with("removal_by_value")),
                "{path}"
            );
        }
    }
}
