//! What each operation of a PATCH does to a resource, and what it refuses.

mod bounds;
mod immutable;
mod removal;
mod rewrites;

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

fn members(profile: Profile, operation: Value) -> Result<Vec<MemberChange>, ScimType> {
    let team = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "g" });
    run(profile, team, group(), json!([operation])).map(|patched| patched.members)
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

#[test]
fn a_part_of_a_member_is_not_taken_away_and_neither_are_the_members_instead() {
    for path in ["members.value", "members.$ref", "members.type", "members.display", "members[value eq \"a\"].display"]
    {
        let operation = json!({ "op": "remove", "path": path });
        assert_eq!(members(Profile::Standard, operation), Err(ScimType::Mutability), "{path}");
    }
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

#[test]
fn an_attribute_that_changes_keeps_its_place_in_the_document() {
    let changed = patched(Profile::Standard, json!({ "op": "replace", "path": "userName", "value": "eve" })).unwrap();
    let names = |document: &Value| document.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&changed), names(&ada()));
}

/// RFC 7643, section 2.4: "the same (type, value) combination more than once" is not returned.
#[test]
fn the_same_value_of_the_same_type_stands_once_whatever_makes_it() {
    let once = ada_with(|d| {
        d["emails"] = json!([{ "value": "ada@work.test", "type": "work", "primary": true, "display": "At work" }]);
    });
    let twice = [
        json!({ "value": "ada@work.test", "type": "work", "primary": true }),
        json!({ "value": "ada@work.test", "type": "work", "display": "At work" }),
    ];
    for operations in [
        json!([{ "op": "replace", "path": "emails", "value": twice }]),
        json!([{ "op": "replace", "value": { "emails": twice } }]),
        json!([{ "op": "replace", "path": "emails[type eq \"home\"]", "value": twice[1] }]),
        json!([
            { "op": "replace", "path": "emails[type eq \"home\"].display", "value": "At work" },
            { "op": "replace", "path": "emails[type eq \"home\"].value", "value": "ada@work.test" },
            { "op": "replace", "path": "emails[type eq \"home\"].type", "value": "work" },
        ]),
        json!([
            { "op": "remove", "path": "emails[type eq \"home\"]" },
            { "op": "add", "path": "emails", "value": [twice[1], twice[1]] },
        ]),
    ] {
        let patched = run(Profile::Standard, ada(), user(), operations.clone());
        assert_eq!(patched.map(|patched| Value::Object(patched.document)), once, "{operations}");
    }
}
