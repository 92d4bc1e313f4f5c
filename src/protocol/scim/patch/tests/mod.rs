mod immutable;
mod removal;

use serde_json::{Value, json};

use super::{Patched, apply, request};
use crate::protocol::scim::error::ScimType;
use crate::protocol::scim::json::Object;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::member::MemberChange;
use crate::protocol::scim::resource_type::{ResourceType, group, user};
use crate::protocol::scim::schema::causeway_user::ID as OWN;
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::validation::Rules;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn object(value: Value) -> Object {
    value.as_object().unwrap().clone()
}

fn ada() -> Value {
    json!({
        "schemas": [USER, ENTERPRISE],
        "userName": "ada",
        "active": true,
        "name": { "givenName": "Ada", "familyName": "L" },
        "title": "Countess",
        "emails": [
            { "value": "ada@work.test", "type": "work", "primary": true },
            { "value": "ada@home.test", "type": "home" }
        ],
        ENTERPRISE: { "department": "R&D", "manager": { "value": "m1", "$ref": "../Users/m1" } }
    })
}

fn run(profile: Profile, document: Value, kind: &ResourceType, operations: Value) -> Result<Patched, ScimType> {
    let rules = Rules::new(profile.tolerance(), Limits::default());
    let body = json!({ "schemas": [request::SCHEMA], "Operations": operations });
    request::read(object(body), &rules)
        .and_then(|operations| apply(&object(document), operations, kind, &rules))
        .map_err(|error| error.scim_type)
}

fn patched(profile: Profile, operation: Value) -> Result<Value, ScimType> {
    run(profile, ada(), user(), json!([operation])).map(|patched| Value::Object(patched.document))
}

/// What `change` makes of Ada.
fn ada_with(change: impl FnOnce(&mut Value)) -> Result<Value, ScimType> {
    let mut document = ada();
    change(&mut document);
    Ok(document)
}

/// Decision 0015: what the gateway alone knows is written by nobody; a client that puts the extension there gets it back
/// as it can be sent, with nothing in it.
#[test]
fn an_extension_that_is_the_gateways_own_holds_nothing_of_a_client() {
    for (op, value) in [("add", json!({})), ("replace", json!({ "schemas": [OWN], "lockedReason": "mine" }))] {
        let added = patched(Profile::Standard, json!({ "op": op, "path": OWN, "value": value })).unwrap();
        assert_eq!((&added[OWN], &added["schemas"]), (&json!({}), &json!([USER, ENTERPRISE, OWN])), "{op}");
        let titled = json!([{ "op": "replace", "path": "title", "value": "Dr" }]);
        let kept = run(Profile::Standard, added.clone(), user(), titled).unwrap().document;
        assert_eq!((&kept[OWN], &kept["schemas"]), (&json!({}), &added["schemas"]));
    }
    let empty = patched(Profile::Standard, json!({ "op": "replace", "path": ENTERPRISE, "value": {} }));
    assert_eq!(empty, Ok(ada()), "an extension of which a client can write something is left as it is");
    let removal = patched(Profile::Standard, json!({ "op": "remove", "path": OWN }));
    assert_eq!(removal, Err(ScimType::Mutability));
    let own = patched(Profile::Standard, json!({ "op": "add", "path": format!("{OWN}:lockedReason"), "value": "x" }));
    assert_eq!(own, Err(ScimType::Mutability));
}

#[test]
fn add_sets_appends_and_keeps_what_is_there() {
    let standard = |operation| patched(Profile::Standard, operation);
    assert_eq!(
        standard(json!({ "op": "add", "path": "nickName", "value": "A" })),
        ada_with(|d| d["nickName"] = json!("A"))
    );
    assert_eq!(
        standard(json!({ "op": "ADD", "value": { "TITLE": "Lady", "name": { "middleName": "K" } } })),
        ada_with(|d| {
            d["title"] = json!("Lady");
            d["name"]["middleName"] = json!("K");
        })
    );
    let again = json!({ "op": "add", "path": "emails", "value": [{ "type": "home", "value": "ada@home.test" }] });
    assert_eq!(standard(again), Ok(ada()));
}

#[test]
fn a_new_primary_resets_the_old_one() {
    let operation = json!({ "op": "add", "path": "emails", "value": { "value": "n@x.test", "primary": true } });
    assert_eq!(
        patched(Profile::Standard, operation),
        ada_with(|d| {
            d["emails"][0]["primary"] = json!(false);
            d["emails"].as_array_mut().unwrap().push(json!({ "value": "n@x.test", "primary": true }));
        })
    );
    let by_filter = json!({ "op": "replace", "path": "emails[type eq \"home\"].primary", "value": true });
    assert_eq!(
        patched(Profile::Standard, by_filter),
        ada_with(|d| {
            d["emails"][0]["primary"] = json!(false);
            d["emails"][1]["primary"] = json!(true);
        })
    );
}

#[test]
fn replace_changes_what_the_path_names_and_nothing_else() {
    let standard = |operation| patched(Profile::Standard, operation);
    assert_eq!(
        standard(json!({ "op": "replace", "path": "name", "value": { "givenName": "Augusta" } })),
        ada_with(|d| d["name"]["givenName"] = json!("Augusta"))
    );
    assert_eq!(
        standard(json!({ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "a@w.test" })),
        ada_with(|d| d["emails"][0]["value"] = json!("a@w.test"))
    );
    assert_eq!(
        standard(json!({ "op": "replace", "path": "emails", "value": [{ "value": "only@x.test" }] })),
        ada_with(|d| d["emails"] = json!([{ "value": "only@x.test" }]))
    );
    assert_eq!(
        standard(json!({ "op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": { "value": "m2" } })),
        ada_with(|d| d[ENTERPRISE]["manager"] = json!({ "value": "m2" }))
    );
    assert_eq!(
        standard(json!({ "op": "replace", "path": "emails[type eq \"other\"].value", "value": "x" })),
        Err(ScimType::NoTarget)
    );
}

#[test]
fn remove_takes_away_what_it_names() {
    let standard = |operation| patched(Profile::Standard, operation);
    let without = |d: &mut Value, name: &str| {
        d.as_object_mut().unwrap().shift_remove(name);
    };
    assert_eq!(standard(json!({ "op": "remove", "path": "title" })), ada_with(|d| without(d, "title")));
    assert_eq!(
        standard(json!({ "op": "remove", "path": "emails[type eq \"home\"]" })),
        ada_with(|d| {
            d["emails"].as_array_mut().unwrap().pop();
        })
    );
    assert_eq!(
        standard(json!({ "op": "remove", "path": "emails", "value": [{ "value": "ADA@home.test" }] })),
        ada_with(|d| {
            d["emails"].as_array_mut().unwrap().pop();
        })
    );
    assert_eq!(
        standard(json!({ "op": "remove", "path": ENTERPRISE })),
        ada_with(|d| {
            without(d, ENTERPRISE);
            d["schemas"] = json!([USER]);
        })
    );
}

#[test]
fn what_cannot_be_done_is_refused_by_its_name() {
    for (operation, wanted) in [
        (json!({ "op": "remove" }), ScimType::NoTarget),
        (json!({ "op": "remove", "path": "userName" }), ScimType::Mutability),
        (json!({ "op": "remove", "path": "id" }), ScimType::Mutability),
        (json!({ "op": "remove", "path": "nope" }), ScimType::InvalidPath),
        (json!({ "op": "remove", "path": "emails[type eq \"other\"]" }), ScimType::NoTarget),
        (json!({ "op": "remove", "path": "emails", "value": 7 }), ScimType::InvalidValue),
        (json!({ "op": "remove", "path": "emails", "value": [{ "nope": "x" }] }), ScimType::InvalidValue),
        (json!({ "op": "remove", "path": "emails", "value": [[]] }), ScimType::InvalidValue),
        (json!({ "op": "replace", "path": "groups", "value": [] }), ScimType::Mutability),
        (json!({ "op": "replace", "path": "meta.version", "value": "x" }), ScimType::Mutability),
        (json!({ "op": "replace", "path": "userName", "value": "" }), ScimType::InvalidValue),
        (json!({ "op": "replace", "path": "userName", "value": null }), ScimType::InvalidValue),
        (json!({ "op": "add", "path": "title" }), ScimType::InvalidValue),
        (json!({ "op": "add", "value": "x" }), ScimType::InvalidValue),
        (json!({ "op": "add", "path": "emails[type eq]", "value": "x" }), ScimType::InvalidFilter),
        (json!({ "op": "add", "path": "emails[type eq \"x\"", "value": "x" }), ScimType::InvalidFilter),
        (json!({ "op": "add", "path": "title[value eq \"x\"]", "value": "x" }), ScimType::InvalidFilter),
        (json!({ "op": "add", "path": "title title", "value": "x" }), ScimType::InvalidPath),
        (json!({ "op": "add", "path": format!("{ENTERPRISE} x"), "value": {} }), ScimType::InvalidPath),
        (json!({ "op": "add", "path": "emails[type eq \"home\"].value x", "value": "x" }), ScimType::InvalidPath),
        (json!({ "op": "replace", "path": "emails.primary", "value": true }), ScimType::InvalidValue),
        (json!({ "op": "add", "OP": "add", "path": "title", "value": "x" }), ScimType::InvalidSyntax),
        (json!({ "op": "add", "path": "title", "PATH": "title", "value": "x" }), ScimType::InvalidSyntax),
        (json!({ "op": "add", "path": "title", "value": "x", "Value": "y" }), ScimType::InvalidSyntax),
        (json!({ "op": "add", "path": "__proto__.x", "value": "x" }), ScimType::InvalidPath),
        (json!({ "op": "move", "path": "title" }), ScimType::InvalidSyntax),
        (json!("remove"), ScimType::InvalidSyntax),
    ] {
        assert_eq!(patched(Profile::Standard, operation.clone()), Err(wanted), "{operation}");
    }
    assert_eq!(run(Profile::Standard, ada(), user(), json!([])).map(|_| ()), Err(ScimType::InvalidSyntax));
}

#[test]
fn a_body_that_is_no_patch_is_refused() {
    for (schemas, profile) in [(json!([USER]), Profile::Standard), (json!(null), Profile::Strict)] {
        let rules = Rules::new(profile.tolerance(), Limits::default());
        let body = json!({ "schemas": schemas, "Operations": [{ "op": "add", "path": "title", "value": "x" }] });
        let refused = request::read(object(body), &rules).map_err(|error| error.scim_type);
        assert_eq!(refused.map(|_| ()), Err(ScimType::InvalidSyntax), "{schemas}");
    }
}

#[test]
fn a_value_without_a_path_reaches_into_extensions() {
    let value = json!({ ENTERPRISE: { "department": "Sales", "manager": { "value": "m2", "displayName": "Eve" } } });
    let changed = patched(Profile::Standard, json!({ "op": "replace", "value": value })).unwrap();
    let wanted = ada_with(|d| d[ENTERPRISE] = json!({ "department": "Sales", "manager": { "value": "m2" } }));
    assert_eq!(Ok(changed), wanted);
    let sent = json!({ "op": "add", "value": { OWN: { "lockedReason": "mine" } } });
    assert_eq!(patched(Profile::Strict, sent), Err(ScimType::Mutability));
}

#[test]
fn an_object_added_to_what_a_filter_finds_keeps_the_rest_of_it() {
    let operation = json!({ "op": "add", "path": "emails[type eq \"home\"]", "value": { "display": "Home" } });
    let wanted = ada_with(|d| d["emails"][1]["display"] = json!("Home"));
    assert_eq!(patched(Profile::Standard, operation), wanted);
}

#[test]
fn an_error_in_the_last_operation_undoes_the_first() {
    let operations = json!([
        { "op": "replace", "path": "title", "value": "x" },
        { "op": "remove", "path": "userName" }
    ]);
    assert!(run(Profile::Standard, ada(), user(), operations).is_err());
}

#[test]
fn what_entra_sends_does_what_entra_means() {
    let entra = |operation| patched(Profile::Entra, operation);
    assert_eq!(
        entra(json!({ "op": "Replace", "path": "active", "value": "False" })),
        ada_with(|d| d["active"] = json!(false))
    );
    assert_eq!(
        entra(json!({ "op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": "m9" })),
        ada_with(|d| d[ENTERPRISE]["manager"] = json!({ "value": "m9" }))
    );
    assert_eq!(
        entra(json!({ "op": "Replace", "path": format!("{ENTERPRISE}:manager"), "value": "" })),
        ada_with(|d| {
            d[ENTERPRISE].as_object_mut().unwrap().shift_remove("manager");
        })
    );
    assert_eq!(
        entra(json!({ "op": "Replace", "path": "phoneNumbers[type eq \"Mobile\"].value", "value": "1" })),
        ada_with(|d| d["phoneNumbers"] = json!([{ "type": "Mobile", "value": "1" }]))
    );
    let keys = json!({
        "displayName": "x", "name.givenName": "y", format!("{ENTERPRISE}:employeeNumber"): "1",
        "emails[type eq \"work\"].value": "w@x.test", "id": "ignored", "nope.nope": 1
    });
    assert_eq!(
        entra(json!({ "op": "replace", "value": keys })),
        ada_with(|d| {
            d["displayName"] = json!("x");
            d["name"]["givenName"] = json!("y");
            d[ENTERPRISE]["employeeNumber"] = json!("1");
            d["emails"][0]["value"] = json!("w@x.test");
        })
    );
    assert_eq!(
        entra(json!({ "op": "replace", "path": "roles[primary eq \"True\"].value", "value": "{\"id\":\"1\"}" })),
        ada_with(|d| d["roles"] = json!([{ "primary": true, "value": "1" }]))
    );
}

#[test]
fn strict_clients_are_held_to_the_letter() {
    for operation in [
        json!({ "op": "replace", "path": "active", "value": "False" }),
        json!({ "op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": "m9" }),
        json!({ "op": "remove", "path": "emails", "value": [{ "value": "ada@home.test" }] }),
    ] {
        assert_eq!(patched(Profile::Strict, operation.clone()), Err(ScimType::InvalidValue), "{operation}");
    }
}

fn members(profile: Profile, operation: Value) -> Result<Vec<MemberChange>, ScimType> {
    let team = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "g" });
    run(profile, team, group(), json!([operation])).map(|patched| patched.members)
}

#[test]
fn member_operations_come_out_as_rows() {
    let standard = |operation| members(Profile::Standard, operation);
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    for (operation, wanted) in [
        (
            json!({ "op": "add", "path": "members", "value": [{ "value": "a", "$ref": null }, { "value": "b" }] }),
            MemberChange::Add(ids(&["a", "b"])),
        ),
        (json!({ "op": "add", "value": { "members": [{ "value": "a" }] } }), MemberChange::Add(ids(&["a"]))),
        (json!({ "op": "remove", "path": "members[value eq \"a\"]" }), MemberChange::Remove(ids(&["a"]))),
        (
            json!({ "op": "remove", "path": "members[value eq \"a\" or value eq \"b\"]" }),
            MemberChange::Remove(ids(&["a", "b"])),
        ),
        (
            json!({ "op": "Remove", "path": "members", "value": [{ "$ref": null, "value": "a" }] }),
            MemberChange::Remove(ids(&["a"])),
        ),
        (json!({ "op": "remove", "path": "members", "value": [] }), MemberChange::Remove(vec![])),
        (json!({ "op": "remove", "path": "members" }), MemberChange::ReplaceAll(vec![])),
        (json!({ "op": "replace", "path": "members", "value": [] }), MemberChange::ReplaceAll(vec![])),
        (
            json!({ "op": "replace", "value": { "id": "x", "displayName": "g", "members": [{ "value": "a" }] } }),
            MemberChange::ReplaceAll(ids(&["a"])),
        ),
    ] {
        assert_eq!(standard(operation.clone()), Ok(vec![wanted]), "{operation}");
    }
}

#[test]
fn a_removal_that_is_not_understood_removes_nothing() {
    for (operation, wanted) in [
        (json!({ "op": "remove", "path": "members", "value": 1 }), ScimType::InvalidValue),
        (json!({ "op": "remove", "path": "members", "value": [{ "id": "a" }] }), ScimType::InvalidValue),
        (json!({ "op": "remove", "path": "members[value eq \"a\"].display" }), ScimType::Mutability),
        (json!({ "op": "remove", "path": "members[nope eq \"a\"]" }), ScimType::InvalidFilter),
        (json!({ "op": "remove", "path": "members[value eq \"a\"" }), ScimType::InvalidFilter),
        (json!({ "op": "remove", "path": "Members.nope" }), ScimType::InvalidPath),
        (
            json!({ "op": "replace", "path": "members[value eq \"a\"]", "value": { "value": "b" } }),
            ScimType::Mutability,
        ),
    ] {
        for profile in Profile::ALL {
            assert_eq!(members(profile, operation.clone()), Err(wanted), "{operation}");
        }
    }
}

/// A user with this many e-mail addresses.
fn with_emails(count: usize) -> Value {
    let emails: Vec<Value> =
        (0..count).map(|n| json!({ "value": format!("a{n}@work.test"), "type": "work" })).collect();
    let mut user = ada();
    user["emails"] = json!(emails);
    user
}

fn any_of(terms: usize) -> String {
    (0..terms).map(|n| format!("value eq \"x{n}\"")).collect::<Vec<_>>().join(" or ")
}

#[test]
fn a_patch_compares_no_more_than_its_budget() {
    let filter = any_of(50);
    for operation in [
        json!({ "op": "remove", "path": format!("emails[{filter}]") }),
        json!({ "op": "add", "path": format!("emails[{filter}].display"), "value": "x" }),
        json!({ "op": "add", "path": format!("emails[{filter}]"), "value": { "display": "x" } }),
    ] {
        let many = |count| run(Profile::Entra, with_emails(200), user(), json!(vec![operation.clone(); count]));
        let once = many(1).unwrap().budget.left();
        assert!(Limits::default().patch_comparisons - once >= 200 * 50, "{operation}");
        assert!(many(5).is_ok(), "{operation}");
        assert_eq!(many(11), Err(ScimType::TooMany), "{operation}");
    }
}

#[test]
fn values_are_compared_and_copied_within_the_budget_too() {
    let list = with_emails(400)["emails"].clone();
    let long = "x".repeat(20_000);
    for (operation, at_least) in [
        (json!({ "op": "replace", "path": "emails", "value": list.clone() }), 10_000),
        (json!({ "op": "remove", "path": "emails", "value": list.as_array().unwrap()[..60].to_vec() }), 24_000),
        (json!({ "op": "replace", "path": "emails.display", "value": "x".repeat(2_000) }), 12_000),
    ] {
        let once = run(Profile::Entra, with_emails(400), user(), json!([operation])).unwrap();
        assert!(Limits::default().patch_comparisons - once.budget.left() >= at_least, "{operation}");
    }
    let copies = json!([{ "op": "replace", "path": "emails.display", "value": long }]);
    assert_eq!(run(Profile::Standard, with_emails(400), user(), copies), Err(ScimType::TooMany));
}

#[test]
fn members_are_found_by_ten_filters_at_most_and_by_any_number_of_ids() {
    let team = || json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "g" });
    let many = |path: &str, count: usize| {
        run(Profile::Standard, team(), group(), json!(vec![json!({ "op": "remove", "path": path }); count]))
    };
    assert!(many("members[display eq \"x\"]", 10).is_ok());
    assert_eq!(many("members[display eq \"x\"]", 11), Err(ScimType::TooMany));
    let by_id = many("members[value eq \"a\"]", 1_000).unwrap();
    assert_eq!((by_id.members.len(), by_id.budget.left()), (1_000, Limits::default().patch_comparisons));
}

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

#[test]
fn a_long_attribute_is_not_copied_for_each_operation() {
    let mut document = ada();
    document["name"]["formatted"] = json!("x".repeat(4_000_000));
    let operations = json!(vec![json!({ "op": "replace", "path": "name.givenName", "value": "Ada" }); 1_000]);
    let begun = std::time::Instant::now();
    assert!(run(Profile::Standard, document, user(), operations).is_ok());
    assert!(begun.elapsed() < std::time::Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[test]
fn a_resource_does_not_grow_over_the_length_of_a_body() {
    let rules = Rules::new(Profile::Standard.tolerance(), Limits { body_bytes: 2_000, ..Limits::default() });
    let add = |title: &str| {
        let body =
            json!({ "schemas": [request::SCHEMA], "Operations": [{ "op": "add", "path": "title", "value": title }] });
        apply(&object(ada()), request::read(object(body), &rules).unwrap(), user(), &rules)
    };
    assert!(add(&"x".repeat(1_500)).is_ok());
    assert_eq!(add(&"x".repeat(2_000)).map_err(|error| error.scim_type), Err(ScimType::InvalidValue));
}

#[test]
fn an_attribute_that_changes_keeps_its_place_in_the_document() {
    let changed = patched(Profile::Standard, json!({ "op": "replace", "path": "userName", "value": "eve" })).unwrap();
    let names = |document: &Value| document.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&changed), names(&ada()));
}
