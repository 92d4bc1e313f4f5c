//! Applications that sign people in through the gateway (OpenID Connect clients).

use serde_json::json;

use super::organizations::{self, OrganizationError};
use super::permission::{self, Denied, Permission};
use super::room::{self, TooMany};
use crate::protocol::oidc::redirect_uri::{self, InvalidRedirectUri};
use crate::protocol::oidc::signing::SigningAlgorithm;
use crate::record::audit::{self, Action, Subject};
use crate::store::Tx;
use crate::store::applications::{self as rows, ApplicationRow, UriRow};
use crate::store::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::ids::{ApplicationId, OrganizationId};
use crate::values::operation::Operation;
use crate::values::page::{Page, PageRequest};
use crate::values::quota::Quota;
use crate::values::secret::{self, Secret, TokenHash};

/// What a client secret begins with.
pub const SECRET_PREFIX: &str = "cw_app_";
/// The most redirect URIs, and the most post-logout redirect URIs, of one application.
pub const MAX_URIS: usize = 20;

/// Whether an application can keep a secret (RFC 6749, section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplicationKind {
    /// It can: a server. It authenticates with its secret.
    Confidential,
    /// It cannot: a browser or native app. It proves possession of the code by PKCE only.
    Public,
}

/// A registered application. Its id is its `client_id`.
#[derive(Debug, Clone)]
pub struct Application {
    /// Its id.
    pub id: ApplicationId,
    /// The organization whose people alone may use it; `None` for one that the operator offers to all.
    pub organization: Option<OrganizationId>,
    /// The name people see when they sign in.
    pub name: String,
    /// Whether it has a secret.
    pub kind: ApplicationKind,
    /// The hash of the secret of a confidential one.
    pub secret_hash: Option<Vec<u8>>,
    /// How its ID tokens are signed.
    pub id_token_algorithm: SigningAlgorithm,
    /// Where people may be sent back to after sign-in, compared exactly.
    pub redirect_uris: Vec<String>,
    /// Where people may be sent back to after sign-out, compared exactly.
    pub post_logout_redirect_uris: Vec<String>,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// What is given to register one.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // as in `Application`
pub struct NewApplication {
    pub name: String,
    pub kind: ApplicationKind,
    pub id_token_algorithm: SigningAlgorithm,
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
}

/// Why an application could not be registered, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// There is no such application.
    #[error("no such application")]
    NotFound,
    /// A URI cannot be registered.
    #[error(transparent)]
    InvalidUri(#[from] InvalidRedirectUri),
    /// No redirect URI, or too many URIs, or one twice.
    #[error("an application has 1 to 20 different redirect uris")]
    InvalidUris,
    /// A public application has no secret to rotate.
    #[error("a public application has no secret")]
    NoSecret,
    /// A confidential application does not become a public one, nor the other way round.
    #[error("an application keeps its kind")]
    OtherKind,
    /// The name is not one.
    #[error("a name has 1 to 200 characters and no control characters")]
    InvalidName,
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

impl ApplicationKind {
    /// The name in the store and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confidential => "confidential",
            Self::Public => "public",
        }
    }
}

impl Application {
    /// True when `secret` is this application's.
    pub fn is_secret(&self, secret: &str) -> bool {
        self.secret_hash.as_ref().is_some_and(|hash| secret::is_equal(hash, TokenHash::of(secret).as_bytes()))
    }
}

/// Registers an application, of an organization or (for `None`) of the operator. The secret is shown this once.
pub fn register(
    tx: &mut Tx<'_>,
    op: &Operation,
    owner: Option<OrganizationId>,
    new: &NewApplication,
    quota: &Quota,
) -> Result<(Application, Option<Secret>), ApplicationError> {
    require(op, owner, Permission::ManageApplications)?;
    check_uris(new)?;
    if let Some(organization) = owner {
        room::require::<ApplicationError>(tx, organization, quota.applications, |tx| rows::count(tx, organization))?;
    }
    let secret = match new.kind {
        ApplicationKind::Confidential => Some(secret::new_token(SECRET_PREFIX, &op.entropy)),
        ApplicationKind::Public => None,
    };
    let application = Application {
        id: op.new_id(),
        organization: owner,
        name: organizations::checked_name(&new.name).map_err(name_error)?,
        kind: new.kind,
        secret_hash: secret.as_ref().map(|secret| TokenHash::of(secret.expose()).as_bytes().to_vec()),
        id_token_algorithm: new.id_token_algorithm,
        redirect_uris: new.redirect_uris.clone(),
        post_logout_redirect_uris: new.post_logout_redirect_uris.clone(),
        created_at: op.at,
    };
    rows::insert(tx, &to_row(&application, op.at))?;
    insert_uris(tx, &application)?;
    let detail = json!({ "name": application.name, "redirect_uris": application.redirect_uris });
    log(tx, op, &application, Action::ApplicationCreated, &detail)?;
    Ok((application, secret))
}

/// The application with this id, for the provider, which checks itself who may use it.
pub fn find(tx: &mut Tx<'_>, id: ApplicationId) -> Result<Option<Application>, StoreError> {
    let Some(row) = rows::find(tx, id)? else { return Ok(None) };
    let uris = rows::uris(tx, id)?;
    from_row(row, uris).map(Some)
}

/// An application of an organization, or of the operator for `None`.
pub fn find_of(
    tx: &mut Tx<'_>,
    op: &Operation,
    owner: Option<OrganizationId>,
    id: ApplicationId,
) -> Result<Application, ApplicationError> {
    require(op, owner, Permission::Read)?;
    find(tx, id)?.filter(|application| application.organization == owner).ok_or(ApplicationError::NotFound)
}

/// The applications of an organization, or of the operator for `None`.
pub fn page(
    tx: &mut Tx<'_>,
    op: &Operation,
    owner: Option<OrganizationId>,
    request: &PageRequest<ApplicationId>,
) -> Result<Page<Application, ApplicationId>, ApplicationError> {
    require(op, owner, Permission::Read)?;
    let mut found = Vec::new();
    for row in rows::page(tx, owner, request)? {
        let uris = rows::uris(tx, row.id)?;
        found.push(from_row(row, uris)?);
    }
    Ok(Page::cut(found, request, |application| application.id))
}

/// Writes name, algorithm and URIs anew. Whether it has a secret cannot change: that is another application.
pub fn update(
    tx: &mut Tx<'_>,
    op: &Operation,
    owner: Option<OrganizationId>,
    id: ApplicationId,
    new: &NewApplication,
) -> Result<Application, ApplicationError> {
    require(op, owner, Permission::ManageApplications)?;
    let found = find_of(tx, op, owner, id)?;
    check_uris(new)?;
    if new.kind != found.kind {
        return Err(ApplicationError::OtherKind);
    }
    let application = Application {
        name: organizations::checked_name(&new.name).map_err(name_error)?,
        id_token_algorithm: new.id_token_algorithm,
        redirect_uris: new.redirect_uris.clone(),
        post_logout_redirect_uris: new.post_logout_redirect_uris.clone(),
        ..found
    };
    if !rows::update(tx, &to_row(&application, op.at))? {
        return Err(ApplicationError::NotFound);
    }
    rows::delete_uris(tx, id)?;
    insert_uris(tx, &application)?;
    let detail = json!({ "name": application.name, "redirect_uris": application.redirect_uris });
    log(tx, op, &application, Action::ApplicationUpdated, &detail)?;
    Ok(application)
}

/// Gives a confidential application a new secret; the old one is dead at once.
pub fn rotate_secret(
    tx: &mut Tx<'_>,
    op: &Operation,
    owner: Option<OrganizationId>,
    id: ApplicationId,
) -> Result<Secret, ApplicationError> {
    require(op, owner, Permission::ManageApplications)?;
    let application = find_of(tx, op, owner, id)?;
    if application.kind == ApplicationKind::Public {
        return Err(ApplicationError::NoSecret);
    }
    let secret = secret::new_token(SECRET_PREFIX, &op.entropy);
    if !rows::update_secret(tx, id, TokenHash::of(secret.expose()).as_bytes(), op.at)? {
        return Err(ApplicationError::NotFound);
    }
    log(tx, op, &application, Action::ApplicationSecretRotated, &json!({}))?;
    Ok(secret)
}

/// Removes an application; its grants and tokens end with it.
pub fn delete(
    tx: &mut Tx<'_>,
    op: &Operation,
    owner: Option<OrganizationId>,
    id: ApplicationId,
) -> Result<(), ApplicationError> {
    require(op, owner, Permission::ManageApplications)?;
    let application = find_of(tx, op, owner, id)?;
    if !rows::delete(tx, id)? {
        return Err(ApplicationError::NotFound);
    }
    log(tx, op, &application, Action::ApplicationDeleted, &json!({ "name": application.name }))?;
    Ok(())
}

fn require(op: &Operation, owner: Option<OrganizationId>, permission: Permission) -> Result<(), Denied> {
    match owner {
        Some(organization) => permission::require(op, organization, permission),
        None => permission::require_operator(op),
    }
}

fn name_error(error: OrganizationError) -> ApplicationError {
    match error {
        OrganizationError::Store(error) => error.into(),
        OrganizationError::Denied(denied) => denied.into(),
        OrganizationError::InvalidName | OrganizationError::SlugTaken => ApplicationError::InvalidName,
    }
}

fn check_uris(new: &NewApplication) -> Result<(), ApplicationError> {
    if new.redirect_uris.is_empty() {
        return Err(ApplicationError::InvalidUris);
    }
    for uris in [&new.redirect_uris, &new.post_logout_redirect_uris] {
        let mut sorted = uris.clone();
        sorted.sort();
        sorted.dedup();
        if sorted.len() != uris.len() || uris.len() > MAX_URIS {
            return Err(ApplicationError::InvalidUris);
        }
        for uri in uris {
            redirect_uri::check(uri)?;
        }
    }
    Ok(())
}

fn log(
    tx: &mut Tx<'_>,
    op: &Operation,
    application: &Application,
    action: Action,
    detail: &serde_json::Value,
) -> Result<(), StoreError> {
    audit::write(tx, op, application.organization, action, &Subject::new("application", application.id), detail)
}

fn insert_uris(tx: &mut Tx<'_>, application: &Application) -> Result<(), StoreError> {
    let purposes = [("redirect", &application.redirect_uris), ("post_logout", &application.post_logout_redirect_uris)];
    for (purpose, uris) in purposes {
        for uri in uris {
            let row = UriRow { application_id: application.id, purpose: purpose.to_owned(), uri: uri.clone() };
            rows::insert_uri(tx, &row)?;
        }
    }
    Ok(())
}

fn to_row(application: &Application, at: Timestamp) -> ApplicationRow {
    ApplicationRow {
        id: application.id,
        org_id: application.organization,
        name: application.name.clone(),
        kind: application.kind.as_str().to_owned(),
        state: "active".to_owned(),
        secret_hash: application.secret_hash.clone(),
        id_token_algorithm: application.id_token_algorithm.as_str().to_owned(),
        created_at: application.created_at,
        updated_at: at,
    }
}

fn from_row(row: ApplicationRow, uris: Vec<UriRow>) -> Result<Application, StoreError> {
    let (redirect, post_logout): (Vec<_>, Vec<_>) = uris.into_iter().partition(|row| row.purpose == "redirect");
    Ok(Application {
        id: row.id,
        organization: row.org_id,
        name: row.name,
        kind: match row.kind.as_str() {
            "confidential" => ApplicationKind::Confidential,
            "public" => ApplicationKind::Public,
            _ => return Err(StoreError::Inconsistent("applications.kind")),
        },
        secret_hash: row.secret_hash,
        id_token_algorithm: SigningAlgorithm::parse(&row.id_token_algorithm)
            .ok_or(StoreError::Inconsistent("applications.id_token_algorithm"))?,
        redirect_uris: redirect.into_iter().map(|row| row.uri).collect(),
        post_logout_redirect_uris: post_logout.into_iter().map(|row| row.uri).collect(),
        created_at: row.created_at,
    })
}

#[cfg(test)]
mod tests;
