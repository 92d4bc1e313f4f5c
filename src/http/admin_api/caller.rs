//! Who calls: the bearer token of a request, turned into the actor of its operation; and the organization of its path.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};

use crate::directory::admin_tokens;
use crate::directory::organizations;
use crate::directory::permission::{self, Denied, Permission};
use crate::http::bearer;
use crate::http::context::Context;
use crate::http::observe::request_id;
use crate::http::problem::Problem;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::ids::OrganizationId;
use crate::values::operation::{Actor, Operation};
use crate::values::slug::Slug;

/// The longest token that is looked at.
const MAX_TOKEN: usize = 256;

/// Authenticates a request. 401 without a live admin token, whatever the path; 400 where the header cannot be read.
pub async fn authenticate(context: &web::Data<Context>, request: &HttpRequest) -> Result<Operation, Problem> {
    let token = bearer::token(request)
        .map_err(|malformed| Problem::new(StatusCode::BAD_REQUEST, "malformed_credential", malformed.text()))?
        .filter(|token| token.len() <= MAX_TOKEN)
        .ok_or_else(unauthorized)?
        .to_owned();
    let now = context.clock.now();
    let found = context.store.read(move |tx| admin_tokens::authenticate(tx, &token, now)).await?;
    let (actor, is_stale) = found.ok_or_else(unauthorized)?;
    if let (true, Actor::Admin { token, .. } | Actor::Operator { token: Some(token) }) = (is_stale, &actor) {
        let token = *token;
        context.store.write(move |tx| admin_tokens::touch(tx, token, now)).await?;
    }
    Ok(context.operation(actor, request_id(request)))
}

/// The organization that a path names by slug or id, if the actor may read it. What does not exist and what is
/// somebody else's get the same answer.
pub fn organization(tx: &mut Tx<'_>, op: &Operation, name: &str) -> Result<OrganizationId, OrganizationUnknown> {
    let found = match (name.parse::<OrganizationId>(), name.parse::<Slug>()) {
        (Ok(id), _) => organizations::find(tx, id)?,
        (_, Ok(slug)) => organizations::find_by_slug(tx, &slug)?,
        _ => None,
    };
    let organization = found.ok_or(OrganizationUnknown::Unknown)?;
    match permission::require(op, organization.id, Permission::Read) {
        Ok(()) | Err(Denied::Role | Denied::Scope) => Ok(organization.id),
        Err(Denied::OtherOrganization) => Err(OrganizationUnknown::Unknown),
    }
}

/// The organization of a path is not one that the caller can see.
#[derive(Debug, thiserror::Error)]
pub enum OrganizationUnknown {
    /// It does not exist, or it is somebody else's.
    #[error("no such organization")]
    Unknown,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<OrganizationUnknown> for Problem {
    fn from(error: OrganizationUnknown) -> Self {
        match error {
            OrganizationUnknown::Unknown => Self::not_found(),
            OrganizationUnknown::Store(error) => error.into(),
        }
    }
}

fn unauthorized() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "a live admin token is needed, as a bearer token")
}
