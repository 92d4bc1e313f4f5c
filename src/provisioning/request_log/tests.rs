use serde_json::{Value, json};

use super::recorded::{Missed, Recorded, Summary};
use super::trial::{self, Trial};
use super::{RequestLogError, Retention, find, keep, page, row, sweep};
use crate::keys::sealing::Sealer;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::rewrite::{Rewrite, Rule};
use crate::protocol::scim::schema::causeway_user;
use crate::protocol::scim::tolerance::Profile;
use crate::provisioning::clients::{self, ScimClientError};
use crate::provisioning::tests;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::scim_exchanges::{ExchangeRow, Wanted};
use crate::store::scratch::{self, Scratch};
use crate::values::clock::Timestamp;
use crate::values::ids::{Id, OrganizationId, RequestId, ScimClientId};
use crate::values::operation::{Actor, Operation, Role};
use crate::values::page::PageRequest;
use crate::values::quota::Quota;
use crate::values::scim_scope::ScimScope;
use crate::values::secret::Secret;

/// In seconds.
const NOW: i64 = 1_700_000_000;
const RETENTION: Retention = Retention { rows_per_client: 100, days: 7, body_bytes: 4_096 };

fn sealer() -> Sealer {
    Sealer::new(&[Secret::from("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=".to_owned())]).unwrap()
}

fn operation(at: i64) -> Operation {
    tests::operation(at * 1_000_000)
}

/// The administrator who reads the log.
fn reader() -> Operation {
    operation(NOW).by(Actor::Operator { token: None })
}

async fn organization(scratch: &Scratch, slug: &'static str) -> OrganizationId {
    scratch.store.write(move |tx| Ok::<_, StoreError>(tests::organization(tx, slug))).await.unwrap()
}

/// The client itself.
fn provisioner(organization: OrganizationId, client: ScimClientId) -> Operation {
    let credential = Id::from_bytes(&[3; 16]).unwrap();
    operation(NOW).by(Actor::ScimClient { organization, client, credential, scope: ScimScope::Write })
}

async fn client(scratch: &Scratch) -> (OrganizationId, ScimClientId) {
    let acme = organization(scratch, "acme").await;
    let made = scratch.store.write(move |tx| {
        let made = clients::create(tx, &reader(), acme, "directory", Profile::Entra, &Quota::default())?;
        Ok::<_, ScimClientError>(made.id)
    });
    (acme, made.await.unwrap())
}

fn recorded(acme: OrganizationId, client: ScimClientId, at: i64) -> Recorded {
    let at = Timestamp::from_seconds(at);
    Recorded {
        id: RequestId::mint(at, &operation(NOW).entropy),
        organization: acme,
        client,
        credential: Id::from_bytes(&[3; 16]).unwrap(),
        at,
        duration_micros: 1_500,
        method: "PATCH".to_owned(),
        path: "/Users/0190a1b2-0000-7000-8000-000000000001".to_owned(),
        query: "aadOptscim062020".to_owned(),
        if_match: None,
        request: json!({ "Operations": [{ "op": "Replace", "path": "displayName", "value": "Ada Lovelace" },
            { "op": "add", "path": "password", "value": "hunter2" }] })
        .to_string()
        .into_bytes(),
        status: 400,
        response: br#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","scimType":"invalidValue","detail":"no"}"#
            .to_vec(),
        resource: "0190a1b2-0000-7000-8000-000000000001".parse().ok(),
        rule: Some("removal_by_value"),
        rewrites: vec![Rewrite {
            rule: Rule::VerbsInAnyCase,
            at: "op".to_owned(),
            received: "Replace".into(),
            understood: "replace".into(),
        }],
    }
}

async fn store(scratch: &Scratch, rows: Vec<ExchangeRow>) {
    let kept = scratch.store.write(move |tx| keep(tx, &rows, &RETENTION));
    kept.await.unwrap();
}

async fn ids(scratch: &Scratch, acme: OrganizationId, client: ScimClientId, wanted: Wanted) -> Vec<RequestId> {
    let request = PageRequest::new(None, Some(200)).unwrap();
    let found = scratch.store.read(move |tx| page(tx, &reader(), acme, client, &wanted, &request));
    found.await.unwrap().items.into_iter().map(|line| line.id).collect()
}

#[tokio::test]
async fn an_exchange_is_stored_without_personal_data_and_its_original_under_seal() {
    for scratch in scratch::all() {
        let (acme, client) = client(&scratch).await;
        let exchange = recorded(acme, client, NOW);
        let made = row::of_exchange(&exchange, &sealer(), RETENTION.body_bytes);
        let texts = format!("{:?}", ExchangeRow { original: None, ..made.clone() });
        for personal in ["Ada", "Lovelace", "hunter2"] {
            assert!(!texts.contains(personal), "{texts}");
        }
        let sealed = made.original.clone().unwrap();
        let opened = sealer().open(&sealed, &row::place(acme, exchange.id)).unwrap();
        let original: Value = serde_json::from_slice(&opened).unwrap();
        assert_eq!(original["body"]["Operations"][0]["value"], "Ada Lovelace");
        assert!(!original.to_string().contains("hunter2"), "a password is not stored in any form: {original}");
        assert!(sealer().open(&sealed, &row::place(acme, RequestId::from_uuid(uuid::Uuid::nil()))).is_err());
        store(&scratch, vec![made]).await;
        let id = exchange.id;
        let found = scratch.store.read(move |tx| find(tx, &reader(), acme, client, id)).await.unwrap();
        assert_eq!(found.request["Operations"][0]["value"], json!("‹text, 12 characters›"), "{}", scratch.engine);
        assert_eq!((found.line.status, found.line.rule.as_deref()), (400, Some("removal_by_value")));
        assert_eq!(found.line.scim_type.as_deref(), Some("invalidValue"));
        assert_eq!(
            found.rewrites[0],
            json!({ "rule": "verbs_in_any_case", "at": "op", "received": "Replace", "understood": "replace" })
        );
        assert!(found.has_original);
    }
}

#[test]
fn an_original_whose_password_cannot_be_taken_out_is_not_kept() {
    let (acme, client) = (Id::from_bytes(&[1; 16]).unwrap(), Id::from_bytes(&[2; 16]).unwrap());
    let good = recorded(acme, client, NOW);
    let kept = |exchange: Recorded| row::of_exchange(&exchange, &sealer(), 512).original.is_some();
    assert!(kept(good.clone()));
    assert!(!kept(Recorded { query: "filter=%70assword%20eq%20%22x%22".to_owned(), ..good.clone() }));
    assert!(!kept(Recorded { request: b"{\"password\": \"hunt".to_vec(), ..good.clone() }));
    assert!(!kept(Recorded { request: format!("\"{}\"", "x".repeat(600)).into_bytes(), ..good }));
}

#[tokio::test]
async fn a_list_is_newest_first_and_finds_by_status_method_time_and_resource() {
    for scratch in scratch::all() {
        let (acme, client) = client(&scratch).await;
        let old = recorded(acme, client, NOW);
        let new =
            Recorded { status: 200, method: "GET".to_owned(), resource: None, ..recorded(acme, client, NOW + 60) };
        let missed = Missed { reads: 7, ..Missed::default() };
        let summary = Summary { organization: acme, client, since: Timestamp::from_seconds(NOW), missed };
        let counted = RequestId::mint(Timestamp::from_seconds(NOW + 120), &operation(NOW).entropy);
        let rows = [&old, &new].map(|one| row::of_exchange(one, &sealer(), RETENTION.body_bytes));
        store(&scratch, rows.into_iter().chain([row::of_summary(&summary, counted)]).collect()).await;
        let all = Wanted::default;
        assert_eq!(ids(&scratch, acme, client, all()).await, [counted, new.id, old.id], "{}", scratch.engine);
        let at = Some(Timestamp::from_seconds(NOW + 30));
        for (wanted, found) in [
            (Wanted { statuses: Some((400, 499)), ..all() }, vec![old.id]),
            (Wanted { method: Some("GET".to_owned()), ..all() }, vec![new.id]),
            (Wanted { since: at, until: Some(Timestamp::from_seconds(NOW + 61)), ..all() }, vec![new.id]),
            (Wanted { until: at, ..all() }, vec![old.id]),
            (Wanted { resource: old.resource, ..all() }, vec![old.id]),
        ] {
            assert_eq!(ids(&scratch, acme, client, wanted.clone()).await, found, "{wanted:?}");
        }
        let request = PageRequest::new(None, Some(1)).unwrap();
        let first = scratch
            .store
            .read(move |tx| page(tx, &reader(), acme, client, &Wanted::default(), &request))
            .await
            .unwrap();
        assert_eq!((first.items[0].missed, first.next), (Some(missed), Some(counted)));
    }
}

#[tokio::test]
async fn another_organization_and_other_roles_read_nothing() {
    for scratch in scratch::all() {
        let (acme, client) = client(&scratch).await;
        let globex = organization(&scratch, "globex").await;
        let exchange = recorded(acme, client, NOW);
        store(&scratch, vec![row::of_exchange(&exchange, &sealer(), 4_096)]).await;
        let id = exchange.id;
        let elsewhere = scratch.store.read(move |tx| find(tx, &reader(), globex, client, id)).await;
        assert!(elsewhere.is_err(), "{}", scratch.engine);
        let provisioning = scratch.store.read(move |tx| find(tx, &provisioner(acme, client), acme, client, id)).await;
        assert!(provisioning.is_err(), "a SCIM client reads no log");
        let auditor =
            Actor::Admin { organization: acme, role: Role::Auditor, token: Id::from_bytes(&[7; 16]).unwrap() };
        for actor in [provisioner(acme, client).actor, auditor] {
            let op = operation(NOW).by(actor);
            let trial = Trial { organization: acme, client, request: id, profile: None, limits: Limits::default() };
            let tried = scratch.store.write(move |tx| trial::run(tx, &op, &sealer(), &trial)).await;
            assert!(matches!(tried, Err(RequestLogError::Denied(_))), "{}", scratch.engine);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_tried_again_says_why() {
    for scratch in scratch::all() {
        let (acme, client) = client(&scratch).await;
        let globex = organization(&scratch, "globex").await;
        let at = |path: &str, method: &str, second: i64| Recorded {
            path: path.to_owned(),
            method: method.to_owned(),
            ..recorded(acme, client, NOW + second)
        };
        let user = recorded(acme, client, NOW).path;
        let (patch, bulk, deep, search) =
            (at(&user, "PATCH", 1), at("/Bulk", "POST", 2), at("/Users/a/b", "GET", 3), at("/Groups", "PUT", 4));
        let (unkept, lost) = (at(&user, "PATCH", 5), at(&user, "PATCH", 6));
        let other = Sealer::new(&[Secret::from("AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=".to_owned())]).unwrap();
        let mut rows: Vec<ExchangeRow> =
            [&patch, &bulk, &deep, &search].map(|one| row::of_exchange(one, &sealer(), 4_096)).to_vec();
        rows.push(ExchangeRow { original: None, ..row::of_exchange(&unkept, &sealer(), 4_096) });
        rows.push(row::of_exchange(&lost, &other, 4_096));
        store(&scratch, rows).await;
        let tried = async |organization, request| {
            let trial = Trial { organization, client, request, profile: None, limits: Limits::default() };
            let work = move |tx: &mut Tx<'_>| trial::run(tx, &reader(), &sealer(), &trial);
            scratch.store.write(work).await.map(|tried| tried.status)
        };
        assert!(matches!(tried(acme, patch.id).await, Ok(404)), "{}: nobody is there", scratch.engine);
        for one in [&bulk, &deep, &search] {
            let refused = tried(acme, one.id).await;
            assert!(matches!(refused, Err(RequestLogError::NotRepeatable)), "{} {}: {refused:?}", one.method, one.path);
        }
        for one in [&unkept, &lost] {
            let refused = tried(acme, one.id).await;
            assert!(matches!(refused, Err(RequestLogError::NotKept)), "{refused:?}");
        }
        let nothing = recorded(acme, client, NOW + 7).id;
        for (organization, request) in [(acme, nothing), (globex, patch.id)] {
            let refused = tried(organization, request).await;
            assert!(matches!(refused, Err(RequestLogError::NotFound)), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn the_log_of_a_client_goes_with_the_client() {
    for scratch in scratch::all() {
        let (acme, client) = client(&scratch).await;
        let exchange = recorded(acme, client, NOW);
        store(&scratch, vec![row::of_exchange(&exchange, &sealer(), 4_096)]).await;
        let id = exchange.id;
        let done = scratch.store.write(move |tx| {
            clients::delete(tx, &reader(), acme, client)?;
            let listed = page(tx, &reader(), acme, client, &Wanted::default(), &PageRequest::new(None, None).unwrap());
            let found = find(tx, &reader(), acme, client, id);
            Ok::<_, ScimClientError>((listed.map(drop), found.map(drop)))
        });
        let (listed, found) = done.await.unwrap();
        for answer in [listed, found] {
            assert!(matches!(answer, Err(RequestLogError::NotFound)), "{}: {answer:?}", scratch.engine);
        }
    }
}

#[tokio::test]
async fn a_filter_that_cannot_be_searched_for_is_refused_in_a_trial_as_it_was() {
    for scratch in scratch::all() {
        let (acme, client) = client(&scratch).await;
        let query = format!("filter={}%3AinviteState%20eq%20%22x%22", causeway_user::ID);
        let search =
            Recorded { path: "/Users".to_owned(), method: "GET".to_owned(), query, ..recorded(acme, client, NOW) };
        store(&scratch, vec![row::of_exchange(&search, &sealer(), 4_096)]).await;
        let trial = Trial { organization: acme, client, request: search.id, profile: None, limits: Limits::default() };
        let tried = scratch.store.write(move |tx| trial::run(tx, &reader(), &sealer(), &trial)).await.unwrap();
        assert_eq!(tried.status, 400, "{}", scratch.engine);
    }
}

#[tokio::test]
async fn rows_are_bounded_in_number_and_in_days() {
    for scratch in scratch::all() {
        let (acme, client) = client(&scratch).await;
        let row_at = |second: i64| row::of_exchange(&recorded(acme, client, NOW + second), &sealer(), 4_096);
        store(&scratch, (0..120).map(row_at).collect()).await;
        // One of so many ids looks whether there are too many.
        let mut looks = *recorded(acme, client, NOW + 120).id.as_bytes();
        looks[15] = 0;
        store(&scratch, vec![ExchangeRow { id: Id::from_bytes(&looks).unwrap(), ..row_at(120) }]).await;
        let left = ids(&scratch, acme, client, Wanted::default()).await;
        assert_eq!(left.len(), 100, "{}", scratch.engine);
        assert!(left.last().unwrap() >= &RequestId::lowest_at(Timestamp::from_seconds(NOW + 21)), "the oldest went");
        let week = 7 * 24 * 3_600;
        let now = Timestamp::from_seconds(NOW + 70 + week);
        let swept = scratch.store.write(move |tx| sweep(tx, now, &RETENTION, 30)).await.unwrap();
        assert_eq!(swept, 30, "a batch at once");
        while scratch.store.write(move |tx| sweep(tx, now, &RETENTION, 30)).await.unwrap() > 0 {}
        assert_eq!(ids(&scratch, acme, client, Wanted::default()).await.len(), 51, "{}", scratch.engine);
    }
}
