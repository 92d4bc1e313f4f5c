use std::collections::HashSet;

use serde_json::{Value, json};

use super::plan::{self, Step};
use super::references;
use super::request::{self, BulkRequest, Entry, Refused, SCHEMA, Target};
use crate::protocol::scim::error::ScimType;
use crate::protocol::scim::limits::{BulkLimits, Limits};
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::validation::Rules;

fn rules() -> Rules {
    Rules::new(Profile::Strict.tolerance(), Limits::default())
}

fn read(body: &Value) -> Result<BulkRequest, Refused> {
    request::read(body.as_object().unwrap().clone(), &Limits::default().bulk, &rules())
}

fn entries(operations: Value) -> Vec<Entry> {
    read(&json!({ "schemas": [SCHEMA], "Operations": operations })).unwrap().entries
}

fn post(name: &str, data: Value) -> Value {
    json!({ "method": "POST", "path": "/Users", "bulkId": name, "data": data })
}

/// Where each position of the request stands in the plan.
fn places(steps: &[Step]) -> Vec<usize> {
    let mut places = vec![usize::MAX; steps.iter().map(|step| step.positions.len()).sum()];
    for (place, step) in steps.iter().enumerate() {
        for position in &step.positions {
            places[*position] = place;
        }
    }
    places
}

#[test]
fn what_is_wrong_with_one_operation_stays_with_it() {
    let operation = |value: Value| entries(json!([value])).remove(0).operation;
    for (wrong, scim_type) in [
        (json!(7), ScimType::InvalidSyntax),
        (json!({ "method": "GET", "path": "/Users/1" }), ScimType::InvalidValue),
        (json!({ "method": "delete", "path": "/Users/1" }), ScimType::InvalidValue),
        (json!({ "method": "POST", "path": "/Users", "data": {} }), ScimType::InvalidValue),
        (json!({ "method": "POST", "path": "/Users", "bulkId": "", "data": {} }), ScimType::InvalidValue),
        (json!({ "method": "POST", "path": "/Users", "bulkId": 1, "data": {} }), ScimType::InvalidValue),
        (json!({ "method": "POST", "path": "/Users", "bulkId": "a" }), ScimType::InvalidSyntax),
        (json!({ "method": "POST", "path": "/Users", "bulkId": "a", "data": [] }), ScimType::InvalidSyntax),
        (json!({ "method": "POST", "path": "/Users/1", "bulkId": "a", "data": {} }), ScimType::InvalidPath),
        (json!({ "method": "POST", "path": "/Bulk", "bulkId": "a", "data": {} }), ScimType::InvalidPath),
        (json!({ "method": "POST", "path": "/Users/.search", "bulkId": "a", "data": {} }), ScimType::InvalidPath),
        (json!({ "method": "PUT", "path": "/Users", "data": {} }), ScimType::InvalidPath),
        (json!({ "method": "PUT", "path": "/Users/", "data": {} }), ScimType::InvalidPath),
        (json!({ "method": "PATCH", "path": "/Users/1/x", "data": {} }), ScimType::InvalidPath),
        (json!({ "method": "PATCH", "path": "Users/1", "data": {} }), ScimType::InvalidPath),
        (json!({ "method": "DELETE", "path": "/Me" }), ScimType::InvalidPath),
        (json!({ "method": "DELETE" }), ScimType::InvalidPath),
        (json!({ "method": "DELETE", "path": "/Users/1", "version": 3 }), ScimType::InvalidValue),
        (json!({ "method": "DELETE", "path": "/Users/1", "PATH": "/Users/2" }), ScimType::InvalidSyntax),
    ] {
        assert_eq!(operation(wrong.clone()).unwrap_err().scim_type, scim_type, "{wrong}");
    }
    let right = operation(json!({ "method": "DELETE", "path": "/Users/bulkId:x", "version": "W/\"3\"" })).unwrap();
    assert_eq!(right.target, Target::Created("x".to_owned()));
    assert!(right.condition.unwrap().holds(3));
}

#[test]
fn two_posts_of_one_name_are_both_refused() {
    let found = entries(json!([post("a", json!({})), post("b", json!({})), post("a", json!({}))]));
    let refused: Vec<bool> = found.iter().map(|entry| entry.operation.is_err()).collect();
    assert_eq!(refused, [true, false, true]);
    assert_eq!(found[2].bulk_id.as_deref(), Some("a"), "the answer repeats the name");
}

#[test]
fn a_body_that_is_no_bulk_request_is_refused_whole() {
    let delete = json!({ "method": "DELETE", "path": "/Users/1" });
    for body in [
        json!({ "Operations": [] }),
        json!({ "schemas": ["x"], "Operations": [] }),
        json!({ "schemas": [SCHEMA] }),
        json!({ "schemas": [SCHEMA], "Operations": {} }),
        json!({ "schemas": [SCHEMA], "failOnErrors": 0, "Operations": [] }),
        json!({ "schemas": [SCHEMA], "failOnErrors": "1", "Operations": [] }),
        json!({ "schemas": [SCHEMA], "failOnErrors": 1.5, "Operations": [] }),
    ] {
        assert!(matches!(read(&body), Err(Refused::Protocol(_))), "{body}");
    }
    let limits = BulkLimits { operations: 2, ..Limits::default().bulk };
    let of = |n: usize| json!({ "schemas": [SCHEMA], "Operations": vec![delete.clone(); n] });
    let read = |n| request::read(of(n).as_object().unwrap().clone(), &limits, &rules());
    assert_eq!(read(2).unwrap().entries.len(), 2);
    assert_eq!(read(3), Err(Refused::TooManyOperations(2)));
}

#[test]
fn references_are_found_where_they_can_stand_and_nowhere_else() {
    let data = json!({
        "members": [{ "value": "bulkId:a" }, "bulkId:b", { "value": "1", "$ref": "../Users/bulkId:c" }],
        "displayName": "see bulkId:x",
        "Operations": [{ "op": "remove", "path": "members[value eq \"bulkId:d\" or value eq \"bulkId:dd\"]" }],
    });
    let data = data.as_object().unwrap();
    let found: Vec<String> = references::of(data).into_iter().collect();
    assert_eq!(found, ["a", "b", "c", "d", "dd"]);
    let resolved = references::resolve(data, &|name| Some(format!("id-{name}"))).unwrap();
    let wanted = json!({
        "members": [{ "value": "id-a" }, "id-b", { "value": "1", "$ref": "../Users/id-c" }],
        "displayName": "see bulkId:x",
        "Operations": [{ "op": "remove", "path": "members[value eq \"id-d\" or value eq \"id-dd\"]" }],
    });
    assert_eq!(Value::Object(resolved), wanted);
    assert_eq!(references::resolve(data, &|name| (name != "b").then(String::new)), Err("b".to_owned()));
}

#[test]
fn what_refers_to_something_is_left_out_with_the_value_that_it_stands_in() {
    let data = json!({
        "userName": "ada",
        "members": [{ "value": "bulkId:a", "type": "User" }, { "value": "1" }, "bulkId:b"],
        "urn:x": { "manager": { "value": "bulkId:a" }, "department": "d" },
    });
    let wanted = json!({ "userName": "ada", "members": [{ "value": "1" }], "urn:x": { "department": "d" } });
    assert_eq!(Value::Object(references::without(data.as_object().unwrap())), wanted);
}

#[test]
fn what_is_referred_to_comes_first_and_the_rest_keeps_its_order() {
    let found = entries(json!([
        { "method": "PATCH", "path": "/Groups/bulkId:g", "data": { "value": "bulkId:u" } },
        { "method": "PUT", "path": "/Users/1", "data": { "manager": "bulkId:u" } },
        { "method": "DELETE", "path": "/Users/1" },
        post("u", json!({ "userName": "u" })),
        { "method": "POST", "path": "/Groups", "bulkId": "g", "data": { "members": ["bulkId:u"] } },
        post("v", json!({ "userName": "v" })),
    ]));
    let steps = plan::of(&found);
    let at = places(&steps);
    assert!(at[3] < at[4] && at[4] < at[0] && at[3] < at[1] && at[1] < at[2], "{at:?}");
    assert!(steps.iter().all(|step| !step.is_circle));
    let waits = |position: usize, other: usize| steps[at[position]].after.contains(&at[other]);
    assert!(waits(4, 3) && waits(0, 4) && waits(1, 3) && waits(2, 1), "{steps:?}");
    assert!(steps[at[5]].after.is_empty() && steps[at[3]].after.is_empty(), "{steps:?}");
}

#[test]
fn operations_that_meet_in_a_resource_or_a_user_name_wait_for_each_other() {
    let patch = |value: Value| json!({ "schemas": [], "Operations": [value] });
    let found = entries(json!([
        post("a", json!({ "userName": "Ada" })),
        post("b", json!({ "userName": "bob" })),
        { "method": "PATCH", "path": "/Users/1", "data": patch(json!({ "path": "userName", "value": "ADA" })) },
        { "method": "PATCH", "path": "/Groups/2", "data": patch(json!({ "path": "members", "value": ["3"] })) },
        { "method": "DELETE", "path": "/Users/3" },
        { "method": "PATCH", "path": "/Groups/2", "data": {} },
        { "method": "PATCH", "path": "/Groups/4", "data": patch(json!({ "path": "members", "value": ["5"] })) },
    ]));
    let after: Vec<Vec<usize>> = plan::of(&found).into_iter().map(|step| step.after).collect();
    assert_eq!(after, [vec![], vec![], vec![0], vec![], vec![3], vec![3], vec![]]);
}

#[test]
fn a_circle_is_one_step_and_its_neighbours_are_not_in_it() {
    let manager = |name: &str, other: &str| post(name, json!({ "manager": { "value": format!("bulkId:{other}") } }));
    let found = entries(json!([
        manager("outside", "a"),
        manager("a", "b"),
        manager("b", "c"),
        manager("c", "a"),
        manager("self", "self"),
        manager("x", "y"),
        manager("y", "x"),
        manager("lost", "nobody"),
    ]));
    let steps = plan::of(&found);
    let circles: HashSet<Vec<usize>> =
        steps.iter().filter(|step| step.is_circle).map(|step| step.positions.clone()).collect();
    assert_eq!(circles, HashSet::from([vec![1, 2, 3], vec![4], vec![5, 6]]));
    let at = places(&steps);
    assert!(at[1] < at[0], "{at:?}");
    assert_eq!(steps.iter().map(|step| step.positions.len()).sum::<usize>(), found.len());
}

#[test]
fn a_plan_of_ten_thousand_operations_in_a_chain_is_made_without_trouble() {
    let chain = |n: usize| post(&n.to_string(), json!({ "manager": format!("bulkId:{}", n + 1) }));
    let operations: Vec<Value> = (0..10_000).map(chain).collect();
    let limits = BulkLimits { operations: 10_000, ..Limits::default().bulk };
    let body = json!({ "schemas": [SCHEMA], "Operations": operations });
    let found = request::read(body.as_object().unwrap().clone(), &limits, &rules()).unwrap();
    let steps = plan::of(&found.entries);
    assert_eq!(steps.len(), 10_000);
    assert_eq!((steps[0].positions[0], steps[9_999].positions[0]), (9_999, 0));
}

#[test]
fn each_patch_of_a_bulk_request_has_its_share_of_the_comparisons() {
    let limits = Limits::default();
    assert_eq!(limits.in_bulk(0).patch_comparisons, limits.patch_comparisons);
    assert_eq!(limits.in_bulk(1).patch_comparisons, limits.patch_comparisons);
    assert_eq!(limits.in_bulk(1_000).patch_comparisons, limits.bulk.patch_comparisons / 1_000);
}

proptest::proptest! {
    #[test]
    fn every_operation_is_planned_once_behind_what_it_needs(edges in proptest::collection::vec((0_usize..12, 0_usize..12), 0..30)) {
        let names = |from: usize| edges.iter().filter(move |(f, _)| *f == from).map(|(_, to)| format!("bulkId:{to}"));
        let operations: Vec<Value> =
            (0..12).map(|n| post(&n.to_string(), json!({ "members": names(n).collect::<Vec<_>>() }))).collect();
        let steps = plan::of(&entries(Value::Array(operations)));
        let mut planned: Vec<usize> = steps.iter().flat_map(|step| step.positions.clone()).collect();
        planned.sort_unstable();
        proptest::prop_assert_eq!(planned, (0..12).collect::<Vec<_>>());
        let at = places(&steps);
        for (from, to) in &edges {
            proptest::prop_assert!(at[*to] <= at[*from]);
            proptest::prop_assert!(at[*to] < at[*from] || steps[at[*from]].is_circle);
        }
        for (place, step) in steps.iter().enumerate() {
            proptest::prop_assert!(step.after.iter().all(|other| *other < place));
        }
    }
}
