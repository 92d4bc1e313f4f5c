//! What a person sees after signing out.

use askama::Template;

/// The session has ended.
#[derive(Debug, Template)]
#[template(path = "signed_out.html", config = "src/pages/askama.toml")]
pub struct SignedOutPage;

impl SignedOutPage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        Self
    }
}
