use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::{Runner, back_off_seconds};
use crate::directory::organizations::{self, NewOrganization, OrganizationError};
use crate::outbound::mail::{Mailer, Settings, Transport};
use crate::record::event::{self, Event};
use crate::store::scratch::{self, Scratch};
use crate::store::{jobs as rows, outbox};
use crate::values::clock::{Clock, Timestamp};
use crate::values::entropy::Entropy;

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
            let runner = Runner {
                store: scratch.store.clone(),
                clock: Clock::new(move || Timestamp::from_seconds(at.load(Ordering::SeqCst))),
                entropy: entropy(),
                data_center: "us".parse().unwrap(),
                mailer: Mailer::new(&Settings {
                    from: "gateway@acme.test".parse().unwrap(),
                    transport: Transport::Directory(mail.path().to_str().unwrap().to_owned()),
                })
                .unwrap(),
                gateway: "https://id.acme.test".to_owned(),
            };
            Fixture { runner, mail, now, scratch }
        })
        .collect()
}

async fn publish(fixture: &Fixture) {
    let op = fixture.runner.operation();
    let new = NewOrganization {
        slug: "acme".parse().unwrap(),
        name: "Acme".to_owned(),
        support_name: None,
        support_email: None,
        owner: "owner@acme.test".parse().unwrap(),
    };
    let written = fixture.runner.store.write(move |tx| {
        let (organization, _) = organizations::create(tx, &op, &new)?;
        let domain = "acme.test".parse().unwrap();
        event::publish(tx, &op, organization.id, &Event::DomainVerified { domain })?;
        Ok::<_, OrganizationError>(())
    });
    written.await.unwrap();
}

fn mails(fixture: &Fixture) -> Vec<String> {
    let entries = std::fs::read_dir(fixture.mail.path()).unwrap();
    entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
}

#[tokio::test]
async fn an_event_reaches_the_owner_by_mail_exactly_once() {
    for fixture in fixtures() {
        publish(&fixture).await;
        while fixture.runner.look().await.unwrap() {}
        let mails = mails(&fixture);
        assert_eq!(mails.len(), 1, "{}", fixture.scratch.engine);
        assert!(mails[0].contains("To: owner@acme.test"), "{}", mails[0]);
        assert!(fixture.runner.store.read(outbox::is_empty).await.unwrap());
        assert_eq!(fixture.runner.store.read(|tx| rows::count(tx, "waiting")).await.unwrap(), 0);
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
        while fixture.runner.look().await.unwrap() {}
        let count = |state: &'static str| fixture.runner.store.read(move |tx| rows::count(tx, state));
        assert_eq!(count("waiting").await.unwrap(), 1, "{}", fixture.scratch.engine);
        for _ in 0..super::MAX_ATTEMPTS {
            fixture.now.fetch_add(super::MAX_BACK_OFF_SECONDS + 1, Ordering::SeqCst);
            while fixture.runner.look().await.unwrap() {}
        }
        assert_eq!(count("failed").await.unwrap(), 1, "{}", fixture.scratch.engine);
        assert!(!fixture.runner.look().await.unwrap(), "a job that was given up is not claimed again");
    }
}

#[tokio::test]
async fn a_job_of_a_node_that_died_is_claimed_again_after_its_lease() {
    for fixture in fixtures() {
        publish(&fixture).await;
        let now = fixture.runner.clock.now();
        super::events::hand_on(&fixture.runner).await.unwrap();
        let lost = fixture.runner.store.write(move |tx| rows::claim(tx, now, now.plus_seconds(60), 10)).await.unwrap();
        assert_eq!(lost.len(), 1);
        assert!(!fixture.runner.look().await.unwrap(), "a leased job was claimed: {}", fixture.scratch.engine);
        fixture.now.fetch_add(61, Ordering::SeqCst);
        while fixture.runner.look().await.unwrap() {}
        assert_eq!(mails(&fixture).len(), 1, "{}", fixture.scratch.engine);
    }
}

#[tokio::test]
async fn the_sweep_is_queued_once_and_stays_queued() {
    for fixture in fixtures() {
        super::sweep::schedule(&fixture.runner).await.unwrap();
        super::sweep::schedule(&fixture.runner).await.unwrap();
        fixture.now.fetch_add(super::sweep::PERIOD_SECONDS, Ordering::SeqCst);
        assert!(fixture.runner.look().await.unwrap());
        let waiting = fixture.runner.store.read(|tx| rows::count(tx, "waiting")).await;
        assert_eq!(waiting.unwrap(), 1, "{}", fixture.scratch.engine);
        let rows = fixture.runner.store.read(|tx| rows::is_slot_taken(tx, "sweep")).await;
        assert!(rows.unwrap());
    }
}

#[test]
fn pauses_grow_up_to_an_hour() {
    assert_eq!([1, 2, 3, 11, 12, 99].map(back_off_seconds), [2, 4, 8, 2_048, 3_600, 3_600]);
}
