//! Conditional requests (RFC 7644, section 3.14) on what changes beside its own document: a group of which a member is
//! deleted is another group from then on.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{GROUP, Reply, Scim};
use crate::on_both_engines;
use crate::support::engine::Engine;
use crate::support::organization::Organization;
use crate::support::server::TestServer;

async fn start(engine: Engine) -> (TestServer, Scim) {
    let server = TestServer::start(engine, |_| {}).await;
    let acme = Organization::create(&server.operator(), "acme", "Acme").await;
    let access = acme.scim_access().await;
    (server, Scim::new(&access.base, &access.token))
}

fn header(reply: &Reply, name: &str) -> String {
    reply.headers.get(name).unwrap_or_else(|| panic!("{name}")).to_str().expect("text").to_owned()
}

/// The entity tag of a resource and when it was changed.
async fn state(scim: &Scim, path: &str) -> (String, Value) {
    let reply = scim.call(Method::GET, path, None).await;
    (header(&reply, "etag"), reply.expect(200)["meta"]["lastModified"].clone())
}

/// `gone` is deleted; whoever knows the group from before learns it by either condition.
async fn is_noticed(scim: &Scim, gone: &str, group: &str) {
    let (before, changed_at) = state(scim, group).await;
    let known = scim.with(Method::GET, group, None, &[("if-none-match", &before)]).await;
    assert_eq!(known.status.as_u16(), 304);
    scim.call(Method::DELETE, gone, None).await.expect(204);
    let anew = scim.with(Method::GET, group, None, &[("if-none-match", &before)]).await;
    let after = header(&anew, "etag");
    let anew = anew.expect(200);
    assert_ne!(before, after, "{gone} left {group}");
    assert_eq!(anew["meta"]["version"], json!(after));
    assert_ne!(anew["meta"]["lastModified"], changed_at, "{gone} left {group}");
    let put = json!({ "schemas": [GROUP], "displayName": "renamed" });
    for method in [Method::PUT, Method::DELETE] {
        let stale = scim.with(method, group, Some(put.clone()), &[("if-match", &before)]).await;
        stale.refused(412, None);
    }
}

async fn whoever_knows_a_group_learns_that_a_member_of_it_was_deleted(engine: Engine) {
    let (server, scim) = start(engine).await;
    let (ada, bob) = (scim.user("ada").await, scim.user("bob").await);
    let crew = scim.group("Crew", &[&ada, &bob]).await;
    let all = scim.group("All", &[&crew, &ada]).await;
    let other = format!("/Groups/{}", scim.group("Other", &[]).await);
    let unconcerned = state(&scim, &other).await;
    let all = format!("/Groups/{all}");
    server.clock.advance_seconds(5);
    is_noticed(&scim, &format!("/Users/{ada}"), &format!("/Groups/{crew}")).await;
    assert_eq!(scim.members(&crew).await, std::slice::from_ref(&bob));
    server.clock.advance_seconds(5);
    is_noticed(&scim, &format!("/Groups/{crew}"), &all).await;
    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{ "method": "DELETE", "path": format!("/Users/{bob}") }],
    });
    let own = scim.group("Own", &[&bob]).await;
    let (before, _) = state(&scim, &format!("/Groups/{own}")).await;
    scim.call(Method::POST, "/Bulk", Some(bulk)).await.expect(200);
    assert_ne!(state(&scim, &format!("/Groups/{own}")).await.0, before, "deleted in bulk");
    assert_eq!(state(&scim, &other).await, unconcerned);
    server.stop().await;
}

/// RFC 9110, section 15.4.5, and RFC 7644, section 3.14: what an answer without a body says of the resource.
async fn answers_without_a_body_name_the_version_and_the_place(engine: Engine) {
    let (server, scim) = start(engine).await;
    let ada = scim.user("ada").await;
    let crew = scim.group("Crew", &[&ada]).await;
    for path in [format!("/Users/{ada}"), format!("/Groups/{crew}")] {
        let whole = scim.call(Method::GET, &path, None).await;
        let known = scim.with(Method::GET, &path, None, &[("if-none-match", &header(&whole, "etag"))]).await;
        assert_eq!((known.status.as_u16(), known.body.is_null()), (304, true));
        for name in ["etag", "content-location", "cache-control"] {
            assert_eq!(header(&known, name), header(&whole, name), "{name} of {path}");
        }
        assert_eq!(header(&known, "content-location"), format!("{}{path}", scim.base));
        for odd in ["\"01\"", "W/\"+1\""] {
            let anew = scim.with(Method::GET, &path, None, &[("if-none-match", odd)]).await;
            assert_eq!(anew.status.as_u16(), 200, "{odd} is not the tag of version 1");
            let delete = scim.with(Method::DELETE, &path, None, &[("if-match", odd)]).await;
            delete.refused(412, None);
        }
    }
    server.stop().await;
}

/// Under a profile that wants 204, a client goes on with the version that its PATCH made.
async fn a_patch_without_a_body_names_the_new_version(engine: Engine) {
    let server = TestServer::start(engine, |_| {}).await;
    let acme = Organization::create(&server.operator(), "acme", "Acme").await;
    let access = acme.scim_access_as("entra").await;
    let scim = Scim::new(&access.base, &access.token);
    let ada = scim.user("ada").await;
    let crew = scim.group("Crew", &[&ada]).await;
    for (path, attribute) in [(format!("/Users/{ada}"), "title"), (format!("/Groups/{crew}"), "displayName")] {
        let patched = scim.patch(&path, json!([{ "op": "replace", "path": attribute, "value": "Countess" }])).await;
        assert_eq!(patched.status.as_u16(), 204, "{path}");
        assert_eq!(header(&patched, "etag"), state(&scim, &path).await.0, "{path}");
        let same = scim.patch(&path, json!([{ "op": "replace", "path": attribute, "value": "Countess" }])).await;
        assert_eq!(header(&same, "etag"), header(&patched, "etag"), "nothing has changed");
    }
    server.stop().await;
}

on_both_engines! {
    answers_without_a_body_name_the_version_and_the_place => headers_on_sqlite, headers_on_postgres;
    a_patch_without_a_body_names_the_new_version => patched_versions_on_sqlite, patched_versions_on_postgres;
    whoever_knows_a_group_learns_that_a_member_of_it_was_deleted => deleted_members_on_sqlite, deleted_members_on_postgres;
}
