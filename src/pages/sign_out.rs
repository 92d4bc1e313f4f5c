//! The question before signing out. Ending a session is a POST, so that no link and no image can do it.

use askama::Template;

/// "Sign out?" with one button.
#[derive(Debug, Template)]
#[template(path = "sign_out.html", config = "src/pages/askama.toml")]
pub struct SignOutPage {
    /// Where the form goes.
    pub action: String,
}

impl SignOutPage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        Self { action: "/sign-out".to_owned() }
    }
}
