//! What a person sees after a way of signing in was linked to their account.

use askama::Template;

use super::error::Support;

/// "It is linked".
#[derive(Debug, Template)]
#[template(path = "linked.html", config = "src/pages/askama.toml")]
pub struct LinkedPage {
    /// The connection's name.
    pub connection: String,
    /// The organization, and whom to ask there.
    pub support: Support,
}

impl LinkedPage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        let support = Support {
            organization: "Acme".to_owned(),
            name: "IT Help Desk".to_owned(),
            email: "help@acme.example".parse().ok(),
        };
        Self { connection: "Acme SSO".to_owned(), support }
    }
}
