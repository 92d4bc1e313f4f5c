//! RFC 7644, section 3.4: how resources are found.

use reqwest::Method;
use serde_json::{Value, json};

use super::{World, fresh, lines, path, query};
use crate::support::organization::text;

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

lines! {
    "7644 §3.4.2 L817" => a_list_is_a_list_response,
    "7644 §3.4.2 L847" => nothing_found_is_no_error,
    "7644 §3.4.2.1 L916" => a_filter_holds_over_all_types,
    "7644 §3.4.2.2 L944" => an_empty_filter_is_refused,
    "7644 §3.4.2.2 L1001" => booleans_and_binaries_have_no_order,
    "7644 §3.4.2.2 L1127" => filters_follow_the_grammar,
    "7644 §3.4.2.2 L1197" => a_complex_attribute_is_filtered_by_its_part,
    "7644 §3.4.2.2 L1208" => an_unknown_operator_is_refused,
    "7644 §3.4.2.2 L1216" => text_is_compared_as_its_attribute_says,
    "7644 §3.4.2.3 L1316" => the_order_is_ascending_unless_said,
    "7644 §3.4.2.3 L1319" => the_order_is_the_attributes,
    "7644 §3.4.2.4 L1357" => a_start_before_the_first_is_the_first,
    "7644 §3.4.2.4 L1363" => a_page_is_no_longer_than_asked_for,
    "7644 §3.4.2.5 L1437" => attributes_are_chosen_and_left_out,
    "7644 §3.4.2.5 L1447" => what_is_always_returned_stays,
    "7644 §3.4.3 L1476" => a_search_by_post_is_a_search_request,
}

async fn refused(world: &World, filter: &str) {
    let path = format!("/Users?filter={}", query(filter));
    world.scim.call(Method::GET, &path, None).await.refused(400, Some("invalidFilter"));
}

async fn a_list_is_a_list_response(world: &World) {
    world.created(json!({})).await;
    let list = world.get("/Users?count=1").await;
    assert_eq!((&list["schemas"], &list["itemsPerPage"], &list["startIndex"]), (&json!([LIST]), &json!(1), &json!(1)));
}

async fn nothing_found_is_no_error(world: &World) {
    let list = world.get(&format!("/Users?filter={}", query("userName eq \"nobody@acme.test\""))).await;
    assert_eq!(list["totalResults"], 0);
    assert!(list["Resources"].as_array().is_none_or(Vec::is_empty));
}

async fn a_filter_holds_over_all_types(world: &World) {
    let own = fresh("Everywhere");
    let created = world.created(json!({ "displayName": own })).await;
    let group = world.scim.group(&own, &[]).await;
    let search = json!({ "schemas": [SEARCH], "filter": format!("displayName eq \"{own}\"") });
    let list = world.scim.call(Method::POST, "/.search", Some(search)).await.expect(200);
    let ids: Vec<&Value> = list["Resources"].as_array().expect("resources").iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, [&created["id"], &json!(group)]);
    let only_users = json!({ "schemas": [SEARCH], "filter": format!("userName pr and displayName eq \"{own}\"") });
    let list = world.scim.call(Method::POST, "/.search", Some(only_users)).await.expect(200);
    assert_eq!(list["totalResults"], 1, "what a type does not have, it has no value of");
}

async fn an_empty_filter_is_refused(world: &World) {
    refused(world, " ").await;
    refused(world, "()").await;
}

async fn booleans_and_binaries_have_no_order(world: &World) {
    for filter in ["active gt true", "active le false", "x509Certificates.value gt \"MII=\""] {
        refused(world, filter).await;
    }
}

async fn filters_follow_the_grammar(world: &World) {
    for filter in [
        "userName",
        "userName eq",
        "eq \"a\"",
        "userName eq \"a\" and",
        "not userName pr",
        "(userName pr",
        "userName pr)",
        "emails[type eq \"work\"",
        "a b c",
    ] {
        refused(world, filter).await;
    }
    let own = fresh("grammar");
    let id = text(
        &world.created(json!({ "title": own, "emails": [{ "value": "g@acme.test", "type": "work" }] })).await,
        "id",
    );
    for filter in [
        format!("title eq \"{own}\" and (userName pr or nickName pr)"),
        format!("not (title ne \"{own}\")"),
        format!("title sw \"gram\" and title eq \"{own}\" and emails[type eq \"work\" and value ew \"acme.test\"]"),
        format!("nickName pr and userName pr or title eq \"{own}\""),
    ] {
        assert_eq!(world.found(&filter).await, std::slice::from_ref(&id), "{filter}");
    }
}

async fn a_complex_attribute_is_filtered_by_its_part(world: &World) {
    let own = fresh("Family");
    let id = text(&world.created(json!({ "name": { "familyName": own } })).await, "id");
    assert_eq!(world.found(&format!("name.familyName eq \"{own}\"")).await, [id]);
    refused(world, &format!("name eq \"{own}\"")).await;
}

async fn an_unknown_operator_is_refused(world: &World) {
    for filter in ["userName like \"a\"", "userName == \"a\"", "userName regex \"a\""] {
        refused(world, filter).await;
    }
}

async fn text_is_compared_as_its_attribute_says(world: &World) {
    let own = fresh("Said-");
    let id = text(&world.created(json!({ "externalId": own, "nickName": own })).await, "id");
    assert_eq!(world.found(&format!("nickName eq \"{}\"", own.to_uppercase())).await, [id]);
    assert!(world.found(&format!("externalId eq \"{}\"", own.to_uppercase())).await.is_empty());
}

/// The nick names of three users, as they come back in this order.
async fn sorted(world: &World, names: &[String], order: &str) -> Vec<String> {
    let filter = names.iter().map(|name| format!("nickName eq \"{name}\"")).collect::<Vec<_>>().join(" or ");
    let list = world.get(&format!("/Users?sortBy=nickName{order}&filter={}", query(&filter))).await;
    list["Resources"].as_array().expect("users").iter().map(|user| text(user, "nickName")).collect()
}

async fn three(world: &World) -> Vec<String> {
    let own = fresh("n");
    let names: Vec<String> = ["b", "A", "c"].iter().map(|letter| format!("{letter}{own}")).collect();
    for name in &names {
        world.created(json!({ "nickName": name })).await;
    }
    names
}

async fn the_order_is_ascending_unless_said(world: &World) {
    let names = three(world).await;
    let (ascending, descending) =
        (sorted(world, &names, "").await, sorted(world, &names, "&sortOrder=descending").await);
    assert_eq!(ascending, [names[1].clone(), names[0].clone(), names[2].clone()]);
    assert_eq!(sorted(world, &names, "&sortOrder=ascending").await, ascending);
    assert_eq!(descending.into_iter().rev().collect::<Vec<_>>(), ascending);
}

async fn the_order_is_the_attributes(world: &World) {
    // nickName is not case-exact: the capital letter does not come before the small ones.
    let names = three(world).await;
    assert_eq!(sorted(world, &names, "").await[0], names[1]);
    let own = fresh("X");
    for id in ["b", "A"] {
        world.created(json!({ "externalId": format!("{id}{own}") })).await;
    }
    let filter = query(&format!("externalId ew \"{own}\""));
    let list = world.get(&format!("/Users?sortBy=externalId&filter={filter}")).await;
    assert_eq!(list["Resources"][0]["externalId"], format!("A{own}"), "externalId is case-exact");
}

async fn a_start_before_the_first_is_the_first(world: &World) {
    let first = world.get("/Users?startIndex=1&count=1").await;
    for start in ["0", "-7"] {
        assert_eq!(world.get(&format!("/Users?startIndex={start}&count=1")).await, first, "{start}");
    }
}

async fn a_page_is_no_longer_than_asked_for(world: &World) {
    for _ in 0..3 {
        world.created(json!({})).await;
    }
    for (count, most) in [("2", 2), ("0", 0), ("-1", 0), ("100000", 200)] {
        let list = world.get(&format!("/Users?count={count}")).await;
        assert!(list["Resources"].as_array().map_or(0, Vec::len) <= most, "{count}");
        assert!(list["totalResults"].as_u64() >= Some(3));
    }
}

async fn attributes_are_chosen_and_left_out(world: &World) {
    let created = world.created(json!({ "displayName": "Ada", "title": "Countess" })).await;
    let only = world.get(&format!("{}?attributes=title", path(&created))).await;
    assert_eq!((&only["title"], only.get("displayName")), (&json!("Countess"), None));
    let without = world.get(&format!("{}?excludedAttributes=title", path(&created))).await;
    assert_eq!((without.get("title"), &without["displayName"]), (None, &json!("Ada")));
    let both = format!("{}?attributes=title&excludedAttributes=name", path(&created));
    world.scim.call(Method::GET, &both, None).await.refused(400, Some("invalidValue"));
}

async fn what_is_always_returned_stays(world: &World) {
    let created = world.created(json!({})).await;
    let shown = world.get(&format!("{}?excludedAttributes=id,schemas", path(&created))).await;
    assert_eq!((&shown["id"], &shown["schemas"]), (&created["id"], &created["schemas"]));
}

async fn a_search_by_post_is_a_search_request(world: &World) {
    let odd = json!({ "schemas": [LIST], "filter": "userName pr" });
    world.strict.call(Method::POST, "/Users/.search", Some(odd)).await.refused(400, Some("invalidSyntax"));
    let search = json!({ "schemas": [SEARCH], "filter": "userName pr", "count": 1, "attributes": ["userName"] });
    let list = world.scim.call(Method::POST, "/Users/.search", Some(search)).await.expect(200);
    assert_eq!((&list["schemas"], &list["itemsPerPage"]), (&json!([LIST]), &json!(1)));
    assert!(list["Resources"][0].get("meta").is_none(), "{list}");
}
