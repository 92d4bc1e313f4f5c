//! An exchange as it was, and how many were not kept. It lives in memory for a second or so; what is stored of it is made
//! by `row`.

use serde::{Deserialize, Serialize};

use crate::protocol::scim::rewrite::Rewrite;
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, RequestId, ResourceId, ScimClientId, ScimCredentialId};

/// What an entry takes besides its texts.
const ENTRY_BYTES: usize = 1_024;

/// An exchange.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The id of the request.
    pub id: RequestId,
    /// Whose client it was.
    pub organization: OrganizationId,
    /// Who sent it.
    pub client: ScimClientId,
    /// With which credential.
    pub credential: ScimCredentialId,
    /// When it came.
    pub at: Timestamp,
    /// How long it took.
    pub duration_micros: i64,
    /// The method.
    pub method: String,
    /// The path below the base URI of the organization.
    pub path: String,
    /// The query, as it was sent.
    pub query: String,
    /// `If-Match`.
    pub if_match: Option<String>,
    /// The body.
    pub request: Vec<u8>,
    /// The status of the answer.
    pub status: u16,
    /// The body of the answer.
    pub response: Vec<u8>,
    /// The resource that it was about.
    pub resource: Option<ResourceId>,
    /// What refused it.
    pub rule: Option<&'static str>,
    /// What the profile let pass.
    pub rewrites: Vec<Rewrite>,
}

/// How many exchanges of a client within a minute were not kept one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Missed {
    /// Reads past the bound of their kind.
    pub reads: u64,
    /// Changes past theirs.
    pub changes: u64,
    /// Refusals past theirs.
    pub refusals: u64,
    /// Exchanges of any kind for which there was no room, or that could not be stored.
    pub dropped: u64,
}

/// What was not kept of a client since an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub struct Summary {
    pub organization: OrganizationId,
    pub client: ScimClientId,
    pub since: Timestamp,
    pub missed: Missed,
}

impl Recorded {
    /// What it takes in memory, about.
    pub fn bytes(&self) -> usize {
        let texts = self.path.len().saturating_add(self.query.len());
        ENTRY_BYTES.saturating_add(texts).saturating_add(self.request.len()).saturating_add(self.response.len())
    }

    /// What is told of it when it cannot be kept.
    pub fn as_dropped(&self) -> Summary {
        let missed = Missed { dropped: 1, ..Missed::default() };
        Summary { organization: self.organization, client: self.client, since: self.at, missed }
    }
}

impl Missed {
    /// Adds up.
    pub fn add(&mut self, more: &Self) {
        self.reads = self.reads.saturating_add(more.reads);
        self.changes = self.changes.saturating_add(more.changes);
        self.refusals = self.refusals.saturating_add(more.refusals);
        self.dropped = self.dropped.saturating_add(more.dropped);
    }

    /// How many altogether.
    pub const fn total(&self) -> u64 {
        self.reads.saturating_add(self.changes).saturating_add(self.refusals).saturating_add(self.dropped)
    }
}
