//! Sealing anew, with a value in each column.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Resealed, column, place};
use crate::access::testing::{World, world};
use crate::directory::connections::{self, NewConnection, Settings};
use crate::keys::purpose::Purpose;
use crate::keys::rotation::{self, KeyError};
use crate::keys::sealing::{Sealer, SealingError};
use crate::keys::under;
use crate::protocol::oidc::relying_party::preset::Preset;
use crate::protocol::scim::tolerance::Profile;
use crate::provisioning::clients;
use crate::provisioning::request_log::recorded::{Missed, Summary};
use crate::provisioning::request_log::row;
use crate::store::asynchronous_requests::{self, AsynchronousRequestRow, OutcomeRow};
use crate::store::failure::StoreError;
use crate::store::passwords::{self, PasswordRow};
use crate::store::scim_exchanges::{self, ExchangeRow};
use crate::store::sealed_values::{self, SealedAt, SealedColumn};
use crate::store::totp_factors::{self, TotpFactorRow};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, RequestId};
use crate::values::quota::Quota;
use crate::values::secret::Secret;

/// More of them than stand on a page.
const OUTCOMES: i64 = 230;

fn sealer(keys: &[u8]) -> Sealer {
    let keys: Vec<Secret> = keys.iter().map(|byte| Secret::from(STANDARD.encode([*byte; 32]))).collect();
    Sealer::new(&keys).unwrap()
}

/// A value in each column, sealed for its place; its text is the place.
async fn fill(world: &World, sealer: Sealer) {
    let (op, organization, ada) = (world.operator(), world.organization, world.ada);
    let keys = [0, 1].map(|_| rotation::prepare(&op, &sealer, Purpose::OidcEs256).unwrap());
    let write = world.store().write(move |tx| {
        let seal = |at: &SealedAt| sealer.seal(place(at).as_bytes(), &place(at)).unwrap();
        rotation::establish(tx, &op, &keys[0], &keys[1]).unwrap();
        let id = op.new_id();
        let settings = Settings::oidc("https://idp.acme.test/2", "causeway", Preset::Generic, None);
        let sealed_secret = Some(seal(&SealedAt::Connection(id)));
        let new = NewConnection { id, name: "With a secret".to_owned(), settings, sealed_secret };
        connections::create(tx, &op, organization, &new, &Quota::default()).unwrap();
        let (sealed_hash, set_at) = (seal(&SealedAt::Password(ada)), op.at);
        passwords::put(tx, &PasswordRow { account_id: ada, sealed_hash, set_at })?;
        let (sealed_secret, confirmed_at) = (seal(&SealedAt::TotpFactor(ada)), op.at);
        totp_factors::insert(tx, &TotpFactorRow { account_id: ada, sealed_secret, last_step: 0, confirmed_at })?;
        let client = clients::create(tx, &op, organization, "directory", Profile::Standard, &Quota::default()).unwrap();
        let request: RequestId = op.new_id();
        let row = AsynchronousRequestRow {
            id: request,
            org_id: organization,
            client_id: client.id,
            credential_id: op.new_id(),
            scope: "write".to_owned(),
            operations: OUTCOMES,
            sealed_body: Some(seal(&SealedAt::AsynchronousRequest(request))),
            created_at: op.at,
            finished_at: None,
            expires_at: op.at,
        };
        asynchronous_requests::insert(tx, &row)?;
        for position in 0..OUTCOMES {
            let sealed_outcome = seal(&SealedAt::AsynchronousOutcome { request, position });
            let row = OutcomeRow { request_id: request, position, org_id: organization, sealed_outcome };
            asynchronous_requests::insert_outcome(tx, &row)?;
        }
        let summary = Summary { organization, client: client.id, since: op.at, missed: Missed::default() };
        let original = Some(seal(&SealedAt::ScimExchange { organization, id: request }));
        scim_exchanges::insert(tx, &[ExchangeRow { original, ..row::of_summary(&summary, request) }])
    });
    write.await.unwrap();
}

/// How many values of a column are under another key than the newest, and whether `by` opens each of them.
async fn older(world: &World, newest: &Sealer, by: &Sealer, which: SealedColumn) -> Vec<Result<(), SealingError>> {
    let (newest, mut after, mut found) = (newest.newest_key().to_vec(), None, Vec::new());
    loop {
        let newest = newest.clone();
        let page = world.store().read(move |tx| sealed_values::page(tx, which, &newest, after.as_ref()));
        let page = page.await.unwrap();
        found.extend(page.values.iter().map(|value| by.open(&value.sealed, &place(&value.at)).map(drop)));
        after = page.end;
        if after.is_none() {
            return found;
        }
    }
}

async fn known(world: &World, sealer: Sealer) -> Result<(), KeyError> {
    world.store().read(move |tx| under::require_known(tx, &sealer)).await
}

#[tokio::test]
async fn every_value_is_sealed_anew_and_opens_without_the_older_key() {
    for world in world().await {
        fill(&world, sealer(&[1])).await;
        let (both, newest, none) = (sealer(&[2, 1]), sealer(&[2]), sealer(&[9]));
        known(&world, both.clone()).await.unwrap();
        let refused = known(&world, newest.clone()).await.unwrap_err().to_string();
        assert!(refused.contains("connections.sealed_secret has values that are sealed under a key"), "{refused}");
        for which in SealedColumn::ALL {
            let expected = match which {
                SealedColumn::SigningKeys => 2,
                SealedColumn::AsynchronousOutcomes => 230,
                _ => 1,
            };
            let mut heard = 0;
            let done = column(world.store(), &both, which, |anew| heard = anew).await.unwrap();
            assert_eq!(done, Resealed { anew: expected, left: 0, unopened: 0 }, "{which:?} on {}", world.engine());
            assert_eq!(heard, expected);
            let now = older(&world, &none, &newest, which).await;
            assert_eq!(u64::try_from(now.len()).unwrap(), expected);
            assert!(now.iter().all(Result::is_ok), "{which:?} on {}: {now:?}", world.engine());
            let again = column(world.store(), &both, which, |_| {}).await.unwrap();
            assert_eq!(again, Resealed::default(), "{which:?} on {}", world.engine());
        }
        known(&world, newest).await.unwrap();
    }
}

#[tokio::test]
async fn what_no_configured_key_opens_stays_as_it_is_and_is_counted() {
    for world in world().await {
        fill(&world, sealer(&[1])).await;
        for which in SealedColumn::ALL {
            let done = column(world.store(), &sealer(&[3, 2]), which, |_| {}).await.unwrap();
            assert!(done.anew == 0 && done.left > 0 && done.unopened == done.left, "{which:?}: {done:?}");
            assert!(older(&world, &sealer(&[2]), &sealer(&[1]), which).await.iter().all(Result::is_ok));
        }
    }
}

#[tokio::test]
async fn a_value_that_was_changed_meanwhile_is_not_replaced() {
    for world in world().await {
        fill(&world, sealer(&[1])).await;
        let ada: AccountId = world.ada;
        let replaced = world.store().write(move |tx| {
            let newest = sealer(&[2]).newest_key().to_vec();
            let before = sealed_values::page(tx, SealedColumn::Passwords, &newest, None)?.values.remove(0);
            passwords::put(
                tx,
                &PasswordRow { account_id: ada, sealed_hash: vec![7; 40], set_at: Timestamp::from_seconds(1) },
            )?;
            let replaced = sealed_values::replace(tx, &before, &[8; 40])?;
            Ok::<_, StoreError>((replaced, passwords::find(tx, ada)?.unwrap().sealed_hash))
        });
        assert_eq!(replaced.await.unwrap(), (false, vec![7; 40]), "{}", world.engine());
    }
}

#[tokio::test]
async fn one_value_under_a_key_that_is_not_configured_is_found_by_its_column_and_key() {
    for world in world().await {
        fill(&world, sealer(&[1])).await;
        let ada = world.ada;
        let write = world.store().write(move |tx| {
            let sealed_hash = sealer(&[5]).seal(b"x", &place(&SealedAt::Password(ada))).unwrap();
            passwords::put(tx, &PasswordRow { account_id: ada, sealed_hash, set_at: Timestamp::from_seconds(1) })
        });
        write.await.unwrap();
        match known(&world, sealer(&[1])).await {
            Err(KeyError::Missing(missing)) => {
                let key = sealer(&[5]).newest_key().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
                assert_eq!((missing.column.as_str(), missing.key), ("passwords.sealed_hash", key));
            }
            other => panic!("{other:?}"),
        }
        known(&world, sealer(&[1, 5])).await.unwrap();
    }
}
