//! The job that tells one administrator by mail; the story is `flows::notify_administrator`.

use super::{JobFailure, Runner};
use crate::flows::notify_administrator;
use crate::record::event::Event;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, OrganizationId};

/// Runs the story once. Run twice, the administrator has two mails, which is better than none.
pub async fn run(
    runner: &Runner,
    organization: OrganizationId,
    account: AccountId,
    event: &Event,
    at: Timestamp,
) -> Result<(), JobFailure> {
    let (store, mailer, gateway) = (&runner.store, &runner.mailer, runner.gateway.as_str());
    notify_administrator::run(store, mailer, gateway, organization, account, event, at)
        .await
        .map_err(|error| JobFailure(error.to_string()))
}
