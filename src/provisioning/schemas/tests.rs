//! An organization's own schemas, from their registration to the clearing of their values, on both engines.

use std::sync::Arc;

use serde_json::{Value, json};

use super::catalog::Catalog;
use super::clearing;
use super::registry::{self, OwnSchema, SchemaError, Values, Wanted};
use crate::protocol::oidc::scope::Scope;
use crate::protocol::scim::assignable::{Assignable, AssignableKind};
use crate::protocol::scim::error::{ScimError, ScimType};
use crate::protocol::scim::filter;
use crate::protocol::scim::list::Page;
use crate::protocol::scim::patch::request;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::resource_type::ResourceType;
use crate::protocol::scim::schema::causeway_user::ID as OWN;
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::{document, json as scim_json};
use crate::provisioning::assignables::{self, AssignableError, Assignables};
use crate::provisioning::claim_mappings::{self, ClaimError};
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::resource::{Patch, Resource, parse};
use crate::provisioning::search::condition;
use crate::provisioning::search::page::{self, Query, Sought};
use crate::provisioning::tests::{operation, organization, rules};
use crate::provisioning::{groups, users};
use crate::record::audit;
use crate::store::failure::StoreError;
use crate::store::resources::ResourceKind;
use crate::store::scratch::{self, Scratch};
use crate::store::{Tx, organizations, outbox, resource_search, scim_clearings, scim_schemas};
use crate::values::ids::{OrganizationId, ResourceId};
use crate::values::page::PageRequest;
use crate::values::quota::Quota;

const NOW: i64 = 1_700_000_000_000_000;
const URN: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// What a test step meets.
#[derive(Debug, thiserror::Error)]
enum Met {
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    Provisioning(#[from] ProvisioningError),
    #[error(transparent)]
    Scim(#[from] ScimError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn wanted(attributes: Value, is_required: bool) -> Wanted {
    let definition = json!({ "id": URN, "name": "Acme", "attributes": attributes });
    Wanted { definition: definition.as_object().unwrap().clone(), is_required }
}

fn register(tx: &mut Tx<'_>, organization: OrganizationId, wanted: &Wanted) -> Result<OwnSchema, SchemaError> {
    registry::register(tx, &operation(NOW), organization, ResourceKind::User, wanted, &Quota::default())
}

fn replace(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    schema: &OwnSchema,
    wanted: &Wanted,
    values: Values,
) -> Result<OwnSchema, SchemaError> {
    registry::replace(tx, &operation(NOW), organization, schema.id, None, (wanted, values), &Quota::default())
}

fn users_of(tx: &mut Tx<'_>, organization: OrganizationId) -> Arc<ResourceType> {
    super::catalog::load(tx, organization).unwrap().user
}

fn draft(user: &Arc<ResourceType>, name: &str, own: Value) -> Result<users::UserDraft, ScimError> {
    let mut body = scim_json::Object::new();
    body.insert("userName".to_owned(), name.into());
    if !own.is_null() {
        body.insert(URN.to_owned(), own);
    }
    users::draft(document::read(body, user, &rules())?.document, user)
}

fn create(tx: &mut Tx<'_>, organization: OrganizationId, name: &str, own: Value) -> Result<Resource, Met> {
    let user = users_of(tx, organization);
    Ok(users::create(tx, &operation(NOW), organization, &draft(&user, name, own)?)?)
}

fn patch(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ResourceId,
    operations: Value,
) -> Result<Resource, ProvisioningError> {
    let body = json!({ "schemas": [request::SCHEMA], "Operations": operations });
    let operations = request::read(body.as_object().unwrap().clone(), &rules())?;
    let patch = Patch { operations, resource_type: users_of(tx, organization), rules: rules() };
    users::patch(tx, &operation(NOW + 5_000_000), organization, id, patch, None)
}

fn shown(tx: &mut Tx<'_>, organization: OrganizationId, id: ResourceId, attributes: Option<&str>) -> Value {
    let user = users_of(tx, organization);
    let projection = Projection::read(attributes, None, &user).unwrap();
    let found = users::find(tx, &operation(NOW), organization, &user, id, &projection).unwrap();
    Value::Object(parse(&found.render("https://x.test", &projection).unwrap()).unwrap())
}

fn found(tx: &mut Tx<'_>, organization: OrganizationId, text: &str) -> Result<i64, Met> {
    let user = users_of(tx, organization);
    let parsed = filter::parse(text, &user, &rules())?;
    let sought = Sought {
        kind: ResourceKind::User,
        condition: Some(condition(&parsed, &user)?),
        resource_type: user,
        key: None,
        projection: Projection::Default,
    };
    let query = Query {
        sought: vec![sought],
        direction: None,
        wanted: page::Wanted::Page(Page { start_index: 1, count: 10 }),
        scan_rows: 1_000,
        most_related: 1_000,
        most_bytes: usize::MAX,
    };
    Ok(page::search(tx, &operation(NOW), organization, &query)?.total.unwrap_or_default())
}

fn refused(outcome: Result<Resource, Met>) -> ScimType {
    match outcome {
        Err(Met::Scim(error) | Met::Provisioning(ProvisioningError::Protocol(error))) => error.scim_type,
        other => panic!("not a refusal by the protocol: {other:?}"),
    }
}

#[tokio::test]
async fn attributes_of_its_own_are_checked_stored_found_and_shown() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let attributes = json!([
                { "name": "badge", "caseExact": true }, { "name": "grade", "type": "integer" },
                { "name": "rate", "type": "decimal" }, { "name": "since", "type": "dateTime" },
                { "name": "isTemporary", "type": "boolean" }, { "name": "key", "type": "binary" },
                { "name": "page", "type": "reference", "referenceTypes": ["external"] },
                { "name": "sites", "type": "complex", "multiValued": true, "subAttributes": [
                    { "name": "value" }, { "name": "type" }, { "name": "primary", "type": "boolean" }] },
            ]);
            register(tx, acme, &wanted(attributes, false))?;
            let own = json!({
                "Badge": "B-7", "grade": 7, "rate": 0.5, "since": "2026-01-01T01:00:00+01:00", "isTemporary": true,
                "key": "AAEC", "page": "https://acme.test/p", "nope": 1,
                "sites": [{ "value": "Paris", "type": "work", "primary": true }, { "value": "Lyon" }],
            });
            let ada = create(tx, acme, "ada", own)?;
            let resource = shown(tx, acme, ada.id, None);
            assert_eq!(resource["schemas"], json!([USER, URN]), "{engine}");
            let stored = json!({
                "badge": "B-7", "grade": 7, "rate": 0.5, "since": "2026-01-01T01:00:00+01:00", "isTemporary": true,
                "key": "AAEC", "page": "https://acme.test/p",
                "sites": [{ "value": "Paris", "type": "work", "primary": true }, { "value": "Lyon" }],
            });
            assert_eq!(resource[URN], stored, "{engine}");
            for (filter, matches) in [
                ("badge eq \"B-7\"", 1),
                ("badge eq \"b-7\"", 0),
                ("grade gt 6", 1),
                ("rate ge 0.5", 1),
                ("since eq \"2026-01-01T00:00:00Z\"", 1),
                ("isTemporary eq true", 1),
                ("sites[type eq \"WORK\" and value sw \"par\"]", 1),
                ("sites[type eq \"home\"]", 0),
                ("sites.value co \"yo\"", 1),
            ] {
                let text = format!("{URN}:{filter}");
                assert_eq!(found(tx, acme, &text)?, matches, "{engine} {text}");
            }
            assert_eq!(found(tx, acme, &format!("schemas eq \"{URN}\""))?, 1);
            for wrong in [
                json!({ "grade": 7.5 }),
                json!({ "grade": "7" }),
                json!({ "since": "yesterday" }),
                json!({ "key": "!" }),
                json!({ "sites": [{ "value": "a", "primary": true }, { "value": "b", "primary": true }] }),
            ] {
                assert_eq!(refused(create(tx, acme, "eve", wrong.clone())), ScimType::InvalidValue, "{wrong}");
            }
            Ok::<_, Met>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn a_unique_value_belongs_to_one_resource_at_a_time() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let (acme, globex) = (organization(tx, "acme"), organization(tx, "globex"));
            let attributes = json!([{ "name": "badge", "uniqueness": "server" }, { "name": "exact", "caseExact": true,
                "uniqueness": "global", "multiValued": true }]);
            for organization in [acme, globex] {
                register(tx, organization, &wanted(attributes.clone(), false))?;
                create(tx, organization, "ada", json!({ "badge": "B-1", "exact": ["x", "y"] }))?;
            }
            let taken = |outcome: Result<Resource, Met>| match outcome {
                Err(Met::Provisioning(ProvisioningError::ValueTaken(name))) => name,
                other => panic!("{engine}: not taken: {other:?}"),
            };
            let user = users_of(tx, acme);
            let eve = create(tx, acme, "eve", json!({ "badge": "B-2", "exact": ["X"] }))?;
            for (own, name) in [(json!({ "badge": "b-1" }), "badge"), (json!({ "exact": ["z", "y"] }), "exact")] {
                let put = draft(&user, "eve", own)?;
                let replaced = users::replace(tx, &operation(NOW), acme, eve.id, &put, None);
                assert_eq!(taken(replaced.map_err(Met::from)), name);
            }
            Ok::<_, Met>((acme, user, eve.id))
        });
        let (acme, user, eve) = done.await.unwrap();
        let freed = scratch.store.write(move |tx| {
            let ada = users::replace(tx, &operation(NOW), acme, eve, &draft(&user, "eve", Value::Null)?, None)?;
            create(tx, acme, "bob", json!({ "badge": "B-2" }))?;
            users::delete(tx, &operation(NOW), acme, ada.id, None)?;
            create(tx, acme, "carol", json!({ "exact": ["X"] }))?;
            Ok::<_, Met>(())
        });
        freed.await.unwrap();
    }
}

#[tokio::test]
async fn a_schema_that_begins_to_require_something_locks_nobody() {
    for scratch in scratch::all() {
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let ada = create(tx, acme, "ada", Value::Null)?;
            register(tx, acme, &wanted(json!([{ "name": "badge", "required": true }, { "name": "grade" }]), true))?;
            patch(tx, acme, ada.id, json!([{ "op": "replace", "path": "title", "value": "x" }]))?;
            let user = users_of(tx, acme);
            assert_eq!(refused(create(tx, acme, "bob", Value::Null)), ScimType::InvalidValue);
            assert_eq!(refused(create(tx, acme, "bob", json!({ "grade": "1" }))), ScimType::InvalidValue);
            // A client that knows nothing of it can still write the user whole, as Okta does to deactivate one.
            let bare = draft(&user, "ada", Value::Null)?;
            users::replace(tx, &operation(NOW), acme, ada.id, &bare, None)?;
            patch(tx, acme, ada.id, json!([{ "op": "add", "path": format!("{URN}:badge"), "value": "B" }]))?;
            let taken_away = users::replace(tx, &operation(NOW), acme, ada.id, &bare, None);
            assert_eq!(refused(taken_away.map_err(Met::from)), ScimType::InvalidValue);
            for operation in [
                json!({ "op": "remove", "path": format!("{URN}:badge") }),
                json!({ "op": "remove", "path": URN }),
                json!({ "op": "replace", "path": format!("{URN}:badge"), "value": "" }),
            ] {
                let outcome = patch(tx, acme, ada.id, json!([operation])).map_err(Met::from);
                assert!(matches!(refused(outcome), ScimType::InvalidValue | ScimType::Mutability), "{operation}");
            }
            Ok::<_, Met>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn an_immutable_attribute_is_written_once() {
    for scratch in scratch::all() {
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            register(tx, acme, &wanted(json!([{ "name": "badge", "mutability": "immutable" }]), false))?;
            let ada = create(tx, acme, "ada", json!({ "badge": "B" }))?;
            let user = users_of(tx, acme);
            let put = |own: Value| draft(&user, "ada", own).unwrap();
            let kept = users::replace(tx, &operation(NOW), acme, ada.id, &put(Value::Null), None)?;
            assert_eq!(shown(tx, acme, kept.id, None)[URN], json!({ "badge": "B" }));
            let other = users::replace(tx, &operation(NOW), acme, ada.id, &put(json!({ "badge": "C" })), None);
            assert_eq!(refused(other.map_err(Met::from)), ScimType::Mutability);
            for operation in [
                json!({ "op": "replace", "path": format!("{URN}:badge"), "value": "C" }),
                json!({ "op": "remove", "path": format!("{URN}:badge") }),
                json!({ "op": "remove", "path": URN }),
                json!({ "op": "replace", "path": URN, "value": null }),
            ] {
                let outcome = patch(tx, acme, ada.id, json!([operation])).map_err(Met::from);
                assert_eq!(refused(outcome), ScimType::Mutability, "{operation}");
            }
            Ok::<_, Met>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_shows_what_the_schema_says_it_shows() {
    for scratch in scratch::all() {
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let attributes = json!([
                { "name": "always", "returned": "always" }, { "name": "never", "returned": "never" },
                { "name": "asked", "returned": "request" }, { "name": "plain" },
                { "name": "whole", "type": "complex", "subAttributes": [
                    { "name": "value" }, { "name": "hidden", "returned": "never" },
                    { "name": "asked", "returned": "request" }] },
            ]);
            register(tx, acme, &wanted(attributes, false))?;
            let own = json!({ "always": "a", "never": "n", "asked": "r", "plain": "p",
                "whole": { "value": "v", "hidden": "h", "asked": "q" } });
            let ada = create(tx, acme, "ada", own)?;
            let mut of = |attributes: Option<&str>| shown(tx, acme, ada.id, attributes)[URN].clone();
            assert_eq!(of(None), json!({ "always": "a", "plain": "p", "whole": { "value": "v" } }));
            assert_eq!(of(Some("userName")), json!({ "always": "a" }));
            assert_eq!(of(Some(&format!("{URN}:asked,{URN}:never"))), json!({ "always": "a", "asked": "r" }));
            assert_eq!(of(Some(&format!("{URN}:whole.asked"))), json!({ "always": "a", "whole": { "asked": "q" } }));
            Ok::<_, Met>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn values_go_with_their_attribute_only_when_that_is_asked_for() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let both = json!([{ "name": "badge", "uniqueness": "server" }, { "name": "grade" }]);
            let schema = register(tx, acme, &wanted(both.clone(), false))?;
            let ada = create(tx, acme, "ada", json!({ "badge": "B", "grade": "1" }))?;
            let bob = create(tx, acme, "bob", json!({ "badge": "C" }))?;
            let grade = wanted(json!([{ "name": "grade" }]), false);
            let kept = replace(tx, acme, &schema, &grade, Values::Keep);
            assert!(matches!(kept, Err(SchemaError::InUse { resources: 2, .. })), "{engine}: {kept:?}");
            for reshaped in [json!({ "name": "badge", "type": "integer" }), json!({ "name": "badge" })] {
                let other = wanted(json!([reshaped, { "name": "grade" }]), false);
                let refused = replace(tx, acme, &schema, &other, Values::Clear);
                assert!(matches!(refused, Err(SchemaError::InUse { .. })), "{engine}: {refused:?}");
            }
            replace(tx, acme, &schema, &grade, Values::Clear)?;
            // Invisible from now on, whatever the stored document still says.
            assert_eq!(shown(tx, acme, ada.id, None)[URN], json!({ "grade": "1" }), "{engine}");
            assert!(shown(tx, acme, bob.id, None).get(URN).is_none(), "{engine}");
            let again = replace(tx, acme, &schema, &wanted(both.clone(), false), Values::Keep);
            assert!(matches!(again, Err(SchemaError::BeingCleared(_))), "{engine}: {again:?}");
            let [row] = scim_clearings::all(tx, acme)?.try_into().unwrap();
            assert!(!clearing::advance(tx, &operation(NOW), acme, row.id)?);
            assert!(!clearing::advance(tx, &operation(NOW), acme, row.id)?, "a second time does nothing");
            assert!(scim_clearings::all(tx, acme)?.is_empty());
            let bare = shown(tx, acme, bob.id, None);
            assert_eq!((&bare["schemas"], bare["meta"]["version"].as_str()), (&json!([USER]), Some("W/\"2\"")));
            replace(tx, acme, &schema, &wanted(both, false), Values::Keep)?;
            assert_eq!(found(tx, acme, &format!("{URN}:badge pr"))?, 0, "{engine}");
            create(tx, acme, "carol", json!({ "badge": "B" }))?;
            let log = audit::page(tx, acme, &PageRequest::new(None, Some(200)).unwrap())?;
            let cleared = log.items.iter().find(|entry| entry.action == "scim_schema.values_cleared").unwrap();
            assert_eq!(cleared.detail["resources"], 2);
            Ok::<_, Met>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn a_whole_schema_goes_with_its_values() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let schema = register(tx, acme, &wanted(json!([{ "name": "badge" }]), true))?;
            let ada = create(tx, acme, "ada", json!({ "badge": "B" }))?;
            let op = operation(NOW);
            let kept = registry::delete(tx, &op, acme, schema.id, Values::Keep);
            assert!(matches!(kept, Err(SchemaError::InUse { resources: 1, .. })), "{engine}: {kept:?}");
            assert_eq!(registry::delete(tx, &op, acme, schema.id, Values::Clear)?, 1);
            let gone = shown(tx, acme, ada.id, None);
            assert_eq!((&gone["schemas"], gone.get(URN)), (&json!([USER]), None), "{engine}");
            let again = register(tx, acme, &wanted(json!([{ "name": "badge" }]), false));
            assert!(matches!(again, Err(SchemaError::BeingCleared(_))), "{engine}: {again:?}");
            patch(tx, acme, ada.id, json!([{ "op": "add", "path": "title", "value": "x" }]))?;
            let [row] = scim_clearings::all(tx, acme)?.try_into().unwrap();
            assert!(!clearing::advance(tx, &op, acme, row.id)?);
            let again = register(tx, acme, &wanted(json!([{ "name": "badge" }]), false))?;
            assert_ne!(again.id, schema.id);
            assert_eq!(found(tx, acme, &format!("{URN}:badge pr"))?, 0, "{engine}");
            Ok::<_, Met>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn a_urn_is_taken_by_a_standard_by_itself_and_by_what_it_begins_with() {
    for scratch in scratch::all() {
        let done = scratch.store.write(move |tx| {
            let (acme, globex) = (organization(tx, "acme"), organization(tx, "globex"));
            let schema = |urn: &str| {
                let definition = json!({ "id": urn, "name": "x", "attributes": [{ "name": "a" }] });
                Wanted { definition: definition.as_object().unwrap().clone(), is_required: false }
            };
            register(tx, acme, &schema("urn:acme:User"))?;
            for taken in ["urn:acme:User", "URN:ACME:user", "urn:acme", "urn:acme:User:more"] {
                let refused = register(tx, acme, &schema(taken));
                assert!(
                    matches!(refused, Err(SchemaError::UrnTaken | SchemaError::Invalid(_))),
                    "{taken}: {refused:?}"
                );
            }
            register(tx, globex, &schema("urn:acme:User"))?;
            let quota = Quota { scim_schemas: 1, ..Quota::default() };
            let op = operation(NOW);
            let many = registry::register(tx, &op, acme, ResourceKind::Group, &schema("urn:acme:x"), &quota);
            assert!(matches!(many, Err(SchemaError::TooMany(_))), "{many:?}");
            Ok::<_, Met>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn the_catalog_knows_each_version_of_each_organization() {
    for scratch in scratch::all() {
        let done = scratch.store.write(move |tx| {
            let (acme, globex) = (organization(tx, "acme"), organization(tx, "globex"));
            let catalog = Catalog::default();
            register(tx, acme, &wanted(json!([{ "name": "badge" }]), false))?;
            let has = |types: &crate::protocol::scim::resource_type::ResourceTypes| types.user.extension(URN).is_some();
            assert!(has(&*catalog.types(tx, acme, 1, Profile::Standard)?));
            assert!(!has(&*catalog.types(tx, globex, 0, Profile::Okta)?));
            let schema = registry::page(tx, &operation(NOW), acme, &PageRequest::new(None, None).unwrap())?.items;
            let row = scim_schemas::find(tx, acme, schema[0].id)?.unwrap();
            registry::delete(tx, &operation(NOW), acme, schema[0].id, Values::Keep)?;
            let lost = [scim_schemas::update(tx, &row), scim_schemas::delete(tx, acme, row.id)];
            assert!(lost.iter().all(|lost| matches!(lost, Err(StoreError::Inconsistent(_)))), "{lost:?}");
            assert!(has(&*catalog.types(tx, acme, 1, Profile::Standard)?), "what is known of a version stays");
            assert!(!has(&*catalog.types(tx, acme, 2, Profile::Standard)?), "another version is loaded");
            Ok::<_, Met>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn groups_have_schemas_of_their_own_too() {
    for scratch in scratch::all() {
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let attributes = json!([{ "name": "code", "uniqueness": "server", "mutability": "immutable" }]);
            let wanted = wanted(attributes, false);
            registry::register(tx, &operation(NOW), acme, ResourceKind::Group, &wanted, &Quota::default())?;
            let group = super::catalog::load(tx, acme)?.group;
            let draft = |body: Value| {
                let read = document::read(body.as_object().unwrap().clone(), &group, &rules())?;
                groups::draft(read, &group, &rules())
            };
            let first = draft(json!({ "displayName": "a", URN: { "code": "1" } }))?;
            let id = groups::create(tx, &operation(NOW), acme, &first)?;
            groups::replace(tx, &operation(NOW), acme, id, &draft(json!({ "displayName": "b" }))?, None)?;
            let found = groups::find(tx, &operation(NOW), acme, &group, id, &Projection::Default)?;
            assert!(found.document.contains("\"code\":\"1\""), "{}", found.document);
            let second = groups::create(tx, &operation(NOW), acme, &first);
            assert!(matches!(second, Err(ProvisioningError::ValueTaken(_))), "{second:?}");
            Ok::<_, Met>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn what_is_found_of_a_group_by_its_own_attributes_follows_each_change() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let wanted = wanted(json!([{ "name": "code" }]), true);
            registry::register(tx, &operation(NOW), acme, ResourceKind::Group, &wanted, &Quota::default())?;
            let group = super::catalog::load(tx, acme)?.group;
            let draft = |body: Value| {
                let read = document::read(body.as_object().unwrap().clone(), &group, &rules())?;
                groups::draft(read, &group, &rules())
            };
            let found = |tx: &mut Tx<'_>, code: &str| {
                let text = format!("{URN}:code eq \"{code}\"");
                let wanted = condition(&filter::parse(&text, &group, &rules())?, &group)?;
                Ok::<_, Met>(resource_search::count(tx, acme, ResourceKind::Group, &wanted)?)
            };
            let op = operation(NOW);
            let bare = draft(json!({ "displayName": "a" }))?;
            let refused = groups::create(tx, &op, acme, &bare);
            assert!(matches!(refused, Err(ProvisioningError::Protocol(_))), "{engine}: {refused:?}");
            let id = groups::create(tx, &op, acme, &draft(json!({ "displayName": "a", URN: { "code": "1" } }))?)?;
            let refused = groups::replace(tx, &op, acme, id, &bare, None);
            assert!(matches!(refused, Err(ProvisioningError::Protocol(_))), "{engine}: {refused:?}");
            assert_eq!((found(tx, "1")?, found(tx, "2")?), (1, 0), "{engine}");
            groups::replace(tx, &op, acme, id, &draft(json!({ "displayName": "a", URN: { "code": "2" } }))?, None)?;
            assert_eq!((found(tx, "1")?, found(tx, "2")?), (0, 1), "{engine}");
            Ok::<_, Met>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn an_attribute_that_is_released_as_a_claim_stays_until_the_claim_goes() {
    for scratch in scratch::all() {
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let schema = register(tx, acme, &wanted(json!([{ "name": "badge" }, { "name": "grade" }]), false))?;
            let none = Quota { claim_mappings: 0, ..Quota::default() };
            let (claim, attribute, scope) = ("a".to_owned(), "title".to_owned(), Scope::Profile);
            let title = claim_mappings::Wanted { claim, attribute, scope };
            let many = claim_mappings::replace(tx, &operation(NOW), acme, &[title], &none);
            assert!(matches!(many, Err(ClaimError::TooMany(0))), "{many:?}");
            let mut map = |pairs: &[(&str, &str, Scope)]| {
                let claim = |(claim, attribute, scope): &(&str, &str, Scope)| claim_mappings::Wanted {
                    claim: (*claim).to_owned(),
                    attribute: (*attribute).to_owned(),
                    scope: *scope,
                };
                let wanted: Vec<claim_mappings::Wanted> = pairs.iter().map(claim).collect();
                claim_mappings::replace(tx, &operation(NOW), acme, &wanted, &Quota::default())
            };
            for (claim, attribute, scope) in [
                ("sub", "title", Scope::Profile),
                ("ok", "nope", Scope::Profile),
                ("ok", "groups", Scope::Profile),
                ("ok", "active", Scope::Profile),
                ("ok", "password", Scope::Profile),
                ("ok", "meta.created", Scope::Profile),
                ("ok", format!("{OWN}:inviteState").as_str(), Scope::Profile),
                ("ok", "title", Scope::OfflineAccess),
            ] {
                let refused = map(&[(claim, attribute, scope)]);
                assert!(matches!(refused, Err(ClaimError::Invalid(0, _))), "{claim} {attribute}: {refused:?}");
            }
            let twice = map(&[("a", "title", Scope::Profile), ("a", "nickName", Scope::Profile)]);
            assert!(matches!(twice, Err(ClaimError::Invalid(1, _))), "{twice:?}");
            let badge = format!("{}:BADGE", URN.to_uppercase());
            let mapped = map(&[("badge", &badge, Scope::Openid), ("roles", "roles.value", Scope::Profile)]).unwrap();
            let names: Vec<String> = mapped.iter().map(claim_mappings::notation).collect();
            assert_eq!(names, [format!("{URN}:badge"), "roles.value".to_owned()]);
            let op = operation(NOW);
            let kept = registry::delete(tx, &op, acme, schema.id, Values::Clear);
            assert!(matches!(kept, Err(SchemaError::Released(..))), "{kept:?}");
            let grade = wanted(json!([{ "name": "grade" }]), false);
            let kept = replace(tx, acme, &schema, &grade, Values::Clear);
            assert!(matches!(kept, Err(SchemaError::Released(..))), "{kept:?}");
            let badge = wanted(json!([{ "name": "badge" }]), false);
            replace(tx, acme, &schema, &badge, Values::Keep)?;
            claim_mappings::replace(tx, &op, acme, &[], &Quota::default()).unwrap();
            registry::delete(tx, &op, acme, schema.id, Values::Keep)?;
            let log = audit::page(tx, acme, &PageRequest::new(None, Some(200)).unwrap())?.items;
            assert_eq!(log.iter().filter(|entry| entry.action == "claim_mappings.changed").count(), 2);
            Ok::<_, Met>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn a_closed_list_of_roles_admits_no_other() {
    for scratch in scratch::all() {
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let role = |value: &str| -> Assignable { serde_json::from_value(json!({ "value": value })).unwrap() };
            let mut set = |is_closed: bool, values: &[&str]| {
                let wanted = Assignables { is_closed, entries: values.iter().map(|value| role(value)).collect() };
                let op = operation(NOW);
                assignables::replace(tx, &op, acme, AssignableKind::Role, &wanted, &Quota::default())
            };
            assert!(matches!(set(false, &["a", "A"]), Err(AssignableError::Invalid(1, _))));
            assert!(matches!(set(false, &[" "]), Err(AssignableError::Invalid(0, _))));
            set(false, &["reader"]).unwrap();
            let body = |value: &str| json!({ "userName": "ada", "roles": [{ "value": value }] });
            let read = |user: &ResourceType, value: &str| {
                document::read(body(value).as_object().unwrap().clone(), user, &rules()).map(|_| ())
            };
            assert!(read(&users_of(tx, acme), "writer").is_ok(), "an open list admits others");
            let wanted = Assignables { is_closed: true, entries: vec![role("reader")] };
            let op = operation(NOW);
            assignables::replace(tx, &op, acme, AssignableKind::Role, &wanted, &Quota::default()).unwrap();
            let user = users_of(tx, acme);
            assert!(read(&user, "READER").is_ok());
            assert_eq!(read(&user, "writer").unwrap_err().scim_type, ScimType::InvalidValue);
            let few = Quota { scim_assignables: 0, ..Quota::default() };
            let many = assignables::replace(tx, &op, acme, AssignableKind::Entitlement, &wanted, &few);
            assert!(matches!(many, Err(AssignableError::TooMany(0))), "{many:?}");
            Ok::<_, Met>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn a_schema_is_changed_from_the_version_that_was_read_and_keeps_its_urn() {
    for scratch in scratch::all() {
        let done = scratch.store.write(|tx| {
            let acme = organization(tx, "acme");
            let badge = wanted(json!([{ "name": "badge" }]), false);
            let schema = register(tx, acme, &badge)?;
            let mut change = |version, wanted: &Wanted| {
                let wanted = (wanted, Values::Keep);
                registry::replace(tx, &operation(NOW), acme, schema.id, Some(version), wanted, &Quota::default())
            };
            assert_eq!(change(schema.version, &badge)?.version, schema.version + 1);
            let late = change(schema.version, &badge);
            assert!(matches!(late, Err(SchemaError::Changed)), "{late:?}");
            let mut other = badge.clone();
            other.definition.insert("id".to_owned(), format!("{URN}2").into());
            let renamed = change(schema.version + 1, &other);
            assert!(matches!(renamed, Err(SchemaError::OtherUrn)), "{renamed:?}");
            let op = operation(NOW);
            let globex = organization(tx, "globex");
            let elsewhere = registry::delete(tx, &op, globex, schema.id, Values::Keep);
            assert!(matches!(elsewhere, Err(SchemaError::NotFound)), "{elsewhere:?}");
            registry::delete(tx, &op, acme, schema.id, Values::Keep)?;
            let gone = replace(tx, acme, &schema, &badge, Values::Keep);
            assert!(matches!(gone, Err(SchemaError::NotFound)), "{gone:?}");
            Ok::<_, Met>(())
        });
        done.await.unwrap();
    }
}

/// What is kept of a version elsewhere is asked for again by its number.
#[tokio::test]
async fn every_change_of_a_schema_is_another_version_is_written_down_and_told() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let mut versions = vec![organizations::schemas_version(tx, acme)?];
            let badge = wanted(json!([{ "name": "badge" }]), false);
            let schema = register(tx, acme, &badge)?;
            versions.push(organizations::schemas_version(tx, acme)?);
            create(tx, acme, "ada", json!({ "badge": "B" }))?;
            replace(tx, acme, &schema, &wanted(json!([{ "name": "badge" }, { "name": "grade" }]), true), Values::Keep)?;
            versions.push(organizations::schemas_version(tx, acme)?);
            registry::delete(tx, &operation(NOW), acme, schema.id, Values::Clear)?;
            versions.push(organizations::schemas_version(tx, acme)?);
            let [row] = scim_clearings::all(tx, acme)?.try_into().unwrap();
            clearing::advance(tx, &operation(NOW), acme, row.id)?;
            versions.push(organizations::schemas_version(tx, acme)?);
            assert_eq!(versions, [0, 1, 2, 3, 4], "{engine}");
            let log = audit::page(tx, acme, &PageRequest::new(None, Some(200)).unwrap())?.items.into_iter();
            let mut log: Vec<String> =
                log.map(|entry| entry.action).filter(|action| action.starts_with("scim_schema.")).collect();
            log.sort();
            let expected =
                ["changed", "deleted", "registered", "values_cleared"].map(|what| format!("scim_schema.{what}"));
            assert_eq!(log, expected, "{engine}");
            let events = outbox::oldest_for_update(tx, 100)?;
            let told = events.iter().filter(|row| row.event.contains("scim_schema_changed")).count();
            assert_eq!(told, 3, "{engine}");
            Ok::<_, Met>(())
        });
        done.await.unwrap();
    }
}

/// An organization, and its schema of these attributes.
async fn with_schema(scratch: &Scratch, slug: &'static str, attributes: Value) -> (OrganizationId, OwnSchema) {
    let made = scratch.store.write(move |tx| {
        let organization = organization(tx, slug);
        Ok::<_, Met>((organization, register(tx, organization, &wanted(attributes, false))?))
    });
    made.await.unwrap()
}

fn release_badge(tx: &mut Tx<'_>, acme: OrganizationId) -> Result<(), ClaimError> {
    let badge = format!("{URN}:badge");
    let claim = claim_mappings::Wanted { claim: "badge".to_owned(), attribute: badge, scope: Scope::Openid };
    claim_mappings::replace(tx, &operation(NOW), acme, &[claim], &Quota::default()).map(drop)
}

#[tokio::test]
async fn an_attribute_is_not_released_that_goes_at_that_moment() {
    for scratch in scratch::all() {
        let (acme, schema) = with_schema(&scratch, "acme", json!([{ "name": "badge" }])).await;
        let goes =
            move |tx: &mut Tx<'_>| Ok(registry::delete(tx, &operation(NOW), acme, schema.id, Values::Keep).unwrap());
        let released = scratch.store.write(move |tx| release_badge(tx, acme));
        let (_, released) = scratch::overlap(&scratch.store, goes, released).await;
        assert!(matches!(released, Err(ClaimError::Invalid(0, _))), "{}: {released:?}", scratch.engine);
    }
}

#[tokio::test]
async fn an_attribute_that_is_released_at_that_moment_stays() {
    for scratch in scratch::all() {
        for (slug, is_whole) in [("acme", true), ("globex", false)] {
            let both = json!([{ "name": "badge" }, { "name": "grade" }]);
            let (acme, schema) = with_schema(&scratch, slug, both).await;
            let first = move |tx: &mut Tx<'_>| {
                release_badge(tx, acme).unwrap();
                Ok(())
            };
            let goes = scratch.store.write(move |tx| match is_whole {
                true => registry::delete(tx, &operation(NOW), acme, schema.id, Values::Keep).map(drop),
                false => {
                    let grade = wanted(json!([{ "name": "grade" }]), false);
                    replace(tx, acme, &schema, &grade, Values::Keep).map(drop)
                }
            });
            let (_, gone) = scratch::overlap(&scratch.store, first, goes).await;
            assert!(matches!(gone, Err(SchemaError::Released(..))), "{}: {gone:?}", scratch.engine);
        }
    }
}

#[tokio::test]
async fn a_list_that_is_set_twice_at_once_is_set_twice() {
    for scratch in scratch::all() {
        let acme = scratch.store.write(|tx| Ok::<_, Met>(organization(tx, "acme"))).await.unwrap();
        let setting = move |value: &'static str| {
            move |tx: &mut Tx<'_>| {
                let entries = vec![serde_json::from_value(json!({ "value": value })).unwrap()];
                let (op, list) = (operation(NOW), Assignables { is_closed: false, entries });
                assignables::replace(tx, &op, acme, AssignableKind::Role, &list, &Quota::default())
            }
        };
        let first = move |tx: &mut Tx<'_>| {
            setting("reader")(tx).unwrap();
            Ok(())
        };
        let second = scratch.store.write(setting("writer"));
        let (_, second) = scratch::overlap(&scratch.store, first, second).await;
        assert!(second.is_ok(), "{}: {second:?}", scratch.engine);
    }
}

#[tokio::test]
async fn clearing_keeps_what_is_written_at_that_moment() {
    for scratch in scratch::all() {
        let (acme, schema) = with_schema(&scratch, "acme", json!([{ "name": "badge" }])).await;
        let made = scratch.store.write(move |tx| {
            let ada = create(tx, acme, "ada", json!({ "badge": "B" }))?.id;
            registry::delete(tx, &operation(NOW), acme, schema.id, Values::Clear)?;
            Ok::<_, Met>((ada, scim_clearings::all(tx, acme)?.remove(0).id))
        });
        let (ada, clearing) = made.await.unwrap();
        let titled = json!([{ "op": "add", "path": "title", "value": "Dr" }]);
        let first = move |tx: &mut Tx<'_>| {
            patch(tx, acme, ada, titled).unwrap();
            Ok(())
        };
        let cleared = scratch.store.write(move |tx| clearing::advance(tx, &operation(NOW), acme, clearing));
        let (_, cleared) = scratch::overlap(&scratch.store, first, cleared).await;
        assert!(!cleared.unwrap(), "{}", scratch.engine);
        let now = scratch.store.read(move |tx| Ok::<_, StoreError>(shown(tx, acme, ada, None))).await.unwrap();
        assert_eq!((&now["title"], now.get(URN)), (&json!("Dr"), None), "{}", scratch.engine);
    }
}
