//! `/Me` (RFC 7644, section 3.11): a person reads their own user with an access token of this gateway that has the scope
//! `profile`. It stands for no one when a SCIM client asks.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_LOCATION, HeaderValue, LOCATION};

use super::answer;
use super::exchange::{Exchange, Presented};
use super::failure::Failure;
use crate::access::tokens::{self, Bearer};
use crate::directory::organizations;
use crate::http::context::Context;
use crate::protocol::oidc::scope::Scope;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::resource_type::ResourceType;
use crate::protocol::scim::tolerance::Profile;
use crate::provisioning::own_resource;
use crate::provisioning::resource::Resource;
use crate::store::Tx;
use crate::values::operation::{Actor, Operation};

/// GET: 200 with the place of the resource itself, or 304.
pub async fn get(exchange: Exchange) -> Result<HttpResponse, Failure> {
    let (wanted, known) = (exchange.wanted(), exchange.if_none_match());
    let (presented, operation, context) = (exchange.presented()?, exchange.anonymous(), exchange.context.clone());
    let work = move |tx: &mut Tx<'_>| {
        let bearer = bearer(tx, &operation, &context, &presented)?;
        let user = Arc::clone(&context.scim_catalog.types_now(tx, bearer.organization, Profile::Standard)?.user);
        let projection = wanted.of(&user)?;
        let found = find(tx, &operation, &bearer, &user, &projection)?;
        Ok::<_, Failure>((found, projection, known?))
    };
    let (found, projection, known) = exchange.read(work).await?;
    if known.is_some_and(|condition| condition.holds(found.version)) {
        return Ok(answer::not_modified(&found, &exchange.base));
    }
    let mut answer = answer::resource(&found, &exchange.base, &projection)?;
    // "the 'Location' header ... the location of the resource associated with the currently authenticated subject".
    if let Ok(location) = HeaderValue::from_str(&found.location(&exchange.base)) {
        answer.headers_mut().insert(LOCATION, location.clone());
        answer.headers_mut().insert(CONTENT_LOCATION, location);
    }
    Ok(answer)
}

/// The person whose token it is, in the organization of the path.
fn bearer(tx: &mut Tx<'_>, operation: &Operation, context: &Context, presented: &Presented) -> Result<Bearer, Failure> {
    match presented.authenticate(tx) {
        Ok(_) => return Err(Failure::NotImplemented),
        Err(Failure::Unauthenticated) => {}
        Err(other) => return Err(other),
    }
    let keys = context.signing_keys.oidc(tx, operation.at)?;
    let claims = keys.verification().access_token(presented.token(), context.issuer(), operation.at);
    let claims = claims.map_err(|_| Failure::Unauthenticated)?;
    let bearer = tokens::bearer(tx, operation, &claims)?.ok_or(Failure::Unauthenticated)?;
    let organization = organizations::find(tx, bearer.organization)?;
    if organization.is_none_or(|organization| organization.slug != *presented.slug()) {
        return Err(Failure::NotFound);
    }
    Ok(bearer)
}

fn find(
    tx: &mut Tx<'_>,
    operation: &Operation,
    bearer: &Bearer,
    user: &Arc<ResourceType>,
    projection: &Projection,
) -> Result<Resource, Failure> {
    if !bearer.scope.contains(Scope::Profile) {
        return Err(Failure::ScopeMissing);
    }
    let operation = operation.by(Actor::Person { account: bearer.account });
    Ok(own_resource::find(tx, &operation, bearer.organization, user, projection)?)
}
