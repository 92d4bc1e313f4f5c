//! What is not well formed gets a 400 in the API's own dialect, stores nothing, and harms nobody.

use serde_json::{Value, json};

use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::client;
use crate::support::organization::{Organization, text};

/// A call with any body: status, media type, code.
async fn post(acme: &Organization, path: &str, media_type: &str, body: Vec<u8>) -> (u16, String, String) {
    let request = client().post(format!("{}{path}", acme.api.base)).bearer_auth(acme.api.token());
    let answer = request.header("content-type", media_type).body(body).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let media_type = answer.headers()["content-type"].to_str().expect("text").to_owned();
    let body: Value = answer.json().await.expect("a JSON body");
    (status, media_type, text(&body, "code"))
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_bodies_are_refused_and_nothing_is_stored() {
    for engine in Engine::ALL {
        malformed_bodies(engine).await;
    }
}

/// Path, media type, body; status, code.
type Case = (&'static str, &'static str, Vec<u8>, u16, &'static str);

fn malformed_cases() -> Vec<Case> {
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    vec![
        ("/domains", "application/json", b"{".to_vec(), 400, "malformed"),
        ("/domains", "application/json", b"\xff\xfe".to_vec(), 400, "malformed"),
        ("/domains", "application/json", b"null".to_vec(), 400, "malformed"),
        ("/domains", "application/json", br#"{"name": ["a.test", "b.test"]}"#.to_vec(), 400, "malformed"),
        ("/domains", "application/json", br#"{"name": "a.test", "state": "verified"}"#.to_vec(), 400, "malformed"),
        ("/domains", "application/json", deep, 400, "malformed"),
        ("/domains", "application/json", br#"["a.test"]"#.to_vec(), 400, "malformed"),
        ("/scim-clients", "application/json", br#"["x", null]"#.to_vec(), 400, "malformed"),
        ("/connections", "application/json", br#"["saml", "x"]"#.to_vec(), 400, "malformed"),
        (
            "/domains",
            "application/json; charset=utf-16",
            br#"{"name": "a.test"}"#.to_vec(),
            415,
            "unsupported_media_type",
        ),
        ("/domains", "text/plain", br#"{"name": "a.test"}"#.to_vec(), 415, "unsupported_media_type"),
        ("/domains", "application/json", vec![b' '; 2 * 1024 * 1024], 413, "too_large"),
        ("/domains", "application/json", br#"{"name": "not a domain"}"#.to_vec(), 400, "invalid_domain"),
        ("/domains", "application/json", br#"{"name": "127.0.0.1"}"#.to_vec(), 400, "invalid_domain"),
        ("/domains", "application/json", br#"{"name": "co.uk"}"#.to_vec(), 400, "domain_not_claimable"),
        ("/domains", "application/json", br#"{"name": "gmail.com"}"#.to_vec(), 400, "domain_not_claimable"),
        ("/scim-clients", "application/json", br#"{"name": ""}"#.to_vec(), 400, "invalid_name"),
        ("/scim-clients", "application/json", br#"{"name": "x", "profile": "y"}"#.to_vec(), 400, "invalid_profile"),
        ("/admin-tokens", "application/json", br#"{"name": "x", "role": "god"}"#.to_vec(), 400, "role_not_givable"),
        (
            "/admin-tokens",
            "application/json",
            br#"{"name": "x", "role": "admin", "ttl_seconds": 0}"#.to_vec(),
            400,
            "invalid_ttl",
        ),
        (
            "/connections",
            "application/json",
            br#"{"name": "x", "protocol": "saml", "metadata_xml": "<!DOCTYPE x><x/>"}"#.to_vec(),
            400,
            "saml_metadata_document",
        ),
        ("/connections", "application/json", br#"{"name": "x", "protocol": "saml"}"#.to_vec(), 400, "invalid_provider"),
        (
            "/applications",
            "application/json",
            br#"{"name": "x", "redirect_uris": ["http://app.test/cb"]}"#.to_vec(),
            400,
            "invalid_redirect_uri",
        ),
        (
            "/applications",
            "application/json",
            br#"{"name": "x", "redirect_uris": []}"#.to_vec(),
            400,
            "invalid_redirect_uris",
        ),
    ]
}

async fn malformed_bodies(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    for (path, media_type, body, status, code) in malformed_cases() {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let answered = post(&acme, path, media_type, body).await;
        assert_eq!(answered, (status, "application/problem+json".to_owned(), code.to_owned()), "{path} {shown}");
    }
    for list in ["/domains", "/scim-clients", "/connections", "/applications"] {
        assert_eq!(acme.api.get(list).await.expect(200)["items"], json!([]), "{list}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_answered_in_the_apis_own_words() {
    for engine in Engine::ALL {
        odd_queries(engine).await;
    }
}

/// A call without a body: status, media type, code.
async fn get(url: &str, token: Option<&str>) -> (u16, String, String) {
    let request = client().get(url);
    let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let media_type = answer.headers()["content-type"].to_str().expect("text").to_owned();
    let body: Value = answer.json().await.expect("a JSON body");
    (status, media_type, text(&body, "code"))
}

async fn odd_queries(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let operator = gateway.operator();
    let acme = Organization::create(&operator, "acme", "Acme").await;
    let problem = |status, code: &str| (status, "application/problem+json".to_owned(), code.to_owned());
    let organizations = format!("{}/api/v1/operator/orgs", gateway.url);
    let lists = ["domains", "connections", "applications", "admin-tokens", "scim-clients", "audit"];
    let lists = lists.map(|list| (format!("{}/{list}", acme.api.base), acme.api.token()));
    let lists: Vec<_> = lists.into_iter().chain([(organizations.clone(), operator.token())]).collect();
    for (list, token) in &lists {
        for query in ["limit=0", "limit=201", "limit=x", "limit=", "limit=1&limit=2", "after=x", "after=%00"] {
            let url = format!("{list}?{query}");
            assert_eq!(get(&url, Some(token)).await, problem(400, "invalid_page"), "{url}");
            assert_eq!(get(&url, None).await, problem(401, "unauthorized"), "{url}");
        }
        for query in ["limit=%FF", "limit=2&more=%FF", "limit=2&more=%"] {
            let url = format!("{list}?{query}");
            assert_eq!(get(&url, Some(token)).await, problem(400, "invalid_query"), "{url}");
        }
    }
    for path in ["%FF", "%FF/domains", "acme/domains/%FF", "%00/connections", "acme/nothing?x=%FF"] {
        let url = format!("{}/api/v1/orgs/{path}", gateway.url);
        assert_eq!(get(&url, Some(acme.api.token())).await, problem(404, "not_found"), "{url}");
    }
    acme.api.get("/domains?limit=2&more=%C3%BF").await.expect(200);
    let domains = format!("{}/domains", acme.api.base);
    odd_credentials(&domains, acme.api.token()).await;
    odd_credentials(&organizations, operator.token()).await;
    odd_bearer_tokens(&format!("{}/oauth2/userinfo", gateway.url)).await;
}

/// Of two credentials nobody can say which one counts, and what is no text is none.
async fn odd_credentials(url: &str, token: &str) {
    let header = reqwest::header::HeaderValue::from_bytes(b"Bearer \xff").expect("a header");
    let ask = || client().get(url);
    let malformed = [
        ask().bearer_auth(token).bearer_auth("x"),
        ask().header("authorization", header),
        ask().header("authorization", "Bearer"),
    ];
    for (number, request) in malformed.into_iter().enumerate() {
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 400, "{url}: case {number}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{url}: case {number}");
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body["code"], "malformed_credential", "{url}: case {number}");
    }
    for unknown in ["Basic eDp5", "Bearer x"] {
        let answer = ask().header("authorization", unknown).send().await.expect("an answer");
        assert_eq!(answer.status(), 401, "{url}: {unknown}");
    }
}

/// RFC 6750, 3.1: a malformed request is 400 `invalid_request`, a token that does not hold 401 `invalid_token`, and the challenge
/// is one for bearer tokens.
async fn odd_bearer_tokens(userinfo: &str) {
    let header = |bytes: &[u8]| reqwest::header::HeaderValue::from_bytes(bytes).expect("a header");
    let ask = || client().get(userinfo);
    let cases = [
        (ask().bearer_auth("x").bearer_auth("x"), 400, "invalid_request"),
        (ask().header("authorization", header(b"Bearer \xff")), 400, "invalid_request"),
        (client().post(userinfo).bearer_auth("x").form(&[("access_token", "x")]), 400, "invalid_request"),
        (ask().header("authorization", "Bearer"), 400, "invalid_request"),
        (ask().bearer_auth("x y"), 400, "invalid_request"),
        (ask().bearer_auth("x"), 401, "invalid_token"),
    ];
    for (number, (request, status, error)) in cases.into_iter().enumerate() {
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), status, "case {number}");
        let challenge = answer.headers()["www-authenticate"].to_str().expect("text");
        assert_eq!(challenge, format!("Bearer realm=\"causeway\", error=\"{error}\""), "case {number}");
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body["error"], error, "case {number}");
    }
    // Who comes with another scheme has presented nothing: the challenge has no error.
    let other = ask().header("authorization", "Basic eDp5").send().await.expect("an answer");
    assert_eq!(other.status(), 401);
    assert_eq!(other.headers()["www-authenticate"], "Bearer realm=\"causeway\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_leads_nowhere_is_answered_in_the_dialect_of_its_surface() {
    let gateway = Gateway::start(Engine::Sqlite, |_| {});
    for (path, media_type, name, word) in [
        ("/api", "application/problem+json", "code", "not_found"),
        ("/api/", "application/problem+json", "code", "not_found"),
        ("/api/v2/orgs", "application/problem+json", "code", "not_found"),
        ("/api/v1/nothing", "application/problem+json", "code", "not_found"),
        ("/oauth2", "application/json", "error", "invalid_request"),
        ("/oauth2/nothing", "application/json", "error", "invalid_request"),
    ] {
        let answer = client().get(format!("{}{path}", gateway.url)).send().await.expect("an answer");
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.headers()["content-type"], media_type, "{path}");
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!(body[name], word, "{path}");
    }
    let page = client().get(format!("{}/apis", gateway.url)).send().await.expect("an answer");
    assert!(page.status() == 404 && page.headers()["content-type"].to_str().is_ok_and(|kind| kind.contains("html")));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_do_not_reach_into_the_gateways_own_network() {
    for engine in Engine::ALL {
        own_network(engine).await;
    }
}

async fn own_network(engine: Engine) {
    let gateway = Gateway::start(engine, |settings| settings.allows_loopback = false);
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    for url in
        ["https://127.0.0.1/metadata", "https://169.254.169.254/latest", "http://idp.test/m", "file:///etc/passwd"]
    {
        let saml = json!({ "name": "x", "protocol": "saml", "metadata_url": url });
        assert_eq!(acme.api.post("/connections", saml).await.expect(400)["code"], "invalid_provider", "{url}");
        let oidc = json!({ "name": "x", "protocol": "oidc", "issuer": url, "client_id": "a", "client_secret": "b" });
        assert_eq!(acme.api.post("/connections", oidc).await.expect(400)["code"], "invalid_provider", "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_by_key_and_names_are_taken_once() {
    for engine in Engine::ALL {
        paged_lists(engine).await;
    }
}

async fn paged_lists(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let operator = gateway.operator();
    let acme = Organization::create(&operator, "acme", "Acme").await;
    for n in 0..5 {
        acme.api.post("/domains", json!({ "name": format!("d{n}.test") })).await.expect(201);
    }
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let page = acme.api.get(&format!("/domains?limit=2{after}")).await.expect(200);
        names.extend(page["items"].as_array().expect("items").iter().map(|item| text(item, "name")));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(names, ["d0.test", "d1.test", "d2.test", "d3.test", "d4.test"]);
    let again = acme.api.post("/domains", json!({ "name": "D0.TEST" })).await;
    assert_eq!(again.expect(409)["code"], "domain_already_claimed");
    let taken = json!({ "slug": "acme", "name": "Other", "owner_email": "owner@other.test" });
    assert_eq!(operator.post("/api/v1/operator/orgs", taken).await.expect(409)["code"], "slug_taken");
}
