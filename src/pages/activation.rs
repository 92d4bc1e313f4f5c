//! The page of an activation link. Saying yes is a POST, so that no mail scanner can do it.

use askama::Template;

use super::error::Support;

/// "Is this your address?" with one button.
#[derive(Debug, Template)]
#[template(path = "activation.html", config = "src/pages/askama.toml")]
pub struct ActivationPage {
    /// The address that is to be confirmed.
    pub address: String,
    /// The organization that has made the account, and whom to ask there.
    pub support: Support,
    /// Where the form goes.
    pub action: String,
}

impl ActivationPage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        let support = Support {
            organization: "Acme".to_owned(),
            name: "IT Help Desk".to_owned(),
            email: "help@acme.example".parse().ok(),
        };
        Self { address: "ada@freelance.example".to_owned(), support, action: "/activation?token=t".to_owned() }
    }
}
