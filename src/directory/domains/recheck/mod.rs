//! A domain that was proved is looked up again (decision Q15): by the gateway about daily, and when an administrator asks.
//!
//! The record of the proof stays where it is: it names the organization, the domain and the attempt. What the DNS says of it moves
//! the claim; what the DNS does not say moves nothing. Refuses claims that were never proved, and an answer that somebody else's
//! has overtaken. Every transition has its audit entry and its event.

use serde_json::json;

use super::claim::{self, Domain, DomainError};
use super::proof::{self, Answer, Failure};
use super::schedule;
use super::state::{DomainState, WrongState};
use crate::directory::permission::{self, Permission};
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::record::jobs::{self, Job};
use crate::store::Tx;
use crate::store::domains as rows;
use crate::store::failure::StoreError;
use crate::values::ids::{DomainId, OrganizationId};
use crate::values::operation::Operation;

/// An administrator can ask for a look-up again after so many seconds.
pub const PAUSE_SECONDS: i64 = 10;
/// A domain that was taken to be looked up is anybody's again after so many seconds, whatever became of who took it.
const TAKEN_SECONDS: i64 = 600;

/// What came of a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The record is there.
    Found,
    /// The DNS says that it is not, or that something else is.
    Missing,
    /// The DNS says nothing.
    Failed,
    /// Somebody else looked meanwhile, or the claim was given back.
    Overtaken,
}

impl Outcome {
    /// The name in the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Missing => "missing",
            Self::Failed => "failed",
            Self::Overtaken => "overtaken",
        }
    }
}

/// Takes domains whose look-up is due, over all organizations, at most `limit`.
pub fn take_due(tx: &mut Tx<'_>, op: &Operation, limit: i64) -> Result<Vec<Domain>, StoreError> {
    let until = op.at.plus_seconds(TAKEN_SECONDS);
    rows::take_due(tx, op.at, until, limit)?.into_iter().map(claim::from_row).collect()
}

/// Before a look-up that an administrator asks for.
pub fn begin(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: DomainId,
) -> Result<Domain, DomainError> {
    permission::require(op, organization, Permission::ManageDomains)?;
    let domain = claim::find(tx, op, organization, id)?;
    if domain.state.verified_at().is_none() {
        return Err(WrongState(domain.state.as_str()).into());
    }
    let again_at = domain.last_checked_at.map(|at| at.plus_seconds(PAUSE_SECONDS));
    match again_at.filter(|again_at| *again_at > op.at) {
        None => Ok(domain),
        Some(again_at) => Err(DomainError::TooSoon { retry_after_seconds: again_at.seconds() - op.at.seconds() + 1 }),
    }
}

/// After the look-up of `seen`: writes what it says. Trusts whoever calls it to have begun one.
pub fn finish(
    tx: &mut Tx<'_>,
    op: &Operation,
    seen: &Domain,
    answer: &Answer,
) -> Result<(Domain, Outcome), DomainError> {
    let row = rows::find_for_update(tx, seen.organization, seen.id)?.ok_or(DomainError::NotFound)?;
    let mut domain = claim::from_row(row)?;
    if domain.state != seen.state || domain.last_checked_at != seen.last_checked_at {
        return Ok((domain, Outcome::Overtaken));
    }
    let from = domain.state;
    let failure = proof::judge(&domain.challenge, answer).err();
    domain.last_checked_at = Some(op.at);
    domain.last_failure = failure.as_ref().map(|failure| failure.code().to_owned());
    let outcome = match failure {
        None => {
            domain.state = from.find(op.at)?;
            Outcome::Found
        }
        Some(Failure::RecordMissing | Failure::RecordWrong { .. } | Failure::RecordAliased) => {
            domain.state = from.miss(op.at)?;
            Outcome::Missing
        }
        Some(Failure::LookupFailed) => Outcome::Failed,
    };
    plan(op, &mut domain, outcome);
    let notices = announce(tx, op, &domain, from, outcome)?;
    domain.risk_notices = notices;
    claim::store(tx, op, &domain, from.as_str())?;
    Ok((domain, outcome))
}

/// When it is looked up next.
fn plan(op: &Operation, domain: &mut Domain, outcome: Outcome) {
    if outcome == Outcome::Failed {
        domain.check_failures = domain.check_failures.saturating_add(1);
        domain.check_at = schedule::after_a_failure(op.at, domain.check_failures);
    } else {
        domain.check_failures = 0;
        let chance = u32::from_be_bytes(op.entropy.bytes());
        domain.check_at = schedule::after_an_answer(domain.state, op.at, chance);
    }
}

/// Writes down and announces what has changed, and how long it will last; the answer is how many notices of a risk have gone out.
fn announce(
    tx: &mut Tx<'_>,
    op: &Operation,
    domain: &Domain,
    from: DomainState,
    outcome: Outcome,
) -> Result<i32, StoreError> {
    let (record, name) = (proof::record_value(&domain.challenge), || domain.name.clone());
    match (from, domain.state) {
        (DomainState::Verified { .. }, DomainState::Verified { .. }) => Ok(0),
        (_, DomainState::Verified { .. }) => {
            log(tx, op, domain, Action::DomainRecovered, from)?;
            event::publish(tx, op, domain.organization, &Event::DomainRecovered { domain: name() })?;
            if !from.is_trusted() {
                let join = Job::JoinDomain { organization: domain.organization, domain: name() };
                jobs::enqueue(tx, op, &join, op.at)?;
            }
            Ok(0)
        }
        (_, DomainState::AtRisk { since, .. }) => {
            let due = i32::try_from(schedule::notices_due(since, op.at)).unwrap_or(i32::MAX);
            if outcome == Outcome::Missing && due > domain.risk_notices {
                let is_new = from.as_str() != domain.state.as_str();
                let action = if is_new { Action::DomainAtRisk } else { Action::DomainRiskWarned };
                log(tx, op, domain, action, from)?;
                let lapses_at = domain.state.lapses_at().unwrap_or(op.at);
                let event = Event::DomainAtRisk { domain: name(), record, lapses_at };
                event::publish(tx, op, domain.organization, &event)?;
                return Ok(due);
            }
            Ok(domain.risk_notices)
        }
        (DomainState::AtRisk { .. }, DomainState::Lapsed { .. }) => {
            log(tx, op, domain, Action::DomainLapsed, from)?;
            event::publish(tx, op, domain.organization, &Event::DomainLapsed { domain: name(), record })?;
            Ok(0)
        }
        (_, DomainState::Pending { .. } | DomainState::Lapsed { .. } | DomainState::Released) => Ok(0),
    }
}

fn log(tx: &mut Tx<'_>, op: &Operation, domain: &Domain, action: Action, from: DomainState) -> Result<(), StoreError> {
    let detail = json!({
        "name": domain.name.as_str(), "from": from.as_str(), "failure": domain.last_failure,
        "lapses_at": domain.state.lapses_at().map(|at| at.to_rfc3339()),
    });
    audit::write(tx, op, Some(domain.organization), action, &Subject::new("domain", domain.id), &detail)
}

#[cfg(test)]
mod tests;
