//! The job that asks a person whether a sign-in is theirs; the story is `flows::send_link_request`.

use super::{JobFailure, Runner};
use crate::flows::send_link_request;
use crate::values::ids::{LinkRequestId, OrganizationId};

/// Runs the story once. Run twice, the person has two mails, of which the newer one's link works.
pub async fn run(runner: &Runner, organization: OrganizationId, request: LinkRequestId) -> Result<(), JobFailure> {
    let (store, mailer, gateway) = (&runner.store, &runner.mailer, runner.gateway.as_str());
    send_link_request::run(store, mailer, gateway, &runner.operation(), organization, request)
        .await
        .map_err(|error| JobFailure(error.to_string()))
}
