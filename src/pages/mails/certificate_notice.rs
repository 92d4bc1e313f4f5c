//! Tells an administrator that the signing certificate of an identity provider will end soon.

use askama::Template;

/// The mail.
#[derive(Debug, Template)]
#[template(path = "mails/certificate_notice.txt", escape = "none", config = "src/pages/askama.toml")]
pub struct CertificateNotice<'a> {
    /// The organization's name.
    pub organization: &'a str,
    /// The connection's name.
    pub connection: &'a str,
    /// The fingerprint of the certificate.
    pub fingerprint: &'a str,
    /// In how many days it ends.
    pub days: i64,
    /// When, in UTC.
    pub expires_at: &'a str,
    /// The organization's support name and address.
    pub support: &'a str,
    /// Which gateway writes.
    pub gateway: &'a str,
}

impl CertificateNotice<'_> {
    /// The subject line.
    pub fn subject(&self) -> String {
        format!("{}: the certificate of \"{}\" expires in {} days", self.organization, self.connection, self.days)
    }

    /// The body.
    pub fn text(&self) -> String {
        self.render().expect("writing to a string cannot fail")
    }

    /// An example, rendered in the tests.
    pub fn sample() -> Self {
        Self {
            organization: "Acme",
            connection: "Acme SSO",
            fingerprint: "5f6c0d",
            days: 14,
            expires_at: "2026-12-05T19:00:00.000Z",
            support: "Acme support, support@acme.test",
            gateway: "https://id.acme.test",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CertificateNotice;

    #[test]
    fn the_notice_says_which_certificate_when_and_what_to_do() {
        let text = CertificateNotice::sample().text();
        for part in ["\"Acme SSO\"", "5f6c0d", "2026-12-05T19:00:00.000Z", "14 days", "new metadata"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
