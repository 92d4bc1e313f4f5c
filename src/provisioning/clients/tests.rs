use serde_json::json;

use super::caller::{self, PresentedToken};
use super::credentials::{self, CredentialState, NewCredential};
use super::kind::{CredentialKind, ForeignIdentity, KeySource};
use super::tokens::{self, IssueError, SingleUse, Terms};
use super::{ScimClientChange, ScimClientError, create, delete, expiry, find, update};
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::{document, resource_type};
use crate::provisioning::schemas::catalog::Catalog;
use crate::provisioning::tests::{operation, organization, rules};
use crate::provisioning::users;
use crate::record::audit;
use crate::store::failure::StoreError;
use crate::store::{Tx, expiry as sweep, outbox, scratch};
use crate::values::ids::{Id, OrganizationId, ResourceId, ScimClientId, ScimCredentialId};
use crate::values::operation::{Actor, Operation, Role};
use crate::values::page::PageRequest;
use crate::values::quota::Quota;
use crate::values::scim_scope::ScimScope;
use crate::values::secret::{Secret, TokenHash};

const NOW: i64 = 1_700_000_000_000_000;
const DAY: i64 = 24 * 3600;
const TERMS: Terms = Terms { ttl_seconds: 3_600, most: 3 };

fn at(seconds: i64) -> Operation {
    operation(NOW + seconds * 1_000_000)
}

fn new(kind: CredentialKind, scope: ScimScope, ttl_seconds: i64) -> NewCredential {
    NewCredential { kind, scope, ttl_seconds }
}

/// An organization with a client.
fn client(tx: &mut Tx<'_>) -> Result<(OrganizationId, ScimClientId), ScimClientError> {
    let acme = organization(tx, "acme");
    let client = create(tx, &at(0), acme, "Directory", Profile::Standard, &Quota::default())?;
    Ok((acme, client.id))
}

/// A credential of it: its id, and its token or secret.
fn credential(
    tx: &mut Tx<'_>,
    (acme, client): (OrganizationId, ScimClientId),
    new: &NewCredential,
) -> Result<(ScimCredentialId, Secret), ScimClientError> {
    let (made, secret) = credentials::create(tx, &at(0), acme, client, new, &Quota::default())?;
    Ok((made.id, secret.unwrap()))
}

/// The scope of who presents `token` at `seconds`, if it is anybody.
fn who(tx: &mut Tx<'_>, token: &Secret, seconds: i64) -> Option<ScimScope> {
    caller::authenticate(tx, &Catalog::default(), &PresentedToken::of(token.expose()), at(seconds).at)
        .unwrap()
        .map(|caller| caller.scope)
}

/// What the sweep of expired rows leaves, and who is told of what, are looked at by these.
fn actions(tx: &mut Tx<'_>, acme: OrganizationId) -> Vec<String> {
    let page = PageRequest::new(None, Some(200)).unwrap();
    audit::page(tx, acme, &page).unwrap().items.into_iter().map(|entry| entry.action).collect()
}

async fn on_both(test: impl Fn(&mut Tx<'_>) -> Result<(), ScimClientError> + Clone + Send + 'static) {
    for scratch in scratch::all() {
        let test = test.clone();
        scratch.store.write(move |tx| test(tx)).await.unwrap_or_else(|error| panic!("{}: {error}", scratch.engine));
    }
}

/// On PostgreSQL; on SQLite they are always asked for one after the other.
#[tokio::test]
async fn a_user_comes_with_a_live_static_token_of_their_organization_and_with_nothing_else() {
    for scratch in scratch::all() {
        let is_at_once = scratch.engine == "postgres";
        let done = scratch.store.write(move |tx| {
            let whose = client(tx)?;
            let (id, token) = credential(tx, whose, &new(CredentialKind::Bearer, ScimScope::Read, 100))?;
            let (_, secret) = credential(tx, whose, &new(CredentialKind::ClientSecret, ScimScope::Write, 100))?;
            let globex = organization(tx, "globex");
            let [ada, eve] = [(whose.0, "ada"), (globex, "eve")].map(|(organization, name)| {
                let body = json!({ "userName": name });
                let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules()).unwrap();
                let draft = users::draft(read.document, resource_type::user()).unwrap();
                users::create(tx, &at(0), organization, &draft).unwrap().id
            });
            let asked = |tx: &mut Tx<'_>, token: &Secret, user: ResourceId, seconds: i64| {
                let token = PresentedToken::of(token.expose());
                let found = caller::authenticate_for_user(tx, &Catalog::default(), &token, user, at(seconds).at);
                found
                    .unwrap()
                    .map(|(caller, user)| (caller.scope, user.row.id, user.around.unwrap().groups.unwrap().len()))
            };
            let found = asked(tx, &token, ada, 99);
            assert_eq!(found, is_at_once.then_some((ScimScope::Read, ada, 0)));
            assert_eq!(asked(tx, &token, eve, 0), None, "another organization's");
            assert_eq!(asked(tx, &token, ada, 100), None, "it has ended");
            assert_eq!(asked(tx, &secret, ada, 0), None, "a secret is no token");
            credentials::revoke(tx, &at(1), whose.0, whose.1, id)?;
            assert_eq!(asked(tx, &token, ada, 1), None, "it is revoked");
            Ok::<_, ScimClientError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn a_static_token_opens_the_door_until_it_ends_or_is_revoked() {
    on_both(|tx| {
        let whose = client(tx)?;
        let (_, first) = credential(tx, whose, &new(CredentialKind::Bearer, ScimScope::Write, 100))?;
        let (second_id, second) = credential(tx, whose, &new(CredentialKind::Bearer, ScimScope::Read, 100))?;
        assert_eq!(who(tx, &first, 99), Some(ScimScope::Write));
        assert_eq!(who(tx, &first, 100), None);
        assert_eq!(who(tx, &second, 0), Some(ScimScope::Read));
        credentials::revoke(tx, &at(1), whose.0, whose.1, second_id)?;
        assert_eq!((who(tx, &second, 1), who(tx, &first, 1)), (None, Some(ScimScope::Write)));
        let again = credentials::revoke(tx, &at(2), whose.0, whose.1, second_id);
        assert!(matches!(again, Err(ScimClientError::NotFound)), "{again:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_secret_gives_tokens_and_opens_nothing_itself() {
    on_both(|tx| {
        let whose = client(tx)?;
        let (_, secret) = credential(tx, whose, &new(CredentialKind::ClientSecret, ScimScope::Write, DAY))?;
        assert_eq!(who(tx, &secret, 0), None);
        assert!(tokens::prove_secret(tx, whose.1, &Secret::from("cw_secret_x".to_owned()), at(0).at)?.is_none());
        let proved = tokens::prove_secret(tx, whose.1, &secret, at(0).at)?.unwrap();
        let issued = tokens::issue(tx, &at(0), &proved, None, TERMS).unwrap();
        assert_eq!((issued.scope, issued.expires_in_seconds), (ScimScope::Write, 3_600));
        assert_eq!(who(tx, &issued.token, 3_599), Some(ScimScope::Write));
        assert_eq!(who(tx, &issued.token, 3_600), None);
        assert!(actions(tx, whose.0).contains(&"scim_access_token.issued".to_owned()));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_token_is_narrowed_on_request_and_never_widened() {
    on_both(|tx| {
        let whose = client(tx)?;
        let (_, secret) = credential(tx, whose, &new(CredentialKind::ClientSecret, ScimScope::Write, DAY))?;
        let proved = tokens::prove_secret(tx, whose.1, &secret, at(0).at)?.unwrap();
        let narrow = tokens::issue(tx, &at(0), &proved, Some(ScimScope::Read), TERMS).unwrap();
        assert_eq!(who(tx, &narrow.token, 0), Some(ScimScope::Read));
        let wide = tokens::issue(tx, &at(0), &proved, Some(ScimScope::Replica), TERMS);
        assert!(matches!(wide, Err(IssueError::Scope)), "{wide:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_token_dies_with_its_credential_and_with_its_client() {
    on_both(|tx| {
        let whose = client(tx)?;
        let kind = || new(CredentialKind::ClientSecret, ScimScope::Write, DAY);
        let (one, first) = credential(tx, whose, &kind())?;
        let (_, second) = credential(tx, whose, &kind())?;
        let mut token = |secret: &Secret| {
            let proved = tokens::prove_secret(tx, whose.1, secret, at(0).at).unwrap().unwrap();
            (tokens::issue(tx, &at(0), &proved, None, TERMS).unwrap().token, proved)
        };
        let ((first, proved), (second, _)) = (token(&first), token(&second));
        credentials::revoke(tx, &at(1), whose.0, whose.1, one)?;
        assert_eq!((who(tx, &first, 1), who(tx, &second, 1)), (None, Some(ScimScope::Write)));
        let late = tokens::issue(tx, &at(1), &proved, None, TERMS);
        assert!(matches!(late, Err(IssueError::Gone)), "proved before it was revoked: {late:?}");
        delete(tx, &at(2), whose.0, whose.1)?;
        assert_eq!(who(tx, &second, 2), None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_token_does_not_outlive_its_credential() {
    on_both(|tx| {
        let whose = client(tx)?;
        let (_, secret) = credential(tx, whose, &new(CredentialKind::ClientSecret, ScimScope::Write, 100))?;
        let proved = tokens::prove_secret(tx, whose.1, &secret, at(40).at)?.unwrap();
        let issued = tokens::issue(tx, &at(40), &proved, None, TERMS).unwrap();
        assert_eq!(issued.expires_in_seconds, 60);
        assert!(tokens::prove_secret(tx, whose.1, &secret, at(100).at)?.is_none());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn of_too_many_tokens_the_oldest_end_and_expired_ones_are_swept() {
    on_both(|tx| {
        let whose = client(tx)?;
        let (_, secret) = credential(tx, whose, &new(CredentialKind::ClientSecret, ScimScope::Write, DAY))?;
        let proved = tokens::prove_secret(tx, whose.1, &secret, at(0).at)?.unwrap();
        let made: Vec<Secret> =
            (0..5).map(|n| tokens::issue(tx, &at(n), &proved, None, TERMS).unwrap().token).collect();
        let live: Vec<bool> = made.iter().map(|token| who(tx, token, 5).is_some()).collect();
        assert_eq!(live, [false, false, true, true, true]);
        let all_over = at(4_000).at;
        assert_eq!(sweep::delete_expired(tx, all_over, all_over, 100)?, 3);
        Ok(())
    })
    .await;
}

fn keys() -> KeySource {
    let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
    KeySource::Jwks(serde_json::json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": x, "y": y }] }))
}

#[tokio::test]
async fn an_assertion_works_once() {
    on_both(|tx| {
        let whose = client(tx)?;
        let kind = CredentialKind::PrivateKeyJwt { keys: keys() };
        let (made, secret) = credentials::create(
            tx,
            &at(0),
            whose.0,
            whose.1,
            &new(kind.clone(), ScimScope::Write, DAY),
            &Quota::default(),
        )?;
        assert!(secret.is_none());
        let trusted = tokens::trusted(tx, whose.1, at(0).at)?;
        assert_eq!((trusted.len(), &trusted[0].kind, trusted[0].proved.credential), (1, &kind, made.id));
        let use_of = |id: &str| {
            let single_use = Some(SingleUse { id: TokenHash::of(id), expires_at: at(600).at });
            tokens::Proved { single_use, ..trusted[0].proved.clone() }
        };
        assert!(tokens::issue(tx, &at(0), &use_of("a"), None, TERMS).is_ok());
        let again = tokens::issue(tx, &at(1), &use_of("a"), None, TERMS);
        assert!(matches!(again, Err(IssueError::Replayed)), "{again:?}");
        assert!(tokens::issue(tx, &at(1), &use_of("b"), None, TERMS).is_ok());
        let id = Secret::from(String::from_utf8_lossy(made.id.as_bytes()).into_owned());
        assert_eq!(who(tx, &id, 0), None, "the id in the place of a hash opens nothing");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_a_credential_is_refused() {
    on_both(|tx| {
        let (acme, client) = client(tx)?;
        let admin = Actor::Admin { organization: acme, role: Role::Owner, token: Id::from_bytes(&[7; 16]).unwrap() };
        let mut try_as = |actor: &Actor, new: &NewCredential| {
            let op = at(0).by(actor.clone());
            credentials::create(tx, &op, acme, client, new, &Quota::default()).map(|(made, _)| made.scope)
        };
        let replica = new(CredentialKind::ClientSecret, ScimScope::Replica, DAY);
        assert!(matches!(try_as(&admin, &replica), Err(ScimClientError::ScopeNotGivable)));
        assert!(matches!(try_as(&Actor::Operator { token: None }, &replica), Ok(ScimScope::Replica)));
        for ttl in [0, -1, credentials::MAX_TTL_SECONDS + 1] {
            let wrong = new(CredentialKind::ClientSecret, ScimScope::Write, ttl);
            assert!(matches!(try_as(&admin, &wrong), Err(ScimClientError::InvalidTtl)), "{ttl}");
        }
        let identity = ForeignIdentity { issuer: "i".into(), subject: String::new(), audience: "a".into() };
        let nobody = CredentialKind::WorkloadIdentity { keys: keys(), identity };
        let refused = try_as(&admin, &new(nobody, ScimScope::Write, DAY));
        assert!(matches!(refused, Err(ScimClientError::InvalidIdentity)));
        let keyless = CredentialKind::PrivateKeyJwt { keys: KeySource::Jwks(serde_json::json!({ "keys": [] })) };
        let refused = try_as(&admin, &new(keyless, ScimScope::Write, DAY));
        assert!(matches!(refused, Err(ScimClientError::InvalidKeys(_))));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_change_of_a_client_leaves_the_rest_and_its_credentials() {
    on_both(|tx| {
        let whose = client(tx)?;
        let (_, token) = credential(tx, whose, &new(CredentialKind::Bearer, ScimScope::Write, DAY))?;
        let change = ScimClientChange { profile: Some(Profile::Entra), ..ScimClientChange::default() };
        update(tx, &at(1), whose.0, whose.1, &change)?;
        let change = ScimClientChange { name: Some(" Entra ".to_owned()), ..ScimClientChange::default() };
        update(tx, &at(2), whose.0, whose.1, &change)?;
        let found = find(tx, &at(3), whose.0, whose.1)?;
        assert_eq!((found.name.as_str(), found.profile), ("Entra", Profile::Entra));
        let caller =
            caller::authenticate(tx, &Catalog::default(), &PresentedToken::of(token.expose()), at(3).at)?.unwrap();
        assert_eq!(caller.profile, Profile::Entra);
        assert_eq!(actions(tx, whose.0).iter().filter(|action| *action == "scim_client.updated").count(), 2);
        let elsewhere = organization(tx, "globex");
        assert!(matches!(update(tx, &at(3), elsewhere, whose.1, &change), Err(ScimClientError::NotFound)));
        for name in ["", " ", "a\u{7}b", &"x".repeat(super::MAX_NAME_CHARS + 1)] {
            let change = ScimClientChange { name: Some(name.to_owned()), ..ScimClientChange::default() };
            let refused = update(tx, &at(3), whose.0, whose.1, &change);
            assert!(matches!(refused, Err(ScimClientError::InvalidName)), "{name:?}");
        }
        assert!(matches!(delete(tx, &at(3), elsewhere, whose.1), Err(ScimClientError::NotFound)));
        delete(tx, &at(3), whose.0, whose.1)?;
        for again in [delete(tx, &at(4), whose.0, whose.1), update(tx, &at(4), whose.0, whose.1, &change).map(drop)] {
            assert!(matches!(again, Err(ScimClientError::NotFound)), "{again:?}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_credential_is_of_a_client_that_is_there_and_ends_once() {
    on_both(|tx| {
        let (acme, client) = client(tx)?;
        let told = outbox::oldest_for_update(tx, 100)?;
        assert_eq!(told.iter().filter(|row| row.event.contains("scim_client_created")).count(), 1);
        let (id, secret) = credential(tx, (acme, client), &new(CredentialKind::ClientSecret, ScimScope::Write, DAY))?;
        let proved = tokens::prove_secret(tx, client, &secret, at(5).at)?.unwrap();
        tokens::issue(tx, &at(5), &proved, None, TERMS).unwrap();
        assert_eq!(credentials::list(tx, &at(6), acme, client)?[0].last_used_at, Some(at(5).at));
        credentials::revoke(tx, &at(6), acme, client, id)?;
        let nobody = ScimClientId::from_bytes(&[9; 16]).unwrap();
        let of_nobody = credentials::list(tx, &at(7), acme, nobody);
        assert!(matches!(of_nobody, Err(ScimClientError::NotFound)), "{of_nobody:?}");
        for again in
            [credentials::revoke(tx, &at(7), acme, client, id), credentials::revoke(tx, &at(7), acme, nobody, id)]
        {
            assert!(matches!(again, Err(ScimClientError::NotFound)), "{again:?}");
        }
        delete(tx, &at(8), acme, client)?;
        let late = credential(tx, (acme, client), &new(CredentialKind::Bearer, ScimScope::Write, DAY));
        assert!(matches!(late, Err(ScimClientError::NotFound)), "{late:?}");
        Ok(())
    })
    .await;
}

/// How many warnings a daily look gives on this day.
fn look(tx: &mut Tx<'_>, day: i64) -> Result<usize, StoreError> {
    expiry::warn(tx, &at(day * DAY), 100)
}

#[tokio::test]
async fn who_uses_a_credential_is_warned_thirty_fourteen_and_three_days_before_once_each() {
    on_both(|tx| {
        let whose = client(tx)?;
        let (used, _) = credential(tx, whose, &new(CredentialKind::Bearer, ScimScope::Write, 100 * DAY))?;
        credential(tx, whose, &new(CredentialKind::Bearer, ScimScope::Write, 100 * DAY))?;
        let mut days = Vec::new();
        for day in 0..=100 {
            caller::touch(tx, used, at(day * DAY).at)?;
            let warned = look(tx, day)? + look(tx, day)?;
            days.extend((0..warned).map(|_| day));
        }
        assert_eq!(days, [70, 86, 97], "of two credentials one is used");
        assert_eq!(outbox::oldest_for_update(tx, 100)?.iter().filter(|row| row.event.ends_with("expires")).count(), 3);
        assert_eq!(actions(tx, whose.0).iter().filter(|action| action.ends_with("expiry_warned")).count(), 3);
        let shown = credentials::list(tx, &at(97 * DAY), whose.0, whose.1)?.remove(0);
        assert_eq!(
            (shown.warned_at, shown.state(at(97 * DAY).at)),
            (Some(at(97 * DAY).at), CredentialState::ExpiresSoon)
        );
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn who_is_late_is_warned_once_and_a_short_life_is_not_warned_of_at_its_beginning() {
    on_both(|tx| {
        let whose = client(tx)?;
        let (late, _) = credential(tx, whose, &new(CredentialKind::Bearer, ScimScope::Write, 100 * DAY))?;
        let (short, _) = credential(tx, whose, &new(CredentialKind::Bearer, ScimScope::Write, 10 * DAY))?;
        caller::touch(tx, short, at(0).at)?;
        assert_eq!(look(tx, 0)?, 0);
        assert_eq!(look(tx, 7)?, 1, "three days before the end");
        caller::touch(tx, late, at(98 * DAY).at)?;
        assert_eq!(look(tx, 98)?, 1);
        assert_eq!(look(tx, 99)?, 0);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn nobody_is_warned_of_what_is_revoked_or_unused_for_long() {
    on_both(|tx| {
        let whose = client(tx)?;
        let (revoked, _) = credential(tx, whose, &new(CredentialKind::Bearer, ScimScope::Write, 100 * DAY))?;
        let (idle, _) = credential(tx, whose, &new(CredentialKind::Bearer, ScimScope::Write, 100 * DAY))?;
        caller::touch(tx, revoked, at(80 * DAY).at)?;
        caller::touch(tx, idle, at(40 * DAY).at)?;
        credentials::revoke(tx, &at(80 * DAY), whose.0, whose.1, revoked)?;
        assert_eq!(look(tx, 80)?, 0);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_client_that_is_removed_at_that_moment_is_not_there_to_be_changed() {
    for scratch in scratch::all() {
        let (acme, id) = scratch.store.write(client).await.unwrap();
        let first = move |tx: &mut Tx<'_>| {
            delete(tx, &at(1), acme, id).unwrap();
            Ok(())
        };
        let change = ScimClientChange { profile: Some(Profile::Entra), ..ScimClientChange::default() };
        let changed = scratch.store.write(move |tx| update(tx, &at(2), acme, id, &change).map(drop));
        let (_, changed) = scratch::overlap(&scratch.store, first, changed).await;
        assert!(matches!(changed, Err(ScimClientError::NotFound)), "{}: {changed:?}", scratch.engine);
    }
}
