//! What a person sees after signing out.

use askama::Template;

/// What is known of the session at their organization's sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// Nobody was asked.
    Unasked,
    /// It has ended, and what was opened from there too.
    Ended,
    /// It has ended, and some app could not be told.
    Partly,
    /// It has not ended.
    Lasting,
}

/// The session has ended.
#[derive(Debug, Template)]
#[template(path = "signed_out.html", config = "src/pages/askama.toml")]
pub struct SignedOutPage {
    /// How it went elsewhere.
    pub elsewhere: Elsewhere,
    /// The app that they go back to, where they do not go by themselves.
    pub back: Option<String>,
}

impl SignedOutPage {
    /// After signing out of the gateway alone.
    pub fn here() -> Self {
        Self { elsewhere: Elsewhere::Unasked, back: None }
    }

    /// A page to look at and to test.
    pub fn sample() -> Self {
        Self { elsewhere: Elsewhere::Partly, back: Some("https://app.test/bye".to_owned()) }
    }
}
