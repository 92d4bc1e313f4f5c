//! Admin tokens: how operators and organizations' administrators use the API.

use serde_json::json;

use super::accounts;
use super::accounts::state::AccountState;
use super::memberships;
use super::organizations;
use super::permission::{self, Denied, Permission};
use super::room::{self, TooMany};
use crate::record::audit::{self, Action, Subject};
use crate::store::Tx;
use crate::store::admin_tokens::{self as rows, AdminTokenRow};
use crate::store::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, AdminTokenId, OrganizationId};
use crate::values::operation::{Actor, Operation, Role};
use crate::values::page::{Page, PageRequest};
use crate::values::quota::Quota;
use crate::values::secret::{self, Secret, TokenHash};

/// What an admin token begins with, so that a leaked one can be recognised.
pub const PREFIX: &str = "cw_admin_";
/// The longest life of a token.
pub const MAX_TTL_SECONDS: i64 = 366 * 24 * 3600;
/// How many tokens may stand between one and the first that was not made with another: all of them are looked at whenever
/// it is presented.
pub const MAX_GENERATIONS: usize = 8;
/// Uses are noted at most this often.
const TOUCH_SECONDS: i64 = 60;
/// The role column of an operator's token.
const OPERATOR: &str = "operator";

/// A token as its organization sees it: never the token itself.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct AdminToken {
    pub id: AdminTokenId,
    pub name: String,
    pub role: Role,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// A token of the operators as they see it: never the token itself.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct OperatorToken {
    pub id: AdminTokenId,
    pub name: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// What a new token is for.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// A name that tells its holder's tokens apart.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// For how long, 1 second to [`MAX_TTL_SECONDS`]. One that an administrator makes ends with theirs at the latest.
    pub ttl_seconds: i64,
    /// The administrator it belongs to, if it belongs to one. One that an administrator makes belongs to whom theirs does,
    /// whatever stands here.
    pub account: Option<AccountId>,
}

/// Why a token could not be created or revoked.
#[derive(Debug, thiserror::Error)]
pub enum AdminTokenError {
    /// There is no such live token in this organization.
    #[error("no such token")]
    NotFound,
    /// The role cannot be held by a token, or is above the creator's own.
    #[error("this role cannot be given")]
    RoleNotGivable,
    /// There are [`MAX_GENERATIONS`] tokens behind the one that was presented.
    #[error("a token that descends from so many others cannot make one")]
    TooManyGenerations,
    /// The name is empty, too long or holds a control character.
    #[error("a name has 1 to 200 characters and no control characters")]
    InvalidName,
    /// The lifetime is out of bounds.
    #[error("a token lives from 1 second to 366 days")]
    InvalidTtl,
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

/// Creates a token of an organization. The token is shown this once. One that an administrator makes is a child of theirs: it
/// belongs to the same account, has no higher role, ends no later, and opens nothing once theirs is revoked or the
/// account is switched off. One that the operator makes stands alone.
pub fn create(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    new: &NewToken,
    quota: &Quota,
) -> Result<(AdminToken, Secret), AdminTokenError> {
    permission::require(op, organization, Permission::ManageAdminTokens)?;
    let is_above_creator =
        new.role == Role::Owner && matches!(op.actor, Actor::Admin { role, .. } if role != Role::Owner);
    if new.role == Role::Member || is_above_creator {
        return Err(AdminTokenError::RoleNotGivable);
    }
    let creator = match op.actor {
        Actor::Admin { token, .. } => Some(creator(tx, token)?),
        _ => None,
    };
    let count = |tx: &mut Tx<'_>| rows::count_live(tx, organization, op.at);
    room::require::<AdminTokenError>(tx, organization, quota.admin_tokens, count)?;
    let (mut row, token) = new_row(op, Some(organization), &new.name, new.role.as_str(), new.ttl_seconds)?;
    row.account_id = new.account;
    if let Some(creator) = creator {
        row.account_id = creator.account_id;
        row.expires_at = row.expires_at.min(creator.expires_at);
        row.parent_id = Some(creator.id);
    }
    rows::insert(tx, &row)?;
    let detail = json!({ "name": row.name, "role": row.role, "account": row.account_id, "made_with": row.parent_id });
    let subject = Subject::new("admin_token", row.id);
    audit::write(tx, op, Some(organization), Action::AdminTokenCreated, &subject, &detail)?;
    Ok((from_row(row)?, token))
}

/// The token that is presented to make another, if it may.
fn creator(tx: &mut Tx<'_>, id: AdminTokenId) -> Result<AdminTokenRow, AdminTokenError> {
    let creator = rows::find(tx, id)?.ok_or(AdminTokenError::NotFound)?;
    let mut ancestor = creator.parent_id;
    for _ in 1..MAX_GENERATIONS {
        let Some(id) = ancestor else { return Ok(creator) };
        ancestor = rows::find(tx, id)?.and_then(|row| row.parent_id);
    }
    Err(AdminTokenError::TooManyGenerations)
}

/// Creates a token of the operator. Only the command line and the operator may.
pub fn create_for_operator(
    tx: &mut Tx<'_>,
    op: &Operation,
    name: &str,
    ttl_seconds: i64,
) -> Result<Secret, AdminTokenError> {
    permission::require_operator(op)?;
    let (row, token) = new_row(op, None, name, OPERATOR, ttl_seconds)?;
    rows::insert(tx, &row)?;
    let subject = Subject::new("admin_token", row.id);
    audit::write(tx, op, None, Action::AdminTokenCreated, &subject, &json!({ "name": name, "role": OPERATOR }))?;
    Ok(token)
}

/// The tokens of an organization.
pub fn page(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    request: &PageRequest<AdminTokenId>,
) -> Result<Page<AdminToken, AdminTokenId>, AdminTokenError> {
    permission::require(op, organization, Permission::ManageAdminTokens)?;
    let found = rows::page(tx, organization, request)?.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(found, request, |token| token.id))
}

/// Revokes a token: it opens nothing from this commit on.
pub fn revoke(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: AdminTokenId,
) -> Result<(), AdminTokenError> {
    permission::require(op, organization, Permission::ManageAdminTokens)?;
    if !rows::revoke(tx, organization, id, op.at)? {
        return Err(AdminTokenError::NotFound);
    }
    let subject = Subject::new("admin_token", id);
    audit::write(tx, op, Some(organization), Action::AdminTokenRevoked, &subject, &json!({}))?;
    Ok(())
}

/// The tokens of the operators.
pub fn page_of_operators(
    tx: &mut Tx<'_>,
    op: &Operation,
    request: &PageRequest<AdminTokenId>,
) -> Result<Page<OperatorToken, AdminTokenId>, AdminTokenError> {
    permission::require_operator(op)?;
    let found = rows::page_of_operators(tx, request)?.into_iter().map(operator_token).collect();
    Ok(Page::cut(found, request, |token| token.id))
}

/// Revokes a token of the operators, one's own included: it opens nothing from this commit on.
pub fn revoke_of_operators(tx: &mut Tx<'_>, op: &Operation, id: AdminTokenId) -> Result<(), AdminTokenError> {
    permission::require_operator(op)?;
    if !rows::revoke_of_operators(tx, id, op.at)? {
        return Err(AdminTokenError::NotFound);
    }
    let subject = Subject::new("admin_token", id);
    audit::write(tx, op, None, Action::AdminTokenRevoked, &subject, &json!({ "role": OPERATOR }))?;
    Ok(())
}

/// Who presents `token`, if it is live. The row is found by hash, so time tells nothing about other tokens.
/// The token of an administrator is live only as long as they are an active member of the organization, and as long as
/// every token that it was made with is.
/// The flag says whether the use is worth noting with [`touch`].
pub fn authenticate(tx: &mut Tx<'_>, token: &str, now: Timestamp) -> Result<Option<(Actor, bool)>, StoreError> {
    let Some(row) = rows::find_by_hash(tx, TokenHash::of(token).as_bytes())? else { return Ok(None) };
    if !is_unbroken(tx, &row, now)? {
        return Ok(None);
    }
    if let (Some(organization), Some(account)) = (row.org_id, row.account_id)
        && !is_active_member(tx, organization, account)?
    {
        return Ok(None);
    }
    let is_stale = row.last_used_at.is_none_or(|at| at.plus_seconds(TOUCH_SECONDS) <= now);
    let actor = match (row.org_id, row.role.as_str()) {
        (None, OPERATOR) => Actor::Operator { token: Some(row.id) },
        (Some(organization), role) => {
            let role = Role::parse(role).ok_or(StoreError::Inconsistent("admin_tokens.role"))?;
            Actor::Admin { organization, role, token: row.id }
        }
        (None, _) => return Err(StoreError::Inconsistent("admin_tokens.role")),
    };
    Ok(Some((actor, is_stale)))
}

/// True when neither the token nor one that it was made with is revoked or has expired.
fn is_unbroken(tx: &mut Tx<'_>, row: &AdminTokenRow, now: Timestamp) -> Result<bool, StoreError> {
    let is_over = |row: &AdminTokenRow| row.revoked_at.is_some() || row.expires_at <= now;
    if is_over(row) {
        return Ok(false);
    }
    let mut ancestor = row.parent_id;
    for _ in 0..MAX_GENERATIONS {
        let Some(id) = ancestor else { return Ok(true) };
        match rows::find(tx, id)? {
            Some(found) if !is_over(&found) => ancestor = found.parent_id,
            Some(_) | None => return Ok(false),
        }
    }
    Ok(ancestor.is_none())
}

fn is_active_member(tx: &mut Tx<'_>, organization: OrganizationId, account: AccountId) -> Result<bool, StoreError> {
    let is_active = accounts::find(tx, account)?.is_some_and(|account| account.state == AccountState::Active);
    let membership = memberships::find(tx, account, organization)?;
    Ok(is_active && membership.is_some_and(|membership| membership.is_active()))
}

/// Notes that a token was used.
pub fn touch(tx: &mut Tx<'_>, id: AdminTokenId, at: Timestamp) -> Result<(), StoreError> {
    rows::touch(tx, id, at)
}

fn new_row(
    op: &Operation,
    organization: Option<OrganizationId>,
    name: &str,
    role: &str,
    ttl_seconds: i64,
) -> Result<(AdminTokenRow, Secret), AdminTokenError> {
    if !(1..=MAX_TTL_SECONDS).contains(&ttl_seconds) {
        return Err(AdminTokenError::InvalidTtl);
    }
    let name = organizations::checked_name(name).map_err(|_| AdminTokenError::InvalidName)?;
    let token = secret::new_token(PREFIX, &op.entropy);
    let row = AdminTokenRow {
        id: op.new_id(),
        org_id: organization,
        account_id: None,
        name,
        role: role.to_owned(),
        token_hash: TokenHash::of(token.expose()).as_bytes().to_vec(),
        created_at: op.at,
        expires_at: op.at.plus_seconds(ttl_seconds),
        last_used_at: None,
        revoked_at: None,
        parent_id: None,
    };
    Ok((row, token))
}

fn operator_token(row: AdminTokenRow) -> OperatorToken {
    OperatorToken {
        id: row.id,
        name: row.name,
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
    }
}

fn from_row(row: AdminTokenRow) -> Result<AdminToken, StoreError> {
    Ok(AdminToken {
        id: row.id,
        name: row.name,
        role: Role::parse(&row.role).ok_or(StoreError::Inconsistent("admin_tokens.role"))?,
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
    })
}

#[cfg(test)]
mod tests;
