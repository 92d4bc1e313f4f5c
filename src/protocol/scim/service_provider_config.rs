//! What this server can do, as `/ServiceProviderConfig` tells it (RFC 7643, section 5).

use serde_json::{Value, json};

use super::assignable::AssignableKind;
use super::limits::Limits;
use super::resource_type::ResourceTypes;

/// The URN of the body.
pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";

/// What a client may know about roles and entitlements, after draft-ietf-scim-roles-entitlements-01, section 4.
pub fn roles_and_entitlements(types: &ResourceTypes) -> Value {
    let of = |kind: AssignableKind, multiple: &str| {
        json!({
            "supported": !types.assignables(kind).is_empty(),
            multiple: true,
            "primarySupported": true,
            "typeSupported": true,
        })
    };
    json!({
        "roles": of(AssignableKind::Role, "multipleRolesSupported"),
        "entitlements": of(AssignableKind::Entitlement, "multipleEntitlementsSupported"),
    })
}

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
        "sort": { "supported": true },
        "etag": { "supported": true },
        // RFC 9865, section 4. Index paging stays the default: clients that know no other are not surprised.
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": limits.default_page,
            "maxPageSize": limits.max_page,
            "cursorTimeout": limits.cursor_seconds,
        },
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "OAuth Bearer Token",
                "description": "A token of a SCIM client, in the Authorization header",
                "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
                "primary": true,
            },
            {
                "type": "oauth2",
                "name": "OAuth 2.0 Client Credentials",
                "description": "Short-lived tokens from /oauth2/token: with a client secret, or with a signed assertion of \
                                the client or of its workload (RFC 7523)",
                "specUri": "https://www.rfc-editor.org/rfc/rfc6749#section-4.4",
                "primary": false,
            },
        ],
        "meta": { "resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig") },
    })
}

/// The name of the attribute that [`security_events`] is.
pub const SECURITY_EVENTS: &str = "securityEvents";

/// What RFC 9967, section 4, adds: bulk requests are answered later when the client asks for it; no event is delivered yet. It
/// is shown on request only, because clients that were made before refuse an attribute that they do not know.
pub fn security_events() -> Value {
    json!({ "asyncRequest": "request", "eventUris": [] })
}
