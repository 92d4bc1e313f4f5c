//! Order, pages, cursors, counts and budgets, on both engines.

use std::collections::HashSet;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Found, Place, Query, Sought, Wanted, search};
use crate::protocol::scim::comparison;
use crate::protocol::scim::document;
use crate::protocol::scim::error::ScimType;
use crate::protocol::scim::filter;
use crate::protocol::scim::filter::ast::Target;
use crate::protocol::scim::json::Object;
use crate::protocol::scim::list::Page;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::resource_type::{self, ResourceTypes};
use crate::protocol::scim::sort;
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::resource::{parse, resource_type as of_kind};
use crate::provisioning::search::{condition, order};
use crate::provisioning::tests::{client_of, operation, organization, rules};
use crate::provisioning::{groups, users};
use crate::store::failure::StoreError;
use crate::store::order::{Direction, SortKey};
use crate::store::resources::ResourceKind;
use crate::store::{Tx, resource_counts, resource_grams, scratch};
use crate::values::ids::{OrganizationId, ResourceId};
use crate::values::scim_scope::ScimScope;

const NOW: i64 = 1_700_000_000_000_000;
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn user(tx: &mut Tx<'_>, organization: OrganizationId, at: i64, body: Value) -> ResourceId {
    let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules());
    let draft = users::draft(read.unwrap().document, resource_type::user()).unwrap();
    users::create(tx, &operation(at), organization, &draft).unwrap().id
}

fn group(tx: &mut Tx<'_>, organization: OrganizationId, name: &str, external_id: Option<&str>) -> ResourceId {
    let body = json!({ "displayName": name, "externalId": external_id });
    let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules());
    let draft = groups::draft(read.unwrap(), resource_type::group(), &rules()).unwrap();
    groups::create(tx, &operation(NOW), organization, &draft).unwrap()
}

/// People whose values tie, miss, differ in case only, or stand in a primary element that is not the first.
fn people(tx: &mut Tx<'_>, organization: OrganizationId) {
    let bodies = [
        json!({ "userName": "Zoe", "externalId": "b", "displayName": "\u{c9}lodie", "title": "Engineer", "active": false,
            "name": { "familyName": "Zimmer" },
            "emails": [{ "value": "z@acme.test", "type": "home" }, { "value": "a@acme.test", "type": "work", "primary": true }] }),
        json!({ "userName": "adam", "externalId": "B", "displayName": "bob", "title": "engineer",
            "emails": [{ "value": "m@acme.test", "type": "work" }, { "value": "b@acme.test", "type": "home" }],
            ENTERPRISE: { "manager": { "value": "m2" } } }),
        json!({ "userName": "Bea", "displayName": "Ada", "title": "Architect", "x509Certificates": [{ "value": "AA" }],
            "roles": [{ "value": "admin", "primary": true }] }),
        json!({ "userName": "carl", "displayName": "ada", "title": "\u{1F600}", "emails": [{ "value": "c@acme.test" }],
            ENTERPRISE: { "manager": { "value": "m1" } } }),
        json!({ "userName": "dora", "externalId": "a", "emails": [{ "type": "home", "primary": true }, { "value": "0@x" }] }),
        json!({ "userName": "emil", "title": "engineer", "roles": [{ "value": "user", "primary": false }] }),
    ];
    for (n, body) in bodies.into_iter().enumerate() {
        // The clock runs backwards, so that the order of creation and the order of instants differ.
        user(tx, organization, NOW - i64::try_from(n).unwrap() * 1_000_000, body);
    }
}

fn sought(kind: ResourceKind, filter: Option<&str>, sort_by: Option<&str>) -> Sought {
    let resource_type = of_kind(ResourceTypes::base(), kind);
    let condition = filter.map(|text| {
        let parsed = filter::parse(text, resource_type, &rules()).unwrap();
        condition(&parsed, resource_type).unwrap()
    });
    let key: Option<SortKey> = sort_by
        .and_then(|name| sort::target(name, resource_type).unwrap())
        .map(|target| order::key(&target, resource_type).unwrap());
    let resource_type = resource_type.clone();
    Sought { kind, resource_type, condition, key, projection: Projection::Default }
}

fn people_of_names(tx: &mut Tx<'_>, organization: OrganizationId, names: &[&str]) {
    for name in names {
        user(tx, organization, NOW, json!({ "userName": name }));
    }
}

struct Finder {
    organization: OrganizationId,
    sought: Vec<Sought>,
    direction: Option<Direction>,
    most_related: u32,
    most_bytes: usize,
}

impl Finder {
    fn find(&self, tx: &mut Tx<'_>, wanted: Wanted) -> Found {
        let query = Query {
            sought: self.sought.clone(),
            direction: self.direction,
            wanted,
            scan_rows: 1_000,
            most_related: self.most_related,
            most_bytes: self.most_bytes,
        };
        search(tx, &operation(0), self.organization, &query).unwrap()
    }

    fn ids(found: &Found) -> Vec<ResourceId> {
        found.resources.iter().map(|(_, resource)| resource.id).collect()
    }

    fn all(&self, tx: &mut Tx<'_>) -> Found {
        self.find(tx, Wanted::Page(Page { start_index: 1, count: 1_000 }))
    }

    /// Page by page by index.
    fn by_index(&self, tx: &mut Tx<'_>, count: i64) -> Vec<ResourceId> {
        let mut ids = Vec::new();
        loop {
            let start_index = i64::try_from(ids.len()).unwrap() + 1;
            let found = self.find(tx, Wanted::Page(Page { start_index, count }));
            let more = Self::ids(&found);
            if more.is_empty() {
                assert_eq!(found.total, i64::try_from(ids.len()).ok());
                return ids;
            }
            ids.extend(more);
        }
    }

    fn behind(&self, tx: &mut Tx<'_>, place: Option<Place>, count: i64) -> Found {
        self.find(tx, Wanted::Behind { place, count })
    }

    /// Page by page by cursor, to the end and back again.
    fn by_cursor(&self, tx: &mut Tx<'_>, count: i64) -> (Vec<ResourceId>, Vec<ResourceId>) {
        let (mut forward, mut backward) = (Vec::new(), Vec::new());
        let mut found = self.behind(tx, None, count);
        assert_eq!(found.previous, None, "never on the first page");
        loop {
            forward.extend(Self::ids(&found));
            let Some(next) = found.next.clone() else { break };
            found = self.behind(tx, Some(next), count);
            assert!(!found.resources.is_empty(), "a next cursor leads to something");
        }
        backward.extend(Self::ids(&found));
        while let Some(previous) = found.previous.clone() {
            found = self.behind(tx, Some(previous), count);
            backward.splice(0..0, Self::ids(&found));
        }
        (forward, backward)
    }
}

/// The value that a document is sorted by, as RFC 7644, section 3.4.2.3, has it.
fn sort_value(document: &Object, target: &Target) -> Option<String> {
    let key = |value: &Value| comparison::key(target.kind, target.case_exact, value);
    let holder = match &target.container {
        Some(urn) => document.get(urn)?.as_object()?,
        None => document,
    };
    let value = holder.get(&target.attribute)?;
    let Some(part) = &target.part else { return key(value) };
    match value {
        Value::Array(elements) => {
            let mut with_part: Vec<&Value> = elements.iter().filter(|element| element.get(part).is_some()).collect();
            with_part.sort_by_key(|element| element.get("primary") != Some(&json!(true)));
            key(with_part.first()?.get(part)?)
        }
        one => key(one.get(part)?),
    }
}

fn expected(
    found: &Found,
    projections: &[Sought],
    targets: &[Option<Target>],
    direction: Direction,
) -> Vec<ResourceId> {
    let mut keyed: Vec<(bool, Option<String>, usize, ResourceId)> = Vec::new();
    for (made, (number, resource)) in found.resources.iter().enumerate() {
        let document = parse(&resource.render("http://x", &projections[*number].projection).unwrap()).unwrap();
        let value = targets[*number].as_ref().and_then(|target| sort_value(&document, target));
        keyed.push((value.is_none(), value, made, resource.id));
    }
    keyed.sort();
    if direction == Direction::Descending {
        keyed.reverse();
    }
    keyed.into_iter().map(|(_, _, _, id)| id).collect()
}

const SORTED_BY: &[&str] = &[
    "userName",
    "externalId",
    "displayName",
    "title",
    "name.familyName",
    "emails",
    "emails.type",
    "emails.primary",
    "roles.primary",
    "active",
    "id",
    "meta.created",
    "meta.lastModified",
    "meta.version",
    "meta.resourceType",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
    "urn:ietf:params:scim:schemas:core:2.0:User:userName",
    "x509Certificates",
];

/// RFC 7644, section 3.4.2.3, by index and by cursor (RFC 9865), with a filter and without.
#[tokio::test]
async fn lists_are_in_the_order_of_the_standard_however_they_are_paged() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            people(tx, acme);
            let globex = organization(tx, "globex");
            people(tx, globex);
            let filters = [None, Some("userName pr"), Some("not (title sw \"arch\")"), Some("emails.value co \"@\"")];
            for (sort_by, filter) in
                SORTED_BY.iter().flat_map(|name| filters.iter().map(move |filter| (*name, *filter)))
            {
                let made = Finder {
                    most_related: 1_000,
                    most_bytes: usize::MAX,
                    organization: acme,
                    sought: vec![sought(ResourceKind::User, filter, None)],
                    direction: None,
                };
                let made = made.all(tx);
                assert!(made.resources.len() > 2);
                let target = sort::target(sort_by, resource_type::user()).unwrap();
                for direction in [Direction::Ascending, Direction::Descending] {
                    let sought = vec![sought(ResourceKind::User, filter, Some(sort_by))];
                    let wanted = expected(&made, &sought, std::slice::from_ref(&target), direction);
                    let finder = Finder {
                        most_related: 1_000,
                        most_bytes: usize::MAX,
                        organization: acme,
                        sought,
                        direction: Some(direction),
                    };
                    let name = format!("{engine}: {sort_by} {direction:?} {filter:?}");
                    assert_eq!(Finder::ids(&finder.all(tx)), wanted, "{name}");
                    assert_eq!(finder.by_index(tx, 2), wanted, "{name} by index");
                    assert_eq!(finder.by_cursor(tx, 2), (wanted.clone(), wanted), "{name} by cursor");
                }
            }
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// RFC 7644, sections 3.4.2.1 and 3.4.2.3: at the root, one order over both types; who lacks the attribute has no value.
#[tokio::test]
async fn the_root_is_one_list_when_it_is_sorted_and_one_after_the_other_when_not() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            people(tx, acme);
            for (name, external_id) in [("Bea's", Some("aa")), ("\u{e9}clair", None), ("adb", Some("C"))] {
                group(tx, acme, name, external_id);
            }
            let both =
                |sort_by| vec![sought(ResourceKind::User, None, sort_by), sought(ResourceKind::Group, None, sort_by)];
            let made = Finder {
                most_related: 1_000,
                most_bytes: usize::MAX,
                organization: acme,
                sought: both(None),
                direction: None,
            };
            let all = made.all(tx);
            assert_eq!(all.total, Some(9));
            let ids = Finder::ids(&all);
            assert_eq!(made.by_index(tx, 2), ids, "{engine}");
            assert_eq!(made.by_cursor(tx, 4), (ids.clone(), ids), "{engine}");
            for sort_by in ["displayName", "externalId", "userName", "meta.created", "meta.resourceType", "title"] {
                let targets: Vec<Option<Target>> = [ResourceKind::User, ResourceKind::Group]
                    .into_iter()
                    .map(|kind| sort::target(sort_by, of_kind(ResourceTypes::base(), kind)).unwrap())
                    .collect();
                for direction in [Direction::Ascending, Direction::Descending] {
                    let wanted = expected(&all, &made.sought, &targets, direction);
                    let finder = Finder {
                        most_related: 1_000,
                        most_bytes: usize::MAX,
                        organization: acme,
                        sought: both(Some(sort_by)),
                        direction: Some(direction),
                    };
                    let name = format!("{engine}: {sort_by} {direction:?}");
                    assert_eq!(finder.by_index(tx, 2), wanted, "{name} by index");
                    assert_eq!(finder.by_cursor(tx, 2), (wanted.clone(), wanted), "{name} by cursor");
                }
            }
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// Bar 7 of the SCIM rules, RFC 9865: who stays is seen once, whoever comes and goes meanwhile.
#[tokio::test]
async fn a_walk_by_cursor_sees_everybody_who_stays_exactly_once() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            for (turn, sort_by) in [None, Some("userName"), Some("title"), Some("displayName")].into_iter().enumerate()
            {
                let acme = organization(tx, &format!("acme{turn}"));
                let named = |n: usize| json!({ "userName": format!("u{n:02}"), "title": format!("t{}", n % 3) });
                let ids: Vec<ResourceId> = (0..20).map(|n| user(tx, acme, NOW, named(n * 2))).collect();
                let sought = vec![sought(ResourceKind::User, None, sort_by)];
                let finder = Finder {
                    most_related: 1_000,
                    most_bytes: usize::MAX,
                    organization: acme,
                    sought,
                    direction: sort_by.map(|_| Direction::Descending),
                };
                let (mut seen, mut gone) = (Vec::new(), HashSet::new());
                let mut found = finder.behind(tx, None, 3);
                for page in 0..60 {
                    seen.extend(Finder::ids(&found));
                    // The row that the cursor stands on goes, and one before and one behind it; others come on both sides.
                    let last = seen.last().copied().unwrap();
                    for id in [last, ids[page % 20], ids[19 - page % 20]] {
                        if page % 2 == 0 && gone.insert(id) {
                            let _ = users::delete(tx, &operation(NOW), acme, id, None);
                        }
                    }
                    if page < 5 {
                        user(tx, acme, NOW, named(page * 2 + 1));
                        user(tx, acme, NOW, named(39 - page * 2));
                    }
                    let Some(next) = found.next.clone() else { break };
                    found = finder.behind(tx, Some(next), 3);
                    if found.resources.is_empty() {
                        break;
                    }
                }
                let distinct: HashSet<ResourceId> = seen.iter().copied().collect();
                assert_eq!(distinct.len(), seen.len(), "{engine}: {sort_by:?}: somebody was shown twice");
                for id in ids.iter().filter(|id| !gone.contains(id)) {
                    assert!(distinct.contains(id), "{engine}: {sort_by:?}: somebody who stayed was left out");
                }
            }
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

fn within(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    scan_rows: u32,
    filter: Option<&str>,
    sort_by: Option<&str>,
) -> Result<usize, ScimType> {
    let query = Query {
        sought: vec![sought(ResourceKind::User, filter, sort_by)],
        direction: sort_by.map(|_| Direction::Ascending),
        wanted: Wanted::Page(Page { start_index: 1, count: 100 }),
        scan_rows,
        most_related: 1_000,
        most_bytes: usize::MAX,
    };
    match search(tx, &operation(0), organization, &query) {
        Ok(found) => Ok(found.resources.len()),
        Err(ProvisioningError::Protocol(error)) => Err(error.scim_type),
        Err(other) => panic!("{other}"),
    }
}

/// Filters that an index serves.
const SERVED: [&str; 11] = [
    "userName eq \"ADAM\"",
    "userName sw \"a\"",
    "emails[type eq \"work\" and value co \"acme\"]",
    "displayName co \"ADA\" or title eq \"engineer\"",
    "externalId eq \"a\" and active eq true",
    "displayName sw \"ad\" or title eq \"engineer\"",
    "emails[type eq \"work\" and value sw \"a\"]",
    "emails[value eq \"a@acme.test\" or value eq \"c@acme.test\"]",
    "meta.lastModified ge \"2020-01-01T00:00:00Z\"",
    "schemas eq \"urn:ietf:params:scim:schemas:core:2.0:User\"",
    "groups.display eq \"x\"",
];

/// Issue B: filters that no index serves "run under a row budget and past it answer 400 tooMany".
#[tokio::test]
async fn what_no_index_serves_is_refused_past_the_row_budget() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let (acme, globex) = (organization(tx, "acme"), organization(tx, "globex"));
            people(tx, acme);
            people(tx, globex);
            while resource_grams::index(tx, 100)? > 0 {}
            for scan in [
                "active eq true",
                "userName pr",
                "userName ne \"x\"",
                "not (userName eq \"x\")",
                "title ew \"r\"",
                "title co \"ng\"",
                "userName co \"ada\" or active eq true",
                "userName eq \"x\" or active eq true",
                "emails pr",
                "emails[type eq \"work\"]",
                "title gt \"a\"",
                "meta.created lt \"2030-01-01T00:00:00Z\"",
                "groups pr",
            ] {
                assert_eq!(within(tx, acme, 5, Some(scan), None), Err(ScimType::TooMany), "{engine}: {scan}");
                assert!(within(tx, acme, 6, Some(scan), None).is_ok(), "{engine}: {scan}");
                let led = format!("userName sw \"a\" and ({scan})");
                assert!(within(tx, acme, 0, Some(&led), None).is_ok(), "{engine}: {led}");
            }
            for served in SERVED {
                assert!(within(tx, acme, 0, Some(served), None).is_ok(), "{engine}: {served}");
            }
            assert_eq!(within(tx, acme, 6, Some("title co \"gin\""), None), Ok(3), "{engine}");
            people_of_names(tx, acme, &["u1", "u2"]);
            let waiting = within(tx, acme, 1, Some("title co \"gin\""), None);
            assert_eq!(waiting, Err(ScimType::TooMany), "{engine}: more wait than may be looked at");
            assert_eq!(within(tx, acme, 2, Some("title co \"gin\""), None), Ok(3), "{engine}");
            for column in ["userName", "externalId", "displayName", "meta.lastModified"] {
                assert_eq!(within(tx, acme, 0, None, Some(column)), Ok(8), "{engine}: {column}");
            }
            for computed in ["title", "emails", "meta.created", "active"] {
                assert_eq!(within(tx, acme, 7, None, Some(computed)), Err(ScimType::TooMany), "{engine}: {computed}");
                assert_eq!(within(tx, acme, 8, None, Some(computed)), Ok(8), "{engine}: {computed}");
                let filter = Some("userName sw \"a\"");
                assert_eq!(within(tx, acme, 0, filter, Some(computed)), Ok(1), "{engine}: {computed}");
            }
            assert_eq!(within(tx, acme, 0, None, None), Ok(8), "what is asked for without a condition is a list");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// Issue B: "no N+1: a page of 100 users with their groups is a constant number of queries".
#[tokio::test]
async fn a_page_takes_as_many_queries_whatever_stands_on_it() {
    // The groups are nested: on PostgreSQL the first two queries for those of users find that out.
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let ids: Vec<ResourceId> =
                (0..100).map(|n| user(tx, acme, NOW, json!({ "userName": format!("u{n:02}") }))).collect();
            let mut inner: Option<ResourceId> = None;
            for n in 0..5 {
                let people = ids.iter().skip(n * 10).take(20).chain(inner.as_ref());
                let members: Vec<Value> = people.map(|id| json!({ "value": id.to_string() })).collect();
                let body = json!({ "displayName": format!("g{n}"), "members": members });
                let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules());
                let draft = groups::draft(read.unwrap(), resource_type::group(), &rules()).unwrap();
                inner = Some(groups::create(tx, &operation(NOW), acme, &draft)?);
            }
            let mut counts = |kind, sort_by: Option<&str>, count| {
                let finder = Finder {
                    most_related: 1_000,
                    most_bytes: usize::MAX,
                    organization: acme,
                    sought: vec![sought(kind, None, sort_by)],
                    direction: sort_by.map(|_| Direction::Ascending),
                };
                let wanted = Wanted::Page(Page { start_index: 1, count });
                let (found, queries) = scratch::count_queries(tx, |tx| finder.find(tx, wanted));
                let related = found.resources.iter().map(|(_, resource)| resource.related.len()).sum::<usize>();
                (found.resources.len(), related, queries)
            };
            for (kind, sort_by) in [
                (ResourceKind::User, None),
                (ResourceKind::User, Some("userName")),
                (ResourceKind::User, Some("title")),
                (ResourceKind::Group, None),
            ] {
                let (one, _, queries) = counts(kind, sort_by, 1);
                let (all, related, same) = counts(kind, sort_by, 99);
                assert!(one == 1 && all > 4 && related > 100, "{engine}: {one} {all} {related}");
                assert!(same <= queries && queries <= 6, "{engine}: {sort_by:?}: {queries} and {same} queries");
            }
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// RFC 7643, section 4.1.2: the groups of a user are direct and indirect ones, at any depth, each once.
#[tokio::test]
async fn a_user_has_the_groups_of_its_groups_and_is_told_which_are_direct() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let ada = user(tx, acme, NOW, json!({ "userName": "ada" }));
            let mut make = |name: &str, members: &[ResourceId]| {
                let members: Vec<Value> = members.iter().map(|id| json!({ "value": id.to_string() })).collect();
                let body = json!({ "displayName": name, "members": members });
                let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules());
                let draft = groups::draft(read.unwrap(), resource_type::group(), &rules()).unwrap();
                groups::create(tx, &operation(NOW), acme, &draft).unwrap()
            };
            let a = make("a", &[ada]);
            let b = make("b", &[a]);
            let c = make("c", &[b, ada]);
            make("d", &[c, b, a]);
            let shown = users::find(tx, &operation(NOW), acme, resource_type::user(), ada, &Projection::Default)?;
            let body = parse(&shown.render("http://x", &Projection::Default)?)?;
            let groups: Vec<String> = body["groups"]
                .as_array()
                .unwrap()
                .iter()
                .map(|group| {
                    assert_eq!(group["$ref"], json!(format!("http://x/Groups/{}", group["value"].as_str().unwrap())));
                    format!("{} {}", group["display"].as_str().unwrap(), group["type"].as_str().unwrap())
                })
                .collect();
            assert_eq!(groups, ["a direct", "b indirect", "c direct", "d indirect"], "{engine}");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// Six people, and groups with so many of them.
fn groups_of(tx: &mut Tx<'_>, acme: OrganizationId, sizes: &[usize]) {
    let ids: Vec<ResourceId> = (0..6).map(|n| user(tx, acme, NOW, json!({ "userName": format!("u{n}") }))).collect();
    for (number, size) in sizes.iter().enumerate() {
        let members: Vec<Value> = ids.iter().take(*size).map(|id| json!({ "value": id.to_string() })).collect();
        let body = json!({ "displayName": format!("g{number}"), "members": members });
        let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules());
        let draft = groups::draft(read.unwrap(), resource_type::group(), &rules()).unwrap();
        groups::create(tx, &operation(NOW), acme, &draft).unwrap();
    }
}

/// One group may have more members than a page has; the page ends before the second one, and shows no group in part.
#[tokio::test]
async fn a_page_of_groups_ends_before_its_members_are_too_many() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            groups_of(tx, acme, &[6, 6, 0, 6, 1]);
            let read = |tx: &mut Tx<'_>,
                        most_related,
                        start_index,
                        (filter, excluded): (Option<&str>, Option<&str>)| {
                let mut sought = sought(ResourceKind::Group, filter, None);
                sought.projection = Projection::read(None, excluded, &sought.resource_type).unwrap();
                let wanted = Wanted::Page(Page { start_index, count: 10 });
                let query = Query {
                    sought: vec![sought],
                    direction: None,
                    wanted,
                    scan_rows: 0,
                    most_related,
                    most_bytes: usize::MAX,
                };
                let found = search(tx, &operation(0), acme, &query)?;
                assert_eq!(found.total, Some(if filter.is_some() { 1 } else { 5 }), "{engine}: a page, not the list");
                let sizes = found.resources.iter().map(|(_, one)| one.related.len());
                Ok::<Vec<usize>, ProvisioningError>(sizes.collect())
            };
            let all = (None, None);
            assert_eq!(read(tx, 19, 1, all)?, [6, 6, 0, 6, 1], "{engine}: as many as there may be");
            assert_eq!(read(tx, 13, 1, all)?, [6, 6, 0, 6, 1], "{engine}: one of them aside");
            assert_eq!(read(tx, 12, 1, all)?, [6, 6, 0, 6], "{engine}");
            assert_eq!(read(tx, 7, 1, all)?, [6, 6, 0], "{engine}");
            assert_eq!(read(tx, 7, 4, all)?, [6, 1], "{engine}: the client goes on behind what it got");
            assert_eq!(read(tx, 0, 1, all)?, [6], "{engine}: never none");
            assert_eq!(read(tx, 0, 2, all)?, [6, 0], "{engine}");
            assert_eq!(read(tx, 0, 1, (Some("displayName eq \"g3\""), None))?, [6], "{engine}: one hit");
            assert_eq!(read(tx, 0, 1, (None, Some("members")))?, [0; 5], "{engine}: what is not shown");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// Wherever pages end, who walks along them meets everything once, in both directions.
#[tokio::test]
async fn pages_that_end_early_leave_nothing_out_and_show_nothing_twice() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            groups_of(tx, acme, &[3, 6, 0, 6, 1, 2, 5, 6]);
            for (sort_by, direction) in [
                (None, None),
                (Some("displayName"), Some(Direction::Descending)),
                (Some("meta.lastModified"), Some(Direction::Ascending)),
            ] {
                let kinds = [ResourceKind::User, ResourceKind::Group];
                let sought: Vec<Sought> = kinds.iter().map(|kind| sought(*kind, None, sort_by)).collect();
                let whole = Finder {
                    organization: acme,
                    sought: sought.clone(),
                    direction,
                    most_related: 1_000,
                    most_bytes: usize::MAX,
                };
                let all = Finder::ids(&whole.all(tx));
                assert_eq!(all.len(), 14);
                let by_relations = [0, 1, 5, 6, 7, 13, 28].map(|most| (most, usize::MAX));
                let by_bytes = [0, 150, 400, 1_000, 2_000].map(|most| (1_000, most));
                for (most_related, most_bytes) in by_relations.into_iter().chain(by_bytes) {
                    let finder =
                        Finder { organization: acme, sought: sought.clone(), direction, most_related, most_bytes };
                    for count in [1, 3, 14] {
                        let seen = format!("{engine}: {sort_by:?}, {most_related}, {most_bytes} on pages of {count}");
                        assert_eq!(finder.by_index(tx, count), all, "{seen}");
                        assert_eq!(finder.by_cursor(tx, count), (all.clone(), all.clone()), "{seen}");
                    }
                }
            }
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// Documents are bounded one by one, and a page of them by all together; one is always shown.
#[tokio::test]
async fn a_page_ends_before_its_documents_are_too_long() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            for n in 0..5 {
                user(tx, acme, NOW, json!({ "userName": format!("u{n}"), "title": "x".repeat(1_000) }));
            }
            for (most_bytes, shown) in [(0, 1), (2_500, 2), (3_600, 3), (10_000, 5)] {
                let sought = vec![sought(ResourceKind::User, None, None)];
                let finder = Finder { organization: acme, sought, direction: None, most_related: 1_000, most_bytes };
                let found = finder.all(tx);
                assert_eq!((found.resources.len(), found.total), (shown, Some(5)), "{engine}: {most_bytes}");
            }
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn a_client_searches_in_its_own_organization_only() {
    for scratch in scratch::all() {
        let done = scratch.store.read(|tx| {
            let [acme, globex] = [1, 2].map(|n| OrganizationId::from_bytes(&[n; 16]).unwrap());
            let query = Query {
                sought: vec![sought(ResourceKind::User, None, None)],
                direction: None,
                wanted: Wanted::Page(Page { start_index: 1, count: 10 }),
                scan_rows: 0,
                most_related: 1,
                most_bytes: usize::MAX,
            };
            Ok::<_, StoreError>([acme, globex].map(|of| search(tx, &client_of(of, ScimScope::Read), acme, &query)))
        });
        let [own, foreign] = done.await.unwrap();
        assert!(own.is_ok(), "{}: {own:?}", scratch.engine);
        assert!(matches!(foreign, Err(ProvisioningError::Denied(_))), "{}: {foreign:?}", scratch.engine);
    }
}

/// RFC 9865, section 2: who walks by cursor is told a total only where it is known without counting.
#[tokio::test]
async fn rfc9865_2_a_walk_counts_nothing() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            people(tx, acme);
            for (filter, total) in [(None, Some(6)), (Some("userName sw \"a\""), None)] {
                let sought = vec![sought(ResourceKind::User, filter, None)];
                let finder =
                    Finder { most_related: 1_000, most_bytes: usize::MAX, organization: acme, sought, direction: None };
                assert_eq!(finder.behind(tx, None, 2).total, total, "{engine}: {filter:?}");
            }
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// Counters are exact: what is rolled back does not count, whoever comes and goes at once.
#[tokio::test]
async fn counts_are_exact_whoever_comes_and_goes_at_once() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let store = &scratch.store;
        let acme = store.write(|tx| Ok::<_, ProvisioningError>(organization(tx, "acme"))).await.unwrap();
        let writes = (0..60).map(|n| {
            store.write(move |tx| {
                let id = user(tx, acme, NOW, json!({ "userName": format!("u{n}") }));
                match n % 3 {
                    0 => users::delete(tx, &operation(NOW), acme, id, None),
                    1 => Err(ProvisioningError::NotFound),
                    _ => Ok(()),
                }
            })
        });
        let results = futures_util::future::join_all(writes).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 40);
        let total = move |tx: &mut Tx<'_>| resource_counts::total(tx, acme, ResourceKind::User);
        assert_eq!(store.read(total).await.unwrap(), 20, "{engine}");
        store.write(resource_counts::fold).await.unwrap();
        assert_eq!(store.read(total).await.unwrap(), 20, "{engine}");
        let finder = Finder {
            most_related: 1_000,
            most_bytes: usize::MAX,
            organization: acme,
            sought: vec![sought(ResourceKind::User, None, None)],
            direction: None,
        };
        let first = store.read(move |tx| {
            Ok::<_, ProvisioningError>(finder.find(tx, Wanted::Page(Page { start_index: 1, count: 3 })))
        });
        assert_eq!(first.await.unwrap().total, Some(20), "{engine}");
    }
}

/// Issue B: "No serial point per org on PostgreSQL".
#[tokio::test]
async fn two_transactions_create_in_one_organization_at_the_same_time_on_postgres() {
    let scratch = scratch::postgres();
    let acme = scratch.store.write(|tx| Ok::<_, ProvisioningError>(organization(tx, "acme"))).await.unwrap();
    let ((told_first, first_hears), (told_second, second_hears)) = (mpsc::channel(), mpsc::channel());
    let create = |name: &'static str, tell: mpsc::Sender<()>, hear: mpsc::Receiver<()>| {
        scratch.store.write(move |tx| {
            user(tx, acme, NOW, json!({ "userName": name, "emails": [{ "value": format!("{name}@acme.test") }] }));
            group(tx, acme, name, None);
            tell.send(()).unwrap();
            // The other one has written as much while this transaction is still open.
            hear.recv_timeout(Duration::from_secs(4)).map_err(|_| ProvisioningError::NotFound)
        })
    };
    let (first, second) =
        tokio::join!(create("ada", told_first, second_hears), create("bob", told_second, first_hears));
    assert!(first.is_ok() && second.is_ok(), "one waited for the other: {first:?} {second:?}");
    let total = move |tx: &mut Tx<'_>| resource_counts::total(tx, acme, ResourceKind::Group);
    assert_eq!(scratch.store.read(total).await.unwrap(), 2);
}
