//! Where somebody is led whom the provider of a connection has sent to sign in. Nothing is begun here: a sign-in begins at
//! an application, which alone can bind it to a browser of its own, and which hears that it is to begin one.

use serde::{Deserialize, Serialize};
use url::Url;

use super::saml_options::InvalidOptions;
use super::{ConnectionState, Settings, find};
use crate::directory::applications::{self, Application};
use crate::protocol::oidc::redirect_uri;
use crate::protocol::oidc::relying_party::initiation::{self, InitiatedLogin};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::ids::{ApplicationId, ConnectionId, OrganizationId};

/// Where people are led.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Initiation {
    /// To this application.
    pub application: ApplicationId,
    /// Where it begins a sign-in (`initiate_login_uri`), on the site of one of its redirect URIs.
    pub login_uri: String,
}

/// Why somebody is led nowhere.
#[derive(Debug, thiserror::Error)]
pub enum InitiationError {
    /// No such connection, or one whose provider may not send people.
    #[error("no such connection")]
    NotFound,
    /// Another provider's name, or a place that is none of the application's.
    #[error("the request names another issuer or an unknown place")]
    NotMeant,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Initiation {
    /// Whether it can be meant by this organization.
    pub(super) fn check(
        &self,
        tx: &mut Tx<'_>,
        organization: OrganizationId,
    ) -> Result<Result<(), InvalidOptions>, StoreError> {
        const INVALID: InvalidOptions = InvalidOptions(
            "initiation names an application of yours, and a login_uri on the site of its redirect uris",
        );
        Ok(self.place(tx, organization)?.map(|_| ()).ok_or(INVALID))
    }

    /// The application and the place, as far as both are still there.
    fn place(&self, tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Option<(Application, Url)>, StoreError> {
        let found = applications::find(tx, self.application)?;
        let open = found.filter(|found| found.organization.is_none_or(|owner| owner == organization));
        Ok(open.and_then(|open| {
            let place = redirect_uri::on_the_site_of(&self.login_uri, &open.redirect_uris)?;
            Some((open, place))
        }))
    }
}

/// Where somebody is led whom the provider of `connection` has sent, when `issuer` is the gateway's own.
pub fn lead(
    tx: &mut Tx<'_>,
    connection: ConnectionId,
    asked: &InitiatedLogin,
    issuer: &str,
) -> Result<Url, InitiationError> {
    let found = find(tx, connection)?.filter(|found| found.state == ConnectionState::Active);
    let found = found.ok_or(InitiationError::NotFound)?;
    let Settings::Oidc { issuer: provider, options, .. } = &found.settings else {
        return Err(InitiationError::NotFound);
    };
    let initiation = options.initiation.as_ref().ok_or(InitiationError::NotFound)?;
    if asked.issuer != *provider {
        return Err(InitiationError::NotMeant);
    }
    let (application, place) = initiation.place(tx, found.organization)?.ok_or(InitiationError::NotMeant)?;
    let is_known = |target: &String| redirect_uri::on_the_site_of(target, &application.redirect_uris).is_some();
    if !asked.target_link_uri.as_ref().is_none_or(is_known) {
        return Err(InitiationError::NotMeant);
    }
    Ok(initiation::url(&place, issuer, asked))
}
