//! The page of a link by which a person chooses a password.

use askama::Template;

/// The question.
#[derive(Debug, Template)]
#[template(path = "new_password.html", config = "src/pages/askama.toml")]
pub struct NewPasswordPage {
    /// The address of the account.
    pub address: String,
    /// Where the form goes.
    pub action: String,
    /// What was wrong with what was chosen before, as a sentence.
    pub problem: Option<String>,
}

impl NewPasswordPage {
    /// A page to look at and to test, with a problem, so that every branch is drawn.
    pub fn sample() -> Self {
        Self {
            address: "ada@freelance.example".to_owned(),
            action: "/password/choose?token=t".to_owned(),
            problem: Some("Use 8 characters or more.".to_owned()),
        }
    }
}
