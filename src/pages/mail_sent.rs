//! What a person sees after asking for a link: the same for every address.

use askama::Template;

/// "Look into your mailbox".
#[derive(Debug, Template)]
#[template(path = "mail_sent.html", config = "src/pages/askama.toml")]
pub struct MailSentPage {
    /// The address that was typed.
    pub address: String,
    /// Where to ask again.
    pub again: String,
}

impl MailSentPage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        Self { address: "ada@freelance.example".to_owned(), again: "/password/forgotten".to_owned() }
    }
}
