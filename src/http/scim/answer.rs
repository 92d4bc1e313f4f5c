//! Answers that are not failures.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_LOCATION, ETAG, LOCATION};

use super::failure::Failure;
use crate::protocol::scim::etag;
use crate::protocol::scim::projection::Projection;
use crate::provisioning::resource::Resource;
use crate::store::failure::StoreError;

/// Relations of a resource whose text is made where the request is served.
const MOST_ON_WORKER: usize = 2_000;

/// What every body is.
pub const MEDIA_TYPE: &str = "application/scim+json";

/// A body of this status.
pub fn text(status: StatusCode, body: String) -> HttpResponse {
    HttpResponse::build(status).content_type(MEDIA_TYPE).insert_header((CACHE_CONTROL, "no-store")).body(body)
}

/// 200 and a resource with its entity tag and its place, which is also its `meta.location` (RFC 7643, section 3.1).
pub fn resource(resource: &Resource, base: &str, projection: &Projection) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok()
        .content_type(MEDIA_TYPE)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((ETAG, etag::of(resource.version)))
        .insert_header((CONTENT_LOCATION, resource.location(base)))
        .body(resource.render(base, projection)?))
}

/// The same for a resource whose text may be long: then it is made beside the workers that serve requests.
pub async fn long_resource(resource: Resource, base: &str, projection: Projection) -> Result<HttpResponse, Failure> {
    if resource.related.len() <= MOST_ON_WORKER {
        return self::resource(&resource, base, &projection);
    }
    let (tag, place, base) = (etag::of(resource.version), resource.location(base), base.to_owned());
    let rendered = tokio::task::spawn_blocking(move || resource.render(&base, &projection)).await;
    let rendered = rendered.map_err(|_| StoreError::Internal("an answer could not be made".to_owned()))?;
    Ok(HttpResponse::Ok()
        .content_type(MEDIA_TYPE)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((ETAG, tag))
        .insert_header((CONTENT_LOCATION, place))
        .body(rendered?))
}

/// 201, the resource, and where it is.
pub fn created(resource: &Resource, base: &str, projection: &Projection) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Created()
        .content_type(MEDIA_TYPE)
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((ETAG, etag::of(resource.version)))
        .insert_header((LOCATION, resource.location(base)))
        .body(resource.render(base, projection)?))
}

/// 204.
pub fn nothing() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// 204 for a resource that has this version now.
pub fn changed(version: i64) -> HttpResponse {
    HttpResponse::NoContent().insert_header((ETAG, etag::of(version))).finish()
}

/// 304 for a resource that the client has. RFC 9110, section 15.4.5: with the fields that a 200 would have had, of those that
/// say how the stored answer is to be kept and which resource it is of.
pub fn not_modified(resource: &Resource, base: &str) -> HttpResponse {
    HttpResponse::NotModified()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((ETAG, etag::of(resource.version)))
        .insert_header((CONTENT_LOCATION, resource.location(base)))
        .finish()
}
