//! The job that tells a person by mail what happened to their account; the story is `flows::tell_person`.

use super::{JobFailure, Runner};
use crate::flows::tell_person;
use crate::record::notice::PersonNotice;
use crate::values::clock::Timestamp;
use crate::values::ids::AccountId;

/// Runs the story once. Run twice, the person has two mails, which is better than none.
pub async fn run(runner: &Runner, account: AccountId, notice: PersonNotice, at: Timestamp) -> Result<(), JobFailure> {
    let (store, mailer, gateway) = (&runner.store, &runner.mailer, runner.gateway.as_str());
    tell_person::run(store, mailer, gateway, account, notice, at).await.map_err(|error| JobFailure(error.to_string()))
}
