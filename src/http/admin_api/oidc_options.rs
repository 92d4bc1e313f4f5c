//! What an organization demands of its OpenID provider.
//!
//! * `PUT /api/v1/orgs/{org}/connections/{id}/oidc-options`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, put, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::caller::{authenticate, organization};
use super::connection_body::ConnectionBody;
use super::reply::{answer, id, json};
use crate::directory::connections::initiation::Initiation;
use crate::directory::connections::oidc_options::{self, OidcOptions};
use crate::directory::connections::saml_options::IpsieLevel;
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;
use crate::protocol::oidc::class_map::ClassMap;
use crate::protocol::oidc::relying_party::claim_map::ClaimNames;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(replace_oidc_options))]
pub struct Document;

/// The options of an OpenID connection.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OidcOptionsBody {
    /// Hold the provider to a level of IPSIE's session lifecycle, 1 or 2: signatures with PS256, ES256 or EdDSA; ID tokens with `acr`,
    /// `amr`, `auth_time`, `session_expiry` and `aud` as one text; `iss` in each answer (RFC 9207).
    #[serde(skip_serializing_if = "Option::is_none")]
    ipsie_level: Option<u8>,
    /// Have people prove themselves anew at each sign-in (`prompt=login`), and refuse an older sign-in.
    forces_authentication: bool,
    /// Ask for one of these authentication context classes, and refuse an answer with another one.
    #[schema(example = json!(["phr"]))]
    acr_values: Vec<String>,
    /// What several factors are called at the provider, where an application asks for them. The preset's, when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    several_factors: Option<SeveralFactorsBody>,
    /// Names of claims that are looked under instead of the preset's: `given_name`, `family_name`, `display_name`, `groups`.
    /// The address is always `email`.
    #[schema(value_type = Object, example = json!({ "groups": "https://acme.test/teams" }))]
    claims: ClaimNames,
    /// Ask for these scopes beside `openid email profile`, ten at most.
    #[schema(example = json!(["groups"]))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    /// Let the provider send people to sign in, and lead them to where an application begins one: the application's client
    /// id and a `login_uri` on the site (scheme, host and port) of one of its redirect URIs. Nobody is led anywhere when left
    /// out.
    #[schema(value_type = Option<Object>, example = json!({
        "application": "0198c0de-0000-7000-8000-000000000000", "login_uri": "https://app.example.com/login"
    }))]
    #[serde(skip_serializing_if = "Option::is_none")]
    initiation: Option<Initiation>,
}

/// What several factors are called at an OpenID provider.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeveralFactorsBody {
    /// What it is asked for, best first, ten at most: `acr_values`, or with the preset `entra_id` the ids of authentication
    /// contexts of its Conditional Access. Nothing when there is none.
    #[schema(example = json!(["urn:okta:loa:2fa:any"]))]
    asks_for: Vec<String>,
    /// The values of `acr` and `amr`, and of `acrs` with the preset `entra_id`, that say that there were several factors, ten at
    /// most. No other word counts.
    #[schema(example = json!(["urn:okta:loa:2fa:any", "mfa"]))]
    met_by: Vec<String>,
}

impl SeveralFactorsBody {
    /// As it goes out.
    pub fn of(map: ClassMap) -> Self {
        let ClassMap { asks_for, met_by } = map;
        Self { asks_for, met_by }
    }

    fn parse(self) -> ClassMap {
        let Self { asks_for, met_by } = self;
        ClassMap { asks_for, met_by }
    }
}

impl OidcOptionsBody {
    /// As it goes out.
    pub fn of(options: OidcOptions) -> Self {
        Self {
            ipsie_level: options.ipsie_level.map(IpsieLevel::number),
            forces_authentication: options.forces_authentication,
            acr_values: options.acr_values,
            several_factors: options.several_factors.map(SeveralFactorsBody::of),
            claims: options.claims,
            scopes: options.scopes,
            initiation: options.initiation,
        }
    }

    fn parse(self) -> Result<OidcOptions, Problem> {
        let invalid = || Problem::new(StatusCode::BAD_REQUEST, "invalid_options", "ipsie_level is 1 or 2");
        let level = |number| IpsieLevel::parse(number).ok_or_else(invalid);
        Ok(OidcOptions {
            ipsie_level: self.ipsie_level.map(level).transpose()?,
            forces_authentication: self.forces_authentication,
            acr_values: self.acr_values,
            several_factors: self.several_factors.map(SeveralFactorsBody::parse),
            claims: self.claims,
            scopes: self.scopes,
            initiation: self.initiation,
        })
    }
}

/// Say what is demanded of an OpenID provider. What is left out is not demanded.
#[utoipa::path(tag = "connections", request_body = OidcOptionsBody,
    params(("org" = String, Path, description = "slug or id"), ("id" = String, Path)),
    responses((status = 200, body = ConnectionBody), (status = 400, body = ProblemBody), (status = 404, body = ProblemBody), (status = 409, body = ProblemBody)))]
#[put("/orgs/{org}/connections/{id}/oidc-options")]
pub async fn replace_oidc_options(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let body: OidcOptionsBody = request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let options = body.parse()?;
        let (name, connection) = path.into_inner();
        let connection = id(&connection)?;
        let replaced = context.store.write(move |tx| {
            let organization = organization(tx, &op, &name)?;
            Ok::<_, Problem>(oidc_options::replace(tx, &op, organization, connection, &options)?)
        });
        Ok(json(StatusCode::OK, &ConnectionBody::of(&context, replaced.await?, None)))
    })
    .await
}
