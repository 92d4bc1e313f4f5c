//! What the gateway knows about a provider's product: which claims name the person, and when the product vouches for an
//! address. Pure; everything here is about claims that were verified.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::claim_map;
use crate::protocol::oidc::class_map::ClassMap;
use crate::values::domain_name::DomainName;

/// Google's issuer.
const GOOGLE: &str = "https://accounts.google.com";
/// The hosts of Entra ID in its several clouds.
const ENTRA_HOSTS: [&str; 3] =
    ["login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"];
/// What the hosts of Entra External ID and of Okta end with.
const CIAM: &str = ".ciamlogin.com";
const OKTA: [&str; 4] = [".okta.com", ".oktapreview.com", ".okta-emea.com", ".okta-gov.com"];

/// What Okta calls two factors of any kind.
const OKTA_SEVERAL: &str = "urn:okta:loa:2fa:any";
/// The claim in which Entra ID lists the contexts that were met.
pub const CONTEXTS: &str = "acrs";
/// So many of them are read.
const MOST_CONTEXTS: usize = 16;

/// A product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Any provider that follows the standard.
    #[default]
    Generic,
    /// Microsoft Entra ID: one tenant, people by `oid`, an address only with `xms_edov`.
    EntraId,
    /// Okta.
    Okta,
    /// Google Workspace: people of the organization's own domains, as `hd` says.
    Google,
}

/// The issuer cannot be one of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OtherIssuer(&'static str);

/// A claim that says who the person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// It is missing or of another shape.
    #[error("the id token does not say who the person is in their tenant")]
    Missing,
    /// `tid` is another tenant than the issuer's.
    #[error("the id token is of another tenant")]
    OtherTenant,
}

impl Preset {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::EntraId => "entra_id",
            Self::Okta => "okta",
            Self::Google => "google",
        }
    }

    /// The product that lives at `issuer`, as far as its address says so.
    pub fn of_issuer(issuer: &str) -> Self {
        let url = Url::parse(issuer).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        if issuer == GOOGLE {
            Self::Google
        } else if ENTRA_HOSTS.contains(&host) || host.ends_with(CIAM) {
            Self::EntraId
        } else if OKTA.iter().any(|end| host.ends_with(end)) {
            Self::Okta
        } else {
            Self::Generic
        }
    }

    /// Whether the product can be the one at `issuer`. Of Entra ID it has to be one tenant's: at `common`, `organizations`
    /// and `consumers` everybody of every tenant is let in.
    pub fn check_issuer(self, issuer: &str) -> Result<(), OtherIssuer> {
        let own = Self::of_issuer(issuer);
        if matches!(own, Self::EntraId | Self::Google) && own != self {
            return Err(OtherIssuer("the issuer is that of another preset"));
        }
        match self {
            Self::EntraId if tenant(issuer).is_none() => {
                Err(OtherIssuer("the issuer of entra_id ends with the id of one tenant and /v2.0"))
            }
            Self::Generic | Self::EntraId | Self::Okta | Self::Google => Ok(()),
        }
    }

    /// The claims that name the person.
    pub const fn subject_claims(self) -> &'static [&'static str] {
        match self {
            Self::Generic | Self::Okta | Self::Google => &["sub"],
            Self::EntraId => &["tid", "oid"],
        }
    }

    /// The claim that says which person of the organization it is, for a directory that knows them by the same name.
    pub const fn own_claim(self) -> &'static str {
        match self {
            Self::Generic | Self::Okta | Self::Google => "sub",
            Self::EntraId => "oid",
        }
    }

    /// The person's stable name at the provider, from the claims of a verified token of `issuer` whose `sub` is `sub`.
    /// Entra ID's `sub` is another one for each app, so that nothing else knows it; its `oid` is what SCIM pushes.
    pub fn subject(self, issuer: &str, sub: &str, claims: &Map<String, Value>) -> Result<String, SubjectError> {
        match self {
            Self::Generic | Self::Okta | Self::Google => Ok(sub.to_owned()),
            Self::EntraId => {
                let id = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| is_uuid(text));
                let (said, object) = id("tid").zip(id("oid")).ok_or(SubjectError::Missing)?;
                let tenant = tenant(issuer).ok_or(SubjectError::Missing)?;
                if !said.eq_ignore_ascii_case(&tenant) {
                    return Err(SubjectError::OtherTenant);
                }
                Ok(format!("{tenant}/{}", object.to_ascii_lowercase()))
            }
        }
    }

    /// What several factors are called at the product. `None` where its customers name them as they like, and where it cannot be
    /// asked for them.
    pub fn several_factors(self) -> Option<ClassMap> {
        match self {
            Self::Generic | Self::EntraId | Self::Google => None,
            Self::Okta => Some(ClassMap::of_product(&[OKTA_SEVERAL], &[OKTA_SEVERAL, "phr", "phrh"])),
        }
    }

    /// What an answer of the product says about how somebody proved themselves, beside `acr` and `amr`: the contexts of Entra ID's
    /// Conditional Access that were met (`acrs`).
    pub fn contexts(self, claims: &Map<String, Value>) -> Vec<String> {
        let listed = match self {
            Self::EntraId => claims.get(CONTEXTS).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default(),
            Self::Generic | Self::Okta | Self::Google => &[],
        };
        listed.iter().filter_map(Value::as_str).take(MOST_CONTEXTS).map(str::to_owned).collect()
    }

    /// The claim with which the product vouches for the address in `email`.
    pub const fn vouching_claim(self) -> &'static str {
        match self {
            Self::Generic | Self::Okta | Self::Google => "email_verified",
            Self::EntraId => "xms_edov",
        }
    }

    /// Whether the provider vouches for the address. Silence is a no (CVE-2026-9092). Some providers write the boolean as
    /// a string (AWS Cognito, Apple). What an administrator types into Entra ID's mail attribute is anybody's address
    /// (nOAuth), unless `xms_edov` says that the owner of the domain was verified. Google's consumer accounts may have an
    /// address at any domain, verified once: Google vouches for it only in a workspace, which `hd` names.
    pub fn is_address_vouched(self, issuer: &str, claims: &Map<String, Value>) -> bool {
        let is_said = match claims.get(self.vouching_claim()) {
            Some(Value::Bool(is_verified)) => *is_verified,
            Some(Value::String(text)) => text == "true" || (self == Self::EntraId && text == "1"),
            Some(Value::Number(number)) => self == Self::EntraId && number.as_i64() == Some(1),
            _ => false,
        };
        match self {
            Self::Google => is_said && workspace(claims).is_some(),
            // A connection that is older than presets.
            Self::Generic if issuer == GOOGLE => is_said && is_of_own_workspace(claims),
            Self::Generic | Self::EntraId | Self::Okta => is_said,
        }
    }
}

/// The domain of the Google workspace that the person belongs to.
pub fn workspace(claims: &Map<String, Value>) -> Option<DomainName> {
    claims.get("hd").and_then(Value::as_str).and_then(|text| text.parse().ok())
}

fn is_of_own_workspace(claims: &Map<String, Value>) -> bool {
    workspace(claims).is_some_and(|hosted| claim_map::email(claims).is_some_and(|address| *address.domain() == hosted))
}

/// The tenant in an issuer of Entra ID: `https://host/{tenant}/v2.0`.
fn tenant(issuer: &str) -> Option<String> {
    let url = Url::parse(issuer).ok()?;
    let tenant = url.path().strip_prefix('/')?.strip_suffix("/v2.0")?;
    is_uuid(tenant).then(|| tenant.to_ascii_lowercase())
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::Preset::{EntraId, Generic, Google, Okta};
    use super::{GOOGLE, Preset, SubjectError};

    const TENANT: &str = "9f3d2c1a-0b7e-4a55-8c66-1d2e3f405162";
    const OBJECT: &str = "00000000-0000-0000-66f3-3332eca7ea81";

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn entra() -> String {
        format!("https://login.microsoftonline.com/{TENANT}/v2.0")
    }

    #[test]
    fn a_product_is_known_by_its_address() {
        for (issuer, preset) in [
            (GOOGLE, Google),
            (&entra(), EntraId),
            ("https://login.microsoftonline.com/common/v2.0", EntraId),
            ("https://acme.ciamlogin.com/x/v2.0", EntraId),
            ("https://acme.okta.com", Okta),
            ("https://acme.okta.com/oauth2/default", Okta),
            ("https://okta.com.evil.test", Generic),
            ("https://login.microsoftonline.com.evil.test/common/v2.0", Generic),
            ("no url", Generic),
        ] {
            assert_eq!(Preset::of_issuer(issuer), preset, "{issuer}");
        }
    }

    #[test]
    fn entra_id_is_one_tenant_and_a_product_is_not_taken_for_another() {
        let is_good = |preset: Preset, issuer: &str| preset.check_issuer(issuer).is_ok();
        assert!(is_good(EntraId, &entra()) && is_good(EntraId, &format!("https://id.acme.test/{TENANT}/v2.0")));
        for many in ["common", "organizations", "consumers", "{tenantid}", "acme.onmicrosoft.com", ""] {
            assert!(!is_good(EntraId, &format!("https://login.microsoftonline.com/{many}/v2.0")), "{many}");
        }
        assert!(!is_good(EntraId, &format!("https://sts.windows.net/{TENANT}/")));
        assert!(!is_good(Generic, &entra()) && !is_good(Okta, GOOGLE) && !is_good(Generic, GOOGLE));
        assert!(
            is_good(Google, GOOGLE) && is_good(Okta, "https://login.acme.test") && is_good(Generic, "https://x.test")
        );
    }

    #[test]
    fn nobody_of_another_tenant_is_taken_for_somebody_of_this_one() {
        let subject = |tid: Value, oid: Value| {
            EntraId.subject(&entra(), "pairwise", &claims(json!({ "tid": tid, "oid": oid, "sub": "pairwise" })))
        };
        assert_eq!(subject(json!(TENANT), json!(OBJECT)), Ok(format!("{TENANT}/{OBJECT}")));
        assert_eq!(
            subject(json!(TENANT.to_uppercase()), json!(OBJECT.to_uppercase())),
            Ok(format!("{TENANT}/{OBJECT}"))
        );
        assert_eq!(subject(json!(OBJECT), json!(OBJECT)), Err(SubjectError::OtherTenant));
        for bad in [json!(null), json!(""), json!("x"), json!(["a"]), json!(format!("{OBJECT}/x"))] {
            assert_eq!(subject(bad.clone(), json!(OBJECT)), Err(SubjectError::Missing), "{bad}");
            assert_eq!(subject(json!(TENANT), bad.clone()), Err(SubjectError::Missing), "{bad}");
        }
        for preset in [Generic, Okta, Google] {
            assert_eq!(preset.subject("https://x.test", "u1", &claims(json!({ "oid": OBJECT }))), Ok("u1".to_owned()));
        }
    }

    #[test]
    fn the_contexts_of_entra_id_are_read_from_its_tokens_alone() {
        let told = claims(json!({ "acrs": ["c1", 2, "c3"], "acr": "1" }));
        assert_eq!(EntraId.contexts(&told), ["c1", "c3"]);
        assert_eq!(EntraId.contexts(&claims(json!({ "acrs": vec!["c"; 100] }))).len(), 16);
        for preset in [Generic, Okta, Google] {
            assert!(preset.contexts(&told).is_empty(), "{preset:?}");
        }
        for other in [json!("c1"), json!(null), json!({ "c1": true })] {
            assert!(EntraId.contexts(&claims(json!({ "acrs": other }))).is_empty());
        }
        assert!(Okta.several_factors().unwrap().check().is_ok());
    }

    #[test]
    fn silence_about_an_address_is_not_a_yes() {
        for (value, expected) in [
            (json!({ "email_verified": true }), true),
            (json!({ "email_verified": "true" }), true),
            (json!({ "email_verified": false }), false),
            (json!({ "email_verified": "True" }), false),
            (json!({ "email_verified": 1 }), false),
            (json!({ "email_verified": null }), false),
            (json!({ "xms_edov": true }), false),
            (json!({}), false),
        ] {
            for preset in [Generic, Okta] {
                let is_vouched = preset.is_address_vouched("https://idp.test", &claims(value.clone()));
                assert_eq!(is_vouched, expected, "{value}");
            }
        }
    }

    // nOAuth: "email" of Entra ID is what an administrator of that tenant typed.
    #[test]
    fn entra_id_vouches_only_where_the_owner_of_the_domain_was_verified() {
        for (value, expected) in [
            (json!({ "xms_edov": true }), true),
            (json!({ "xms_edov": "true" }), true),
            (json!({ "xms_edov": "1" }), true),
            (json!({ "xms_edov": 1 }), true),
            (json!({ "xms_edov": false }), false),
            (json!({ "xms_edov": "0" }), false),
            (json!({ "xms_edov": 0 }), false),
            (json!({ "email_verified": true }), false),
            (json!({ "email_verified": true, "verified_primary_email": ["ada@acme.test"] }), false),
            (json!({}), false),
        ] {
            assert_eq!(EntraId.is_address_vouched(&entra(), &claims(value.clone())), expected, "{value}");
        }
    }

    #[test]
    fn google_vouches_for_the_addresses_of_a_workspace_only() {
        for (hosted, of_its_own, of_any) in [
            (json!("acme.test"), true, true),
            (json!("globex.test"), false, true),
            (json!(""), false, false),
            (json!(true), false, false),
            (Value::Null, false, false),
        ] {
            let told = claims(json!({ "email": "ada@acme.test", "email_verified": true, "hd": hosted }));
            assert_eq!(Generic.is_address_vouched(GOOGLE, &told), of_its_own, "{hosted}");
            assert_eq!(Google.is_address_vouched(GOOGLE, &told), of_any, "{hosted}");
            assert!(Generic.is_address_vouched("https://idp.test", &told), "{hosted}");
        }
    }
}
