//! The SCIM door over HTTP, on both engines: who may come in, how it refuses, and what a write leaves behind.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::client::{GROUP, Scim, USER};
use crate::on_both_engines;
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::organization::Organization;
use crate::support::server::TestServer;

/// Acme owns the domain of the addresses that it pushes, so its people are active at once (rule E29).
async fn start(engine: Engine) -> (TestServer, Scim, Scim) {
    let dns = Dns::start(&["acme.test"]);
    let server = TestServer::start(engine, |settings| settings.dns = Some(dns.address)).await;
    let operator = server.operator();
    let acme = Organization::create(&operator, "acme", "Acme").await;
    acme.own_domain(&dns, "acme.test").await;
    let (acme, globex) =
        (acme.scim_access().await, Organization::create(&operator, "globex", "Globex").await.scim_access().await);
    (server, Scim::new(&acme.base, &acme.token), Scim::new(&globex.base, &globex.token))
}

on_both_engines! {
    nobody_comes_in_without_a_live_token => nobody_comes_in_on_sqlite, nobody_comes_in_on_postgres;
    a_path_has_one_spelling => a_path_has_one_spelling_on_sqlite, a_path_has_one_spelling_on_postgres;
    every_refusal_is_scim_json => every_refusal_is_scim_json_on_sqlite, every_refusal_is_scim_json_on_postgres;
    a_user_lives_and_dies => a_user_lives_and_dies_on_sqlite, a_user_lives_and_dies_on_postgres;
    groups_keep_their_members => groups_keep_their_members_on_sqlite, groups_keep_their_members_on_postgres;
    races_have_one_winner => races_have_one_winner_on_sqlite, races_have_one_winner_on_postgres;
}

async fn nobody_comes_in_without_a_live_token(engine: Engine) {
    let (server, acme, globex) = start(engine).await;
    let id = acme.user("ada").await;
    let verbs = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let mut wrong = vec![Scim { token: String::new(), ..acme.clone() }];
    for token in ["x", &acme.token[1..], &acme.token[..acme.token.len() - 1], &acme.token.to_uppercase()] {
        wrong.push(Scim { token: token.to_owned(), ..acme.clone() });
    }
    for client in &wrong {
        for path in ["/Users", "/Groups", "/Me", "/Bulk", "/nope", &format!("/Users/{id}"), &format!("/Groups/{id}")] {
            for verb in &verbs {
                let reply = client.call(verb.clone(), path, Some(json!({}))).await;
                assert!([401, 405].contains(&reply.status.as_u16()), "{verb} {path}: {}", reply.status);
                let status = reply.status.as_u16();
                assert_eq!(reply.headers.contains_key("www-authenticate"), status == 401);
                reply.refused(status, None);
            }
        }
    }
    for open in
        ["/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", &format!("/Schemas/{USER}")]
    {
        wrong[0].call(Method::GET, open, None).await.expect(200);
    }
    // Another organization's client learns nothing, not even that the organization is there.
    let at_acme = Scim { token: globex.token.clone(), ..acme.clone() };
    let at_nobody = Scim { base: acme.base.replace("/acme", "/initech"), ..acme.clone() };
    let unknown = acme.call(Method::GET, "/Users/01900000-0000-7000-8000-000000000000", None).await.expect(404);
    for client in [&at_acme, &at_nobody] {
        for path in ["/Users".to_owned(), format!("/Users/{id}"), "/Users?filter=userName%20pr".to_owned()] {
            assert_eq!(client.call(Method::GET, &path, None).await.expect(404), unknown);
        }
        client.call(Method::DELETE, &format!("/Users/{id}"), None).await.refused(404, None);
    }
    assert_eq!(globex.call(Method::GET, &format!("/Users/{id}"), None).await.expect(404), unknown);
    server.stop().await;
}

async fn a_path_has_one_spelling(engine: Engine) {
    let (server, acme, _) = start(engine).await;
    acme.user("ada").await;
    let stranger = Scim { token: "x".to_owned(), ..acme.clone() };
    // A path in another spelling is not the path: no data with or without a token. Sent as it stands, because an HTTP
    // client would tidy it up.
    for client in [&acme, &stranger] {
        for odd in [
            "%55sers",
            "users",
            "USERS",
            "/Users",
            "Users/",
            "Users;x",
            "%2e/Users",
            "./Users",
            "Groups/../Users",
            "Groups/%2e%2e/Users",
            "Users%2f",
            "Users%3Fcount=1",
            "Users//",
            "Users%00",
        ] {
            let answer = client.raw(&format!("/scim/v2/acme/{odd}"));
            let status = answer.split(' ').nth(1).unwrap_or_default();
            assert!(["400", "401", "404"].contains(&status), "{odd}: {answer}");
            assert!(!answer.contains("Resources"), "{odd}: {answer}");
        }
        for odd in [
            "/%73cim/v2/acme/Users",
            "/SCIM/v2/acme/Users",
            "//scim/v2/acme/Users",
            "/scim//v2/acme/Users",
            "/scim/v2/ACME/Users",
        ] {
            let answer = client.raw(odd);
            assert_eq!(answer.split(' ').nth(1), Some("404"), "{odd}: {answer}");
        }
        assert!(client.raw("/scim/v2/acme/Users").contains(if client.token == "x" { " 401 " } else { " 200 " }));
    }
    server.stop().await;
}

/// What fits a body may be too long for a resource, at once or piece by piece.
async fn a_long_resource(acme: &Scim) {
    let titled =
        |name: &str, length: usize| json!({ "schemas": [USER], "userName": name, "title": "x".repeat(length) });
    acme.call(Method::POST, "/Users", Some(titled("long", 140_000))).await.refused(400, Some("invalidValue"));
    let most = acme.create("/Users", titled("most", 130_000)).await;
    acme.call(Method::PUT, &format!("/Users/{most}"), Some(titled("most", 140_000)))
        .await
        .refused(400, Some("invalidValue"));
    let longer = json!([{ "op": "add", "path": "nickName", "value": "x".repeat(2_000) }]);
    acme.patch(&format!("/Users/{most}"), longer).await.refused(400, Some("invalidValue"));
    let kept = acme.call(Method::GET, &format!("/Users/{most}"), None).await.expect(200);
    assert_eq!((kept["title"].as_str().map(str::len), kept.get("nickName")), (Some(130_000), None));
    acme.call(Method::DELETE, &format!("/Users/{most}"), None).await.expect(204);
}

async fn every_refusal_is_scim_json(engine: Engine) {
    let (server, acme, _) = start(engine).await;
    let user = |name: &str| json!({ "schemas": [USER], "userName": name });
    acme.create("/Users", user("ada")).await;
    acme.call(Method::POST, "/Users", Some(user("ADA"))).await.refused(409, Some("uniqueness"));
    acme.call(Method::POST, "/Users", Some(json!({ "schemas": [USER] }))).await.refused(400, Some("invalidValue"));
    acme.call(Method::POST, "/Users", Some(json!([]))).await.refused(400, Some("invalidSyntax"));
    acme.call(Method::GET, "/Users?filter=nope", None).await.refused(400, Some("invalidFilter"));
    acme.call(Method::GET, "/Users?count=x", None).await.refused(400, Some("invalidValue"));
    acme.call(Method::GET, "/ResourceTypes?filter=x", None).await.refused(403, None);
    acme.call(Method::GET, "/nope", None).await.refused(404, None);
    acme.call(Method::GET, "/Users/nope", None).await.refused(404, None);
    acme.call(Method::PUT, "/Users", Some(json!({}))).await.refused(405, None);
    acme.call(Method::OPTIONS, "/Users", None).await.refused(405, None);
    acme.call(Method::GET, "/Me", None).await.refused(501, None);
    acme.call(Method::GET, "/.search", None).await.refused(405, None);
    let search =
        |filter: &str| json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter });
    acme.call(Method::POST, "/.search", Some(search("nope pr"))).await.refused(400, Some("invalidFilter"));
    for (path, filter, found) in [
        ("/.search", "userName pr", 1),
        ("/Users/.search", "userName eq \"ada\"", 1),
        ("/Groups/.search", "displayName pr", 0),
    ] {
        let list = acme.call(Method::POST, path, Some(search(filter))).await.expect(200);
        assert_eq!(list["totalResults"], found, "{path} {filter}");
    }
    let text = [("content-type", "text/plain")];
    let plain = acme.http.post(format!("{}/Users", acme.base)).bearer_auth(&acme.token).header(text[0].0, text[0].1);
    assert_eq!(plain.body("{}").send().await.expect("an answer").status(), 415);
    let long = json!({ "schemas": [USER], "userName": "x".repeat(5 * 1024 * 1024) });
    acme.call(Method::POST, "/Users", Some(long)).await.refused(413, None);
    a_long_resource(&acme).await;
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let deep =
        acme.http.post(format!("{}/Users", acme.base)).bearer_auth(&acme.token).body(format!("{{\"a\":{deep}}}"));
    assert_eq!(deep.send().await.expect("an answer").status(), 400);
    let id = acme.user("bob").await;
    for odd in ["1", "W/\"1", "\"1\" \"2\"", "*,*", ""] {
        for (verb, name) in [(Method::GET, "if-none-match"), (Method::PUT, "if-match"), (Method::DELETE, "if-match")] {
            let path = format!("/Users/{id}");
            acme.with(verb, &path, Some(user("bob")), &[(name, odd)]).await.refused(400, Some("invalidValue"));
        }
    }
    let twice = [("if-match", "W/\"1\""), ("if-match", "W/\"1\"")];
    acme.with(Method::DELETE, &format!("/Users/{id}"), None, &twice).await.refused(400, Some("invalidValue"));
    let two = [("authorization", "Bearer x")];
    acme.with(Method::GET, &format!("/Users/{id}"), None, &two).await.refused(400, None);
    acme.call(Method::GET, &format!("/Users/{id}"), None).await.expect(200);
    let open = "%28".repeat(2_000);
    acme.call(Method::GET, &format!("/Users?filter={open}"), None).await.refused(400, Some("invalidFilter"));
    server.stop().await;
}

async fn a_user_lives_and_dies(engine: Engine) {
    let (server, acme, _) = start(engine).await;
    let new = json!({ "schemas": [USER], "userName": "Ada@acme.test", "externalId": "1", "password": "secret",
        "emails": [{ "value": "ada@acme.test", "type": "work", "primary": true }] });
    let created = acme.call(Method::POST, "/Users", Some(new.clone())).await;
    let (location, tag) = (created.headers["location"].clone(), created.headers["etag"].clone());
    let body = created.expect(201);
    let id = body["id"].as_str().expect("an id").to_owned();
    assert_eq!(body["meta"]["location"], location.to_str().expect("text"));
    assert_eq!(body["meta"]["version"], tag.to_str().expect("text"));
    assert_eq!((&body["active"], body.get("password")), (&json!(true), None));
    let path = format!("/Users/{id}");
    let found = |filter: &str| format!("/Users?filter={}", filter.replace(' ', "%20").replace('"', "%22"));
    for filter in [
        "userName eq \"ada@ACME.test\"",
        "externalId eq \"1\"",
        "emails[type eq \"work\"].value eq \"ada@acme.test\"",
        &format!("id eq \"{id}\""),
    ] {
        let list = acme.call(Method::GET, &found(filter), None).await.expect(200);
        assert_eq!((&list["totalResults"], &list["Resources"][0]["id"]), (&json!(1), &json!(id)), "{filter}");
    }
    assert_eq!(acme.call(Method::GET, &found("userName eq \"eve\""), None).await.expect(200)["totalResults"], 0);
    let known = acme.with(Method::GET, &path, None, &[("if-none-match", tag.to_str().expect("text"))]).await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);
    let operations = json!([{ "op": "Replace", "path": "active", "value": "False" }]);
    assert_eq!(acme.patch(&path, operations.clone()).await.expect(200)["active"], json!(false));
    let again = acme.patch(&path, operations).await.expect(200);
    assert_eq!(again["meta"]["version"], "W/\"2\"", "a PATCH that changes nothing makes no version");
    let stale = [("if-match", tag.to_str().expect("text"))];
    acme.with(Method::PUT, &path, Some(new.clone()), &stale).await.refused(412, None);
    acme.with(Method::DELETE, &path, None, &stale).await.refused(412, None);
    let replaced =
        acme.call(Method::PUT, &path, Some(json!({ "schemas": [USER], "userName": "ada2" }))).await.expect(200);
    assert_eq!((replaced.get("emails"), replaced.get("externalId")), (None, None));
    assert_eq!(acme.call(Method::GET, &found("emails pr"), None).await.expect(200)["totalResults"], 0);
    acme.call(Method::POST, "/Users", Some(new)).await.expect(201);
    let only = acme.call(Method::GET, &format!("{path}?attributes=userName"), None).await.expect(200);
    assert_eq!(only, json!({ "id": id, "schemas": [USER], "userName": "ada2" }));
    acme.call(Method::DELETE, &path, None).await.expect(204);
    for verb in [Method::GET, Method::DELETE] {
        acme.call(verb, &path, None).await.refused(404, None);
    }
    acme.user("ada2").await;
    server.stop().await;
}

async fn groups_keep_their_members(engine: Engine) {
    let (server, acme, globex) = start(engine).await;
    let (ada, bob, eve) = (acme.user("ada").await, acme.user("bob").await, globex.user("eve").await);
    let team = acme.group("Team", &[&ada]).await;
    let path = format!("/Groups/{team}");
    acme.patch(&path, json!([{ "op": "add", "path": "members", "value": [{ "value": bob }, { "value": ada }] }]))
        .await
        .expect(200);
    let mut both = vec![ada.clone(), bob.clone()];
    both.sort();
    assert_eq!(acme.members(&team).await, both);
    // Somebody of another organization does not become a member, and the answer shows it.
    acme.patch(&path, json!([{ "op": "add", "path": "members", "value": [{ "value": eve }] }])).await.expect(200);
    assert_eq!(acme.members(&team).await, both);
    let shown = acme.call(Method::GET, &format!("/Users/{ada}"), None).await.expect(200);
    assert_eq!((&shown["groups"][0]["value"], &shown["groups"][0]["display"]), (&json!(team), &json!("Team")));
    for refused in [
        json!({ "op": "remove", "path": "members", "value": 7 }),
        json!({ "op": "remove", "path": "members[nope eq \"x\"]" }),
        json!({ "op": "remove", "path": "members", "value": [{ "id": ada }] }),
    ] {
        let reply = acme
            .patch(&path, json!([{ "op": "remove", "path": format!("members[value eq \"{ada}\"]") }, refused]))
            .await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert_eq!(acme.members(&team).await, both, "a PATCH is atomic");
    }
    acme.patch(&path, json!([{ "op": "Remove", "path": "members", "value": [{ "$ref": null, "value": bob }] }]))
        .await
        .expect(200);
    assert_eq!(acme.members(&team).await, std::slice::from_ref(&ada));
    let outer = acme.group("Outer", &[&team]).await;
    let inner = acme.group("Inner", &[]).await;
    acme.patch(&path, json!([{ "op": "add", "path": "members", "value": [{ "value": inner }] }])).await.expect(200);
    for circle in [&outer, &team, &inner] {
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": circle }] }]);
        acme.patch(&format!("/Groups/{inner}"), add).await.refused(400, Some("invalidValue"));
    }
    acme.call(Method::DELETE, &format!("/Users/{ada}"), None).await.expect(204);
    assert_eq!(acme.members(&team).await, std::slice::from_ref(&inner));
    acme.call(Method::PUT, &path, Some(json!({ "schemas": [GROUP], "displayName": "Team" }))).await.expect(200);
    assert!(acme.members(&team).await.is_empty());
    acme.call(Method::DELETE, &path, None).await.expect(204);
    acme.call(Method::GET, &path, None).await.refused(404, None);
    server.stop().await;
}

async fn races_have_one_winner(engine: Engine) {
    let (server, acme, _) = start(engine).await;
    let creates = (0..50).map(|_| {
        let acme = acme.clone();
        async move { acme.call(Method::POST, "/Users", Some(json!({ "schemas": [USER], "userName": "twin" }))).await }
    });
    let replies = futures_util::future::join_all(creates).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == StatusCode::CREATED).count(), 1);
    for reply in replies.into_iter().filter(|reply| reply.status != StatusCode::CREATED) {
        reply.refused(409, Some("uniqueness"));
    }
    let mut ids = Vec::new();
    for n in 0..50 {
        ids.push(acme.user(&format!("user{n}")).await);
    }
    let team = acme.group("Team", &[]).await;
    let adds = ids.iter().map(|id| {
        let (acme, path) = (acme.clone(), format!("/Groups/{team}"));
        async move { acme.patch(&path, json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }])).await }
    });
    for reply in futures_util::future::join_all(adds).await {
        reply.expect(200);
    }
    ids.sort();
    assert_eq!(acme.members(&team).await, ids);
    // Two groups that take each other in: one does, and for the other that would be a circle. Neither waits for the other in vain.
    for round in 0..20 {
        let left = acme.group(&format!("Left {round}"), &[]).await;
        let right = acme.group(&format!("Right {round}"), &[]).await;
        let take_in = async |group: &str, member: &str| {
            let operation = json!([{ "op": "add", "path": "members", "value": [{ "value": member }] }]);
            acme.patch(&format!("/Groups/{group}"), operation).await
        };
        let replies = futures_util::future::join(take_in(&left, &right), take_in(&right, &left)).await;
        let (taken, refused) = if replies.0.status == StatusCode::OK { replies } else { (replies.1, replies.0) };
        taken.expect(200);
        refused.refused(400, Some("invalidValue"));
    }
    server.stop().await;
}
