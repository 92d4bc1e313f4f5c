//! What a credential of a SCIM client may do. Each scope includes those before it.

/// A scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScimScope {
    /// Reads users and groups.
    Read,
    /// Changes them, too.
    Write,
    /// Speaks for the gateway of another data center, which keeps secondary accounts in step with their primaries (product
    /// rules, section 8). Only an operator gives it. No profile here is managed from elsewhere yet (`homeManaged` is false
    /// for everybody), so there is nothing that it may write and `write` may not.
    Replica,
}

impl ScimScope {
    /// Every scope, the narrowest first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Replica];

    /// The name in the store, the API and at the token endpoint.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Replica => "replica",
        }
    }

    /// The scope with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    /// The widest scope that a token request names (RFC 6749, 3.3); `None` when it names none of ours. Others are
    /// passed over: Entra ID sends `scim`, whatever it is talking to.
    pub fn requested(text: &str) -> Option<Self> {
        text.split(' ').filter_map(Self::parse).max()
    }
}

#[cfg(test)]
mod tests {
    use super::ScimScope;

    #[test]
    fn the_widest_known_scope_counts_and_unknown_ones_do_not() {
        assert_eq!(ScimScope::requested("read"), Some(ScimScope::Read));
        assert_eq!(ScimScope::requested("write openid read"), Some(ScimScope::Write));
        assert_eq!(ScimScope::requested("scim"), None);
        assert_eq!(ScimScope::requested("WRITE"), None);
    }
}
