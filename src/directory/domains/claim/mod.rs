//! Claims: made, proved, released, listed.

use serde_json::json;

use super::proof::{self, Answer, Failure};
use super::state::{DomainState, WrongState};
use super::{loss, schedule};
use crate::directory::permission::{self, Denied, Permission};
use crate::directory::room::{self, TooMany};
use crate::directory::sso_policy::{self, LockoutError};
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::record::jobs::{self, Job};
use crate::store::Tx;
use crate::store::accounts as account_rows;
use crate::store::constraint::Constraint;
use crate::store::domains::{self as rows, DomainRow};
use crate::store::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::domain_name::DomainName;
use crate::values::ids::{DomainId, OrganizationId};
use crate::values::operation::{Actor, Operation};
use crate::values::page::{Page, PageRequest};
use crate::values::quota::Quota;
use crate::values::secret;

/// How long a challenge can be answered (product rules, section 5).
pub const CHALLENGE_TTL_SECONDS: i64 = 7 * 24 * 3600;

/// Mail providers whose domains nobody can claim, because their addresses belong to their customers.
const PUBLIC_MAIL_PROVIDERS: &[&str] = &[
    "aol.com",
    "fastmail.com",
    "gmail.com",
    "gmx.at",
    "gmx.ch",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hey.com",
    "hotmail.com",
    "icloud.com",
    "live.com",
    "mail.com",
    "mail.ru",
    "mailbox.org",
    "me.com",
    "msn.com",
    "naver.com",
    "outlook.com",
    "pm.me",
    "posteo.de",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "t-online.de",
    "tuta.io",
    "tutanota.com",
    "web.de",
    "yahoo.co.jp",
    "yahoo.co.uk",
    "yahoo.com",
    "yandex.com",
    "yandex.ru",
    "ymail.com",
    "zoho.com",
    "163.com",
    "126.com",
];

/// A claim of an organization on a domain.
#[derive(Debug, Clone)]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// Who claims it.
    pub organization: OrganizationId,
    /// What is claimed: exactly this name, never its sub-domains (decision Q12).
    pub name: DomainName,
    /// Where the claim is.
    pub state: DomainState,
    /// The challenge that its record must carry.
    pub challenge: String,
    /// When its record was last looked up.
    pub last_checked_at: Option<Timestamp>,
    /// Why the last look-up proved nothing (see [`Failure::code`]).
    pub last_failure: Option<String>,
    /// When it was claimed.
    pub created_at: Timestamp,
    /// When a proved domain is looked up next.
    pub(super) check_at: Timestamp,
    /// How many look-ups in a row the DNS did not answer.
    pub(super) check_failures: i32,
    /// How often the administrators were told of the risk that it is at.
    pub(super) risk_notices: i32,
    challenge_expires_at: Timestamp,
}

impl Domain {
    /// The name at which the record must stand.
    pub fn record_name(&self) -> String {
        format!("{}.{}", proof::LABEL, self.name)
    }

    /// When a proved domain is looked up next.
    pub fn next_check_at(&self) -> Option<Timestamp> {
        self.state.verified_at().map(|_| self.check_at)
    }
}

/// Why a claim could not be made, checked or released.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    /// There is no such claim in this organization.
    #[error("no such domain")]
    NotFound,
    /// A public suffix or a public mail provider's domain.
    #[error("this domain cannot be claimed")]
    NotClaimable,
    /// The organization has claimed it already.
    #[error("this domain is claimed already")]
    AlreadyClaimed,
    /// Another organization proved that it owns it.
    #[error("this domain has another owner")]
    OwnedElsewhere,
    /// The challenge has expired; a new claim makes a new one.
    #[error("the challenge has expired")]
    ChallengeExpired,
    /// Its record was looked up only just now.
    #[error("the record was looked up a moment ago")]
    TooSoon {
        /// When that can be asked for again.
        retry_after_seconds: i64,
    },
    /// The claim is not in a state for this.
    #[error(transparent)]
    WrongState(#[from] WrongState),
    /// The claim changed under the caller's hands.
    #[error("the domain was changed by somebody else")]
    Changed,
    /// The people of the domain sign in by its owner's connection alone.
    #[error("single sign-on is required or tested for the domain; go back to optional first")]
    WouldLockOut,
    /// The organization has as many as it may have.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<LockoutError> for DomainError {
    fn from(error: LockoutError) -> Self {
        match error {
            LockoutError::WouldLockOut => Self::WouldLockOut,
            LockoutError::Store(error) => error.into(),
        }
    }
}

/// Claims a domain. The answer tells which record to publish.
pub fn create(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    name: &DomainName,
    quota: &Quota,
) -> Result<Domain, DomainError> {
    permission::require(op, organization, Permission::ManageDomains)?;
    if name.is_public_suffix() || PUBLIC_MAIL_PROVIDERS.contains(&name.as_str()) {
        return Err(DomainError::NotClaimable);
    }
    room::require::<DomainError>(tx, organization, quota.domains, |tx| rows::count(tx, organization))?;
    let challenge_expires_at = op.at.plus_seconds(CHALLENGE_TTL_SECONDS);
    let domain = Domain {
        id: op.new_id(),
        organization,
        name: name.clone(),
        state: DomainState::Pending { challenge_expires_at },
        challenge: secret::new_token("", &op.entropy).expose().to_owned(),
        last_checked_at: None,
        last_failure: None,
        created_at: op.at,
        check_at: op.at,
        check_failures: 0,
        risk_notices: 0,
        challenge_expires_at,
    };
    rows::insert(tx, &to_row(&domain, op.at)).map_err(|error| match error {
        StoreError::Conflict(Constraint::DomainClaim) => DomainError::AlreadyClaimed,
        other => other.into(),
    })?;
    log(tx, op, &domain, Action::DomainClaimed)?;
    Ok(domain)
}

/// A claim of an organization.
pub fn find(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: DomainId,
) -> Result<Domain, DomainError> {
    permission::require(op, organization, Permission::Read)?;
    from_row(rows::find(tx, organization, id)?.ok_or(DomainError::NotFound)?).map_err(Into::into)
}

/// The claims of an organization.
pub fn page(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    request: &PageRequest<DomainId>,
) -> Result<Page<Domain, DomainId>, DomainError> {
    permission::require(op, organization, Permission::Read)?;
    let found = rows::page(tx, organization, request)?.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(found, request, |domain| domain.id))
}

/// Before the look-up: is the claim one that can be checked now?
pub fn begin_check(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: DomainId,
) -> Result<Domain, DomainError> {
    permission::require(op, organization, Permission::ManageDomains)?;
    let domain = find(tx, op, organization, id)?;
    domain.state.verify(op.at)?;
    if domain.challenge_expires_at <= op.at {
        return Err(DomainError::ChallengeExpired);
    }
    Ok(domain)
}

/// After the look-up: writes what it proved. A failure leaves the claim pending, with the reason (F-15:
/// nothing is verified by a failure). Of two organizations that prove the same domain, one wins; whose claim has lapsed loses it.
/// What was verified in the domain for anybody but the owner's members no longer is: the address belongs to whoever the owner
/// gives it to. The owner's own people in the domain who have not joined do so by a job.
pub fn finish_check(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: DomainId,
    answer: &Answer,
) -> Result<(Domain, Option<Failure>), DomainError> {
    let mut domain = begin_check(tx, op, organization, id)?;
    domain.last_checked_at = Some(op.at);
    let failure = proof::judge(&domain.challenge, answer).err();
    domain.last_failure = failure.as_ref().map(|failure| failure.code().to_owned());
    if failure.is_none() {
        domain.state = domain.state.verify(op.at)?;
        domain.check_at = schedule::after_an_answer(domain.state, op.at, u32::from_be_bytes(op.entropy.bytes()));
        loss::of_a_lapsed_claim(tx, op, organization, &domain.name)?;
    }
    store(tx, op, &domain, "pending")?;
    if failure.is_some() {
        log(tx, op, &domain, Action::DomainCheckFailed)?;
    } else {
        unverify(tx, op, &domain, Some(organization))?;
        log(tx, op, &domain, Action::DomainVerified)?;
        event::publish(tx, op, organization, &Event::DomainVerified { domain: domain.name.clone() })?;
        jobs::enqueue(tx, op, &Job::JoinDomain { organization, domain: domain.name.clone() }, op.at)?;
    }
    Ok((domain, failure))
}

/// Gives a claim back. Accounts keep their addresses, but none in the domain counts as verified any more, since nobody
/// answers for it.
pub fn release(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: DomainId,
) -> Result<Domain, DomainError> {
    permission::require(op, organization, Permission::ManageDomains)?;
    let mut domain = find(tx, op, organization, id)?;
    let from = domain.state.as_str();
    sso_policy::require_unenforced(tx, organization, id)?;
    domain.state = domain.state.release()?;
    store(tx, op, &domain, from)?;
    unverify(tx, op, &domain, None)?;
    log(tx, op, &domain, Action::DomainReleased)?;
    Ok(domain)
}

/// Takes the verification from the addresses in the domain, but for those of the owner's members. Each organization whose
/// members had one finds an entry in its own log, which does not say who else claims the domain.
fn unverify(tx: &mut Tx<'_>, op: &Operation, domain: &Domain, owner: Option<OrganizationId>) -> Result<(), StoreError> {
    let by_gateway = op.by(Actor::System);
    for affected in account_rows::unverify_domain(tx, domain.name.as_str(), owner)? {
        let op = if affected == domain.organization { op } else { &by_gateway };
        let (subject, detail) = (Subject::new("organization", affected), json!({ "domain": domain.name.as_str() }));
        audit::write(tx, op, Some(affected), Action::AddressesUnverified, &subject, &detail)?;
    }
    Ok(())
}

/// Writes a claim that was `from` before.
pub(super) fn store(tx: &mut Tx<'_>, op: &Operation, domain: &Domain, from: &str) -> Result<(), DomainError> {
    match rows::update(tx, &to_row(domain, op.at), from) {
        Ok(true) => Ok(()),
        Ok(false) => Err(DomainError::Changed),
        Err(StoreError::Conflict(Constraint::DomainOwner)) => Err(DomainError::OwnedElsewhere),
        Err(other) => Err(other.into()),
    }
}

fn log(tx: &mut Tx<'_>, op: &Operation, domain: &Domain, action: Action) -> Result<(), StoreError> {
    let detail = json!({ "name": domain.name.as_str(), "failure": domain.last_failure });
    audit::write(tx, op, Some(domain.organization), action, &Subject::new("domain", domain.id), &detail)
}

fn to_row(domain: &Domain, at: Timestamp) -> DomainRow {
    let (at_risk_at, lapsed_at) = match domain.state {
        DomainState::AtRisk { since, .. } => (Some(since), None),
        DomainState::Lapsed { at, .. } => (None, Some(at)),
        DomainState::Pending { .. } | DomainState::Verified { .. } | DomainState::Released => (None, None),
    };
    DomainRow {
        id: domain.id,
        org_id: domain.organization,
        name: domain.name.as_str().to_owned(),
        state: domain.state.as_str().to_owned(),
        challenge: domain.challenge.clone(),
        challenge_expires_at: domain.challenge_expires_at,
        verified_at: domain.state.verified_at(),
        last_checked_at: domain.last_checked_at,
        last_failure: domain.last_failure.clone(),
        created_at: domain.created_at,
        updated_at: at,
        at_risk_at,
        lapsed_at,
        risk_notices: domain.risk_notices,
        check_at: domain.check_at,
        check_failures: domain.check_failures,
    }
}

pub(super) fn from_row(row: DomainRow) -> Result<Domain, StoreError> {
    let state = match (row.state.as_str(), row.verified_at, row.at_risk_at, row.lapsed_at) {
        ("pending", ..) => DomainState::Pending { challenge_expires_at: row.challenge_expires_at },
        ("verified", Some(at), ..) => DomainState::Verified { at },
        ("at_risk", Some(verified_at), Some(since), _) => DomainState::AtRisk { verified_at, since },
        ("lapsed", Some(verified_at), _, Some(at)) => DomainState::Lapsed { verified_at, at },
        ("released", ..) => DomainState::Released,
        _ => return Err(StoreError::Inconsistent("domains.state")),
    };
    Ok(Domain {
        id: row.id,
        organization: row.org_id,
        name: row.name.parse().map_err(|_| StoreError::Inconsistent("domains.name"))?,
        state,
        challenge: row.challenge,
        last_checked_at: row.last_checked_at,
        last_failure: row.last_failure,
        created_at: row.created_at,
        check_at: row.check_at,
        check_failures: row.check_failures,
        risk_notices: row.risk_notices,
        challenge_expires_at: row.challenge_expires_at,
    })
}

#[cfg(test)]
mod tests;
