//! The job that sends an activation mail; the story is `flows::send_activation`.

use super::{JobFailure, Runner};
use crate::flows::send_activation;
use crate::values::ids::{ActivationId, OrganizationId};

/// Runs the story once. Run twice, the person has two mails, of which the newer one's link works.
pub async fn run(runner: &Runner, organization: OrganizationId, activation: ActivationId) -> Result<(), JobFailure> {
    let (store, mailer, gateway) = (&runner.store, &runner.mailer, runner.gateway.as_str());
    send_activation::run(store, mailer, gateway, &runner.operation(), organization, activation)
        .await
        .map_err(|error| JobFailure(error.to_string()))
}
