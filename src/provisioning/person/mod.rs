//! What a write to a user means for the person: they get an account, keep one, wait for one, or lose it.
//!
//! Three cases: somebody new; a member who was there before the client; and somebody who exists outside the organization,
//! for whom there is no second account but a case (rule E33). What is decided is `directory`'s; this is the meeting of a
//! user and a person.

use serde_json::json;

use crate::directory::accounts::state::AccountState;
use crate::directory::accounts::{self, AccountError, Ownership, ProfileChange, Provisioned};
use crate::directory::cases::{self, Case, CaseState};
use crate::directory::memberships::{self, MembershipStatus, Origin};
use crate::directory::profile::Profile;
use crate::protocol::scim::error::ScimError;
use crate::provisioning::brake::{self, Removal};
use crate::provisioning::containing_groups;
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::group_roles;
use crate::provisioning::resource;
use crate::provisioning::user_profile;
use crate::record::audit::{self, Action, Subject};
use crate::record::scim_events;
use crate::store::arrivals::{self, ArrivalRow};
use crate::store::failure::StoreError;
use crate::store::resources::{self, ResourceKind, ResourceRow};
use crate::store::{Tx, resource_locks};
use crate::values::ids::{AccountId, OrganizationId, ResourceId};
use crate::values::operation::Operation;

/// Who a user is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrived {
    /// The person, with their account.
    pub(super) person: Provisioned,
    /// The client asks for what the brake does not let through, and the person may sign in until a human has decided.
    is_held: bool,
}

impl Arrived {
    /// Puts on the list what has to wait. The user has to be there.
    pub(super) fn hold(
        self,
        tx: &mut Tx<'_>,
        op: &Operation,
        organization: OrganizationId,
        user: ResourceId,
    ) -> Result<(), ProvisioningError> {
        if self.is_held { brake::hold(tx, op, organization, user, Removal::Deactivate) } else { Ok(()) }
    }
}

/// Finds or makes the account of somebody who is pushed as `user` and of whom this is known. `None` for somebody who exists outside the
/// organization; the caller calls [`wait`] when the user is there, and else [`Arrived::hold`].
pub(super) fn arrive(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    user: ResourceId,
    (profile, status): (&Profile, MembershipStatus),
    known: &ArrivalRow,
) -> Result<Option<Arrived>, ProvisioningError> {
    if let Some(account) = member_without_resource(tx, organization, known)? {
        return Ok(Some(adopt(tx, op, organization, (user, account), profile, status)?));
    }
    if known.is_outside {
        return Ok(None);
    }
    let origin = match profile.primary_address() {
        None => Origin::NoAddress,
        Some(_) if known.is_own_domain => Origin::OwnDomain,
        Some(_) => Origin::Elsewhere,
    };
    let invite_state = memberships::arriving(origin);
    let person = accounts::provision_as(tx, op, organization, profile, status, invite_state)?;
    Ok(Some(Arrived { person, is_held: false }))
}

/// As [`arrive`], for somebody of whom nothing is known yet.
fn arrive_unknown(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    user: ResourceId,
    (profile, status): (&Profile, MembershipStatus),
) -> Result<Option<Arrived>, ProvisioningError> {
    let known = arrivals::find(tx, organization, None, profile.primary_address())?;
    arrive(tx, op, organization, user, (profile, status), &known)
}

/// Opens the case of a user whose person exists outside.
pub(super) fn wait(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    user: ResourceId,
    profile: &Profile,
    status: MembershipStatus,
) -> Result<(), ProvisioningError> {
    if let Some(address) = profile.primary_address() {
        cases::open(tx, op, organization, user, address, status)?;
    }
    Ok(())
}

/// The one member of the organization who has the primary address and is not provisioned yet, such as an owner who was
/// there before the client: the person keeps the account. Ambiguity and personal accounts are left alone.
fn member_without_resource(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    known: &ArrivalRow,
) -> Result<Option<AccountId>, ProvisioningError> {
    let [account] = known.members.as_slice() else { return Ok(None) };
    if resources::of_account(tx, organization, *account)?.is_some() {
        return Ok(None);
    }
    let found = accounts::find(tx, *account)?;
    Ok(found.filter(|found| found.ownership == Ownership::Organization).map(|found| found.id))
}

fn adopt(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    (user, account): (ResourceId, AccountId),
    profile: &Profile,
    status: MembershipStatus,
) -> Result<Arrived, ProvisioningError> {
    let is_active = status == MembershipStatus::Active;
    let is_held = !is_active && !deactivate_member(tx, op, organization, user, account)?;
    let shown = if is_active { set_active(tx, op, organization, account, Some(true))? } else { Some(is_held) };
    let change = accounts::update_profile(tx, op, organization, account, profile).map_err(vanished)?;
    let subject = Subject::new("account", account);
    audit::write(tx, op, Some(organization), Action::UserUpdated, &subject, &json!({ "provisioned": true }))?;
    let has_joined = change == ProfileChange::Joined;
    let may_sign_in = if has_joined { is_active } else { shown == Some(true) };
    Ok(Arrived { person: Provisioned { account, may_sign_in, joined_as: None }, is_held })
}

/// A client creates the user of somebody who was there before it, and says that they may not sign in: that is a removal
/// like any other. One that the brake does not let through waits for a human: false. The user is made all the same and shows that
/// the person may still sign in.
fn deactivate_member(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    user: ResourceId,
    account: AccountId,
) -> Result<bool, ProvisioningError> {
    let admitted = if is_active_member(tx, organization, account)? {
        match brake::admit(tx, op, organization, user, Removal::Deactivate) {
            Ok(admitted) => Some(admitted),
            Err(ProvisioningError::RemovalHeld { .. }) => return Ok(false),
            Err(other) => return Err(other),
        }
    } else {
        None
    };
    set_active(tx, op, organization, account, Some(false))?;
    if let Some(admitted) = admitted {
        brake::count(tx, organization, admitted)?;
    }
    Ok(true)
}

fn is_active_member(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: AccountId,
) -> Result<bool, ProvisioningError> {
    let is_active = accounts::find(tx, account)?.is_some_and(|found| found.state == AccountState::Active);
    let membership = memberships::find(tx, account, organization)?;
    Ok(is_active && membership.is_some_and(|membership| membership.is_active()))
}

/// Whether the person of a user may sign in here. The user shows it, except one whose client has removed `active`: that
/// takes no access, so that it must not take the person out of the brake's sight either.
fn may_sign_in(tx: &mut Tx<'_>, organization: OrganizationId, row: &ResourceRow) -> Result<bool, ProvisioningError> {
    match (row.active, row.account_id) {
        (Some(shown), _) => Ok(shown),
        (None, Some(account)) => is_active_member(tx, organization, account),
        (None, None) => Ok(false),
    }
}

/// What the client asked for. What a user shows is whether the person may sign in, which differs for somebody who has not
/// joined (rules E30 and E33): a client that asks for the same again changes nothing.
pub(super) fn asked_active(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    row: &ResourceRow,
) -> Result<Option<bool>, ProvisioningError> {
    match (row.active, row.account_id) {
        (Some(false), Some(account)) => {
            let membership = memberships::find(tx, account, organization)?;
            Ok(Some(membership.is_some_and(|membership| membership.is_active())))
        }
        (Some(false), None) => Ok(Some(case_of(tx, organization, row)?.asked == MembershipStatus::Active)),
        (shown, _) => Ok(shown),
    }
}

/// Does what a changed user means for the person. `asked` is what the client asked for before, `profile` is there when the
/// document differs. The answer is what the user shows from now on.
pub(super) fn change(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    (row, asked): (&ResourceRow, Option<bool>),
    active: Option<bool>,
    profile: Option<&Profile>,
) -> Result<Option<bool>, ProvisioningError> {
    let Some(account) = row.account_id else { return change_waiting(tx, op, organization, row, active, profile) };
    let mut shown = row.active;
    if asked != active {
        let admitted = if active == Some(false) && may_sign_in(tx, organization, row)? {
            Some(brake::admit(tx, op, organization, row.id, Removal::Deactivate)?)
        } else {
            None
        };
        shown = set_active(tx, op, organization, account, active)?;
        if let Some(admitted) = admitted {
            brake::count(tx, organization, admitted)?;
        }
    }
    if let Some(profile) = profile
        && accounts::update_profile(tx, op, organization, account, profile).map_err(vanished)? == ProfileChange::Joined
    {
        shown = active;
    }
    Ok(shown)
}

/// The same for a user who waits: what is asked for is written down, and another address is looked at anew.
fn change_waiting(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    row: &ResourceRow,
    active: Option<bool>,
    profile: Option<&Profile>,
) -> Result<Option<bool>, ProvisioningError> {
    let case = case_of(tx, organization, row)?;
    let asked = active.map_or(case.asked, MembershipStatus::of);
    if asked != case.asked {
        cases::ask(tx, op, organization, &case, asked)?;
    }
    let Some(profile) = profile.filter(|profile| profile.primary_address() != Some(&case.address)) else {
        return Ok(active.map(|_| false));
    };
    cases::close(tx, op, organization, row.id, CaseState::cancel)?;
    match arrive_unknown(tx, op, organization, row.id, (profile, asked))? {
        Some(arrived) => {
            arrived.hold(tx, op, organization, row.id)?;
            resources::set_account(tx, row.k, arrived.person.account)?;
            group_roles::evaluate_users(tx, op, organization, &[row.k])?;
            Ok(active.map(|_| arrived.person.may_sign_in))
        }
        None => {
            wait(tx, op, organization, row.id, profile, asked)?;
            Ok(active.map(|_| false))
        }
    }
}

/// The user is removed: the membership ends (decision Q19), or the waiting. The user goes last, so that one who may not go
/// stays whole also where the caller goes on.
pub(super) fn leave(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    row: &ResourceRow,
) -> Result<(), ProvisioningError> {
    if may_sign_in(tx, organization, row)? {
        let admitted = brake::admit(tx, op, organization, row.id, Removal::Delete)?;
        brake::count(tx, organization, admitted)?;
    }
    match row.account_id {
        Some(account) => match accounts::end_membership(tx, op, organization, account) {
            Ok(()) | Err(AccountError::NotFound) => {}
            Err(AccountError::LastOwner) => return Err(last_owner()),
            Err(AccountError::Store(error)) => return Err(error.into()),
        },
        None => {
            cases::close(tx, op, organization, row.id, CaseState::cancel)?;
            let detail = json!({ "state": "waiting" });
            audit::write(tx, op, Some(organization), Action::UserDeleted, &subject(row), &detail)?;
        }
    }
    containing_groups::leave(tx, op, organization, row.k)?;
    resources::delete(tx, organization, row.k)?;
    Ok(())
}

/// Looks at an open case again. Whose address is free by now gets the account that the directory asked for; tells whether
/// that was so. The gateway does that by itself, which is never braked.
pub fn review(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    case: &Case,
) -> Result<bool, ProvisioningError> {
    let Some(row) = resource_locks::find_for_update(tx, organization, ResourceKind::User, case.user)? else {
        cases::close(tx, op, organization, case.user, CaseState::cancel)?;
        return Ok(false);
    };
    let Some(case) = cases::find_open(tx, organization, case.user)? else { return Ok(false) };
    let profile = user_profile::of_stored(&resource::parse(&row.document)?);
    let Some(arrived) = arrive_unknown(tx, op, organization, row.id, (&profile, case.asked))? else { return Ok(false) };
    let Provisioned { account, may_sign_in, .. } = arrived.person;
    resources::set_account(tx, row.k, account)?;
    group_roles::evaluate_users(tx, op, organization, &[row.k])?;
    scim_events::show_access(tx, op, organization, account, may_sign_in)?;
    cases::close(tx, op, organization, row.id, CaseState::finish)?;
    Ok(true)
}

/// Whom an entry of the log is about.
pub(super) fn subject(row: &ResourceRow) -> Subject {
    match row.account_id {
        Some(account) => Subject::new("account", account),
        None => Subject::new("user", row.id),
    }
}

fn case_of(tx: &mut Tx<'_>, organization: OrganizationId, row: &ResourceRow) -> Result<Case, ProvisioningError> {
    let case = cases::find_open(tx, organization, row.id)?;
    Ok(case.ok_or(StoreError::Inconsistent("resources.account_id"))?)
}

/// Gives or takes access as `active` says; both change nothing when it is so already. A client that removes `active`
/// says neither, and what is stays: a removal must not let somebody in again. The answer is what the user shows from now
/// on.
fn set_active(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
    active: Option<bool>,
) -> Result<Option<bool>, ProvisioningError> {
    match active {
        Some(true) => Ok(Some(accounts::reactivate(tx, op, organization, account).map_err(vanished)?)),
        Some(false) => {
            accounts::deactivate(tx, op, organization, account).map_err(vanished)?;
            Ok(Some(false))
        }
        None => Ok(None),
    }
}

fn vanished(error: AccountError) -> ProvisioningError {
    match error {
        AccountError::NotFound => StoreError::Inconsistent("resources.account_id").into(),
        AccountError::LastOwner => last_owner(),
        AccountError::Store(error) => error.into(),
    }
}

/// RFC 7644 has no code for it; `mutability` is the one for a change that the resource does not allow.
fn last_owner() -> ProvisioningError {
    let detail = "the user is the organization's last active owner and cannot be deactivated or removed; \
                  give it another owner first";
    ScimError::mutability(detail).into()
}

#[cfg(test)]
mod tests;
