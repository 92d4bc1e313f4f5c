//! Tells an administrator what changed in their organization, so that a change they did not make is noticed.

use askama::Template;

/// The mail.
#[derive(Debug, Template)]
#[template(path = "mails/administrator_notice.txt", escape = "none", config = "src/pages/askama.toml")]
pub struct AdministratorNotice<'a> {
    /// The organization's name.
    pub organization: &'a str,
    /// What happened, as one sentence.
    pub what: &'a str,
    /// When, in UTC.
    pub at: &'a str,
    /// The organization's support name and address.
    pub support: &'a str,
    /// Which gateway writes.
    pub gateway: &'a str,
}

impl AdministratorNotice<'_> {
    /// The subject line.
    pub fn subject(&self) -> String {
        format!("{}: a change to sign-in or provisioning", self.organization)
    }

    /// The body.
    pub fn text(&self) -> String {
        self.render().expect("writing to a string cannot fail")
    }

    /// An example, rendered in the tests.
    pub fn sample() -> Self {
        Self {
            organization: "Acme",
            what: "A new connection to an identity provider, \"Acme SSO\", was added.",
            at: "2026-11-21 19:00 UTC",
            support: "Acme support, support@acme.test",
            gateway: "https://id.acme.test",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AdministratorNotice;

    #[test]
    fn the_notice_says_what_when_and_whom_to_ask() {
        let text = AdministratorNotice::sample().text();
        for part in ["\"Acme SSO\"", "2026-11-21 19:00 UTC", "support@acme.test", "https://id.acme.test"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
