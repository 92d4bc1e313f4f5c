//! What runs beside each other in the background: the upkeep (the index and the outbox), and two lanes of jobs. Mail has a lane of
//! its own, so that a mail server that does not answer holds up nothing but mail. In a lane, what was claimed runs at once, and what
//! is done makes room for more. A part that a defect ends starts again; a job that a defect ends has failed like any other.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{JobFailure, LEASE_SECONDS, RECURRING, Runner, events, gauge, index_resources};
use crate::store::failure::StoreError;
use crate::store::jobs::{self as rows, ClaimedRow, Kinds};
use crate::telemetry::metrics;

/// How often there is a look when there was nothing to do.
const PAUSE: Duration = Duration::from_millis(500);
/// The pause before a part starts again after a defect ended it.
const REST: Duration = Duration::from_secs(1);
/// Jobs of one lane that run at once.
const AT_ONCE: usize = 16;
/// The queue is counted for the metrics at every so manieth look.
const GAUGE_EVERY: u32 = 20;
/// The jobs that wait for a mail server.
const BY_MAIL: [&str; 5] =
    ["notify_administrator", "send_activation", "send_link_request", "send_mail_proof", "tell_person"];

/// A queue of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Jobs that send a mail.
    Mail,
    /// All others, those of a newer program on another node among them.
    Work,
}

impl Lane {
    /// All of them.
    pub(super) const ALL: [Self; 2] = [Self::Mail, Self::Work];

    const fn kinds(self) -> Kinds {
        match self {
            Self::Mail => Kinds::Only(&BY_MAIL),
            Self::Work => Kinds::Except(&BY_MAIL),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Upkeep,
    Jobs(Lane),
}

impl Runner {
    /// Runs until `stop` turns true and what was begun is done. What is under way when the future is dropped is left to its lease.
    pub async fn supervise(self, stop: watch::Receiver<bool>) {
        let mut parts = JoinSet::new();
        parts.spawn(self.clone().guard(Part::Upkeep, stop.clone()));
        for lane in Lane::ALL {
            parts.spawn(self.clone().guard(Part::Jobs(lane), stop.clone()));
        }
        while parts.join_next().await.is_some() {}
    }

    /// Starts a part again when a defect ends it.
    async fn guard(self, part: Part, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let (runner, stopped) = (self.clone(), stop.clone());
            let running = async move {
                match part {
                    Part::Upkeep => runner.upkeep(stopped).await,
                    Part::Jobs(lane) => runner.work(lane, stopped).await,
                }
            };
            if AssertUnwindSafe(running).catch_unwind().await.is_ok() {
                return;
            }
            ::metrics::counter!(metrics::PANICS).increment(1);
            tracing::error!(?part, "a part of the job runner ended by a defect and starts again");
            tokio::select! {
                () = sleep(REST) => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn upkeep(self, mut stop: watch::Receiver<bool>) {
        for (job, delay_seconds) in RECURRING {
            if let Err(error) = self.schedule(&job, delay_seconds).await {
                tracing::warn!(%error, job = job.name(), "a recurring job could not be scheduled");
            }
        }
        let mut looks = 0_u32;
        while !*stop.borrow() {
            looks = looks.wrapping_add(1);
            if looks % GAUGE_EVERY == 1
                && let Err(error) = gauge(&self.store).await
            {
                tracing::warn!(%error, "the job queue could not be counted");
            }
            let has_worked = self.keep_up().await;
            metrics::upkeep();
            if !has_worked {
                tokio::select! {
                    () = sleep(PAUSE) => {}
                    _ = stop.changed() => {}
                }
            }
        }
    }

    /// One look at what waits to be indexed and at the outbox; tells whether there was something to do. One that cannot be worked
    /// on keeps the other from nothing.
    pub(super) async fn keep_up(&self) -> bool {
        let indexed = index_resources::run(self).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "resources could not be indexed");
            0
        });
        let handed_on = events::hand_on(self).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the outbox could not be handed on");
            0
        });
        indexed > 0 || handed_on > 0
    }

    async fn work(self, lane: Lane, mut stop: watch::Receiver<bool>) {
        let mut running = JoinSet::new();
        while !*stop.borrow() {
            let room = AT_ONCE.saturating_sub(running.len());
            let claimed = if room > 0 { self.claim_or_warn(lane, room).await } else { Vec::new() };
            let may_more_wait = claimed.len() == room;
            for job in claimed {
                let runner = self.clone();
                running.spawn(async move { runner.attempt(&job).await });
            }
            tokio::select! {
                Some(_) = running.join_next() => {}
                () = sleep(PAUSE), if !may_more_wait => {}
                _ = stop.changed() => {}
            }
            while running.try_join_next().is_some() {}
        }
        while running.join_next().await.is_some() {}
    }

    async fn claim_or_warn(&self, lane: Lane, most: usize) -> Vec<ClaimedRow> {
        self.claim(lane, most).await.unwrap_or_else(|error| {
            tracing::warn!(%error, ?lane, "the job queue could not be read");
            Vec::new()
        })
    }

    /// Claims jobs of a lane that are due; an idle gateway writes nothing.
    pub(super) async fn claim(&self, lane: Lane, most: usize) -> Result<Vec<ClaimedRow>, StoreError> {
        let now = self.clock.now();
        let kinds = lane.kinds();
        if !self.store.read(move |tx| rows::is_due(tx, kinds, now)).await? {
            return Ok(Vec::new());
        }
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.store.write(move |tx| rows::claim(tx, kinds, now, now.plus_seconds(LEASE_SECONDS), most)).await
    }

    /// Runs a job and settles it, a defect in it as well.
    pub(super) async fn attempt(&self, claimed: &ClaimedRow) {
        let settled = match AssertUnwindSafe(self.run_one(claimed)).catch_unwind().await {
            Ok(settled) => settled,
            Err(_) => {
                ::metrics::counter!(metrics::PANICS).increment(1);
                self.settle(claimed, Err(JobFailure("it ended by a defect".to_owned()))).await
            }
        };
        if let Err(error) = settled {
            let (job, kind) = (claimed.id, &claimed.kind);
            tracing::warn!(%job, kind, %error, "a job could not be settled, and is claimed again after its lease");
        }
    }
}
