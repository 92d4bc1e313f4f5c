//! "Forgot your password?": the address to which a link is sent.

use askama::Template;

/// The question.
#[derive(Debug, Template)]
#[template(path = "forgotten.html", config = "src/pages/askama.toml")]
pub struct ForgottenPage {
    /// Where the form goes.
    pub action: String,
    /// What was typed before, or nothing.
    pub address: String,
    /// What was wrong with it, as a sentence.
    pub problem: Option<String>,
}

impl ForgottenPage {
    /// A page to look at and to test, with a problem, so that every branch is drawn.
    pub fn sample() -> Self {
        Self {
            action: "/password/forgotten".to_owned(),
            address: "ada@freelance".to_owned(),
            problem: Some("Enter a whole e-mail address, such as ada@example.com.".to_owned()),
        }
    }
}
