//! Tells a person what happened to their own account, so that what they did not do themselves is noticed.

use askama::Template;

/// The mail.
#[derive(Debug, Template)]
#[template(path = "mails/person_notice.txt", escape = "none", config = "src/pages/askama.toml")]
pub struct PersonMail<'a> {
    /// What happened, in a sentence or two.
    pub what: &'a str,
    /// What to do if it was somebody else.
    pub advice: &'a str,
    /// When, in UTC.
    pub at: &'a str,
    /// Which gateway writes.
    pub gateway: &'a str,
}

impl PersonMail<'_> {
    /// The body.
    pub fn text(&self) -> String {
        self.render().expect("writing to a string cannot fail")
    }
}

#[cfg(test)]
mod tests {
    use super::PersonMail;

    #[test]
    fn the_mail_says_what_when_and_what_to_do() {
        let (what, advice) = ("Your password was changed.", "Choose another one.");
        let (at, gateway) = ("21 Nov 2026, 19:00 UTC", "https://id.acme.test");
        let text = PersonMail { what, advice, at, gateway }.text();
        for part in [what, advice, at, gateway] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
