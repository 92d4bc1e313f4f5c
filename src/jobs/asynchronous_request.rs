//! The job that does a bulk request whose client does not wait; the story is `flows::bulk::asynchronous`.

use super::{JobFailure, Runner};
use crate::flows::bulk::asynchronous::Turn;
use crate::store::jobs::ClaimedRow;
use crate::values::ids::{OrganizationId, RequestId};

/// Whether a job is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// It is.
    Over,
    /// It waits for its next turn.
    Waits,
}

/// One turn. Run twice, the second goes on where the first one stopped.
pub async fn run(
    runner: &Runner,
    claimed: &ClaimedRow,
    organization: OrganizationId,
    request: RequestId,
) -> Result<Outlook, JobFailure> {
    match runner.bulk.turn(organization, request).await {
        Ok(Turn::Over) => Ok(Outlook::Over),
        Ok(Turn::More) => {
            let again = runner.reschedule(claimed, runner.clock.now()).await;
            again.map(|()| Outlook::Waits).map_err(|error| JobFailure(error.to_string()))
        }
        Err(error) => Err(JobFailure(error.to_string())),
    }
}
