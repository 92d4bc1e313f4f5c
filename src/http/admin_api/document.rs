//! `GET /api/v1/openapi.json`: the OpenAPI 3.1 document of the admin and operator APIs, without authentication.

use std::collections::HashMap;
use std::sync::OnceLock;

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, get};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, Content, Info, License, OpenApi, OpenApiBuilder, Paths, Ref, RefOr, Response, ResponseBuilder,
};

use crate::http::operator_api;

/// What every path of the document begins with.
pub const PREFIX: &str = "/api/v1";
const SCHEME: &str = "admin_token";

/// The whole document.
pub fn document() -> OpenApi {
    let mut info = Info::new("Causeway admin API", env!("CARGO_PKG_VERSION"));
    info.description =
        Some("Domains, connections, provisioning clients and applications of an organization.".to_owned());
    info.license = Some(License::new("MIT OR Apache-2.0"));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let mut document = OpenApiBuilder::new()
        .info(info)
        .paths(Paths::new())
        .components(Some(Components::new()))
        .security(Some([SecurityRequirement::new(SCHEME, Vec::<String>::new())]))
        .build();
    for part in super::documents().into_iter().chain(operator_api::documents()) {
        document.merge(part);
    }
    document.paths.paths =
        document.paths.paths.into_iter().map(|(path, item)| (format!("{PREFIX}{path}"), item)).collect();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        operations.into_iter().flatten().for_each(add_problems);
    }
    if let Some(components) = &mut document.components {
        components.add_security_scheme(SCHEME, SecurityScheme::Http(bearer));
    }
    document
}

/// Gives an operation the problems that every one of its kind has, and the problems of its own their media type.
fn add_problems(operation: &mut Operation) {
    let mut statuses: Vec<u16> = vec![400, 401, 403, 404, 500, 503];
    if operation.request_body.is_some() {
        statuses.extend([408, 413, 415]);
    }
    let own = operation.responses.responses.keys().filter_map(|status| status.parse().ok());
    statuses.extend(own.filter(|status: &u16| *status >= 400));
    for status in statuses {
        operation.responses.responses.insert(status.to_string(), RefOr::T(problem(status)));
    }
}

fn problem(status: u16) -> Response {
    let words = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
    let body = Content::new(Some(Ref::from_schema_name("ProblemBody")));
    ResponseBuilder::new().description(words).content("application/problem+json", body).build()
}

/// The document as JSON, made once.
#[get("/openapi.json")]
pub async fn show_document() -> HttpResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| document().to_json().unwrap_or_default());
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(text.as_str())
}

/// The methods of a path of the document, or of the document itself, as `Allow` lists them.
pub fn methods(pattern: &str) -> Option<&'static str> {
    static KNOWN: OnceLock<HashMap<String, String>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let paths = document().paths.paths.into_iter();
        let own = (format!("{PREFIX}/openapi.json"), "GET, HEAD".to_owned());
        paths.map(|(path, item)| (path, listed(&item))).chain([own]).collect()
    });
    known.get(pattern).map(String::as_str)
}

fn listed(item: &PathItem) -> String {
    let operations = [
        ("GET, HEAD", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    let there = operations.into_iter().filter(|(_, operation)| operation.is_some()).map(|(name, _)| name);
    there.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::document;

    /// The routes as the source text declares them: what is mounted without being documented, or the other way round,
    /// is seen here.
    fn routes_in_source() -> Vec<String> {
        let mut found = Vec::new();
        let doors = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
        let mut folders = vec![doors.join("admin_api"), doors.join("operator_api")];
        while let Some(folder) = folders.pop() {
            for file in std::fs::read_dir(folder).unwrap() {
                let file = file.unwrap().path();
                if file.is_dir() {
                    folders.push(file);
                    continue;
                }
                let text = std::fs::read_to_string(file).unwrap();
                for line in text.lines() {
                    for method in ["get", "post", "put", "patch", "delete"] {
                        if let Some(rest) = line.strip_prefix(&format!("#[{method}(\"")) {
                            found.push(format!("{method} /api/v1{}", rest.split('"').next().unwrap()));
                        }
                    }
                }
            }
        }
        found.retain(|route| route != "get /api/v1/openapi.json");
        found.sort();
        found
    }

    #[test]
    fn the_document_lists_exactly_the_routes() {
        let json: serde_json::Value = serde_json::from_str(&document().to_json().unwrap()).unwrap();
        assert_eq!(json["openapi"], "3.1.0");
        let mut documented = Vec::new();
        for (path, item) in json["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                documented.push(format!("{method} {path}"));
            }
        }
        documented.sort();
        assert_eq!(documented, routes_in_source());
    }

    #[test]
    fn every_operation_lists_its_problems_as_problems() {
        let json: serde_json::Value = serde_json::from_str(&document().to_json().unwrap()).unwrap();
        for (path, item) in json["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let responses = operation["responses"].as_object().unwrap();
                for common in ["401", "403", "404", "503"] {
                    assert!(responses.contains_key(common), "{method} {path} has no {common}");
                }
                let takes_body = operation.get("requestBody").is_some();
                for of_bodies in ["408", "413", "415"] {
                    assert_eq!(responses.contains_key(of_bodies), takes_body, "{method} {path} {of_bodies}");
                }
                for (status, response) in responses.iter().filter(|(status, _)| *status >= &"400".to_owned()) {
                    let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/ProblemBody", "{method} {path} {status}");
                }
            }
        }
        let replaced = &json["paths"]["/api/v1/orgs/{org}/connections/{id}/provider"]["put"]["responses"];
        assert!(replaced["409"].is_object() && replaced["502"].is_object());
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let text = document().to_json().unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        for reference in text.split("\"$ref\": \"#").skip(1).chain(text.split("\"$ref\":\"#").skip(1)) {
            let pointer = reference.split('"').next().unwrap();
            assert!(json.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
