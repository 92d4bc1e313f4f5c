//! People who signed out here and are on their way to their SAML provider, to be signed out there as well.
//!
//! Their session here has ended before: what comes back decides only what they are told, and whether they go on to the
//! application by themselves. An answer counts for the request that it answers, once; what it says is shown in the browser
//! that left with that request, and nowhere else.

use crate::protocol::saml::logout::response::{Answer, LogoutResponse};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::sign_outs::{self as rows, SignOutRow};
use crate::values::ids::{ConnectionId, OrganizationId};
use crate::values::operation::Operation;
use crate::values::secret::{Secret, TokenHash, new_token};

/// How long a provider may take.
const TTL_SECONDS: i64 = 600;

/// Whose browser leaves, and where it goes in the end.
#[derive(Debug, Clone)]
pub struct Leaving {
    /// The browser's binding, which its cookie holds.
    pub binding: Secret,
    /// A registered address of the application that asked.
    pub return_url: Option<String>,
}

/// What there is to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedOut {
    /// How far the provider came.
    pub answer: Answer,
    /// Where the person goes on to.
    pub return_url: Option<String>,
}

/// Somebody leaves with the request of this id. Returns the handle under which the answer is expected.
pub fn begin(
    tx: &mut Tx<'_>,
    op: &Operation,
    (organization, connection): (OrganizationId, ConnectionId),
    request_id: &str,
    leaving: &Leaving,
) -> Result<Secret, StoreError> {
    let handle = new_token("", &op.entropy);
    rows::insert(
        tx,
        &SignOutRow {
            handle_hash: TokenHash::of(handle.expose()).as_bytes().to_vec(),
            org_id: organization,
            connection_id: connection,
            request_id: request_id.to_owned(),
            binding_hash: TokenHash::of(leaving.binding.expose()).as_bytes().to_vec(),
            return_url: leaving.return_url.clone(),
            answer: None,
            expires_at: op.at.plus_seconds(TTL_SECONDS),
        },
    )?;
    Ok(handle)
}

/// Keeps what the provider answered. False when nobody waits for it.
pub fn settle(
    tx: &mut Tx<'_>,
    op: &Operation,
    asked: (OrganizationId, ConnectionId),
    handle: &str,
    response: &LogoutResponse,
) -> Result<bool, StoreError> {
    rows::answer(tx, &TokenHash::of(handle), asked, &response.in_response_to, response.answer.as_str(), op.at)
}

/// What there is to tell in this browser. Looking again tells the same.
pub fn find(
    tx: &mut Tx<'_>,
    op: &Operation,
    handle: &Secret,
    binding: &Secret,
) -> Result<Option<SignedOut>, StoreError> {
    let (handle, binding) = (TokenHash::of(handle.expose()), TokenHash::of(binding.expose()));
    let Some(row) = rows::find_answered(tx, &handle, &binding, op.at)? else { return Ok(None) };
    let answer = row.answer.as_deref().and_then(Answer::parse).ok_or(StoreError::Inconsistent("sign_outs.answer"))?;
    Ok(Some(SignedOut { answer, return_url: row.return_url }))
}
