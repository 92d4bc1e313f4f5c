//! The store's answer to a filter is the evaluator's, on both engines: for a table of filters and for generated ones.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use super::{Query, condition, search};
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
    for (n, members) in [vec![ids[0].clone(), ids[1].clone()], vec![ids[1].clone()], vec![]].into_iter().enumerate() {
        let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
        let body = json!({ "displayName": format!("Team {n}"), "members": members });
        let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules());
        let op = operation(1_700_000_100_000_000);
        let draft = groups::draft(read.unwrap(), resource_type::group(), &rules()).unwrap();
        groups::create(tx, &op, organization, &draft).unwrap();
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
            "userName,externalId,displayName,title,name,nickName,emails,roles,photos,active,addresses,x509Certificates,groups,groups.display,members,members.display,members.value,members.type,meta,urn:ietf:params:scim:schemas:extension:enterprise:2.0:User,urn:ietf:params:scim:schemas:extension:causeway:2.0:User",
        ),
        None,
        resource_type,
    )?;
    let page = Page { start_index: 1, count: 200 };
    let mut query = Query { kind, resource_type: resource_type.clone(), condition: None, page, projection };
    let everything = search(tx, &operation(0), organization, &query)?;
    let evaluated: Vec<String> = everything
        .resources
        .iter()
        .filter(|resource| {
            evaluate::matches(&parsed, &parse(&resource.render("http://x", &query.projection).unwrap()).unwrap())
        })
        .map(|resource| resource.id.to_string())
        .collect();
    query.condition = Some(condition(&parsed, resource_type)?);
    let found = search(tx, &operation(0), organization, &query)?;
    assert_eq!(found.total, i64::try_from(found.resources.len()).unwrap(), "{text}");
    Ok((found.resources.iter().map(|resource| resource.id.to_string()).collect(), evaluated))
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
            assert!(hits > 60, "{engine}: the table finds hardly anything: {hits}");
            let members = [
                format!("members eq \"{}\"", ids[1]),
                format!("members[value eq \"{}\" and type eq \"User\"]", ids[0]),
                format!("not (members.value eq \"{}\")", ids[0]),
                format!("members ne \"{}\"", ids[0]),
                "members pr".to_owned(),
                "not (members pr)".to_owned(),
                "members.display co \"love\"".to_owned(),
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
        Just("id")
    ];
    let operators = prop_oneof![
        Just("eq"),
        Just("ne"),
        Just("co"),
        Just("sw"),
        Just("ew"),
        Just("gt"),
        Just("ge"),
        Just("lt"),
        Just("le")
    ];
    let leaf = prop_oneof![
        (names.clone(), operators.clone(), texts.clone()).prop_map(|(n, o, t)| format!("{n} {o} {}", json!(t))),
        names.prop_map(|n| format!("{n} pr")),
        (operators.clone(), texts.clone(), operators, texts).prop_map(|(o, t, p, u)| format!(
            "emails[type {o} {} and not (value {p} {})]",
            json!(t),
            json!(u)
        )),
        any::<bool>().prop_map(|b| format!("active eq {b}")),
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
async fn generated_filters_find_what_they_say() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let organization = organization(tx, "acme");
            fill(tx, organization);
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
