//! What an organization demands of its SAML provider, as it comes in and goes out.

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use crate::directory::connections::saml_options::{IpsieLevel, Landing, SamlOptions};
use crate::http::problem::Problem;
use crate::protocol::oidc::class_map::ClassMap;
use crate::protocol::saml::attribute_map::{AttributeNames, Preset};
use crate::protocol::saml::authn_context::SeveralFactors;
use crate::protocol::saml::authn_request::Comparison;
use crate::values::ids::ApplicationId;

/// The options of a SAML connection.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SamlOptionsBody {
    /// The level of IPSIE's session lifecycle that the connection is held to: 1 demands encrypted assertions, 2 that nobody
    /// signs in but by a request of the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    ipsie_level: Option<u8>,
    /// Refuse an assertion that is not encrypted.
    requires_encryption: bool,
    /// Sign requests; `true` when left out.
    signs_requests: bool,
    /// Have people prove themselves anew at each sign-in (`ForceAuthn`).
    forces_authentication: bool,
    /// Ask for one of these authentication context classes, and refuse an answer with another one.
    #[schema(example = json!(["https://refeds.org/profile/mfa"]))]
    authn_contexts: Vec<String>,
    /// What several factors are called at the provider, where an application asks for them. The preset's, when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    several_factors: Option<SamlSeveralFactorsBody>,
    /// Under which names attributes come: `generic`, `entra_id`, `okta`, `google`, `onelogin`, `ping` or `adfs`.
    #[schema(value_type = String, example = "entra_id")]
    preset: Preset,
    /// Names of attributes that are looked under instead of the preset's: `email`, `given_name`, `family_name`,
    /// `display_name`, `groups`.
    #[schema(value_type = Object, example = json!({ "groups": "Team" }))]
    attributes: AttributeNames,
    /// Where people land whose sign-in begins at the provider. Left out, such a sign-in is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    landing: Option<LandingBody>,
}

/// What several factors are called at a SAML provider.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SamlSeveralFactorsBody {
    /// The authentication context classes that it is asked for (`RequestedAuthnContext`), ten at most; nothing when there is none.
    #[schema(example = json!(["https://refeds.org/profile/mfa"]))]
    asks_for: Vec<String>,
    /// How the class of an answer is to compare with them: `exact` when left out, `minimum` or `better`.
    #[schema(value_type = String, example = "exact")]
    comparison: Comparison,
    /// The authentication context classes, or values of the attribute
    /// `http://schemas.microsoft.com/claims/authnmethodsreferences`, that say that there were several factors, ten at most. No
    /// other word counts.
    #[schema(example = json!(["https://refeds.org/profile/mfa"]))]
    met_by: Vec<String>,
}

impl SamlSeveralFactorsBody {
    fn of(several: SeveralFactors) -> Self {
        let SeveralFactors { map: ClassMap { asks_for, met_by }, comparison } = several;
        Self { asks_for, comparison, met_by }
    }

    fn parse(self) -> SeveralFactors {
        let Self { asks_for, comparison, met_by } = self;
        SeveralFactors { map: ClassMap { asks_for, met_by }, comparison }
    }
}

/// A place of an application. A response of the provider that answers no request is thrown away, the browser is sent to the
/// provider with a request, and whoever comes back lands there.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LandingBody {
    /// The application.
    #[schema(value_type = String, format = "uuid")]
    application: ApplicationId,
    /// A page of it, on the site (scheme, host and port) of one of its redirect URIs. There it begins a sign-in of its own, which
    /// asks for nothing.
    #[schema(value_type = String, format = "uri", example = "https://app.example/start")]
    url: Url,
}

impl Default for SamlOptionsBody {
    fn default() -> Self {
        Self::of(SamlOptions::default())
    }
}

impl SamlOptionsBody {
    /// As it goes out.
    pub fn of(options: SamlOptions) -> Self {
        Self {
            ipsie_level: options.ipsie_level.map(IpsieLevel::number),
            requires_encryption: options.requires_encryption,
            signs_requests: options.signs_requests,
            forces_authentication: options.forces_authentication,
            authn_contexts: options.authn_contexts,
            several_factors: options.several_factors.map(SamlSeveralFactorsBody::of),
            preset: options.preset,
            attributes: options.attributes,
            landing: options.landing.map(|Landing { application, url }| LandingBody { application, url }),
        }
    }

    /// As the core takes it.
    pub fn parse(self) -> Result<SamlOptions, Problem> {
        let invalid = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, "invalid_options", detail);
        let parse = |number| IpsieLevel::parse(number).ok_or_else(|| invalid("ipsie_level is 1 or 2"));
        Ok(SamlOptions {
            ipsie_level: self.ipsie_level.map(parse).transpose()?,
            requires_encryption: self.requires_encryption,
            signs_requests: self.signs_requests,
            forces_authentication: self.forces_authentication,
            authn_contexts: self.authn_contexts,
            several_factors: self.several_factors.map(SamlSeveralFactorsBody::parse),
            preset: self.preset,
            attributes: self.attributes,
            landing: self.landing.map(|LandingBody { application, url }| Landing { application, url }),
        })
    }
}
