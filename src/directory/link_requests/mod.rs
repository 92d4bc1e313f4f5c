//! Asking a person whether a subject of a connection is them, before it is linked to their account: the linking rule `ask`.
//!
//! The proof is the mailbox that the organization already answers for, by a link that is bound to the connection, the
//! subject and the account (CVE-2026-9087: a proof for one subject is none for another), works once and for an hour. The
//! token is made when the mail is, so the queue never holds it. Nothing is linked before the person's yes. Whether the mailbox
//! is enough is `access::link_answers`' to say (decision 0040).

use serde_json::json;

use crate::directory::accounts::state::AccountState;
use crate::directory::accounts::{self, Account};
use crate::directory::connection_policy::{self, LinkingRule};
use crate::directory::connections::{self, Connection, ConnectionState};
use crate::directory::linking;
use crate::directory::memberships;
use crate::directory::organizations::{self, Organization};
use crate::record::audit::{self, Action, Subject};
use crate::record::jobs::{self, Job};
use crate::store::constraint::Constraint;
use crate::store::domains::Owned;
use crate::store::failure::StoreError;
use crate::store::identities::{self, IdentityRow};
use crate::store::link_requests::{self as rows, LinkRequestRow};
use crate::store::{Tx, domains, memberships as membership_rows};
use crate::values::clock::Timestamp;
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, ConnectionId, IdentityId, LinkRequestId, OrganizationId};
use crate::values::operation::{Actor, Operation};
use crate::values::secret::{Secret, TokenHash, new_token};

/// What a token begins with, so that a leaked one can be recognised.
pub const PREFIX: &str = "cw_link_";
/// How long a link works.
const TTL_SECONDS: i64 = 3_600;
/// A second mail about the same is not sent before so long.
const PAUSE_SECONDS: i64 = 600;
/// So many questions a connection puts to one person within an hour, whatever subjects its provider makes up.
const MOST_AN_HOUR: i64 = 5;

/// What a mail needs.
#[derive(Debug, Clone)]
pub struct LinkLetter {
    /// Whom it goes to.
    pub address: EmailAddress,
    /// Whose connection it is.
    pub organization: Organization,
    /// The name of the connection.
    pub connection: String,
    /// The token of the link.
    pub token: Secret,
    /// Until when the link works.
    pub expires_at: Timestamp,
}

/// What a link leads to.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The address of the account.
    pub address: String,
    /// The connection.
    pub connection: Connection,
    /// Whose it is.
    pub organization: Organization,
    row: LinkRequestRow,
}

/// By what somebody has said yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaidBy {
    /// By the mail alone: the account has nothing else to prove itself by.
    Mailbox,
    /// By the mail, and by credentials of the account's own.
    OwnCredentials,
}

impl SaidBy {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Mailbox => "mail",
            Self::OwnCredentials => "own_credentials",
        }
    }
}

impl Opened {
    /// The account that it asks about.
    pub const fn account(&self) -> AccountId {
        self.row.account_id
    }
}

/// Why a link does not work.
#[derive(Debug, thiserror::Error)]
pub enum LinkRequestError {
    /// No such link, or it was used or replaced, has expired, or what it asks about is not so any more.
    #[error("the link does not work, or no longer")]
    Dead,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Asks the person of `account`, unless they were asked a moment ago or very often. False when they have no mailbox that can be trusted.
pub(super) fn ask(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    (connection, subject): (ConnectionId, &str),
    account: &Account,
) -> Result<bool, StoreError> {
    let Some(address) = trusted_address(tx, organization, account)? else { return Ok(false) };
    let asked = rows::about(tx, connection, subject, account.id)?;
    if asked.is_some_and(|asked| asked.asked_at.plus_seconds(PAUSE_SECONDS) > op.at && asked.expires_at > op.at) {
        return Ok(true);
    }
    if rows::count_asked_since(tx, connection, account.id, op.at.plus_seconds(-3_600))? >= MOST_AN_HOUR {
        return Ok(true);
    }
    let row = LinkRequestRow {
        id: op.new_id(),
        org_id: organization,
        connection_id: connection,
        subject: subject.to_owned(),
        account_id: account.id,
        address: address.as_str().to_owned(),
        state: "open".to_owned(),
        token_hash: None,
        asked_at: op.at,
        expires_at: op.at.plus_seconds(TTL_SECONDS),
    };
    rows::put(tx, &row)?;
    let detail = json!({ "connection": connection });
    let about = Subject::new("account", account.id);
    audit::write(tx, op, Some(organization), Action::LinkAsked, &about, &detail)?;
    jobs::enqueue(tx, op, &Job::SendLinkRequest { organization, request: row.id }, op.at)?;
    Ok(true)
}

/// The primary address of an account, if its mailbox can be trusted to be the person's: it is confirmed, or in a domain of the
/// organization.
fn trusted_address(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: &Account,
) -> Result<Option<EmailAddress>, StoreError> {
    let Some(address) = account.profile.primary_address() else { return Ok(None) };
    let domain = address.domain().as_str();
    // Nobody is linked anew by an address in a domain that has lapsed, whoever had confirmed it before.
    if domains::is_lapsed(tx, organization, domain)? {
        return Ok(None);
    }
    let is_trusted =
        account.address_verified_at.is_some() || domains::is_owner(tx, organization, domain, Owned::Trusted)?;
    Ok(is_trusted.then(|| address.clone()))
}

/// A fresh link for a question that is open; a link that was made before stops working. `None` when there is nothing to
/// send any more.
pub fn write_letter(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: LinkRequestId,
) -> Result<Option<LinkLetter>, StoreError> {
    let Some(row) = rows::find(tx, organization, id)? else { return Ok(None) };
    let Some(connection) = connections::find(tx, row.connection_id)? else { return Ok(None) };
    let Some(organization) = organizations::find(tx, organization)? else { return Ok(None) };
    let token = new_token(PREFIX, &op.entropy);
    if !rows::set_token(tx, id, &TokenHash::of(token.expose()), op.at)? {
        return Ok(None);
    }
    let address = row.address.parse().map_err(|_| StoreError::Inconsistent("link_requests.address"))?;
    Ok(Some(LinkLetter { address, organization, connection: connection.name, token, expires_at: row.expires_at }))
}

/// Looks at a link without using it up.
pub fn look(tx: &mut Tx<'_>, op: &Operation, token: &str) -> Result<Opened, LinkRequestError> {
    let row = rows::find_by_token(tx, &TokenHash::of(token))?.ok_or(LinkRequestError::Dead)?;
    if row.state != "open" || row.expires_at <= op.at {
        return Err(LinkRequestError::Dead);
    }
    let connection = connections::find(tx, row.connection_id)?.ok_or(LinkRequestError::Dead)?;
    let policy = connection_policy::of(tx, row.org_id, connection.id, connection.matching.by)?;
    if connection.state != ConnectionState::Active || policy.linking != LinkingRule::Ask {
        return Err(LinkRequestError::Dead);
    }
    let organization = organizations::find(tx, row.org_id)?.ok_or(LinkRequestError::Dead)?;
    Ok(Opened { address: row.address.clone(), connection, organization, row })
}

/// The person says yes: the subject is theirs from now on. On an error the caller rolls the transaction back, so that the
/// link is not used up. Whether `by` is enough is for the caller to have looked at in this transaction.
pub fn accept(tx: &mut Tx<'_>, op: &Operation, token: &str, by: SaidBy) -> Result<Opened, LinkRequestError> {
    let opened = look(tx, op, token)?;
    let row = &opened.row;
    // The end of a membership takes its identities along; one that is linked at the same moment must not stay behind.
    membership_rows::lock(tx, row.account_id, row.org_id)?;
    let account = accounts::find(tx, row.account_id)?.ok_or(LinkRequestError::Dead)?;
    let membership = memberships::find(tx, row.account_id, row.org_id)?.ok_or(LinkRequestError::Dead)?;
    let is_asked = trusted_address(tx, row.org_id, &account)?.is_some_and(|address| address.as_str() == row.address);
    if account.state != AccountState::Active || !membership.is_active() || !is_asked {
        return Err(LinkRequestError::Dead);
    }
    if !rows::consume(tx, &TokenHash::of(token), op.at)? {
        return Err(LinkRequestError::Dead);
    }
    let op = &op.by(Actor::Person { account: account.id });
    let identity: IdentityId = op.new_id();
    let new = IdentityRow {
        id: identity,
        org_id: row.org_id,
        connection_id: row.connection_id,
        subject: row.subject.clone(),
        account_id: account.id,
        created_at: op.at,
        last_sign_in_at: op.at,
    };
    let is_new = identities::insert_if_new(tx, &new).map_err(|error| match error {
        StoreError::Conflict(Constraint::IdentityAccount) => LinkRequestError::Dead,
        other => other.into(),
    })?;
    if !is_new {
        return Err(LinkRequestError::Dead);
    }
    let detail = json!({ "connection": row.connection_id, "account": account.id, "by": by.as_str() });
    let about = Subject::new("identity", identity);
    audit::write(tx, op, Some(row.org_id), Action::IdentityLinked, &about, &detail)?;
    linking::tell(tx, op, account.id)?;
    Ok(opened)
}

#[cfg(test)]
mod tests;
