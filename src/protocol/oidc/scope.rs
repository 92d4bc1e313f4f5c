//! Scopes that the gateway knows. Unknown ones are ignored, as OpenID Connect Core 3.1.2.1 asks.

use serde::{Deserialize, Serialize};

/// One scope with a meaning here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// An ID token, and UserInfo.
    Openid,
    /// Name and the like.
    Profile,
    /// The e-mail address.
    Email,
    /// A refresh token that outlives the session in the browser.
    OfflineAccess,
}

impl Scope {
    /// Every scope, in the order in which a scope text lists them.
    pub const ALL: [Self; 4] = [Self::Openid, Self::Profile, Self::Email, Self::OfflineAccess];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Openid => "openid",
            Self::Profile => "profile",
            Self::Email => "email",
            Self::OfflineAccess => "offline_access",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of known scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ScopeSet(u8);

impl ScopeSet {
    /// The known scopes of a space-separated list, in any order.
    pub fn parse(text: &str) -> Self {
        let mut set = Self::default();
        for word in text.split(' ') {
            if let Some(scope) = Scope::ALL.into_iter().find(|scope| scope.as_str() == word) {
                set.0 |= scope.bit();
            }
        }
        set
    }

    /// Whether `scope` is in the set.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether every scope of this set is in `other`.
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

impl From<String> for ScopeSet {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<ScopeSet> for String {
    fn from(set: ScopeSet) -> Self {
        set.to_string()
    }
}

impl std::fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<&str> =
            Scope::ALL.into_iter().filter(|scope| self.contains(*scope)).map(Scope::as_str).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::{Scope, ScopeSet};

    #[test]
    fn order_repeats_and_unknown_scopes_do_not_matter() {
        let set = ScopeSet::parse("email phone openid  openid OPENID");
        assert_eq!(set.to_string(), "openid email");
        assert!(set.contains(Scope::Email) && !set.contains(Scope::Profile));
    }

    #[test]
    fn a_narrower_set_is_within_a_wider_one_only() {
        let wide = ScopeSet::parse("openid email");
        assert!(ScopeSet::parse("openid").is_within(wide));
        assert!(!ScopeSet::parse("openid profile").is_within(wide));
    }
}
