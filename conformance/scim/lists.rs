//! Sorting, paging by index and by cursor, and what a query may cost, over HTTP on both engines.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::engine::Engine;
use crate::support::http::client;
use crate::support::organization::Organization;
use crate::support::server::TestServer;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// A SCIM client that reads lists.
struct Reader {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Reader {
    async fn of(organization: &Organization) -> Self {
        let access = organization.scim_access().await;
        Self { http: client(), base: access.base, token: access.token }
    }

    async fn create(&self, path: &str, body: Value) -> String {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token);
        let request = request.header("content-type", "application/scim+json").body(body.to_string());
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::CREATED);
        let body: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
        body["id"].as_str().expect("an id").to_owned()
    }

    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> (u16, Value) {
        let mut url = reqwest::Url::parse(&format!("{}{path}", self.base)).expect("a URL");
        url.query_pairs_mut().extend_pairs(parameters);
        let answer = self.http.get(url).bearer_auth(&self.token).send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON"))
    }

    async fn search(&self, path: &str, mut body: Value) -> (u16, Value) {
        body["schemas"] = json!([SEARCH]);
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token);
        let request = request.header("content-type", "application/scim+json").body(body.to_string());
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON"))
    }

    async fn refused(&self, parameters: &[(&str, &str)], scim_type: &str) -> String {
        let (status, body) = self.get("/Users", parameters).await;
        assert_eq!((status, body["scimType"].as_str()), (400, Some(scim_type)), "{parameters:?}: {body:#}");
        body["detail"].as_str().expect("a detail").to_owned()
    }
}

/// The names on a page, in its order.
fn names(list: &Value) -> Vec<String> {
    let name = |resource: &Value| resource["userName"].as_str().or(resource["displayName"].as_str()).map(str::to_owned);
    list["Resources"].as_array().expect("resources").iter().map(|one| name(one).expect("a name")).collect()
}

async fn start(engine: Engine, more: &str) -> (TestServer, Organization) {
    let server = TestServer::start(engine, |settings| settings.more.push_str(more)).await;
    let acme = Organization::create(&server.operator(), "acme", "Acme").await;
    (server, acme)
}

async fn people(reader: &Reader) {
    for (name, title) in [("dora", Some("b")), ("Ada", None), ("carl", Some("A")), ("bob", Some("a")), ("Eve", None)] {
        reader.create("/Users", json!({ "schemas": [USER], "userName": name, "title": title })).await;
    }
}

/// RFC 7644, sections 3.4.2.3 and 3.4.3; RFC 7643, section 5.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_sorted_as_asked_for_by_parameters_and_by_body() {
    for engine in Engine::ALL {
        let (server, acme) = start(engine, "").await;
        let reader = Reader::of(&acme).await;
        people(&reader).await;
        reader.create("/Groups", json!({ "schemas": [GROUP], "displayName": "all" })).await;
        let (_, config) = reader.get("/ServiceProviderConfig", &[]).await;
        assert_eq!(config["sort"]["supported"], true);
        for (parameters, wanted) in [
            (vec![("sortBy", "userName")], vec!["Ada", "bob", "carl", "dora", "Eve"]),
            (vec![("sortBy", "USERNAME"), ("sortOrder", "descending")], vec!["Eve", "dora", "carl", "bob", "Ada"]),
            (vec![("sortBy", "title")], vec!["carl", "bob", "dora", "Ada", "Eve"]),
            (vec![("sortBy", "title"), ("sortOrder", "descending")], vec!["Eve", "Ada", "dora", "bob", "carl"]),
            (vec![("sortBy", "title"), ("filter", "title pr"), ("startIndex", "2"), ("count", "1")], vec!["bob"]),
            (vec![("sortBy", "userName"), ("attributes", "userName"), ("count", "2")], vec!["Ada", "bob"]),
            (vec![("sortOrder", "descending")], vec!["dora", "Ada", "carl", "bob", "Eve"]),
        ] {
            let (status, list) = reader.get("/Users", &parameters).await;
            assert_eq!(
                (status, names(&list)),
                (200, wanted.iter().map(ToString::to_string).collect()),
                "{parameters:?}"
            );
            let mut body = json!({});
            for (name, value) in &parameters {
                body[*name] = match *name {
                    "count" | "startIndex" => json!(value.parse::<i64>().expect("a number")),
                    "attributes" => json!([value]),
                    _ => json!(value),
                };
            }
            assert_eq!(reader.search("/Users/.search", body).await, (200, list), "{parameters:?}");
        }
        let (status, list) =
            reader.search("/.search", json!({ "sortBy": "userName", "sortOrder": "descending" })).await;
        assert_eq!(
            (status, names(&list)),
            (200, ["all", "Eve", "dora", "carl", "bob", "Ada"].map(str::to_owned).to_vec())
        );
        for wrong in ["nope", "name", "password", "members", "urn:ietf:params:scim:schemas:core:2.0:User:nope"] {
            reader.refused(&[("sortBy", wrong)], "invalidValue").await;
        }
        reader.refused(&[("sortBy", "userName"), ("sortOrder", "up")], "invalidValue").await;
        server.stop().await;
    }
}

/// RFC 9865, sections 2, 2.1, 3 and 4.
#[tokio::test(flavor = "multi_thread")]
async fn cursors_lead_through_a_list_and_are_good_for_nothing_else() {
    for engine in Engine::ALL {
        let (server, acme) = start(engine, "[limits]\nscim_cursor_seconds = 600\n").await;
        let reader = Reader::of(&acme).await;
        people(&reader).await;
        let (_, config) = reader.get("/ServiceProviderConfig", &[]).await;
        let wanted = json!({ "cursor": true, "index": true, "defaultPaginationMethod": "index", "defaultPageSize": 100,
            "maxPageSize": 200, "cursorTimeout": 600 });
        assert_eq!(config["pagination"], wanted);
        let sorted = [("sortBy", "userName"), ("count", "2")];
        let (_, first) = reader.get("/Users", &[sorted[0], sorted[1], ("cursor", "")]).await;
        assert_eq!((names(&first), &first["totalResults"]), (vec!["Ada".to_owned(), "bob".to_owned()], &json!(5)));
        assert_eq!((first.get("previousCursor"), first.get("startIndex")), (None, None));
        let next = first["nextCursor"].as_str().expect("a cursor").to_owned();
        assert!(next.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)), "{next}");
        let (_, second) = reader.get("/Users", &[sorted[0], sorted[1], ("cursor", &next)]).await;
        assert_eq!(names(&second), ["carl", "dora"]);
        let body = json!({ "sortBy": "userName", "count": 2, "cursor": second["nextCursor"] });
        let (_, last) = reader.search("/Users/.search", body).await;
        assert_eq!((names(&last), last.get("nextCursor")), (vec!["Eve".to_owned()], None));
        let previous = second["previousCursor"].as_str().expect("a cursor");
        let (_, back) = reader.get("/Users", &[sorted[0], sorted[1], ("cursor", previous)]).await;
        assert_eq!((names(&back), back.get("previousCursor")), (names(&first), None));
        let (_, filtered) = reader.get("/Users", &[("filter", "title pr"), ("cursor", "")]).await;
        assert_eq!((filtered["itemsPerPage"].clone(), filtered.get("totalResults")), (json!(3), None));
        reader.refused(&[("sortBy", "title"), ("cursor", &next)], "invalidCursor").await;
        reader.refused(&[("cursor", &next)], "invalidCursor").await;
        reader.refused(&[("sortBy", "userName"), ("filter", "title pr"), ("cursor", &next)], "invalidCursor").await;
        reader.refused(&[("sortBy", "userName"), ("startIndex", "1"), ("cursor", &next)], "invalidCursor").await;
        reader.refused(&[("sortBy", "userName"), ("cursor", "abc")], "invalidCursor").await;
        for count in ["0", "-1", "201", "x"] {
            reader.refused(&[("cursor", ""), ("count", count)], "invalidCount").await;
        }
        let other = Reader::of(&acme).await;
        other.refused(&[sorted[0], ("cursor", &next)], "invalidCursor").await;
        server.clock.advance_seconds(601);
        reader.refused(&[sorted[0], ("cursor", &next)], "expiredCursor").await;
        server.stop().await;
    }
}

/// Issue B: what no index serves runs "under a row budget and past it answer 400 tooMany".
#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_no_index_serves_is_refused_in_a_large_organization() {
    for engine in Engine::ALL {
        let (server, acme) = start(engine, "[limits]\nscim_scan_rows = 4\n").await;
        let reader = Reader::of(&acme).await;
        people(&reader).await;
        let detail = reader.refused(&[("filter", "active eq true")], "tooMany").await;
        assert!(detail.contains("userName"), "it says what to filter by: {detail}");
        let detail = reader.refused(&[("sortBy", "title")], "tooMany").await;
        assert!(detail.contains("sort one type by userName"), "{detail}");
        for parameters in [
            [("filter", "active eq true and userName eq \"bob\""), ("sortBy", "title")],
            [("sortBy", "userName"), ("count", "1")],
            [("filter", "title sw \"a\""), ("count", "1")],
        ] {
            assert_eq!(reader.get("/Users", &parameters).await.0, 200, "{parameters:?}");
        }
        server.stop().await;
    }
}

/// Issue B: one large group keeps nobody from reading lists. A page ends before the second one; "itemsPerPage" and the cursor
/// say where to go on (RFC 7644, section 3.4.2.4).
#[tokio::test(flavor = "multi_thread")]
async fn groups_with_more_members_than_a_page_has_are_found_and_walked_along() {
    for engine in Engine::ALL {
        let (server, acme) = start(engine, "[limits]\nscim_page_members = 2\n").await;
        let reader = Reader::of(&acme).await;
        let mut people = Vec::new();
        for name in ["ada", "bob", "carl"] {
            let id = reader.create("/Users", json!({ "schemas": [USER], "userName": name })).await;
            people.push(json!({ "value": id }));
        }
        for (name, size) in [("small", 1), ("large", 3), ("none", 0), ("huge", 3), ("last", 1)] {
            let members = &people[..size];
            reader.create("/Groups", json!({ "schemas": [GROUP], "displayName": name, "members": members })).await;
        }
        let all = ["small", "large", "none", "huge", "last"];
        let sizes = |list: &Value| -> Vec<usize> {
            let resources = list["Resources"].as_array().expect("resources").iter();
            resources.map(|one| one["members"].as_array().map_or(0, Vec::len)).collect()
        };
        let (status, first) = reader.get("/Groups", &[]).await;
        assert_eq!((status, names(&first)), (200, all[..3].iter().map(ToString::to_string).collect()), "{engine:?}");
        assert_eq!(
            (&first["totalResults"], &first["itemsPerPage"], sizes(&first)),
            (&json!(5), &json!(3), vec![1, 3, 0])
        );
        let (_, second) = reader.get("/Groups", &[("startIndex", "4")]).await;
        assert_eq!((names(&second), sizes(&second)), (vec!["huge".to_owned(), "last".to_owned()], vec![3, 1]));
        for name in all {
            let (status, found) = reader.get("/Groups", &[("filter", &format!("displayName eq \"{name}\""))]).await;
            assert_eq!((status, names(&found)), (200, vec![name.to_owned()]), "{engine:?}");
        }
        let (mut walked, mut cursor) = (Vec::new(), String::new());
        loop {
            let (_, page) = reader.get("/Groups", &[("cursor", &cursor), ("sortBy", "displayName")]).await;
            walked.extend(names(&page));
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = next.to_owned();
        }
        assert_eq!(walked, ["huge", "large", "last", "none", "small"], "{engine:?}");
        let (_, without) = reader.get("/Groups", &[("excludedAttributes", "members")]).await;
        assert_eq!(names(&without).len(), 5, "{engine:?}: what is not shown is not counted");
        server.stop().await;
    }
}
