//! The store's answer to a filter is the evaluator's, on both engines: for a table of filters and for generated ones.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use super::condition;
use super::page::{Found, Query, Sought, Wanted, search};
use crate::protocol::scim::document;
use crate::protocol::scim::filter::{self, evaluate};
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::list::Page;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::resource_type::{self, ResourceTypes};
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::resource::{parse, resource_type as of_kind};
use crate::provisioning::tests::{operation, organization, rules};
use crate::provisioning::{groups, users};
use crate::store::Tx;
use crate::store::condition::Condition;
use crate::store::resource_grams;
use crate::store::resources::ResourceKind;
use crate::store::scratch;
use crate::values::ids::OrganizationId;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn bodies() -> Vec<Value> {
    let long = "x".repeat(450);
    vec![
        json!({ "userName": "Ada@acme.test", "externalId": "Ext-1", "displayName": "Ada Lovelace", "title": "Countess",
            "name": { "givenName": "Ada", "familyName": "Lovelace" },
            "emails": [{ "value": "ada@acme.test", "type": "work", "primary": true },
                       { "value": "ada@home.test", "type": "home", "primary": false }],
            ENTERPRISE: { "department": "R&D", "manager": { "value": "m1" } } }),
        json!({ "userName": "bob", "externalId": "ext-1", "active": false, "title": "Engineer \u{e9}",
            "emails": [{ "value": "ada@acme.test", "type": "home" }, { "type": "work" }],
            "roles": [{ "value": "admin", "primary": true }] }),
        json!({ "userName": "\u{e9}lodie", "displayName": "\u{c9}lodie", "nickName": long.clone(),
            "addresses": [{ "type": "work", "locality": "Paris", "country": "FR" },
                          { "type": "home", "locality": "Lyon", "country": "FR" }] }),
        json!({ "userName": "carol_%", "nickName": format!("{long}y"), "name": { "familyName": "100%_" },
            "photos": [{ "value": "https://x.test/A.png", "type": "photo" }],
            "x509Certificates": [{ "value": "AAEC" }] }),
        json!({ "userName": "dave", "emails": [{ "value": "dave@acme.test" }], ENTERPRISE: { "employeeNumber": "701984" } }),
    ]
}

fn fill(tx: &mut Tx<'_>, organization: OrganizationId) -> Vec<String> {
    let mut ids = Vec::new();
    for (n, body) in bodies().into_iter().enumerate() {
        let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules());
        let draft = users::draft(read.unwrap().document, resource_type::user()).unwrap();
        let op = operation(1_700_000_000_000_000 + i64::try_from(n).unwrap() * 1_000_000);
        ids.push(users::create(tx, &op, organization, &draft).unwrap().id.to_string());
    }
    // Team 3 contains team 0, and team 4 contains team 3 and Bob, who is in team 0 as well.
    let mut teams: Vec<String> = Vec::new();
    let direct = [vec![0, 1], vec![1], vec![], vec![], vec![1]];
    for (n, people) in direct.into_iter().enumerate() {
        let mut members: Vec<String> = people.into_iter().map(|person: usize| ids[person].clone()).collect();
        match n {
            3 => members.push(teams[0].clone()),
            4 => members.push(teams[3].clone()),
            _ => {}
        }
        let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
        let body = json!({ "displayName": format!("Team {n}"), "members": members });
        let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules());
        let op = operation(1_700_000_100_000_000);
        let draft = groups::draft(read.unwrap(), resource_type::group(), &rules()).unwrap();
        teams.push(groups::create(tx, &op, organization, &draft).unwrap().to_string());
    }
    ids
}

/// The ids that the store finds and the ids that the evaluator finds.
fn both(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    kind: ResourceKind,
    text: &str,
) -> Result<(Vec<String>, Vec<String>), ProvisioningError> {
    let resource_type = of_kind(ResourceTypes::base(), kind);
    let rules = Rules::new(Profile::Standard.tolerance(), Limits::default());
    let parsed = filter::parse(text, resource_type, &rules)?;
    let projection = Projection::read(
        Some(
            "userName,externalId,displayName,title,name,nickName,emails,roles,photos,active,addresses,x509Certificates,groups,groups.display,members,members.display,members.value,members.type,meta,urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ),
        None,
        resource_type,
    )?;
    let everything = find(tx, organization, kind, None, &projection)?;
    let evaluated: Vec<String> = everything
        .resources
        .iter()
        .filter(|(_, resource)| {
            evaluate::matches(&parsed, &parse(&resource.render("http://x", &projection).unwrap()).unwrap())
        })
        .map(|(_, resource)| resource.id.to_string())
        .collect();
    let found = find(tx, organization, kind, Some(condition(&parsed, resource_type)?), &projection)?;
    assert_eq!(found.total, i64::try_from(found.resources.len()).ok(), "{text}");
    Ok((found.resources.iter().map(|(_, resource)| resource.id.to_string()).collect(), evaluated))
}

fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    kind: ResourceKind,
    condition: Option<Condition>,
    projection: &Projection,
) -> Result<Found, ProvisioningError> {
    let resource_type = of_kind(ResourceTypes::base(), kind).clone();
    let query = Query {
        sought: vec![Sought { kind, resource_type, condition, key: None, projection: projection.clone() }],
        direction: None,
        wanted: Wanted::Page(Page { start_index: 1, count: 200 }),
        scan_rows: 100,
        most_related: 100,
        most_bytes: usize::MAX,
    };
    search(tx, &operation(0), organization, &query)
}

const FILTERS: &[&str] = &[
    r#"userName eq "ADA@acme.test""#,
    r#"userName sw "a""#,
    r#"userName ew "_%""#,
    r#"userName co "%""#,
    r#"userName ne "bob""#,
    r#"userName gt "bob" and userName le "dave""#,
    r#"userName pr"#,
    r#"userName eq "\u00c9LODIE""#,
    r#"externalId eq "Ext-1""#,
    r#"externalId ne "Ext-1""#,
    r#"externalId eq null"#,
    r#"displayName co "love""#,
    r#"not (displayName co "love")"#,
    r#"displayName co "VELACE""#,
    r#"externalId co "Ext""#,
    r#"externalId co "ext-1""#,
    r#"userName co "rol_%""#,
    r#"userName co "zzz""#,
    r#"emails co "@acme.""#,
    r#"emails.value co "home.test""#,
    r#"emails[type eq "work" and value co "acme"]"#,
    r#"emails[type eq "home" or value co "dave"]"#,
    r#"not (emails[value co "acme"])"#,
    r#"title co "gineer \u00e9""#,
    r#"userName co "ada" or title co "gineer""#,
    r#"userName co "ada" or active eq false"#,
    r#"emails co "acme" and active eq true and userName co "dave""#,
    r#"groups.display co "eam 4""#,
    r#"groups[display co "team" and type eq "indirect"]"#,
    r#"photos.value co "x.test/A""#,
    r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department co "R&D""#,
    r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager co "m1""#,
    "active eq true",
    "active ne true",
    "active pr and not (active eq false)",
    "active eq null",
    r#"title co "\u00c9""#,
    r#"title ew "\u00e9""#,
    r#"title ne "Countess""#,
    r#"name.familyName eq "100%_""#,
    r#"name.familyName sw "100%""#,
    "name pr",
    "emails pr",
    "not (emails pr)",
    r#"emails eq "ada@acme.test""#,
    r#"emails.type eq "work""#,
    r#"emails.type ne "work""#,
    r#"emails.primary eq false"#,
    r#"emails.primary pr"#,
    r#"emails.primary ne true"#,
    r#"emails[type eq "work" and value eq "ada@acme.test"]"#,
    r#"emails[type eq "home" and value eq "ada@acme.test"]"#,
    r#"emails[type eq "work"].value sw "ada""#,
    r#"emails[not (type eq "work")]"#,
    r#"emails[value eq null]"#,
    r#"emails[type eq "work" or primary eq false]"#,
    r#"emails[value co "home" or type eq "x"]"#,
    r#"emails[not (value co "acme") and type pr]"#,
    r#"addresses[type eq "work" and locality eq "Paris"]"#,
    r#"addresses[type eq "work" and locality eq "Lyon"]"#,
    r#"addresses[locality eq "Lyon" and country eq "FR"]"#,
    r#"addresses[locality eq "Lyon" and not (country eq "FR")]"#,
    r#"photos.value eq "https://x.test/A.png""#,
    r#"photos.value eq "https://x.test/a.png""#,
    r#"x509Certificates.value sw "AA""#,
    r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "r&d""#,
    r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "M1""#,
    r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager pr"#,
    r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq 701984"#,
    r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
    r#"schemas ne "urn:ietf:params:scim:schemas:core:2.0:User""#,
    r#"schemas pr"#,
    r#"meta.resourceType eq "User""#,
    r#"meta.created gt "2023-11-14T22:13:21Z""#,
    r#"meta.lastModified le "2023-11-14T22:13:21.000Z""#,
    r#"meta.created eq "2023-11-14T22:13:20.000Z""#,
    r#"meta.version eq "W/\"1\"""#,
    r#"meta.version eq "1""#,
    r#"groups pr"#,
    r#"groups.display eq "team 0""#,
    r#"groups.display ne "team 0""#,
    r#"groups[display eq "team 1" and type eq "direct"]"#,
    r#"groups[not (display eq "team 0")]"#,
    r#"groups.display eq "team 3""#,
    r#"groups.display eq "team 4""#,
    r#"groups.display sw "team""#,
    r#"groups.type eq "indirect""#,
    r#"not (groups.type eq "indirect")"#,
    r#"groups[display eq "team 4" and type eq "direct"]"#,
    r#"groups[display eq "team 4" and type eq "indirect"]"#,
    r#"groups[display eq "team 4" and not (type eq "direct")]"#,
    r#"groups[type eq "indirect" or display eq "team 1"]"#,
    r#"groups[display eq "team 3" or display eq "team 1"]"#,
    r#"groups[type pr]"#,
    r#"userName sw "b" and groups.display eq "team 4""#,
    r#"userName eq "bob" or groups.display eq "team 4" or emails.value sw "dave""#,
    r#"userName sw "a" and (title eq "countess" or title eq "x")"#,
    r#"(title eq "countess" or emails[type eq "work" and value eq "ada@acme.test"]) and active eq true"#,
    r#"emails[value eq "dave@acme.test" or value sw "ada@home"]"#,
    r#"meta.lastModified gt "2023-11-14T22:13:21Z""#,
    r#"meta.lastModified ge "2023-11-14T22:13:21Z" and userName sw "c""#,
    r#"meta.created ge "2023-11-14T22:13:22Z" or userName eq "bob""#,
    r#"id eq "nope""#,
    r#"id sw "018""#,
    r#"id co "-""#,
    r#"id gt "018""#,
];

#[tokio::test]
async fn the_store_and_the_evaluator_agree() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let organization = organization(tx, "acme");
            let other = organization_of_others(tx);
            let ids = fill(tx, organization);
            let long = "x".repeat(450);
            let mut filters: Vec<String> = FILTERS.iter().map(|text| (*text).to_owned()).collect();
            filters.push(format!("id eq \"{}\"", ids[2]));
            filters.push(format!("id sw \"{}\"", &ids[2][..20]));
            for operator in ["eq", "ne", "sw", "co", "ew", "gt", "le"] {
                filters.push(format!("nickName {operator} \"{long}\""));
                filters.push(format!("nickName {operator} \"{}\"", &long[..400]));
                filters.push(format!("nickName {operator} \"x\""));
            }
            let mut hits = 0;
            for text in &filters {
                let (found, evaluated) = both(tx, organization, ResourceKind::User, text)?;
                assert_eq!(found, evaluated, "{engine}: {text}");
                hits += found.len();
            }
            // The same when nothing waits to be indexed any more.
            while resource_grams::index(tx, 3)? > 0 {}
            for text in filters.iter().filter(|text| text.contains(" co ")) {
                let (found, evaluated) = both(tx, organization, ResourceKind::User, text)?;
                assert_eq!(found, evaluated, "{engine}: {text}");
            }
            assert!(hits > 60, "{engine}: the table finds hardly anything: {hits}");
            let members = [
                format!("members eq \"{}\"", ids[1]),
                format!("members[value eq \"{}\" and type eq \"User\"]", ids[0]),
                format!("not (members.value eq \"{}\")", ids[0]),
                format!("members ne \"{}\"", ids[0]),
                "members pr".to_owned(),
                "not (members pr)".to_owned(),
                "members.display co \"love\"".to_owned(),
                "displayName co \"EAM 1\"".to_owned(),
                "members[display co \"love\" and type eq \"User\"]".to_owned(),
                "members.type eq \"group\"".to_owned(),
                "displayName eq \"TEAM 1\"".to_owned(),
            ];
            for text in &members {
                let (found, evaluated) = both(tx, organization, ResourceKind::Group, text)?;
                assert_eq!(found, evaluated, "{engine}: {text}");
            }
            assert_eq!(both(tx, other, ResourceKind::User, "userName pr")?.0, Vec::<String>::new());
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

fn organization_of_others(tx: &mut Tx<'_>) -> OrganizationId {
    organization(tx, "globex")
}

fn operators() -> impl Strategy<Value = &'static str> + Clone {
    prop_oneof![
        Just("eq"),
        Just("ne"),
        Just("co"),
        Just("sw"),
        Just("ew"),
        Just("gt"),
        Just("ge"),
        Just("lt"),
        Just("le")
    ]
}

fn generated() -> impl Strategy<Value = String> {
    let texts = prop_oneof![
        Just("ada"),
        Just("ada@acme.test"),
        Just("work"),
        Just("%"),
        Just("_"),
        Just("\u{c9}"),
        Just("x"),
        Just("FR"),
        Just("team 4"),
        Just("team 0"),
        Just("indirect"),
        Just("acme"),
        Just("")
    ];
    let names = prop_oneof![
        Just("userName"),
        Just("externalId"),
        Just("displayName"),
        Just("title"),
        Just("nickName"),
        Just("emails"),
        Just("emails.type"),
        Just("name.familyName"),
        Just("addresses.locality"),
        Just("groups.display"),
        Just("groups.type"),
        Just("groups"),
        Just("id")
    ];
    let operators = operators();
    let leaf = prop_oneof![
        (names.clone(), operators.clone(), texts.clone()).prop_map(|(n, o, t)| format!("{n} {o} {}", json!(t))),
        names.prop_map(|n| format!("{n} pr")),
        (operators.clone(), texts.clone(), operators, texts).prop_map(|(o, t, p, u)| format!(
            "emails[type {o} {} and not (value {p} {})]",
            json!(t),
            json!(u)
        )),
        any::<bool>().prop_map(|b| format!("active eq {b}")),
        (any::<bool>(), 0..5_usize).prop_map(|(b, n)| format!(
            "groups[type eq \"{}\" and display eq \"team {n}\"]",
            if b { "direct" } else { "indirect" }
        )),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) or ({b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

#[tokio::test]
async fn what_is_found_by_a_part_follows_every_change() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let ids = fill(tx, acme);
            let finds = |tx: &mut Tx<'_>, text: &str| both(tx, acme, ResourceKind::User, text).map(|both| both.0);
            while resource_grams::index(tx, 100)? > 0 {}
            assert_eq!(finds(tx, r#"title co "ountes""#)?, ids[..1], "{engine}");
            let body = json!({ "userName": "ada@acme.test", "title": "Mathematician" });
            let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules()).unwrap();
            let draft = users::draft(read.document, resource_type::user()).unwrap();
            users::replace(tx, &operation(0), acme, ids[0].parse().unwrap(), &draft, None)?;
            users::delete(tx, &operation(0), acme, ids[4].parse().unwrap(), None)?;
            for round in ["waiting", "indexed"] {
                assert_eq!(finds(tx, r#"title co "ountes""#)?, Vec::<String>::new(), "{engine} {round}");
                assert_eq!(finds(tx, r#"title co "themat""#)?, ids[..1], "{engine} {round}");
                assert_eq!(finds(tx, r#"emails co "dave""#)?, Vec::<String>::new(), "{engine} {round}");
                let waiting = resource_grams::count_waiting(tx, Some(acme), 100)?;
                assert_eq!(waiting, if round == "waiting" { 2 } else { 0 }, "{engine} {round}");
                while resource_grams::index(tx, 100)? > 0 {}
            }
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn generated_filters_find_what_they_say() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let organization = organization(tx, "acme");
            fill(tx, organization);
            while resource_grams::index(tx, 100)? > 0 {}
            let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
            let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
            for _ in 0..150 {
                let text = generated().new_tree(&mut runner).unwrap().current();
                let (found, evaluated) = both(tx, organization, ResourceKind::User, &text)?;
                assert_eq!(found, evaluated, "{engine}: {text}");
            }
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}
