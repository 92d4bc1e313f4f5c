//! What can be done with applications, for an organization's (`org` is its name in the path) and for the operator's
//! (`org` is `None`) alike.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, web};

use super::application_body::{ApplicationBody, NewApplicationBody, SecretBody};
use super::caller::{authenticate, organization};
use super::reply::{ListBody, id, json, no_content, page};
use crate::directory::applications;
use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::http::request_body;
use crate::store::Tx;
use crate::values::ids::OrganizationId;
use crate::values::operation::Operation;

type Answer = Result<HttpResponse, Problem>;

fn owner(tx: &mut Tx<'_>, op: &Operation, org: Option<&str>) -> Result<Option<OrganizationId>, Problem> {
    Ok(org.map(|name| organization(tx, op, name)).transpose()?)
}

/// Registers one.
pub async fn register(
    context: &web::Data<Context>,
    request: &HttpRequest,
    org: Option<String>,
    payload: Payload,
) -> Answer {
    let op = authenticate(context, request).await?;
    let body: NewApplicationBody = request_body::json(request, payload, context.config.limits.api_body_bytes).await?;
    let (new, quota) = (body.parse()?, context.config.limits.quota);
    let registered = context.store.write(move |tx| {
        let owner = owner(tx, &op, org.as_deref())?;
        Ok::<_, Problem>(applications::register(tx, &op, owner, &new, &quota)?)
    });
    let (application, secret) = registered.await?;
    Ok(json(StatusCode::CREATED, &ApplicationBody::with_secret(application, secret)))
}

/// Lists them.
pub async fn list(context: &web::Data<Context>, request: &HttpRequest, org: Option<String>) -> Answer {
    let op = authenticate(context, request).await?;
    let page = page(request)?;
    let found = context.store.read(move |tx| {
        let owner = owner(tx, &op, org.as_deref())?;
        Ok::<_, Problem>(applications::page(tx, &op, owner, &page)?)
    });
    Ok(json(StatusCode::OK, &ListBody::of(found.await?, ApplicationBody::of)))
}

/// Shows one.
pub async fn show(
    context: &web::Data<Context>,
    request: &HttpRequest,
    org: Option<String>,
    application: &str,
) -> Answer {
    let op = authenticate(context, request).await?;
    let application = id(application)?;
    let found = context.store.read(move |tx| {
        let owner = owner(tx, &op, org.as_deref())?;
        Ok::<_, Problem>(applications::find_of(tx, &op, owner, application)?)
    });
    Ok(json(StatusCode::OK, &ApplicationBody::of(found.await?)))
}

/// Writes one anew.
pub async fn update(
    context: &web::Data<Context>,
    request: &HttpRequest,
    org: Option<String>,
    application: &str,
    payload: Payload,
) -> Answer {
    let op = authenticate(context, request).await?;
    let body: NewApplicationBody = request_body::json(request, payload, context.config.limits.api_body_bytes).await?;
    let (application, new) = (id(application)?, body.parse()?);
    let updated = context.store.write(move |tx| {
        let owner = owner(tx, &op, org.as_deref())?;
        Ok::<_, Problem>(applications::update(tx, &op, owner, application, &new)?)
    });
    Ok(json(StatusCode::OK, &ApplicationBody::of(updated.await?)))
}

/// Gives one a new secret.
pub async fn rotate_secret(
    context: &web::Data<Context>,
    request: &HttpRequest,
    org: Option<String>,
    application: &str,
) -> Answer {
    let op = authenticate(context, request).await?;
    let application = id(application)?;
    let rotated = context.store.write(move |tx| {
        let owner = owner(tx, &op, org.as_deref())?;
        Ok::<_, Problem>(applications::rotate_secret(tx, &op, owner, application)?)
    });
    Ok(json(StatusCode::OK, &SecretBody::of(&rotated.await?)))
}

/// Removes one.
pub async fn delete(
    context: &web::Data<Context>,
    request: &HttpRequest,
    org: Option<String>,
    application: &str,
) -> Answer {
    let op = authenticate(context, request).await?;
    let application = id(application)?;
    let deleted = context.store.write(move |tx| {
        let owner = owner(tx, &op, org.as_deref())?;
        Ok::<_, Problem>(applications::delete(tx, &op, owner, application)?)
    });
    deleted.await?;
    Ok(no_content())
}
