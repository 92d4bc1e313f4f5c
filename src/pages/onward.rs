//! What a person sees for a moment who has signed in by credentials of their own, on the way to the app.

use askama::Template;

/// "You are signed in", with the link for browsers that do not go on by themselves.
#[derive(Debug, Template)]
#[template(path = "onward.html", config = "src/pages/askama.toml")]
pub struct OnwardPage {
    /// Where the app waits.
    pub url: String,
}

impl OnwardPage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        Self { url: "https://app.example/callback?code=c&state=s".to_owned() }
    }
}
