//! Cases (rule E33, decision Q25): a person whom an organization's directory has pushed has an account outside the
//! organization. Nothing is done to that account and nothing of it is shown; the user waits, without an account of their
//! own, until the address is free or the directory takes them back.
//!
//! What an administrator sees is the address that their own directory has pushed (invariant 10).

use serde_json::json;

use super::memberships::MembershipStatus;
use super::permission::{self, Denied, Permission};
use crate::record::audit::{self, Action, Subject};
use crate::store::cases::{self as rows, CaseRow};
use crate::store::failure::StoreError;
use crate::store::{Tx, accounts as account_rows};
use crate::values::clock::Timestamp;
use crate::values::email::EmailAddress;
use crate::values::ids::{CaseId, OrganizationId, ResourceId};
use crate::values::operation::Operation;
use crate::values::page::{Page, PageRequest};

/// Where a case is. Its later states, in which the person is asked to choose, come with consolidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseState {
    /// The person has an account outside.
    Detected,
    /// The address became free, and the user has an account.
    Done,
    /// The directory took the user back, or gave them another address.
    Cancelled,
}

/// The transition is not in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a case that is {0} cannot do this")]
pub struct WrongCaseState(pub &'static str);

/// Why the user has to wait. It says nothing about where the other account is.
pub const REASON: &str = "exists_outside";

/// A case as its organization sees it.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// The SCIM user.
    pub user: ResourceId,
    /// The address that the directory has pushed.
    pub address: EmailAddress,
    /// Where it is.
    pub state: CaseState,
    /// What the directory wants the user's membership to be.
    pub asked: MembershipStatus,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// Why cases cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CaseState {
    /// The name in the store and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Detected => "detected",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// The user has an account now.
    pub const fn finish(self) -> Result<Self, WrongCaseState> {
        match self {
            Self::Detected => Ok(Self::Done),
            Self::Done | Self::Cancelled => Err(WrongCaseState(self.as_str())),
        }
    }

    /// There is nothing to wait for any more.
    pub const fn cancel(self) -> Result<Self, WrongCaseState> {
        match self {
            Self::Detected => Ok(Self::Cancelled),
            Self::Done | Self::Cancelled => Err(WrongCaseState(self.as_str())),
        }
    }
}

/// True when the person of this address exists outside the organization: the address is verified for somebody who is no
/// member of it, or lies in a domain whose people are another organization's.
pub fn is_outside(tx: &mut Tx<'_>, organization: OrganizationId, address: &EmailAddress) -> Result<bool, StoreError> {
    account_rows::is_outside(tx, organization, address.as_str(), address.domain().as_str())
}

/// Opens the case of a user.
pub fn open(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    user: ResourceId,
    address: &EmailAddress,
    asked: MembershipStatus,
) -> Result<(), StoreError> {
    let row = CaseRow {
        id: op.new_id(),
        org_id: organization,
        resource_id: user,
        address: address.as_str().to_owned(),
        state: CaseState::Detected.as_str().to_owned(),
        reason: REASON.to_owned(),
        is_access_asked: asked == MembershipStatus::Active,
        opened_at: op.at,
        closed_at: None,
    };
    rows::insert(tx, &row)?;
    log(tx, op, &row, Action::CaseOpened)
}

/// The open case of a user.
pub fn find_open(tx: &mut Tx<'_>, organization: OrganizationId, user: ResourceId) -> Result<Option<Case>, StoreError> {
    rows::find_open(tx, organization, user)?.map(from_row).transpose()
}

/// Writes down what the directory asks for; it is given when the case is done. A case that is over asks for nothing.
pub fn ask(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    case: &Case,
    asked: MembershipStatus,
) -> Result<(), StoreError> {
    let is_access_asked = asked == MembershipStatus::Active;
    if rows::update_asked(tx, organization, case.id, is_access_asked)? {
        let detail = json!({ "user": case.user, "access_asked": is_access_asked });
        audit::write(tx, op, Some(organization), Action::CaseUpdated, &Subject::new("case", case.id), &detail)?;
    }
    Ok(())
}

/// Closes a case by one of the transitions of [`CaseState`]; tells whether it was open.
pub fn close(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    user: ResourceId,
    transition: fn(CaseState) -> Result<CaseState, WrongCaseState>,
) -> Result<bool, StoreError> {
    let Some(row) = rows::find_open(tx, organization, user)? else { return Ok(false) };
    let Ok(state) = transition(from_row(row.clone())?.state) else { return Ok(false) };
    if !rows::update_state(tx, row.id, &row.state, state.as_str(), op.at)? {
        return Ok(false);
    }
    let row = CaseRow { state: state.as_str().to_owned(), ..row };
    log(tx, op, &row, Action::CaseClosed)?;
    Ok(true)
}

/// The open cases of an organization.
pub fn page(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    request: &PageRequest<CaseId>,
) -> Result<Page<Case, CaseId>, CaseError> {
    permission::require(op, organization, Permission::Read)?;
    let found = rows::page(tx, organization, request)?.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(found, request, |case| case.id))
}

/// Open cases of all organizations, with whose they are, for the job that looks at them again.
pub fn waiting(tx: &mut Tx<'_>, after: Option<CaseId>, limit: i64) -> Result<Vec<(OrganizationId, Case)>, StoreError> {
    rows::waiting(tx, after, limit)?.into_iter().map(|row| Ok((row.org_id, from_row(row)?))).collect()
}

fn log(tx: &mut Tx<'_>, op: &Operation, row: &CaseRow, action: Action) -> Result<(), StoreError> {
    let detail = json!({ "user": row.resource_id, "state": row.state, "reason": row.reason });
    audit::write(tx, op, Some(row.org_id), action, &Subject::new("case", row.id), &detail)
}

fn from_row(row: CaseRow) -> Result<Case, StoreError> {
    Ok(Case {
        id: row.id,
        user: row.resource_id,
        address: row.address.parse().map_err(|_| StoreError::Inconsistent("cases.address"))?,
        state: match row.state.as_str() {
            "detected" => CaseState::Detected,
            "done" => CaseState::Done,
            "cancelled" => CaseState::Cancelled,
            _ => return Err(StoreError::Inconsistent("cases.state")),
        },
        asked: MembershipStatus::of(row.is_access_asked),
        opened_at: row.opened_at,
    })
}

#[cfg(test)]
mod tests {
    use super::CaseState::{Cancelled, Detected, Done};

    #[test]
    fn a_case_is_closed_once() {
        assert_eq!((Detected.finish(), Detected.cancel()), (Ok(Done), Ok(Cancelled)));
        for closed in [Done, Cancelled] {
            assert!(closed.finish().is_err() && closed.cancel().is_err());
        }
    }
}
