//! The mails with a link by which a person shows that a mailbox is theirs.

use askama::Template;

/// "Choose a password".
#[derive(Debug, Template)]
#[template(path = "mails/password.txt", escape = "none", config = "src/pages/askama.toml")]
pub struct PasswordMail<'a> {
    /// The link, good for this person only.
    pub link: &'a str,
    /// Which gateway writes.
    pub gateway: &'a str,
}

/// "Confirm this address".
#[derive(Debug, Template)]
#[template(path = "mails/address.txt", escape = "none", config = "src/pages/askama.toml")]
pub struct AddressMail<'a> {
    /// The address.
    pub address: &'a str,
    /// The link, good for this person only.
    pub link: &'a str,
    /// Which gateway writes.
    pub gateway: &'a str,
}

impl PasswordMail<'_> {
    /// The subject line.
    pub fn subject(&self) -> String {
        "Choose a password".to_owned()
    }

    /// The body.
    pub fn text(&self) -> String {
        self.render().expect("writing to a string cannot fail")
    }
}

impl AddressMail<'_> {
    /// The subject line.
    pub fn subject(&self) -> String {
        "Confirm your e-mail address".to_owned()
    }

    /// The body.
    pub fn text(&self) -> String {
        self.render().expect("writing to a string cannot fail")
    }
}

#[cfg(test)]
mod tests {
    use super::{AddressMail, PasswordMail};

    #[test]
    fn each_mail_has_its_link_and_says_how_long_it_works_and_what_to_do_without_having_asked() {
        let (link, gateway) = ("https://id.acme.test/password/choose?token=cw_password_x", "https://id.acme.test");
        let password = PasswordMail { link, gateway }.text();
        let address = AddressMail { address: "ada@acme.test", link, gateway }.text();
        for (text, time) in [(password, "30 minutes"), (address, "1 hour")] {
            for part in [link, gateway, time, "If you did not ask"] {
                assert!(text.contains(part), "{part} is not in {text}");
            }
        }
    }
}
