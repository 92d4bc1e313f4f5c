//! The job that sends a link by which a person shows that a mailbox is theirs; the story is `flows::send_mail_proof`.

use super::{JobFailure, Runner};
use crate::flows::send_mail_proof;
use crate::values::ids::MailProofId;

/// Runs the story once. Run twice, the person has two mails, of which the newer one's link works.
pub async fn run(runner: &Runner, proof: MailProofId) -> Result<(), JobFailure> {
    let (store, mailer, gateway) = (&runner.store, &runner.mailer, runner.gateway.as_str());
    send_mail_proof::run(store, mailer, gateway, &runner.operation(), proof)
        .await
        .map_err(|error| JobFailure(error.to_string()))
}
