//! Asks a person to confirm their mailbox and to join the organization that has made an account for them (rule E30).

use askama::Template;

/// The mail.
#[derive(Debug, Template)]
#[template(path = "mails/activation.txt", escape = "none", config = "src/pages/askama.toml")]
pub struct ActivationMail<'a> {
    /// The organization's name.
    pub organization: &'a str,
    /// The address that the account was made for.
    pub address: &'a str,
    /// The link, good for this person only.
    pub link: &'a str,
    /// Until when the link works.
    pub until: &'a str,
    /// The organization's support name and address.
    pub support: &'a str,
    /// Which gateway writes.
    pub gateway: &'a str,
}

impl ActivationMail<'_> {
    /// The subject line.
    pub fn subject(&self) -> String {
        format!("{} has made an account for you", self.organization)
    }

    /// The body.
    pub fn text(&self) -> String {
        self.render().expect("writing to a string cannot fail")
    }

    /// An example, rendered in the tests.
    pub fn sample() -> Self {
        Self {
            organization: "Acme",
            address: "ada@freelance.example",
            link: "https://id.acme.test/activation?token=cw_activation_x",
            until: "5 Dec 2026",
            support: "IT Help Desk, help@acme.test",
            gateway: "https://id.acme.test",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ActivationMail;

    #[test]
    fn the_mail_says_who_asks_for_whom_until_when_and_whom_to_ask() {
        let mail = ActivationMail::sample();
        let text = mail.text();
        for part in ["Acme", "ada@freelance.example", mail.link, "5 Dec 2026", "help@acme.test"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(mail.subject().contains("Acme"));
    }
}
