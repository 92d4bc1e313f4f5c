use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::asynchronous::{AsynchronousBulk, Turn};
use crate::access::testing::{World, world};
use crate::keys::sealing::Sealer;
use crate::protocol::scim::bulk::answer::{Outcome, Verdict};
use crate::protocol::scim::bulk::request::SCHEMA;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::tolerance::Profile;
use crate::provisioning::asynchronous::{self, AsynchronousError, Progress, Terms};
use crate::provisioning::clients;
use crate::provisioning::clients::caller::{self, Caller, PresentedToken};
use crate::provisioning::clients::credentials::{self, NewCredential};
use crate::provisioning::clients::kind::CredentialKind;
use crate::provisioning::schemas::catalog::Catalog;
use crate::store::failure::StoreError;
use crate::store::resources::ResourceKind;
use crate::store::{resource_counts, scim_events};
use crate::values::ids::RequestId;
use crate::values::operation::Operation;
use crate::values::quota::Quota;
use crate::values::scim_scope::ScimScope;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const TERMS: Terms = Terms { most_unfinished: 2, kept_seconds: 3_600 };

struct Stage {
    world: World,
    bulk: AsynchronousBulk,
    caller: Caller,
}

async fn stages() -> Vec<Stage> {
    let mut stages = Vec::new();
    for world in world().await {
        let (op, organization) = (world.operator(), world.organization);
        let written = world.store().write(move |tx| {
            let quota = Quota::default();
            let client = clients::create(tx, &op, organization, "directory", Profile::Standard, &quota).unwrap();
            let new = NewCredential { kind: CredentialKind::Bearer, scope: ScimScope::Write, ttl_seconds: 60_000 };
            let made = credentials::create(tx, &op, organization, client.id, &new, &quota).unwrap();
            let token = PresentedToken::of(made.1.unwrap().expose());
            Ok::<_, StoreError>(caller::authenticate(tx, &Catalog::default(), &token, op.at)?.unwrap())
        });
        let caller = written.await.unwrap();
        let key = {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode([1; 32])
        };
        let bulk = AsynchronousBulk {
            catalog: Catalog::default(),
            store: world.store().clone(),
            clock: world.clock(),
            entropy: world.op().entropy,
            data_center: "us".parse().unwrap(),
            sealer: Sealer::new(&[key.into()]).unwrap(),
            limits: Limits::default(),
            kept_seconds: 3_600,
        };
        stages.push(Stage { world, bulk, caller });
    }
    stages
}

fn user(name: &str) -> Value {
    json!({ "method": "POST", "path": "/Users", "bulkId": name, "data": { "schemas": [USER], "userName": name } })
}

impl Stage {
    fn operation(&self) -> Operation {
        self.world.op().by(self.caller.actor())
    }

    async fn accept(&self, operations: &[Value]) -> Result<RequestId, AsynchronousError> {
        let body = json!({ "schemas": [SCHEMA], "Operations": operations }).to_string();
        let (op, caller, count) = (self.operation(), self.caller.clone(), operations.len());
        let sealed = asynchronous::seal_body(&self.bulk.sealer, op.request, body.as_bytes()).unwrap();
        let id = op.request;
        let work = move |tx: &mut crate::store::Tx<'_>| asynchronous::accept(tx, &op, &caller, sealed, count, TERMS);
        self.world.store().write(work).await.map(|()| id)
    }

    async fn progress(&self, id: RequestId) -> Result<Progress, AsynchronousError> {
        let (op, sealer, caller) = (self.operation(), self.bulk.sealer.clone(), self.caller.clone());
        self.world.store().read(move |tx| asynchronous::progress(tx, &op, &sealer, &caller, id)).await
    }

    async fn outcomes(&self, id: RequestId) -> Vec<Outcome> {
        match self.progress(id).await.unwrap() {
            Progress::Finished(outcomes) => outcomes,
            Progress::UnderWay { finished, .. } => panic!("under way, {finished} are over"),
        }
    }

    async fn users(&self) -> i64 {
        let organization = self.world.organization;
        self.world.store().read(move |tx| resource_counts::total(tx, organization, ResourceKind::User)).await.unwrap()
    }
}

#[tokio::test]
async fn a_request_is_taken_and_followed_by_who_may() {
    for stage in stages().await {
        let id = stage.accept(&[user("ada")]).await.unwrap();
        let reader = Stage { caller: Caller { scope: ScimScope::Read, ..stage.caller.clone() }, ..stage };
        let refused = reader.accept(&[user("bob")]).await;
        assert!(matches!(refused, Err(AsynchronousError::Denied(_))), "{}: {refused:?}", reader.world.engine());
        assert!(reader.progress(id).await.is_ok(), "{}", reader.world.engine());
        let (op, sealer, caller) = (reader.world.op(), reader.bulk.sealer.clone(), reader.caller.clone());
        let followed = reader.world.store().read(move |tx| asynchronous::progress(tx, &op, &sealer, &caller, id)).await;
        assert!(matches!(followed, Err(AsynchronousError::Denied(_))), "{}: {followed:?}", reader.world.engine());
    }
}

#[tokio::test]
async fn rfc9967_a_request_that_is_torn_off_goes_on_and_repeats_nothing() {
    for stage in stages().await {
        let mut operations: Vec<Value> = (0..450).map(|n| user(&format!("user{n}"))).collect();
        let refers = |n: usize| json!({ "value": format!("bulkId:user{n}") });
        let group = json!({ "displayName": "All", "members": [refers(0), refers(449)] });
        operations.push(json!({ "method": "POST", "path": "/Groups", "bulkId": "all", "data": group }));
        let id = stage.accept(&operations).await.unwrap();
        let organization = stage.world.organization;
        let mut torn = 0;
        loop {
            // A node that dies in the middle, and another that has the same job at the same time.
            let turn = stage.bulk.turn(organization, id);
            if tokio::time::timeout(Duration::from_millis(5), turn).await.is_err() {
                torn += 1;
            }
            let (one, other) = tokio::join!(stage.bulk.turn(organization, id), stage.bulk.turn(organization, id));
            if matches!(one, Ok(Turn::Over)) && matches!(other, Ok(Turn::Over)) {
                break;
            }
        }
        assert!(torn > 0, "{}: no turn was torn off", stage.world.engine());
        let outcomes = stage.outcomes(id).await;
        assert_eq!(outcomes.len(), 451);
        for (n, outcome) in outcomes.iter().enumerate() {
            assert_eq!(outcome.verdict, Verdict::Done(201), "{}: {n}: {outcome:?}", stage.world.engine());
        }
        assert_eq!(outcomes[7].head.bulk_id.as_deref(), Some("user7"), "in the order of the request");
        assert_eq!(stage.users().await, 450);
        let events = stage.world.store().read(move |tx| scim_events::all(tx, organization)).await.unwrap();
        let answered = events.iter().filter(|row| row.claims.contains("misc:asyncresp"));
        let txns: HashSet<String> = answered
            .map(|row| serde_json::from_str::<Value>(&row.claims).unwrap()["txn"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(txns, (0..451).map(|n| format!("{id}:{n}")).collect(), "one event for each operation");
    }
}

#[tokio::test]
async fn rfc9967_nothing_of_a_request_is_stored_in_clear_and_its_body_goes_with_the_answer() {
    for stage in stages().await {
        let id = stage.accept(&[user("confidential@acme.test")]).await.unwrap();
        let organization = stage.world.organization;
        let row = move |tx: &mut crate::store::Tx<'_>| {
            let row = crate::store::asynchronous_requests::find(tx, organization, id)?.unwrap();
            let outcomes = crate::store::asynchronous_requests::outcomes(tx, organization, id)?;
            Ok::<_, StoreError>((row, outcomes))
        };
        let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        let (before, _) = stage.world.store().read(row).await.unwrap();
        assert!(!holds(&before.sealed_body.unwrap(), "confidential"));
        assert_eq!(stage.bulk.turn(organization, id).await.unwrap(), Turn::Over);
        let (after, outcomes) = stage.world.store().read(row).await.unwrap();
        assert!(after.sealed_body.is_none() && after.finished_at.is_some());
        assert!(!holds(&outcomes[0].sealed_outcome, "POST"));
        assert_eq!(stage.bulk.turn(organization, id).await.unwrap(), Turn::Over, "a job that comes again does nothing");
        assert_eq!(stage.users().await, 1);
        stage.world.advance(3_601);
        assert!(matches!(stage.progress(id).await, Err(AsynchronousError::NotFound)));
        let now = stage.world.op().at;
        let swept =
            stage.world.store().write(move |tx| crate::store::asynchronous_requests::delete_expired(tx, now, 9));
        assert_eq!(swept.await.unwrap(), 1);
    }
}

#[tokio::test]
async fn rfc9967_a_client_has_so_many_requests_waiting_and_no_more() {
    for stage in stages().await {
        let first = stage.accept(&[user("a")]).await.unwrap();
        stage.accept(&[user("b")]).await.unwrap();
        assert!(matches!(stage.accept(&[user("c")]).await, Err(AsynchronousError::TooMany(_))));
        stage.bulk.turn(stage.world.organization, first).await.unwrap();
        stage.accept(&[user("d")]).await.unwrap();
    }
}

#[tokio::test]
async fn rfc9967_a_request_that_is_given_up_has_an_answer_and_nothing_of_it_is_done_later() {
    for stage in stages().await {
        let organization = stage.world.organization;
        let id = stage.accept(&[user("a"), user("b")]).await.unwrap();
        // Another node could not read it, whatever the reason.
        let mut unable = stage.bulk.clone();
        unable.limits.bulk.operations = 1;
        assert!(unable.turn(organization, id).await.is_err());
        stage.bulk.give_up(organization, id).await.unwrap();
        let status = |outcome: &Outcome| match &outcome.verdict {
            Verdict::Done(status) => *status,
            Verdict::Refused(refusal) => refusal.status,
        };
        let outcomes = stage.outcomes(id).await;
        assert_eq!(outcomes.iter().map(status).collect::<Vec<_>>(), [500, 500]);
        assert_eq!(outcomes[1].head.bulk_id.as_deref(), Some("b"));
        assert_eq!(stage.bulk.turn(organization, id).await.unwrap(), Turn::Over, "a turn that comes late");
        assert_eq!(stage.users().await, 0);
        stage.bulk.give_up(organization, id).await.unwrap();
        assert_eq!(stage.outcomes(id).await, outcomes, "it was over");
        // One that nobody can read is answered as well, and what was done of another one counts.
        let unread = stage.accept(&[user("c")]).await.unwrap();
        unable.limits.bulk.operations = 0;
        unable.give_up(organization, unread).await.unwrap();
        assert_eq!(stage.outcomes(unread).await.iter().map(status).collect::<Vec<_>>(), [500]);
        let done = stage.accept(&[user("d")]).await.unwrap();
        stage.bulk.turn(organization, done).await.unwrap();
        stage.bulk.give_up(organization, done).await.unwrap();
        assert_eq!(stage.outcomes(done).await.iter().map(status).collect::<Vec<_>>(), [201]);
    }
}

#[tokio::test]
async fn a_credential_that_is_revoked_before_the_job_comes_has_its_operations_refused() {
    for stage in stages().await {
        let id = stage.accept(&[user("a"), user("b")]).await.unwrap();
        let (op, caller) = (stage.world.operator(), stage.caller.clone());
        let revoke = stage
            .world
            .store()
            .write(move |tx| credentials::revoke(tx, &op, caller.organization, caller.client, caller.credential));
        revoke.await.unwrap();
        assert_eq!(stage.bulk.turn(stage.world.organization, id).await.unwrap(), Turn::Over);
        let statuses = stage.outcomes(id).await.into_iter().map(|outcome| match outcome.verdict {
            Verdict::Done(status) => status,
            Verdict::Refused(refusal) => refusal.status,
        });
        assert_eq!(statuses.collect::<Vec<_>>(), [401, 401]);
        assert_eq!(stage.users().await, 0);
    }
}
