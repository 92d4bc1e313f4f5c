//! A provider posts a logout token to one of its connections: check it against the provider's keys, and end what it means.
//! Anybody can post one, so nothing is written before the signature holds.

use crate::access::upstream_logout::{self, SaidLogout, UpstreamLogoutError};
use crate::directory::connections::{self, ConnectionState, Settings};
use crate::outbound::idp::{IdpClient, IdpFailure};
use crate::protocol::oidc::relying_party::logout_token::{self, Expected, LogoutTokenError};
use crate::protocol::oidc::relying_party::preset::SubjectError;
use crate::store::Store;
use crate::store::failure::StoreError;
use crate::values::ids::ConnectionId;
use crate::values::operation::Operation;

/// Why a logout token does nothing.
#[derive(Debug, thiserror::Error)]
pub enum LogOutError {
    /// There is no such connection, or none to an OpenID provider that is in use.
    #[error("no such connection")]
    NotFound,
    /// A check of the token failed.
    #[error(transparent)]
    Refused(#[from] LogoutTokenError),
    /// It does not say who the person is, as this provider names them.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// It was used before.
    #[error("the logout token was used before")]
    Replayed,
    /// The provider's metadata or keys cannot be had.
    #[error(transparent)]
    Provider(#[from] IdpFailure),
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LogOutError {
    /// The code under which it is traced, where the connection's organization can do something about it.
    pub const fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Refused(LogoutTokenError::Malformed) => "logout_malformed",
            Self::Refused(LogoutTokenError::Signature(_)) => "logout_signature",
            Self::Refused(LogoutTokenError::Issuer) => "logout_issuer",
            Self::Refused(LogoutTokenError::Audience) => "logout_audience",
            Self::Refused(LogoutTokenError::Time) => "logout_time",
            Self::Refused(LogoutTokenError::Event) => "logout_event",
            Self::Refused(LogoutTokenError::Nonce) => "logout_nonce",
            Self::Refused(LogoutTokenError::Nobody) | Self::Subject(_) => "logout_nobody",
            Self::Replayed => "logout_replayed",
            Self::Provider(_) => "logout_not_verified",
            Self::NotFound | Self::Store(_) => return None,
        })
    }
}

impl From<UpstreamLogoutError> for LogOutError {
    fn from(error: UpstreamLogoutError) -> Self {
        match error {
            UpstreamLogoutError::Replayed => Self::Replayed,
            UpstreamLogoutError::Store(error) => error.into(),
        }
    }
}

/// Takes what was posted to `connection`. Tells how many sessions ended.
pub async fn take(
    store: &Store,
    idp: &IdpClient,
    op: &Operation,
    connection: ConnectionId,
    token: &str,
    skew_seconds: i64,
) -> Result<usize, LogOutError> {
    let found = store.read(move |tx| connections::find(tx, connection)).await?;
    let found = found.filter(|found| found.state == ConnectionState::Active).ok_or(LogOutError::NotFound)?;
    let Settings::Oidc { issuer, client_id, preset, options, .. } = found.settings else {
        return Err(LogOutError::NotFound);
    };
    let provider = idp.configuration(&issuer).await?;
    let strictness = options.strictness();
    let expected = Expected { issuer: &issuer, client_id: &client_id, now: op.at, skew_seconds, strictness };
    let check = |keys: &_| logout_token::verify(token, keys, &expected);
    let verified = idp.check_with_keys(&provider.jwks_uri, check, LogoutTokenError::is_key_unknown).await??;
    let named = verified.subject.as_ref().map(|sub| preset.subject(&issuer, sub, &verified.claims));
    let said = SaidLogout {
        id: verified.id,
        ends_at: verified.ends_at,
        subject: named.transpose()?,
        session: verified.session_id,
    };
    let (op, on) = (op.clone(), (found.organization, connection));
    Ok(store.write(move |tx| upstream_logout::end(tx, &op, on, &said)).await?)
}
