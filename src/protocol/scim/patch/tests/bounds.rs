//! What a PATCH may cost.

use serde_json::{Value, json};

use super::{ada, run};
use crate::protocol::scim::error::ScimType;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::resource_type::group;
use crate::protocol::scim::resource_type::user;
use crate::protocol::scim::tolerance::Profile;

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
        (json!({ "op": "replace", "path": "emails.display", "value": "x".repeat(200) }), 1_200),
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

#[test]
fn a_long_attribute_is_not_copied_for_each_operation() {
    let mut document = ada();
    document["name"]["formatted"] = json!("x".repeat(4_000_000));
    let operations = json!(vec![json!({ "op": "replace", "path": "name.givenName", "value": "Ada" }); 1_000]);
    let begun = std::time::Instant::now();
    assert!(run(Profile::Standard, document, user(), operations).is_ok());
    assert!(begun.elapsed() < std::time::Duration::from_secs(1), "{:?}", begun.elapsed());
}
