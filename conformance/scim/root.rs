//! Searches over all types, at the root: by GET on the base URI and by POST to `.search` (RFC 7644, sections 3.4.2, 3.4.2.1
//! and 3.4.3), and what no URI may carry (section 7.5.2).

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{GROUP, Scim, USER};
use crate::on_both_engines;
use crate::support::engine::Engine;
use crate::support::organization::Organization;
use crate::support::server::TestServer;

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// Two users, two groups, and a client.
async fn start(engine: Engine) -> (TestServer, Scim) {
    let server = TestServer::start(engine, |_| {}).await;
    let acme = Organization::create(&server.operator(), "acme", "Acme").await;
    let access = acme.scim_access().await;
    let scim = Scim::new(&access.base, &access.token);
    for (name, title) in [("bjensen", Some("Dr")), ("ada", None)] {
        scim.create("/Users", json!({ "schemas": [USER], "userName": name, "title": title })).await;
    }
    for name in ["Engineering", "Sales"] {
        scim.create("/Groups", json!({ "schemas": [GROUP], "displayName": name })).await;
    }
    (server, scim)
}

/// The names of what was found, in its order.
fn names(list: &Value) -> Vec<&str> {
    let resources = list["Resources"].as_array().expect("resources").iter();
    resources.map(|one| one["userName"].as_str().or(one["displayName"].as_str()).expect("a name")).collect()
}

/// What a filter finds at the root, which both ways of asking agree about.
async fn found(scim: &Scim, filter: &str) -> Vec<String> {
    let body = json!({ "schemas": [SEARCH], "filter": filter });
    let posted = scim.call(Method::POST, "/.search", Some(body)).await.expect(200);
    let escaped: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    for path in ["", "/"] {
        let got = scim.call(Method::GET, &format!("{path}?filter={escaped}"), None).await.expect(200);
        assert_eq!(got, posted, "GET {path}: {filter}");
    }
    names(&posted).into_iter().map(str::to_owned).collect()
}

/// Section 3.4.2.1: what is not part of a type is treated "as if there is no attribute value".
async fn an_attribute_that_a_type_lacks_has_no_value_there(engine: Engine) {
    let (server, scim) = start(engine).await;
    for (filter, wanted) in [
        (r#"displayName eq "Engineering" or userName eq "bjensen""#, vec!["bjensen", "Engineering"]),
        (r#"displayName sw "E" and not (userName pr)"#, vec!["Engineering"]),
        (r#"userName ne "bjensen""#, vec!["ada", "Engineering", "Sales"]),
        ("userName eq null", vec!["Engineering", "Sales"]),
        (r#"userName pr and not (title eq "Dr")"#, vec!["ada"]),
        (r#"not (emails[type eq "work"])"#, vec!["bjensen", "ada", "Engineering", "Sales"]),
        (r#"userName eq "nobody""#, vec![]),
    ] {
        assert_eq!(found(&scim, filter).await, wanted, "{filter} on {engine:?}");
    }
    let unknown = json!({ "schemas": [SEARCH], "filter": "userName pr or nope pr" });
    scim.call(Method::POST, "/.search", Some(unknown)).await.refused(400, Some("invalidFilter"));
    server.stop().await;
}

/// Section 3.4.2: a query on the base URI spans the resource types.
async fn the_base_uri_is_a_list_of_everything(engine: Engine) {
    let (server, scim) = start(engine).await;
    for path in ["", "/"] {
        let list = scim.call(Method::GET, path, None).await.expect(200);
        assert_eq!((&list["totalResults"], names(&list)), (&json!(4), vec!["bjensen", "ada", "Engineering", "Sales"]));
        let page =
            scim.call(Method::GET, &format!("{path}?startIndex=2&count=2&attributes=id"), None).await.expect(200);
        assert_eq!((&page["totalResults"], &page["itemsPerPage"]), (&json!(4), &json!(2)), "{page}");
        let first = scim.call(Method::GET, &format!("{path}?cursor=&count=3"), None).await.expect(200);
        let next = first["nextCursor"].as_str().expect("a cursor");
        let last = scim.call(Method::GET, &format!("{path}?cursor={next}&count=3"), None).await.expect(200);
        assert_eq!((names(&last), last.get("nextCursor")), (vec!["Sales"], None));
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            scim.call(method, path, Some(json!({ "schemas": [USER], "userName": "eve" }))).await.refused(405, None);
        }
        Scim::new(&scim.base, "").call(Method::GET, path, None).await.refused(401, None);
        Scim::new(&scim.base, "nobody").call(Method::GET, path, None).await.refused(401, None);
    }
    server.stop().await;
}

/// Section 7.5.2 and table 9: what is sensitive has no place in a URI. In a body it is only not searchable.
async fn what_is_sensitive_has_no_place_in_a_uri(engine: Engine) {
    let (server, scim) = start(engine).await;
    for path in ["/Users", "", "/"] {
        for filter in ["password%20eq%20%22secret%22", "userName%20pr%20and%20PASSWORD%20sw%20%22s%22"] {
            let reply = scim.call(Method::GET, &format!("{path}?filter={filter}"), None).await;
            reply.refused(403, Some("sensitive"));
        }
    }
    for path in ["/Users/.search", "/.search"] {
        let body = json!({ "schemas": [SEARCH], "filter": "password eq \"secret\"" });
        scim.call(Method::POST, path, Some(body)).await.refused(400, Some("invalidFilter"));
    }
    server.stop().await;
}

on_both_engines! {
    an_attribute_that_a_type_lacks_has_no_value_there => absent_on_sqlite, absent_on_postgres;
    the_base_uri_is_a_list_of_everything => root_on_sqlite, root_on_postgres;
    what_is_sensitive_has_no_place_in_a_uri => sensitive_on_sqlite, sensitive_on_postgres;
}
