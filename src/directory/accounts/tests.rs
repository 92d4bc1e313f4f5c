//! Two who change one account at the same moment, on both engines.

use super::{AccountError, create, deactivate, end_membership, find};
use crate::access::testing::world;
use crate::directory::memberships;
use crate::directory::profile::Profile;
use crate::store::accounts::{self as rows, AccountRow};
use crate::store::failure::StoreError;
use crate::store::memberships as membership_rows;
use crate::store::{Tx, scratch};
use crate::values::operation::Role;

#[tokio::test]
async fn the_profile_of_nobody_is_not_written() {
    for world in world().await {
        let (op, ada) = (world.op(), world.ada);
        let written = world.store().write(move |tx| {
            let row = AccountRow { id: op.new_id(), ..rows::find(tx, ada)?.unwrap() };
            rows::update_profile(tx, &row)
        });
        let written = written.await;
        assert!(matches!(written, Err(StoreError::Inconsistent(_))), "{}: {written:?}", world.engine());
    }
}

#[tokio::test]
async fn who_is_deactivated_twice_at_once_is_so_once() {
    for world in world().await {
        let (organization, ada) = (world.organization, world.ada);
        let deactivating = || {
            let op = world.operator();
            move |tx: &mut Tx<'_>| deactivate(tx, &op, organization, ada)
        };
        let first = deactivating();
        let first = move |tx: &mut Tx<'_>| {
            first(tx).unwrap();
            Ok(())
        };
        let (_, second) = scratch::overlap(world.store(), first, world.store().write(deactivating())).await;
        second.unwrap();
        assert_eq!(world.entries("user.deactivated").await.len(), 1, "{}", world.engine());
    }
}

#[tokio::test]
async fn of_two_owners_who_lose_their_access_at_once_one_stays() {
    for world in world().await {
        let (op, organization) = (world.operator(), world.organization);
        let write = world.store().write(move |tx| {
            let profile = Profile { addresses: vec!["kim@acme.test".parse().unwrap()], ..Profile::default() };
            create(tx, &op, organization, &profile, Role::Owner)?;
            membership_rows::active_in_role(tx, organization, "owner")
        });
        let owners = write.await.unwrap();
        let deactivating = |account| {
            let op = world.operator();
            move |tx: &mut Tx<'_>| deactivate(tx, &op, organization, account)
        };
        let first = deactivating(owners[0]);
        let first = move |tx: &mut Tx<'_>| {
            first(tx).unwrap();
            Ok(())
        };
        let (_, second) = scratch::overlap(world.store(), first, world.store().write(deactivating(owners[1]))).await;
        assert!(matches!(second, Err(AccountError::LastOwner)), "{}: {second:?}", world.engine());
    }
}

#[tokio::test]
async fn a_membership_that_is_ended_twice_at_once_ends_once() {
    for world in world().await {
        let (organization, cem) = (world.organization, world.visitor().await);
        let ending = || {
            let op = world.operator();
            move |tx: &mut Tx<'_>| end_membership(tx, &op, organization, cem)
        };
        let first = ending();
        let first = move |tx: &mut Tx<'_>| {
            first(tx).unwrap();
            Ok(())
        };
        let (_, second) = scratch::overlap(world.store(), first, world.store().write(ending())).await;
        assert!(matches!(second, Err(AccountError::NotFound)), "{}: {second:?}", world.engine());
        assert_eq!(world.entries("user.deleted").await.len(), 1, "{}", world.engine());
        let left =
            world.store().read(move |tx| Ok::<_, StoreError>((find(tx, cem)?, memberships::of_account(tx, cem)?)));
        let (account, left) = left.await.unwrap();
        assert!(account.is_some() && left.is_empty(), "{}", world.engine());
    }
}
