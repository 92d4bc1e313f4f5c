//! Asks a person whether a sign-in through a connection was theirs, before it is linked to their account.

use askama::Template;

/// The mail.
#[derive(Debug, Template)]
#[template(path = "mails/link_request.txt", escape = "none", config = "src/pages/askama.toml")]
pub struct LinkRequestMail<'a> {
    /// The organization's name.
    pub organization: &'a str,
    /// The connection's name.
    pub connection: &'a str,
    /// The address of the account.
    pub address: &'a str,
    /// The link, good for this question only.
    pub link: &'a str,
    /// Until when the link works.
    pub until: &'a str,
    /// The organization's support name and address.
    pub support: &'a str,
    /// Which gateway writes.
    pub gateway: &'a str,
}

impl LinkRequestMail<'_> {
    /// The subject line.
    pub fn subject(&self) -> String {
        format!("Was this you? A new way to sign in at {}", self.organization)
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
            address: "ada@acme.example",
            link: "https://id.acme.test/link?token=cw_link_x",
            until: "5 Dec 2026, 10:00 UTC",
            support: "IT Help Desk, help@acme.test",
            gateway: "https://id.acme.test",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LinkRequestMail;

    #[test]
    fn the_mail_says_what_happened_through_what_until_when_and_whom_to_ask() {
        let mail = LinkRequestMail::sample();
        let text = mail.text();
        for part in ["Acme SSO", "ada@acme.example", mail.link, "5 Dec 2026", "help@acme.test"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(mail.subject().contains("Acme"));
    }
}
