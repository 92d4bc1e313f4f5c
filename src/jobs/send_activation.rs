//! The job that sends an activation mail; the story is `flows::send_activation`. One that has to wait for the next hour stays
//! in the queue until then, and its activation shows that no mail was sent yet.

use super::asynchronous_request::Outlook;
use super::{JobFailure, Runner};
use crate::flows::send_activation::{self, Sent};
use crate::store::jobs::ClaimedRow;
use crate::values::ids::{ActivationId, OrganizationId};

/// Runs the story once. Run twice, the person has two mails, of which the newer one's link works.
pub async fn run(
    runner: &Runner,
    claimed: &ClaimedRow,
    organization: OrganizationId,
    activation: ActivationId,
) -> Result<Outlook, JobFailure> {
    let (store, mailer, gateway) = (&runner.store, &runner.mailer, runner.gateway.as_str());
    let what = (activation, runner.activation_mails_per_hour);
    let sent = send_activation::run(store, mailer, gateway, &runner.operation(), organization, what).await;
    match sent.map_err(|error| JobFailure(error.to_string()))? {
        Sent::Over => Ok(Outlook::Over),
        Sent::Later(at) => {
            let again = runner.reschedule(claimed, at).await;
            again.map(|()| Outlook::Waits).map_err(|error| JobFailure(error.to_string()))
        }
    }
}
