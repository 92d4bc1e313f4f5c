use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;

use super::{CHALLENGE_TTL_SECONDS, Domain, DomainError, begin_check, create, finish_check, release};
use crate::access::testing::{World, world};
use crate::directory::domains::proof::{Answer, Failure, record_value};
use crate::directory::organizations::{self, NewOrganization};
use crate::store::failure::StoreError;
use crate::store::{Tx, domains, outbox, scratch};
use crate::values::domain_name::DomainName;
use crate::values::ids::OrganizationId;
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
            let asked = begin_check(tx, &op, organization, domain.id);
            assert!(matches!(asked, Err(DomainError::WrongState(_))), "nobody asks for it: {asked:?}");
            let events = outbox::oldest_for_update(tx, 100)?;
            assert_eq!(events.iter().filter(|row| row.event.contains("domain_verified")).count(), 1);
            release(tx, &op, organization, domain.id).unwrap();
            assert!(release(tx, &op, organization, domain.id).is_err());
            Ok::<_, StoreError>(())
        });
        done.await.unwrap();
        assert_eq!(world.entries("domain.check_failed").await.len(), 1, "{}", world.engine());
        for action in ["domain.claimed", "domain.verified", "domain.released"] {
            assert_eq!(world.entries(action).await.len(), 1, "{}: {action}", world.engine());
        }
    }
}

#[tokio::test]
async fn a_domain_that_is_given_back_twice_at_once_is_given_back_once() {
    for world in world().await {
        let organization = world.organization;
        let domain = world
            .store()
            .read(|tx| domains::owner_of(tx, "acme.test", domains::Owned::Trusted))
            .await
            .unwrap()
            .unwrap()
            .1;
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

fn organization(tx: &mut Tx<'_>, op: &Operation, slug: &str) -> OrganizationId {
    let new = NewOrganization {
        slug: slug.parse().unwrap(),
        name: slug.to_owned(),
        support_name: None,
        support_email: None,
        owner: format!("owner@{slug}.test").parse().unwrap(),
    };
    organizations::create(tx, op, &new).unwrap().0.id
}

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

/// draft-ietf-dnsop-domain-verification-techniques: a token of 128 bits or more, for one organization, domain and attempt,
/// under a label of our own.
#[tokio::test]
async fn a_challenge_is_long_and_of_one_organization_one_domain_and_one_attempt() {
    for world in world().await {
        let (op, acme) = (world.operator(), world.organization);
        let done = world.store().write(move |tx| {
            let globex = organization(tx, &op, "globex");
            let claim = |tx: &mut Tx<'_>, organization: OrganizationId, domain: &str| {
                create(tx, &op, organization, &name(domain), &Quota::default()).unwrap()
            };
            let first = claim(tx, acme, "b.test");
            assert_eq!(first.record_name(), "_causeway-challenge.b.test");
            release(tx, &op, acme, first.id).unwrap();
            let claims = [first, claim(tx, acme, "b.test"), claim(tx, acme, "c.test"), claim(tx, globex, "b.test")];
            let mut challenges: Vec<_> = claims.iter().map(|claim| claim.challenge.clone()).collect();
            for challenge in &challenges {
                assert!(URL_SAFE_NO_PAD.decode(challenge).unwrap().len() * 8 >= 128, "{challenge}");
            }
            challenges.sort();
            challenges.dedup();
            assert_eq!(challenges.len(), 4, "{challenges:?}");
            Ok::<_, StoreError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn the_record_of_another_organization_domain_or_attempt_proves_nothing() {
    for world in world().await {
        let (op, acme) = (world.operator(), world.organization);
        let done = world.store().write(move |tx| {
            let globex = organization(tx, &op, "globex");
            let claim = |tx: &mut Tx<'_>, organization: OrganizationId, domain: &str| {
                create(tx, &op, organization, &name(domain), &Quota::default()).unwrap()
            };
            let (ours, theirs, another) =
                (claim(tx, acme, "b.test"), claim(tx, globex, "b.test"), claim(tx, globex, "c.test"));
            let earlier = claim(tx, globex, "d.test");
            release(tx, &op, globex, earlier.id).unwrap();
            let again = claim(tx, globex, "d.test");
            let records = |of: &Domain| Answer::Records(vec![record_value(&of.challenge)]);
            for (claimed, found) in [(&theirs, &ours), (&another, &theirs), (&again, &earlier)] {
                let (domain, failure) = finish_check(tx, &op, globex, claimed.id, &records(found)).unwrap();
                assert_eq!((domain.state.as_str(), failure), ("pending", Some(Failure::RecordWrong { found: 1 })));
            }
            let foreign = finish_check(tx, &op, globex, ours.id, &records(&ours));
            assert!(matches!(foreign, Err(DomainError::NotFound)), "{foreign:?}");
            let both = Answer::Records(vec![record_value(&ours.challenge), record_value(&theirs.challenge)]);
            assert_eq!(finish_check(tx, &op, acme, ours.id, &both).unwrap().1, None);
            Ok::<_, StoreError>(())
        });
        done.await.unwrap();
    }
}

/// Organizations that have each claimed the same domain, all of which have published their record.
async fn claimants(world: &World, count: usize) -> Vec<Domain> {
    let op = world.operator();
    let write = world.store().write(move |tx| {
        let claim = |n| {
            let organization = organization(tx, &op, &format!("claimant-{n}"));
            create(tx, &op, organization, &name("contested.test"), &Quota::default()).unwrap()
        };
        Ok::<_, StoreError>((0..count).map(claim).collect())
    });
    write.await.unwrap()
}

/// The unique index is the judge, and not what somebody has read before.
#[tokio::test]
async fn of_fifty_organizations_that_prove_a_domain_at_once_one_owns_it() {
    for world in world().await {
        let claims = claimants(&world, 50).await;
        let published = Answer::Records(claims.iter().map(|claim| record_value(&claim.challenge)).collect());
        let checks = claims.iter().map(|claim| {
            let (op, organization, id, answer) = (world.operator(), claim.organization, claim.id, published.clone());
            world.store().write(move |tx| finish_check(tx, &op, organization, id, &answer))
        });
        let outcomes = join_all(checks).await;
        let won: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        assert!(won.len() == 1 && won[0].1.is_none(), "{}: {won:?}", world.engine());
        let lost = outcomes.iter().filter(|outcome| matches!(outcome, Err(DomainError::OwnedElsewhere))).count();
        assert_eq!(lost, 49, "{}: {outcomes:?}", world.engine());
        let owner =
            world.store().read(|tx| domains::owner_of(tx, "contested.test", domains::Owned::Trusted)).await.unwrap();
        assert_eq!(owner, Some((won[0].0.organization, won[0].0.id)), "{}", world.engine());
    }
}

#[tokio::test]
async fn a_claim_reaches_neither_down_nor_up_and_each_name_has_its_own_owner() {
    for world in world().await {
        let (op, acme) = (world.operator(), world.organization);
        let done = world.store().write(move |tx| {
            let globex = organization(tx, &op, "globex");
            for below in ["mail.acme.test", "evilacme.test"] {
                assert!(!domains::is_owner(tx, acme, below, domains::Owned::Trusted)?, "{below}");
                let claim = create(tx, &op, globex, &name(below), &Quota::default()).unwrap();
                let answer = Answer::Records(vec![record_value(&claim.challenge)]);
                assert_eq!(finish_check(tx, &op, globex, claim.id, &answer).unwrap().1, None);
                assert!(
                    domains::is_owner(tx, globex, below, domains::Owned::Trusted)?
                        && !domains::is_owner(tx, globex, "acme.test", domains::Owned::Trusted)?
                );
            }
            assert!(domains::is_owner(tx, acme, "acme.test", domains::Owned::Trusted)?);
            Ok::<_, StoreError>(())
        });
        done.await.unwrap();
    }
}
