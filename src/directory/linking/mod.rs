//! Which account an identity provider speaks of.
//!
//! The key of an identity is (connection, subject). Only a first link is proposed by something else, if the connection's
//! linking rule allows it at all (`connection_policy`): the address, or the user name or external id that the organization's
//! directory has pushed. It is proposed to a member of the organization that owns the connection, and an address that is
//! asserted lies in a domain that the same organization has verified (invariant 13); in one that has lapsed only those come who
//! are known. Somebody who is nobody's proposal may
//! get an account (`newcomers`). Everything else is refused, and a refusal creates nothing. No sign-in changes an address,
//! and no sign-in moves a subject to another account.

use serde_json::json;

use crate::directory::accounts::state::AccountState;
use crate::directory::accounts::{self, Account, AccountError, Ownership, joining};
use crate::directory::connection_policy::{self, ConnectionPolicy, LinkingRule};
use crate::directory::connection_roles;
use crate::directory::connection_route;
use crate::directory::link_requests;
use crate::directory::matching::MatchRule;
use crate::directory::memberships::{self, Membership, MembershipKind};
use crate::directory::newcomers;
use crate::record::audit::{self, Action, Subject};
use crate::record::jobs::{self, Job};
use crate::record::notice::PersonNotice;
use crate::store::constraint::Constraint;
use crate::store::domains::Owned;
use crate::store::failure::StoreError;
use crate::store::identities::{self, IdentityRow};
use crate::store::{Tx, accounts as account_rows, domains, memberships as membership_rows, resource_holders};
use crate::values::email::EmailAddress;
use crate::values::folding::{check_name, fold};
use crate::values::ids::{AccountId, ConnectionId, IdentityId, OrganizationId};
use crate::values::operation::Operation;

/// What an identity provider asserted about a person, whichever protocol said it.
#[derive(Debug, Clone)]
pub struct Assertion<'a> {
    /// The connection it came through.
    pub connection: ConnectionId,
    /// The organization that owns the connection.
    pub organization: OrganizationId,
    /// The provider's stable name for the person.
    pub subject: &'a str,
    /// The address it gave, if any.
    pub address: Option<&'a EmailAddress>,
    /// Whether it vouches for the address. A SAML provider does; an OpenID provider says so by `email_verified`.
    pub is_address_verified: bool,
    /// What of a SCIM user is compared, when the subject is seen for the first time.
    pub rule: MatchRule,
    /// What the provider said to be compared with a user name or an external id, if it did.
    pub matched: Option<&'a str>,
    /// What the person is called there.
    pub names: Names<'a>,
    /// The groups that they are in there.
    pub groups: &'a [String],
    /// So many people the organization may have; nobody new gets an account beyond.
    pub most_people: u32,
}

/// Names of a person, as far as a provider says them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'a> {
    /// The name to show.
    pub display: Option<&'a str>,
    /// The given name.
    pub given: Option<&'a str>,
    /// The family name.
    pub family: Option<&'a str>,
}

/// The account that was found, or linked just now.
#[derive(Debug, Clone)]
pub struct Linked {
    /// The account; it is active.
    pub account: Account,
    /// Its membership in the connection's organization; it is active.
    pub membership: Membership,
    /// The identity that points at it.
    pub identity: IdentityId,
    /// It does so from now on.
    pub is_new: bool,
}

/// Why nobody was linked. Each is a row of the administrator's log; the person sees whom to ask.
#[derive(Debug, thiserror::Error)]
pub enum LinkingError {
    /// The address lies outside the verified domains of the connection's organization.
    #[error("the address is outside the organization's verified domains")]
    AddressOutsideDomains,
    /// The subject is new, and the domain of the address has lapsed (decision Q15).
    #[error("the domain of the address has lapsed, and brings nobody new")]
    DomainLapsed,
    /// The subject is new and no address came with it.
    #[error("no address was asserted for a new subject")]
    AddressMissing,
    /// The subject is new and the provider did not say what the connection's linking rule compares.
    #[error("nothing was asserted that the linking rule compares")]
    NothingToMatch,
    /// The subject is new and the provider does not vouch for the address.
    #[error("the asserted address is not verified")]
    AddressUnverified,
    /// Nobody in the organization has this address.
    #[error("nobody with this address is provisioned")]
    NotProvisioned,
    /// The organization has as many people as it may have.
    #[error("the organization has as many people as it may have")]
    Full,
    /// Somebody in the organization has this address, and the connection's policy does not lead to them.
    #[error("the connection does not link its people to this account")]
    LinkingOff,
    /// The person was asked by mail whether it is them.
    #[error("the person has to confirm by mail that the account is theirs")]
    Asked,
    /// The connection is not for this person's groups.
    #[error("the connection is not for the groups of this account")]
    OtherConnection,
    /// More than one account of the organization has this address.
    #[error("the address is not unique in the organization")]
    Ambiguous,
    /// The account is already linked to another subject of this connection.
    #[error("the account is linked to another subject of this connection")]
    SubjectChanged,
    /// The address is verified for an account outside the organization.
    #[error("the address belongs to another account")]
    AddressTaken,
    /// The account or its membership is not active.
    #[error("the account is not active")]
    Inactive,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Finds the account of an assertion, linking it on the first sight of its subject.
pub fn resolve(tx: &mut Tx<'_>, op: &Operation, asserted: &Assertion<'_>) -> Result<Linked, LinkingError> {
    if let Some(address) = asserted.address
        && !domains::lock_owner_for_share(tx, asserted.organization, address.domain().as_str(), Owned::OrLapsed)?
    {
        return Err(LinkingError::AddressOutsideDomains);
    }
    let policy = connection_policy::of(tx, asserted.organization, asserted.connection, asserted.rule)?;
    let linked = match identities::find(tx, asserted.connection, asserted.subject)? {
        Some(identity) => known(tx, op, asserted, &policy, &identity)?,
        None => first_sight(tx, op, asserted, &policy)?,
    };
    connection_roles::apply(tx, op, asserted.connection, &linked.membership, asserted.groups)?;
    Ok(linked)
}

fn known(
    tx: &mut Tx<'_>,
    op: &Operation,
    asserted: &Assertion<'_>,
    policy: &ConnectionPolicy,
    identity: &IdentityRow,
) -> Result<Linked, LinkingError> {
    let (account, membership) = active(tx, asserted.organization, identity.account_id)?;
    require_admitted(tx, asserted, Some(account.id))?;
    identities::touch(tx, identity.id, op.at)?;
    if policy.provisions {
        newcomers::refresh(tx, op, asserted, &account)?;
    }
    let account = confirm_address(tx, op, asserted, account)?;
    Ok(Linked { account, membership, identity: identity.id, is_new: false })
}

/// The subject is new: an account that is there, or one that is made now.
fn first_sight(
    tx: &mut Tx<'_>,
    op: &Operation,
    asserted: &Assertion<'_>,
    policy: &ConnectionPolicy,
) -> Result<Linked, LinkingError> {
    if is_lapsed(tx, asserted)? {
        return Err(LinkingError::DomainLapsed);
    }
    if policy.provisions {
        // Two first sign-ins of one subject at once make one account. Before anything else is looked at: the one that waits
        // here meets the account that the other has made.
        identities::take_turn(tx, asserted.connection, asserted.subject)?;
        if let Some(identity) = identities::find(tx, asserted.connection, asserted.subject)? {
            return known(tx, op, asserted, policy, &identity);
        }
    }
    let found = match policy.linking {
        LinkingRule::Never => Vec::new(),
        LinkingRule::Subject | LinkingRule::VerifiedAddress | LinkingRule::Ask => candidates(tx, asserted)?,
    };
    match found.as_slice() {
        [account] if policy.linking == LinkingRule::Ask => Err(ask(tx, op, asserted, *account)?),
        [account] => {
            let linked = link(tx, op, asserted, policy, *account)?;
            if linked.is_new {
                tell(tx, op, *account)?;
            }
            Ok(linked)
        }
        [] => {
            if policy.provisions || policy.linking == LinkingRule::Never {
                newcomers::require_unknown(tx, asserted.organization, asserted.address)?;
            }
            if !policy.provisions {
                return Err(LinkingError::NotProvisioned);
            }
            require_admitted(tx, asserted, None)?;
            let account = newcomers::provision(tx, op, asserted, policy)?;
            link(tx, op, asserted, policy, account)
        }
        _ => Err(LinkingError::Ambiguous),
    }
}

/// True when the organization no longer answers for the asserted address, and only those whom the connection knows come by it.
fn is_lapsed(tx: &mut Tx<'_>, asserted: &Assertion<'_>) -> Result<bool, StoreError> {
    let Some(address) = asserted.address else { return Ok(false) };
    domains::is_lapsed(tx, asserted.organization, address.domain().as_str())
}

/// Asks the person of the account that was found; the answer is why nobody is linked yet.
fn ask(
    tx: &mut Tx<'_>,
    op: &Operation,
    asserted: &Assertion<'_>,
    account: AccountId,
) -> Result<LinkingError, LinkingError> {
    require_admitted(tx, asserted, Some(account))?;
    let (account, membership) = active(tx, asserted.organization, account)?;
    if identities::is_known(tx, asserted.connection, account.id)? {
        return Ok(LinkingError::SubjectChanged);
    }
    let is_own = account.ownership == Ownership::Organization && membership.kind == MembershipKind::Member;
    let about = (asserted.connection, asserted.subject);
    let is_asked = is_own && link_requests::ask(tx, op, asserted.organization, about, &account)?;
    Ok(if is_asked { LinkingError::Asked } else { LinkingError::LinkingOff })
}

fn require_admitted(tx: &mut Tx<'_>, asserted: &Assertion<'_>, account: Option<AccountId>) -> Result<(), LinkingError> {
    let is_admitted = connection_route::admits(tx, asserted.organization, asserted.connection, account)?;
    if is_admitted { Ok(()) } else { Err(LinkingError::OtherConnection) }
}

/// An address loses its verification when its domain loses its owner. Asserted anew for a known subject, in a domain that
/// the organization owns and that has not lapsed, it counts again, unless it is verified for somebody else by now.
fn confirm_address(
    tx: &mut Tx<'_>,
    op: &Operation,
    asserted: &Assertion<'_>,
    account: Account,
) -> Result<Account, LinkingError> {
    let Some(address) = asserted.address.filter(|_| asserted.is_address_verified) else { return Ok(account) };
    let is_due = account.address_verified_at.is_none() && account.profile.primary_address() == Some(address);
    if !is_due || is_lapsed(tx, asserted)? || account_rows::with_verified_address(tx, address.as_str())?.is_some() {
        return Ok(account);
    }
    mark_verified(tx, op, account.id, address)?;
    let detail = json!({ "connection": asserted.connection });
    let subject = Subject::new("account", account.id);
    audit::write(tx, op, Some(asserted.organization), Action::AddressVerified, &subject, &detail)?;
    Ok(accounts::find(tx, account.id)?.unwrap_or(account))
}

fn mark_verified(
    tx: &mut Tx<'_>,
    op: &Operation,
    account: AccountId,
    address: &EmailAddress,
) -> Result<(), LinkingError> {
    match account_rows::mark_verified(tx, account, address.as_str(), op.at) {
        Ok(_) => Ok(()),
        Err(StoreError::Conflict(Constraint::VerifiedAddress)) => Err(LinkingError::AddressTaken),
        Err(other) => Err(other.into()),
    }
}

fn link(
    tx: &mut Tx<'_>,
    op: &Operation,
    asserted: &Assertion<'_>,
    policy: &ConnectionPolicy,
    account: AccountId,
) -> Result<Linked, LinkingError> {
    require_admitted(tx, asserted, Some(account))?;
    // From here on nobody ends the membership, and nobody else links somebody by it.
    membership_rows::lock(tx, account, asserted.organization)?;
    // The domain may have been verified a moment ago, and the job that lets its people join not have come so far.
    joining::join_if_trusted(tx, op, asserted.organization, account).map_err(vanished)?;
    let (account, membership) = active(tx, asserted.organization, account)?;
    let is_own = account.ownership == Ownership::Organization && membership.kind == MembershipKind::Member;
    // The name that a directory gave somebody leads to an account of that organization only.
    if matches!(asserted.rule, MatchRule::UserName | MatchRule::ExternalId) && !is_own {
        return Err(LinkingError::NotProvisioned);
    }
    let Some(identity) = insert_identity(tx, op, asserted, account.id)? else {
        let identity = identities::find(tx, asserted.connection, asserted.subject)?;
        let identity = identity.ok_or(StoreError::Inconsistent("identities.subject"))?;
        return known(tx, op, asserted, policy, &identity);
    };
    let asserted_address = asserted.address.filter(|_| asserted.is_address_verified);
    let is_primary = asserted_address.is_some() && account.profile.primary_address() == asserted_address;
    if let Some(address) = asserted_address.filter(|_| asserted.rule == MatchRule::Email || is_primary) {
        mark_verified(tx, op, account.id, address)?;
    }
    let detail = json!({ "connection": asserted.connection, "account": account.id });
    let subject = Subject::new("identity", identity);
    audit::write(tx, op, Some(asserted.organization), Action::IdentityLinked, &subject, &detail)?;
    // Read again: the address is verified now.
    let (account, membership) = active(tx, asserted.organization, account.id)?;
    Ok(Linked { account, membership, identity, is_new: true })
}

/// Tells the person of an account that was there before that another way leads to it now.
pub(super) fn tell(tx: &mut Tx<'_>, op: &Operation, account: AccountId) -> Result<(), StoreError> {
    jobs::enqueue(tx, op, &Job::TellPerson { account, notice: PersonNotice::IdentityLinked, at: op.at }, op.at)
}

/// `None` when another sign-in of the same subject linked it a moment ago.
fn insert_identity(
    tx: &mut Tx<'_>,
    op: &Operation,
    asserted: &Assertion<'_>,
    account: AccountId,
) -> Result<Option<IdentityId>, LinkingError> {
    let row = IdentityRow {
        id: op.new_id(),
        org_id: asserted.organization,
        connection_id: asserted.connection,
        subject: asserted.subject.to_owned(),
        account_id: account,
        created_at: op.at,
        last_sign_in_at: op.at,
    };
    let is_new = identities::insert_if_new(tx, &row).map_err(|error| match error {
        StoreError::Conflict(Constraint::IdentityAccount) => LinkingError::SubjectChanged,
        other => other.into(),
    })?;
    Ok(is_new.then_some(row.id))
}

/// The accounts of the organization's own members that the connection's linking rule leads to; two are enough to know that
/// it is ambiguous.
fn candidates(tx: &mut Tx<'_>, asserted: &Assertion<'_>) -> Result<Vec<AccountId>, LinkingError> {
    let organization = asserted.organization;
    match asserted.rule {
        MatchRule::Email => {
            let address = asserted.address.ok_or(LinkingError::AddressMissing)?;
            if !asserted.is_address_verified {
                return Err(LinkingError::AddressUnverified);
            }
            Ok(membership_rows::members_with_address(tx, organization, address.as_str())?)
        }
        MatchRule::UserName => {
            let name = asserted.matched.filter(|name| check_name(name).is_ok()).ok_or(LinkingError::NothingToMatch)?;
            Ok(resource_holders::accounts_with_user_name(tx, organization, &fold(name))?)
        }
        // CVE-2025-41115: an external id is what the directory sent as one, and never an id of the gateway's own.
        MatchRule::ExternalId => {
            let id = asserted.matched.ok_or(LinkingError::NothingToMatch)?;
            Ok(resource_holders::accounts_with_external_id(tx, organization, id)?)
        }
    }
}

fn vanished(error: AccountError) -> LinkingError {
    match error {
        AccountError::NotFound | AccountError::LastOwner => LinkingError::Inactive,
        AccountError::Store(error) => error.into(),
    }
}

fn active(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: AccountId,
) -> Result<(Account, Membership), LinkingError> {
    let account = accounts::find(tx, account)?.ok_or(StoreError::Inconsistent("identities.account_id"))?;
    let membership = memberships::find(tx, account.id, organization)?.ok_or(LinkingError::Inactive)?;
    if account.state != AccountState::Active || !membership.is_active() {
        return Err(LinkingError::Inactive);
    }
    Ok((account, membership))
}

#[cfg(test)]
mod tests;
