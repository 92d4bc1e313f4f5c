//! Two who change one connection, or what stands around it, at the same moment, on both engines.

use super::oidc_options::{self, OidcOptions};
use super::provider::{replace_matching, replace_settings};
use super::saml_options::{self, SamlOptions};
use super::{ConnectionError, NewConnection, Settings, create, disable};
use crate::access::identity::{self, AssertedIdentity};
use crate::access::testing::{LINKING, World, world};
use crate::directory::connection_policy::{self, ConnectionPolicy, LinkingRule, PolicyError};
use crate::directory::connection_roles::{self, ConnectionRole};
use crate::directory::matching::{MatchRule, Matching};
use crate::directory::memberships;
use crate::protocol::oidc::relying_party::preset::Preset;
use crate::protocol::saml::idp_metadata::IdpMetadata;
use crate::store::failure::StoreError;
use crate::store::{Tx, outbox, scratch};
use crate::values::operation::Role;
use crate::values::quota::Quota;

#[tokio::test]
async fn a_new_connection_is_told_of() {
    for world in world().await {
        let events = world.store().write(|tx| outbox::oldest_for_update(tx, 100)).await.unwrap();
        let told = events.iter().filter(|row| row.event.contains("connection_created")).count();
        assert_eq!(told, 2, "{}", world.engine());
    }
}

#[tokio::test]
async fn nothing_is_demanded_that_cannot_be_meant_and_a_provider_keeps_its_protocol() {
    for world in world().await {
        let (op, organization, id) = (world.operator(), world.organization, world.connection);
        let answers = world.store().write(move |tx| {
            let classes = vec!["a class".to_owned()];
            let of_oidc = OidcOptions { acr_values: classes.clone(), ..OidcOptions::default() };
            let of_saml = SamlOptions { authn_contexts: classes, ..SamlOptions::default() };
            let refused = [
                oidc_options::replace(tx, &op, organization, id, &of_oidc).map(drop),
                saml_options::replace(tx, &op, organization, id, &of_saml).map(drop),
            ];
            let saml = Settings::Saml { idp: saml_idp(), options: SamlOptions::default() };
            let other = replace_settings(tx, &op, organization, id, &saml, None).map(drop);
            Ok::<_, StoreError>((refused, other))
        });
        let (refused, other) = answers.await.unwrap();
        for answer in refused {
            assert!(matches!(answer, Err(ConnectionError::InvalidOptions(_))), "{}: {answer:?}", world.engine());
        }
        assert!(matches!(other, Err(ConnectionError::OtherProtocol)), "{}: {other:?}", world.engine());
    }
}

fn saml_idp() -> IdpMetadata {
    IdpMetadata {
        entity_id: "https://idp.acme.test".to_owned(),
        sso_redirect_url: "https://idp.acme.test/sso".parse().unwrap(),
        sso_post_url: None,
        logout: None,
        certificates: vec![],
        valid_until: None,
        cache_seconds: None,
    }
}

#[tokio::test]
async fn a_connection_is_switched_off_once_however_many_do_it_at_once() {
    for world in world().await {
        let (organization, connection) = (world.organization, world.connection);
        let disabling = || {
            let op = world.operator();
            move |tx: &mut Tx<'_>| disable(tx, &op, organization, connection).map(drop)
        };
        let first = disabling();
        let first = move |tx: &mut Tx<'_>| {
            first(tx).unwrap();
            Ok(())
        };
        let (_, second) = scratch::overlap(world.store(), first, world.store().write(disabling())).await;
        let is_refused = matches!(second, Err(ConnectionError::Changed | ConnectionError::WrongState));
        assert!(is_refused, "{}: {second:?}", world.engine());
        assert_eq!(world.entries("connection.disabled").await.len(), 1, "{}", world.engine());
    }
}

#[tokio::test]
async fn of_two_who_come_for_the_last_place_at_once_the_second_gets_none() {
    for world in world().await {
        let organization = world.organization;
        let creating = || {
            let op = world.operator();
            move |tx: &mut Tx<'_>| {
                let settings = Settings::oidc("https://idp.other.test", "causeway", Preset::Generic, None);
                let new = NewConnection { id: op.new_id(), name: "Third".to_owned(), settings, sealed_secret: None };
                create(tx, &op, organization, &new, &Quota { connections: 3, ..Quota::default() }).map(drop)
            }
        };
        let first = creating();
        let first = move |tx: &mut Tx<'_>| {
            first(tx).unwrap();
            Ok(())
        };
        let (_, second) = scratch::overlap(world.store(), first, world.store().write(creating())).await;
        assert!(matches!(second, Err(ConnectionError::TooMany(_))), "{}: {second:?}", world.engine());
    }
}

/// Lets the world's connection link in this way.
fn linking(
    world: &World,
    linking: LinkingRule,
) -> impl FnOnce(&mut Tx<'_>) -> Result<(), PolicyError> + Send + 'static {
    let (op, organization, connection) = (world.operator(), world.organization, world.connection);
    move |tx| connection_policy::set(tx, &op, organization, connection, ConnectionPolicy { linking, ..LINKING })
}

/// Lets it find people by the names that a directory has given them.
fn matching(world: &World) -> impl FnOnce(&mut Tx<'_>) -> Result<(), ConnectionError> + Send + 'static {
    let (op, organization, connection) = (world.operator(), world.organization, world.connection);
    let matching = Matching { by: MatchRule::UserName, ..Matching::default() };
    move |tx| replace_matching(tx, &op, organization, connection, matching).map(drop)
}

#[tokio::test]
async fn a_policy_fits_the_match_that_is_set_at_that_moment() {
    for world in world().await {
        let first = matching(&world);
        let first = move |tx: &mut Tx<'_>| {
            first(tx).unwrap();
            Ok(())
        };
        let set = world.store().write(linking(&world, LinkingRule::VerifiedAddress));
        let (_, set) = scratch::overlap(world.store(), first, set).await;
        assert!(matches!(set, Err(PolicyError::OtherMatch)), "{}: {set:?}", world.engine());
    }
}

#[tokio::test]
async fn a_match_takes_the_policy_along_that_is_set_at_that_moment() {
    for world in world().await {
        world.store().write(linking(&world, LinkingRule::Never)).await.unwrap();
        let first = linking(&world, LinkingRule::VerifiedAddress);
        let first = move |tx: &mut Tx<'_>| {
            first(tx).unwrap();
            Ok(())
        };
        let (_, matched) = scratch::overlap(world.store(), first, world.store().write(matching(&world))).await;
        matched.unwrap();
        let (organization, connection) = (world.organization, world.connection);
        let read =
            world.store().read(move |tx| connection_policy::of(tx, organization, connection, MatchRule::UserName));
        assert_eq!(read.await.unwrap().linking, LinkingRule::Subject, "{}", world.engine());
    }
}

#[tokio::test]
async fn whoever_signs_in_at_that_moment_keeps_no_role_by_a_group_that_carries_none_any_more() {
    for world in world().await {
        let (organization, connection, ada) = (world.organization, world.connection, world.ada);
        let replacing = |list: Vec<ConnectionRole>| {
            let op = world.operator();
            move |tx: &mut Tx<'_>| connection_roles::replace(tx, &op, organization, connection, &list)
        };
        let carrying = ConnectionRole { group: "it".to_owned(), role: Role::Admin };
        world.store().write(replacing(vec![carrying])).await.unwrap();
        let (_, handle) = world.depart(connection).await;
        let (op, asserted) = (world.op(), AssertedIdentity { groups: vec!["it".to_owned()], ..world.asserted() });
        let signs_in = move |tx: &mut Tx<'_>| {
            identity::accept(tx, &op, handle.expose(), &asserted).unwrap();
            Ok(memberships::find(tx, ada, organization)?.unwrap().role)
        };
        let replaced = world.store().write(replacing(Vec::new()));
        let (role, replaced) = scratch::overlap(world.store(), signs_in, replaced).await;
        replaced.unwrap();
        assert_eq!(role, Role::Admin, "{}", world.engine());
        let read = world.store().read(move |tx| memberships::find(tx, ada, organization));
        assert_eq!(read.await.unwrap().unwrap().role, Role::Member, "{}", world.engine());
    }
}
