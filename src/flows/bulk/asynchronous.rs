//! A bulk request that is answered later: gone on with by a job, some steps at a time, from where it was.

use std::sync::Arc;

use super::run::Run;
use super::{Bulk, Journal};
use crate::keys::sealing::Sealer;
use crate::protocol::scim::bulk::answer::Head;
use crate::protocol::scim::bulk::request::{self, BulkRequest};
use crate::protocol::scim::error::Refusal;
use crate::protocol::scim::json;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::asynchronous::{self, AsynchronousError, Unfinished};
use crate::provisioning::bulk::Reading;
use crate::provisioning::schemas::catalog::Catalog;
use crate::store::failure::StoreError;
use crate::store::{Store, Tx};
use crate::values::clock::Clock;
use crate::values::data_center::DataCenter;
use crate::values::entropy::Entropy;
use crate::values::ids::{OrganizationId, RequestId, Sequence};
use crate::values::operation::{Actor, Operation};

/// Steps that one turn begins at most, so that a turn ends long before its job's lease does.
const STEPS_PER_TURN: usize = 200;

/// What asynchronous requests are done with.
#[derive(Clone)]
pub struct AsynchronousBulk {
    /// The store.
    pub store: Store,
    /// Where the instant of each step comes from.
    pub clock: Clock,
    /// Where ids come from.
    pub entropy: Entropy,
    /// The data center this runs in.
    pub data_center: DataCenter,
    /// The seal of bodies and outcomes.
    pub sealer: Sealer,
    /// The resource types of organizations.
    pub catalog: Catalog,
    /// What bodies are read with.
    pub limits: Limits,
    /// How long an answer is kept.
    pub kept_seconds: i64,
}

/// What a turn came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The request is over, or no longer there.
    Over,
    /// There is more to do.
    More,
}

/// Why a turn stopped. What it did so far is done and noted.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// What was stored cannot be used.
    #[error(transparent)]
    Stored(#[from] AsynchronousError),
    /// The body was read when it was accepted, and can no longer be.
    #[error("the body cannot be read: {0}")]
    Body(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AsynchronousBulk {
    /// Goes on with a request for one turn.
    pub async fn turn(&self, organization: OrganizationId, id: RequestId) -> Result<Turn, TurnError> {
        let found = self.unfinished(organization, id).await?;
        let Some(Unfinished { caller, body, outcomes }) = found else { return Ok(Turn::Over) };
        let rules = Rules::new(caller.profile.tolerance(), self.limits);
        let request = self.read(&body, &rules)?;
        let bulk = Bulk {
            store: self.store.clone(),
            clock: self.clock.clone(),
            reading: Reading { types: Arc::clone(&caller.types), rules },
            operation: self.operation(id, caller.actor()),
            caller,
            journal: Some(Journal { sealer: self.sealer.clone() }),
        };
        let run = Run::new(super::sharing(bulk, &request), request).resume(outcomes, STEPS_PER_TURN);
        if !run.finish().await?.is_over {
            return Ok(Turn::More);
        }
        let (op, kept_seconds) = (self.operation(id, Actor::System), self.kept_seconds);
        self.store.write(move |tx| asynchronous::finish(tx, &op, organization, kept_seconds)).await?;
        Ok(Turn::Over)
    }

    /// Answers a request whose turns have failed too often: what of it is not over was not done, and will not be.
    pub async fn give_up(&self, organization: OrganizationId, id: RequestId) -> Result<(), StoreError> {
        let heads = self.heads(organization, id).await.unwrap_or_else(|error| {
            tracing::warn!(request = %id, %error, "a request that is given up cannot be read");
            Vec::new()
        });
        let (op, kept_seconds, sealer) = (self.operation(id, Actor::System), self.kept_seconds, self.sealer.clone());
        let refusal = Refusal::plain(500, "the operation was tried several times, failed, and will not be tried again");
        let work = move |tx: &mut Tx<'_>| {
            asynchronous::give_up(tx, &op, &sealer, organization, &heads, &refusal, kept_seconds)
        };
        self.store.write(work).await
    }

    async fn heads(&self, organization: OrganizationId, id: RequestId) -> Result<Vec<Head>, TurnError> {
        let Some(found) = self.unfinished(organization, id).await? else { return Ok(Vec::new()) };
        let rules = Rules::new(found.caller.profile.tolerance(), self.limits);
        Ok(self.read(&found.body, &rules)?.entries.iter().map(Head::of).collect())
    }

    async fn unfinished(
        &self,
        organization: OrganizationId,
        id: RequestId,
    ) -> Result<Option<Unfinished>, AsynchronousError> {
        let (sealer, catalog, now) = (self.sealer.clone(), self.catalog.clone(), self.clock.now());
        let work = move |tx: &mut Tx<'_>| asynchronous::unfinished(tx, (&sealer, &catalog), organization, id, now);
        self.store.read(work).await
    }

    fn read(&self, body: &[u8], rules: &Rules) -> Result<BulkRequest, TurnError> {
        let unreadable = |error: String| TurnError::Body(error);
        let body = json::parse_object(body, &self.limits.around_documents());
        let body = body.map_err(|error| unreadable(error.to_string()))?;
        request::read(body, &self.limits.bulk, rules).map_err(|error| unreadable(error.to_string()))
    }

    fn operation(&self, request: RequestId, actor: Actor) -> Operation {
        let (at, entropy, data_center) = (self.clock.now(), self.entropy, self.data_center.clone());
        Operation { actor, request, at, entropy, sequence: Sequence::default(), data_center }
    }
}
