//! `GET /api/v1/openapi.json`: the OpenAPI 3.1 document of the admin and operator APIs, without authentication.

use std::sync::OnceLock;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, get};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, Info, License, OpenApi, OpenApiBuilder, Paths};

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
    if let Some(components) = &mut document.components {
        components.add_security_scheme(SCHEME, SecurityScheme::Http(bearer));
    }
    document
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

#[cfg(test)]
mod tests {
    use super::document;

    /// The routes as the source text declares them: what is mounted without being documented, or the other way round,
    /// is seen here.
    fn routes_in_source() -> Vec<String> {
        let mut found = Vec::new();
        for folder in ["admin_api", "operator_api"] {
            let directory = format!("{}/src/http/{folder}", env!("CARGO_MANIFEST_DIR"));
            for file in std::fs::read_dir(directory).unwrap() {
                let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
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
    fn every_reference_of_the_document_leads_somewhere() {
        let text = document().to_json().unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        for reference in text.split("\"$ref\": \"#").skip(1).chain(text.split("\"$ref\":\"#").skip(1)) {
            let pointer = reference.split('"').next().unwrap();
            assert!(json.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
