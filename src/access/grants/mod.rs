//! What a person's session gives to an application: decides what an authorization request leads to, and issues the
//! code. A code is random, kept as a hash, lives a minute, and is bound to the application, the redirect URI, the
//! PKCE challenge, the session and the account.

use serde_json::json;

use crate::access::sessions::Session;
use crate::directory::applications::Application;
use crate::protocol::oidc::acr::satisfies;
use crate::protocol::oidc::authorization::{AuthorizationRequest, Prompt};
use crate::protocol::oidc::error::{ErrorCode, OAuthError};
use crate::protocol::oidc::scope::Scope;
use crate::record::audit::{self, Action, Subject};
use crate::store::Tx;
use crate::store::authorization_codes::{self, CodeRow};
use crate::store::failure::StoreError;
use crate::store::grants::{self, GrantRow};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, GrantId, OrganizationId};
use crate::values::operation::Operation;
use crate::values::secret::{Secret, TokenHash, new_token};

/// How long a grant with `offline_access` lives. Any other ends with its session.
pub const OFFLINE_SECONDS: i64 = 30 * 24 * 3600;

/// How long what is issued lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// An authorization code. IPSIE: at most 60 seconds.
    pub code_seconds: i64,
    /// An access token. What it opens is checked against the store as well, every time.
    pub access_token_seconds: i64,
    /// A refresh token that is not used.
    pub refresh_token_seconds: i64,
}

/// What an authorization request leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The session is good for it: issue a code.
    Issue,
    /// The person has to sign in, for the first time or again.
    SignIn,
    /// The session is good but for how the person proved themselves: they prove more, here or at the provider that signed them in,
    /// where that is possible, and sign in again where it is not.
    StepUp,
    /// The application is told why not.
    Refuse(OAuthError),
}

/// Decides what `request` of `application` leads to. `hinted` is the account that a verified `id_token_hint` names;
/// `Some(None)` is a hint that names nobody.
pub fn decide(
    request: &AuthorizationRequest,
    application: &Application,
    session: Option<&Session>,
    hinted: Option<Option<AccountId>>,
    now: Timestamp,
) -> Decision {
    let is_silent = request.prompt == Prompt::None;
    let must_sign_in = matches!(request.prompt, Prompt::Login | Prompt::SelectAccount);
    let suitable = session.filter(|session| {
        !must_sign_in
            && is_fresh(request, session, now)
            && is_application_open(application.organization, session.organization)
            && hinted.is_none_or(|hinted| hinted == Some(session.account))
    });
    let is_enough = |session: &Session| {
        request.acr_values.as_deref().is_none_or(|asked| satisfies(asked, &session.acr, &session.amr))
    };
    match suitable {
        Some(session) if is_enough(session) => Decision::Issue,
        Some(_) if !is_silent => Decision::StepUp,
        Some(_) | None if is_silent => {
            Decision::Refuse(OAuthError::new(ErrorCode::LoginRequired, "nobody suitable is signed in"))
        }
        Some(_) | None => Decision::SignIn,
    }
}

// max_age=0 is prompt=login (OpenID Connect Core 3.1.2.1 speaks of "elapsed time greater than this value"). Where the
// identity provider did not say when the person proved themselves, any time may have elapsed.
fn is_fresh(request: &AuthorizationRequest, session: &Session, now: Timestamp) -> bool {
    match request.max_age_seconds {
        None => true,
        Some(0) => false,
        Some(max_age) => session.auth_time.is_some_and(|at| now <= at.plus_seconds(i64::from(max_age))),
    }
}

/// True when people who signed in on behalf of `organization` may use an application of `owner`.
pub fn is_application_open(owner: Option<OrganizationId>, organization: OrganizationId) -> bool {
    owner.is_none_or(|owner| owner == organization)
}

/// The oldest sign-in that is good enough for `request`, when it is asked at `asked_at`: what an identity provider's
/// `auth_time` is compared with. `None` when any will do.
pub fn oldest_sign_in(request: &AuthorizationRequest, asked_at: Timestamp) -> Option<Timestamp> {
    let by_age = request.max_age_seconds.map(|seconds| asked_at.plus_seconds(-i64::from(seconds)));
    match request.prompt {
        Prompt::Login | Prompt::SelectAccount => Some(asked_at),
        Prompt::AsNeeded | Prompt::None => by_age,
    }
}

/// Issues a code for `request`. The caller has decided so, over a session that it found live in this transaction.
/// [`OAuthError`] `access_denied` when the application belongs to another organization, `login_required` when the
/// request names another person.
pub fn issue(
    tx: &mut Tx<'_>,
    op: &Operation,
    request: &AuthorizationRequest,
    application: &Application,
    session: &Session,
    lifetimes: Lifetimes,
) -> Result<Result<Secret, OAuthError>, StoreError> {
    if !is_application_open(application.organization, session.organization) {
        let denied = "the application is not for people of this organization";
        return Ok(Err(OAuthError::new(ErrorCode::AccessDenied, denied)));
    }
    // OpenID Connect Core 3.1.2.1: when the person whom the hint names is not the one who signed in, the answer "MUST"
    // be an error.
    if request.hinted_account.is_some_and(|hinted| hinted != session.account) {
        let other = "another person signed in than the id_token_hint names";
        return Ok(Err(OAuthError::new(ErrorCode::LoginRequired, other)));
    }
    let grant = insert_grant(tx, op, request, application, session)?;
    let code = new_token("cw_code_", &op.entropy);
    authorization_codes::insert(
        tx,
        &CodeRow {
            code_hash: TokenHash::of(code.expose()).as_bytes().to_vec(),
            grant_id: grant,
            redirect_uri: request.redirect_uri.clone(),
            nonce: request.nonce.clone(),
            code_challenge: request.code_challenge.as_str().to_owned(),
            expires_at: op.at.plus_seconds(lifetimes.code_seconds),
            consumed_at: None,
        },
    )?;
    Ok(Ok(code))
}

fn insert_grant(
    tx: &mut Tx<'_>,
    op: &Operation,
    request: &AuthorizationRequest,
    application: &Application,
    session: &Session,
) -> Result<GrantId, StoreError> {
    let is_offline = request.scope.contains(Scope::OfflineAccess);
    let row = GrantRow {
        id: op.new_id(),
        application_id: application.id,
        account_id: session.account,
        org_id: session.organization,
        session_id: session.id,
        session_epoch: session.session_epoch,
        scope: request.scope.to_string(),
        created_at: op.at,
        expires_at: if is_offline { op.at.plus_seconds(OFFLINE_SECONDS) } else { session.expires_at },
        revoked_at: None,
    };
    grants::insert(tx, &row)?;
    let detail = json!({ "application": application.id, "account": session.account, "scope": row.scope });
    let subject = Subject::new("grant", row.id);
    audit::write(tx, op, Some(session.organization), Action::GrantCreated, &subject, &detail)?;
    Ok(row.id)
}

#[cfg(test)]
mod tests;
