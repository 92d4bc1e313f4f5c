use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use futures_util::future::join_all;

use super::lanes::Lane;
use super::{JobFailure, Runner, back_off_seconds};
use crate::directory::accounts::state::AccountState;
use crate::directory::accounts::{self, ProfileChange};
use crate::directory::connections::saml_options::SamlOptions;
use crate::directory::connections::{self, NewConnection};
use crate::directory::domains::claim;
use crate::directory::domains::proof::{Answer, record_value};
use crate::directory::memberships::MembershipStatus::{Active, Inactive};
use crate::directory::memberships::{self, InviteState};
use crate::directory::organizations::{self, NewOrganization, OrganizationError};
use crate::directory::profile::Profile;
use crate::flows::bulk::asynchronous::AsynchronousBulk;
use crate::flows::sign_in_by_saml::verifier::{self, Verifier};
use crate::keys::sealing::Sealer;
use crate::outbound::address::Reach;
use crate::outbound::dns::Dns;
use crate::outbound::http_client::{self, HttpClient};
use crate::outbound::idp::IdpClient;
use crate::outbound::mail::{Mailer, Settings, Transport};
use crate::protocol::saml::idp_metadata::IdpMetadata;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::{resource_type, tolerance};
use crate::provisioning::clients::credentials::{self, NewCredential};
use crate::provisioning::clients::kind::CredentialKind;
use crate::provisioning::clients::{self, ScimClientError, caller};
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::request_log::Retention;
use crate::provisioning::schemas::catalog::Catalog;
use crate::provisioning::users;
use crate::record::event::{self, Event};
use crate::record::jobs::{self as queue, Job};
use crate::store::asynchronous_requests::{self, AsynchronousRequestRow};
use crate::store::failure::StoreError;
use crate::store::jobs as rows;
use crate::store::outbox::{self, EventRow};
use crate::store::scratch::{self, Scratch};
use crate::values::clock::{Clock, Timestamp};
use crate::values::entropy::Entropy;
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::quota::Quota;
use crate::values::scim_scope::ScimScope;

const DAY: i64 = 24 * 3600;

struct Fixture {
    runner: Runner,
    mail: tempfile::TempDir,
    now: Arc<AtomicI64>,
    scratch: Scratch,
}

#[expect(clippy::disallowed_methods, reason = "a test makes its own randomness")]
fn entropy() -> Entropy {
    Entropy::new(|buffer| aws_lc_rs::rand::fill(buffer).unwrap())
}

fn fixtures() -> Vec<Fixture> {
    scratch::all()
        .into_iter()
        .map(|scratch| {
            let mail = tempfile::tempdir().unwrap();
            let now = Arc::new(AtomicI64::new(1_000));
            let at = Arc::clone(&now);
            let clock = Clock::new(move || Timestamp::from_seconds(at.load(Ordering::SeqCst)));
            let key = base64::engine::general_purpose::STANDARD.encode([1; 32]);
            let runner = Runner {
                bulk: AsynchronousBulk {
                    catalog: Catalog::default(),
                    store: scratch.store.clone(),
                    clock: clock.clone(),
                    entropy: entropy(),
                    data_center: "us".parse().unwrap(),
                    sealer: Sealer::new(&[key.into()]).unwrap(),
                    limits: Limits::default(),
                    kept_seconds: 3_600,
                },
                scim_event_seconds: 3_600,
                traces: super::TraceRetention { seconds: 3_600, per_organization: 100 },
                store: scratch.store.clone(),
                clock,
                entropy: entropy(),
                data_center: "us".parse().unwrap(),
                mailer: Mailer::new(&Settings {
                    from: "gateway@acme.test".parse().unwrap(),
                    transport: Transport::Directory(mail.path().to_str().unwrap().to_owned()),
                })
                .unwrap(),
                dns: Dns::new(&["127.0.0.1:1".parse().unwrap()], Duration::from_millis(200)).unwrap(),
                idp: IdpClient::new(
                    HttpClient::new(http_client::Settings {
                        reach: Reach::PublicAndLoopback,
                        ..http_client::Settings::default()
                    })
                    .unwrap(),
                ),
                verifier: Verifier::new(verifier::Settings::default()),
                gateway: "https://id.acme.test".to_owned(),
                activation_mails_per_hour: 2,
                retention: Retention { rows_per_client: 100, days: 7, body_bytes: 1_024 },
            };
            Fixture { runner, mail, now, scratch }
        })
        .collect()
}

async fn publish(fixture: &Fixture) {
    publish_with(fixture, None).await;
}

/// Creates an organization and has it tell its administrators something; who they are.
async fn publish_with(fixture: &Fixture, support_email: Option<&str>) -> (OrganizationId, AccountId) {
    let op = fixture.runner.operation();
    let new = NewOrganization {
        slug: "acme".parse().unwrap(),
        name: "Acme".to_owned(),
        support_name: None,
        support_email: support_email.map(|address| address.parse().unwrap()),
        owner: "owner@acme.test".parse().unwrap(),
    };
    let written = fixture.runner.store.write(move |tx| {
        let (organization, owner) = organizations::create(tx, &op, &new)?;
        let domain = "acme.test".parse().unwrap();
        event::publish(tx, &op, organization.id, &Event::DomainVerified { domain })?;
        Ok::<_, OrganizationError>((organization.id, owner))
    });
    written.await.unwrap()
}

fn mails(fixture: &Fixture) -> Vec<String> {
    let entries = std::fs::read_dir(fixture.mail.path()).unwrap();
    entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
}

/// One look at everything, whose jobs are run to their end.
async fn look(runner: &Runner) -> bool {
    let mut has_worked = runner.keep_up().await;
    for lane in Lane::ALL {
        let claimed = runner.claim(lane, 16).await.unwrap();
        has_worked |= !claimed.is_empty();
        join_all(claimed.iter().map(|job| runner.attempt(job))).await;
    }
    has_worked
}

#[tokio::test]
async fn an_event_reaches_the_owner_by_mail_exactly_once() {
    for fixture in fixtures() {
        publish(&fixture).await;
        while look(&fixture.runner).await {}
        let mails = mails(&fixture);
        assert_eq!(mails.len(), 1, "{}", fixture.scratch.engine);
        assert!(mails[0].contains("To: owner@acme.test"), "{}", mails[0]);
        assert!(fixture.runner.store.read(outbox::is_empty).await.unwrap());
        assert_eq!(fixture.runner.store.read(|tx| rows::count(tx, "waiting")).await.unwrap(), 0);
    }
}

/// Told: whoever changes things all day long does not fill mailboxes, and an alarm still goes out.
#[tokio::test]
async fn notices_are_bounded_by_the_hour_and_alarms_are_not() {
    for fixture in fixtures() {
        let (organization, owner) = publish_with(&fixture, None).await;
        let publish_many = async |times: usize, event: Event| {
            let op = fixture.runner.operation();
            let write = fixture
                .runner
                .store
                .write(move |tx| (0..times).try_for_each(|_| event::publish(tx, &op, organization, &event)));
            write.await.unwrap();
            while super::events::hand_on(&fixture.runner).await.unwrap() > 0 {}
            fixture.runner.store.read(|tx| rows::count(tx, "waiting")).await.unwrap()
        };
        let changed = || Event::BreakGlassChanged { account: owner };
        assert_eq!(publish_many(100, changed()).await, 60, "{}", fixture.scratch.engine);
        assert_eq!(publish_many(3, Event::BreakGlassUsed { account: owner }).await, 63, "{}", fixture.scratch.engine);
        fixture.now.fetch_add(3_600, Ordering::SeqCst);
        assert_eq!(publish_many(1, changed()).await, 64, "{}", fixture.scratch.engine);
    }
}

#[tokio::test]
async fn a_job_that_fails_is_tried_again_later_and_given_up_in_the_end() {
    for mut fixture in fixtures() {
        publish(&fixture).await;
        let nowhere = Settings {
            from: "gateway@acme.test".parse().unwrap(),
            transport: Transport::Smtp("smtp://127.0.0.1:1".to_owned().into()),
        };
        fixture.runner.mailer = Mailer::new(&nowhere).unwrap();
        while look(&fixture.runner).await {}
        let count = |state: &'static str| fixture.runner.store.read(move |tx| rows::count(tx, state));
        assert_eq!(count("waiting").await.unwrap(), 1, "{}", fixture.scratch.engine);
        for _ in 0..super::MAX_ATTEMPTS {
            fixture.now.fetch_add(super::MAX_BACK_OFF_SECONDS + 1, Ordering::SeqCst);
            while look(&fixture.runner).await {}
        }
        assert_eq!(count("failed").await.unwrap(), 1, "{}", fixture.scratch.engine);
        assert!(!look(&fixture.runner).await, "a job that was given up is not claimed again");
    }
}

#[tokio::test]
async fn a_job_of_a_node_that_died_is_claimed_again_after_its_lease() {
    for fixture in fixtures() {
        publish(&fixture).await;
        let now = fixture.runner.clock.now();
        super::events::hand_on(&fixture.runner).await.unwrap();
        let lost = fixture
            .runner
            .store
            .write(move |tx| rows::claim(tx, rows::Kinds::Except(&[]), now, now.plus_seconds(60), 10))
            .await
            .unwrap();
        assert_eq!(lost.len(), 1);
        assert!(!look(&fixture.runner).await, "a leased job was claimed: {}", fixture.scratch.engine);
        fixture.now.fetch_add(61, Ordering::SeqCst);
        let now = fixture.runner.clock.now();
        let claim = fixture
            .runner
            .store
            .write(move |tx| rows::claim(tx, rows::Kinds::Except(&[]), now, now.plus_seconds(60), 10));
        let again = claim.await.unwrap();
        fixture.runner.settle(&lost[0], Ok(())).await.unwrap();
        fixture.runner.settle(&lost[0], Err(JobFailure("late".to_owned()))).await.unwrap();
        fixture.runner.reschedule(&lost[0], now).await.unwrap();
        let running = fixture.runner.store.read(move |tx| rows::count(tx, "running")).await.unwrap();
        assert_eq!(running, 1, "whoever had it before settles nothing: {}", fixture.scratch.engine);
        fixture.runner.run_one(&again[0]).await.unwrap();
        assert_eq!(mails(&fixture).len(), 1, "{}", fixture.scratch.engine);
        let running = fixture.runner.store.read(move |tx| rows::count(tx, "running")).await.unwrap();
        assert_eq!(running, 0, "{}", fixture.scratch.engine);
    }
}

/// Rule D2 for those who were there before the domain was.
#[tokio::test]
async fn d2_pending_members_join_when_their_domain_is_verified() {
    for fixture in fixtures() {
        let op = fixture.runner.operation();
        let new = NewOrganization {
            slug: "acme".parse().unwrap(),
            name: "Acme".to_owned(),
            support_name: None,
            support_email: None,
            owner: "owner@acme.test".parse().unwrap(),
        };
        let written = fixture.runner.store.write(move |tx| {
            let acme = organizations::create(tx, &op, &new).unwrap().0.id;
            let mut push = |address: String, status| {
                let profile = Profile { addresses: vec![address.parse().unwrap()], ..Profile::default() };
                accounts::provision(tx, &op, acme, &profile, status).unwrap().account
            };
            let mut people: Vec<_> = (0..250).map(|n| push(format!("u{n}@acme.test"), Active)).collect();
            people.push(push("off@acme.test".to_owned(), Inactive));
            people.push(push("ada@sub.acme.test".to_owned(), Active));
            let domain = claim::create(tx, &op, acme, &"acme.test".parse().unwrap(), &Quota::default()).unwrap();
            let answer = Answer::Records(vec![record_value(&domain.challenge)]);
            claim::finish_check(tx, &op, acme, domain.id, &answer).unwrap();
            Ok::<_, StoreError>((acme, people))
        });
        let (acme, people) = written.await.unwrap();
        while look(&fixture.runner).await {}
        let seen = fixture.runner.store.read(move |tx| {
            let state = |account| {
                Ok::<_, StoreError>((
                    accounts::find(tx, account)?.unwrap().state,
                    memberships::find(tx, account, acme)?.unwrap().invite_state,
                ))
            };
            people.into_iter().map(state).collect::<Result<Vec<_>, _>>()
        });
        let seen = seen.await.unwrap();
        let (rest, joined) = (&seen[250..], &seen[..250]);
        assert!(
            joined.iter().all(|one| *one == (AccountState::Active, InviteState::Joined)),
            "{}",
            fixture.scratch.engine
        );
        assert_eq!(rest[0], (AccountState::Inactive, InviteState::Joined), "who is to have no access has none");
        assert_eq!(rest[1].0, AccountState::PendingVerification, "a claim is exact");
    }
}

#[tokio::test]
async fn the_sweep_is_queued_once_and_stays_queued() {
    for fixture in fixtures() {
        for _ in 0..2 {
            fixture.runner.schedule(&Job::Sweep, super::sweep::PERIOD_SECONDS).await.unwrap();
        }
        fixture.now.fetch_add(super::sweep::PERIOD_SECONDS, Ordering::SeqCst);
        assert!(look(&fixture.runner).await);
        let waiting = fixture.runner.store.read(|tx| rows::count(tx, "waiting")).await;
        assert_eq!(waiting.unwrap(), 1, "{}", fixture.scratch.engine);
        let rows = fixture.runner.store.read(|tx| rows::is_slot_taken(tx, "sweep")).await;
        assert!(rows.unwrap());
    }
}

#[tokio::test]
async fn the_owner_is_told_by_mail_that_a_credential_in_use_ends_soon_and_is_told_once() {
    for fixture in fixtures() {
        publish(&fixture).await;
        while look(&fixture.runner).await {}
        let op = fixture.runner.operation();
        let made = fixture.runner.store.write(move |tx| {
            let acme = organizations::find_by_slug(tx, &"acme".parse().unwrap())?.unwrap().id;
            let client = clients::create(tx, &op, acme, "Directory", tolerance::Profile::Standard, &Quota::default())?;
            let new = NewCredential { kind: CredentialKind::Bearer, scope: ScimScope::Write, ttl_seconds: 40 * DAY };
            let (made, _) = credentials::create(tx, &op, acme, client.id, &new, &Quota::default())?;
            caller::touch(tx, made.id, op.at)?;
            Ok::<_, ScimClientError>(made.id)
        });
        let made = made.await.unwrap();
        fixture.runner.schedule(&Job::WarnOfExpiry, 0).await.unwrap();
        for _ in 0..12 {
            while look(&fixture.runner).await {}
            fixture.now.fetch_add(super::warn_of_expiry::PERIOD_SECONDS, Ordering::SeqCst);
        }
        let told: Vec<String> = mails(&fixture).into_iter().filter(|mail| mail.contains(&made.to_string())).collect();
        assert_eq!(told.len(), 1, "{}: {told:?}", fixture.scratch.engine);
        assert!(told[0].contains("expires in 30 days") && told[0].contains("\"Directory\""), "{}", told[0]);
        let is_queued = fixture.runner.store.read(|tx| rows::is_slot_taken(tx, "warn_of_expiry")).await;
        assert!(is_queued.unwrap());
    }
}

/// RFC 9967, section 2.5.1: who asks for the answer hears one in the end.
#[tokio::test]
async fn an_asynchronous_request_that_is_given_up_has_an_answer() {
    for fixture in fixtures() {
        let (acme, _) = publish_with(&fixture, None).await;
        let op = fixture.runner.operation();
        let request = op.request;
        let written = fixture.runner.store.write(move |tx| {
            let client = clients::create(tx, &op, acme, "Directory", tolerance::Profile::Standard, &Quota::default())?;
            let new = NewCredential { kind: CredentialKind::Bearer, scope: ScimScope::Write, ttl_seconds: 40 * DAY };
            let (made, _) = credentials::create(tx, &op, acme, client.id, &new, &Quota::default())?;
            let row = AsynchronousRequestRow {
                id: request,
                org_id: acme,
                client_id: client.id,
                credential_id: made.id,
                scope: "write".to_owned(),
                operations: 2,
                sealed_body: Some(b"nobody can open it".to_vec()),
                created_at: op.at,
                finished_at: None,
                expires_at: op.at.plus_seconds(30 * DAY),
            };
            asynchronous_requests::insert(tx, &row)?;
            queue::enqueue(tx, &op, &Job::AsynchronousRequest { organization: acme, request }, op.at)?;
            Ok::<_, ScimClientError>(())
        });
        written.await.unwrap();
        let is_over = || {
            let found = fixture.runner.store.read(move |tx| {
                let row = asynchronous_requests::find(tx, acme, request)?.unwrap();
                Ok::<_, StoreError>((row, asynchronous_requests::outcomes(tx, acme, request)?.len()))
            });
            async { found.await.map(|(row, outcomes)| (row.finished_at.is_some(), row.sealed_body, outcomes)).unwrap() }
        };
        for _ in 1..super::MAX_ATTEMPTS {
            while look(&fixture.runner).await {}
            fixture.now.fetch_add(super::MAX_BACK_OFF_SECONDS + 1, Ordering::SeqCst);
        }
        assert!(!is_over().await.0, "{}: there was a try left", fixture.scratch.engine);
        while look(&fixture.runner).await {}
        assert_eq!(is_over().await, (true, None, 2), "{}", fixture.scratch.engine);
        let failed = fixture.runner.store.read(|tx| rows::count(tx, "failed")).await.unwrap();
        assert_eq!(failed, 1, "the operator sees it as well");
    }
}

/// Rule E30; the fixture's organizations have two such mails within an hour.
#[tokio::test]
async fn a_mail_that_is_too_much_for_this_hour_goes_out_in_the_next() {
    for fixture in fixtures() {
        let (acme, _) = publish_with(&fixture, None).await;
        let op = fixture.runner.operation();
        let pushed = fixture.runner.store.write(move |tx| {
            for name in ["a", "b", "c"] {
                let body = serde_json::json!({ "userName": format!("{name}@freelance.test") });
                let draft = users::draft(body.as_object().unwrap().clone(), resource_type::user())?;
                users::create(tx, &op, acme, &draft)?;
            }
            Ok::<_, ProvisioningError>(())
        });
        pushed.await.unwrap();
        let sent = || mails(&fixture).iter().filter(|mail| mail.contains("@freelance.test")).count();
        while look(&fixture.runner).await {}
        assert_eq!(sent(), 2, "{}", fixture.scratch.engine);
        fixture.now.fetch_add(3_599, Ordering::SeqCst);
        while look(&fixture.runner).await {}
        assert_eq!(sent(), 2, "{}", fixture.scratch.engine);
        fixture.now.fetch_add(1, Ordering::SeqCst);
        while look(&fixture.runner).await {}
        assert_eq!(sent(), 3, "{}", fixture.scratch.engine);
    }
}

#[test]
fn pauses_grow_up_to_an_hour() {
    assert_eq!([1, 2, 3, 11, 12, 99].map(back_off_seconds), [2, 4, 8, 2_048, 3_600, 3_600]);
}

#[tokio::test]
async fn a_notice_goes_to_no_address_that_a_provisioning_client_may_have_written() {
    for fixture in fixtures() {
        let (acme, owner) = publish_with(&fixture, Some("help@acme.test")).await;
        let op = fixture.runner.operation();
        let foreign = Profile { addresses: vec!["eve@evil.test".parse().unwrap()], ..Profile::default() };
        let changed =
            fixture.runner.store.write(move |tx| accounts::update_profile(tx, &op, acme, owner, &foreign)).await;
        assert_eq!(changed.unwrap(), ProfileChange::Written);
        while look(&fixture.runner).await {}
        let mails = mails(&fixture);
        assert_eq!(mails.len(), 1, "{}", fixture.scratch.engine);
        assert!(mails[0].contains("To: help@acme.test") && !mails[0].contains("eve@"), "{}", mails[0]);
    }
}

#[tokio::test]
async fn an_event_that_nobody_can_read_holds_up_neither_events_nor_the_sweep_and_is_seen_in_the_end() {
    for fixture in fixtures() {
        let op = fixture.runner.operation();
        let unreadable = EventRow {
            id: op.new_id(),
            org_id: None,
            event: "of_tomorrow".to_owned(),
            payload: "{\"event\":\"of_tomorrow\"}".to_owned(),
            at: op.at,
        };
        fixture.runner.store.write(move |tx| outbox::insert(tx, &unreadable)).await.unwrap();
        fixture.runner.schedule(&Job::Sweep, super::sweep::PERIOD_SECONDS).await.unwrap();
        publish(&fixture).await;
        fixture.now.fetch_add(super::sweep::PERIOD_SECONDS, Ordering::SeqCst);
        while look(&fixture.runner).await {}
        assert_eq!(mails(&fixture).len(), 1, "{}", fixture.scratch.engine);
        let now = fixture.runner.clock.now();
        assert!(
            !fixture.runner.store.read(move |tx| rows::is_due(tx, rows::Kinds::Except(&[]), now)).await.unwrap(),
            "the sweep has run"
        );
        for _ in 0..super::MAX_ATTEMPTS {
            fixture.now.fetch_add(super::MAX_BACK_OFF_SECONDS + 1, Ordering::SeqCst);
            while look(&fixture.runner).await {}
        }
        let failed = fixture.runner.store.read(|tx| rows::count(tx, "failed")).await.unwrap();
        assert_eq!(failed, 1, "it is counted for the operator: {}", fixture.scratch.engine);
    }
}

/// A mail server that takes the connection and says nothing, while a mail is under way to it already.
#[tokio::test]
async fn a_mail_server_that_says_nothing_holds_up_no_other_job() {
    for mut fixture in fixtures() {
        let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("smtp://{}", silent.local_addr().unwrap());
        let (from, transport) = ("gateway@acme.test".parse().unwrap(), Transport::Smtp(url.into()));
        fixture.runner.mailer = Mailer::new(&Settings { from, transport }).unwrap();
        publish(&fixture).await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let running = tokio::spawn(fixture.runner.clone().supervise(stopped));
        let _mail = silent.accept().await.unwrap();
        let op = fixture.runner.operation();
        let join = fixture.runner.store.write(move |tx| {
            let organization = organizations::find_by_slug(tx, &"acme".parse().unwrap())?.unwrap().id;
            queue::enqueue(tx, &op, &Job::JoinDomain { organization, domain: "acme.test".parse().unwrap() }, op.at)
        });
        join.await.unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !fixture.runner.store.read(|tx| rows::payloads(tx, "join_domain")).await.unwrap().is_empty() {
            assert!(std::time::Instant::now() < deadline, "it waits behind the mail: {}", fixture.scratch.engine);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        // A stop waits for the mail, until somebody stops waiting.
        stop.send(true).unwrap();
        let patience = tokio::time::timeout(std::time::Duration::from_millis(200), running);
        assert!(patience.await.is_err(), "{}", fixture.scratch.engine);
    }
}

/// A defect in a job is a failure of the job.
#[tokio::test]
async fn a_job_that_a_defect_ends_has_failed_and_is_tried_again() {
    for mut fixture in fixtures() {
        fixture.runner.schedule(&Job::Sweep, 0).await.unwrap();
        let claimed = fixture.runner.claim(Lane::Work, 16).await.unwrap();
        let (clock, is_broken) = (fixture.runner.clock.clone(), AtomicBool::new(true));
        fixture.runner.clock = Clock::new(move || {
            assert!(!is_broken.swap(false, Ordering::SeqCst), "a defect, on purpose");
            clock.now()
        });
        fixture.runner.attempt(&claimed[0]).await;
        let counted = fixture
            .runner
            .store
            .read(|tx| Ok::<_, StoreError>((rows::count(tx, "waiting")?, rows::count(tx, "running")?)));
        assert_eq!((claimed.len(), counted.await.unwrap()), (1, (1, 0)), "{}", fixture.scratch.engine);
    }
}

#[tokio::test]
async fn the_runner_starts_again_after_a_defect() {
    for mut fixture in fixtures() {
        publish(&fixture).await;
        let (clock, is_broken) = (fixture.runner.clock.clone(), AtomicBool::new(true));
        fixture.runner.clock = Clock::new(move || {
            assert!(!is_broken.swap(false, Ordering::SeqCst), "a defect, on purpose");
            clock.now()
        });
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let running = tokio::spawn(fixture.runner.clone().supervise(stopped));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while mails(&fixture).is_empty() {
            assert!(std::time::Instant::now() < deadline, "nothing runs any more: {}", fixture.scratch.engine);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        stop.send(true).unwrap();
        running.await.unwrap();
    }
}

/// However many connections there are, a turn ends in time and nobody is left out.
#[tokio::test]
async fn a_turn_of_warnings_that_is_over_is_gone_on_with_behind_the_last_connection() {
    for fixture in fixtures() {
        publish(&fixture).await;
        let op = fixture.runner.operation();
        let made = fixture.runner.store.write(move |tx| {
            let acme = organizations::find_by_slug(tx, &"acme".parse().unwrap())?.unwrap().id;
            let idp = IdpMetadata {
                entity_id: "https://idp.acme.test".to_owned(),
                sso_redirect_url: "https://idp.acme.test/sso".parse().unwrap(),
                sso_post_url: None,
                logout: None,
                certificates: vec![],
                valid_until: Some(op.at.plus_seconds(DAY)),
                cache_seconds: None,
            };
            let settings = connections::Settings::Saml { idp, options: SamlOptions::default() };
            let new = NewConnection { id: op.new_id(), name: "IdP".to_owned(), settings, sealed_secret: None };
            connections::create(tx, &op, acme, &new, &Quota::default())
        });
        let made = made.await.unwrap().id;
        let queued = async || fixture.runner.store.read(|tx| rows::payloads(tx, "warn_of_certificates")).await.unwrap();
        super::warn_of_expiry::certificates_behind(&fixture.runner, None, Duration::ZERO).await.unwrap();
        let jobs = queued().await;
        assert!(jobs.len() == 1 && jobs[0].contains(&made.to_string()), "{}: {jobs:?}", fixture.scratch.engine);
        while look(&fixture.runner).await {}
        assert!(queued().await.is_empty(), "{}: there was nobody behind it", fixture.scratch.engine);
        let told = mails(&fixture).into_iter().map(|mail| mail.replace("=\r\n", ""));
        let told = told.filter(|mail| mail.contains("says that it is good until")).count();
        assert_eq!(told, 1, "{}", fixture.scratch.engine);
    }
}
