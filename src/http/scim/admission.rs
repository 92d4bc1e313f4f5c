//! How much a SCIM client and its organization may ask for, so that one directory's full cycle does not slow the others
//! down: a rate for each client, one for each organization, and a number of requests of an organization that are inside
//! the store at a time. All of it in the memory of this node.
//!
//! A request is counted before the store is asked, if its token was seen before: who floods the gateway costs it no
//! query. Until then it is only known from which network it comes.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use moka::sync::Cache;

use crate::config::limits::Limits;
use crate::http::gate::{Busy, Gate, Place};
use crate::http::throttle::{OverLimit, Rate, Standing, Throttle, network};
use crate::telemetry::metrics;
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ScimClientId};
use crate::values::secret::TokenHash;

/// Tokens whose holder is remembered.
const TOKENS: u64 = 100_000;
const REMEMBERED: Duration = Duration::from_secs(6 * 3600);
/// The headers that say where a client stands, by two names: SailPoint's connector reads the second.
const LIMIT: [HeaderName; 2] =
    [HeaderName::from_static("x-ratelimit-limit"), HeaderName::from_static("x-rate-limit-limit")];
const REMAINING: [HeaderName; 2] =
    [HeaderName::from_static("x-ratelimit-remaining"), HeaderName::from_static("x-rate-limit-remaining")];
const RESET: [HeaderName; 2] =
    [HeaderName::from_static("x-ratelimit-reset"), HeaderName::from_static("x-rate-limit-reset")];

/// The limits.
pub struct Admission {
    clients: Throttle<ScimClientId>,
    organizations: Throttle<OrganizationId>,
    gate: Gate<Party>,
    holders: Cache<TokenHash, Holder>,
}

/// Whom a token belongs to, which never changes. Whether it is live is looked up each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub struct Holder {
    pub client: ScimClientId,
    pub organization: OrganizationId,
}

/// Who shares the places inside the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Party {
    Organization(OrganizationId),
    /// Somebody whose token was not seen before.
    Network(IpAddr),
}

/// How far one request is admitted. Filled in as it becomes known whose it is.
#[derive(Debug, Default)]
pub struct Turn {
    organization: OnceLock<OrganizationId>,
    standing: OnceLock<Standing>,
}

impl Admission {
    /// As the configuration says.
    pub fn new(limits: &Limits) -> Self {
        let per_client = Rate::per_second(limits.scim_requests_per_second, limits.scim_burst);
        let per_organization =
            Rate::per_second(limits.scim_organization_requests_per_second, limits.scim_organization_burst);
        Self {
            clients: Throttle::new(per_client),
            organizations: Throttle::new(per_organization),
            gate: Gate::new(limits.scim_requests_at_once, limits.scim_wait),
            holders: Cache::builder().max_capacity(TOKENS).time_to_idle(REMEMBERED).build(),
        }
    }

    /// Counts a request whose token was seen before. Nothing happens to one whose token is new.
    pub fn begin(&self, turn: &Turn, token: &TokenHash, now: Timestamp) -> Result<(), OverLimit> {
        match self.holders.get(token) {
            Some(holder) => self.count(turn, holder, now),
            None => Ok(()),
        }
    }

    /// Counts a request that was authenticated, unless it was counted when it began.
    pub fn authenticated(
        &self,
        turn: &Turn,
        token: TokenHash,
        holder: Holder,
        now: Timestamp,
    ) -> Result<(), OverLimit> {
        if turn.standing.get().is_some() {
            return Ok(());
        }
        self.holders.insert(token, holder);
        self.count(turn, holder, now)
    }

    /// A token that opens nothing (any more) does not count as its former holder's.
    pub fn forget(&self, token: &TokenHash) {
        self.holders.invalidate(token);
    }

    /// Counts one request of a client by its rate and its organization's.
    pub fn count(&self, turn: &Turn, holder: Holder, now: Timestamp) -> Result<(), OverLimit> {
        let _ = turn.organization.set(holder.organization);
        let counted = self.spend(holder, now);
        let standing = match &counted {
            Ok(standing) => *standing,
            Err(over) => over.standing,
        };
        let _ = turn.standing.set(standing);
        counted.map(|_| ())
    }

    /// Where the request stands that has less left.
    fn spend(&self, holder: Holder, now: Timestamp) -> Result<Standing, OverLimit> {
        let client = self.clients.admit(holder.client, now).inspect_err(|_| refused("client"))?;
        let organization =
            self.organizations.admit(holder.organization, now).inspect_err(|_| refused("organization"))?;
        Ok(if organization.remaining < client.remaining { organization } else { client })
    }

    /// A place inside the store. The request is its organization's if that is known, and else its network's.
    pub async fn enter(&self, turn: &Turn, address: impl FnOnce() -> IpAddr) -> Result<Place, Busy> {
        let party = match turn.organization.get() {
            Some(organization) => Party::Organization(*organization),
            None => Party::Network(network(address())),
        };
        self.gate.enter(party).await.inspect_err(|_| refused("at_once"))
    }
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admission").field("clients", &self.clients).finish_non_exhaustive()
    }
}

/// Says on the answer where the client stands, once it is known who it is.
pub fn tell(turn: &Arc<Turn>, headers: &mut HeaderMap) {
    let Some(standing) = turn.standing.get() else { return };
    let told = [
        (LIMIT, HeaderValue::from(standing.limit)),
        (REMAINING, HeaderValue::from(standing.remaining)),
        (RESET, HeaderValue::from(standing.reset_seconds)),
    ];
    for (names, value) in told {
        for name in names {
            headers.insert(name, value.clone());
        }
    }
}

fn refused(limit: &'static str) {
    ::metrics::counter!(metrics::SCIM_REFUSED, "limit" => limit).increment(1);
}
