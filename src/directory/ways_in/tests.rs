//! What may be changed of a connection while people have no other way in, on both engines.

use crate::access::identity::AssertedIdentity;
use crate::access::passwords::{self, Cost, PasswordHash};
use crate::access::testing::{LINKING, World, world};
use crate::directory::connection_policy::{self, ConnectionPolicy, LinkingRule, PolicyError};
use crate::directory::connections::oidc_options::{self, OidcOptions};
use crate::directory::connections::{self, ConnectionError, Settings, provider};
use crate::directory::matching::{MatchRule, Matching};
use crate::directory::sso_policy::SsoPolicy;
use crate::keys::sealing::Sealer;
use crate::protocol::oidc::relying_party::preset::Preset;
use crate::protocol::saml::idp_metadata::IdpMetadata;
use crate::store::failure::StoreError;
use crate::store::totp_factors::{self, TotpFactorRow};
use crate::store::{Tx, break_glass, memberships};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, ConnectionId};
use crate::values::operation::Operation;
use crate::values::password::Password;
use crate::values::secret::Secret;

/// What an administrator may do to a connection.
const EDITS: [&str; 5] = ["options", "settings", "match", "policy", "disable"];

/// Tries one, and changes nothing.
async fn is_allowed(world: &World, edit: &'static str) -> bool {
    #[derive(Debug)]
    struct Undone(bool);
    impl From<StoreError> for Undone {
        fn from(error: StoreError) -> Self {
            panic!("{error}")
        }
    }
    let (op, organization, id) = (world.operator(), world.organization, world.connection);
    let tried = world.store().write(move |tx| {
        let answer = match edit {
            "options" => {
                let demanded = OidcOptions { forces_authentication: true, ..OidcOptions::default() };
                oidc_options::replace(tx, &op, organization, id, &demanded).map(drop)
            }
            "settings" => {
                let settings = Settings::oidc("https://idp.acme.test", "causeway", Preset::Generic, None);
                provider::replace_settings(tx, &op, organization, id, &settings, Some(vec![1])).map(drop)
            }
            "match" => {
                let matching = Matching { by: MatchRule::UserName, ..Matching::default() };
                provider::replace_matching(tx, &op, organization, id, matching).map(drop)
            }
            "policy" => {
                let policy = ConnectionPolicy { linking: LinkingRule::Never, ..LINKING };
                match connection_policy::set(tx, &op, organization, id, policy) {
                    Err(PolicyError::WouldLockOut) => Err(ConnectionError::WouldLockOut),
                    other => {
                        other.unwrap();
                        Ok(())
                    }
                }
            }
            _ => connections::disable(tx, &op, organization, id).map(drop),
        };
        match answer {
            Ok(()) => Err::<(), _>(Undone(true)),
            Err(ConnectionError::WouldLockOut) => Err(Undone(false)),
            Err(other) => panic!("{edit}: {other}"),
        }
    });
    tried.await.unwrap_err().0
}

async fn allowed(world: &World) -> Vec<&'static str> {
    let mut allowed = Vec::new();
    for edit in EDITS {
        if is_allowed(world, edit).await {
            allowed.push(edit);
        }
    }
    allowed
}

async fn owner(world: &World) -> AccountId {
    let organization = world.organization;
    world.store().read(move |tx| memberships::active_in_role(tx, organization, "owner")).await.unwrap()[0]
}

fn equip(tx: &mut Tx<'_>, op: &Operation, account: AccountId) -> Result<(), StoreError> {
    let sealer = Sealer::new(&[Secret::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned())]).unwrap();
    let hash =
        PasswordHash::of(&Password::typed("correct horse"), [7; 16], Cost { memory_kib: 64, passes: 1, lanes: 1 });
    passwords::set(tx, op, &sealer, account, &hash.unwrap()).unwrap();
    let confirmed_at = op.at;
    totp_factors::insert(tx, &TotpFactorRow { account_id: account, sealed_secret: vec![1], last_step: 0, confirmed_at })
}

/// Puts somebody on the break-glass list, with or without what they need there.
async fn put_on_the_list(world: &World, account: AccountId, is_equipped: impl Into<Option<()>>) {
    let (op, organization, is_equipped) = (world.operator(), world.organization, is_equipped.into());
    let write = world.store().write(move |tx| {
        memberships::update_role(tx, account, organization, "owner", None, op.at)?;
        break_glass::insert(tx, organization, account, op.at)?;
        if is_equipped.is_some() { equip(tx, &op, account) } else { Ok(()) }
    });
    write.await.unwrap();
}

async fn sign_in(world: &World, connection: ConnectionId) {
    world.sign_in(AssertedIdentity { connection, ..world.asserted() }).await.unwrap();
}

#[tokio::test]
async fn e34_what_may_break_the_only_way_in_is_changed_only_where_somebody_can_mend_it() {
    for world in world().await {
        assert_eq!(allowed(&world).await, EDITS, "{}: nothing is asked", world.engine());
        world.set_policy(SsoPolicy::Required).await;
        assert_eq!(allowed(&world).await, [""; 0], "{}: the other one was never tried", world.engine());
        put_on_the_list(&world, world.ada, Some(())).await;
        put_on_the_list(&world, owner(&world).await, None).await;
        assert_eq!(allowed(&world).await, [""; 0], "{}: one of two has a second factor", world.engine());
        let (op, owner) = (world.operator(), owner_besides(&world).await);
        world.store().write(move |tx| equip(tx, &op, owner)).await.unwrap();
        let may_be_mended = ["options", "settings", "match", "policy"];
        assert_eq!(allowed(&world).await, may_be_mended, "{}: but nobody switches it off", world.engine());
    }
}

async fn owner_besides(world: &World) -> AccountId {
    let (organization, ada) = (world.organization, world.ada);
    let owners = world.store().read(move |tx| memberships::active_in_role(tx, organization, "owner")).await.unwrap();
    owners.into_iter().find(|one| *one != ada).unwrap()
}

#[tokio::test]
async fn e34_another_way_in_counts_while_it_is_known_to_work() {
    for world in world().await {
        world.set_policy(SsoPolicy::Required).await;
        sign_in(&world, world.other_connection).await;
        assert_eq!(allowed(&world).await, EDITS, "{}", world.engine());
        world.advance(30 * 24 * 3_600 - 1);
        assert_eq!(allowed(&world).await, EDITS, "{}", world.engine());
        world.advance(1);
        assert_eq!(allowed(&world).await, [""; 0], "{}: a month ago", world.engine());
        sign_in(&world, world.other_connection).await;
        assert_eq!(allowed(&world).await, EDITS, "{}", world.engine());
        let until = world.op().at.plus_seconds(10);
        world.put_settings(world.other_connection, &saml(until)).await;
        assert_eq!(allowed(&world).await, EDITS, "{}", world.engine());
        world.advance(10);
        assert_eq!(allowed(&world).await, [""; 0], "{}: its metadata has ended", world.engine());
    }
}

#[tokio::test]
async fn e34_while_a_group_tests_it_an_administrator_outside_the_group_mends_it() {
    for world in world().await {
        let user = world.push_user("owner@acme.test").await;
        let (with_owner, without) = (world.push_group("pilots", &[user]).await, world.push_group("others", &[]).await);
        world.set_policy(SsoPolicy::Test { group: without }).await;
        let may_be_mended = ["options", "settings", "match", "policy"];
        assert_eq!(allowed(&world).await, may_be_mended, "{}", world.engine());
        world.set_policy(SsoPolicy::Test { group: with_owner }).await;
        assert_eq!(allowed(&world).await, [""; 0], "{}: nobody is left who could", world.engine());
        put_on_the_list(&world, owner(&world).await, Some(())).await;
        assert_eq!(allowed(&world).await, may_be_mended, "{}", world.engine());
    }
}

#[tokio::test]
async fn what_lets_in_whoever_came_in_before_is_no_change_that_could_lock_out() {
    for world in world().await {
        world.set_policy(SsoPolicy::Required).await;
        let (op, organization, id) = (world.operator(), world.organization, world.connection);
        let write = world.store().write(move |tx| {
            let settings = Settings::oidc("https://idp.acme.test", "causeway", Preset::Generic, None);
            provider::replace_settings(tx, &op, organization, id, &settings, None).map(drop)?;
            let more = ConnectionPolicy { provisions: true, ..LINKING };
            connection_policy::set(tx, &op, organization, id, more).unwrap();
            Ok::<_, ConnectionError>(())
        });
        write.await.unwrap_or_else(|error| panic!("{}: {error}", world.engine()));
    }
}

fn saml(valid_until: Timestamp) -> Settings {
    let idp = IdpMetadata {
        entity_id: "https://idp.acme.test".to_owned(),
        sso_redirect_url: "https://idp.acme.test/sso".parse().unwrap(),
        sso_post_url: None,
        logout: None,
        certificates: vec![],
        valid_until: Some(valid_until),
        cache_seconds: None,
    };
    Settings::Saml { idp, options: connections::saml_options::SamlOptions::default() }
}
