//! Leaving for an identity provider, whichever protocol it speaks: for whom a browser leaves, what it takes along, and from when
//! on its attempt waits for the answer.

use super::state::Sent;
use super::{Attempt, AttemptError};
use crate::access::traces;
use crate::protocol::oidc::authorization::AuthorizationRequest;
use crate::store::Tx;
use crate::values::clock::Timestamp;
use crate::values::email::EmailAddress;
use crate::values::ids::AttemptId;
use crate::values::operation::Operation;
use crate::values::secret::Secret;

/// On whose behalf a provider is asked: an attempt that has begun, or is about to.
#[derive(Debug, Clone, Copy)]
pub struct Errand<'a> {
    /// The attempt.
    pub attempt: AttemptId,
    /// What the application asked for.
    pub request: &'a AuthorizationRequest,
    /// When it did.
    pub started_at: Timestamp,
}

/// A request to a provider that is made and not yet sent.
#[derive(Debug, Clone)]
pub struct Departure {
    /// Where the browser goes.
    pub url: String,
    /// Under what the answer comes back.
    pub handle: Secret,
    /// What the answer has to fit.
    pub sent: Sent,
    /// In which words of its own the provider is asked for several factors, because the application wants them; often none.
    pub asked: Vec<String>,
}

impl Attempt {
    /// What the attempt is about.
    pub fn errand(&self) -> Errand<'_> {
        Errand { attempt: self.id, request: &self.request, started_at: self.started_at }
    }
}

/// From the end of this transaction on the attempt waits for the answer; an earlier one is not waited for any more. `address` is
/// what the person typed, or what the application named.
pub fn set_out(
    tx: &mut Tx<'_>,
    op: &Operation,
    attempt: AttemptId,
    address: Option<&EmailAddress>,
    departure: &Departure,
) -> Result<(), AttemptError> {
    super::send(tx, op, attempt, address, &departure.sent, &departure.handle)?;
    if !departure.asked.is_empty() {
        traces::note_asked(tx, op, (attempt, departure.sent.connection), &departure.asked)?;
    }
    Ok(())
}
