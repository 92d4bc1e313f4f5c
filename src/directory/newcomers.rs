//! Somebody signs in who has no account: the connection makes one, where its policy says so (rule E32).
//!
//! Refuses whoever is there already in any way, so that nobody gets a second account: a member with the address, whom the
//! connection's linking rule did not lead to, and anybody outside who has the address (rule E33). An account that was made
//! here and is then pushed by a directory is the same one: `provisioning::person` takes it over by its address.

use serde_json::json;

use super::accounts::{self, Account, AccountError, Ownership};
use super::cases;
use super::connection_policy::ConnectionPolicy;
use super::linking::{Assertion, LinkingError};
use super::memberships::MembershipStatus;
use super::profile::Profile;
use crate::record::audit::{self, Action, Subject};
use crate::store::resources::ResourceKind;
use crate::store::{Tx, memberships as membership_rows, newcomer_counts, resource_counts, resources};
use crate::values::email::EmailAddress;
use crate::values::folding;
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::{Operation, Role};

/// The longest name that is taken over, in characters.
const MAX_NAME: usize = 200;

/// Makes the account. Its address is the asserted one, which lies in the organization's own domain.
pub(super) fn provision(
    tx: &mut Tx<'_>,
    op: &Operation,
    asserted: &Assertion<'_>,
    policy: &ConnectionPolicy,
) -> Result<AccountId, LinkingError> {
    let address = asserted.address.ok_or(LinkingError::AddressMissing)?;
    if !asserted.is_address_verified {
        return Err(LinkingError::AddressUnverified);
    }
    let organization = asserted.organization;
    require_room(tx, organization, asserted.most_people)?;
    if cases::is_outside(tx, organization, address)? {
        return Err(LinkingError::AddressTaken);
    }
    let profile = named(&Profile { addresses: vec![address.clone()], ..Profile::default() }, asserted);
    let account = accounts::provision(tx, op, organization, &profile, MembershipStatus::Active)?.account;
    if policy.default_role != Role::Member {
        membership_rows::update_role(tx, account, organization, policy.default_role.as_str(), None, op.at)?;
        let detail = json!({ "from": Role::Member.as_str(), "to": policy.default_role.as_str(), "by": "connection" });
        audit::write(tx, op, Some(organization), Action::UserRoleChanged, &Subject::new("account", account), &detail)?;
    }
    newcomer_counts::count(tx, organization)?;
    Ok(account)
}

/// Refuses one more when as many were pushed and made as the organization may have. Nothing is locked: of those who come for the
/// last places at once, some more may be let in. Somebody who was made here and is pushed later counts twice.
fn require_room(tx: &mut Tx<'_>, organization: OrganizationId, most: u32) -> Result<(), LinkingError> {
    let pushed = resource_counts::total(tx, organization, ResourceKind::User)?;
    let made = newcomer_counts::total(tx, organization)?;
    if pushed.saturating_add(made) >= i64::from(most) { Err(LinkingError::Full) } else { Ok(()) }
}

/// Refuses when somebody of the organization has the address: they are not somebody new.
pub(super) fn require_unknown(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    address: Option<&EmailAddress>,
) -> Result<(), LinkingError> {
    let Some(address) = address else { return Ok(()) };
    let known = membership_rows::members_with_address(tx, organization, address.as_str())?;
    if known.is_empty() { Ok(()) } else { Err(LinkingError::LinkingOff) }
}

/// Writes the names that the provider gave at this sign-in, for somebody whom no directory pushes. Addresses are never
/// changed by a sign-in.
pub(super) fn refresh(
    tx: &mut Tx<'_>,
    op: &Operation,
    asserted: &Assertion<'_>,
    account: &Account,
) -> Result<(), LinkingError> {
    let organization = asserted.organization;
    let profile = named(&account.profile, asserted);
    if profile == account.profile
        || account.ownership != Ownership::Organization
        || resources::of_account(tx, organization, account.id)?.is_some()
    {
        return Ok(());
    }
    accounts::update_profile(tx, op, organization, account.id, &profile).map_err(|error| match error {
        AccountError::NotFound | AccountError::LastOwner => LinkingError::Inactive,
        AccountError::Store(error) => error.into(),
    })?;
    let (subject, detail) = (Subject::new("account", account.id), json!({ "connection": asserted.connection }));
    Ok(audit::write(tx, op, Some(organization), Action::UserUpdated, &subject, &detail)?)
}

fn named(profile: &Profile, asserted: &Assertion<'_>) -> Profile {
    let or = |name: Option<&str>, known: &Option<String>| sound(name).or_else(|| known.clone());
    Profile {
        display_name: or(asserted.names.display, &profile.display_name),
        given_name: or(asserted.names.given, &profile.given_name),
        family_name: or(asserted.names.family, &profile.family_name),
        ..profile.clone()
    }
}

fn sound(name: Option<&str>) -> Option<String> {
    let name = name?.trim();
    let is_sound = !name.is_empty() && name.chars().count() <= MAX_NAME && folding::check_name(name).is_ok();
    is_sound.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::sound;

    #[test]
    fn a_name_that_is_none_is_not_taken_over() {
        assert_eq!(sound(Some(" Ada ")).as_deref(), Some("Ada"));
        for bad in [None, Some(""), Some("  "), Some("a\u{0}b"), Some(&*"x".repeat(201))] {
            assert_eq!(sound(bad), None, "{bad:?}");
        }
    }
}
