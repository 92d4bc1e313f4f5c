//! What this server can do, as `/ServiceProviderConfig` tells it (RFC 7643, section 5).

use serde_json::{Value, json};

use super::limits::Limits;

/// The URN of the body.
pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

/// The body, for the base URI of one organization.
pub fn body(base: &str, limits: &Limits) -> Value {
    json!({
        "schemas": [SCHEMA],
        "patch": { "supported": true },
        "bulk": {
            "supported": true,
            "maxOperations": limits.bulk.operations,
            "maxPayloadSize": limits.bulk.payload_bytes,
        },
        "filter": { "supported": true, "maxResults": limits.max_page },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "OAuth Bearer Token",
            "description": "A token of a SCIM client, in the Authorization header",
            "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
            "primary": true,
        }],
        "meta": { "resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig") },
    })
}
