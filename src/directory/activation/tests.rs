//! Rules D1, D2, E29 and E30, through the core functions that the doors call, on both engines.

use serde_json::{Value, json};

use super::ActivationState;
use super::accept::{self, ActivationError};
use super::invite::{self, InviteError};
use super::letter::{self, Written};
use crate::access::testing::{World, world};
use crate::directory::accounts::state::AccountState;
use crate::directory::accounts::{self, joining};
use crate::directory::memberships::{self, InviteState};
use crate::protocol::scim::document;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::patch::request;
use crate::protocol::scim::resource_type;
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::resource::{Patch, Resource};
use crate::provisioning::users;
use crate::record::jobs::Job;
use crate::store::failure::StoreError;
use crate::store::resources::{self, ResourceKind};
use crate::store::{Tx, domains, resource_locks, scim_events, scratch};
use crate::values::ids::{AccountId, OrganizationId, ResourceId};
use crate::values::operation::Operation;
use crate::values::page::PageRequest;
use crate::values::secret::Secret;

const DAY: i64 = 24 * 3600;

fn rules() -> Rules {
    Rules::new(Profile::Standard.tolerance(), Limits::default())
}

fn draft(body: Value) -> users::UserDraft {
    let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules());
    users::draft(read.unwrap().document, resource_type::user()).unwrap()
}

/// Pushes a user whose user name is the address.
fn push(tx: &mut Tx<'_>, op: &Operation, organization: OrganizationId, address: &str) -> Resource {
    users::create(tx, op, organization, &draft(json!({ "userName": address, "active": true }))).unwrap()
}

fn patch(tx: &mut Tx<'_>, op: &Operation, at: OrganizationId, id: ResourceId, operation: Value) -> Resource {
    let body = json!({ "schemas": [request::SCHEMA], "Operations": [operation] });
    let operations = request::read(body.as_object().unwrap().clone(), &rules()).unwrap();
    let patch = Patch { operations, resource_type: resource_type::user().clone(), rules: rules() };
    users::patch(tx, op, at, id, patch, None).unwrap()
}

fn activate(is_active: bool) -> Value {
    json!({ "op": "replace", "path": "active", "value": is_active })
}

fn account_of(tx: &mut Tx<'_>, at: OrganizationId, id: ResourceId) -> AccountId {
    resources::find(tx, at, ResourceKind::User, id).unwrap().unwrap().account_id.unwrap()
}

/// State of the account, of the invitation, and what the user shows.
fn standing(tx: &mut Tx<'_>, at: OrganizationId, id: ResourceId) -> (AccountState, InviteState, Option<bool>) {
    let row = resources::find(tx, at, ResourceKind::User, id).unwrap().unwrap();
    let account = row.account_id.unwrap();
    let membership = memberships::find(tx, account, at).unwrap().unwrap();
    (accounts::find(tx, account).unwrap().unwrap().state, membership.invite_state, row.active)
}

/// How many mails were asked for.
fn asked(tx: &mut Tx<'_>) -> usize {
    let payloads = crate::store::jobs::payloads(tx, "send_activation").unwrap();
    payloads.len()
}

/// The link of the one mail of the organization that is still to be followed, made as the job makes it.
fn mail(tx: &mut Tx<'_>, op: &Operation, from: OrganizationId) -> Secret {
    let mut links = Vec::new();
    for payload in crate::store::jobs::payloads(tx, "send_activation").unwrap() {
        let Ok(Job::SendActivation { organization, activation }) = serde_json::from_str(&payload) else {
            panic!("another job: {payload}");
        };
        if organization == from
            && let Written::Letter(letter) = letter::write(tx, op, organization, activation, 100).unwrap()
        {
            links.push(letter);
        }
    }
    // A mail that was asked for twice is made twice; the link that was made last works.
    links.pop().expect("something to send").token
}

async fn run(world: &World, work: impl FnOnce(&mut Tx<'_>, Operation, OrganizationId) + Send + 'static) {
    let (op, organization) = (world.operator(), world.organization);
    let done = world.store().write(move |tx| {
        work(tx, op, organization);
        Ok::<_, StoreError>(())
    });
    done.await.unwrap_or_else(|error| panic!("{}: {error}", world.engine()));
}

/// The names of the SCIM events about a user (RFC 9967), sorted.
fn told(tx: &mut Tx<'_>, at: OrganizationId, id: ResourceId) -> Vec<String> {
    let mut names = Vec::new();
    for row in scim_events::all(tx, at).unwrap() {
        let claims: Value = serde_json::from_str(&row.claims).unwrap();
        let (name, event) = claims["events"].as_object().unwrap().iter().next().unwrap();
        if claims["sub_id"]["id"] == id.to_string() {
            assert!(event["version"].is_string(), "{claims}");
            names.push(name.rsplit("event:").next().unwrap().to_owned());
        }
    }
    names.sort();
    names
}

const PENDING: (AccountState, InviteState, Option<bool>) =
    (AccountState::PendingVerification, InviteState::NotJoined, Some(false));
const IN: (AccountState, InviteState, Option<bool>) = (AccountState::Active, InviteState::Joined, Some(true));

#[tokio::test]
async fn e29_an_address_in_the_organizations_verified_domain_is_joined_and_active_at_once() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let id = push(tx, &op, acme, "bob@acme.test").id;
            assert_eq!(standing(tx, acme, id), IN);
            assert_eq!(asked(tx), 0, "nobody is asked for what the organization vouches for");
            let nobody = push(tx, &op, acme, "without-address").id;
            assert_eq!(standing(tx, acme, nobody), IN);
            let below = push(tx, &op, acme, "eve@sub.acme.test").id;
            assert_eq!(standing(tx, acme, below), PENDING, "a claim is exact (Q12)");
        })
        .await;
    }
}

#[tokio::test]
async fn e30_another_domain_needs_activation_by_mail_before_use() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let created = push(tx, &op, acme, "ada@freelance.test");
            assert_eq!((created.active, standing(tx, acme, created.id)), (Some(false), PENDING));
            assert_eq!(asked(tx), 1);
            let token = mail(tx, &op, acme);
            let opened = accept::look(tx, &op, token.expose()).unwrap();
            assert_eq!(opened.activation.address.as_str(), "ada@freelance.test");
            assert_eq!(standing(tx, acme, created.id), PENDING, "to look changes nothing");
            assert!(accept::accept(tx, &op, token.expose()).unwrap().may_sign_in);
            assert_eq!(standing(tx, acme, created.id), IN);
            let account = account_of(tx, acme, created.id);
            let verified_at = accounts::find(tx, account).unwrap().unwrap().address_verified_at;
            assert_eq!(verified_at, Some(op.at), "the mailbox is verified by it");
            let row = resources::find(tx, acme, ResourceKind::User, created.id).unwrap().unwrap();
            assert_eq!(row.version, created.version + 1, "what the user shows has changed");
            let wanted = ["prov:activate", "prov:create:notice", "prov:patch:notice"];
            assert_eq!(told(tx, acme, created.id), wanted, "and it is told (RFC 9967)");
            accept::accept(tx, &op, token.expose()).unwrap();
            assert_eq!(told(tx, acme, created.id), wanted, "once");
        })
        .await;
        let joined = world.entries("user.joined").await;
        assert_eq!(joined, [json!({ "active": true })], "{}", world.engine());
    }
}

#[tokio::test]
async fn e30_asking_for_active_again_changes_nothing_and_sends_no_second_mail() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let created = push(tx, &op, acme, "ada@freelance.test");
            for _ in 0..3 {
                let same = patch(tx, &op, acme, created.id, activate(true));
                assert_eq!((same.active, same.version), (Some(false), created.version));
            }
            let put = draft(json!({ "userName": "ada@freelance.test", "active": true }));
            let same = users::replace(tx, &op, acme, created.id, &put, None).unwrap();
            assert_eq!((same.active, same.version), (Some(false), created.version));
            let titled = patch(tx, &op, acme, created.id, json!({ "op": "add", "path": "title", "value": "Dr" }));
            assert_eq!(titled.active, Some(false));
            assert_eq!(standing(tx, acme, created.id), PENDING);
            assert_eq!(asked(tx), 1);
        })
        .await;
    }
}

#[tokio::test]
async fn e30_the_link_joins_but_gives_no_access_that_the_identity_provider_has_taken_away() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let id = push(tx, &op, acme, "ada@freelance.test").id;
            let token = mail(tx, &op, acme);
            patch(tx, &op, acme, id, activate(false));
            assert!(!accept::accept(tx, &op, token.expose()).unwrap().may_sign_in);
            assert_eq!(standing(tx, acme, id), (AccountState::Inactive, InviteState::Joined, Some(false)));
            assert_eq!(told(tx, acme, id), ["prov:create:notice"], "nothing is seen to have changed");
            assert_eq!(patch(tx, &op, acme, id, activate(true)).active, Some(true));
            assert_eq!((standing(tx, acme, id), asked(tx)), (IN, 1));
        })
        .await;
    }
}

#[tokio::test]
async fn e30_a_user_that_is_pushed_inactive_is_invited_when_active_is_asked_for() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let new = draft(json!({ "userName": "ada@freelance.test", "active": false }));
            let id = users::create(tx, &op, acme, &new).unwrap().id;
            let uninvited = (AccountState::PendingVerification, InviteState::NotInvited, Some(false));
            assert_eq!((standing(tx, acme, id), asked(tx)), (uninvited, 0));
            assert_eq!(patch(tx, &op, acme, id, activate(true)).active, Some(false));
            assert_eq!((standing(tx, acme, id), asked(tx)), (PENDING, 1));
        })
        .await;
    }
}

/// Rule D2; what a client sees changes without its doing, and it is told once, whoever brought it about.
#[tokio::test]
async fn who_joins_by_their_domain_is_told_of_once() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let id = push(tx, &op, acme, "ada@freelance.test").id;
            let account = account_of(tx, acme, id);
            assert!(!joining::join_if_trusted(tx, &op, acme, account).unwrap());
            domains::insert(tx, &owned(acme, "freelance.test", &op)).unwrap();
            assert!(joining::join_if_trusted(tx, &op, acme, account).unwrap());
            assert!(!joining::join_if_trusted(tx, &op, acme, account).unwrap());
            assert_eq!(standing(tx, acme, id), IN);
            let wanted = ["prov:activate", "prov:create:notice", "prov:patch:notice"];
            assert_eq!(told(tx, acme, id), wanted);
            let other = push(tx, &op, acme, "bob@elsewhere.test").id;
            let put = draft(json!({ "userName": "bob@acme.test", "active": true }));
            users::replace(tx, &op, acme, other, &put, None).unwrap();
            assert_eq!(standing(tx, acme, other), IN);
            let wanted = ["prov:activate", "prov:create:notice", "prov:put:notice"];
            assert_eq!(told(tx, acme, other), wanted, "a client's own change is told as its change");
        })
        .await;
    }
}

#[tokio::test]
async fn the_link_works_once_and_following_it_again_tells_the_same() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let id = push(tx, &op, acme, "ada@freelance.test").id;
            let token = mail(tx, &op, acme);
            accept::accept(tx, &op, token.expose()).unwrap();
            patch(tx, &op, acme, id, activate(false));
            let again = accept::accept(tx, &op, token.expose()).unwrap();
            assert!(!again.may_sign_in, "a used link gives no access back");
            let case = token.expose().to_uppercase();
            for wrong in ["", "cw_activation_", &case, &token.expose()[1..]] {
                assert!(matches!(accept::look(tx, &op, wrong), Err(ActivationError::Dead)), "{wrong}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn another_address_or_a_removal_revokes_the_link() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let id = push(tx, &op, acme, "ada@freelance.test").id;
            let first = mail(tx, &op, acme);
            let put = |name: &str| draft(json!({ "userName": name, "active": true }));
            users::replace(tx, &op, acme, id, &put("ada@other.test"), None).unwrap();
            assert!(matches!(accept::accept(tx, &op, first.expose()), Err(ActivationError::Dead)));
            assert_eq!((standing(tx, acme, id), asked(tx)), (PENDING, 2));
            let second = mail(tx, &op, acme);
            assert_eq!(accept::look(tx, &op, second.expose()).unwrap().activation.address.as_str(), "ada@other.test");
            let own = users::replace(tx, &op, acme, id, &put("ada2@acme.test"), None).unwrap();
            assert_eq!((own.active, standing(tx, acme, id)), (Some(true), IN), "the organization vouches (D2)");
            assert!(matches!(accept::look(tx, &op, second.expose()), Err(ActivationError::Dead)));
            let gone = push(tx, &op, acme, "bob@freelance.test").id;
            let third = mail(tx, &op, acme);
            users::delete(tx, &op, acme, gone, None).unwrap();
            assert!(matches!(accept::accept(tx, &op, third.expose()), Err(ActivationError::Dead)));
        })
        .await;
    }
}

#[tokio::test]
async fn a_link_expires_after_14_days_and_an_administrator_can_send_another() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            push(tx, &op, acme, "ada@freelance.test");
            let token = mail(tx, &op, acme);
            let early = Operation { at: op.at.plus_seconds(14 * DAY - 1), ..op.clone() };
            assert_eq!(invite::expire_due(tx, &early, 10).unwrap(), 0);
            accept::look(tx, &early, token.expose()).unwrap();
            let late = Operation { at: op.at.plus_seconds(14 * DAY), ..op.clone() };
            assert!(
                matches!(accept::accept(tx, &late, token.expose()), Err(ActivationError::Dead)),
                "before the sweep"
            );
            assert_eq!(invite::expire_due(tx, &late, 10).unwrap(), 1);
            let id = invite::page(tx, &late, acme, &PageRequest::new(None, None).unwrap()).unwrap().items[0].clone();
            assert_eq!(id.state, ActivationState::Expired);
            let membership = memberships::find(tx, id.account, acme).unwrap().unwrap();
            assert_eq!(membership.invite_state, InviteState::NotInvited);
            let before = asked(tx);
            invite::resend(tx, &late, acme, id.id).unwrap();
            assert_eq!(asked(tx), before + 1, "a mail of its own");
            let fresh = mail(tx, &late, acme);
            assert!(matches!(accept::look(tx, &late, token.expose()), Err(ActivationError::Dead)), "the old link");
            assert!(accept::accept(tx, &late, fresh.expose()).unwrap().may_sign_in);
            assert!(matches!(invite::resend(tx, &late, acme, id.id), Err(InviteError::WrongState(_))));
        })
        .await;
    }
}

/// A link that was never followed is not kept beside the one that replaces it, and none outlives what it is for.
#[tokio::test]
async fn links_of_a_member_go_with_their_membership_and_with_their_joining() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let count = |tx: &mut Tx<'_>, op: &Operation| {
                invite::page(tx, op, acme, &PageRequest::new(None, None).unwrap()).unwrap().items.len()
            };
            let id = push(tx, &op, acme, "ada@freelance.test").id;
            let account = account_of(tx, acme, id);
            let late = Operation { at: op.at.plus_seconds(14 * DAY), ..op.clone() };
            assert_eq!((invite::expire_due(tx, &late, 10).unwrap(), count(tx, &late)), (1, 1));
            let put = |name: &str| draft(json!({ "userName": name, "active": true }));
            users::replace(tx, &late, acme, id, &put("ada@other.test"), None).unwrap();
            assert_eq!(count(tx, &late), 1, "the one that expired is gone");
            let later = Operation { at: late.at.plus_seconds(14 * DAY), ..op.clone() };
            assert_eq!(invite::expire_due(tx, &later, 10).unwrap(), 1);
            joining::join(tx, &later, acme, account).unwrap();
            assert_eq!(count(tx, &later), 0, "who has joined needs none");
            let bob = push(tx, &later, acme, "bob@freelance.test").id;
            let (bob, open) = (account_of(tx, acme, bob), mail(tx, &later, acme));
            joining::join(tx, &later, acme, bob).unwrap();
            assert!(matches!(accept::look(tx, &later, open.expose()), Err(ActivationError::Dead)));
            let kim = push(tx, &later, acme, "kim@freelance.test").id;
            let kim = account_of(tx, acme, kim);
            accounts::end_membership(tx, &later, acme, kim).unwrap();
            let lee = push(tx, &later, acme, "lee@freelance.test").id;
            let lee = account_of(tx, acme, lee);
            let last = Operation { at: later.at.plus_seconds(14 * DAY), ..op.clone() };
            assert_eq!(invite::expire_due(tx, &last, 10).unwrap(), 1);
            let before = count(tx, &last);
            accounts::deactivate(tx, &last, acme, lee).unwrap();
            accounts::reactivate(tx, &last, acme, lee).unwrap();
            assert_eq!(count(tx, &last), before, "another one in the place of the one that expired");
        })
        .await;
        assert_eq!(world.entries("activation.revoked").await.len(), 2, "{}", world.engine());
    }
}

#[tokio::test]
async fn a_mail_is_sent_again_every_ten_minutes_at_most_and_to_no_other_organizations_people() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            push(tx, &op, acme, "ada@freelance.test");
            let id = invite::page(tx, &op, acme, &PageRequest::new(None, None).unwrap()).unwrap().items[0].id;
            let later = |seconds| Operation { at: op.at.plus_seconds(seconds), ..op.clone() };
            let refused = invite::resend(tx, &later(599), acme, id);
            assert!(matches!(refused, Err(InviteError::TooSoon { retry_after_seconds: 1 })), "{refused:?}");
            invite::resend(tx, &later(600), acme, id).unwrap();
            assert!(matches!(invite::resend(tx, &later(1_199), acme, id), Err(InviteError::TooSoon { .. })));
            let elsewhere = OrganizationId::from_bytes(&[9; 16]).unwrap();
            assert!(matches!(invite::resend(tx, &later(1_300), elsewhere, id), Err(InviteError::NotFound)));
        })
        .await;
    }
}

/// Whoever provisions an organization writes the addresses that its mails go to.
#[tokio::test]
async fn an_organization_has_so_many_mails_sent_within_an_hour_and_the_rest_later() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let mut due = Vec::new();
            for name in ["a", "b", "c"] {
                push(tx, &op, acme, &format!("{name}@freelance.test"));
            }
            for payload in crate::store::jobs::payloads(tx, "send_activation").unwrap() {
                let Ok(Job::SendActivation { activation, .. }) = serde_json::from_str(&payload) else { panic!() };
                due.push(activation);
            }
            let later = |seconds| Operation { at: op.at.plus_seconds(seconds), ..op.clone() };
            let mut send = |seconds, n: usize| letter::write(tx, &later(seconds), acme, due[n], 2).unwrap();
            assert!(matches!(send(0, 0), Written::Letter(_)) && matches!(send(60, 1), Written::Letter(_)));
            assert!(matches!(send(61, 1), Written::Letter(_)), "one that has to be made anew is not another one");
            let Written::Later(at) = send(62, 2) else { panic!("a third mail") };
            assert_eq!(at, later(3_600).at, "when the first one is an hour old");
            assert!(matches!(send(3_599, 2), Written::Later(_)));
            assert!(matches!(send(3_600, 2), Written::Letter(_)));
            let listed = invite::page(tx, &op, acme, &PageRequest::new(None, None).unwrap()).unwrap().items;
            assert!(listed.iter().all(|activation| activation.sent_at.is_some()));
        })
        .await;
        assert_eq!(world.entries("activation.sent").await.len(), 3, "one for each mail: {}", world.engine());
    }
}

/// What comes of `second`, which begins while the transaction of `first` is open.
async fn overlapping<T: Send + 'static>(
    world: &World,
    first: impl FnOnce(&mut Tx<'_>) + Send + 'static,
    second: impl FnOnce(&mut Tx<'_>) -> Result<T, ActivationError> + Send + 'static,
) -> Result<T, ActivationError> {
    let first = move |tx: &mut Tx<'_>| {
        first(tx);
        Ok(())
    };
    scratch::overlap(world.store(), first, world.store().write(second)).await.1
}

/// A person who waits to be activated, and the link of their mail.
async fn waiting(world: &World) -> (ResourceId, Secret) {
    let (op, acme) = (world.operator(), world.organization);
    let made = world.store().write(move |tx| {
        let id = push(tx, &op, acme, "ada@freelance.test").id;
        Ok::<_, StoreError>((id, mail(tx, &op, acme)))
    });
    made.await.unwrap()
}

#[tokio::test]
async fn a_link_that_is_followed_twice_at_once_joins_once_and_tells_both_the_same() {
    for world in world().await {
        let (id, token) = waiting(&world).await;
        let (op, acme, same) = (world.operator(), world.organization, token.clone());
        let (now, engine) = (op.clone(), world.engine());
        let first = move |tx: &mut Tx<'_>| assert!(accept::accept(tx, &op, same.expose()).unwrap().may_sign_in);
        let second = overlapping(&world, first, move |tx| accept::accept(tx, &now, token.expose())).await;
        assert!(second.unwrap().may_sign_in, "{engine}");
        assert_eq!(world.entries("user.joined").await.len(), 1, "{engine}");
        run(&world, move |tx, _, _| {
            assert_eq!(standing(tx, acme, id), IN);
            assert_eq!(told(tx, acme, id), ["prov:activate", "prov:create:notice", "prov:patch:notice"]);
        })
        .await;
    }
}

#[tokio::test]
async fn a_link_that_is_taken_back_at_that_moment_joins_nobody() {
    for world in world().await {
        let (id, token) = waiting(&world).await;
        let (op, acme) = (world.operator(), world.organization);
        let (now, engine) = (op.clone(), world.engine());
        let put = draft(json!({ "userName": "ada@other.test", "active": true }));
        let first = move |tx: &mut Tx<'_>| assert!(users::replace(tx, &op, acme, id, &put, None).is_ok());
        let second = overlapping(&world, first, move |tx| accept::accept(tx, &now, token.expose())).await;
        assert!(matches!(second, Err(ActivationError::Dead)), "{engine}: {second:?}");
        run(&world, move |tx, _, _| assert_eq!(standing(tx, acme, id), PENDING)).await;
    }
}

#[tokio::test]
async fn who_follows_the_link_before_it_is_taken_back_has_joined_and_gets_no_other() {
    for world in world().await {
        let (id, token) = waiting(&world).await;
        let (op, acme) = (world.operator(), world.organization);
        let (now, engine) = (op.clone(), world.engine());
        let put = draft(json!({ "userName": "ada@other.test", "active": true }));
        let first = move |tx: &mut Tx<'_>| assert!(accept::accept(tx, &op, token.expose()).unwrap().may_sign_in);
        let second = overlapping(&world, first, move |tx| {
            Ok::<_, ActivationError>(users::replace(tx, &now, acme, id, &put, None).unwrap().active)
        });
        assert_eq!(second.await.unwrap(), Some(true), "{engine}");
        run(&world, move |tx, _, _| {
            assert_eq!((standing(tx, acme, id), asked(tx)), (IN, 1), "nobody who has joined is asked to");
        })
        .await;
    }
}

/// Whoever changes the user holds it before the link; in another order the two would wait for each other.
#[tokio::test]
async fn a_link_that_is_followed_while_its_user_is_being_changed_waits_for_that() {
    for world in world().await {
        let (id, token) = waiting(&world).await;
        let (op, now, acme) = (world.operator(), world.op(), world.organization);
        let put = draft(json!({ "userName": "ada@other.test", "active": true }));
        let held = move |tx: &mut Tx<'_>| resource_locks::find_for_update(tx, acme, ResourceKind::User, id).map(drop);
        let change = move |tx: &mut Tx<'_>, ()| Ok(users::replace(tx, &op, acme, id, &put, None).unwrap());
        let accepted = world.store().write(move |tx| accept::accept(tx, &now, token.expose()));
        let (_, accepted) = scratch::interleave(world.store(), held, change, accepted).await;
        assert!(matches!(accepted, Err(ActivationError::Dead)), "{}: {accepted:?}", world.engine());
    }
}

#[tokio::test]
async fn a_link_that_was_just_followed_is_neither_made_anew_nor_sent_again_nor_expired() {
    for world in world().await {
        for what in ["made", "sent", "expired"] {
            let address = format!("{what}@freelance.test");
            let (op, acme) = (world.operator(), world.organization);
            let made = world.store().write(move |tx| {
                push(tx, &op, acme, &address);
                let token = mail(tx, &op, acme);
                let id = accept::look(tx, &op, token.expose()).unwrap().activation.id;
                Ok::<_, StoreError>((token, id))
            });
            let (token, id) = made.await.unwrap();
            let (op, now) = (world.op(), world.operator());
            let first = move |tx: &mut Tx<'_>| {
                accept::accept(tx, &op, token.expose()).unwrap();
                Ok(())
            };
            let second = world.store().write(move |tx| {
                let later = |seconds| Operation { at: now.at.plus_seconds(seconds), ..now.clone() };
                Ok::<_, StoreError>(match what {
                    "made" => matches!(letter::write(tx, &now, acme, id, 100)?, Written::Nothing),
                    "sent" => {
                        let sent = invite::resend(tx, &later(600), acme, id);
                        matches!(sent, Err(InviteError::NotFound | InviteError::WrongState(_)))
                    }
                    _ => invite::expire_due(tx, &later(14 * DAY), 10).is_ok(),
                })
            });
            let (_, is_left_alone) = scratch::overlap(world.store(), first, second).await;
            assert!(is_left_alone.unwrap(), "{}: {what}", world.engine());
        }
        assert_eq!(world.entries("activation.sent").await.len(), 3, "{}", world.engine());
        assert!(world.entries("activation.expired").await.is_empty(), "{}", world.engine());
    }
}

#[tokio::test]
async fn of_two_mails_that_are_made_at_once_the_one_above_the_limit_waits() {
    for world in world().await {
        let (op, acme) = (world.operator(), world.organization);
        let made = world.store().write(move |tx| {
            for name in ["a", "b"] {
                push(tx, &op, acme, &format!("{name}@freelance.test"));
            }
            Ok::<_, StoreError>(invite::page(tx, &op, acme, &PageRequest::new(None, None).unwrap()).unwrap().items)
        });
        let due = made.await.unwrap();
        let write = |n: usize| {
            let (op, id) = (world.op(), due[n].id);
            move |tx: &mut Tx<'_>| letter::write(tx, &op, acme, id, 1)
        };
        let second = world.store().write(write(1));
        let (first, second) = scratch::overlap(world.store(), write(0), second).await;
        assert!(matches!(first, Written::Letter(_)), "{}", world.engine());
        assert!(matches!(second, Ok(Written::Later(_))), "{}: {second:?}", world.engine());
    }
}

const GLOBEX: [u8; 16] = [7; 16];

/// Globex pushes the same person as Acme, then `meanwhile` happens, then the person follows Acme's link.
async fn following_fails(meanwhile: fn(&mut Tx<'_>, &Operation, OrganizationId, &Secret)) {
    for world in world().await {
        let (op, acme) = (world.operator(), world.organization);
        let outcome = world.store().write(move |tx| {
            let globex = OrganizationId::from_bytes(&GLOBEX).unwrap();
            crate::store::organizations::insert(tx, &other(globex, &op)).unwrap();
            push(tx, &op, globex, "ada@freelance.test");
            let theirs = mail(tx, &op, globex);
            push(tx, &op, acme, "ada@freelance.test");
            let ours = mail(tx, &op, acme);
            meanwhile(tx, &op, globex, &theirs);
            accept::accept(tx, &op, ours.expose())
        });
        let outcome = outcome.await;
        assert!(matches!(outcome, Err(ActivationError::AddressTaken(_))), "{}: {outcome:?}", world.engine());
    }
}

/// Invariant 8: an active address belongs to one person.
#[tokio::test]
async fn an_address_that_somebody_else_has_confirmed_is_not_confirmed_a_second_time() {
    following_fails(|tx, op, _, theirs| {
        accept::accept(tx, op, theirs.expose()).unwrap();
    })
    .await;
}

/// Whose domain it is decides who its people are (decision Q14).
#[tokio::test]
async fn an_address_in_another_organizations_domain_is_not_confirmed() {
    following_fails(|tx, op, globex, _| domains::insert(tx, &owned(globex, "freelance.test", op)).unwrap()).await;
}

fn other(id: OrganizationId, op: &Operation) -> crate::store::organizations::OrganizationRow {
    crate::store::organizations::OrganizationRow {
        id,
        slug: "globex".to_owned(),
        name: "Globex".to_owned(),
        support_name: "Help".to_owned(),
        support_email: "help@globex.test".to_owned(),
        version: 1,
        created_at: op.at,
        updated_at: op.at,
    }
}

fn owned(organization: OrganizationId, name: &str, op: &Operation) -> domains::DomainRow {
    domains::DomainRow {
        id: op.new_id(),
        org_id: organization,
        name: name.to_owned(),
        state: "verified".to_owned(),
        challenge: String::new(),
        challenge_expires_at: op.at,
        verified_at: Some(op.at),
        last_checked_at: Some(op.at),
        last_failure: None,
        created_at: op.at,
        updated_at: op.at,
        at_risk_at: None,
        lapsed_at: None,
        risk_notices: 0,
        check_at: op.at.plus_seconds(86_400),
        check_failures: 0,
    }
}
