//! Tells an administrator that a credential which their directory uses will end soon.

use askama::Template;

/// The mail.
#[derive(Debug, Template)]
#[template(path = "mails/expiry_notice.txt", escape = "none", config = "src/pages/askama.toml")]
pub struct ExpiryNotice<'a> {
    /// The organization's name.
    pub organization: &'a str,
    /// The SCIM client's name.
    pub client: &'a str,
    /// The id of its credential.
    pub credential: &'a str,
    /// In how many days it ends.
    pub days: i64,
    /// When, in UTC.
    pub expires_at: &'a str,
    /// The organization's support name and address.
    pub support: &'a str,
    /// Which gateway writes.
    pub gateway: &'a str,
}

impl ExpiryNotice<'_> {
    /// The subject line.
    pub fn subject(&self) -> String {
        format!("{}: a credential of \"{}\" expires in {} days", self.organization, self.client, self.days)
    }

    /// The body.
    pub fn text(&self) -> String {
        self.render().expect("writing to a string cannot fail")
    }

    /// An example, rendered in the tests.
    pub fn sample() -> Self {
        Self {
            organization: "Acme",
            client: "Acme directory",
            credential: "01900000-0000-7000-8000-000000000000",
            days: 14,
            expires_at: "2026-12-05T19:00:00.000Z",
            support: "Acme support, support@acme.test",
            gateway: "https://id.acme.test",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ExpiryNotice;

    #[test]
    fn the_notice_says_which_credential_when_and_what_to_do() {
        let text = ExpiryNotice::sample().text();
        for part in ["\"Acme directory\"", "01900000-", "2026-12-05T19:00:00.000Z", "14 days", "revoke the old one"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
