//! Background work: hands events on, indexes resources and runs queued jobs, beside each other (`lanes`).
//!
//! Jobs are claimed under a lease, so that a node that dies leaves none behind; each is idempotent, retried with
//! growing pauses, and given up after [`MAX_ATTEMPTS`], when it stays for the operator to see.

pub mod asynchronous_request;
pub mod clear_scim_values;
pub mod evaluate_roles;
pub mod events;
pub mod index_resources;
pub mod join_domain;
mod lanes;
pub mod notify_administrator;
pub mod recheck_domains;
pub mod refresh_metadata;
pub mod remove_held;
pub mod request_log;
pub mod review_cases;
pub mod send_activation;
pub mod send_link_request;
pub mod send_mail_proof;
pub mod sweep;
pub mod tell_person;
pub mod warn_of_expiry;

use std::time::Duration;

use asynchronous_request::Outlook;

use crate::flows::bulk::asynchronous::AsynchronousBulk;
use crate::flows::sign_in_by_saml::verifier::Verifier;
use crate::outbound::dns::Dns;
use crate::outbound::idp::IdpClient;
use crate::outbound::mail::Mailer;
use crate::provisioning::request_log::Retention;
use crate::record::jobs::{self as queue, Job};
use crate::store::failure::StoreError;
use crate::store::jobs::ClaimedRow;
use crate::store::{Store, domains, jobs as rows, removals};
use crate::telemetry::metrics;
use crate::values::clock::{Clock, Timestamp};
use crate::values::data_center::DataCenter;
use crate::values::entropy::Entropy;
use crate::values::ids::{Id, Sequence};
use crate::values::operation::{Actor, Operation};

/// How long a claimed job may take before another node may claim it: longer than any job takes.
const LEASE_SECONDS: i64 = 120;
/// How long one try of a job may take.
const MAX_RUN: Duration = Duration::from_secs(60);
/// What is queued at the first start, and how long after it.
const RECURRING: [(Job, i64); 5] = [
    (Job::Sweep, sweep::PERIOD_SECONDS),
    (Job::WarnOfExpiry, 60),
    (Job::ReviewCases, review_cases::PERIOD_SECONDS),
    (Job::RefreshMetadata, refresh_metadata::PERIOD_SECONDS),
    (Job::RecheckDomains, recheck_domains::PERIOD_SECONDS),
];
/// A job is given up after this many tries.
pub const MAX_ATTEMPTS: i32 = 12;
/// The longest pause between two tries.
const MAX_BACK_OFF_SECONDS: i64 = 3_600;

/// Everything jobs need.
#[derive(Clone)]
pub struct Runner {
    /// The store.
    pub store: Store,
    /// Where "now" comes from.
    pub clock: Clock,
    /// Where ids come from.
    pub entropy: Entropy,
    /// The data center this runs in.
    pub data_center: DataCenter,
    /// The way out for mail.
    pub mailer: Mailer,
    /// DNS look-ups.
    pub dns: Dns,
    /// The way out to identity providers.
    pub idp: IdpClient,
    /// Reads what they publish.
    pub verifier: Verifier,
    /// The public URL, for mails.
    pub gateway: String,
    /// Activation mails that one organization has sent within an hour.
    pub activation_mails_per_hour: u32,
    /// How long the request log is kept.
    pub retention: Retention,
    /// How long traces of sign-in attempts are kept, and how many of one organization.
    pub traces: TraceRetention,
    /// How bulk requests are gone on with.
    pub bulk: AsynchronousBulk,
    /// How long SCIM events are kept.
    pub scim_event_seconds: i64,
}

/// How much is kept of attempts to sign in.
#[derive(Debug, Clone, Copy)]
pub struct TraceRetention {
    /// How long.
    pub seconds: i64,
    /// Traces of one organization.
    pub per_organization: i64,
}

/// Why a job did not succeed. The text is kept with the job, for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JobFailure(pub String);

impl Runner {
    /// The operation that a job runs as.
    pub fn operation(&self) -> Operation {
        let at = self.clock.now();
        Operation {
            actor: Actor::System,
            request: Id::mint(at, &self.entropy),
            at,
            entropy: self.entropy,
            sequence: Sequence::default(),
            data_center: self.data_center.clone(),
        }
    }

    /// Queues a recurring job for the first time, unless it is queued.
    async fn schedule(&self, job: &Job, delay_seconds: i64) -> Result<(), StoreError> {
        let (op, job) = (self.operation(), job.clone());
        self.store
            .write(move |tx| {
                if rows::is_slot_taken(tx, job.name())? {
                    return Ok(());
                }
                queue::enqueue(tx, &op, &job, op.at.plus_seconds(delay_seconds))
            })
            .await
    }

    async fn run_one(&self, claimed: &ClaimedRow) -> Result<(), StoreError> {
        let result = match serde_json::from_str::<Job>(&claimed.payload) {
            Ok(Job::NotifyAdministrator { organization, account, event, at }) => {
                in_time(notify_administrator::run(self, organization, account, &event, at)).await
            }
            Ok(Job::HandOn { organization, payload, at }) => {
                in_time(events::run(self, organization, &payload, at)).await
            }
            Ok(Job::ClearScimValues { organization, clearing }) => {
                clear_scim_values::run(self, organization, clearing).await
            }
            Ok(Job::AsynchronousRequest { organization, request }) => {
                match in_time(asynchronous_request::run(self, claimed, organization, request)).await {
                    Ok(Outlook::Waits) => return Ok(()),
                    Ok(Outlook::Over) => Ok(()),
                    Err(failure) => {
                        if claimed.attempts >= MAX_ATTEMPTS {
                            self.bulk.give_up(organization, request).await?;
                        }
                        Err(failure)
                    }
                }
            }
            Ok(Job::SendLinkRequest { organization, request }) => {
                in_time(send_link_request::run(self, organization, request)).await
            }
            Ok(Job::SendActivation { organization, activation }) => {
                match in_time(send_activation::run(self, claimed, organization, activation)).await {
                    Ok(Outlook::Waits) => return Ok(()),
                    Ok(Outlook::Over) => Ok(()),
                    Err(failure) => Err(failure),
                }
            }
            Ok(Job::SendMailProof { proof }) => in_time(send_mail_proof::run(self, proof)).await,
            Ok(Job::TellPerson { account, notice, at }) => in_time(tell_person::run(self, account, notice, at)).await,
            Ok(Job::JoinDomain { organization, domain }) => join_domain::run(self, organization, &domain).await,
            Ok(Job::RemoveHeld { organization }) => remove_held::run(self, organization).await,
            Ok(Job::EvaluateRoles { organization, after }) => evaluate_roles::run(self, organization, after).await,
            Ok(Job::ReviewCases) => return review_cases::run(self, claimed).await,
            Ok(Job::RefreshMetadata) => return refresh_metadata::run(self, claimed).await,
            Ok(Job::RecheckDomains) => return recheck_domains::run(self, claimed).await,
            Ok(Job::Sweep) => return sweep::run(self, claimed).await,
            Ok(Job::WarnOfExpiry) => return warn_of_expiry::run(self, claimed).await,
            Ok(Job::WarnOfCertificates { after }) => warn_of_expiry::go_on(self, after).await,
            Err(error) => Err(JobFailure(format!("the payload cannot be read: {error}"))),
        };
        self.settle(claimed, result).await
    }

    /// A job that is done is gone; one that failed is tried again, or given up.
    async fn settle(&self, claimed: &ClaimedRow, result: Result<(), JobFailure>) -> Result<(), StoreError> {
        let (held, kind, attempts, now) = (claimed.clone(), claimed.kind.clone(), claimed.attempts, self.clock.now());
        let id = held.id;
        let outcome = match &result {
            Ok(()) => "done",
            Err(_) if attempts >= MAX_ATTEMPTS => "given_up",
            Err(_) => "failed",
        };
        ::metrics::counter!(metrics::JOBS, "kind" => kind.clone(), "outcome" => outcome).increment(1);
        let is_held = self
            .store
            .write(move |tx| match result {
                Ok(()) => rows::delete(tx, &held),
                Err(failure) if attempts >= MAX_ATTEMPTS => {
                    tracing::error!(job = %id, kind, %failure, "a job was given up");
                    rows::give_up(tx, &held, &failure.0)
                }
                Err(failure) => {
                    tracing::warn!(job = %id, kind, attempts, %failure, "a job failed and will be tried again");
                    rows::retry(tx, &held, now.plus_seconds(back_off_seconds(attempts)), Some(&failure.0))
                }
            })
            .await?;
        if !is_held {
            warn_of_loss(claimed);
        }
        Ok(())
    }

    /// Keeps a job in its slot for another turn.
    async fn reschedule(&self, claimed: &ClaimedRow, at: Timestamp) -> Result<(), StoreError> {
        let held = claimed.clone();
        if !self.store.write(move |tx| rows::reschedule(tx, &held, at)).await? {
            warn_of_loss(claimed);
        }
        Ok(())
    }
}

/// Says that a job outlasted its lease, and is now somebody else's to settle.
fn warn_of_loss(claimed: &ClaimedRow) {
    let (job, kind) = (claimed.id, &claimed.kind);
    tracing::warn!(%job, kind, "a job outlasted its lease and is left to whoever has it now");
}

/// A job that takes longer than its lease would be run twice.
async fn in_time<T>(job: impl Future<Output = Result<T, JobFailure>>) -> Result<T, JobFailure> {
    let outcome = tokio::time::timeout(MAX_RUN, job).await;
    outcome.unwrap_or_else(|_| Err(JobFailure(format!("it took longer than {} seconds", MAX_RUN.as_secs()))))
}

/// 2, 4, 8 ... seconds, an hour at most.
fn back_off_seconds(attempts: i32) -> i64 {
    let exponent = u32::try_from(attempts.clamp(1, 12)).unwrap_or(1);
    2_i64.pow(exponent).min(MAX_BACK_OFF_SECONDS)
}

/// Shows how many jobs wait, how many were given up, how many removals wait for a human, and how many domains for their record.
async fn gauge(store: &Store) -> Result<(), StoreError> {
    let counts = store.read(|tx| {
        let jobs = (rows::count(tx, "waiting")?, rows::count(tx, "failed")?);
        Ok::<_, StoreError>((jobs, removals::waiting(tx)?, domains::count_unproved(tx)?))
    });
    let ((waiting, failed), held, (at_risk, lapsed)) = counts.await?;
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    {
        ::metrics::gauge!(metrics::JOBS_WAITING).set(waiting as f64);
        ::metrics::gauge!(metrics::JOBS_FAILED).set(failed as f64);
        ::metrics::gauge!(metrics::REMOVALS_WAITING).set(held as f64);
        ::metrics::gauge!(metrics::DOMAINS_AT_RISK).set(at_risk as f64);
        ::metrics::gauge!(metrics::DOMAINS_LAPSED).set(lapsed as f64);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
