//! What a person sees who has chosen a password.

use askama::Template;

/// "Your password is set".
#[derive(Debug, Template)]
#[template(path = "password_set.html", config = "src/pages/askama.toml")]
pub struct PasswordSetPage;

impl PasswordSetPage {
    /// A page to look at and to test.
    pub const fn sample() -> Self {
        Self
    }
}
