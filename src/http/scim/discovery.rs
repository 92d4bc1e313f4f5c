//! What the server says about itself: GET, with or without authentication (RFC 7644, section 4). Without, the documents
//! are the same for every organization, so that they do not tell which ones exist; a client of the organization sees its
//! own schemas too.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::answer;
use super::exchange::Exchange;
use super::failure::Failure;
use super::route::Document;
use crate::protocol::scim::assignable::AssignableKind;
use crate::protocol::scim::resource_type::{ResourceType, ResourceTypes};
use crate::protocol::scim::schema::Schema;
use crate::protocol::scim::{list, service_provider_config};

/// The URN of a schema's own schema.
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// The document.
pub async fn answer(exchange: &Exchange, document: Document) -> Result<HttpResponse, Failure> {
    // "If a 'filter' is provided, the service provider SHOULD respond with HTTP status code 403".
    if exchange.parameter("filter").is_some() {
        return Err(Failure::FilterForbidden);
    }
    let base = &exchange.base;
    let types = if exchange.is_authenticated() {
        exchange.authenticate().await?.types
    } else {
        Arc::clone(ResourceTypes::base())
    };
    // Lists that the organization never filled are announced nowhere.
    let known = |kind: &AssignableKind| !types.assignables(*kind).is_empty();
    let assigned: Vec<AssignableKind> = AssignableKind::ALL.into_iter().filter(known).collect();
    let mut resource_types: Vec<&ResourceType> = vec![&types.user, &types.group];
    resource_types.extend(assigned.iter().map(|kind| kind.resource_type().as_ref()));
    let schemas = || resource_types.iter().flat_map(|resource_type| resource_type.schemas());
    let found = match document {
        Document::ServiceProviderConfig => {
            let mut body = service_provider_config(exchange);
            if let (Value::Object(members), false) = (&mut body, assigned.is_empty()) {
                let announced = service_provider_config::roles_and_entitlements(&types);
                members.insert("RolesAndEntitlements".to_owned(), announced);
            }
            Some(body.to_string())
        }
        Document::ResourceTypes(None) => Some(all(resource_types.iter().map(|known| known.body(base)))),
        Document::ResourceTypes(Some(name)) => named(&resource_types, &name).map(|known| known.body(base).to_string()),
        Document::Schemas(None) => Some(all(schemas().map(|schema| schema_body(schema, base)))),
        Document::Schemas(Some(id)) => schemas()
            .find(|schema| schema.id.eq_ignore_ascii_case(&id))
            .map(|schema| schema_body(schema, base).to_string()),
    };
    found.map(|body| answer::text(StatusCode::OK, body)).ok_or(Failure::NotFound)
}

/// The document, with what RFC 9967 adds for a client that asks for it by name.
fn service_provider_config(exchange: &Exchange) -> Value {
    let mut body = service_provider_config::body(&exchange.base, &exchange.limits);
    let mut asked = exchange.parameter("attributes").unwrap_or_default().split(',');
    if asked.any(|name| name.trim().eq_ignore_ascii_case(service_provider_config::SECURITY_EVENTS))
        && let Some(members) = body.as_object_mut()
    {
        let name = service_provider_config::SECURITY_EVENTS.to_owned();
        members.insert(name, service_provider_config::security_events());
    }
    body
}

fn named<'t>(resource_types: &[&'t ResourceType], name: &str) -> Option<&'t ResourceType> {
    resource_types.iter().find(|known| known.name == name).copied()
}

fn all(documents: impl Iterator<Item = Value>) -> String {
    let documents: Vec<String> = documents.map(|document| document.to_string()).collect();
    list::body(i64::try_from(documents.len()).unwrap_or(i64::MAX), 1, &documents)
}

fn schema_body(schema: &Schema, base: &str) -> Value {
    json!({
        "schemas": [SCHEMA],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": schema.attributes,
        "meta": { "resourceType": "Schema", "location": format!("{base}/Schemas/{}", schema.id) },
    })
}
