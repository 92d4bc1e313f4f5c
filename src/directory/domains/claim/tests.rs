use super::{CHALLENGE_TTL_SECONDS, DomainError, begin_check, create, finish_check, release};
use crate::access::testing::world;
use crate::directory::domains::proof::Answer;
use crate::store::failure::StoreError;
use crate::store::{Tx, domains, scratch};
use crate::values::operation::Operation;
use crate::values::quota::Quota;

#[tokio::test]
async fn what_nobody_can_own_is_not_claimed() {
    for world in world().await {
        let (op, organization) = (world.operator(), world.organization);
        let claimed = world.store().write(move |tx| {
            for name in ["co.uk", "github.io", "gmail.com", "outlook.com"] {
                let refused = create(tx, &op, organization, &name.parse().unwrap(), &Quota::default());
                assert!(matches!(refused, Err(DomainError::NotClaimable)), "{name}: {refused:?}");
            }
            let quota = Quota { domains: 1, ..Quota::default() };
            let full = create(tx, &op, organization, &"b.test".parse().unwrap(), &quota);
            assert!(matches!(full, Err(DomainError::TooMany(_))), "{full:?}");
            Ok::<_, StoreError>(())
        });
        claimed.await.unwrap();
    }
}

#[tokio::test]
async fn a_challenge_proves_a_domain_for_seven_days_and_once() {
    for world in world().await {
        let (op, organization) = (world.operator(), world.organization);
        let done = world.store().write(move |tx| {
            let later = |seconds| Operation { at: op.at.plus_seconds(seconds), ..op.clone() };
            let domain = create(tx, &op, organization, &"b.test".parse().unwrap(), &Quota::default()).unwrap();
            begin_check(tx, &later(CHALLENGE_TTL_SECONDS - 1), organization, domain.id).unwrap();
            let late = begin_check(tx, &later(CHALLENGE_TTL_SECONDS), organization, domain.id);
            assert!(late.is_err(), "{late:?}");
            let (_, failure) = finish_check(tx, &op, organization, domain.id, &Answer::Records(vec![])).unwrap();
            assert!(failure.is_some());
            let record = format!("causeway-challenge={}", domain.challenge);
            let proved = Answer::Records(vec![record]);
            let (verified, failure) = finish_check(tx, &op, organization, domain.id, &proved).unwrap();
            assert!(failure.is_none() && verified.state.as_str() == "verified");
            let again = finish_check(tx, &op, organization, domain.id, &proved);
            assert!(again.is_err(), "what is verified is not proved by a challenge again");
            release(tx, &op, organization, domain.id).unwrap();
            assert!(release(tx, &op, organization, domain.id).is_err());
            Ok::<_, StoreError>(())
        });
        done.await.unwrap();
        assert_eq!(world.entries("domain.check_failed").await.len(), 1, "{}", world.engine());
        assert_eq!(world.entries("domain.verified").await.len(), 1, "{}", world.engine());
    }
}

#[tokio::test]
async fn a_domain_that_is_given_back_twice_at_once_is_given_back_once() {
    for world in world().await {
        let organization = world.organization;
        let domain = world.store().read(|tx| domains::owner_of(tx, "acme.test")).await.unwrap().unwrap().1;
        let releasing = || {
            let op = world.operator();
            move |tx: &mut Tx<'_>| release(tx, &op, organization, domain).map(drop)
        };
        let first = releasing();
        let first = move |tx: &mut Tx<'_>| {
            first(tx).unwrap();
            Ok(())
        };
        let (_, second) = scratch::overlap(world.store(), first, world.store().write(releasing())).await;
        let is_refused = matches!(second, Err(DomainError::Changed | DomainError::WrongState(_)));
        assert!(is_refused, "{}: {second:?}", world.engine());
        assert_eq!(world.entries("domain.released").await.len(), 1, "{}", world.engine());
    }
}
