//! How a person authenticated: from SAML's class URIs to the method names of RFC 8176, which applications get as `amr`.

/// (class URI, method)
const METHODS: &[(&str, &str)] = &[
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:Password", "pwd"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", "pwd"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken", "otp"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:Smartcard", "sc"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI", "sc"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:Kerberos", "wia"),
    ("urn:federation:authentication:windows", "wia"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract", "mfa"),
    ("urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorUnregistered", "mfa"),
    ("https://refeds.org/profile/mfa", "mfa"),
    ("http://schemas.microsoft.com/claims/multipleauthn", "mfa"),
];

/// The method that a class stands for. `None` when it says nothing that RFC 8176 has a word for.
pub fn method(class: &str) -> Option<&'static str> {
    METHODS.iter().find(|(uri, _)| *uri == class).map(|(_, method)| *method)
}

#[cfg(test)]
mod tests {
    use super::method;

    #[test]
    fn a_class_that_says_nothing_is_no_method() {
        assert_eq!(method("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"), Some("pwd"));
        assert_eq!(method("urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"), None);
    }
}
