//! What a key is for. One key serves one purpose and one algorithm.

/// The purpose of a signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Access tokens, and ID tokens of applications that ask for ES256.
    OidcEs256,
    /// ID tokens of applications that ask for RS256.
    OidcRs256,
    /// ID tokens of applications that ask for PS256. Of its own, because an RSA key is for one way of padding (RFC 8725, 3.1; RFC 8017, 9).
    OidcPs256,
    /// ID tokens of applications that ask for EdDSA: Ed25519.
    OidcEdDsa,
    /// Proofs that the gateway is the client of an identity provider (RFC 7523): ES256.
    OidcClient,
    /// SAML requests and metadata: RSA with SHA-256.
    Saml,
    /// Assertions that SAML identity providers encrypt to it: RSA with OAEP. It signs nothing; a retired key opens what was
    /// encrypted to it for as long as it stays published.
    SamlEncryption,
}

impl Purpose {
    /// Every purpose. Each has an active key from the first start on.
    pub const ALL: [Self; 7] = [
        Self::OidcEs256,
        Self::OidcRs256,
        Self::OidcPs256,
        Self::OidcEdDsa,
        Self::OidcClient,
        Self::Saml,
        Self::SamlEncryption,
    ];

    /// The name in the store and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OidcEs256 => "oidc_es256",
            Self::OidcRs256 => "oidc_rs256",
            Self::OidcPs256 => "oidc_ps256",
            Self::OidcEdDsa => "oidc_eddsa",
            Self::OidcClient => "oidc_client",
            Self::Saml => "saml",
            Self::SamlEncryption => "saml_encryption",
        }
    }

    /// The purpose with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }
}

/// Where a key stands. A key is published before it signs and after it has signed, so that nobody who caches the
/// published keys meets a signature that they cannot check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Published, does not sign yet.
    Next,
    /// Signs. One per purpose.
    Active,
    /// Signs no more, and stays published while what it signed may still be in use.
    Retired,
}

impl KeyState {
    /// The name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }

    /// The state with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Next, Self::Active, Self::Retired].into_iter().find(|state| state.as_str() == name)
    }
}
