//! What an organization demands of its SAML provider, as it comes in and goes out.

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::directory::connections::saml_options::{IpsieLevel, SamlOptions};
use crate::http::problem::Problem;

/// The options of a SAML connection.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SamlOptionsBody {
    /// The level of IPSIE's session lifecycle that the connection is held to: 1 demands encrypted assertions, 2 that nobody
    /// signs in but by a request of the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ipsie_level: Option<u8>,
    /// Refuse an assertion that is not encrypted.
    #[serde(default)]
    requires_encryption: bool,
}

impl SamlOptionsBody {
    /// As it goes out.
    pub fn of(options: &SamlOptions) -> Self {
        Self {
            ipsie_level: options.ipsie_level.map(IpsieLevel::number),
            requires_encryption: options.requires_encryption,
        }
    }

    /// As the core takes it.
    pub fn parse(self) -> Result<SamlOptions, Problem> {
        let invalid = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, "invalid_options", detail);
        let parse = |number| IpsieLevel::parse(number).ok_or_else(|| invalid("ipsie_level is 1 or 2"));
        Ok(SamlOptions {
            ipsie_level: self.ipsie_level.map(parse).transpose()?,
            requires_encryption: self.requires_encryption,
        })
    }
}
