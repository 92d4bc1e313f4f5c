//! What the gateway says about a person, in the ID token and at UserInfo alike: who they are (by scope), where they
//! belong (`docs/guides/an-app-in-ten-lines.md` lists them), and how they signed in.

use serde::{Deserialize, Serialize};

use super::scope::{Scope, ScopeSet};
use crate::values::data_center::DataCenter;

/// The claims that the metadata lists.
pub const SUPPORTED: [&str; 27] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "at_hash",
    "acr",
    "amr",
    "sid",
    "session_expiry",
    "name",
    "given_name",
    "family_name",
    "preferred_username",
    "locale",
    "zoneinfo",
    "email",
    "email_verified",
    "org",
    "org_name",
    "membership",
    "account_kind",
    "dc",
    "home_dc",
    "updated_at",
];

/// Standard claims about the person (OpenID Connect Core 5.1). What is not known is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonClaims {
    /// The name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// The name they sign in with; not unique, and it may change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
    /// A language tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// A time zone's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoneinfo: Option<String>,
    /// When the profile changed last, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
    /// The address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the gateway holds a proof for the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
}

impl PersonClaims {
    /// Only what `scope` releases.
    pub fn released_by(&self, scope: ScopeSet) -> Self {
        let mut released = Self::default();
        if scope.contains(Scope::Profile) {
            released = Self { email: None, email_verified: None, ..self.clone() };
        }
        if scope.contains(Scope::Email) {
            released.email.clone_from(&self.email);
            released.email_verified = self.email.as_ref().and(self.email_verified);
        }
        released
    }
}

/// Where the person belongs, as seen by the application that asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffiliationClaims {
    /// The organization, by id. Absent for a person without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// The organization's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_name: Option<String>,
    /// `member` or `external`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub membership: Option<String>,
    /// `primary` or `secondary`.
    pub account_kind: String,
    /// The data center that speaks.
    pub dc: DataCenter,
    /// The data center where the person's primary account lives.
    pub home_dc: DataCenter,
}

/// How and when the person signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticationClaims {
    /// Seconds since the epoch; absent when nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// RFC 8176 values.
    pub amr: Vec<String>,
    /// The authentication context class, if one was asserted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The session at the gateway.
    pub sid: String,
    /// IPSIE: when the session ends, in seconds.
    pub session_expiry: i64,
}

#[cfg(test)]
mod tests {
    use super::PersonClaims;
    use crate::protocol::oidc::scope::ScopeSet;

    fn ada() -> PersonClaims {
        PersonClaims {
            name: Some("Ada".to_owned()),
            email: Some("ada@acme.test".to_owned()),
            email_verified: Some(true),
            ..PersonClaims::default()
        }
    }

    #[test]
    fn oidcc_scope_each_scope_releases_its_claims_only() {
        let released = |scope| serde_json::to_string(&ada().released_by(ScopeSet::parse(scope))).unwrap();
        assert_eq!(released("openid"), "{}");
        assert_eq!(released("openid profile"), r#"{"name":"Ada"}"#);
        assert_eq!(released("openid email"), r#"{"email":"ada@acme.test","email_verified":true}"#);
        assert_eq!(ada().released_by(ScopeSet::parse("openid profile email")), ada());
    }

    #[test]
    fn nothing_is_said_about_the_proof_of_an_absent_address() {
        let nobody = PersonClaims { email: None, ..ada() };
        assert_eq!(nobody.released_by(ScopeSet::parse("openid email")).email_verified, None);
    }
}
